"""The suites of vectors, one module for each file of `vectors/`."""

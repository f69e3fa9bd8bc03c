"""The server cases of Nen V1, a module for each section of the specification."""

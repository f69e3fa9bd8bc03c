"""Nen as readable, running Python: the specification, its test vectors and its conformance suite."""

__version__ = "0.1.0"

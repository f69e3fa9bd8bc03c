"""Vectors of the primitives."""

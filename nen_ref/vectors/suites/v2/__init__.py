"""Vectors of what V2 changes."""

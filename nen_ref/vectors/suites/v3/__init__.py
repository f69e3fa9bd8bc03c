"""Vectors of what V3 adds."""

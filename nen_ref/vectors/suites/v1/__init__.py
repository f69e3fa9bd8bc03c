"""Vectors of the protocol V1."""

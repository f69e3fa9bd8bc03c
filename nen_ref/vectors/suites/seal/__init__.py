"""Vectors of sealed envelopes."""

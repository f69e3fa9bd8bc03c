"""Deliberately broken servers, clients and libraries: the proof that the suite's cases find what they are for."""

from nen_ref.conformance.mutants import clients, libraries, libraries_v3, servers

__all__ = ["clients", "libraries", "libraries_v3", "servers"]

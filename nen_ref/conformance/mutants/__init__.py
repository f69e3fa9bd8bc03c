"""Deliberately broken servers, clients and libraries: the proof that the suite's cases find what they are for."""

from nen_ref.conformance.mutants import clients, envelopes, libraries, libraries_v3, servers, servers_v2, servers_v3

__all__ = ["clients", "envelopes", "libraries", "libraries_v3", "servers", "servers_v2", "servers_v3"]

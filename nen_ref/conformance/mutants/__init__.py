"""Deliberately broken servers, clients and libraries: the proof that the suite's cases find what they are for."""

from nen_ref.conformance.mutants import (
    clients,
    clients_v2,
    clients_v3,
    envelopes,
    libraries,
    libraries_handshake_v3,
    libraries_v2,
    libraries_v3,
    servers,
    servers_v2,
    servers_v3,
)

__all__ = [
    "clients",
    "clients_v2",
    "clients_v3",
    "envelopes",
    "libraries",
    "libraries_handshake_v3",
    "libraries_v2",
    "libraries_v3",
    "servers",
    "servers_v2",
    "servers_v3",
]

"""v1/error_status: the HTTP status of each of the 23 codes."""

from __future__ import annotations

from collections.abc import Iterator

from nen_ref.protocol.errors import CATALOGUE
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid

LATER = ("ISO-3005", "ISO-3006", "ISO-3007")

FLAGS = {
    "OfServers": Flag(
        "basic",
        "codes that a server answers with",
        "clients and proxies act on the status: a 401 makes a client begin a new session, a 500 makes it wait",
        ("V1-ERR-01", "V1-LIFE-07"),
    ),
    "OfClients": Flag(
        "basic",
        "codes that only a client raises; its program may answer somebody else with them",
        "a failure of the way to the server is reported as a failure of the caller",
        ("V1-ERR-04",),
    ),
    "OfLaterVersions": Flag(
        "edge case",
        "codes that V1 never raises, and that are in its catalogue",
        "the code of a later version, in the body of a refusal, is taken for no code",
        ("V1-ERR-04",),
    ),
}


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [Group("every code of the catalogue", tuple(of_catalogue()))]


def of_catalogue() -> Iterator[Test]:
    for code, entry in CATALOGUE.items():
        flag = "OfLaterVersions" if code in LATER else "OfClients" if entry.side == "client" else "OfServers"
        yield valid(code.lower(), entry.name, {"code": code}, flag)


SUITE = VectorSuite(
    name="v1/error_status",
    title="The HTTP status of an ISO code",
    operation="error.status",
    covers=("V1-ERR-01",),
    flags=FLAGS,
    fixed=fixed,
)

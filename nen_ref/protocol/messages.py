"""What travels, without a transport: requests and replies as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nen_ref.protocol.errors import CATALOGUE, NenError, error_body
from nen_ref.protocol.wire import Malformed, parse_json_object

SESSION_HEADER = "x-nen-session"
TIMESTAMP_HEADER = "x-nen-timestamp"
SIGNATURE_HEADER = "x-nen-signature"
NONCE_HEADER = "x-nen-nonce"  # V2, V3
STREAM_NONCE_HEADER = "x-nen-stream-nonce"

HANDSHAKE_PATH = "/api/nen/handshake"
ROTATE_PATH = "/api/nen/rotate"
TERMINATE_PATH = "/api/nen/terminate"
STATUS_PATH = "/api/nen/status"
REKEY_PATH = "/api/nen/rekey"  # V3

JSON_TYPE = "application/json"
STREAM_TYPE = "text/event-stream"


class Headers(Mapping[str, str]):
    """Headers by lower-case name. A repeated header is its values joined by ", " (RFC 9110, 5.3). V1-AUTH-14."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name.lower(), []).append(value)
        self._values = MappingProxyType({name: ", ".join(several) for name, several in values.items()})

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({', '.join(self._values)})"


@dataclass(frozen=True)
class Request:
    """A request as it stands on the wire: `path` is the raw path, without query and fragment. V1-AUTH-06."""

    method: str
    path: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Reply:
    """A complete answer: status, headers in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


def json_reply(status: int, body: bytes) -> Reply:
    return Reply(status, {"content-type": JSON_TYPE}, body)


def error_reply(error: NenError) -> Reply:
    """The refusal that the other side sees. V1-ERR-01, V1-ERR-02."""
    return json_reply(error.status, error_body(error.entry))


def reported_code(body: bytes) -> str | None:
    """The ISO code in an error body, if there is one in the catalogue. V1-ERR-01."""
    try:
        error = parse_json_object(body).get("error")
    except Malformed:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and code in CATALOGUE else None

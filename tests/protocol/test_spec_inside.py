"""Requirements that no conformance case can see from outside, and that no other test here states by their id."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Coroutine
from typing import ParamSpec

import pytest

from nen_ref.http.asgi import _origin_form, _raw_path
from nen_ref.http.client import NenClient, _Texts
from nen_ref.protocol import client as client_module
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.handshake import client_hello, respond
from nen_ref.protocol.payload import parse_envelope
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.stream import StreamOpener, StreamSealer
from nen_ref.protocol.verification import NonceAnswer
from nen_ref.protocol.wire import encode_base64
from nen_ref.stores import MemoryStore

KEY, BASE = bytes(range(32)), bytes(12)
HOUR = 3_600_000
P = ParamSpec("P")


def code_of_handshake(**members: object) -> str:
    right = json.loads(client_hello(bytes(32), bytes(32)).body)
    body = json.dumps({**right, **members}).encode()
    with pytest.raises(NenError) as refused:
        respond(body, m=bytes(32), mac_key=bytes(32), sid="s", now=0)
    return refused.value.code


def test_the_first_fault_of_a_handshake_decides() -> None:
    """V1-HS-17."""
    bad_identity = {"sigPk": "?", "sigOfPk": "?"}
    beyond_q = encode_base64(b"\xff" * 1184)
    assert code_of_handshake(pk=beyond_q) == "ISO-1002"
    assert code_of_handshake(pk=beyond_q, **bad_identity) == "ISO-3004"
    assert code_of_handshake(pk="?", **bad_identity) == "ISO-6002"
    assert code_of_handshake(pk=7, **bad_identity) == "ISO-1001"


@pytest.mark.parametrize(("url", "path"), [("http://server.test", b"/"), ("http://server.test/a%2fb?q#f", b"/a%2fb")])
def test_an_empty_path_is_signed_as_a_slash(url: str, path: bytes) -> None:
    """V1-AUTH-16, on the client: what httpx puts on the wire is what `_Flow` signs."""
    with NenClient("http://server.test") as client:
        assert client._http.build_request("GET", url).url.raw_path.partition(b"?")[0] == path


@pytest.mark.parametrize(("target", "path"), [(b"http://server.test/a%2fb", "/a%2fb"), (b"http://server.test", "/")])
def test_the_path_of_an_absolute_target_is_the_path_in_it(target: bytes, path: str) -> None:
    """V1-AUTH-16, on the server: `raw_path` is what uvicorn with h11 gives."""
    scope = _origin_form({"type": "http", "path": target.decode(), "raw_path": target})
    assert _raw_path(scope) == path


def test_the_path_of_an_asterisk_is_an_asterisk() -> None:
    """V1-AUTH-16."""
    assert _raw_path({"type": "http", "path": "*", "raw_path": b"*"}) == "*"


def test_an_event_beyond_the_bound_ends_the_stream() -> None:
    """V1-WIRE-08."""
    opener = StreamOpener(KEY, BASE, max_event_size=100)
    with pytest.raises(NenError) as refused:
        list(opener.feed(StreamSealer(KEY, BASE).seal(bytes(100))))
    assert refused.value.code == "ISO-7002"


def test_a_chunk_is_any_bytes() -> None:
    """V1-STR-21: bytes here, and U+FFFD where texts are handed out."""
    chunks = [b"\xff\xfe", b"a\xc3", b"(", b"\x00"]
    sealer = StreamSealer(KEY, BASE)
    body = b"".join(map(sealer.seal, chunks)) + sealer.finish()
    assert list(StreamOpener(KEY, BASE).feed(body)) == chunks
    texts = _Texts(StreamOpener(KEY, BASE))
    assert "".join([*texts.feed(body), *texts.close()]) == "\ufffd\ufffda\ufffd(\x00"


def test_a_client_that_remembers_too_much_is_worn_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """V1-LIFE-13."""
    monkeypatch.setattr(client_module, "MAX_NONCES", 3)
    session = ClientSession()
    hello = client_hello(bytes(32), bytes(32))
    session.start_handshake(hello)
    session.finish_handshake(respond(hello.body, m=bytes(32), mac_key=bytes(32), sid="s", now=0).reply)
    for i in range(3):
        assert not session.worn_out
        session.request("POST", "/", b"1", n=bytes([i]) * 12, timestamp=0)
    assert session.worn_out


def in_a_loop(check: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    @functools.wraps(check)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(check(*args, **kwargs))

    return test


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def session_of(sid: str) -> Session:
    return Session(sid, SessionKeys(bytes(32), bytes(32)), 0)


@in_a_loop
async def test_a_session_and_its_nonces_go_together() -> None:
    """V1-STORE-03: at the bound of nonces, and when it is deleted; a session that comes again has none. V1-STORE-05."""
    store = MemoryStore(max_nonces=1, clock=Clock())
    await store.set(session_of("s"), HOUR)
    assert await store.record_nonce("s", b"a", 10) is NonceAnswer.NEW
    assert await store.record_nonce("s", b"b", 10) is NonceAnswer.NO_SESSION
    assert await store.get("s") is None
    await store.set(session_of("s"), HOUR)
    assert await store.record_nonce("s", b"a", 10) is NonceAnswer.NEW
    await store.set(session_of("s"), HOUR)
    assert await store.record_nonce("s", b"a", 10) is NonceAnswer.NEW


@in_a_loop
async def test_what_is_as_old_as_a_forgotten_nonce_is_used() -> None:
    """V1-STORE-04."""
    clock = Clock()
    store = MemoryStore(clock=clock)
    await store.set(session_of("s"), HOUR)
    assert await store.record_nonce("s", b"a", 10) is NonceAnswer.NEW
    clock.now = 11
    assert await store.record_nonce("s", b"b", 20) is NonceAnswer.NEW
    assert await store.record_nonce("s", b"a", 10) is NonceAnswer.USED
    assert await store.record_nonce("s", b"c", 10) is NonceAnswer.USED
    assert await store.record_nonce("s", b"c", 11) is NonceAnswer.NEW


@in_a_loop
async def test_use_does_not_prolong_a_session() -> None:
    """V1-STORE-05."""
    clock = Clock()
    store = MemoryStore(clock=clock)
    await store.set(session_of("s"), 10)
    clock.now = 9
    assert await store.get("s") is not None
    assert await store.record_nonce("s", b"a", 100) is NonceAnswer.NEW
    clock.now = 10
    assert await store.get("s") is None


@pytest.mark.parametrize("other", ["*", "s*", "S", "s ", "./s", "s\x00", "", "__proto__"])
@in_a_loop
async def test_an_id_is_looked_up_as_itself(other: str) -> None:
    """V1-STORE-06."""
    store = MemoryStore(clock=Clock())
    await store.set(session_of("s"), HOUR)
    assert await store.get(other) is None
    assert await store.record_nonce(other, b"a", 10) is NonceAnswer.NO_SESSION
    await store.set(session_of(other), HOUR)
    assert (await store.get(other)) == session_of(other)
    assert (await store.get("s")) == session_of("s")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"ct": 7, "n": "?"}, "ISO-6001"),
        ({"ct": "?", "n": 7}, "ISO-6002"),
        ({"ct": "?"}, "ISO-6002"),
        ({"ct": "AAAA", "n": "?"}, "ISO-6002"),
        ({"ct": "AAAA", "n": "AAAA"}, "ISO-6001"),
    ],
)
def test_the_first_fault_of_a_body_decides(members: dict[str, object], code: str) -> None:
    """V1-REQ-12."""
    with pytest.raises(NenError) as refused:
        parse_envelope(json.dumps(members).encode())
    assert refused.value.code == code

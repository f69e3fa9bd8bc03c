"""Broken clients. Each function below is one fault; its docstring says which."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import httpx2 as httpx

from nen_ref.conformance.mutants.faults import from_numbers
from nen_ref.conformance.mutants.model import EVERYTHING, mutant
from nen_ref.conformance.mutants.patch import around, instead_of, set_field
from nen_ref.http import client as http_client
from nen_ref.http.client import NenClient
from nen_ref.primitives.chacha20_poly1305 import chacha20_encrypt
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol import client, errors, handshake, identity, payload, signing, sse, stream, wire
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.errors import NenError, failure
from nen_ref.protocol.messages import SESSION_HEADER, SIGNATURE_HEADER, STREAM_TYPE, TERMINATE_PATH, Reply
from nen_ref.protocol.payload import Envelope
from nen_ref.protocol.stream import StreamOpener

# Handshake


@mutant(
    "client/one-key-pair-for-all", "V1-HS-10", gains="who takes the key from one session opens all before and after it"
)
def _() -> None:
    """The key pair is made once and used for every handshake."""
    made: list[Any] = []

    @around(REFERENCE.ml_kem_768_keygen)
    def _(original: Any, d: bytes, z: bytes) -> Any:
        made[1:] = []
        made.append(original(d, z))
        return made[0]


@mutant("client/decapsulation-key-sent", "V1-HS-10", gains="who sees the handshake reads the session")
def _() -> None:
    """The handshake carries the seed of the key pair in a debug member."""

    @around(handshake.client_hello)
    def _(original: Any, d: bytes, z: bytes, *args: Any, **options: Any) -> Any:
        hello = original(d, z, *args, **options)
        seed = wire.dump_json({"debug": wire.encode_base64(hello.dk)})
        return replace(hello, body=hello.body[:-1] + b"," + seed[1:])


@mutant("client/key-as-number-array", "V1-WIRE-01", EVERYTHING, gains="no strict server makes a session with it")
def _() -> None:
    """The public key is sent as an array of numbers, as JSON.stringify writes a Uint8Array."""

    @around(wire.dump_json)
    def _(original: Any, value: Any) -> Any:
        pk = isinstance(value, dict) and value.get("pk")
        return original(value | {"pk": list(base64.b64decode(pk))} if isinstance(pk, str) else value)


@mutant(
    "client/identity-over-the-base64",
    "V1-ID-01",
    "v1/client-handshake/identity-encoding",
    gains="no server takes its identity",
)
def _() -> None:
    """The identity signs the base64 text of the key instead of its bytes."""

    @around(identity.prove_identity)
    def _(original: Any, who: Any, ek: bytes, *rest: Any, **options: Any) -> Any:
        return original(who, wire.encode_base64(ek).encode(), *rest, **options)


@mutant(
    "client/unreachable-is-a-bad-answer",
    "V1-HS-11",
    "v1/client-handshake/hang",
    gains="the caller looks for the fault at the wrong end",
)
def _() -> None:
    """A server that cannot be reached is reported as ISO-9000."""
    set_field(http_client, "HANDSHAKE_NETWORK", errors.INTERNAL)


@mutant("client/handshake-without-timeout", "V1-HS-15", gains="a server that says nothing hangs its clients")
def _() -> None:
    """The client waits for an answer as long as it takes."""

    @around(NenClient.__init__)
    def _(original: Any, self: NenClient, *args: Any, **options: Any) -> None:
        original(self, *args, **options, timeout=None)


@mutant(
    "client/status-of-the-handshake-ignored",
    "V1-HS-12",
    gains="an error page that looks right makes a session",
)
def _() -> None:
    """The status of the handshake's answer is not looked at."""

    @around(handshake.client_finish)
    def _(original: Any, hello: Any, reply: Reply, **options: Any) -> Any:
        return original(hello, replace(reply, status=200), **options)


@mutant("client/redirects-followed", "V1-HS-16", gains="a redirect leads keys and requests to another host")
def _() -> None:
    """The client follows redirects."""

    @around(NenClient._send)
    def _(original: Any, self: NenClient, request: httpx.Request) -> Any:
        self._http.follow_redirects = True
        return original(self, request)


@mutant(
    "client/missing-hmac-key-is-the-secret",
    "V1-HS-13",
    gains="an attacker on the way strips the HMAC key, and one key does for two",
)
def _() -> None:
    """Where the answer holds no HMAC key, the shared secret is taken for it."""

    @around(handshake.answer_binary)
    def _(original: Any, members: dict[str, object], name: str, size: int) -> Any:
        return bytes(32) if name == "hmac" and name not in members else original(members, name, size)


@mutant(
    "client/session-id-in-the-header-as-it-is",
    "V1-HS-13",
    gains="a server writes headers of its own into the client's requests",
)
def _() -> None:
    """Any text is taken as a session id, with line ends too."""

    @around(handshake.client_finish)
    def _(original: Any, hello: Any, reply: Reply, **options: Any) -> Any:
        try:
            members = wire.parse_json_object(reply.body)
        except wire.Malformed:
            return original(hello, reply, **options)
        sid = members.get("sid")
        if not isinstance(sid, str) or not sid or not 200 <= reply.status < 300:
            return original(hello, reply, **options)
        _, keys = original(hello, replace(reply, body=wire.dump_json(members | {"sid": "x"})), **options)
        return "".join(c for c in sid if " " < c < "\x7f") or "x", keys


@mutant("client/key-derived-by-a-hash", "V1-HS-06", EVERYTHING, gains="it talks to no other implementation")
def _() -> None:
    """The payload key is the shared secret with its bytes reversed, after a wrong reading of their order."""

    @around(REFERENCE.ml_kem_768_decaps)
    def _(original: Any, dk: bytes, c: bytes) -> Any:
        return original(dk, c)[::-1]


# Requests


@mutant(
    "client/nonce-constant",
    "V1-REQ-02",
    "v1/client-",
    gains="all requests under one nonce: all laid bare, and tags forged",
)
def _() -> None:
    """Every request is sealed under the nonce of twelve zeros."""

    @around(ClientSession.request)
    def _(original: Any, self: ClientSession, *args: Any, n: bytes, **options: Any) -> Any:
        self._seen.discard(bytes(12))
        return original(self, *args, n=bytes(12), **options)


@mutant("client/nonce-counted", "V1-REQ-02", gains="two clients of one session, or a restart, use one nonce twice")
def _() -> None:
    """The nonce of a request is a counter."""
    count = iter(range(1, 2**32))

    @around(ClientSession.request)
    def _(original: Any, self: ClientSession, *args: Any, n: bytes, **options: Any) -> Any:
        return original(self, *args, n=next(count).to_bytes(12, "big"), **options)


@mutant(
    "client/nonce-of-four-random-bytes",
    "V1-REQ-02",
    gains="after 65 000 requests one nonce comes twice",
)
def _() -> None:
    """Of a nonce the first four bytes are random and the others are zero."""

    @around(ClientSession.request)
    def _(original: Any, self: ClientSession, *args: Any, n: bytes, **options: Any) -> Any:
        return original(self, *args, n=n[:4] + bytes(8), **options)


@mutant("client/timestamp-in-seconds", "V1-AUTH-09", EVERYTHING, gains="no server takes its requests")
def _() -> None:
    """The timestamp is in seconds."""

    @around(ClientSession.request)
    def _(original: Any, self: ClientSession, *args: Any, timestamp: int, **options: Any) -> Any:
        return original(self, *args, timestamp=timestamp // 1000, **options)


@mutant(
    "client/query-signed", "V1-AUTH-06", gains="requests with a query are refused, by some servers and not by others"
)
def _() -> None:
    """The query is part of the signed path."""

    built = httpx.Client.build_request
    full: dict[str, str] = {}

    def remember(self: Any, method: str, url: Any, **options: Any) -> Any:
        request = built(self, method, url, **options)
        full["path"] = request.url.raw_path.decode("ascii")
        return request

    set_field(httpx.Client, "build_request", remember)

    @around(ClientSession.request)
    def _(original: Any, self: ClientSession, method: str, path: str, *args: Any, **options: Any) -> Any:
        return original(self, method, full["path"], *args, **options)


@mutant(
    "client/path-decoded", "V1-AUTH-06", gains="requests with escapes are refused, by some servers and not by others"
)
def _() -> None:
    """The path is signed with its percent escapes decoded."""

    @around(ClientSession.request)
    def _(original: Any, self: ClientSession, method: str, path: str, *args: Any, **options: Any) -> Any:
        return original(self, method, unquote(path), *args, **options)


@mutant("client/signed-under-the-text-of-the-key", "V1-AUTH-04", EVERYTHING, gains="no server takes its requests")
def _() -> None:
    """The HMAC key is used as its base64 text."""

    @around(signing.sign)
    def _(original: Any, mac_key: bytes, *args: Any, **options: Any) -> Any:
        return original(wire.encode_base64(mac_key).encode(), *args, **options)


@mutant(
    "client/get-not-signed",
    "V1-AUTH-05",
    "v1/client-request/keys-not-sent",
    "v1/client-response/head",
    "v1/client-lifecycle/401-on-head",
    gains="servers that are lenient with it are open to everybody",
)
def _() -> None:
    """A request without a body carries no signature."""

    @around(ClientSession.request)
    def _(original: Any, self: ClientSession, method: str, path: str, sealed: bytes | None, **options: Any) -> Any:
        signed = original(self, method, path, sealed, **options)
        if sealed is not None:
            return signed
        return replace(signed, headers={k: v for k, v in signed.headers.items() if k != SIGNATURE_HEADER})


@mutant(
    "client/payload-in-plain-too",
    "V1-REQ-01",
    "v1/client-request/before-handshake",
    "v1/client-request/size",
    gains="everything that is sealed stands beside it in plain",
)
def _() -> None:
    """The body carries the payload in plain beside the sealed one, for debugging."""

    @around(payload.seal)
    def _(original: Any, key: bytes, n: bytes, plain: bytes, **options: Any) -> Any:
        _plain[:] = [plain]
        return original(key, n, plain, **options)

    @around(payload.dump_envelope)
    def _(original: Any, envelope: Envelope) -> Any:
        return original(envelope)[:-1] + b',"debug":' + _plain[0] + b"}"


_plain: list[bytes] = []


# Responses


@mutant(
    "client/plain-answers-accepted",
    "V1-RES-03",
    "v1/client-response/member-missing",
    "v1/client-response/sealed-error-forms",
    gains="a proxy answers in plain what it likes",
)
def _() -> None:
    """An answer that is not sealed is handed out as it is."""

    @around(ClientSession.open_reply)
    def _(original: Any, self: ClientSession, reply: Reply) -> Any:
        return original(self, reply) if b'"ct"' in reply.body else reply.body


@mutant(
    "client/answers-reflected",
    "V1-RES-04",
    "v1/client-stream/request-as-a-stream",
    gains="an attacker answers a request with itself, or with an old answer",
)
def _() -> None:
    """No nonce is remembered."""

    @instead_of(ClientSession._remember)
    def _(self: ClientSession, n: bytes) -> None:
        pass


@mutant(
    "client/tag-not-checked", "V1-RES-07", EVERYTHING, gains="an attacker changes what the caller reads, bit by bit"
)
def _() -> None:
    """Answers are decrypted, and their tags are not compared."""

    @instead_of(REFERENCE.aead_open)
    def _(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        return chacha20_encrypt(key, 1, nonce, sealed[:-16])


@mutant(
    "client/number-arrays-in-answers",
    "V1-WIRE-03",
    "v1/client-response/member-mistyped",
    gains="two ways to write one nonce: a replay is not recognised",
)
def _() -> None:
    """A ct or n that is an array of numbers is taken."""

    @around(payload._binary)
    def _(original: Any, members: dict[str, object], name: str) -> Any:
        value = from_numbers(members.get(name))
        return original(members, name) if value is None else value


@mutant(
    "client/base64-lenient",
    "V1-RES-08",
    "v1/client-handshake/member-undecodable",
    "v1/client-stream/event-not-sealed",
    gains="one nonce has many texts",
)
def _() -> None:
    """Base64 is decoded by a function that skips every character it does not know."""

    @instead_of(wire.decode_base64)
    def _(text: str) -> bytes:
        return base64.b64decode(text.encode("ascii", "ignore") + b"==")


@mutant(
    "client/errors-not-opened",
    "V1-RES-09",
    "v1/client-lifecycle/sealed-401",
    gains="the caller does not learn why the application refused",
)
def _() -> None:
    """A sealed answer with an error status is handed out sealed."""

    @around(http_client._looks_sealed)
    def _(original: Any, response: httpx.Response) -> Any:
        return response.is_success and original(response)


@mutant(
    "client/codes-forgotten",
    "V1-ERR-04",
    "v1/client-lifecycle/401-for-ever",
    gains="the caller cannot tell a replay from an expired session",
)
def _() -> None:
    """Every refusal is reported as ISO-9000."""

    @around(client.refusal)
    def _(original: Any, reply: Reply) -> Any:
        return original(reply) and failure(errors.INTERNAL, remote=True)


# Streams


@mutant(
    "client/truncation-silent",
    "V1-STR-09",
    gains="an attacker cuts an answer where it suits them",
)
def _() -> None:
    """A stream that ends without its final event is a success."""

    @instead_of(StreamOpener.close)
    def _(self: StreamOpener) -> None:
        pass


@mutant(
    "client/bad-events-skipped",
    "V1-STR-10",
    "v1/client-stream/of-another-session",
    gains="an attacker drops the event they do not like",
)
def _() -> None:
    """An event that does not open is skipped."""

    @around(StreamOpener.feed)
    def _(original: Any, self: StreamOpener, piece: bytes) -> Iterator[bytes]:
        for data in self._events.feed(piece):
            try:
                chunk = self._open(data)
            except NenError:
                self._next += 1
                continue
            self.finished = self.finished or chunk == stream.FINAL
            if self.finished:
                return
            yield chunk


@mutant(
    "client/released-before-checked",
    "V1-STR-10",
    "v1/client-stream/of-another-session",
    gains="the caller acts on what an attacker wrote before it is told so",
)
def _() -> None:
    """A chunk is decrypted and handed out, and its tag compared afterwards."""

    @around(StreamOpener.feed)
    def _(original: Any, self: StreamOpener, piece: bytes) -> Iterator[bytes]:
        for data in () if self.finished else self._events.feed(piece):
            nonce = stream.stream_nonce(self._base_nonce, self._next)
            early = chacha20_encrypt(self._key, 1, nonce, base64.b64decode(data)[:-16])
            if early == stream.FINAL and self._open(data):
                self.finished = True
                return
            yield early
            self._open(data)


@mutant(
    "client/reads-on-after-the-end", "V1-STR-11", gains="what an attacker appends breaks a stream that was complete"
)
def _() -> None:
    """After the final event the stream is read on, and what comes is opened."""

    @around(StreamOpener.feed)
    def _(original: Any, self: StreamOpener, piece: bytes) -> Iterator[bytes]:
        for data in self._events.feed(piece):
            chunk = self._open(data)
            self.finished = self.finished or chunk == stream.FINAL
            if chunk != stream.FINAL:
                yield chunk


@mutant(
    "client/nonce-header-optional",
    "V1-STR-12",
    "v1/client-stream/nonce-unusable",
    "v1/client-stream/two-nonce-headers",
    gains="an attacker strips the header, and nonces come twice",
)
def _() -> None:
    """Without X-Nen-Stream-Nonce the base nonce is zero."""

    @around(stream.read_stream_head)
    def _(original: Any, reply: Reply) -> Any:
        try:
            return original(reply)
        except NenError as error:
            if error.code != "ISO-7001":
                raise
            return bytes(12)


@mutant(
    "client/stream-of-any-type",
    "V1-STR-19",
    gains="what a proxy made of the stream is read as if it came from the server",
)
def _() -> None:
    """The content type of a stream is not looked at."""

    @around(stream.read_stream_head)
    def _(original: Any, reply: Reply) -> Any:
        return original(Reply(reply.status, {**reply.headers, "content-type": STREAM_TYPE}, reply.body))


@mutant(
    "client/refused-stream-is-internal",
    "V1-STR-13",
    gains="the caller cannot tell its own mistake from a broken server",
)
def _() -> None:
    """A stream that is refused is reported as an internal error."""

    @instead_of(client.stream_refusal)
    def _(reply: Reply) -> NenError:
        return failure(errors.INTERNAL, f"status {reply.status}")


@mutant(
    "client/events-end-in-two-line-feeds",
    "V1-STR-14",
    gains="a proxy that rewrites line ends breaks every stream",
)
def _() -> None:
    """Only LF LF ends an event."""

    @instead_of(sse.EventReader.feed)
    def _(self: sse.EventReader, piece: bytes) -> Iterator[bytes]:
        *blocks, rest = b"".join([*self._line, piece]).split(b"\n\n")
        self._line[:] = [rest]
        yield from (block.removeprefix(b"data: ") for block in blocks if block.startswith(b"data: "))


@mutant(
    "client/stream-counter-added",
    "V1-STR-03",
    "v1/client-stream/",
    "v1/client-lifecycle/401-on-a-stream",
    gains="some streams break somewhere: the bug that nobody can reproduce",
)
def _() -> None:
    """The counter of a stream is added to the base nonce instead of XORed."""

    @instead_of(stream.stream_nonce)
    def _(base_nonce: bytes, i: int) -> bytes:
        return base_nonce[:8] + ((int.from_bytes(base_nonce[8:], "little") + i) % 2**32).to_bytes(4, "little")


@mutant(
    "client/old-streams-read", "V1-STR-17", gains="an attacker answers with an old stream, its events in another order"
)
def _() -> None:
    """Base nonces are not remembered."""

    @around(ClientSession.open_stream)
    def _(original: Any, self: ClientSession, reply: Reply) -> Any:
        self._seen_heads.clear()
        return original(self, reply)


@mutant("client/events-as-answers", "V1-STR-17", gains="an attacker answers a request with a piece of an old stream")
def _() -> None:
    """The nonce of an answer is not compared with base nonces."""

    @around(ClientSession.open_reply)
    def _(original: Any, self: ClientSession, reply: Reply) -> Any:
        self._stream_heads.clear()
        return original(self, reply)


@mutant(
    "client/characters-cut",
    "V1-STR-18",
    gains="text in most scripts is damaged where a token ends",
)
def _() -> None:
    """Each chunk is decoded on its own."""

    @instead_of(http_client._Texts.feed)
    def _(self: Any, piece: bytes) -> Iterator[str]:
        for chunk in self._opener.feed(piece):
            yield chunk.decode("utf-8", "replace")


# Lifecycle


@mutant(
    "client/retry-without-end",
    "V1-LIFE-07",
    gains="one confused server turns all its clients into a flood",
)
def _() -> None:
    """The retry after a 401 is retried as well, twenty times."""

    @around(http_client._Flow._signed)
    def _(original: Any, self: Any, *args: Any) -> Any:
        for _ in range(20):
            response, session = yield from original(self, *args)
            if response.status_code != 401 or http_client._looks_sealed(response):
                break
        return response, session


@mutant("client/no-retry", "V1-LIFE-07", gains="a server that restarts stops its clients")
def _() -> None:
    """A 401 is handed to the caller."""

    @instead_of(http_client._Flow._signed)
    def _(self: Any, *args: Any) -> Any:
        return (yield from self._attempt(*args))


@mutant(
    "client/every-refusal-retried",
    "V1-LIFE-07",
    "v1/client-response/error-codes",
    gains="a request that was refused on purpose runs twice",
)
def _() -> None:
    """Every refusal leads to a new handshake and a retry."""

    @around(http_client._Flow._signed)
    def _(original: Any, self: Any, *args: Any) -> Any:
        response, session = yield from original(self, *args)
        if response.status_code < 400 or response.status_code == 401 or http_client._looks_sealed(response):
            return response, session
        self.session = None
        return (yield from self._attempt(*args))


@mutant("client/sealed-401-retried", "V1-LIFE-11", gains="a wrong password is tried twice, and the handler runs twice")
def _() -> None:
    """A 401 of the handler is taken for one of Nen."""

    @around(http_client._Flow._signed)
    def _(original: Any, self: Any, *args: Any) -> Any:
        response, session = yield from original(self, *args)
        if response.status_code != 401 or not http_client._looks_sealed(response):
            return response, session
        self.session = None
        return (yield from self._attempt(*args))


@mutant(
    "client/keys-kept-after-terminate", "V1-LIFE-08", gains="keys that nobody needs lie about for whoever finds them"
)
def _() -> None:
    """Terminate tells the server and keeps the keys."""

    @instead_of(http_client._Flow.terminate)
    def _(self: Any) -> Any:
        yield from self._plain("POST", TERMINATE_PATH, self._session_header())


@mutant("client/status-always-valid", "V1-LIFE-01", gains="the caller keeps a session that is gone")
def _() -> None:
    """Any answer to the status means that the session lives."""

    @around(http_client._Flow.status)
    def _(original: Any, self: Any) -> Any:
        yield from original(self)
        return True


@mutant(
    "client/plain-before-a-session",
    "V1-LIFE-09",
    "v1/client-handshake/no-session-after-refusal",
    gains="whoever breaks the handshake reads the first requests",
)
def _() -> None:
    """A request before a handshake is sent in plain."""

    @around(http_client._Flow.request)
    def _(original: Any, self: Any, method: str, url: str, plain: bytes | None, options: dict[str, Any]) -> Any:
        if self.session is not None or self._terminated:
            return (yield from original(self, method, url, plain, options))
        response = yield self._http.build_request(method, url, content=plain)
        return response


@mutant(
    "client/session-ids-lower-case",
    "V1-HS-09",
    gains="servers whose ids are no UUIDs do not know its requests",
)
def _() -> None:
    """The session id is sent in lower case, as if it were a UUID."""

    @around(ClientSession.request)
    def _(original: Any, self: ClientSession, *args: Any, **options: Any) -> Any:
        signed = original(self, *args, **options)
        return replace(signed, headers={**signed.headers, SESSION_HEADER: signed.headers[SESSION_HEADER].lower()})

"""Nen clients on httpx2, synchronous and asynchronous, with httpx's own verbs.

    with NenClient("https://api.example") as client:
        answer = client.post("/api/echo", json={"hello": "world"})   # an httpx2.Response, its content decrypted
        for chunk in client.stream("POST", "/api/stream", json={"chunks": ["a", "b"]}):
            print(chunk)

The first request makes the session. What an operation does stands once, in `_Flow`, as a generator that yields the HTTP
requests to make and is sent their answers; the two clients only differ in how they carry them.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import suppress
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.request import Request as UrlRequest

import httpx2 as httpx

from nen_ref.http.server import now_ms
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.client import ClientSession, refusal, stream_refusal
from nen_ref.protocol.errors import (
    HANDSHAKE_BAD_RESPONSE,
    HANDSHAKE_NETWORK,
    SESSION_NOT_INITIALIZED,
    STREAM_REQUEST_FAILED,
    WIRE_INVALID_PAYLOAD_FORMAT,
    NenError,
    failure,
)
from nen_ref.protocol.handshake_v3 import Resumption, SecurityMode
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import (
    HANDSHAKE_PATH,
    JSON_TYPE,
    REKEY_PATH,
    ROTATE_PATH,
    SESSION_HEADER,
    STATUS_PATH,
    STREAM_TYPE,
    TERMINATE_PATH,
    Headers,
    Reply,
)
from nen_ref.protocol.payload import NONCE_SIZE
from nen_ref.protocol.resumption import NONCE_SIZE as RESUME_NONCE_SIZE
from nen_ref.protocol.resumption import ResumeHello, resume_hello
from nen_ref.protocol.server_identity import ServerTrust
from nen_ref.protocol.stream import StreamOpener
from nen_ref.protocol.versions import V1, V3, ClientTerms, Hello, Version
from nen_ref.protocol.wire import Malformed, dump_json, parse_json_object

MAX_ANSWER_SIZE = 64 * 1024 * 1024

# Of an answer: what described the sealed body and is wrong for the opened one.
_DROPPED = frozenset((b"content-encoding", b"content-length", b"transfer-encoding"))

# Marks, among a request's extensions, the one whose answer may be a stream that is read piece by piece.
_MAY_STREAM = "nen.may_stream"

SEALED = "nen.sealed"
"""Among the extensions of an answer: whether it was sealed, so that it is authentic."""


class _TooLarge(Exception):
    """An answer of more than MAX_ANSWER_SIZE bytes."""


_UNREADABLE = (httpx.DecodingError, _TooLarge)
_THROWN = (httpx.TransportError, *_UNREADABLE)


class _WritableCookies(DefaultCookiePolicy):
    """Takes only cookies of ASCII (RFC 6265, 4.1.1): for another one httpx raises with each request after it."""

    def set_ok(self, cookie: Cookie, request: UrlRequest) -> bool:
        return f"{cookie.name}{cookie.value or ''}".isascii() and super().set_ok(cookie, request)


V = TypeVar("V")
R = TypeVar("R")
Exchange = Generator[httpx.Request, httpx.Response, V]


class _Flow:
    """The current session, and each operation as a generator; what goes wrong on the way is thrown into it."""

    def __init__(
        self,
        http: httpx.Client | httpx.AsyncClient,
        version: Version,
        terms: ClientTerms,
        clock: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        suite: Suite,
    ) -> None:
        if terms.identity is not None and version.family == V3.family:
            raise ValueError("V3 has no identity of the client")
        if terms.trust != ServerTrust() and version.family != V3.family:
            raise ValueError(f"{version.name} has no identity of the server: nothing would be pinned")
        self._http = http
        self._version = version
        self._terms = terms
        self._clock = clock
        self._random_bytes = random_bytes
        self._suite = suite
        self._terminated = False
        self._resumption: Resumption | None = None  # of a session that was given up
        self.session: ClientSession | None = None

    def handshake(self, path: str = HANDSHAKE_PATH) -> Exchange[ClientSession]:
        """A new session; an old one is given up when the new one stands. V1-HS-10, V1-HS-11, V1-LIFE-04."""
        old = self._session_header() if path == ROTATE_PATH else {}
        session, terminated = self._new_session(), self._terminated
        hello = self._version.hello(self._terms, self._random_bytes, self._suite)
        yield from self._exchange_hello(session, hello, path, old)
        self._enter(session, terminated)
        return session

    def resume(self) -> Exchange[bool]:
        """A new session from the ticket of the last one, or a full handshake where the server declines; which it was.

        V3-TICKET-08, V3-TICKET-09.
        """
        resumption = self.session.resumption if self.session else self._resumption
        if resumption is not None:
            session, terminated = self._new_session(), self._terminated
            hello = resume_hello(resumption, self._random_bytes(RESUME_NONCE_SIZE), self._terms.mode)
            if (yield from self._exchange_hello(session, hello, HANDSHAKE_PATH, {})):
                self._enter(session, terminated)
                return True
        self._resumption = None
        yield from self.handshake()
        return False

    def rekey(self) -> Exchange[bool]:
        """The next keys of the session, on both sides; where the server refuses, a new session. V3-REKEY-07 to -09.

        Where another task has moved on meanwhile, by a rekey of its own or to a new session, a refusal is of keys that
        are gone; a rotation would end the session that the others are using by now.
        """
        self._session_header()
        if not self._version.ratchets:
            raise ValueError(f"{self._version.name} has no ratchet: rotate makes a new session")
        session, response = self.session, None
        if session is None or session.worn_out:
            session = yield from self.handshake()
        with suppress(*_THROWN):
            response, session = yield from self._attempt("POST", REKEY_PATH, None, {}, {})
        taken = response is not None and response.status_code == 200 and _says(response.content, "ok")
        if self.session is session:
            if not taken:
                yield from self.handshake(ROTATE_PATH)
            else:
                self.session = session.ratchet()
        return taken

    def _enter(self, session: ClientSession, terminated: bool) -> None:
        """Go on in a new session, unless another task has terminated while it was made. V1-LIFE-08."""
        if self._terminated and not terminated:
            session.close()
            raise failure(SESSION_NOT_INITIALIZED, "terminated while a new session was made")
        self.session, self._terminated = session, False

    def _new_session(self) -> ClientSession:
        return ClientSession(version=self._version, terms=self._terms, suite=self._suite)

    def _exchange_hello(
        self, session: ClientSession, hello: Hello | ResumeHello, path: str, headers: dict[str, str]
    ) -> Exchange[bool]:
        body = session.start_handshake(hello)
        try:
            response = yield self._http.build_request(
                "POST", path, headers={"content-type": JSON_TYPE, **headers}, content=body
            )
        except httpx.TransportError as fault:
            raise failure(HANDSHAKE_NETWORK, type(fault).__name__) from fault
        except _UNREADABLE as fault:
            raise failure(HANDSHAKE_BAD_RESPONSE, f"the answer cannot be read: {type(fault).__name__}") from fault
        return session.finish_handshake(_reply(response))

    def request(
        self, method: str, url: str, payload: bytes | None, options: dict[str, Any]
    ) -> Exchange[httpx.Response]:
        """A sealed request and its opened answer.

        A bare refusal without an ISO code (of a proxy, say) is returned as it is. It is not authentic: only an answer
        that was sealed has `extensions["nen.sealed"]`. V1-RES-09, V1-RES-10.
        """
        try:
            response, session = yield from self._signed(method, url, payload, options, {})
        except _UNREADABLE as fault:
            raise _unreadable(fault) from fault
        reply = _reply(response)
        if not response.is_success and not _looks_sealed(response):
            error = refusal(reply)
            if error is not None:
                raise error
            return response
        if method.upper() == "HEAD":
            return response
        answer = _with_content(response, session.open_reply(reply))
        answer.extensions[SEALED] = True
        return answer

    def stream(
        self, method: str, url: str, payload: bytes | None, options: dict[str, Any]
    ) -> Exchange[tuple[httpx.Response, StreamOpener]]:
        """A sealed request answered by a stream, whose body is still to be read. V1-STR-12, V1-STR-13."""
        try:
            response, session = yield from self._signed(method, url, payload, options, {_MAY_STREAM: True})
        except _THROWN as fault:
            raise failure(STREAM_REQUEST_FAILED, type(fault).__name__) from fault
        if not response.is_success:
            raise stream_refusal(_reply(response))
        return response, session.open_stream(Reply(response.status_code, Headers(response.headers.multi_items())))

    def status(self) -> Exchange[bool]:
        """V1-LIFE-01."""
        response = yield from self._plain("GET", STATUS_PATH, self._session_header())
        return response.status_code == 200 and _says(response.content, "valid")

    def terminate(self) -> Exchange[None]:
        """End the session on both sides; the keys go here whatever becomes of the message. V1-LIFE-08, V3-LIFE-01."""
        self._resumption = None  # also where there is no session: after a 401 the last one's ticket is still here
        headers = self._session_header()
        self.forget()
        yield from self._plain("POST", TERMINATE_PATH, headers)

    def forget(self) -> None:
        if self.session is not None:
            self.session.close()
        self.session, self._resumption, self._terminated = None, None, True

    def _plain(self, method: str, path: str, headers: dict[str, str]) -> Exchange[httpx.Response]:
        try:
            return (yield self._http.build_request(method, path, headers=headers))
        except _UNREADABLE as fault:
            raise _unreadable(fault) from fault

    def _signed(
        self, method: str, url: str, payload: bytes | None, options: dict[str, Any], extensions: dict[str, Any]
    ) -> Exchange[tuple[httpx.Response, ClientSession]]:
        """Send, and after a 401 once more under a new session. V1-LIFE-07, V1-LIFE-11.

        The old session keeps its keys for as long as another request waits for its answer under it.
        """
        response, session = yield from self._attempt(method, url, payload, options, extensions)
        if response.status_code != 401 or _looks_sealed(response):
            return response, session
        if self.session is session:  # nobody else has renewed it meanwhile
            self.session, self._resumption = None, session.resumption
        return (yield from self._attempt(method, url, payload, options, extensions))

    def _attempt(
        self, method: str, url: str, payload: bytes | None, options: dict[str, Any], extensions: dict[str, Any]
    ) -> Exchange[tuple[httpx.Response, ClientSession]]:
        if self._terminated:
            raise failure(SESSION_NOT_INITIALIZED, "the session was terminated; make a new one with handshake()")
        session = self.session
        if session is None or session.worn_out:
            session = yield from self.handshake()
        # Built first to learn the path that will stand on the wire, as httpx normalises it. V1-AUTH-06.
        draft = self._http.build_request(method, url, **options)
        path = draft.url.raw_path.partition(b"?")[0].decode("ascii")
        signed = session.request(method, path, payload, n=self._random_bytes(NONCE_SIZE), timestamp=self._clock())
        headers = {name: value for name, value in draft.headers.items() if name != "content-length"}
        request = httpx.Request(
            method,
            draft.url,
            content=signed.body,
            headers={**headers, **signed.headers},
            extensions={**draft.extensions, **extensions},
        )
        return (yield request), session

    def _session_header(self) -> dict[str, str]:
        if self.session is None or self.session.sid is None:
            raise failure(SESSION_NOT_INITIALIZED, "there is no session")
        return {SESSION_HEADER: self.session.sid}


class _Verbs(Generic[R]):
    """httpx's verbs over one `request`; R is a response, or the promise of one.

    `json` is sealed, or `content`, the bytes of a JSON text; without either the request has no body. `params`,
    `headers`, `timeout` and the like are httpx's. Raises NenError; its `remote` says that the server reported it.
    """

    def request(self, method: str, url: str, *, json: Any = None, content: bytes | None = None, **options: Any) -> R:
        raise NotImplementedError

    def get(self, url: str, **options: Any) -> R:
        return self.request("GET", url, **options)

    def options(self, url: str, **options: Any) -> R:
        return self.request("OPTIONS", url, **options)

    def head(self, url: str, **options: Any) -> R:
        return self.request("HEAD", url, **options)

    def post(self, url: str, **options: Any) -> R:
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> R:
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> R:
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> R:
        return self.request("DELETE", url, **options)


class NenClient(_Verbs[httpx.Response]):
    """A synchronous client of the Nen server at `base_url`. It follows no redirect (V1-HS-16), and waits five seconds
    for a peer that says nothing unless `timeout` says otherwise (V1-HS-15). Bodies are `application/json` (V1-REQ-11).

    `version` is the one that it speaks, and no other (V3-VER-05). `identity` is proven in each handshake (V1, V2). For
    V3: `security_mode`; `server_identity`, the 1952-byte ML-DSA-65 key that the server must prove; and `bound`, whether
    its proof must cover all of the handshake, which not every server offers (V3-ID-08). `clock` (ms) and `random_bytes`
    can be replaced, so that a run can be replayed. Further keywords (`timeout`, `verify`, `transport`, ...) go to
    `httpx2.Client`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        version: Version = V1,
        identity: Identity | None = None,
        security_mode: SecurityMode = SecurityMode.HYBRID,
        server_identity: bytes | None = None,
        bound: bool = False,
        clock: Callable[[], int] = now_ms,
        random_bytes: Callable[[int], bytes] = os.urandom,
        suite: Suite = REFERENCE,
        **options: Any,
    ) -> None:
        terms = ClientTerms(identity, security_mode, ServerTrust(server_identity, bound))
        self._http = httpx.Client(base_url=base_url, follow_redirects=False, **_with_cookies(options))
        self._flow = _Flow(self._http, version, terms, clock, random_bytes, suite)

    def handshake(self) -> None:
        """Make a new session now, rather than with the first request."""
        self._drive(self._flow.handshake())

    def rotate(self) -> None:
        """Replace the session by a new one and drop the old one on the server."""
        self._drive(self._flow.handshake(ROTATE_PATH))

    def rekey(self) -> bool:
        """Take the next keys of the session; False where the server refused and a new session was made. V3 only."""
        return self._drive(self._flow.rekey())

    def resume(self) -> bool:
        """Make a new session from the ticket of the last one; False where it took a full handshake. V3 only."""
        return self._drive(self._flow.resume())

    def status(self) -> bool:
        """Whether the server still knows the session."""
        return self._drive(self._flow.status())

    def terminate(self) -> None:
        """End the session on the server and forget its keys; a new one needs `handshake`."""
        self._drive(self._flow.terminate())

    def request(
        self, method: str, url: str, *, json: Any = None, content: bytes | None = None, **options: Any
    ) -> httpx.Response:
        return self._drive(self._flow.request(method, url, _payload(json, content, options), options))

    def stream(
        self, method: str, url: str, *, json: Any = None, content: bytes | None = None, **options: Any
    ) -> Iterator[str]:
        """The chunks of an encrypted stream, each authentic; it ends without error only after the final event."""
        steps = self._flow.stream(method, url, _payload(json, content, options), options)
        response, opener = self._drive(steps)
        texts = _Texts(opener)
        try:
            for piece in response.iter_bytes():
                yield from texts.feed(piece)
                if opener.finished:
                    break
            yield from texts.close()
        except _THROWN as fault:
            raise failure(STREAM_REQUEST_FAILED, type(fault).__name__) from fault
        finally:
            response.close()

    def close(self) -> None:
        """Close the connections and forget the keys; the session stays on the server until its life is over."""
        self._flow.forget()
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _drive(self, steps: Exchange[V]) -> V:
        response = None
        try:
            request = next(steps)
            while True:
                try:
                    response = self._send(request)
                except _THROWN as fault:
                    request = steps.throw(fault)
                else:
                    request = steps.send(response)
        except StopIteration as end:
            result: V = end.value
            return result
        except BaseException:
            if response is not None:
                response.close()
            raise

    def _send(self, request: httpx.Request) -> httpx.Response:
        response = self._http.send(request, stream=True)
        if _is_wanted_stream(response):
            return response
        bounded = _Bounded()
        try:
            if not _is_stream(response):
                for piece in response.iter_bytes():
                    bounded.add(piece)
        finally:
            response.close()
        return _with_content(response, bounded.content())


class AsyncNenClient(_Verbs[Awaitable[httpx.Response]]):
    """The asynchronous twin of `NenClient`: the same verbs, awaited; `stream` is an async iterator."""

    def __init__(
        self,
        base_url: str,
        *,
        version: Version = V1,
        identity: Identity | None = None,
        security_mode: SecurityMode = SecurityMode.HYBRID,
        server_identity: bytes | None = None,
        bound: bool = False,
        clock: Callable[[], int] = now_ms,
        random_bytes: Callable[[int], bytes] = os.urandom,
        suite: Suite = REFERENCE,
        **options: Any,
    ) -> None:
        terms = ClientTerms(identity, security_mode, ServerTrust(server_identity, bound))
        self._http = httpx.AsyncClient(base_url=base_url, follow_redirects=False, **_with_cookies(options))
        self._flow = _Flow(self._http, version, terms, clock, random_bytes, suite)

    async def handshake(self) -> None:
        await self._drive(self._flow.handshake())

    async def rotate(self) -> None:
        await self._drive(self._flow.handshake(ROTATE_PATH))

    async def rekey(self) -> bool:
        return await self._drive(self._flow.rekey())

    async def resume(self) -> bool:
        return await self._drive(self._flow.resume())

    async def status(self) -> bool:
        return await self._drive(self._flow.status())

    async def terminate(self) -> None:
        await self._drive(self._flow.terminate())

    async def request(
        self, method: str, url: str, *, json: Any = None, content: bytes | None = None, **options: Any
    ) -> httpx.Response:
        return await self._drive(self._flow.request(method, url, _payload(json, content, options), options))

    async def stream(
        self, method: str, url: str, *, json: Any = None, content: bytes | None = None, **options: Any
    ) -> AsyncIterator[str]:
        steps = self._flow.stream(method, url, _payload(json, content, options), options)
        response, opener = await self._drive(steps)
        texts = _Texts(opener)
        try:
            async for piece in response.aiter_bytes():
                for text in texts.feed(piece):
                    yield text
                if opener.finished:
                    break
            for text in texts.close():
                yield text
        except _THROWN as fault:
            raise failure(STREAM_REQUEST_FAILED, type(fault).__name__) from fault
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        self._flow.forget()
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _drive(self, steps: Exchange[V]) -> V:
        response = None
        try:
            request = next(steps)
            while True:
                try:
                    response = await self._send(request)
                except _THROWN as fault:
                    request = steps.throw(fault)
                else:
                    request = steps.send(response)
        except StopIteration as end:
            result: V = end.value
            return result
        except BaseException:
            if response is not None:
                await response.aclose()
            raise

    async def _send(self, request: httpx.Request) -> httpx.Response:
        response = await self._http.send(request, stream=True)
        if _is_wanted_stream(response):
            return response
        bounded = _Bounded()
        try:
            if not _is_stream(response):
                async for piece in response.aiter_bytes():
                    bounded.add(piece)
        finally:
            await response.aclose()
        return _with_content(response, bounded.content())


class _Texts:
    """The chunks of a stream as texts; a character cut between two chunks comes with the second.

    V1-STR-18, V1-STR-21.
    """

    def __init__(self, opener: StreamOpener) -> None:
        self._opener = opener
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, piece: bytes) -> Iterator[str]:
        for chunk in self._opener.feed(piece):
            yield self._decoder.decode(chunk)

    def close(self) -> Iterator[str]:
        self._opener.close()
        if rest := self._decoder.decode(b"", final=True):
            yield rest


class _Bounded:
    """The body of an answer, up to MAX_ANSWER_SIZE. V1-WIRE-08."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > MAX_ANSWER_SIZE:
            raise _TooLarge
        self._pieces.append(piece)

    def content(self) -> bytes:
        return b"".join(self._pieces)


def _payload(json: Any, content: bytes | None, options: dict[str, Any]) -> bytes | None:
    unsealed = {"data", "files"} & set(options)
    if unsealed:
        raise TypeError(f"{', '.join(sorted(unsealed))}: a Nen payload is JSON; give json or content")
    if json is not None and content is not None:
        raise TypeError("give json or content, not both")
    return content if json is None else dump_json(json)


def _with_cookies(options: dict[str, Any]) -> dict[str, Any]:
    """The options with a cookie jar that takes only `_WritableCookies`; a jar of the caller stays as it is."""
    given = options.get("cookies")
    if isinstance(given, CookieJar):
        return options
    jar = httpx.Cookies(given).jar
    jar.set_policy(_WritableCookies())
    return {**options, "cookies": jar}


def _unreadable(fault: Exception) -> NenError:
    return failure(WIRE_INVALID_PAYLOAD_FORMAT, f"the answer cannot be read: {type(fault).__name__}")


def _reply(response: httpx.Response) -> Reply:
    return Reply(response.status_code, Headers(response.headers.multi_items()), response.content)


def _looks_sealed(response: httpx.Response) -> bool:
    """Whether a refusal is a handler's: only that is sealed, and authentic if it opens. V1-RES-09, V1-LIFE-11."""
    if _media_type(response) != JSON_TYPE:
        return False
    with suppress(Malformed):
        return {"ct", "n"} <= parse_json_object(response.content).keys()
    return False


def _says(body: bytes, name: str) -> bool:
    """Whether a body is a JSON object whose member of this name is true."""
    with suppress(Malformed):
        return parse_json_object(body).get(name) is True
    return False


def _media_type(response: httpx.Response) -> str:
    content_type: str = response.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower()


def _is_stream(response: httpx.Response) -> bool:
    return _media_type(response) == STREAM_TYPE


def _is_wanted_stream(response: httpx.Response) -> bool:
    return _MAY_STREAM in response.request.extensions and response.is_success and _is_stream(response)


def _with_content(response: httpx.Response, content: bytes) -> httpx.Response:
    """The answer, which is read or closed by now, with other content."""
    # The answer to HEAD has no body, and keeps the length of the one it would have had.
    dropped = frozenset() if response.request.method == "HEAD" else _DROPPED
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in dropped]
    answer = httpx.Response(
        response.status_code,
        headers=headers,
        content=content,
        request=response.request,
        extensions=dict(response.extensions),
        history=response.history,
        default_encoding=response.default_encoding,
    )
    with suppress(RuntimeError):  # a transport that answers at once has measured nothing
        answer.elapsed = response.elapsed
    return answer

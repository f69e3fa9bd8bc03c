"""One session as its client sees it: requests sealed and signed, answers checked and opened.

A `ClientSession` belongs to one session id. A client that handshakes again (V1-LIFE-07) makes a new one; answers to
requests of the old one are still opened by the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import (
    CATALOGUE,
    CRYPTO_DECRYPT_FAILED,
    CRYPTO_ENCRYPT_FAILED,
    SESSION_NOT_INITIALIZED,
    STREAM_REQUEST_FAILED,
    WIRE_INVALID_PAYLOAD_FORMAT,
    NenError,
    failure,
)
from nen_ref.protocol.handshake_v3 import Resumption
from nen_ref.protocol.key_schedule import ratchet
from nen_ref.protocol.messages import (
    JSON_TYPE,
    SESSION_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Reply,
    reported_code,
)
from nen_ref.protocol.payload import open_envelope, parse_envelope, seal
from nen_ref.protocol.resumption import ResumeHello, finish_resume
from nen_ref.protocol.session import ClientEvent, ClientState, SessionKeys, next_state
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.stream import StreamOpener, read_stream_head
from nen_ref.protocol.versions import V1, ClientTerms, Hello, Version

MAX_NONCES = 100_000
"""How many nonces of one session a client remembers. V1-LIFE-13."""


@dataclass(frozen=True)
class SignedRequest:
    """A request ready to send: `headers` to add, and `body`, None where there is none."""

    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)


class ClientSession:
    """The client's half of one session: NEW, then ESTABLISHED by `finish_handshake`, then CLOSED by `close`.

    It remembers the nonce of every request and answer (V1-RES-04); `worn_out` says when there are so many that it is
    time for a new session.
    """

    def __init__(self, *, version: Version = V1, terms: ClientTerms = ClientTerms(), suite: Suite = REFERENCE) -> None:
        self._version = version
        self._terms = terms
        self._suite = suite
        self._state = ClientState.NEW
        self._hello: Hello | ResumeHello | None = None
        self._keys: SessionKeys | None = None
        self._seen: set[bytes] = set()  # nonces of requests and answers
        self._seen_heads: set[bytes] = set()  # the first eight bytes of those, and of the base nonces of streams
        self._stream_heads: set[bytes] = set()  # the first eight bytes of base nonces
        self.sid: str | None = None
        self.resumption: Resumption | None = None

    def __repr__(self) -> str:
        return f"<ClientSession {self._state.value}>"

    @property
    def established(self) -> bool:
        return self._state is ClientState.ESTABLISHED

    @property
    def worn_out(self) -> bool:
        return len(self._seen_heads) >= MAX_NONCES

    def start_handshake(self, hello: Hello | ResumeHello) -> bytes:
        """The body to send to the handshake or rotate endpoint, for a full handshake or a resumption."""
        self._state = next_state(self._state, ClientEvent.SEND_HANDSHAKE)
        self._hello = hello
        return hello.body

    def finish_handshake(self, reply: Reply) -> bool:
        """Take the server's answer, or raise ISO-1002, -1004, -3006, -3007 and be NEW again. V1-HS-10, -12, -13.

        False, and NEW again, where the server declined to resume.
        """
        hello, self._hello = self._hello, None
        if hello is None:
            raise failure(SESSION_NOT_INITIALIZED, "no handshake is under way")
        try:
            if isinstance(hello, ResumeHello):
                established = finish_resume(hello, reply, suite=self._suite)
            else:
                established = self._version.finish(hello, reply, self._terms, self._suite)
        except NenError:
            self._state = next_state(self._state, ClientEvent.HANDSHAKE_REFUSED)
            raise
        if established is None:
            self._state = next_state(self._state, ClientEvent.HANDSHAKE_REFUSED)
            return False
        self.sid, self._keys, self.resumption = established.sid, established.keys, established.resumption
        self._state = next_state(self._state, ClientEvent.HANDSHAKE_OK)
        return True

    def ratchet(self) -> ClientSession:
        """The session of the same id under the next keys, once the server has taken them too.

        This one still opens the answers to the requests that it sent. V3-REKEY-02, V3-REKEY-09.
        """
        successor = ClientSession(version=self._version, terms=self._terms, suite=self._suite)
        successor._keys = ratchet(self._require_keys(), suite=self._suite)
        successor._state = self._state
        successor.sid, successor.resumption = self.sid, self.resumption
        return successor

    def request(self, method: str, path: str, payload: bytes | None, *, n: bytes, timestamp: int) -> SignedRequest:
        """Seal and sign a request. V1-REQ-01, V1-REQ-02, V1-AUTH-05, V1-AUTH-06, V2-REQ-01, V2-RES-03.

        `path` is the raw path that will stand on the wire, without query; `payload` a JSON text, or None for a request
        without a body; `n` 12 fresh random bytes; `timestamp` in ms.
        """
        keys = self._require_keys()
        self._state = next_state(self._state, ClientEvent.SEND_REQUEST)
        sealed = None if payload is None else seal(keys.enc, n, payload, suite=self._suite)
        written = self._version.write_request(n, None if sealed is None else sealed.ct)
        if written.nonce_text and n in self._seen:
            raise failure(CRYPTO_ENCRYPT_FAILED, "the nonce was used before in this session")
        canonical = canonical_string(method, path, str(timestamp), written.nonce_text)
        headers = {
            SESSION_HEADER: self.sid or "",
            TIMESTAMP_HEADER: str(timestamp),
            SIGNATURE_HEADER: sign(keys.mac, canonical, suite=self._suite),
            **written.headers,
        }
        if written.nonce_text:
            self._remember(n)
        return SignedRequest(headers if written.body is None else headers | {"content-type": JSON_TYPE}, written.body)

    def open_reply(self, reply: Reply) -> bytes:
        """The payload of a sealed answer. ISO-6001 if it is not sealed, ISO-4001 if it is not fresh or does not open.

        V1-RES-03, -04, -07, -08.
        """
        keys = self._require_keys()
        content_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != JSON_TYPE:
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"the answer is not {JSON_TYPE}, so it is not sealed")
        envelope = parse_envelope(reply.body)
        if envelope.n in self._seen or envelope.n[:8] in self._stream_heads:
            raise failure(CRYPTO_DECRYPT_FAILED, "the answer carries a nonce of this session: a reflection or a replay")
        payload = open_envelope(keys.enc, envelope, suite=self._suite)
        self._remember(envelope.n)
        return payload

    def open_stream(self, reply: Reply) -> StreamOpener:
        """The opener for a stream; ISO-7001, ISO-7002, or ISO-4001 for a base nonce that is not new. V1-STR-17.

        All nonces of a stream share their first eight bytes, so that these tell whether anything in it could be old.
        """
        keys = self._require_keys()
        base_nonce = read_stream_head(reply)
        if base_nonce[:8] in self._seen_heads:
            raise failure(CRYPTO_DECRYPT_FAILED, "the base nonce is one of this session: a replay, perhaps reordered")
        self._seen_heads.add(base_nonce[:8])
        self._stream_heads.add(base_nonce[:8])
        return StreamOpener(keys.enc, base_nonce, suite=self._suite)

    def close(self) -> None:
        """Forget the keys, and from what a later session could resume. V1-LIFE-08, V3-LIFE-01."""
        self._state = next_state(self._state, ClientEvent.TERMINATE)
        self._keys = self._hello = self.resumption = None

    def _require_keys(self) -> SessionKeys:
        if self._keys is None:
            raise failure(SESSION_NOT_INITIALIZED, f"the session is {self._state.value}")
        return self._keys

    def _remember(self, n: bytes) -> None:
        self._seen.add(n)
        self._seen_heads.add(n[:8])


def refusal(reply: Reply) -> NenError | None:
    """The error that a refusing server reports, as an exception of its code; None if the body holds no ISO code.

    V1-ERR-04.
    """
    code = reported_code(reply.body)
    return failure(CATALOGUE[code], f"status {reply.status}", remote=True) if code else None


def stream_refusal(reply: Reply) -> NenError:
    """ISO-7002 for a stream that was answered with an error, the server's own code in the detail. V1-STR-13."""
    code = reported_code(reply.body)
    return failure(STREAM_REQUEST_FAILED, f"status {reply.status}" + (f", {code}" if code else ""))

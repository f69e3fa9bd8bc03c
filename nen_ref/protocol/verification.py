"""The server's verification of a request: nine steps, in the order of the specification (section 5).

`verify_request` is a generator without input or output of its own: where a step needs the session store it yields a
question (`LoadSession`, `RecordNonce`) and is sent the answer, so that one function states the order for every store,
synchronous or not. `run` drives it with plain functions; the HTTP binding drives it with awaits.
"""

from __future__ import annotations

import enum
import hmac
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.carriage import Carried
from nen_ref.protocol.errors import (
    AUTH_SIGNATURE_INVALID,
    AUTH_SIGNATURE_MISSING,
    AUTH_TIMESTAMP_OUT_OF_WINDOW,
    CRYPTO_PAYLOAD_NOT_JSON,
    REPLAY_NONCE_REUSED,
    SESSION_HEADER_MISSING,
    SESSION_INVALID_OR_EXPIRED,
    failure,
)
from nen_ref.protocol.messages import SESSION_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, Request
from nen_ref.protocol.payload import Envelope, open_envelope
from nen_ref.protocol.session import WINDOW_MS, Session
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.versions import V1, Version, speaking
from nen_ref.protocol.wire import Malformed, parse_json

MAX_TIMESTAMP_DIGITS = 16
# In ms. Where a client may leave the signature out, whoever recorded a request of it could strip the signature and set
# another timestamp: no timestamp limits anything then, and its nonces are kept as long as the session.
FOREVER = 2**63 - 1


@dataclass(frozen=True)
class LoadSession:
    """Question to the store: the session of `sid`? Answer: a `Session`, or None."""

    sid: str


@dataclass(frozen=True)
class RecordNonce:
    """Question to the store: is this nonce new in this session? Answer: a `NonceAnswer`. V1-REPLAY-02, V1-STORE-01.

    The store records the nonce in the same atomic step, and remembers it at least until `keep_until` (ms), when its
    timestamp can no longer pass the window (V1-REPLAY-06).
    """

    sid: str
    nonce: bytes
    keep_until: int


class NonceAnswer(enum.Enum):
    NEW = "new"
    USED = "used"
    NO_SESSION = "no session"


Question = LoadSession | RecordNonce
Answer = Session | NonceAnswer | None


@dataclass(frozen=True)
class RequestPolicy:
    """How strict a server is about signatures. V1-AUTH-12.

    Every request is signed, except that of a client whose ML-DSA-65 public key (1952 bytes) stands in
    `unsigned_clients`: the only way to opt out names the clients, and a session without an identity never qualifies.
    """

    window_ms: int = WINDOW_MS
    unsigned_clients: frozenset[bytes] = frozenset()


@dataclass(frozen=True)
class Verified:
    """A request that passed: its `session`; `payload`, the JSON text that was sealed, or None where no body came.

    `signed` is False only for a client that the policy names. `n` is the nonce of the request, None where it has none.
    """

    session: Session
    payload: bytes | None = field(repr=False)
    n: bytes | None
    signed: bool
    version: Version = V1


def verify_request(
    request: Request,
    now: int,
    policy: RequestPolicy = RequestPolicy(),
    *,
    versions: Sequence[Version] = (V1,),
    suite: Suite = REFERENCE,
) -> Generator[Question, Answer, Verified]:
    """Check a request at the time `now` (ms), for a server that offers `versions`. V1-AUTH-10, V2-AUTH-03, V2-STR-01.

    Raises the NenError of the first step that fails. Nothing is recorded by a request that fails before the replay
    step (V1-REPLAY-04); after it the nonce is spent, whatever comes (V1-REPLAY-03).
    """
    # 1, 2: SESSION
    sid = check_session_header(request)
    session = check_session((yield LoadSession(sid)))
    version = speaking(versions, session, request)
    # 3: SHAPE
    carried = check_shape(request, version)
    # 4, 5: SIGNATURE
    signature = check_signature_present(request, carried, session, policy)
    if signature is not None:
        check_signature(request, carried, signature, session, suite)
    # 6: WINDOW
    timestamp = check_window(request, now, policy)
    # 7: REPLAY
    if carried.n is not None:
        keep_until = FOREVER if session.identity in policy.unsigned_clients else timestamp + policy.window_ms
        check_replay((yield RecordNonce(sid, carried.n, keep_until)))
    # 8, 9: PAYLOAD
    payload = check_payload(carried.envelope, session, suite)
    return Verified(session, payload, carried.n, signature is not None, version)


def run(
    steps: Generator[Question, Answer, Verified],
    load: Callable[[LoadSession], Session | None],
    record: Callable[[RecordNonce], NonceAnswer],
) -> Verified:
    """Drive `verify_request` with a store of two plain functions."""
    answer: Answer = None
    while True:
        try:
            question = steps.send(answer)
        except StopIteration as end:
            verified: Verified = end.value
            return verified
        answer = load(question) if isinstance(question, LoadSession) else record(question)


def check_session_header(request: Request) -> str:
    """Step 1: ISO-2003 without X-Nen-Session, or with an empty one. V1-AUTH-01, V1-AUTH-15."""
    sid = request.headers.get(SESSION_HEADER)
    if not sid:
        raise failure(SESSION_HEADER_MISSING)
    return sid


def check_session(session: Answer) -> Session:
    """Step 2: ISO-2002 for a session that the store does not know (any more). V1-AUTH-02, V1-LIFE-03."""
    if not isinstance(session, Session):
        raise failure(SESSION_INVALID_OR_EXPIRED)
    return session


def check_shape(request: Request, version: Version = V1) -> Carried:
    """Step 3: nonce and ciphertext, or ISO-3005, ISO-6001, ISO-6002. V1-REQ-03, V1-REQ-04, V1-REQ-09, V2-REQ-11."""
    return version.read_request(request)


def check_signature_present(request: Request, carried: Carried, session: Session, policy: RequestPolicy) -> str | None:
    """Step 4: ISO-3001 without X-Nen-Signature, or with an empty one. V1-AUTH-03, V1-AUTH-15.

    None for a request that a client named by the policy may send unsigned; without a body nothing would prove that it
    comes from that client. V1-AUTH-12. A session of V3 has no identity, and so no exception: V3-ID-11.
    """
    signature = request.headers.get(SIGNATURE_HEADER)
    if signature:
        return signature
    if carried.ct is not None and session.identity is not None and session.identity in policy.unsigned_clients:
        return None
    raise failure(AUTH_SIGNATURE_MISSING)


def check_signature(
    request: Request, carried: Carried, signature: str, session: Session, suite: Suite = REFERENCE
) -> None:
    """Step 5: ISO-3002 unless the signature is the HMAC of the canonical string. V1-AUTH-04, -05, -11, -13, V1-LIFE-10.

    Base64 is strict, so that comparing the texts compares the tags, and an undecodable text differs from every tag.
    """
    timestamp = request.headers.get(TIMESTAMP_HEADER, "")
    canonical = canonical_string(request.method, request.path, timestamp, carried.nonce_text)
    expected = sign(session.keys.mac, canonical, suite=suite)
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape")):
        raise failure(AUTH_SIGNATURE_INVALID)


def check_window(request: Request, now: int, policy: RequestPolicy = RequestPolicy()) -> int:
    """Step 6: the timestamp in ms, or ISO-3003. The edges of the window pass. V1-AUTH-07, -08, -09."""
    text = request.headers.get(TIMESTAMP_HEADER, "")
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_TIMESTAMP_DIGITS):
        raise failure(AUTH_TIMESTAMP_OUT_OF_WINDOW, "the timestamp is not one to sixteen decimal digits")
    timestamp = int(text)
    if abs(now - timestamp) > policy.window_ms:
        raise failure(AUTH_TIMESTAMP_OUT_OF_WINDOW, f"the timestamp is {now - timestamp} ms behind the server")
    return timestamp


def check_replay(answer: Answer) -> None:
    """Step 7: ISO-5001 for a nonce used before; ISO-2002 if the session went meanwhile. V1-REPLAY-01, V1-STORE-01.

    The nonces of a session are one set, of whatever version its requests are. V2-REPLAY-01, V2-REPLAY-02.
    """
    if answer is NonceAnswer.USED:
        raise failure(REPLAY_NONCE_REUSED)
    if answer is not NonceAnswer.NEW:
        raise failure(SESSION_INVALID_OR_EXPIRED, "the session ended while the request was checked")


def check_payload(envelope: Envelope | None, session: Session, suite: Suite = REFERENCE) -> bytes | None:
    """Steps 8 and 9: ISO-4001 unless the payload opens, ISO-4003 unless it is JSON. V1-REQ-06, -07, -08."""
    if envelope is None:
        return None
    payload = open_envelope(session.keys.enc, envelope, suite=suite)
    try:
        parse_json(payload)
    except Malformed as fault:
        raise failure(CRYPTO_PAYLOAD_NOT_JSON, f"the payload is {fault}") from None
    return payload

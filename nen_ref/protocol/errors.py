"""The error catalogue: the 23 codes of Nen, and the exceptions that carry them.

A code is permanent: it is never reused and never renumbered. `message` is what the other side sees, the same text
for every occurrence (V1-ERR-02). `hint` is the diagnosis for the log. `causes` and `fix` are for the person who
looks the code up (`nen-ref explain ISO-3002`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorCode:
    """One entry of the catalogue. `side` says where it is raised: "server", "client" or "both"."""

    code: str
    status: int
    name: str
    side: str
    message: str
    hint: str
    causes: tuple[str, ...]
    fix: str


HANDSHAKE_MISSING_PUBLIC_KEY = ErrorCode(
    code="ISO-1001",
    status=400,
    name="HANDSHAKE_MISSING_PUBLIC_KEY",
    side="server",
    message="The handshake carries no public key.",
    hint="The handshake body has no usable `pk` member.",
    causes=(
        "The body is not a JSON object: empty, form-encoded, or swallowed by a proxy or a body parser.",
        "The member has another name (`publicKey`, `ek`), or is not a text: a number array or a Uint8Array put "
        "through JSON.stringify.",
        "The client speaks a later version, which names its key `pk_kem`.",
    ),
    fix='Send {"pk": "<base64 of the 1184-byte ML-KEM-768 encapsulation key>"} with Content-Type: application/json.',
)
HANDSHAKE_FAILED = ErrorCode(
    code="ISO-1002",
    status=500,
    name="HANDSHAKE_FAILED",
    side="both",
    message="The handshake could not be completed.",
    hint="The ML-KEM-768 key or ciphertext failed the checks of FIPS 203, section 7.",
    causes=(
        "The key decodes to another length than 1184 bytes: a key of ML-KEM-512 or 1024, or DER around the raw key.",
        "The modulus check of FIPS 203 section 7.2 failed: a coefficient of the key is 3329 or more, so the bytes were "
        "damaged, or are in the order of the Kyber draft.",
        "On the client: the ciphertext is not 1088 bytes.",
    ),
    fix="Send the raw encapsulation key as FIPS 203 encodes it, all 1184 bytes, and nothing around it.",
)
HANDSHAKE_NETWORK = ErrorCode(
    code="ISO-1003",
    status=503,
    name="HANDSHAKE_NETWORK",
    side="client",
    message="The handshake endpoint could not be reached.",
    hint="The transport failed before an answer to the handshake arrived.",
    causes=(
        "Wrong host or port, DNS, TLS or proxy trouble.",
        "The server is down, or did not answer in time.",
    ),
    fix="Check the base URL and that POST /api/nen/handshake answers from where the client runs.",
)
HANDSHAKE_BAD_RESPONSE = ErrorCode(
    code="ISO-1004",
    status=502,
    name="HANDSHAKE_BAD_RESPONSE",
    side="client",
    message="The answer to the handshake cannot be used.",
    hint="The handshake was answered with a status other than 2xx, or without usable `sid`, `ct` and `hmac`.",
    causes=(
        "The path is not served by Nen: a 404 page, a login page, a redirect.",
        "The server refused the key; its own ISO code is in the body and in the detail of this error.",
        "The server speaks another version and answers with other members.",
    ),
    fix="Look at status and body of the handshake answer; mount the Nen endpoints under /api/nen and speak one version.",
)
SESSION_NOT_INITIALIZED = ErrorCode(
    code="ISO-2001",
    status=409,
    name="SESSION_NOT_INITIALIZED",
    side="client",
    message="There is no session yet.",
    hint="A request was made before a handshake, or after the session was ended.",
    causes=(
        "The handshake was never awaited, or it failed and its error was ignored.",
        "The session was terminated on this client.",
    ),
    fix="Complete the handshake before the first request.",
)
SESSION_INVALID_OR_EXPIRED = ErrorCode(
    code="ISO-2002",
    status=401,
    name="SESSION_INVALID_OR_EXPIRED",
    side="server",
    message="The session is unknown or has expired.",
    hint="The store does not hold the session id.",
    causes=(
        "The session reached the end of its life (one hour by default).",
        "The request reached another node, and the nodes do not share a session store.",
        "The server was restarted with the in-memory store.",
        "The session was terminated or rotated, perhaps by another tab or process.",
        "The store was full and dropped its oldest session, or the session exceeded its bound of nonces.",
    ),
    fix="Handshake again and retry once; if it returns at once, look for nodes that do not share a store.",
)
SESSION_HEADER_MISSING = ErrorCode(
    code="ISO-2003",
    status=401,
    name="SESSION_HEADER_MISSING",
    side="server",
    message="The request names no session.",
    hint="There is no X-Nen-Session header.",
    causes=(
        "The request was made by something that is not a Nen client.",
        "A proxy or a CORS preflight dropped the header: it is not in Access-Control-Allow-Headers.",
    ),
    fix="Send X-Nen-Session with the `sid` of the handshake; let the X-Nen-* headers pass proxies and CORS.",
)
AUTH_SIGNATURE_MISSING = ErrorCode(
    code="ISO-3001",
    status=401,
    name="AUTH_SIGNATURE_MISSING",
    side="server",
    message="The request is not signed.",
    hint="There is no X-Nen-Signature header. This is the guard against a downgrade to unauthenticated requests.",
    causes=(
        "The client does not implement the request HMAC, or only for requests with a body: a bodyless GET is signed too.",
        "A proxy or CORS dropped the header.",
    ),
    fix="Sign every request: base64 of HMAC-SHA256 over METHOD, PATH, TIMESTAMP and NONCE, in X-Nen-Signature.",
)
AUTH_SIGNATURE_INVALID = ErrorCode(
    code="ISO-3002",
    status=401,
    name="AUTH_SIGNATURE_INVALID",
    side="server",
    message="The signature of the request is not right.",
    hint="The HMAC of the canonical string differs from X-Nen-Signature.",
    causes=(
        "PATH differs: the client signed the full URL, the query, a decoded path, or a path that a proxy rewrote.",
        "NONCE differs: the base64 text of `n` in the body is not the text that was signed, or a bodyless request was "
        "signed with a nonce.",
        "METHOD is in lower case, or the line feeds are CRLF or escaped.",
        "TIMESTAMP differs: seconds instead of milliseconds, or another text than in X-Nen-Timestamp.",
        "The key is the shared secret instead of the `hmac` of the handshake, or is used as text instead of 32 bytes.",
        "The signature is in hex or in URL-safe base64.",
    ),
    fix="Print the canonical string on both sides and compare them byte by byte; it is METHOD\\nPATH\\nTIMESTAMP\\nNONCE.",
)
AUTH_TIMESTAMP_OUT_OF_WINDOW = ErrorCode(
    code="ISO-3003",
    status=401,
    name="AUTH_TIMESTAMP_OUT_OF_WINDOW",
    side="server",
    message="The timestamp of the request is not acceptable.",
    hint="X-Nen-Timestamp is more than 30 000 ms from the server's time, or is not decimal digits.",
    causes=(
        "The clock of the client or of the server is off.",
        "The timestamp is in seconds, in microseconds, or an ISO 8601 date.",
        "The request was held back: a queue, a retry that reused the signed request, a phone that slept.",
    ),
    fix="Send Unix time in milliseconds, taken when the request is sent; sign again for every retry; mend the clock.",
)
AUTH_IDENTITY_SIGNATURE_INVALID = ErrorCode(
    code="ISO-3004",
    status=401,
    name="AUTH_IDENTITY_SIGNATURE_INVALID",
    side="server",
    message="The identity of the client could not be verified.",
    hint="V1 and V2: sigOfPk does not verify under sigPk, half of the identity is missing, or this server wants another one.",
    causes=(
        "The signature is over the base64 text of the key instead of its 1184 raw bytes.",
        "A context string was used, or the pre-hash variant HashML-DSA.",
        "`sigPk` is not the DER SubjectPublicKeyInfo of ML-DSA-65, or only one of `sigPk` and `sigOfPk` was sent.",
        "The server requires an identity and none was sent, or it pins another key.",
    ),
    fix="Sign the raw encapsulation key with pure ML-DSA-65, empty context, and send both members.",
)
AUTH_NONCE_MISSING = ErrorCode(
    code="ISO-3005",
    status=401,
    name="AUTH_NONCE_MISSING",
    side="server",
    message="The request carries no nonce.",
    hint="V2 and V3: there is no X-Nen-Nonce header.",
    causes=(
        "A V1 client talks to a V2 or V3 server.",
        "A proxy or CORS dropped the header.",
    ),
    fix="From V2 on every request, with or without a body, carries X-Nen-Nonce.",
)
AUTH_SERVER_IDENTITY_INVALID = ErrorCode(
    code="ISO-3006",
    status=401,
    name="AUTH_SERVER_IDENTITY_INVALID",
    side="client",
    message="The server did not prove the expected identity.",
    hint="V3 client: the server identity is absent, or is not the pinned key.",
    causes=(
        "The server has no identity key configured, or rotated it.",
        "Something between client and server answers in its place.",
    ),
    fix="Compare the pinned key with the server's; if they should agree, treat the connection as intercepted.",
)
AUTH_TRANSCRIPT_MISMATCH = ErrorCode(
    code="ISO-3007",
    status=401,
    name="AUTH_TRANSCRIPT_MISMATCH",
    side="client",
    message="The signed transcript of the handshake does not match.",
    hint="V3 client: server_sig does not verify over the transcript that the client saw.",
    causes=(
        "The two sides hash different transcripts: length prefixes, `pk_x` in pqc-only mode, or `sid` differ.",
        "Something between client and server changed the handshake.",
    ),
    fix="Print the transcript inputs on both sides; if they agree on paper, treat the connection as intercepted.",
)
CRYPTO_DECRYPT_FAILED = ErrorCode(
    code="ISO-4001",
    status=400,
    name="CRYPTO_DECRYPT_FAILED",
    side="both",
    message="The payload could not be opened.",
    hint="The Poly1305 tag check failed.",
    causes=(
        "Wrong key: the `hmac` of the handshake instead of the shared secret, or a key derivation that V1 does not have.",
        "The two sides hold different secrets: ML-KEM answers a damaged ciphertext with another secret, not with an error.",
        "The tag is missing, in front, or sent apart; V1 appends it to the ciphertext.",
        "The nonce in `n` is not the one that sealed the payload, or there is associated data; V1 has none.",
        "The text was altered on the way. On a stream: an event was lost, repeated or reordered.",
        "On the client: the answer repeats a nonce, and is a reflection or a replay.",
    ),
    fix="Compare key, nonce and sealed bytes on both sides; open one recorded request of the test vectors with your code.",
)
CRYPTO_ENCRYPT_FAILED = ErrorCode(
    code="ISO-4002",
    status=500,
    name="CRYPTO_ENCRYPT_FAILED",
    side="server",
    message="The answer could not be sealed.",
    hint="Sealing failed: a limit of ChaCha20-Poly1305 or of the stream counter was reached.",
    causes=("A stream of 2^32 events.", "A payload beyond the limit of RFC 8439 (256 GiB)."),
    fix="Split the answer into several.",
)
CRYPTO_PAYLOAD_NOT_JSON = ErrorCode(
    code="ISO-4003",
    status=400,
    name="CRYPTO_PAYLOAD_NOT_JSON",
    side="server",
    message="The payload is not JSON.",
    hint="The payload opened, but is not JSON as the server reads it.",
    causes=(
        "The client sealed a bare text or form data instead of a JSON text.",
        "The text is not UTF-8, or holds NaN, duplicate members, a lone surrogate or absurd nesting.",
    ),
    fix="Seal the UTF-8 bytes of a JSON text; a bare text must be in quotes.",
)
REPLAY_NONCE_REUSED = ErrorCode(
    code="ISO-5001",
    status=409,
    name="REPLAY_NONCE_REUSED",
    side="server",
    message="The request was already received.",
    hint="The nonce was already used in this session.",
    causes=(
        "A retry, of the client or of a proxy, sent the same bytes again.",
        "The client draws its nonces from a counter that restarted, or from a generator seeded twice.",
        "Somebody replays recorded traffic.",
    ),
    fix="Draw 12 fresh random bytes and sign anew for every attempt; turn off automatic retries of proxies.",
)
WIRE_INVALID_PAYLOAD_FORMAT = ErrorCode(
    code="ISO-6001",
    status=400,
    name="WIRE_INVALID_PAYLOAD_FORMAT",
    side="both",
    message="The body does not have the expected form.",
    hint="The body is not the expected object with the texts `ct` and `n`, or is too large.",
    causes=(
        "The payload was sent in plain, or a body parser changed it.",
        "`ct` or `n` is a number array, or has another name (`iv`, `nonce`, `data`).",
        "The nonce is not 12 bytes.",
        "The body is over the limit of the server.",
        "On the client: the answer is not encrypted, which a proxy could also have caused.",
    ),
    fix='Send {"ct": "<base64>", "n": "<base64 of 12 bytes>"}, Content-Type: application/json.',
)
WIRE_DECODE_FAILED = ErrorCode(
    code="ISO-6002",
    status=400,
    name="WIRE_DECODE_FAILED",
    side="server",
    message="A value could not be decoded.",
    hint="`ct`, `n` or `pk` is not base64.",
    causes=(
        "URL-safe base64 (- and _), or missing padding.",
        "Line breaks or spaces inside the text.",
        "Hex instead of base64.",
    ),
    fix="Use RFC 4648 section 4: the standard alphabet, with padding, without white space.",
)
STREAM_MISSING_NONCE_HEADER = ErrorCode(
    code="ISO-7001",
    status=502,
    name="STREAM_MISSING_NONCE_HEADER",
    side="client",
    message="The stream carries no nonce.",
    hint="There is no usable X-Nen-Stream-Nonce header on a stream.",
    causes=(
        "The route streams in plain: it is not behind the Nen middleware.",
        "In a browser: the header is not in Access-Control-Expose-Headers.",
        "A proxy dropped the header.",
    ),
    fix="Serve the route through Nen, and expose the header to CORS clients.",
)
STREAM_REQUEST_FAILED = ErrorCode(
    code="ISO-7002",
    status=502,
    name="STREAM_REQUEST_FAILED",
    side="client",
    message="The stream failed.",
    hint="The stream was answered with a status other than 2xx, without a body, or ended before its final event.",
    causes=(
        "The server refused the request; its own ISO code is in the detail of this error.",
        "The connection broke, a proxy timed out, or the handler failed in the middle.",
        "Somebody cut the stream short.",
    ),
    fix="Treat what arrived as incomplete. Look at the server's log; raise the idle timeouts of proxies; turn off buffering.",
)
INTERNAL = ErrorCode(
    code="ISO-9000",
    status=500,
    name="INTERNAL",
    side="server",
    message="Something went wrong on the server.",
    hint="Anything that is not classified: an error of the application or of the session store.",
    causes=(
        "The application's handler raised an exception; it is in the server's log.",
        "The session store cannot be reached; requests are refused rather than let through unchecked.",
    ),
    fix="Read the server's log at the time of the request. No malformed request should cause this code: report it if one does.",
)

CATALOGUE: dict[str, ErrorCode] = {
    entry.code: entry
    for entry in (
        HANDSHAKE_MISSING_PUBLIC_KEY, HANDSHAKE_FAILED, HANDSHAKE_NETWORK, HANDSHAKE_BAD_RESPONSE,
        SESSION_NOT_INITIALIZED, SESSION_INVALID_OR_EXPIRED, SESSION_HEADER_MISSING,
        AUTH_SIGNATURE_MISSING, AUTH_SIGNATURE_INVALID, AUTH_TIMESTAMP_OUT_OF_WINDOW,
        AUTH_IDENTITY_SIGNATURE_INVALID, AUTH_NONCE_MISSING, AUTH_SERVER_IDENTITY_INVALID, AUTH_TRANSCRIPT_MISMATCH,
        CRYPTO_DECRYPT_FAILED, CRYPTO_ENCRYPT_FAILED, CRYPTO_PAYLOAD_NOT_JSON,
        REPLAY_NONCE_REUSED,
        WIRE_INVALID_PAYLOAD_FORMAT, WIRE_DECODE_FAILED,
        STREAM_MISSING_NONCE_HEADER, STREAM_REQUEST_FAILED,
        INTERNAL,
    )
}  # fmt: skip


class NenError(Exception):
    """A failure with its entry of the catalogue.

    `detail` is the diagnosis of this occurrence, for the log of the side that raised it: it names members, lengths
    and steps, never the content of a key, a signature or a payload. `remote` is true where a client reports the code
    that the server sent.
    """

    def __init__(self, entry: ErrorCode, detail: str = "", *, remote: bool = False) -> None:
        super().__init__(entry, detail)
        self.entry = entry
        self.detail = detail
        self.remote = remote

    @property
    def code(self) -> str:
        return self.entry.code

    @property
    def status(self) -> int:
        return self.entry.status

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.entry.code}, {self.detail!r})"

    def __str__(self) -> str:
        said_by = " (answered by the server)" if self.remote else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.entry.code} {self.entry.name}{said_by}{detail}"


class HandshakeError(NenError):
    """ISO-1xxx: no session came about."""


class SessionError(NenError):
    """ISO-2xxx: there is no such session."""


class AuthError(NenError):
    """ISO-3xxx: a request, an identity or a transcript could not be authenticated."""


class CryptoError(NenError):
    """ISO-4xxx: a payload could not be opened, read or sealed."""


class ReplayError(NenError):
    """ISO-5xxx: a request came twice."""


class WireError(NenError):
    """ISO-6xxx: a body is not of the expected form."""


class StreamError(NenError):
    """ISO-7xxx: a stream is missing, broken or incomplete."""


class InternalError(NenError):
    """ISO-9xxx: unclassified."""


_FAMILIES: dict[str, type[NenError]] = {
    "1": HandshakeError,
    "2": SessionError,
    "3": AuthError,
    "4": CryptoError,
    "5": ReplayError,
    "6": WireError,
    "7": StreamError,
    "9": InternalError,
}


def failure(entry: ErrorCode, detail: str = "", *, remote: bool = False) -> NenError:
    """The exception for `entry`, of the class of its family."""
    return _FAMILIES[entry.code[4]](entry, detail, remote=remote)


def error_body(entry: ErrorCode) -> bytes:
    """The body that the other side sees: code and safe message, nothing else. V1-ERR-01, V1-ERR-02."""
    return json.dumps({"error": {"code": entry.code, "message": entry.message}}, separators=(",", ":")).encode()

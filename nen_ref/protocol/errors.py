"""The error catalogue: the 23 codes of Nen, and the exceptions that carry them.

A code is permanent: it is never reused and never renumbered. `message` is what the other side sees, the same text
for every occurrence (V1-ERR-02). `hint` is the diagnosis for the log. `causes`, the likeliest
first, `tell`, how to tell them apart, and `fix` are for the person who looks the code up (`nen-ref explain ISO-3002`).
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
    tell: tuple[str, ...]
    fix: str


HANDSHAKE_MISSING_PUBLIC_KEY = ErrorCode(
    code="ISO-1001",
    status=400,
    name="HANDSHAKE_MISSING_PUBLIC_KEY",
    side="server",
    message="The handshake carries no public key.",
    hint="The handshake body has no usable public key: `pk`, in V3 `pk_kem` and, for hybrid, `pk_x`.",
    causes=(
        "The body is not a JSON object: empty, form-encoded, or swallowed by a proxy or a body parser.",
        "The member has another name (`publicKey`, `ek`), or is not a text: a number array or a Uint8Array put "
        "through JSON.stringify.",
        "The two sides speak different versions: a server of V1 or V2 looks for `pk`, one of V3 for `pk_kem` and `pk_x`.",
        "V3: `pk_x` is missing, and `securityMode` is not the text `pqc-only`, so that it means hybrid.",
    ),
    tell=(
        "Log the raw body where the server reads it. Empty or `a=b&c=d`: a proxy, a body parser or the Content-Type. A JSON object: look at the name and the type of the member.",
        '`pk_kem` is V3, `pk` alone V1 or V2: compare with the versions that the server offers. `[12, 240, ...]` or `{"0": 12}` a byte array that was never made base64.',
    ),
    fix='Send {"pk": "<base64 of the 1184-byte ML-KEM-768 encapsulation key>"}, in V3 {"pk_kem": ..., "pk_x": "<base64 of 32 bytes>", "securityMode": "hybrid"}; and speak one version on both sides.',
)
HANDSHAKE_FAILED = ErrorCode(
    code="ISO-1002",
    status=500,
    name="HANDSHAKE_FAILED",
    side="both",
    message="The handshake could not be completed.",
    hint="A key or ciphertext of the handshake cannot be used: ML-KEM-768 (FIPS 203, section 7), or in V3 X25519.",
    causes=(
        "The key decodes to another length than 1184 bytes: a key of ML-KEM-512 or 1024, or DER around the raw key.",
        "The modulus check of FIPS 203 section 7.2 failed: a coefficient of the key is 3329 or more, so the bytes were "
        "damaged, or are in the order of the Kyber draft.",
        "On the client: the ciphertext is not 1088 bytes.",
        "V3: `pk_x` is not 32 bytes, or is a point of low order, with which X25519 gives 32 zero bytes; `rn` of a resumption is not 32 bytes.",
    ),
    tell=(
        "Decode `pk` and count its bytes: 800 is ML-KEM-512, 1568 is ML-KEM-1024, a few bytes over 1184 beginning with 30 82 is DER, 1184 is the modulus check.",
        "V3 in hybrid: decode `pk_x` and count its bytes. 44 or 91 is DER around the raw key, 65 a point of another curve; 32 bytes are a point of low order (00 or 01 and only 00, ff with ec, ed or ee in front, or one of two others), which no key generation gives.",
        "With 1184 bytes, compare the SHA-256 of the key on both sides: different means damaged on the way, the same means that the library encodes otherwise than FIPS 203.",
    ),
    fix="Send the raw keys, with nothing around them: all 1184 bytes of FIPS 203, and in V3 the 32 bytes of RFC 7748.",
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
    tell=(
        "Run `curl -i -X POST URL/api/nen/handshake` from where the client runs: `could not resolve` is DNS, `refused` is host, port or a server that is down, an error of the certificate is TLS.",
        "Where curl gets an answer and the client does not: the client uses another base URL or a proxy. Where both wait until their time is up: a firewall, or a server that hangs.",
    ),
    fix="Check the base URL and that POST /api/nen/handshake answers from where the client runs.",
)
HANDSHAKE_BAD_RESPONSE = ErrorCode(
    code="ISO-1004",
    status=502,
    name="HANDSHAKE_BAD_RESPONSE",
    side="client",
    message="The answer to the handshake cannot be used.",
    hint="The handshake was answered with a status other than 2xx, or without usable members: `sid`, `ct` and `hmac`, in V3 `sid`, `ct`, `pk_x_server` (hybrid) and no `hmac`.",
    causes=(
        "The path is not served by Nen: a 404 page, a login page, a redirect.",
        "The server refused the key; its own ISO code is in the body and in the detail of this error.",
        "The server speaks another version, or none that the client speaks, and answers with other members.",
        "V3: something between took `pk_x_server` out of the answer, or put another answer in its place.",
    ),
    tell=(
        "Look at the status. 404, 405 or 3xx: the path is not served by Nen. 4xx or 5xx with an ISO code in the body: the server refused, look that code up. 2xx: a member is missing or of the wrong length.",
        "An answer of type `text/html` comes from a proxy or a login page; one with `hmac` from a server of V1 or V2, one with `pk_x_server` or `ticket` and no `hmac` from one of V3.",
    ),
    fix="Look at status and body of the handshake answer; mount the Nen endpoints under /api/nen, and let the server offer the version that the client speaks.",
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
    tell=(
        "Did a handshake of this client object succeed before? If none was made, it was not awaited or failed silently; if one succeeded, look for a `terminate`, or a failed rotation, after it.",
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
        "The server no longer offers the version in which the session was made.",
    ),
    tell=(
        "How long after the handshake does it come? About one life of a session: expiry. At once, and only for a share of the requests: nodes that do not share a store. For all clients at the same moment: a restart.",
        "`GET /api/nen/status` with the session id, asked several times in a row: `true` and `false` in turn means several nodes; always `false` means that the session is gone.",
        "Only for the busiest clients: their bound of nonces. Only for the oldest sessions while many are made: the store is full.",
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
    tell=(
        "Look at the headers where the server reads them. No X-Nen header at all: no Nen client, or a proxy drops them. X-Nen-Signature is there and X-Nen-Session is not: the client.",
        "Only in browsers, and with an OPTIONS request before: CORS.",
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
    tell=(
        "Only for GET and DELETE: the client signs bodies only. For every request: it does not sign, or the header is dropped.",
        "Make the request with curl directly to the server, past the proxy: if the code is gone, the proxy drops the header.",
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
        "The key is the shared secret instead of the `hmac` of the handshake (V3: instead of k_mac), or is used as text instead of 32 bytes.",
        "From V2 on, a request without a body is signed with the nonce of X-Nen-Nonce, in V1 with none: the two sides speak different versions.",
        "V3: one side has taken new keys by a rekey and the other has not, or the request was under way while they changed.",
        "The signature is in hex or in URL-safe base64.",
    ),
    tell=(
        "Does it fail for every request, or for some? For every one: the key, the encoding of the signature or of the line feeds, the unit of the timestamp. Only with a query, an escape or a prefix in the URL: PATH. Only with a body, or only without one: NONCE.",
        "V3, and only after a rekey: its answer did not reach the client, or somebody else made it. Always after a rekey with many requests at once: those that were under way.",
        "Decode the signature: it must be 32 bytes. 48 is hex that was read as base64; a text with `-` or `_` is the URL-safe alphabet.",
        "Sign a vector of `v1/request_signing` with your code: where that is right, the inputs differ and not the HMAC; print them on both sides.",
        "Right directly at the server and wrong behind the proxy: the proxy rewrites the path or the method.",
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
    tell=(
        "Count the digits: 13 are milliseconds, 10 are seconds, 16 are microseconds, anything that is not a digit is another format.",
        "With 13 digits, subtract it from the server's time. The same difference for every request is a clock; a difference that jumps is a queue, a retry or a device that slept.",
        "For all clients at once: the server's clock. For one: its own.",
    ),
    fix="Send Unix time in milliseconds, taken when the request is sent; sign again for every retry; mend the clock.",
)
AUTH_IDENTITY_SIGNATURE_INVALID = ErrorCode(
    code="ISO-3004",
    status=401,
    name="AUTH_IDENTITY_SIGNATURE_INVALID",
    side="server",
    message="The identity of the client could not be verified.",
    hint="V1 and V2: sigOfPk does not verify under sigPk, half of the identity is missing, or this server wants another one. V3 has no identity of the client: this server requires one.",
    causes=(
        "The signature is over the base64 text of the key instead of its 1184 raw bytes.",
        "A context string was used, or the pre-hash variant HashML-DSA.",
        "`sigPk` is not the DER SubjectPublicKeyInfo of ML-DSA-65, or only one of `sigPk` and `sigOfPk` was sent.",
        "The server requires an identity and none was sent, or it pins another key.",
        "V3: the server requires an identity of its clients, and V3 has none.",
    ),
    tell=(
        "A handshake with `pk_kem` is V3: the server requires what V3 does not have. Otherwise decode both members: `sigPk` must be 1974 bytes (1952 is the bare key, taken as well), `sigOfPk` 3309. Another length is the encoding or the parameter set.",
        "With the right lengths, verify `sigOfPk` yourself: right over the 1580 characters of the base64 text means that the text was signed; right with a context means that one was used; right over a hash means HashML-DSA.",
        "Right by your own check, and refused by the server: it pins another key.",
    ),
    fix="Sign the raw encapsulation key with pure ML-DSA-65, empty context, and send both members; require no identity of clients that speak V3.",
)
AUTH_NONCE_MISSING = ErrorCode(
    code="ISO-3005",
    status=401,
    name="AUTH_NONCE_MISSING",
    side="server",
    message="The request carries no nonce.",
    hint="V2 and V3: there is no X-Nen-Nonce header, or an empty one.",
    causes=(
        "A V1 client talks to a server that offers V2 and not V1, or the session was made by a V3 handshake and the request is written as in V1.",
        "A proxy or CORS dropped the header: it is not in Access-Control-Allow-Headers.",
        "The client sets the header only where there is a body.",
    ),
    tell=(
        "A request with `n` in the body and without X-Nen-Nonce is one of V1. Otherwise compare the headers that the client sends with those that arrive.",
        "Only for GET, HEAD and DELETE: the client has a nonce for bodies only. Only in browsers: CORS.",
    ),
    fix="From V2 on every request, with or without a body, carries X-Nen-Nonce.",
)
AUTH_SERVER_IDENTITY_INVALID = ErrorCode(
    code="ISO-3006",
    status=401,
    name="AUTH_SERVER_IDENTITY_INVALID",
    side="client",
    message="The server did not prove the expected identity.",
    hint="V3 client: the server identity is absent, unreadable, or not the pinned key.",
    causes=(
        "The server has no identity key configured, or has another one than before.",
        "Only some nodes of the server have the key.",
        "Something between client and server answers in its place.",
    ),
    tell=(
        "Is there a `server_id_pk` in the answer to the handshake? None: the server has no key configured. Another key than the pinned one: ask its operator by another way whether it was changed.",
        "Now one and now the other: nodes that do not have the same key.",
    ),
    fix="Compare the pinned key with the server's; if they should agree, treat the connection as intercepted.",
)
AUTH_TRANSCRIPT_MISMATCH = ErrorCode(
    code="ISO-3007",
    status=401,
    name="AUTH_TRANSCRIPT_MISMATCH",
    side="client",
    message="The signed transcript of the handshake does not match.",
    hint="V3 client: server_sig does not verify over the transcript that the client saw, or server_nonce does not commit to `ct` and `pk_x_server` though the client demands it.",
    causes=(
        "The two sides hash different transcripts: length prefixes (u32, big-endian), raw bytes or base64 text, `pk_x` in pqc-only (empty), or `sid` differ.",
        "The client demands the bound nonce, and the server draws its nonce at random, as published.",
        "Something between client and server changed the handshake, or answers with keys of its own.",
    ),
    tell=(
        "The detail says which: the signature, or the nonce. The nonce alone, and always: this server does not bind it. The nonce, where it was right before: somebody is in between.",
        "The signature: compare the hash of each input of the transcript on both sides. One differs: it was changed on the way, or read otherwise. None differs: the two sides join them differently.",
    ),
    fix="Print the transcript inputs on both sides; if they agree on paper, treat the connection as intercepted. Demand the bound nonce only of servers that are known to have it.",
)
CRYPTO_DECRYPT_FAILED = ErrorCode(
    code="ISO-4001",
    status=400,
    name="CRYPTO_DECRYPT_FAILED",
    side="both",
    message="The payload could not be opened.",
    hint="The Poly1305 tag check failed.",
    causes=(
        "Wrong key: the `hmac` of the handshake instead of the shared secret, a key derivation that V1 and V2 do not have, or in V3 the shared secret instead of k_enc.",
        "V3: a label of the key schedule, the order of the two secrets (X25519 first), or the salt (none) differs.",
        "The two sides hold different secrets: ML-KEM answers a damaged ciphertext with another secret, not with an error.",
        "The tag is missing, in front, or sent apart; Nen appends it to the ciphertext.",
        "The nonce in `n`, from V2 on in X-Nen-Nonce, is not the one that sealed the payload, or there is associated data; Nen has none.",
        "The text was altered on the way. On a stream: an event was lost, repeated or reordered.",
        "On the client: the answer repeats a nonce, and is a reflection or a replay.",
    ),
    tell=(
        "Does the first payload after a handshake fail, or a later one? The first: the key, the layout of the tag, or the nonce. A later one: the text was altered, or nonce and text are of different messages.",
        "Compare a hash of the shared secret on both sides (in a test, never in a log): if it differs, the ciphertext or the key of the handshake was damaged; if it is the same, compare nonce and length: the sealed text is 16 bytes longer than the payload.",
        "Open `v1/payload_open/` vectors with your code: where these open, your AEAD is right and the inputs differ.",
        "On a stream, look at the number of the event: the first fails with a wrong base nonce or counter, a later one with an event that was lost, repeated or moved.",
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
    tell=(
        "Look at the server's log: whether it was the stream or the payload. No application reaches either by accident; look for a handler that streams without an end.",
    ),
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
    tell=(
        "The payload has opened, so keys and nonces are right. Print its first bytes in the client, before sealing: `{`, `[`, a quote or a digit begins JSON; `a=b` is a form, a letter a bare text.",
        "Where it looks like JSON: feed it to a strict parser. NaN and Infinity come from numbers, duplicate members from hand-made JSON, bytes over 127 that are not UTF-8 from a wrong encoding.",
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
    tell=(
        "Compare the refused request with the accepted one. The same bytes, a moment later: a retry. The same nonce and another timestamp or payload: the client's generator, which must be mended at once, as two payloads under one nonce betray both.",
        "The same bytes from another address, or long after: somebody replays.",
        "Only the first requests after a restart or a fork: a generator that begins anew with the same seed.",
    ),
    fix="Draw 12 fresh random bytes and sign anew for every attempt; turn off automatic retries of proxies.",
)
WIRE_INVALID_PAYLOAD_FORMAT = ErrorCode(
    code="ISO-6001",
    status=400,
    name="WIRE_INVALID_PAYLOAD_FORMAT",
    side="both",
    message="The body does not have the expected form.",
    hint="The body is not the expected object with the text `ct`, in V1 and in every answer also `n`; or a nonce is not 12 bytes; or the body is too large.",
    causes=(
        "The payload was sent in plain, or a body parser changed it.",
        "`ct` or `n` is a number array, or has another name (`iv`, `nonce`, `data`).",
        "The nonce is not 12 bytes.",
        "The body is over the limit of the server.",
        "A V2 client talks to a server of V1, which looks for `n` in the body.",
        "V2 and V3: the route requires a body, and none came; something in between may have taken it off.",
        "On the client: the answer is not encrypted, which a proxy could also have caused.",
    ),
    tell=(
        "Look at the body as it arrives. No `ct`: it was sent in plain, or under another name. `ct` is there: look at the type of both members, then count the bytes of `n`, which must be 12.",
        "Only for large bodies: the limit of the server. Only behind a framework: a body parser that ran before Nen.",
        "On a client, an answer in plain: a request directly to the server tells whether the server or something between sent it.",
    ),
    fix='Send {"ct": "<base64>", "n": "<base64 of 12 bytes>"}, from V2 on {"ct": "<base64>"} with X-Nen-Nonce, Content-Type: application/json.',
)
WIRE_DECODE_FAILED = ErrorCode(
    code="ISO-6002",
    status=400,
    name="WIRE_DECODE_FAILED",
    side="both",
    message="A value could not be decoded.",
    hint="`ct`, a nonce, or a key of the handshake is not base64.",
    causes=(
        "URL-safe base64 (- and _), or missing padding.",
        "Line breaks or spaces inside the text.",
        "Hex instead of base64.",
    ),
    tell=(
        "Look at the characters. `-` or `_`: URL-safe. A length that is no multiple of 4: missing padding. A line feed or a space: MIME base64, or a `+` that a form parser turned into a space. Only 0-9 and a-f: hex.",
        "Where all looks right, the unused bits of the last character are not zero: a hand-written encoder.",
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
    tell=(
        "Ask for the same route with curl: if the header is there, the browser hides it (CORS) or the client looks for another name; if not, the route is not behind Nen, or a proxy drops it.",
        "Readable text in the events means that the route streams in plain. A header that is there and is not base64 of 12 bytes has this code too.",
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
    tell=(
        "Look at the status. Not 2xx: the request was refused, the server's code is in the detail. 2xx and no event at all: a proxy that buffers. 2xx and some events: it was cut.",
        "Always after the same time: an idle timeout of a proxy. At any time, with an error in the server's log: the handler. At any time, without one: the network, or somebody who cuts.",
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
    tell=(
        "The server's log has a line for each: the traceback of a handler is the application, a line that names the store is the store.",
        "On one route only: its handler. On every route at once: the store. Neither, and a malformed request provokes it: a bug of the server; the conformance suite has cases for it.",
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

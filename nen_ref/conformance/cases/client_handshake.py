"""Handshakes, seen from the server: sections 2 and 3 of the specification, on the client's side."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

from nen_ref.conformance.client_probe import Client, ClientProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import with_unused_bits
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.conformance.scripted import Response, Script, Seen, as_it_should, error_response, json_response
from nen_ref.primitives.errors import PrimitiveError
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.errors import HANDSHAKE_FAILED, SESSION_INVALID_OR_EXPIRED, NenError
from nen_ref.protocol.identity import verify_identity
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64, parse_json_object

HANDSHAKE = ("client.new", "client.handshake", "client.close")
REQUEST = (*HANDSHAKE, "client.request")

SEVERAL = 5  # handshakes for one, where the first fails: a client may try again, but not for ever

NO_KEYS = "the client goes on without keys, or with keys that somebody else chose"
UNUSABLE = "a client that takes half an answer fails later, where nobody can tell why"
LOST = "the caller cannot tell a dead network from a broken server"


# By the handshake that a version has: where the client puts its ML-KEM key, and the binary members of the answer.
KEM_KEY = {"v1": "pk", "v3": "pk_kem"}
BINARY = {"v1": ("ct", "hmac"), "v3": ("ct", "pk_x_server")}


def members(answer: Response) -> dict[str, Any]:
    return parse_json_object(answer.body)


def binary(probe: ClientProbe) -> tuple[str, str]:
    """The names of the binary members that an answer to a handshake has to have: the ciphertext, and a key."""
    return BINARY[probe.server.version.family]


def altered(probe: ClientProbe, **changes: Any) -> Script:
    """Right answers to handshakes with some members replaced; a member given as None is left out."""

    def script(seen: Seen) -> Response:
        right = members(probe.server.handshake(seen))
        return json_response({name: value for name, value in (right | changes).items() if value is not None})

    return script


async def refused_handshake(probe: ClientProbe, note: str, script: Script) -> None:
    """Judge a handshake that is answered so, and see that no session comes of it."""
    client = await probe.client()
    probe.server.on_handshake = script
    before = len(probe.server.handshakes)
    probe.judge(await client.handshake(), note)
    tried = len(probe.server.handshakes) - before
    probe.ensure(tried <= SEVERAL, f"{note}: {tried} handshakes for one")


async def sends_a_right_request(probe: ClientProbe, client: Client, note: str) -> None:
    """The keys of the handshake work: a request under them is right, and its answer opens."""
    probe.matches(await client.echo({"note": note}), note, {"payload": {"method": "POST", "body": {"note": note}}})
    probe.right_requests(note)


@case(
    "v1/client-handshake/completes",
    "V1-HS-06",
    ACCEPTED,
    needs=REQUEST,
    why="without the same two keys on both sides nothing works",
    cause="the secret is put through a key derivation, or another encapsulation key was sent than is kept",
)
async def completes(probe: ClientProbe) -> None:
    """A handshake gives the client the keys that the server has: its first request is right, and the answer opens."""
    client = await probe.client()
    probe.judge(await client.handshake())
    await sends_a_right_request(probe, client, "the first request")


@case(
    "v1/client-handshake/public-key",
    "V1-WIRE-01",
    ACCEPTED,
    needs=HANDSHAKE,
    why="a server refuses any other key",
    cause="the key is sent in hex, as a number array, in DER, or unpadded",
)
async def public_key(probe: ClientProbe) -> None:
    """The handshake is JSON, and its ML-KEM key strict base64 of 1184 bytes that pass the check of FIPS 203."""
    client = await probe.client()
    probe.judge(await client.handshake())
    for seen in probe.server.handshakes:
        probe.ensure(_pk_fault(seen) == "", _pk_fault(seen) or "the key is right")
        probe.ensure(seen.method == "POST", f"method {seen.method}")
    probe.count("handshakes", len(probe.server.handshakes), 1)


def _pk_fault(seen: Seen) -> str:
    try:
        name = KEM_KEY[seen.version.family]
        pk = parse_json_object(seen.body).get(name)
        if not isinstance(pk, str):
            return f"{name} is not a text"
        REFERENCE.ml_kem_768_check_ek(decode_base64(pk))
    except (Malformed, PrimitiveError) as fault:
        return f"the handshake is wrong: {fault}"
    return ""


@case(
    "v1/client-handshake/fresh-key",
    "V1-HS-10",
    ACCEPTED,
    needs=HANDSHAKE,
    why="who learns one key pair reads every session made with it: no forward secrecy",
    cause="the key pair is made once, when the module is loaded",
)
async def fresh_key(probe: ClientProbe) -> None:
    """Four handshakes, two of one client and two of others, send four different keys."""
    first = await probe.client()
    for client in (first, first, await probe.client(), await probe.client()):
        probe.judge(await client.handshake())
    keys = {kem_key(seen) for seen in probe.server.handshakes}
    probe.count("different keys", len(keys), 4)


def kem_key(seen: Seen) -> str:
    """The text of the ML-KEM key in a handshake of the client."""
    return members_text(seen, KEM_KEY[seen.version.family])


def members_text(seen: Seen, name: str) -> str:
    try:
        return str(parse_json_object(seen.body).get(name))
    except Malformed:
        return ""


@case(
    "v1/client-handshake/nothing-secret-sent",
    "V1-HS-10",
    ACCEPTED,
    needs=HANDSHAKE,
    why="whoever reads the handshake reads the session",
    cause="the whole key pair is serialised",
)
async def nothing_secret_sent(probe: ClientProbe) -> None:
    """No member of the handshake holds the decapsulation key, or the seeds that it is made of."""
    client = await probe.client()
    probe.judge(await client.handshake())
    for seen in probe.server.handshakes:
        ek = decode_base64(kem_key(seen))
        for name, value in parse_json_object(seen.body).items():
            probe.ensure(not any(_gives_dk(raw, ek) for raw in _readings(value)), f"{name} holds the private key")


def _readings(value: object) -> list[bytes]:
    """The bytes that a text may stand for."""
    found: list[bytes] = []
    if isinstance(value, str):
        with suppress(ValueError):
            found.append(base64.b64decode(value + "=" * (-len(value) % 4)))
        with suppress(ValueError):
            found.append(bytes.fromhex(value))
    return found


def _gives_dk(raw: bytes, ek: bytes) -> bool:
    """Whether these bytes are, or make, the decapsulation key of ek: FIPS 203, algorithm 16 and section 7.1."""
    if len(raw) == 64:
        halves = (raw[:32], raw[32:])
        return any(REFERENCE.ml_kem_768_keygen(*seeds)[0] == ek for seeds in (halves, halves[::-1]))
    return ek in raw and len(raw) > len(ek)


@case(
    "v1/client-handshake/identity",
    "V1-ID-01",
    ACCEPTED,
    needs=(*HANDSHAKE, "identity_seed"),
    why="a server that requires identities refuses the client",
    cause="the signature is over the base64 text, over a hash, or made with a context",
    only=("v1", "v2"),
)
async def identity(probe: ClientProbe) -> None:
    """A client with an identity proves it: sigPk is its key, and sigOfPk verifies over the raw bytes of ek."""
    seed = random_bytes(32)
    client = await probe.client(identity_seed=seed)
    probe.judge(await client.handshake())
    pk = REFERENCE.ml_dsa_65_keygen(seed)[0]
    for seen in probe.server.handshakes:
        probe.ensure(_proven(seen) == pk, "the identity is not proven" if _proven(seen) != pk else "proven")


@case(
    "v1/client-handshake/identity-encoding",
    "V1-ID-02",
    ACCEPTED,
    needs=(*HANDSHAKE, "identity_seed"),
    why="other servers cannot read the key",
    cause="the bare key is sent, or the algorithm identifier carries parameters",
    only=("v1", "v2"),
)
async def identity_encoding(probe: ClientProbe) -> None:
    """sigPk is 1974 bytes of SubjectPublicKeyInfo and sigOfPk 3309 bytes."""
    client = await probe.client(identity_seed=random_bytes(32))
    probe.judge(await client.handshake())
    for seen in probe.server.handshakes:
        for name, size in (("sigPk", 1974), ("sigOfPk", 3309)):
            found = _size(seen, name)
            probe.ensure(found == size, f"{name} of {found} bytes")


@case(
    "v1/client-handshake/identity-signs-each-key",
    "V1-ID-01",
    ACCEPTED,
    needs=(*HANDSHAKE, "identity_seed"),
    why="a signature that is not over this key proves nothing about it",
    cause="the signature is cached with the identity",
    only=("v1", "v2"),
)
async def identity_signs_each_key(probe: ClientProbe) -> None:
    """Each of two handshakes signs its own key."""
    client = await probe.client(identity_seed=random_bytes(32))
    for _ in range(2):
        probe.judge(await client.handshake())
    for number, seen in enumerate(probe.server.handshakes):
        proven = _proven(seen) is not None
        probe.ensure(proven, f"handshake {number}: the signature is{'' if proven else ' not'} over its own key")


def _proven(seen: Seen) -> bytes | None:
    try:
        found = parse_json_object(seen.body)
        return verify_identity(found, decode_base64(str(found.get("pk"))))
    except (Malformed, NenError):
        return None


def _size(seen: Seen, name: str) -> int:
    try:
        return len(decode_base64(members_text(seen, name)))
    except Malformed:
        return -1


@case(
    "v1/client-handshake/unreachable",
    "V1-HS-11",
    "ISO-1003",
    needs=HANDSHAKE,
    why=LOST,
    cause="the exception of the HTTP library reaches the caller",
)
async def unreachable(probe: ClientProbe) -> None:
    """A handshake with a port where nobody listens is ISO-1003."""
    client = await probe.client(base_url="http://127.0.0.1:1")
    probe.judge(await client.handshake())


@case(
    "v1/client-handshake/connection-closed",
    "V1-HS-11",
    "ISO-1003",
    "ISO-1004",
    needs=HANDSHAKE,
    why=LOST,
    cause="the exception of the HTTP library reaches the caller",
)
async def connection_closed(probe: ClientProbe) -> None:
    """A connection that closes in the middle of the answer is ISO-1003, or ISO-1004."""
    right = b'{"sid":"s","ct":"'
    await refused_handshake(
        probe, "cut in the body", lambda seen: Response(200, (("content-type", "application/json"),), (right,), "cut")
    )


@case(
    "v1/client-handshake/hang",
    "V1-HS-15",
    "ISO-1003",
    "ISO-1004",
    needs=HANDSHAKE,
    why="one silent server stops everything that waits for this client",
    cause="the HTTP library has no time limit unless told",
)
async def hang(probe: ClientProbe) -> None:
    """A handshake that is never answered ends after a while, with ISO-1003."""
    await refused_handshake(
        probe, "no answer", lambda seen: Response(200, (("content-type", "application/json"),), (), "hang")
    )


@case(
    "v1/client-handshake/refused",
    "V1-HS-12",
    "ISO-1004",
    needs=HANDSHAKE,
    why=NO_KEYS,
    cause="the status is not looked at",
)
async def refused(probe: ClientProbe) -> None:
    """A handshake answered 400, 401, 403, 404, 429, 500 or 503 is ISO-1004, also where the body looks right."""
    for status in (400, 401, 403, 404, 429, 500, 503):
        await refused_handshake(
            probe, f"status {status}", lambda seen, status=status: _with_status(probe.server.handshake(seen), status)
        )
    await refused_handshake(probe, "500 ISO-1002", lambda seen: error_response(HANDSHAKE_FAILED))
    await refused_handshake(probe, "401 ISO-2002", lambda seen: error_response(SESSION_INVALID_OR_EXPIRED))


def _with_status(answer: Response, status: int) -> Response:
    return Response(status, answer.headers, answer.pieces)


@case(
    "v1/client-handshake/redirect",
    "V1-HS-16",
    "ISO-1004",
    needs=HANDSHAKE,
    why="a redirect moves the handshake to a host of the attacker's choice",
    cause="the HTTP library follows redirects unless told not to",
)
async def redirect(probe: ClientProbe) -> None:
    """A handshake answered with a redirect is ISO-1004, and nothing is sent where it points."""
    for status in (301, 302, 307, 308):
        target = f"{probe.server.url}/api/moved-{status}"
        await refused_handshake(
            probe, f"{status}", lambda seen, status=status, target=target: Response(status, (("location", target),))
        )
    moved = [seen.target for seen in probe.server.seen if "moved" in seen.target]
    probe.ensure(not moved, f"followed to {', '.join(moved)}" if moved else "not followed")


@case(
    "v1/client-handshake/not-json",
    "V1-HS-13",
    "ISO-1004",
    needs=HANDSHAKE,
    why=UNUSABLE,
    cause="the exception of the JSON parser reaches the caller",
)
async def not_json(probe: ClientProbe) -> None:
    """A 200 that is a page, empty, cut off, not UTF-8, a list or a text is ISO-1004."""
    for note, body in {
        "a page": b"<!doctype html><title>Welcome</title>",
        "empty": b"",
        "cut off": b'{"sid":"s","ct":"AAAA"',
        "not UTF-8": b'{"sid":"\xff"}',
        "a list": b"[]",
        "a text": b'"ok"',
        "null": b"null",
    }.items():
        await refused_handshake(probe, note, lambda seen, body=body: json_response(body))


@case(
    "v1/client-handshake/member-missing",
    "V1-HS-12",
    "ISO-1004",
    needs=HANDSHAKE,
    why=NO_KEYS,
    cause="the member is read without a look whether it is there",
)
async def member_missing(probe: ClientProbe) -> None:
    """An answer without sid, or without ct, is ISO-1004."""
    await refused_handshake(probe, "no sid", altered(probe, sid=None))
    await refused_handshake(probe, "no ct", altered(probe, ct=None))


@case(
    "v1/client-handshake/hmac-missing",
    "V1-HS-13",
    "ISO-1004",
    needs=HANDSHAKE,
    why="a client without an HMAC key signs with an empty one, which anybody can do too",
    cause="an absent key becomes the empty key",
    only=("v1", "v2"),
)
async def hmac_missing(probe: ClientProbe) -> None:
    """An answer without hmac is ISO-1004."""
    await refused_handshake(probe, "no hmac", altered(probe, hmac=None))
    await refused_handshake(probe, "an empty hmac", altered(probe, hmac=""))


@case(
    "v1/client-handshake/member-mistyped",
    "V1-HS-13",
    "ISO-1004",
    needs=HANDSHAKE,
    why=UNUSABLE,
    cause="values are converted to text or bytes without a look at their type",
)
async def member_mistyped(probe: ClientProbe) -> None:
    """A sid, ct or key that is a number, a list, an object, true or the empty text is ISO-1004."""
    for name in ("sid", *binary(probe)):
        for value in (7, [1, 2, 3], {"a": 1}, True, ""):
            await refused_handshake(probe, f"{name} is {value!r}", altered(probe, **{name: value}))


@case(
    "v1/client-handshake/number-arrays",
    "V1-WIRE-03",
    "ISO-1004",
    "ISO-6001",
    "ISO-6002",
    needs=HANDSHAKE,
    why="two ways to write one value",
    cause="arrays of numbers are taken for bytes",
)
async def number_arrays(probe: ClientProbe) -> None:
    """A right ciphertext or key as an array of numbers is refused: ISO-1004, ISO-6001 or ISO-6002."""

    def script(name: str) -> Script:
        def as_numbers(seen: Seen) -> Response:
            right = members(probe.server.handshake(seen))
            return json_response(right | {name: list(decode_base64(right[name]))})

        return as_numbers

    for name in binary(probe):
        await refused_handshake(probe, name, script(name))


@case(
    "v1/client-handshake/member-undecodable",
    "V1-HS-13",
    "ISO-1004",
    needs=HANDSHAKE,
    why=UNUSABLE,
    cause="the decoder skips what it does not know",
)
async def member_undecodable(probe: ClientProbe) -> None:
    """A ct or key that is not base64, is unpadded, or holds white space is ISO-1004."""

    def script(name: str, change: Any) -> Script:
        def changed(seen: Seen) -> Response:
            right = members(probe.server.handshake(seen))
            return json_response(right | {name: change(right[name])})

        return changed

    for name in binary(probe):
        for note, change in {
            "not base64": lambda text: "*" + text[1:],
            "white space": lambda text: text[:8] + "\n" + text[8:],
            "unpadded": lambda text: text.rstrip("="),
            "unused bits": with_unused_bits,
        }.items():
            await refused_handshake(probe, f"{name}: {note}", script(name, change))


@case(
    "v1/client-handshake/wrong-length",
    "V1-HS-13",
    "ISO-1004",
    "ISO-1002",
    needs=HANDSHAKE,
    why=NO_KEYS,
    cause="the length is left to the decapsulation, which may read past the end or fill up with zeros",
)
async def wrong_length(probe: ClientProbe) -> None:
    """A ct of 0, 768, 1087, 1089 or 1568 bytes, or a key of 0, 16, 31, 33 or 64 bytes, is ISO-1004."""
    ct, key = binary(probe)
    for name, sizes in ((ct, (0, 768, 1087, 1089, 1568)), (key, (0, 16, 31, 33, 64))):
        for size in sizes:
            text = encode_base64(b"\x09" * size)
            await refused_handshake(probe, f"{name} of {size}", altered(probe, **{name: text}))


@case(
    "v1/client-handshake/session-id-unusable",
    "V1-HS-13",
    "ISO-1004",
    needs=HANDSHAKE,
    why="a session id with a line end in it writes headers of the server's choice into the client's requests",
    cause="the session id goes into the header as it came",
)
async def session_id_unusable(probe: ClientProbe) -> None:
    """A session id with a line end, a control character or a letter that no header can hold is ISO-1004."""
    for note, sid in {
        "line end": "abc\r\nx-evil: 1",
        "line feed": "abc\nd",
        "NUL": "abc\x00d",
        "non-ASCII": "s\u00e9ance",
        "spaces around": " abc ",
    }.items():
        await refused_handshake(probe, note, altered(probe, sid=sid))


@case(
    "v1/client-handshake/no-session-after-refusal",
    "V1-HS-13",
    "ISO-2001",
    "ISO-1004",
    needs=REQUEST,
    why="a request under keys that were never agreed on can be forged by whoever chose them",
    cause="the session is set before the answer is checked",
)
async def no_session_after_refusal(probe: ClientProbe) -> None:
    """After a handshake answered badly a request is ISO-2001 (or ISO-1004 of a further handshake), and none is sent."""
    for name in binary(probe):
        client = await probe.client()
        probe.server.on_handshake = altered(probe, **{name: "AAAA"})
        reply = await client.handshake()
        probe.ensure(reply.refused, f"a bad {name}: {reply.describe()}")
        probe.judge(await client.echo(), f"a request after a bad {name}")
    probe.count("requests sent", len(probe.server.requests), 0)


@case(
    "v1/client-handshake/further-members",
    "V1-WIRE-04",
    ACCEPTED,
    needs=REQUEST,
    why="a server that adds a member would lose its clients",
    cause="the answer is checked against a closed schema",
)
async def further_members(probe: ClientProbe) -> None:
    """An answer with further members, other member order and white space is accepted."""

    def script(seen: Seen) -> Response:
        right = members(probe.server.handshake(seen))
        text = ",\t".join(f'"{name}" :  "{value}"' for name, value in reversed(right.items()))
        return json_response(f'\r\n{{ "zzz" : [1, {{"sid":"no"}}], "expiresIn":3600, {text} }} \n'.encode())

    client = await probe.client()
    probe.server.on_handshake = script
    probe.judge(await client.handshake())
    await sends_a_right_request(probe, client, "the request afterwards")


@case(
    "v1/client-handshake/content-type-with-parameter",
    "V1-HS-01",
    ACCEPTED,
    needs=REQUEST,
    why="many frameworks add a charset",
    cause="the content type is compared as a whole",
)
async def content_type_with_parameter(probe: ClientProbe) -> None:
    """An answer of type application/json; charset=utf-8 is accepted."""
    client = await probe.client()
    probe.server.on_handshake = lambda seen: probe.server.handshake(seen).with_header(
        "content-type", "application/json; charset=utf-8"
    )
    probe.judge(await client.handshake())
    await sends_a_right_request(probe, client, "the request afterwards")


@case(
    "v1/client-handshake/altered-ciphertext",
    "V1-RES-07",
    "ISO-4001",
    needs=REQUEST,
    why="a client that takes answers under no key at all takes them from anyone",
    cause="the payload is handed out before the tag is checked, or the shared secret is ignored",
)
async def altered_ciphertext(probe: ClientProbe) -> None:
    """A ciphertext that was altered on the way gives the client another secret: no answer of the server opens."""

    def script(seen: Seen) -> Response:
        right = members(probe.server.handshake(seen))
        ct = bytearray(decode_base64(right["ct"]))
        ct[500] ^= 1
        return json_response(right | {"ct": encode_base64(bytes(ct))})

    client = await probe.client()
    probe.server.on_handshake = script
    reply = await client.handshake()
    probe.ensure(reply.ok, f"the handshake itself: {reply.describe()}; ML-KEM rejects implicitly")
    probe.server.on_request = lambda seen: seen.sealed({"method": "POST", "body": "hello"})
    probe.judge(await client.echo(), "the answer to a request")


@case(
    "v1/client-handshake/one-after-another",
    "V1-LIFE-10",
    ACCEPTED,
    needs=REQUEST,
    why="keys of an old session under the id of a new one: nothing opens any more",
    cause="id and keys are kept apart and replaced one by one",
)
async def one_after_another(probe: ClientProbe) -> None:
    """After a second handshake everything goes under the second session."""
    client = await probe.established()
    await sends_a_right_request(probe, client, "the first session")
    probe.judge(await client.handshake(), "the second handshake")
    await sends_a_right_request(probe, client, "the second session")
    sids = {seen.session.sid for seen in probe.server.requests if seen.session}
    probe.count("sessions used", len(sids), 2)


@case(
    "v1/client-handshake/failure-keeps-the-client",
    "V1-HS-12",
    ACCEPTED,
    needs=REQUEST,
    why="a server that was away for a moment would be lost for ever",
    cause="the client is left in a state that allows no further handshake",
)
async def failure_keeps_the_client(probe: ClientProbe) -> None:
    """After a handshake that failed, the next one succeeds."""
    client = await probe.client()
    probe.server.on_handshake = lambda seen: Response(503)
    reply = await client.handshake()
    probe.ensure(reply.refused, f"the first: {reply.describe()}")
    probe.server.on_handshake = as_it_should
    probe.judge(await client.handshake(), "the second")
    await sends_a_right_request(probe, client, "the request afterwards")

"""Targets: whatever reads bytes or texts by itself, and what has to hold for all that it accepts."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from random import Random

from nen_ref.primitives.errors import EncodingError
from nen_ref.primitives.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87
from nen_ref.primitives.ml_dsa_keys import decode_pkcs8_seed, decode_spki, encode_pkcs8_seed, encode_spki
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.attestation import Attestation, attest, verify_attestation
from nen_ref.protocol.client import refusal, stream_refusal
from nen_ref.protocol.errors import CATALOGUE, NenError, error_body
from nen_ref.protocol.handshake import Accepted, IdentityPolicy, answer_binary, public_key, respond
from nen_ref.protocol.handshake_v3 import SecurityMode, agree
from nen_ref.protocol.members import binary_member, ml_dsa_65_key
from nen_ref.protocol.messages import Reply, reported_code
from nen_ref.protocol.payload import dump_envelope, open_envelope, parse_envelope, seal
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.sse import EventReader, EventTooLarge
from nen_ref.protocol.tickets import TICKET_LIFE_MS, open_ticket
from nen_ref.protocol.versions import V3, ServerTerms
from nen_ref.protocol.wire import MAX_DEPTH, Malformed, decode_base64, dump_json, encode_base64, parse_json
from nen_ref.stores import records
from tests.fuzz import messages
from tests.fuzz.material import (
    EK,
    FAST,
    GOOD_TICKETS,
    IDENTITY,
    NAMED_SESSION,
    NOW,
    OTHER_IDENTITY,
    PK_X,
    PLAIN_SESSION,
    PSK,
    REPEATABLE,
    TICKET_KEYS,
    V3_SESSION,
    drawing,
    octets,
    texts,
    tickets,
    vectors,
)
from tests.fuzz.mutation import VALUES, mutate, mutate_json
from tests.fuzz.outcomes import Outcomes, Target, lawful, watching

EVENT_LIMIT = 2000  # bytes of an event, small enough to be exceeded


def pieces(data: bytes) -> Iterator[bytes]:
    """`data` cut at places that follow from its content; some of the pieces are empty."""
    rng = Random(zlib.crc32(data))
    step = max(rng.choice((1, 3, 50, 2000)), len(data) // 30)
    at = 0
    while at < len(data):
        size = rng.randint(0, step)
        yield data[at : at + size]
        at += size


# --- wire ------------------------------------------------------------------------------------------------------------


def run_json(data: bytes) -> Outcomes:
    """What is accepted is what the standard library reads, and not too deep."""
    try:
        value = parse_json(data)
    except Malformed as fault:
        lawful(
            fault.__context__ is None or fault.__suppress_context__, "Malformed that carries the text it complains of"
        )
        return [f"refused: {_kind(str(fault))}"]
    lawful(repr(value) == repr(json.loads(data.decode("utf-8"))), "another value than json reads")
    lawful(_depth(value) <= MAX_DEPTH, "too deep")
    return [f"accepted {type(value).__name__}"]


def _kind(text: str) -> str:
    return "a constant" if text.endswith("is not JSON") else text


def _depth(value: object) -> int:
    level, depth = [value], -1
    while level:
        depth += 1
        nested = [item for item in level if isinstance(item, (dict, list))]
        level = [child for item in nested for child in (item.values() if isinstance(item, dict) else item)]
        if nested and not level:
            depth += 1
    return depth


def run_base64(data: bytes) -> Outcomes:
    outcomes = []
    for text in (data.decode("latin-1"), data.decode("utf-8", "surrogateescape")):
        try:
            decoded = decode_base64(text)
        except Malformed as fault:
            outcomes.append(f"refused: {fault}")
        else:
            lawful(encode_base64(decoded) == text, "not the text of its bytes")
            outcomes.append("accepted")
    return outcomes


def run_error_body(data: bytes) -> Outcomes:
    code = reported_code(data)
    lawful(code is None or code in CATALOGUE, f"reported {code}")
    reply = Reply(500, {}, data)
    error = refusal(reply)
    lawful((error.code if error else None) == code and (error is None or error.remote), "another code in the exception")
    lawful(stream_refusal(reply).code == "ISO-7002", "a stream refused with another code")
    return ["none" if code is None else "a code"]


def run_envelope(data: bytes) -> Outcomes:
    try:
        envelope = parse_envelope(data)
    except NenError as error:
        lawful(error.code in ("ISO-6001", "ISO-6002"), f"a shape refused with {error.code}")
        return [error.code]
    lawful(parse_envelope(dump_envelope(envelope)) == envelope, "does not survive being written")
    try:
        open_envelope(PLAIN_SESSION.keys.enc, envelope, suite=FAST)
    except NenError as error:
        lawful(error.code == "ISO-4001", f"a ciphertext refused with {error.code}")
        return [error.code]
    return ["opened"]


# --- server-sent events ----------------------------------------------------------------------------------------------


def run_sse(data: bytes) -> Outcomes:
    """However the bytes are cut, the same events, and the same end."""
    whole, cut = _events([data]), _events(pieces(data))
    lawful(whole == cut, f"{len(whole)} events in one piece, {len(cut)} in many")
    return ["too large" if whole[-1:] == [None] else "some events" if whole else "no event"]


def _events(parts: Iterator[bytes] | list[bytes]) -> list[bytes | None]:
    reader = EventReader(EVENT_LIMIT)
    found: list[bytes | None] = []
    try:
        for part in parts:
            for event in reader.feed(part):
                lawful(len(event) <= EVENT_LIMIT, "an event beyond the limit")
                found.append(event)
    except EventTooLarge:
        found.append(None)
    return found


def draw_sse(rng: Random) -> bytes:
    """Lines of all kinds with all kinds of ends."""
    lines = (b"data: x", b"data:x", b"data", b"data:", b":comment", b"event: a", b"id: 1", b"retry: 5", b"",
    b"", b"other",
             b"DATA: x", b" data: x", b"data : x", b"data: " + b"y" * 700, b"\xef\xbb\xbfdata: x", b"\xff\xfe",
             b"data:\x00")  # fmt: skip
    ends = (b"\n", b"\r", b"\r\n")
    one = rng.choice((ends, ends[:1], ends[1:2], ends[2:]))
    return b"".join([rng.choice(lines) + rng.choice(one) for _ in range(rng.randint(1, 30))])


# --- keys ------------------------------------------------------------------------------------------------------------


def run_der(data: bytes) -> Outcomes:
    """What decodes is the one encoding of what it decodes to."""
    outcomes = []
    for params in (ML_DSA_44, ML_DSA_65, ML_DSA_87):
        for name, decode, encode in (
            ("spki", decode_spki, encode_spki),
            ("seed", decode_pkcs8_seed, encode_pkcs8_seed),
        ):
            try:
                inner = decode(params, data)
            except EncodingError:
                continue
            lawful(encode(params, inner) == data, "more than one encoding")
            outcomes.append(f"{name} of {params.name}")
    return outcomes or ["refused"]


@cache
def der_seeds() -> tuple[bytes, ...]:
    sets = (ML_DSA_44, ML_DSA_65, ML_DSA_87)
    own = [encode_spki(params, bytes(params.pk_size)) for params in sets] + [
        encode_pkcs8_seed(params, bytes(range(32))) for params in sets
    ]
    return (*own * 10, *octets("primitives/ml_dsa_65_spki_decode", "spki"))


# --- handshakes ------------------------------------------------------------------------------------------------------

_POLICIES = (
    IdentityPolicy(),
    IdentityPolicy(required=True),
    IdentityPolicy(pinned=frozenset((IDENTITY.pk,))),
    IdentityPolicy(pinned=frozenset()),
)


def run_handshake(data: bytes) -> Outcomes:
    """The server's answer to a handshake body, under one of four policies."""
    policy = _POLICIES[zlib.crc32(data) % 4]
    return [_respond(data, policy, FAST)]


def run_reference(data: bytes) -> Outcomes:
    """The same with our own primitives: another implementation's answer to every body."""
    ours, theirs = (_respond(data, IdentityPolicy(), suite) for suite in (REFERENCE, FAST))
    lawful(ours == theirs, f"{ours} with the reference, {theirs} with cryptography")
    return [ours]


def _respond(data: bytes, policy: IdentityPolicy, suite: Suite) -> str:
    try:
        accepted = respond(data, m=bytes(32), mac_key=bytes(32), sid="s", now=NOW, policy=policy, suite=suite)
    except NenError as error:
        lawful(error.code in ("ISO-1001", "ISO-1002", "ISO-3004", "ISO-6002"), f"a handshake refused with {error.code}")
        return error.code
    lawful(accepted.reply.status == 200 and len(accepted.session.keys.enc) == 32, "an answer that is none")
    return f"accepted {'with' if accepted.session.identity else 'without'} an identity"


def draw_handshake(rng: Random) -> bytes:
    body = rng.choice(messages.handshakes()) if rng.random() < 0.5 else rng.choice(messages.handshakes()[:2])
    if rng.random() < 0.6:
        with suppress(ValueError, RecursionError):
            return mutate_json(rng, json.loads(body))
    return body


# --- handshakes of V3 and what they carry ----------------------------------------------------------------------------

_TERMS = (
    ServerTerms(TICKET_KEYS),
    ServerTerms(TICKET_KEYS, identity=IDENTITY),
    ServerTerms(TICKET_KEYS, identity=IDENTITY, bound=False),
    ServerTerms(TICKET_KEYS, policy=IdentityPolicy(required=True)),
)


def run_handshake_v3(data: bytes) -> Outcomes:
    """The answer of V3 to a handshake body, a resumption among them, of one of four servers."""
    return [_respond_v3(data, _TERMS[zlib.crc32(data) % 4], FAST)]


def run_reference_v3(data: bytes) -> Outcomes:
    """The same with our own primitives."""
    ours, theirs = (_respond_v3(data, _TERMS[0], suite) for suite in (REFERENCE, FAST))
    lawful(ours == theirs, f"{ours} with the reference, {theirs} with cryptography")
    return [ours]


def _respond_v3(data: bytes, terms: ServerTerms, suite: Suite) -> str:
    try:
        outcome = V3.respond(data, terms, drawing(), "s", NOW, suite)
    except NenError as error:
        lawful(error.code in ("ISO-1001", "ISO-1002", "ISO-3004", "ISO-6002"), f"a handshake refused with {error.code}")
        lawful(error.code != "ISO-3004" or terms.policy.required, "an identity of the client demanded, in V3")
        return error.code
    if not isinstance(outcome, Accepted):
        lawful(
            outcome.reply == Reply(409, {"content-type": "application/json"}, b'{"resumed":false}'), "no such refusal"
        )
        return "declined"
    lawful(not terms.policy.required, "accepted without the identity that is demanded")
    lawful(outcome.session.family == "v3" and outcome.session.identity is None, "a session of another version")
    answer = parse_json(outcome.reply.body)
    lawful(isinstance(answer, dict) and "hmac" not in answer, "a key that is sent")
    keys = outcome.session.keys
    lawful(len({keys.enc, keys.mac}) == 2 and len(keys.enc) == len(keys.mac) == 32, "keys of another size, or the same")
    return "resumed" if b'"resumed":true' in outcome.reply.body else "accepted"


def draw_handshake_v3(rng: Random) -> bytes:
    bodies = messages.handshakes_v3()
    body = rng.choice(bodies) if rng.random() < 0.3 else rng.choice(bodies[: messages.OWN_V3])
    if rng.random() < 0.6:
        with suppress(ValueError, RecursionError):
            return mutate_json(rng, json.loads(body))
    return body


def run_ticket(data: bytes) -> Outcomes:
    """Any text as a ticket: it opens as what the server sealed, in its time, or not at all."""
    text = data.decode("utf-8", "surrogateescape")
    psk = open_ticket(text, TICKET_KEYS, NOW, suite=FAST)
    later = open_ticket(text, TICKET_KEYS, NOW + TICKET_LIFE_MS, suite=FAST)
    lawful(later is None, "a ticket that never expires")
    name = next((name for name, ticket in tickets().items() if ticket == text), "other")
    lawful((psk is not None) == (name in GOOD_TICKETS), f"a ticket: {name}")
    lawful(psk in (None, PSK), "another secret than was sealed")
    return [f"{name}: {'closed' if psk is None else 'opened'}"]


@cache
def ticket_seeds() -> tuple[bytes, ...]:
    """The tickets of the vectors are of other keys; some of what ours seal holds no ticket."""
    odd = (b"{}", b"[]", b"", b'{"psk":"","exp":1}', b'{"psk":"AAAA","exp":99999999999999}', b'{"psk":1,"exp":"1"}')
    sealed = [
        f"{encode_base64(bytes(12))}.{encode_base64(FAST.aead_seal(TICKET_KEYS.current, bytes(12), text))}"
        for text in (*odd, dump_json({"psk": encode_base64(PSK), "exp": True}), b'{"psk":"","exp":1e400}')
    ]
    own = [ticket.encode() for ticket in (*tickets().values(), *sealed)]
    return (*own * 5, *texts("v3/ticket_open", "ticket"))


ATTESTATIONS = (
    Attestation("/api/echo", SecurityMode.HYBRID, "2026-11-24T02:12:05.894Z"),
    Attestation("https://ü.example/\u2028", SecurityMode.PQC_ONLY, "now", "then", "later"),
)


@cache
def _signed_attestations() -> tuple[tuple[bytes, bytes], ...]:
    """(text, signature) of each."""
    return tuple(
        (attestation.signed_text, attest(IDENTITY, attestation, suite=REPEATABLE).signature)
        for attestation in ATTESTATIONS
    )


def run_attestation(data: bytes) -> Outcomes:
    """After a byte that chooses signature and key, the JSON text of an attestation."""
    choice, text = (data[0], data[1:]) if data else (0, b"")
    signature = (*(signature for _, signature in _signed_attestations()), b"", bytes(3309))[choice % 4]
    pinned = (IDENTITY, IDENTITY, IDENTITY, OTHER_IDENTITY)[choice // 4 % 4].pk
    try:
        members = parse_json(text)
    except Malformed:
        return ["not JSON"]
    if not isinstance(members, dict):
        return ["not an object"]
    found = verify_attestation(members, signature, pinned, suite=FAST)
    if found is None:
        return ["not attested"]
    lawful(found in ATTESTATIONS and pinned == IDENTITY.pk, "an attestation that nobody has signed")
    lawful(all(members[name] == value for name, value in found.members.items()), "another one than was shown")
    return ["attested"]


def draw_attestation(rng: Random) -> bytes:
    i = rng.randrange(len(ATTESTATIONS))
    text = _signed_attestations()[i][0]
    if rng.random() < 0.6:
        text = mutate_json(rng, json.loads(text))
    return bytes([i if rng.random() < 0.7 else rng.randrange(16)]) + text


def attestation_seeds() -> tuple[bytes, ...]:
    own = [bytes([i]) + text for i, (text, _) in enumerate(_signed_attestations())]
    return (*own * 10, *(b"\0" + text for text in texts("v3/attest_verify", "attestation")))


MEMBER = "pk"


def run_member(data: bytes) -> Outcomes:
    """The member `pk` of a JSON object, read in each of the ways in which keys are read."""
    try:
        members = parse_json(data)
    except Malformed:
        return ["not JSON"]
    if not isinstance(members, dict):
        return ["not an object"]
    found = [
        _read("binary", ("ISO-6001", "ISO-6002"), lambda: binary_member(members, MEMBER, SHAPE, UNDECODABLE)),
        _read("public key", ("ISO-1001", "ISO-6002"), lambda: public_key(members, MEMBER)),
        _read("of an answer", ("ISO-1004",), lambda: answer_binary(members, MEMBER, 32)),
    ]
    values = {value for _, value in found if value is not None}
    lawful(len(values) < 2, "three readers, and more than one value")
    for value in values:
        lawful(encode_base64(value) == members[MEMBER], "other bytes than the text has")
        found.append(_read("ML-DSA-65", ("ISO-3004",), lambda der=value: ml_dsa_65_key(der, MEMBER, WRONG)))  # type: ignore[misc]
        found.append(_read("X25519", ("ISO-1002",), lambda pk=value: agree(bytes(32), pk, suite=FAST)))  # type: ignore[misc]
    return [outcome for outcome, _ in found]


SHAPE, UNDECODABLE, WRONG = CATALOGUE["ISO-6001"], CATALOGUE["ISO-6002"], CATALOGUE["ISO-3004"]


def _read(name: str, codes: tuple[str, ...], read: Callable[[], bytes]) -> tuple[str, bytes | None]:
    try:
        value = read()
    except NenError as error:
        lawful(error.code in codes, f"{name}: {error.code}")
        return f"{name}: {error.code}", None
    lawful(isinstance(value, bytes), "no bytes")
    return f"{name}: {len(value)} bytes" if name in ("ML-DSA-65", "X25519") else f"{name}: read", value


@cache
def member_seeds() -> tuple[bytes, ...]:
    low_order = (bytes(32), b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f")
    spki = encode_spki(ML_DSA_65, IDENTITY.pk)
    keys = (PK_X, *low_order, EK, IDENTITY.pk, spki, spki[:-1], encode_spki(ML_DSA_44, bytes(1312)), b"")
    return tuple(dump_json({MEMBER: encode_base64(key)}) for key in keys)


def draw_member(rng: Random) -> bytes:
    body = rng.choice(member_seeds())
    return mutate_json(rng, json.loads(body)) if rng.random() < 0.7 else body


# --- stored sessions -------------------------------------------------------------------------------------------------

_SEPARATOR = b"\x1e"


def run_stored(data: bytes) -> Outcomes:
    """What a store gives back for a session id: the id, and after a separator the member that was read."""
    sid_bytes, _, member = data.partition(_SEPARATOR)
    sid = sid_bytes.decode("utf-8", "surrogateescape")
    key = records.key_of(sid)
    lawful(key.isascii() and key.isprintable() and " " not in key, f"a key that is not plain: {key!r}")
    lawful(records.error_code(member.decode("latin-1")).isascii(), "an error code that is not plain")
    answer = records.nonce_answer(member, records.nonce_member(b"n" * 12))
    with watching("nen_ref.stores") as complaints:
        session = records.read_session(sid, member)
        lawful(session == records.read_session(sid, member.decode("utf-8", "surrogateescape")), "bytes and text differ")
        said = complaints.said
        lawful((session is None) == bool(said), "refused without a word, or accepted with one")
        lawful(all(len(line) < 400 and "\n" not in line for line in said), f"a log line that is none: {said}")
    if session is None:
        return ["refused" if answer is None else f"refused, {answer.name}"]
    lawful(
        session.sid == sid and len(session.keys.enc) == len(session.keys.mac) == 32, "another session than asked for"
    )
    lawful(records.read_session(sid, records.session_member(session)) == session, "does not survive being written")
    lawful(session.family in ("v1", "v3"), f"a session of {session.family}")
    return [f"read, {'with' if session.identity is not None else 'without'} an identity, {session.family}"]


@cache
def stored_seeds() -> tuple[bytes, ...]:
    sessions = (
        PLAIN_SESSION,
        NAMED_SESSION,
        V3_SESSION,
        Session("", SessionKeys(bytes(32), bytes(32)), 0),
        Session("\x00\r\n é☃", SessionKeys(bytes(32), bytes(32)), -1, b""),
    )
    members = [session.sid.encode() + _SEPARATOR + records.session_member(session).encode() for session in sessions]
    answers = [word + b" " + records.nonce_member(b"n" * 12).encode() for word in (b"NEW", b"USED", b"NO_SESSION")]
    return (*members, *(b"x" + _SEPARATOR + answer for answer in answers), b"x" + _SEPARATOR + b"f", b"x" + _SEPARATOR)


def draw_stored(rng: Random) -> bytes:
    sid, _, member = rng.choice(stored_seeds()[:5]).partition(_SEPARATOR)
    return sid + _SEPARATOR + member[:1] + mutate_json(rng, json.loads(member[1:]))


# --- where they start ------------------------------------------------------------------------------------------------


@cache
def json_seeds() -> tuple[bytes, ...]:
    made = [json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") for value in VALUES]
    return (*made, *messages.payloads(), *messages.handshakes()[:5], *texts("v1/payload_open", "body"))


@cache
def base64_seeds() -> tuple[bytes, ...]:
    return tuple(texts("v1/base64_decode", "text"))


@cache
def error_seeds() -> tuple[bytes, ...]:
    return (*texts("v1/error_bodies", "body"), *(error_body(entry) for entry in CATALOGUE.values()))


@cache
def envelope_seeds() -> tuple[bytes, ...]:
    own = [dump_envelope(seal(PLAIN_SESSION.keys.enc, bytes([i] * 12), b'{"a":1}' * i, suite=FAST)) for i in range(40)]
    return (*own * 5, *texts("v1/payload_open", "body"))


@cache
def sse_seeds() -> tuple[bytes, ...]:
    return tuple(
        b"".join(map(bytes.fromhex, given["pieces"])) for given in vectors("v1/stream_opening") if given["pieces"]
    )


def _draw_json(rng: Random) -> bytes:
    with suppress(ValueError, RecursionError):
        return mutate_json(rng, json.loads(rng.choice(json_seeds())))
    return mutate(rng, rng.choice(json_seeds()))


def _draw_envelope(rng: Random) -> bytes:
    with suppress(ValueError, RecursionError):
        return mutate_json(rng, json.loads(rng.choice(envelope_seeds())))
    return rng.choice(envelope_seeds())


def _target(
    name: str,
    run: Callable[[bytes], Outcomes],
    seeds: Callable[[], tuple[bytes, ...]],
    reached: str,
    share: int,
    draw: Callable[[Random], bytes] | None = None,
) -> Target:
    return Target(name, run, seeds, frozenset(reached.split("; ")), share, draw)


TARGETS = (
    _target(
        "json",
        run_json,
        json_seeds,
        "accepted dict; accepted list; accepted str; accepted int; accepted float; accepted NoneType; "
        "refused: not JSON; "
        f"refused: not UTF-8; refused: a constant; refused: nested deeper than {MAX_DEPTH} levels; "
        "refused: an object names a member twice; refused: a text with a lone surrogate; "
        "refused: a number of more than 4300 digits",
        18,
        _draw_json,
    ),
    _target(
        "base64",
        run_base64,
        base64_seeds,
        "accepted; refused: not base64; refused: not the canonical base64 of its bytes",
        16,
    ),
    _target("error_body", run_error_body, error_seeds, "none; a code", 12),
    _target("envelope", run_envelope, envelope_seeds, "ISO-6001; ISO-6002; ISO-4001; opened", 12, _draw_envelope),
    _target("sse", run_sse, sse_seeds, "too large; some events; no event", 10, draw_sse),
    _target("der", run_der, der_seeds, "refused; spki of ML-DSA-44; spki of ML-DSA-65; seed of ML-DSA-87", 16),
    _target(
        "handshake",
        run_handshake,
        messages.handshakes,
        "ISO-1001; ISO-1002; ISO-3004; ISO-6002; accepted with an identity; accepted without an identity",
        14,
        draw_handshake,
    ),
    _target(
        "reference",
        run_reference,
        messages.handshakes,
        "ISO-1001; ISO-1002; ISO-3004; ISO-6002; accepted without an identity",
        0,
        draw_handshake,
    ),
    _target(
        "stored",
        run_stored,
        stored_seeds,
        "refused; refused, NEW; refused, USED; refused, NO_SESSION; "
        "read, with an identity, v1; read, without an identity, v1; read, without an identity, v3",
        12,
        draw_stored,
    ),
    _target(
        "handshake_v3",
        run_handshake_v3,
        messages.handshakes_v3,
        "ISO-1001; ISO-1002; ISO-3004; ISO-6002; accepted; resumed; declined",
        10,
        draw_handshake_v3,
    ),
    _target(
        "reference_v3",
        run_reference_v3,
        messages.handshakes_v3,
        "ISO-1001; ISO-1002; ISO-6002; accepted; resumed; declined",
        0,
        draw_handshake_v3,
    ),
    _target(
        "ticket",
        run_ticket,
        ticket_seeds,
        "right: opened; previous: opened; last moment: opened; expired: closed; foreign: closed; other: closed",
        12,
    ),
    _target(
        "attestation",
        run_attestation,
        attestation_seeds,
        "not JSON; not an object; not attested; attested",
        8,
        draw_attestation,
    ),
    _target(
        "member",
        run_member,
        member_seeds,
        "not JSON; binary: ISO-6001; binary: ISO-6002; binary: read; public key: ISO-1001; public key: ISO-6002; "
        "public key: read; of an answer: ISO-1004; of an answer: read; ML-DSA-65: ISO-3004; ML-DSA-65: 1952 bytes; "
        "X25519: ISO-1002; X25519: 32 bytes",
        10,
        draw_member,
    ),
)  # fmt: skip

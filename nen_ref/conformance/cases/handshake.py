"""Handshake: section 2 of the specification."""

from __future__ import annotations

import hashlib
import hmac as stdlib_hmac
import json
import re

from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.peer import handshake_draft, with_unused_bits
from nen_ref.conformance.probe import Probe
from nen_ref.conformance.registry import case
from nen_ref.primitives.ml_kem import byte_encode
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64

NO_KEY = (
    "a server without the public key it needs has nothing to encapsulate to; going on anyway would mean a made-up key"
)
CHECK_KEY = (
    "an unchecked key lets an attacker feed malformed keys to the encapsulation, with behaviour that no proof covers"
)
LOOSE = "a value with several texts is compared, logged and cached as several values; filters and caches can be fooled"


@case(
    "v1/handshake/answer",
    "V1-HS-01",
    ACCEPTED,
    why="without it no client can begin",
    cause="a member is missing, named otherwise, or not base64 of the right length",
    only=("v1", "v2"),
)
async def answer(probe: Probe) -> None:
    """A handshake is answered with sid, ct (1088 bytes) and hmac (32 bytes), and a session comes of it."""
    started = probe.hello()
    reply = await probe.peer.send(handshake_draft(started.body))
    probe.judge(reply)
    if reply.accepted:
        session = started.finish(reply)
        probe.accepted(await probe.echo(session), "the first request of the session", body={"hello": "world"})


@case(
    "v1/handshake/content-type",
    "V1-HS-01",
    ACCEPTED,
    why="browsers and proxies treat other types as something else",
    cause="the answer is sent as text/plain or text/html",
)
async def content_type(probe: Probe) -> None:
    """The answer to a handshake is application/json."""
    reply = await probe.peer.send(handshake_draft(probe.hello().body))
    probe.judge(reply)
    kind = reply.headers.get("content-type", "absent")
    probe.ensure(kind.partition(";")[0].strip() == "application/json", f"content-type {kind}")


@case(
    "v1/handshake/secret-is-the-key",
    "V1-HS-06",
    ACCEPTED,
    why="the two sides would hold different keys",
    cause="the shared secret is hashed or derived before use; V1 has no key derivation",
    only=("v1", "v2"),
)
async def secret_is_the_key(probe: Probe) -> None:
    """The ML-KEM shared secret, as it is, opens answers and seals requests."""
    session = await probe.session()
    reply = await probe.echo(session, b'"under the shared secret"')
    probe.judge(reply)


@case(
    "v1/handshake/pk-missing",
    "V1-HS-02",
    "ISO-1001",
    why=NO_KEY,
    cause="members are read without a look at whether they exist",
)
async def pk_missing(probe: Probe) -> None:
    """An object without pk is refused."""
    probe.judge(await probe.handshake(), "{}")
    probe.judge(await probe.handshake(publicKey="AAAA"), "another member")


@case(
    "v1/handshake/pk-null",
    "V1-HS-03",
    "ISO-1001",
    "ISO-6001",
    "ISO-6002",
    why=NO_KEY,
    cause="null is decoded as a text",
)
async def pk_null(probe: Probe) -> None:
    """A pk that is null is refused."""
    probe.judge(await probe.handshake_with_key(None), "pk: null")


@case(
    "v1/handshake/pk-empty",
    "V1-HS-03",
    "ISO-1001",
    "ISO-1002",
    "ISO-6002",
    why=NO_KEY,
    cause="the empty text is decoded to an empty key",
)
async def pk_empty(probe: Probe) -> None:
    """A pk that is the empty text is refused."""
    probe.judge(await probe.handshake_with_key(""), 'pk: ""')


@case(
    "v1/handshake/pk-mistyped",
    "V1-HS-03",
    "ISO-1001",
    "ISO-6001",
    "ISO-6002",
    why=NO_KEY,
    cause="the type of pk is not checked before it is decoded",
)
async def pk_mistyped(probe: Probe) -> None:
    """A pk that is a number, a truth value or an object is refused."""
    for value in (7, 1e300, True, False, {}, {"pk": "AAAA"}):
        probe.judge(await probe.handshake_with_key(value), f"pk: {value!r}")


@case(
    "v1/handshake/pk-number-array",
    "V1-WIRE-03",
    "ISO-1001",
    "ISO-6001",
    "ISO-6002",
    "ISO-1002",
    why="two ways to write one value, at up to five times the size",
    cause="arrays of numbers are accepted as bytes",
)
async def pk_number_array(probe: Probe) -> None:
    """A right key written as an array of numbers is refused."""
    probe.judge(await probe.handshake_with_key(list(probe.hello().ek)))


@case(
    "v1/handshake/body-not-an-object",
    "V1-HS-03",
    "ISO-1001",
    "ISO-6001",
    why=NO_KEY,
    cause="the body parser's own error page answers, or members of null are read",
)
async def body_not_an_object(probe: Probe) -> None:
    """A body that is empty, not JSON, or JSON but no object is refused."""
    for body in (b"", b"pk=AAAA", b"{", b"[]", b'"pk"', b"null", b"7", b"true", b'{"pk":"AAAA"', b"{'pk':'AAAA'}"):
        probe.judge(await probe.handshake_bytes(body), repr(body.decode()))


@case(
    "v1/handshake/body-not-utf8",
    "V1-WIRE-05",
    "ISO-1001",
    "ISO-6001",
    "ISO-6002",
    why="parsers read such bytes differently",
    cause="the body is decoded with replacement characters, or the decoder's exception escapes",
)
async def body_not_utf8(probe: Probe) -> None:
    """A body that is not UTF-8 is refused."""
    probe.judge(await probe.handshake_bytes(b'{"pk":"\xff\xfe"}'), "bytes ff fe in pk")


@case(
    "v1/handshake/body-duplicate-member",
    "V1-WIRE-05",
    "ISO-1001",
    "ISO-6001",
    why="one parser takes the first pk, another the last: what is checked need not be what is used",
    cause="the JSON parser silently takes one of them",
)
async def body_duplicate_member(probe: Probe) -> None:
    """An object that names the key twice is refused."""
    begun, other = probe.hello(), encode_base64(probe.hello().ek)
    probe.judge(await probe.handshake_bytes(f'{{"{begun.key_member}":"{other}",'.encode() + begun.body[1:]))


@case(
    "v1/handshake/body-deeply-nested",
    "V1-ERR-03",
    REFUSED,
    ACCEPTED,
    why="one small request could exhaust a parser's stack and stop the server",
    cause="a recursive parser without a bound",
)
async def body_deeply_nested(probe: Probe) -> None:
    """A hundred thousand nested arrays do not bring the server down."""
    closed, cut_off = b"[" * 100_000 + b"]" * 100_000 + b"}", b'[{"a":' * 50_000
    for note, nested in (("closed", closed), ("cut off", cut_off)):
        reply = await probe.handshake_bytes(b'{"pk":' + nested)
        probe.judge(reply, note)
        probe.ensure(reply.code != "ISO-9000", f"{note}: {reply.describe()}")
    probe.accepted(await probe.echo(await probe.session()), "the server afterwards")


@case(
    "v1/handshake/pk-not-base64",
    "V1-HS-04",
    "ISO-6002",
    "ISO-1001",
    why="a lenient decoder turns noise into a key",
    cause="a decoder that skips what it does not know (Buffer.from in Node, atob after a clean-up)",
)
async def pk_not_base64(probe: Probe) -> None:
    """A pk that is no base64 at all is refused."""
    for text in ("!!!!", "not base64", "%%%=", "\u00e4\u00f6\u00fc\u00df", "pk\u0000"):
        probe.judge(await probe.handshake_with_key(text), repr(text))


@case(
    "v1/handshake/pk-base64-url-safe",
    "V1-WIRE-02",
    "ISO-6002",
    "ISO-1001",
    "ISO-1002",
    why=LOOSE,
    cause="a decoder that takes both alphabets",
)
async def pk_url_safe(probe: Probe) -> None:
    """A right key in the URL-safe alphabet is refused."""
    text = encode_base64(probe.hello().ek)
    probe.judge(await probe.handshake_with_key(text.replace("+", "-").replace("/", "_")))


@case(
    "v1/handshake/pk-base64-unpadded",
    "V1-WIRE-02",
    "ISO-6002",
    "ISO-1001",
    "ISO-1002",
    why=LOOSE,
    cause="a decoder that adds missing padding",
)
async def pk_unpadded(probe: Probe) -> None:
    """A right key without base64 padding is refused."""
    probe.judge(await probe.handshake_with_key(encode_base64(probe.hello().ek).rstrip("=")))


@case(
    "v1/handshake/pk-base64-white-space",
    "V1-WIRE-02",
    "ISO-6002",
    "ISO-1001",
    "ISO-1002",
    why=LOOSE,
    cause="a decoder that skips white space",
)
async def pk_white_space(probe: Probe) -> None:
    """A right key with line breaks, a leading or a trailing space in its base64 is refused."""
    text = encode_base64(probe.hello().ek)
    for note, variant in (("lines", text[:76] + "\n" + text[76:]), ("leading", " " + text), ("trailing", text + "\n")):
        probe.judge(await probe.handshake_with_key(variant), note)


@case(
    "v1/handshake/pk-base64-trailing-bits",
    "V1-WIRE-02",
    "ISO-6002",
    "ISO-1001",
    "ISO-1002",
    why=LOOSE,
    cause="a decoder that drops the unused bits of the last character",
)
async def pk_trailing_bits(probe: Probe) -> None:
    """A right key whose last base64 character has unused bits set is refused."""
    probe.judge(await probe.handshake_with_key(with_unused_bits(encode_base64(probe.hello().ek))))


@case(
    "v1/handshake/pk-wrong-length",
    "V1-HS-05",
    "ISO-1002",
    why=CHECK_KEY,
    cause="the length of the decoded key is not compared with 1184, or the library's exception escapes",
)
async def pk_wrong_length(probe: Probe) -> None:
    """Keys of 1, 800 (ML-KEM-512), 1183, 1185 and 1568 (ML-KEM-1024) bytes are refused."""
    ek = probe.hello().ek
    for size in (1, 800, 1183, 1185, 1568):
        probe.judge(await probe.handshake_with_key(encode_base64((ek + ek)[:size])), f"{size} bytes")


def _with_coefficient(ek: bytes, position: int, value: int) -> bytes:
    """`ek` with one of its 768 twelve-bit coefficients replaced."""
    number = int.from_bytes(ek[:1152], "little")
    mask = 0xFFF << 12 * position
    return (number & ~mask | value << 12 * position).to_bytes(1152, "little") + ek[1152:]


@case(
    "v1/handshake/pk-modulus-check",
    "V1-HS-05",
    "ISO-1002",
    why=CHECK_KEY,
    cause="the modulus check of FIPS 203 section 7.2 is missing: decode, encode again, compare",
)
async def pk_modulus_check(probe: Probe) -> None:
    """Keys with one coefficient of 3329 or more, first, in the middle or last, are refused."""
    ek = probe.hello().ek
    for position, value in ((0, 3329), (1, 3330), (384, 4095), (511, 3329), (767, 3329), (767, 4095)):
        key = _with_coefficient(ek, position, value)
        probe.judge(await probe.handshake_with_key(encode_base64(key)), f"coefficient {position} is {value}")


@case(
    "v1/handshake/pk-largest-coefficients",
    "V1-HS-05",
    ACCEPTED,
    why="a check that refuses right keys fails handshakes at random",
    cause="the modulus check compares with 3328 instead of 3329",
)
async def pk_largest_coefficients(probe: Probe) -> None:
    """A key whose coefficients are all 3328, the largest allowed, is accepted."""
    ek = byte_encode([3328] * 256, 12) * 3 + bytes(32)
    probe.judge(await probe.handshake_with_key(encode_base64(ek)))


@case(
    "v1/handshake/fresh-hmac-key",
    "V1-HS-07",
    ACCEPTED,
    why="who once saw the key of one session could sign in every other",
    cause="the HMAC key is a constant of the server, or derived from the public key",
    only=("v1", "v2"),
)
async def fresh_hmac_key(probe: Probe) -> None:
    """Sixteen handshakes with one and the same key get sixteen HMAC keys and sixteen ciphertexts."""
    pk = encode_base64(probe.hello().ek)
    answers = [await probe.handshake_with_key(pk) for _ in range(16)]
    for reply in answers:
        probe.judge(reply)
    for member in ("hmac", "ct"):
        texts = {str(reply.value.get(member)) for reply in answers if isinstance(reply.value, dict)}
        probe.ensure(len(texts) == len(answers), f"{len(texts)} values of {member} in {len(answers)} handshakes")


@case(
    "v1/handshake/hmac-key-independent",
    "V1-HS-07",
    ACCEPTED,
    why="the HMAC key is visible wherever TLS ends: whatever it tells about the secret is told there",
    cause="the HMAC key is the shared secret, or a hash of it",
    only=("v1", "v2"),
)
async def hmac_key_independent(probe: Probe) -> None:
    """The HMAC key is not the shared secret, nor one of its plain hashes."""
    session = await probe.session()
    secret, key = session.keys.enc, session.keys.mac
    derived = [secret, secret[::-1], bytes(32)]
    derived += [hashlib.new(name, secret).digest()[:32] for name in ("sha256", "sha512", "sha3_256", "blake2b")]
    derived += [stdlib_hmac.digest(secret, label, "sha256") for label in (b"", b"hmac", b"nen", b"mac")]
    probe.ensure(key not in derived, "the HMAC key is the secret or a hash of it" if key in derived else "independent")


@case(
    "v1/handshake/fresh-session-id",
    "V1-HS-08",
    ACCEPTED,
    why="a session id that comes again or can be guessed lets others end or disturb the session",
    cause="the id is a counter, a time, or a hash of the public key",
)
async def fresh_session_id(probe: Probe) -> None:
    """Sixteen session ids differ from one another in at least a quarter of their characters."""
    pk = encode_base64(probe.hello().ek)
    answers = [await probe.handshake_with_key(pk) for _ in range(16)]
    sids = [str(reply.value.get("sid")) for reply in answers if isinstance(reply.value, dict)]
    probe.need(len(sids) == 16 and all(sids), "not every handshake gave a session id")
    probe.ensure(len(set(sids)) == 16, f"{len(set(sids))} different session ids in 16 handshakes")
    closest = min(
        sum(x != y for x, y in zip(a, b, strict=False)) / max(len(a), len(b))
        for i, a in enumerate(sids)
        for b in sids[:i]
    )
    probe.ensure(closest >= 0.25, f"two session ids differ in only {closest:.0%} of their characters")


@case(
    "v1/handshake/session-id-uuid4",
    "V1-HS-09",
    ACCEPTED,
    why="operators and logs expect one form",
    cause="another form of id",
)
async def session_id_uuid4(probe: Probe) -> None:
    """The session id is the text of a version 4 UUID."""
    session = await probe.session()
    form = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    probe.ensure(
        bool(re.fullmatch(form, session.sid)), "a version 4 UUID" if re.fullmatch(form, session.sid) else "another form"
    )


@case(
    "v1/handshake/unknown-members",
    "V1-WIRE-04",
    ACCEPTED,
    why="later versions add members; refusing them breaks every mixed deployment",
    cause="a closed schema on the handshake body",
)
async def unknown_members(probe: Probe) -> None:
    """Members that the specification does not name are ignored."""
    probe.judge(await probe.handshake_with(client="suite/1", extra={"a": [1, None]}, sid=7))


@case(
    "v1/handshake/json-white-space",
    "V1-HS-01",
    ACCEPTED,
    why="JSON is JSON, however it is laid out",
    cause="the body is matched rather than parsed",
)
async def json_white_space(probe: Probe) -> None:
    """White space and escapes in the JSON do not matter."""
    begun = probe.hello()
    key = begun.members[begun.key_member]
    spaced = json.dumps(begun.members, indent="\t", separators=("\r\n,", " :\n "))
    escaped = spaced.replace(key, f"\\u{ord(key[0]):04x}" + key[1:])
    probe.judge(await probe.handshake_bytes(f"\r\n\t {escaped} \n".encode()))


@case(
    "v1/handshake/one-key-twice",
    "V1-LIFE-10",
    ACCEPTED,
    why="a second client with a copied key, or a retry, must not disturb the first session",
    cause="sessions are kept by public key instead of by session id",
)
async def one_key_twice(probe: Probe) -> None:
    """Two handshakes with the same key make two sessions that both work."""
    started = probe.hello()
    replies = [await probe.peer.send(handshake_draft(started.body)) for _ in range(2)]
    for reply in replies:
        probe.judge(reply)
    first, second = (started.finish(reply) for reply in replies)
    probe.ensure(first.keys.enc != second.keys.enc, "the two sessions share a secret")
    probe.accepted(await probe.echo(first), "the first session")
    probe.accepted(await probe.echo(second), "the second session")


@case(
    "v1/handshake/ciphertext-size",
    "V1-WIRE-01",
    ACCEPTED,
    why="a client decodes strictly, and decapsulates exactly 1088 bytes",
    cause="hex, URL-safe or unpadded base64, or a header that is sent along with the ciphertext",
    only=("v1", "v2"),
)
async def ciphertext_size(probe: Probe) -> None:
    """ct is strict base64 of 1088 bytes, hmac of 32, and neither is an array."""
    reply = await probe.handshake_with_key(encode_base64(probe.hello().ek))
    probe.judge(reply)
    for member, size in (("ct", 1088), ("hmac", 32)):
        text = reply.value.get(member) if isinstance(reply.value, dict) else None
        found = _decoded_size(text)
        probe.ensure(found == size, f"{member}: {'not strict base64' if found is None else f'{found} bytes'}")


def _decoded_size(text: object) -> int | None:
    try:
        return len(decode_base64(text)) if isinstance(text, str) else None
    except Malformed:
        return None


@case(
    "v1/handshake/secret-not-in-answer",
    "V1-HS-01",
    ACCEPTED,
    why="who reads the handshake, wherever TLS ends, reads everything",
    cause="a debug member or header with the secret was left in",
)
async def secret_not_in_answer(probe: Probe) -> None:
    """Neither body nor headers of the answer hold the shared secret, in hex, base64 or as numbers."""
    started = probe.hello()
    reply = await probe.peer.send(handshake_draft(started.body))
    probe.judge(reply)
    secret = started.finish(reply).keys.enc
    texts = [secret.hex(), encode_base64(secret), encode_base64(secret).rstrip("="), ",".join(map(str, secret))]
    everything = reply.body.decode("utf-8", "replace").replace(" ", "") + " ".join(reply.headers.values())
    found = any(text in everything for text in texts)
    probe.ensure(not found, "the shared secret stands in the answer" if found else "the secret is not in the answer")


@case(
    "v1/handshake/session-id-not-from-client",
    "V1-HS-08",
    ACCEPTED,
    why="an attacker who chooses the session id of a victim shares the session, or takes over another's",
    cause="the id is taken from the body or the header of the handshake",
)
async def session_id_not_from_client(probe: Probe) -> None:
    """A session id proposed by the client, in the body or in X-Nen-Session, is not taken."""
    chosen = "11111111-2222-4333-8444-555555555555"
    started = probe.hello()
    body = dump_json(started.members | {"sid": chosen, "sessionId": chosen, "id": chosen})
    reply = await probe.peer.send(handshake_draft(body, sid=chosen))
    probe.judge(reply)
    sid = started.finish(reply).sid
    probe.ensure(sid != chosen, "the proposed id was taken" if sid == chosen else "an id of the server's own")

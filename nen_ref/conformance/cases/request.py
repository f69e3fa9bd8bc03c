"""Requests: section 4 of the specification."""

from __future__ import annotations

from collections.abc import Callable

from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.peer import Draft, with_unused_bits
from nen_ref.conformance.probe import HELLO, Probe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives import chacha20_poly1305
from nen_ref.protocol.payload import Envelope
from nen_ref.protocol.wire import decode_base64, dump_json, encode_base64

TAMPER = "altered or forged payloads would reach the application"
SHAPE = "what is not sealed must never be taken for a request: a plain body would be a downgrade"
JSON_ONLY = "handlers expect JSON; what a lenient parser makes of anything else is anybody's guess"


@case(
    "v1/request/methods", "V1-REQ-01", ACCEPTED, why="an API is more than POST", cause="only POST is routed through Nen"
)
async def methods(probe: Probe) -> None:
    """POST, PUT, PATCH and DELETE carry sealed bodies, and the handler sees the method."""
    session = await probe.session()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        probe.accepted(await probe.echo(session, HELLO, method), method, method, {"hello": "world"})


@case(
    "v1/request/json-values",
    "V1-REQ-01",
    ACCEPTED,
    why="a payload is any JSON text, not only an object",
    cause="falsy payloads (null, false, 0, the empty text) are taken for a missing body",
)
async def json_values(probe: Probe) -> None:
    """null, truth values, numbers, texts, arrays and objects arrive as they are."""
    session = await probe.session()
    values: list[object] = [False, 0, -1.5, "", "text", [], [None, [1]], {}, {"a": {"b": []}}, None]
    for value in values:
        probe.accepted(await probe.echo(session, dump_json(value)), f"payload {value!r}", body=value)


@case(
    "v1/request/unicode",
    "V1-REQ-01",
    ACCEPTED,
    why="texts are mangled where bytes and characters are confused",
    cause="the payload is decoded as Latin-1, or its length counted in characters",
)
async def unicode(probe: Probe) -> None:
    """Texts of all planes arrive, as raw UTF-8 and as JSON escapes."""
    session = await probe.session()
    text = "Grüße, 世界, \U0001f510, \u0000\u001f\u2028\ufeff\U0010ffff"
    probe.accepted(await probe.echo(session, dump_json({"t": text})), "escaped", body={"t": text})
    plain = text.replace("\u0000\u001f", "")
    probe.accepted(await probe.echo(session, f'{{"t":"{plain}"}}'.encode()), "raw UTF-8", body={"t": plain})


@case(
    "v1/request/large",
    "V1-REQ-01",
    ACCEPTED,
    why="payloads beyond one buffer or packet are cut or refused",
    cause="a body limit far below 10 MiB, or a body read in one piece",
)
async def large(probe: Probe) -> None:
    """Payloads of 63, 64, 65, 4096 and 50 000 bytes arrive: block borders of ChaCha20 and several packets."""
    session = await probe.session()
    for size in (63, 64, 65, 4096, 50_000):
        text = "x" * (size - 2)
        probe.accepted(await probe.echo(session, dump_json(text)), f"{size} bytes", body=text)


@case(
    "v1/request/without-body",
    "V1-REQ-09",
    ACCEPTED,
    "ISO-6001",
    why="a GET has no body and still has to be authenticated",
    cause="the body is parsed before it is known whether there is one",
    cites={"v2": ("V2-REQ-09", ACCEPTED)},
)
async def without_body(probe: Probe) -> None:
    """Requests without a body are answered sealed, the body null (or in V1 refused as such)."""
    session = await probe.session()
    for method in ("GET", "DELETE", "POST"):
        reply = await probe.echo(session, None, method)
        probe.judge(reply, method)
        if reply.accepted:
            probe.ensure(reply.value == {"method": method, "body": None}, f"{method} echoed {reply.value!r}")


@case(
    "v1/request/further-members",
    "V1-REQ-10",
    ACCEPTED,
    why="old clients repeat the session id in the body",
    cause="a closed schema on the request body",
)
async def further_members(probe: Probe) -> None:
    """Further members of the body, in any order, are ignored."""
    session = await probe.session()
    draft = probe.draft(session)
    probe.accepted(
        await probe.send(draft.with_members(sessionId=session.sid, aad="x", v=2), session),
        "after",
        body={"hello": "world"},
    )
    draft = probe.draft(session)
    assert draft.body is not None
    first = draft.with_body(b'{"sessionId":"' + session.sid.encode() + b'","zz":[null],' + draft.body[1:])
    probe.accepted(await probe.send(first, session), "before", body={"hello": "world"})


async def _shape(probe: Probe, variants: dict[str, bytes]) -> None:
    session = await probe.session()
    for note, body in variants.items():
        probe.judge(await probe.send(probe.draft(session, body=body), session), note)


@case(
    "v1/request/not-an-object",
    "V1-REQ-03",
    "ISO-6001",
    why=SHAPE,
    cause="the body parser's error page answers, or null is dereferenced",
)
async def not_an_object(probe: Probe) -> None:
    """A body that is no JSON object is refused."""
    bodies = (b"[]", b"null", b"7", b'"ct"', b"true", b"{", b"not json", b"ct=AAAA&n=AAAA", b" ", b"\x00")
    await _shape(probe, {repr(body.decode()): body for body in bodies})


@case(
    "v1/request/plain-json",
    "V1-REQ-03",
    "ISO-6001",
    why="a server that takes plain JSON can be made to work without encryption by leaving it out",
    cause="unsealed bodies are passed on as they are",
)
async def plain_json(probe: Probe) -> None:
    """The payload in plain, signed like a sealed one, is refused."""
    await _shape(probe, {"plain": HELLO, "plain, empty object": b"{}"})


@case(
    "v1/request/member-missing",
    "V1-REQ-03",
    "ISO-6001",
    why=SHAPE,
    cause="an absent member is decoded as the empty text",
)
async def member_missing(probe: Probe) -> None:
    """A body without one of its members is refused, also where it has another name."""
    session = await probe.session()
    for name in probe.draft(session).members:
        probe.judge(await probe.send(probe.draft(session).with_members(**{name: None}), session), f"without {name}")
        draft = probe.draft(session)
        for other in (name.upper(), {"ct": "ciphertext", "n": "nonce"}[name]):
            renamed = draft.with_members(**{name: None, other: draft.members[name]})
            probe.judge(await probe.send(renamed, session), f"{other} instead of {name}")


@case(
    "v1/request/member-mistyped",
    "V1-REQ-03",
    "ISO-6001",
    "ISO-6002",
    why=SHAPE,
    cause="the types of ct and n are not checked before they are decoded",
)
async def member_mistyped(probe: Probe) -> None:
    """A member of the body that is a number, null, a truth value or an object is refused."""
    session = await probe.session()
    for name in probe.draft(session).members:
        for text in (b"7", b"null", b"true", b"{}", b"1e999", b"9" * 400):
            draft = probe.draft(session).with_members(**{name: "@"})
            body = (draft.body or b"").replace(b'"@"', text)
            probe.judge(await probe.send(draft.with_body(body), session), f"{name}: {text[:8].decode()}")


@case(
    "v1/request/number-arrays",
    "V1-WIRE-03",
    "ISO-6001",
    "ISO-6002",
    why="number arrays are up to five times the size, and a second way to write every value",
    cause="JSON.stringify of a byte array is accepted",
)
async def number_arrays(probe: Probe) -> None:
    """A right request whose body has arrays of numbers, for ct or for all its members, is refused."""
    session = await probe.session()
    draft = probe.draft(session)
    arrays = {name: list(decode_base64(text)) for name, text in draft.members.items()}
    probe.judge(await probe.send(draft.with_members(**arrays), session), " and ".join(arrays))
    draft = probe.draft(session)
    probe.judge(await probe.send(draft.with_members(ct=list(draft.ct)), session), "ct")


@case(
    "v1/request/duplicate-member",
    "V1-WIRE-05",
    "ISO-6001",
    "ISO-6002",
    why="one parser takes the first n, another the last: the nonce that is remembered need not be the one that opens",
    cause="the JSON parser silently takes one of them",
)
async def duplicate_member(probe: Probe) -> None:
    """A body that names one of its members twice is refused."""
    session = await probe.session()
    for name, value in probe.draft(session).members.items():
        draft = probe.draft(session)
        doubled = f'{{"{name}":"{value}",'.encode() + (draft.body or b"")[1:]
        probe.judge(await probe.send(draft.with_body(doubled), session), f"{name} twice")


@case(
    "v1/request/ct-not-base64",
    "V1-REQ-04",
    "ISO-6002",
    why="a lenient decoder turns noise into ciphertext",
    cause="undecodable text is decoded as far as it goes, and fails later with ISO-4001",
)
async def ct_not_base64(probe: Probe) -> None:
    """A ct that is no base64 is refused."""
    session = await probe.session()
    for text in ("!!!!", "ct ct ct", "\u00e9\u00e9\u00e9\u00e9"):
        probe.judge(await probe.send(probe.draft(session).with_members(ct=text), session), repr(text))


@case(
    "v1/request/n-not-base64",
    "V1-REQ-04",
    "ISO-6002",
    "ISO-6001",
    why="a lenient decoder gives one nonce several texts",
    cause="undecodable text is decoded as far as it goes",
    cites={"v2": ("V2-REQ-06", "ISO-6002", "ISO-6001", "ISO-3002", "ISO-3005", "ISO-4001")},
)
async def n_not_base64(probe: Probe) -> None:
    """A nonce that is no base64, signed as it stands, is refused."""
    session = await probe.session()
    for text in ("!!!!!!!!!!!!!!!!", "no nonce at all", "ISO-8859-1 \u00e9\u00e8"):
        probe.judge(await probe.send(probe.draft(session, carried=text), session), repr(text))


@case(
    "v1/request/base64-variants",
    "V1-WIRE-02",
    "ISO-6002",
    "ISO-6001",
    why="several texts for one value: what is remembered as used is not what opens",
    cause="a decoder that takes URL-safe text, skips white space, or adds padding",
)
async def base64_variants(probe: Probe) -> None:
    """A ct in the URL-safe alphabet, without padding, with a line break or with unused bits set is refused."""
    session = await probe.session()
    payload = b'"' + b"x" * 100 + b'"'  # 102 bytes and a tag: one padding character
    changes: dict[str, Callable[[str], str]] = {
        "URL-safe": lambda text: text.replace("+", "-").replace("/", "_") if set("+/") & set(text) else "-_" + text[2:],
        "unpadded": lambda text: text.rstrip("="),
        "padding too much": lambda text: text + "=",
        "line break": lambda text: text[:20] + "\n" + text[20:],
        "trailing space": lambda text: text + " ",
        "unused bits": with_unused_bits,
    }
    for note, change in changes.items():
        draft = probe.draft(session, payload)
        probe.judge(await probe.send(draft.with_members(ct=change(encode_base64(draft.ct))), session), note)


@case(
    "v1/request/n-wrong-length",
    "V1-REQ-05",
    "ISO-6001",
    "ISO-4001",
    why="a library that pads or cuts the nonce makes different nonces equal",
    cause="the length of n is left to the library",
    cites={"v2": ("V2-REQ-05", "ISO-6001", "ISO-6002", "ISO-3002", "ISO-3005", "ISO-4001")},
)
async def n_wrong_length(probe: Probe) -> None:
    """Nonces of 8, 11, 13 and 24 bytes are refused."""
    session = await probe.session()
    for size in (8, 11, 13, 24):
        envelope = Envelope(random_bytes(40), random_bytes(size))
        probe.judge(await probe.send(probe.draft(session, envelope=envelope), session), f"{size} bytes")


@case(
    "v1/request/n-empty",
    "V1-REQ-05",
    "ISO-6001",
    "ISO-6002",
    "ISO-4001",
    why="an empty nonce looks like a request without a body",
    cause="the empty text is taken for an absent nonce",
    cites={"v2": ("V2-AUTH-04", "ISO-3005", "ISO-3002", "ISO-6001", "ISO-6002")},
)
async def n_empty(probe: Probe) -> None:
    """An empty nonce is refused."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session, envelope=Envelope(random_bytes(40), b"")), session))


@case(
    "v1/request/ct-shorter-than-tag",
    "V1-REQ-06",
    "ISO-4001",
    "ISO-6001",
    why="slicing off a tag that is not there crashes or wraps around",
    cause="the tag is cut from the end without a look at the length",
)
async def ct_shorter_than_tag(probe: Probe) -> None:
    """A ct of 1, 8 and 15 bytes is refused."""
    session = await probe.session()
    for size in (1, 8, 15):
        envelope = Envelope(random_bytes(size), random_bytes(12))
        probe.judge(await probe.send(probe.draft(session, envelope=envelope), session), f"{size} bytes")


@case(
    "v1/request/ct-empty",
    "V1-REQ-06",
    "ISO-4001",
    "ISO-6001",
    "ISO-6002",
    why="an empty ct looks like a request without a body",
    cause="the empty text is taken for an absent payload",
)
async def ct_empty(probe: Probe) -> None:
    """An empty ct is refused."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session, envelope=Envelope(b"", random_bytes(12))), session))


@case(
    "v1/request/ct-altered", "V1-REQ-07", "ISO-4001", why=TAMPER, cause="the tag is not checked, or only a part of it"
)
async def ct_altered(probe: Probe) -> None:
    """A ct with one bit changed, anywhere in ciphertext or tag, is refused."""
    session = await probe.session()
    for position in (0, 5, -17, -16, -9, -8, -1):
        draft = probe.draft(session)
        ct = bytearray(draft.ct)
        ct[position] ^= 0x80
        probe.judge(await probe.send(draft.with_members(ct=encode_base64(bytes(ct))), session), f"byte {position}")


@case(
    "v1/request/ct-cut",
    "V1-REQ-07",
    "ISO-4001",
    why=TAMPER,
    cause="the tag is taken from the wrong place, or a short one is accepted",
)
async def ct_cut(probe: Probe) -> None:
    """A ct without its last byte, without its tag, without its first byte, or with a byte added is refused."""
    session = await probe.session()
    changes: dict[str, Callable[[bytes], bytes]] = {
        "without the last byte": lambda ct: ct[:-1],
        "without the tag": lambda ct: ct[:-16],
        "without the first byte": lambda ct: ct[1:],
        "with a byte added": lambda ct: ct + b"\0",
        "tag in front": lambda ct: ct[-16:] + ct[:-16],
    }
    for note, change in changes.items():
        draft = probe.draft(session, b'"' + b"y" * 60 + b'"')
        probe.judge(await probe.send(draft.with_members(ct=encode_base64(change(draft.ct))), session), note)


@case(
    "v1/request/other-nonce",
    "V1-REQ-07",
    "ISO-4001",
    why="who can move a ciphertext under another nonce can replay it",
    cause="the nonce in the body is not the one used to open",
)
async def other_nonce(probe: Probe) -> None:
    """A ct sealed under another nonce than that of the request is refused."""
    session = await probe.session()
    moved = Envelope(probe.draft(session).ct, random_bytes(12))
    probe.judge(await probe.send(probe.draft(session, envelope=moved), session))


@case(
    "v1/request/other-key",
    "V1-REQ-07",
    "ISO-4001",
    why="the HMAC key is visible wherever TLS ends; sealing under it is sealing under nothing",
    cause="payloads are sealed under the HMAC key",
)
async def other_key(probe: Probe) -> None:
    """A ct sealed under the HMAC key, the zero key or a random key is refused."""
    session = await probe.session()
    for note, key in (("HMAC key", session.keys.mac), ("zero key", bytes(32)), ("random key", random_bytes(32))):
        n = random_bytes(12)
        envelope = Envelope(chacha20_poly1305.aead_encrypt(key, n, HELLO), n)
        probe.judge(await probe.send(probe.draft(session, envelope=envelope), session), note)


@case(
    "v1/request/associated-data",
    "V1-REQ-07",
    "ISO-4001",
    why="implementations with and without associated data do not understand each other",
    cause="the session id or the path is passed as associated data",
)
async def associated_data(probe: Probe) -> None:
    """A ct sealed with associated data is refused: Nen has none."""
    session = await probe.session()
    for note, aad in {"the session id": session.sid.encode(), "the path": probe.target.echo.encode()}.items():
        n = random_bytes(12)
        envelope = Envelope(chacha20_poly1305.aead_encrypt(session.keys.enc, n, HELLO, aad), n)
        probe.judge(await probe.send(probe.draft(session, envelope=envelope), session), note)


@case(
    "v1/request/payload-not-json",
    "V1-REQ-08",
    "ISO-4003",
    why=JSON_ONLY,
    cause="the parser's exception escapes as ISO-9000, or the bytes are passed on",
)
async def payload_not_json(probe: Probe) -> None:
    """A payload that opens but is no JSON is refused."""
    session = await probe.session()
    for payload in (b"", b"hello", b"{", b"{'a':1}", b"[1,]", b'{"a":1}x', b"\x00", b"undefined", b"01", b'"\n"'):
        probe.judge(await probe.echo(session, payload), repr(payload.decode()))


@case(
    "v1/request/payload-not-utf8",
    "V1-WIRE-05",
    "ISO-4003",
    why=JSON_ONLY,
    cause="bytes are decoded with replacement characters, or the exception escapes",
)
async def payload_not_utf8(probe: Probe) -> None:
    """A payload that opens but is not UTF-8 is refused."""
    session = await probe.session()
    for payload in (b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"', '"text"'.encode("utf-16")):
        probe.judge(await probe.echo(session, payload), payload.hex())


@case(
    "v1/request/payload-loose-json",
    "V1-WIRE-05",
    "ISO-4003",
    why="what two parsers read differently can be used against one of them",
    cause="the parser takes NaN, duplicate members or lone surrogates",
)
async def payload_loose_json(probe: Probe) -> None:
    """A payload with NaN, a member named twice or a lone surrogate is refused."""
    session = await probe.session()
    for payload in (b"[NaN]", b"[Infinity]", b'{"a":1,"a":2}', rb'"\ud800"', rb'{"\udfff":1}', b"\xef\xbb\xbf{}"):
        probe.judge(await probe.echo(session, payload), repr(payload))


@case(
    "v1/request/payload-deeply-nested",
    "V1-ERR-03",
    REFUSED,
    ACCEPTED,
    why="one sealed request could exhaust a parser's stack and stop the server",
    cause="a recursive parser without a bound",
)
async def payload_deeply_nested(probe: Probe) -> None:
    """Payloads of fifty thousand nested arrays, or a number of 100 000 digits, do not bring the server down."""
    session = await probe.session()
    for note, payload in (("nested", b"[" * 50_000 + b"]" * 50_000), ("digits", b"9" * 100_000)):
        reply = await probe.echo(session, payload)
        probe.judge(reply, note)
        probe.ensure(reply.code != "ISO-9000", f"{note}: {reply.describe()}")
    probe.accepted(await probe.echo(session), "the server afterwards")


@case(
    "v1/request/options-and-unknown-route",
    "V1-AUTH-01",
    "ISO-2003",
    "404",
    why="routes that are not under Nen answer anyone in plain",
    cause="the middleware covers a list of routes, and one was forgotten",
)
async def unknown_route(probe: Probe) -> None:
    """A route that does not exist is refused without a session, and tells nothing."""
    probe.judge(await probe.send(Draft("GET", "/api/no-such-route-of-the-suite")), "GET")
    probe.judge(await probe.send(Draft("POST", "/api/no-such-route-of-the-suite", (), b"{}")), "POST")


@case(
    "v1/request/n-number-array",
    "V1-WIRE-03",
    "ISO-6001",
    "ISO-6002",
    why="number arrays are a second way to write every value",
    cause="JSON.stringify of a byte array is accepted",
    only=("v1",),
)
async def n_number_array(probe: Probe) -> None:
    """A right request whose n alone is an array of numbers is refused."""
    session = await probe.session()
    draft = probe.draft(session)
    probe.judge(await probe.send(draft.with_members(n=list(draft.n)), session))


@case(
    "v1/request/n-padded-or-cut",
    "V1-REQ-05",
    "ISO-6001",
    "ISO-4001",
    why="different nonces that are made equal by padding or cutting can be replayed for one another",
    cause="the nonce is padded with zeros or cut to 12 bytes",
    cites={"v2": ("V2-REQ-05", "ISO-6001", "ISO-6002", "ISO-3002", "ISO-3005", "ISO-4001")},
)
async def n_padded_or_cut(probe: Probe) -> None:
    """Nonces of 8, 11, 13 and 24 bytes are refused, also where the payload was sealed under their padded or cut form."""
    session = await probe.session()
    for size in (8, 11, 13, 24):
        n = random_bytes(size)
        for note, used in (("first bytes", n.ljust(12, b"\0")[:12]), ("last bytes", n.rjust(12, b"\0")[-12:])):
            ct = chacha20_poly1305.aead_encrypt(session.keys.enc, used, HELLO)
            draft = probe.draft(session, envelope=Envelope(ct, n))
            probe.judge(await probe.send(draft, session), f"{size} bytes, sealed under its {note}")


@case(
    "v1/request/body-not-utf8",
    "V1-WIRE-05",
    "ISO-6001",
    why="a body that one reader takes for UTF-16 and another for noise is read as two bodies",
    cause="the JSON parser guesses the encoding of bytes",
)
async def body_not_utf8(probe: Probe) -> None:
    """A right body in UTF-16 or UTF-32, or behind a byte order mark, is refused."""
    session = await probe.session()
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"):
        draft = probe.draft(session)
        body = (draft.body or b"").decode().encode(encoding)
        probe.judge(await probe.send(draft.with_body(body), session), encoding)


@case(
    "v1/request/body-deeply-nested",
    "V1-ERR-03",
    REFUSED,
    ACCEPTED,
    why="one small request could exhaust a parser's stack and stop the server",
    cause="a recursive parser without a bound",
)
async def body_deeply_nested(probe: Probe) -> None:
    """A request body with fifty thousand nested arrays does not bring the server down."""
    session = await probe.session()
    nested = b"[" * 50_000 + b"]" * 50_000
    draft = probe.draft(session)
    within = (draft.body or b"")[:-1] + b',"x":' + nested + b"}"
    for note, body in (("alone", nested), ("in a member", within)):
        reply = await probe.send(draft.with_body(body), session)
        probe.judge(reply, note)
        probe.ensure(reply.code != "ISO-9000", f"{note}: {reply.describe()}")
    probe.accepted(await probe.echo(session), "the server afterwards")

"""v1/handshake_client: what a client makes of the server's answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from nen_ref.primitives import ml_kem
from nen_ref.primitives.ml_kem import ML_KEM_768
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.errors import CRYPTO_DECRYPT_FAILED, HANDSHAKE_FAILED, error_body
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64, parse_json_object
from nen_ref.vectors.alter import flipped
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.handshake_tools import (
    BASE64_FAULTS,
    JSON_FAULTS,
    SID,
    Altered,
    accepted,
    base64_faults,
    flags,
    json_forms,
    key_pair,
    mistyped,
    not_an_object,
    not_json,
    refused,
    resized,
    text_of,
)

REFUSED = ("ISO-1004",)  # V1-HS-12, V1-HS-13
UNDECIDED = ("byte-order-mark",)  # RFC 8259, 8.1: a parser may ignore it, and V1-WIRE-05 is for servers

FLAGS = flags(
    "Basic", "JsonForms", "FurtherMembers", "CaseOfNames", *JSON_FAULTS, "MemberMissing", "MemberMistyped",
    "NumberArray", *BASE64_FAULTS, "TextForm", "OtherParameterSet", "WrongLength",
    Status=Flag(
        "edge case",
        "a status that is 2xx and not 200",
        "an answer is refused that a proxy has touched, or that a server sends as 201 Created",
        ("V1-HS-12",),
    ),
    StatusNot2xx=Flag(
        "missing check",
        "the members are right, and the status is not 2xx",
        "a page of an error or a redirect, which may come from anybody on the way, makes a session",
        ("V1-HS-12", "V1-HS-16"),
    ),
    RefusalOfTheServer=Flag(
        "confusion",
        "the error body of a server; the client reports ISO-1004, whatever code is in it",
        "callers treat a failed handshake as a failed request, and retry it or do not",
        ("V1-HS-12", "V1-ERR-04"),
    ),
    SessionIds=Flag(
        "edge case",
        "session ids that are not UUIDs; to clients they are opaque",
        "servers with other session ids cannot be talked to",
        ("V1-HS-09", "V1-HS-13"),
    ),
    HeaderInjection=Flag(
        "missing check",
        "a session id with a control character in it",
        "a line end in the session id writes headers of the attacker's choice into every request",
        ("V1-HS-13", "CWE-113"),
    ),
    SessionIdAtItsEnds=Flag(
        "missing check",
        "a session id with white space at an end, which HTTP drops",
        "the server does not know the session that the client names, and says that it has expired",
        ("V1-HS-13", "RFC 9110, section 5.5"),
    ),
    SessionIdNotAscii=Flag(
        "missing check",
        "a session id with a character that is not ASCII",
        "HTTP libraries refuse it, or send it in an encoding of their own: another session, or a crash at each request",
        ("V1-HS-13", "RFC 9110, section 5.5"),
    ),
    ImplicitRejection=Flag(
        "edge case",
        "a ciphertext that was not made for this key: no error, but another secret, J(z || c)",
        "an answer that tells good ciphertexts from bad ones gives the key away, a few bits with each",
        ("FIPS 203, algorithm 18", "V1-PRIM-03"),
    ),
    MembersSwapped=Flag(
        "confusion",
        "two members in each other's place",
        "the HMAC key, or a key that everybody knows, is used as the payload key",
        ("V1-HS-13",),
    ),
    HmacKeyOfZerosOrOnes=Flag(
        "edge case",
        "an HMAC key all of whose bits are alike",
        "zeros are taken for an absent key",
        ("V1-HS-07",),
    ),
)  # fmt: skip


class Answer:
    """A right answer to one client, and the texts of its members."""

    def __init__(self, draw: Draw) -> None:
        self.d, self.z = draw("key/d"), draw("key/z")
        self.ek = key_pair(draw).ek
        self.K, self.c = REFERENCE.ml_kem_768_encaps(self.ek, draw("m"))
        self.mac_key = bytes.fromhex("fbffbf") + draw("hmac_key", 29)  # base64: +/+/, so that alphabets differ
        self.ct, self.hmac = encode_base64(self.c), encode_base64(self.mac_key)

    def members(self, **replaced: Any) -> dict[str, Any]:
        return {"sid": SID, "ct": self.ct, "hmac": self.hmac} | replaced

    def body(self, **replaced: Any) -> str:
        return text_of(self.members(**replaced))


def fixed(draw: Draw, found: Found) -> list[Group]:
    right = Answer(draw)
    body = right.body()
    client = {"d": right.d, "z": right.z}
    shared = client | {"status": 200}
    broken = [form for form in not_json(body) if form.id not in UNDECIDED]
    return [
        Group("answers that are right", (*rights(right), *accepted(json_forms(body), "body")), shared),
        Group("statuses", tuple(statuses(body)), client, ("V1-HS-12",)),
        Group("refusals of a server", tuple(refusals(body)), client, ("V1-HS-12",)),
        Group("session ids", tuple(session_ids(right)), shared, ("V1-HS-13",)),
        Group("ciphertexts that were not made for the key", tuple(rejections(draw, right)), shared, ("V1-PRIM-03",)),
        Group("bodies that are no JSON object", (*refused(broken, "body", REFUSED),
              *refused(not_an_object(body), "body", REFUSED)), shared, ("V1-HS-13",)),
        Group("members that are missing or of another type", tuple(members(right)), shared, ("V1-HS-12", "V1-HS-13")),
        Group("members of another length", tuple(lengths(draw, right)), shared, ("V1-HS-13",)),
        Group("members that are not base64", tuple(not_base64(right)), shared, ("V1-HS-13", "V1-WIRE-02")),
    ]  # fmt: skip


def rights(right: Answer) -> Iterator[Test]:
    yield valid("plain", "the answer of a server", {"body": right.body()}, "Basic")
    reverse = dict(reversed(right.members().items()))
    yield valid("members-in-another-order", "hmac, ct, sid", {"body": text_of(reverse)}, "JsonForms")
    for name in ("ct", "hmac"):
        folded = right.members() | {name.upper(): "AAAA"}
        yield valid(f"{name}-in-upper-case-too", f"a further member {name.upper()}, which is not {name}",
                    {"body": text_of(folded)}, "CaseOfNames")  # fmt: skip
    for word, key in (("zeros", bytes(32)), ("ones", b"\xff" * 32)):
        yield valid(f"hmac-of-{word}", f"32 bytes of {key[:1].hex()} as HMAC key",
                    {"body": right.body(hmac=encode_base64(key))}, "HmacKeyOfZerosOrOnes")  # fmt: skip


def statuses(body: str) -> Iterator[Test]:
    for status in (201, 202, 206, 299):
        yield valid(f"status-{status}", f"status {status}", {"status": status, "body": body}, "Status")
    for status in (199, 300, 301, 302, 307, 308, 400, 401, 404, 409, 500, 502, 503, 599):
        yield invalid(f"status-{status}", f"the right body with status {status}", {"status": status, "body": body},
                      "StatusNot2xx", codes=REFUSED)  # fmt: skip


def refusals(body: str) -> Iterator[Test]:
    said = error_body(HANDSHAKE_FAILED).decode()
    wrong = {
        "iso-1002": ("a refusal with ISO-1002", 500, said),
        "iso-4001": ("a refusal with a code that no handshake has", 400, error_body(CRYPTO_DECRYPT_FAILED).decode()),
        "unknown-code": ("a refusal with a code of no catalogue", 400, said.replace("ISO-1002", "ISO-1234")),
        "empty": ("a refusal without a body", 404, ""),
        "status-200": ("an error body with status 200", 200, said),
    }
    for id, (comment, status, text) in wrong.items():
        yield invalid(f"refusal-{id}", comment, {"status": status, "body": text}, "RefusalOfTheServer", codes=REFUSED)
    both = body[:-1] + "," + said[1:]
    yield valid("error-beside-the-members", "an error beside the right members is a further member, with status 200",
                {"status": 200, "body": both}, "FurtherMembers")  # fmt: skip


def session_ids(right: Answer) -> Iterator[Test]:
    good = {
        "one-character": ("one character", "0"),
        "punctuation": ("punctuation that a header may have", "a.b_c~d!e#f$g%h&i*j+k^l`m|n'o"),
        "quotes": ("a quotation mark and a backslash", 'a"b\\c'),
        "first-and-last": ("the first and the last visible character, ! and ~", "!~"),
        "separators": ("separators of headers", "a,b;c=d:e(f)@g/h?i"),
        "of-256": ("256 characters", "0123456789abcdef" * 16),
    }
    for id, (comment, sid) in good.items():
        yield valid(f"sid-{id}", f"a sid of {comment}", {"body": right.body(sid=sid)}, "SessionIds")
    wrong = {
        "line-feed": ("a line feed inside", "a\nb", "HeaderInjection"),
        "carriage-return": ("a carriage return inside", "a\rb", "HeaderInjection"),
        "header": ("a line end and a header inside", "a\r\nX-Nen-Timestamp: 0", "HeaderInjection"),
        "zero-character": ("a U+0000 inside", "a\0b", "HeaderInjection"),
        "tab": ("a tab inside", "a\tb", "HeaderInjection"),
        "escape": ("a U+001B inside", "a\x1bb", "HeaderInjection"),
        "delete": ("a U+007F inside", "a\x7fb", "HeaderInjection"),
        "space-in-front": ("a space in front", f" {SID}", "SessionIdAtItsEnds"),
        "space-at-end": ("a space at the end", f"{SID} ", "SessionIdAtItsEnds"),
        "line-feed-at-end": ("a line feed at the end, where $ of a pattern still matches", f"{SID}\n",
                             "SessionIdAtItsEnds"),
        "tab-at-end": ("a tab at the end", f"{SID}\t", "SessionIdAtItsEnds"),
        "a-space": ("nothing but a space", " ", "SessionIdAtItsEnds"),
        "control-of-latin-1": ("a U+0085 inside, a control character of Latin-1", "a\u0085b", "SessionIdNotAscii"),
        "latin-1": ("an e with an acute accent", "caf\u00e9", "SessionIdNotAscii"),
        "beyond-latin-1": ("Chinese characters", "\u4e16\u754c", "SessionIdNotAscii"),
        "full-width": ("a full-width digit, which is a digit to isdigit()", "12\uff13", "SessionIdNotAscii"),
        "low-byte-is-a-line-feed": ("a U+010A, which becomes a line feed where characters are cut to bytes",
                                    "a\u010ab", "SessionIdNotAscii"),
        "zero-width": ("a zero-width space at the end", f"{SID}\u200b", "SessionIdNotAscii"),
        "beyond-the-basic-plane": ("an emoji", "a\U0001f600", "SessionIdNotAscii"),
    }  # fmt: skip
    for id, (comment, sid, flag) in wrong.items():
        yield invalid(f"sid-{id}", f"a sid with {comment}", {"body": right.body(sid=sid)}, flag, codes=REFUSED)


def rejections(draw: Draw, right: Answer) -> Iterator[Test]:
    other = key_pair(draw, "other key").ek
    wrong = {
        "ct-first-byte": ("the first byte altered", flipped(right.c, 0)),
        "ct-of-u-and-v": ("the first byte of c2 altered", flipped(right.c, 960, 0x10)),
        "ct-last-byte": ("the last byte altered", flipped(right.c, -1, 0x80)),
        "ct-for-another-key": ("one that was made for another key", REFERENCE.ml_kem_768_encaps(other, draw("m")).c),
        "ct-of-zeros": ("1088 zero bytes", bytes(1088)),
        "ct-drawn": ("1088 drawn bytes", draw("ct", 1088)),
    }
    for id, (comment, c) in wrong.items():
        yield valid(id, f"a ciphertext: {comment}", {"body": right.body(ct=encode_base64(c))}, "ImplicitRejection")


def members(right: Answer) -> Iterator[Test]:
    def test(id: str, comment: str, given: Mapping[str, Any], flag: str) -> Test:
        return invalid(id, comment, {"body": text_of(given)}, flag, codes=REFUSED)

    whole = right.members()
    yield test("empty-object", "an empty object", {}, "MemberMissing")
    for name, other in (("sid", "sessionId"), ("ct", "ciphertext"), ("hmac", "hmacKey")):
        rest = {key: value for key, value in whole.items() if key != name}
        yield test(f"{name}-missing", f"without {name}", rest, "MemberMissing")
        yield test(f"{name}-renamed", f"{name} under the name {other}", rest | {other: whole[name]}, "MemberMissing")
        yield test(f"{name}-in-upper-case", f"{name} under the name {name.upper()}",
                   rest | {name.upper(): whole[name]}, "CaseOfNames")  # fmt: skip
        for id, comment, value in mistyped(whole[name]):
            yield test(f"{name}-{id}", f"{name} is {comment}", whole | {name: value}, "MemberMistyped")
        yield test(f"{name}-empty-text", f"{name} is the empty text", whole | {name: ""}, "WrongLength")
    yield test("in-an-object", "the members inside of another object", {"data": whole}, "MemberMissing")
    yield test("hmac-array-of-numbers", "hmac is the array of its bytes", whole | {"hmac": list(right.mac_key)},
               "NumberArray")  # fmt: skip
    yield test("ct-array-of-numbers", "ct is the array of its bytes", whole | {"ct": list(right.c)}, "NumberArray")
    swapped = {
        "ct-and-hmac": {"ct": right.hmac, "hmac": right.ct},
        "sid-and-ct": {"sid": right.ct, "ct": SID},
        "sid-and-hmac": {"sid": right.hmac, "hmac": SID},
    }
    for id, given in swapped.items():
        first, second = id.split("-and-")
        yield test(f"swapped-{id}", f"{first} and {second} in each other's place", whole | given, "MembersSwapped")
    yield test("hmac-is-ct", "ct in the place of hmac too", whole | {"hmac": right.ct}, "MembersSwapped")


def lengths(draw: Draw, right: Answer) -> Iterator[Test]:
    for size in (1, 1087, 1089):
        yield _bytes("ct", resized(right.c, size), f"bytes-{size}", f"{size} bytes", "WrongLength", right)
    yield _bytes("ct", resized(right.c, 768), "ml-kem-512", "768 bytes, as for ML-KEM-512", "OtherParameterSet", right)
    yield _bytes("ct", resized(right.c, 1568), "ml-kem-1024", "1568 bytes, as for ML-KEM-1024", "OtherParameterSet",
                 right)  # fmt: skip
    yield _bytes("ct", right.c + draw("x25519"), "hybrid", "a ciphertext and 32 bytes of X25519", "OtherParameterSet",
                 right)  # fmt: skip
    yield _bytes("ct", right.ek, "of-the-key", "the client's own encapsulation key", "TextForm", right)
    yield _bytes("ct", right.ct.encode(), "base64-twice", "base64 of its base64 text", "TextForm", right)
    for size in (1, 16, 31, 33, 64):
        yield _bytes("hmac", resized(right.mac_key, size), f"bytes-{size}", f"{size} bytes", "WrongLength", right)
    yield _bytes("hmac", right.hmac.encode(), "base64-twice", "base64 of its base64 text", "TextForm", right)
    for name, data in (("hmac", right.mac_key), ("ct", right.c)):
        yield invalid(f"{name}-hexadecimal", f"{name} is hexadecimal, which is also base64, of other bytes",
                      {"body": right.body(**{name: data.hex()})}, "TextForm", codes=REFUSED)  # fmt: skip


def _bytes(name: str, data: bytes, id: str, comment: str, flag: str, right: Answer) -> Test:
    return invalid(f"{name}-{id}", f"{name}: {comment}", {"body": right.body(**{name: encode_base64(data)})}, flag,
                   codes=REFUSED)  # fmt: skip


def not_base64(right: Answer) -> Iterator[Test]:
    for name, data in (("hmac", right.mac_key), ("ct", right.c)):
        bodies = [
            Altered(fault.id, fault.comment, right.body(**{name: fault.text}), fault.flag)
            for fault in base64_faults(data)
        ]
        yield from refused(bodies, "body", REFUSED, f"{name}-base64-", f"{name}: ")


def random(draw: Draw, i: int) -> Test:
    right = Answer(draw)
    client = {"d": right.d, "z": right.z, "status": 200}
    if i % 2:
        sid = draw("sid", 16).hex()
        return valid(f"random-{i}", "a drawn key and ciphertext", client | {"body": right.body(sid=sid)}, "Basic")
    position = draw.below("position", 1088)
    c = flipped(right.c, position, 1 << draw.below("bit", 8))
    return valid(f"random-{i}", f"one bit of byte {position} of the ciphertext altered",
                 client | {"body": right.body(ct=encode_base64(c))}, "ImplicitRejection")  # fmt: skip


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """`H_ek` and `K_bar` as in FIPS 203, algorithm 18, and whether the secret is K_bar, as far as ct can be read."""
    ek, dk = REFERENCE.ml_kem_768_keygen(a["d"], a["z"])
    found: dict[str, Any] = {"H_ek": ml_kem.H(ek)}
    try:
        text = parse_json_object(a["body"].encode("utf-8", "surrogatepass")).get("ct")
        c = decode_base64(text) if isinstance(text, str) else b""
    except Malformed:
        return found
    if len(c) != ML_KEM_768.ct_size:
        return found | ({"ct_bytes": len(c)} if c else {})
    K_bar = ml_kem.J(a["z"] + c)
    rejected = REFERENCE.ml_kem_768_decaps(dk, c) == K_bar
    return found | {"ct_sha256": sha256(c).digest(), "K_bar": K_bar, "implicit_rejection": rejected}


SUITE = VectorSuite(
    name="v1/handshake_client",
    title="The client's side of a handshake: the server's answer",
    operation="handshake.finish",
    covers=("V1-HS-06", "V1-HS-12", "V1-HS-13"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=16,
    intermediate=intermediate,
)

"""Texts and encodings of a library: sections 1, 3 and 10 of the specification."""

from __future__ import annotations

from nen_ref.conformance.cases.library_tools import GARBAGE, LAX
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.protocol.wire import dump_json

ENCODE, DECODE = "base64.encode", "base64.decode"
SPKI_ENCODE, SPKI_DECODE = "spki.encode", "spki.decode"
READ = "error.read"

# RFC 4648, section 10.
RFC_4648 = {
    b"": "",
    b"f": "Zg==",
    b"fo": "Zm8=",
    b"foo": "Zm9v",
    b"foob": "Zm9vYg==",
    b"fooba": "Zm9vYmE=",
    b"foobar": "Zm9vYmFy",
}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
ALPHABET_BYTES = bytes.fromhex(
    "00108310518720928b30d38f41149351559761969b71d79f8218a39259a7a29aabb2dbafc31cb3d35db7e39ebbf3dfbf"
)

# RFC 9881, section 4: SEQUENCE { SEQUENCE { OBJECT IDENTIFIER 2.16.840.1.101.3.4.3.18 } BIT STRING, no unused bits }
SPKI_HEAD = bytes.fromhex("308207b2300b0609608648016503040312038207a100")

# The HTTP status of each code of V1, as the error catalogue was published.
STATUS = {
    "ISO-1001": 400,
    "ISO-1002": 500,
    "ISO-1003": 503,
    "ISO-1004": 502,
    "ISO-2001": 409,
    "ISO-2002": 401,
    "ISO-2003": 401,
    "ISO-3001": 401,
    "ISO-3002": 401,
    "ISO-3003": 401,
    "ISO-3004": 401,
    "ISO-4001": 400,
    "ISO-4002": 500,
    "ISO-4003": 400,
    "ISO-5001": 409,
    "ISO-6001": 400,
    "ISO-6002": 400,
    "ISO-7001": 502,
    "ISO-7002": 502,
    "ISO-9000": 500,
}


@case(
    "v1/library-wire/base64-encode",
    "V1-WIRE-01",
    ACCEPTED,
    why="a strict receiver refuses everything this implementation sends",
    cause="the URL-safe alphabet, no padding, or lines of 76 characters",
    needs=(ENCODE,),
)
async def base64_encode(probe: HarnessProbe) -> None:
    """Bytes become padded base64 of the standard alphabet in one line: the vectors of RFC 4648, all 64 characters, and
    a text longer than a line of mail."""
    for data, text in (RFC_4648 | {ALPHABET_BYTES: ALPHABET, bytes(300): "A" * 400}).items():
        probe.matches(await probe.call(ENCODE, bytes=data), f"{len(data)} bytes", {"text": text})


@case(
    "v1/library-wire/base64-decode",
    "V1-WIRE-01",
    ACCEPTED,
    why="what every other implementation sends cannot be read",
    cause="padding is taken for an error, or + and / for characters of another alphabet",
    needs=(DECODE,),
)
async def base64_decode(probe: HarnessProbe) -> None:
    """Padded base64 of the standard alphabet becomes its bytes: the vectors of RFC 4648 and all 64 characters."""
    for data, text in (RFC_4648 | {ALPHABET_BYTES: ALPHABET, bytes(300): "A" * 400}).items():
        probe.matches(await probe.call(DECODE, text=text), repr(text[:12]), {"bytes": data})


@case(
    "v1/library-wire/base64-garbage",
    "V1-REQ-04",
    "ISO-6002",
    why="a decoder that skips what it does not know reads one value out of many texts",
    cause="the decoder of the platform ignores unknown characters (Node's Buffer, Python without validate)",
    needs=(DECODE,),
)
async def base64_garbage(probe: HarnessProbe) -> None:
    """Texts that are not base64 are refused: other characters, padding inside, a character left over."""
    probe.matches(await probe.call(DECODE, text="AAAAAAAAAAAAAAAA"), "base64", {"bytes": bytes(12)})
    for note, text in GARBAGE.items():
        probe.judge(await probe.call(DECODE, text=text), note)


@case(
    "v1/library-wire/base64-strict",
    "V1-WIRE-02",
    "ISO-6002",
    why="one nonce in two texts passes the replay check twice where nonces are compared as text",
    cause="the decoder of the platform is lenient, and nothing compares the text with its encoding",
    needs=(DECODE,),
)
async def base64_strict(probe: HarnessProbe) -> None:
    """White space, the URL-safe alphabet, missing padding and unused bits that are set are refused."""
    probe.matches(await probe.call(DECODE, text="AAECAwQFBgcICQoL"), "strict base64", {"bytes": bytes(range(12))})
    for note, text in LAX.items():
        probe.judge(await probe.call(DECODE, text=text), note)


@case(
    "v1/library-wire/spki-encode",
    "V1-ID-02",
    ACCEPTED,
    why="servers refuse the identity",
    cause="NULL parameters, or another identifier of an earlier draft",
    needs=(SPKI_ENCODE,),
)
async def spki_encode(probe: HarnessProbe) -> None:
    """A public key becomes the 1974 bytes of RFC 9881: id-ml-dsa-65 without parameters."""
    for note, pk in (("zeros", bytes(1952)), ("ones", b"\xff" * 1952), ("random", random_bytes(1952))):
        probe.matches(await probe.call(SPKI_ENCODE, pk=pk), note, {"spki": SPKI_HEAD + pk})


@case(
    "v1/library-wire/spki-decode",
    "V1-ID-02",
    ACCEPTED,
    why="clients with a sound identity are turned away",
    cause="the parser asks for parameters, or does not know the identifier",
    needs=(SPKI_DECODE,),
)
async def spki_decode(probe: HarnessProbe) -> None:
    """The key is read out of a SubjectPublicKeyInfo."""
    for note, pk in (("zeros", bytes(1952)), ("ones", b"\xff" * 1952), ("random", random_bytes(1952))):
        probe.matches(await probe.call(SPKI_DECODE, spki=SPKI_HEAD + pk), note, {"pk": pk})


async def _refused_encodings(probe: HarnessProbe, pk: bytes, variants: dict[str, bytes]) -> None:
    probe.matches(await probe.call(SPKI_DECODE, spki=SPKI_HEAD + pk), "as RFC 9881 has it", {"pk": pk})
    for note, wrong in variants.items():
        probe.judge(await probe.call(SPKI_DECODE, spki=wrong), note)


@case(
    "v1/library-wire/spki-other-algorithm",
    "V1-ID-02",
    "ISO-3004",
    why="a key would be used under an algorithm that its owner did not mean",
    cause="the identifier is skipped: the last 1952 bytes are taken",
    needs=(SPKI_DECODE,),
)
async def spki_other_algorithm(probe: HarnessProbe) -> None:
    """ML-DSA-44, ML-DSA-87, HashML-DSA-65, ML-KEM-768, RSA and an identifier cut short are refused, though the key is of
    the right length."""
    pk = random_bytes(1952)
    head = SPKI_HEAD
    variants = {
        "id-ml-dsa-44": head[:16] + b"\x11" + head[17:] + pk,
        "id-ml-dsa-87": head[:16] + b"\x13" + head[17:] + pk,
        "id-hash-ml-dsa-65-with-sha512": head[:16] + b"\x21" + head[17:] + pk,
        "id-alg-ml-kem-768": head[:15] + b"\x04\x02" + head[17:] + pk,
        "rsaEncryption": bytes.fromhex("308207b2300b06092a864886f70d010101038207a100") + pk,
        "an identifier without its last arc": bytes.fromhex("308207b1300a06086086480165030403038207a100") + pk,
    }
    await _refused_encodings(probe, pk, variants)


@case(
    "v1/library-wire/spki-not-der",
    "V1-ID-05",
    "ISO-3004",
    why="one key in several encodings defeats pinning and whatever remembers identities",
    cause="a lenient ASN.1 parser, or none: the last 1952 bytes are taken",
    needs=(SPKI_DECODE,),
)
async def spki_not_der(probe: HarnessProbe) -> None:
    """NULL parameters, unused bits, other lengths, trailing bytes and lengths that are not minimal are refused."""
    pk = random_bytes(1952)
    head = SPKI_HEAD
    oid = head[6:17]
    variants = {
        "NULL parameters": bytes.fromhex("308207b4300d") + oid + bytes.fromhex("0500038207a100") + pk,
        "empty parameters": bytes.fromhex("308207b4300d") + oid + bytes.fromhex("3000038207a100") + pk,
        "unused bits": head[:-1] + b"\x01" + pk,
        "seven unused bits": head[:-1] + b"\x07" + pk,
        "a byte after the end": head + pk + b"\0",
        "a byte after the key, inside": bytes.fromhex("308207b3300b") + oid + bytes.fromhex("038207a200") + pk + b"\0",
        "a key one byte short": bytes.fromhex("308207b1300b") + oid + bytes.fromhex("038207a000") + pk[:-1],
        "cut short": (head + pk)[:-1],
        "outer length not minimal": bytes.fromhex("30830007b2") + head[4:] + pk,
        "inner length not minimal": bytes.fromhex("308207b330810b") + oid + head[17:] + pk,
        "indefinite length": bytes.fromhex("3080") + head[4:] + pk + bytes(2),
        "an OCTET STRING": head[:17] + b"\x04" + head[18:] + pk,
        "a SET": b"\x31" + head[1:] + pk,
        "the structure without the key": head,
        "PEM": b"-----BEGIN PUBLIC KEY-----\n",
        "no bytes": b"",
    }
    await _refused_encodings(probe, pk, variants)


@case(
    "v1/library-wire/spki-bare-key",
    "V1-ID-02",
    "ISO-3004",
    why="what is not a SubjectPublicKeyInfo must not be parsed as one",
    cause="the length alone decides what the bytes are",
    needs=(SPKI_DECODE,),
)
async def spki_bare_key(probe: HarnessProbe) -> None:
    """The bare key, or 1974 bytes without structure, are no SubjectPublicKeyInfo."""
    pk = random_bytes(1952)
    await _refused_encodings(
        probe, pk, {"the bare key": pk, "22 zero bytes in front": bytes(22) + pk, "22 behind": pk + bytes(22)}
    )


@case(
    "v1/library-wire/error-status",
    "V1-ERR-01",
    ACCEPTED,
    why="clients and proxies act on the status: a 401 makes a client handshake again, a 500 makes it wait",
    cause="every refusal is a 400",
    needs=("error.status",),
)
async def error_status(probe: HarnessProbe) -> None:
    """Each ISO code of V1 has the HTTP status of the catalogue."""
    for code, status in STATUS.items():
        probe.matches(await probe.call("error.status", code=code), code, {"status": status})


def _refusal(code: object) -> str:
    return dump_json({"error": {"code": code, "message": "m"}}).decode()


@case(
    "v1/library-wire/error-body",
    "V1-ERR-04",
    ACCEPTED,
    why="the caller is not told what was refused, and cannot mend it",
    cause="the code is looked for in another place, or a closed schema refuses bodies of later versions",
    needs=(READ,),
)
async def error_body(probe: HarnessProbe) -> None:
    """The code is read out of the member code of the member error, whatever else is in the body."""
    for code in STATUS:
        probe.matches(await probe.call(READ, body=_refusal(code)), code, {"code": code})
    bodies = {
        "without a message": '{"error":{"code":"ISO-5001"}}',
        "further members": '{"code":"ISO-9000","error":{"id":7,"code":"ISO-5001","x":["ISO-9000"]},"status":409}',
        "another code in the message": '{"error":{"message":"not ISO-9000","code":"ISO-5001"}}',
        "white space": ' { "error" :\r\n{ "code" :\t"ISO-5001" } }\n',
        "escapes": '{"\\u0065rror":{"code":"ISO\\u002D5001"}}',
    }
    for note, body in bodies.items():
        probe.matches(await probe.call(READ, body=body), note, {"code": "ISO-5001"})


@case(
    "v1/library-wire/error-body-unknown-code",
    "V1-ERR-04",
    ACCEPTED,
    why="whoever answers chooses a text that reaches the caller's program and its log",
    cause="a pattern in place of the catalogue, or a catalogue whose lookup finds properties of the language",
    needs=(READ,),
)
async def error_body_unknown_code(probe: HarnessProbe) -> None:
    """A code that is not in the catalogue is no code: other numbers, lower case, white space, other types."""
    probe.matches(await probe.call(READ, body=_refusal("ISO-3002")), "a code of the catalogue", {"code": "ISO-3002"})
    probe.sound()
    texts = ("ISO-3008", "ISO-0000", "iso-3002", "ISO-3002 ", "ISO-3002\n", "ISO-30020", "3002", "", "ISO-\uff13002")
    names = ("constructor", "__proto__", "toString", "AUTH_SIGNATURE_INVALID")
    for code in (*texts, *names, None, 3002, True, ["ISO-3002"], {"code": "ISO-3002"}):
        probe.matches(await probe.call(READ, body=_refusal(code)), repr(code), {"code": None})


@case(
    "v1/library-wire/error-body-elsewhere",
    "V1-ERR-04",
    ACCEPTED,
    why="data of the application, or of an attacker who gets a text into a page, is taken for the word of the server",
    cause="the body is searched for something that looks like a code",
    needs=(READ,),
)
async def error_body_elsewhere(probe: HarnessProbe) -> None:
    """A code that stands anywhere else is no code: beside error, in the message, in a page, in a body that is no JSON."""
    right = _refusal("ISO-3002")
    probe.matches(await probe.call(READ, body=right), "the right place", {"code": "ISO-3002"})
    probe.sound()
    bodies = {
        "beside error": '{"code":"ISO-3002","error":{}}',
        "error is the code": '{"error":"ISO-3002"}',
        "in the message": '{"error":{"message":"ISO-3002"}}',
        "in a text of the application": '{"note":"ISO-3002"}',
        "error is an array": '{"error":[{"code":"ISO-3002"}]}',
        "another case of the names": '{"Error":{"Code":"ISO-3002"}}',
        "inside an array": f"[{right}]",
        "error is null": '{"error":null}',
        "null": "null",
        "a text": '"ISO-3002"',
        "an empty body": "",
        "a page": f"<html><pre>{right}</pre></html>",
        "cut short": right[:-1],
        "a text behind": right + ";",
    }
    for note, body in bodies.items():
        probe.matches(await probe.call(READ, body=body), note, {"code": None})

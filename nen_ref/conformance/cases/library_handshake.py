"""The handshake as a library makes it, both sides: sections 2 and 3 of the specification."""

from __future__ import annotations

import json
from hashlib import shake_256
from typing import Any

from nen_ref.conformance.cases.library_forgeries import hints, room_and_pair, signed_elsewhere
from nen_ref.conformance.cases.library_tools import GARBAGE, LAX, SID, ends, same_members
from nen_ref.conformance.harness.driver import Reply
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json_object
from nen_ref.vectors.alter import flipped, with_coefficient

HELLO, RESPOND, FINISH = "handshake.hello", "handshake.respond", "handshake.finish"

NO_KEY = "the two sides have no common secret: nothing opens, and the fault shows only at the first payload"
WEAK_KEY = "encapsulating to a key outside of its range can tell whoever sent it something of the secret"
IMPOSTOR = "an identity could be claimed without its key, and a server that pins identities would let its owner in"
STRIPPED = "half an identity is an identity that somebody stripped"
HALF_OPEN = "a session without sound keys: the first request fails, or goes out unprotected"


class Hello:
    """A client's key pair and the members of its handshake body, open to tampering."""

    def __init__(self) -> None:
        self.ek, self.dk = REFERENCE.ml_kem_768_keygen(random_bytes(32), random_bytes(32))
        self.m, self.mac_key = random_bytes(32), random_bytes(32)
        self.K, self.c = REFERENCE.ml_kem_768_encaps(self.ek, self.m)

    def body(self, **members: Any) -> bytes:
        """The body, with these members beside `pk` or in place of it."""
        return dump_json({"pk": encode_base64(self.ek)} | members)

    async def answered(self, probe: HarnessProbe, body: bytes | str) -> Reply:
        text = body if isinstance(body, str) else body.decode()
        return await probe.call(RESPOND, body=text, m=self.m, hmac_key=self.mac_key, sid=SID)

    async def accepted(self, probe: HarnessProbe, body: bytes | str, note: str) -> None:
        """Check that the body is answered as it should be: the secret, and the members of the answer."""
        reply = await self.answered(probe, body)
        if probe.matches(reply, note, {"secret": self.K}, {"ct": self.c, "secret": self.K}):
            same_members(probe, reply, note, {"sid": SID, "ct": self.c, "hmac": self.mac_key})

    async def refused(self, probe: HarnessProbe, bodies: dict[str, bytes | str]) -> None:
        """The right body is accepted, and each of these is not."""
        await self.accepted(probe, self.body(), "the body before it was altered")
        probe.sound()
        for note, body in bodies.items():
            probe.judge(await self.answered(probe, body), note)


class Signer:
    """An ML-DSA-65 identity and its members for one `ek`."""

    def __init__(self, hello: Hello) -> None:
        self.pk, self.sk = REFERENCE.ml_dsa_65_keygen(random_bytes(32))
        self.spki = encode_spki(ML_DSA_65, self.pk)
        self.signature = REFERENCE.ml_dsa_65_sign(self.sk, hello.ek, b"", bytes(32))

    def members(self, *, spki: bytes | None = None, signature: bytes | None = None) -> dict[str, str]:
        return {
            "sigPk": encode_base64(self.spki if spki is None else spki),
            "sigOfPk": encode_base64(self.signature if signature is None else signature),
        }


# The client's body


@case(
    "v1/library-handshake/hello",
    "V1-HS-01",
    ACCEPTED,
    why=NO_KEY,
    cause="the key is sent as hexadecimal, in DER, or as an array of numbers",
    needs=(HELLO,),
    only=("v1", "v2"),
)
async def hello(probe: HarnessProbe) -> None:
    """The handshake body of a seed has the base64 of its encapsulation key as pk, and no half of an identity."""
    for i in range(3):
        d, z = random_bytes(32), random_bytes(32)
        ek, _ = REFERENCE.ml_kem_768_keygen(d, z)
        reply = await probe.call(HELLO, d=d, z=z)
        same_members(probe, reply, f"seed {i}", {"pk": ek})
        members = _members(reply)
        probe.ensure(not {"sigPk", "sigOfPk"} & set(members), "an identity is sent that nobody asked for")


def _members(reply: Reply) -> dict[str, object]:
    try:
        return parse_json_object(reply["body"].encode()) if reply.ok else {}
    except (Malformed, UnicodeEncodeError):
        return {}


@case(
    "v1/library-handshake/hello-identity",
    "V1-ID-01",
    ACCEPTED,
    why="no server can check the identity of this client",
    cause="the base64 text is signed in place of the raw bytes, or under a context",
    needs=(HELLO, "identity_seed"),
    only=("v1", "v2"),
)
async def hello_identity(probe: HarnessProbe) -> None:
    """With an identity the body has its SubjectPublicKeyInfo, and a signature that is valid over the raw bytes of ek."""
    for i in range(2):
        d, z, xi = random_bytes(32), random_bytes(32), random_bytes(32)
        ek, _ = REFERENCE.ml_kem_768_keygen(d, z)
        pk, _ = REFERENCE.ml_dsa_65_keygen(xi)
        reply = await probe.call(HELLO, d=d, z=z, identity_seed=xi)
        same_members(probe, reply, f"seed {i}", {"pk": ek, "sigPk": encode_spki(ML_DSA_65, pk)})
        try:
            signature = decode_base64(str(_members(reply).get("sigOfPk")))
        except Malformed:
            signature = b""
        probe.ensure(len(signature) == 3309, f"sigOfPk is not base64 of 3309 bytes (it holds {len(signature)})")
        valid = REFERENCE.ml_dsa_65_verify(pk, ek, signature, b"")
        probe.ensure(valid, "sigOfPk is not valid over the raw 1184 bytes of ek with the empty context")


# The server's answer


@case(
    "v1/library-handshake/respond",
    "V1-HS-01",
    ACCEPTED,
    why=NO_KEY,
    cause="the secret is hashed or derived once more, or ct and the secret are of two encapsulations",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond(probe: HarnessProbe) -> None:
    """The answer has sid, ct and hmac; the secret is the one of ML-KEM as it is, without a key derivation."""
    for i in range(3):
        await (made := Hello()).accepted(probe, made.body(), f"handshake {i}")


@case(
    "v1/library-handshake/respond-further-members",
    "V1-WIRE-04",
    ACCEPTED,
    why="a client of a later version could not speak to this server",
    cause="a closed schema on the handshake body",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_further_members(probe: HarnessProbe) -> None:
    """Members that the specification does not name are ignored."""
    made = Hello()
    await made.accepted(probe, made.body(v=2, client="x", pk_x=None, resume={"a": []}), "further members")
    await made.accepted(probe, ' {\n"x":[1],\t"pk" : "' + encode_base64(made.ek) + '" }\r\n', "white space")


@case(
    "v1/library-handshake/respond-without-key",
    "V1-HS-02",
    "ISO-1001",
    why="clients and their users are told of a failure they cannot name",
    cause="the absent member is decoded like any other",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_without_key(probe: HarnessProbe) -> None:
    """A body without pk is refused."""
    made = Hello()
    text = encode_base64(made.ek)
    await made.refused(
        probe,
        {
            "empty object": "{}",
            "pk in upper case": dump_json({"PK": text}),
            "ek": dump_json({"ek": text}),
            "inside another object": dump_json({"handshake": {"pk": text}}),
        },
    )


@case(
    "v1/library-handshake/respond-not-an-object",
    "V1-HS-03",
    "ISO-1001",
    "ISO-6001",
    why="the parser's exception must not become a crash",
    cause="the parser's exception escapes, or null is dereferenced",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_not_an_object(probe: HarnessProbe) -> None:
    """A body that is no JSON object is refused."""
    made = Hello()
    texts = ("", " ", "null", "[]", "7", '"pk"', "{", "pk=AAAA", '{"pk":"AAAA"', "NaN")
    await made.refused(probe, {repr(text): text for text in texts} | {"inside an array": b"[" + made.body() + b"]"})


@case(
    "v1/library-handshake/respond-ambiguous-json",
    "V1-WIRE-05",
    "ISO-1001",
    "ISO-6001",
    why="a proxy that reads the first pk and a server that reads the last are talking of two keys",
    cause="the parser of the platform takes the last of two members",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_ambiguous_json(probe: HarnessProbe) -> None:
    """A body that names pk twice, nests too deep or has a lone surrogate is refused."""
    made = Hello()
    body = made.body().decode()
    bodies: dict[str, bytes | str] = {
        "pk named twice": body[:-1] + "," + body[1:],
        "pk named twice, once escaped": body[:-1] + ',"p\\u006b"' + body[5:],
        "another member named twice": body[:-1] + ',"x":1,"x":1}',
        "129 levels": body[:-1] + ',"x":' + "[" * 128 + "]" * 128 + "}",
        "a lone surrogate": body[:-1] + ',"x":"\\ud83d"}',
        "a byte order mark": "\ufeff" + body,
    }
    await made.refused(probe, bodies)


@case(
    "v1/library-handshake/respond-key-mistyped",
    "V1-HS-03",
    "ISO-1001",
    "ISO-6001",
    "ISO-6002",
    why="a value of another type must not reach the decoder",
    cause="the member is turned into a text, or an array of numbers into bytes",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_key_mistyped(probe: HarnessProbe) -> None:
    """A pk that is null, a number, a truth value, an array (of its numbers, too), an object or empty is refused."""
    made = Hello()
    wrong: dict[str, object] = {
        "null": None,
        "a number": 7,
        "true": True,
        "an empty array": [],
        "an array of its numbers": list(made.ek),
        "an object": {"data": encode_base64(made.ek)},
        "an array of its text": [encode_base64(made.ek)],
        "the empty text": "",
    }
    await made.refused(probe, {note: made.body(pk=value) for note, value in wrong.items()})


@case(
    "v1/library-handshake/respond-key-not-base64",
    "V1-HS-04",
    "ISO-6002",
    "ISO-1001",
    why="a decoder that skips what it does not know reads one key out of many texts",
    cause="the decoder of the platform ignores unknown characters",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_key_not_base64(probe: HarnessProbe) -> None:
    """A pk that is not base64 is refused."""
    made = Hello()
    text = encode_base64(made.ek)
    bodies: dict[str, bytes | str] = {note: made.body(pk=text[:1564] + wrong) for note, wrong in GARBAGE.items()}
    bodies["hexadecimal with colons"] = made.body(pk=made.ek.hex(":"))
    await made.refused(probe, bodies)


@case(
    "v1/library-handshake/respond-key-strict-base64",
    "V1-WIRE-02",
    "ISO-6002",
    "ISO-1001",
    why="one key in many texts defeats whatever compares or remembers handshakes",
    cause="the decoder of the platform is lenient, and nothing compares the text with its encoding",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_key_strict_base64(probe: HarnessProbe) -> None:
    """The right pk with a line feed, with spaces, in the URL-safe alphabet, without padding or with unused bits set is
    refused."""
    made = Hello()
    text = encode_base64(made.ek)  # 1184 bytes are 1580 characters, the last a "="
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bodies: dict[str, bytes | str] = {
        "a line feed at the end": made.body(pk=text + "\n"),
        "a space in front": made.body(pk=" " + text),
        "lines of 76 characters": made.body(pk="\r\n".join(text[i : i + 76] for i in range(0, 1580, 76))),
        "URL-safe": made.body(pk=text.replace("+", "-").replace("/", "_")),
        "without padding": made.body(pk=text.rstrip("=")),
        "unused bits set": made.body(pk=text[:-2] + alphabet[alphabet.index(text[-2]) | 1] + "="),
    }
    await made.refused(probe, bodies)


@case(
    "v1/library-handshake/respond-key-check",
    "V1-HS-05",
    "ISO-1002",
    why=WEAK_KEY,
    cause="the check of FIPS 203 section 7.2 is left to a library that does not make it",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_key_check(probe: HarnessProbe) -> None:
    """A pk of another length, or with a coefficient not below 3329, is refused; nothing is encapsulated to it."""
    made = Hello()
    keys = {f"{size} bytes": made.ek[:size].ljust(size, b"\0") for size in (1, 32, 800, 1183, 1185, 1568)}
    for index in (0, 1, 383, 384, 766, 767):
        for value in (3329, 4095):
            keys[f"coefficient {index} is {value}"] = with_coefficient(made.ek, index, value)
    await made.refused(probe, {note: made.body(pk=encode_base64(key)) for note, key in keys.items()})


@case(
    "v1/library-handshake/respond-identity",
    "V1-ID-01",
    ACCEPTED,
    why="clients with a sound identity are turned away",
    cause="the signature is checked over the base64 text, or only the deterministic one is taken",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_identity(probe: HarnessProbe) -> None:
    """A handshake with a sound identity is accepted, its signature deterministic or hedged."""
    made = Hello()
    signer = Signer(made)
    await made.accepted(probe, made.body(**signer.members()), "deterministic")
    hedged = REFERENCE.ml_dsa_65_sign(signer.sk, made.ek, b"", random_bytes(32))
    await made.accepted(probe, made.body(**signer.members(signature=hedged)), "hedged")


@case(
    "v1/library-handshake/respond-identity-bare-key",
    "V1-ID-04",
    ACCEPTED,
    why="clients that send the bare key of 1952 bytes are turned away",
    cause="only the SubjectPublicKeyInfo is parsed",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_identity_bare_key(probe: HarnessProbe) -> None:
    """The bare key is accepted as sigPk; a wrong signature under it is not."""
    made = Hello()
    signer = Signer(made)
    await made.accepted(probe, made.body(**signer.members(spki=signer.pk)), "bare key")
    wrong = signer.members(spki=signer.pk, signature=flipped(signer.signature))
    probe.refused(await made.answered(probe, made.body(**wrong)), "bare key, signature altered")


@case(
    "v1/library-handshake/respond-identity-wrong",
    "V1-ID-01",
    "ISO-3004",
    why=IMPOSTOR,
    cause="the signature is not checked, or not over the pk of this handshake",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_identity_wrong(probe: HarnessProbe) -> None:
    """A signature that is altered, of another key, over other bytes or from another handshake is refused."""
    made, other = Hello(), Hello()
    signer, stranger = Signer(made), Signer(made)

    def signed(message: bytes) -> dict[str, str]:
        return signer.members(signature=REFERENCE.ml_dsa_65_sign(signer.sk, message, b"", bytes(32)))

    members = {f"signature: {note}": signer.members(signature=wrong) for note, wrong in ends(signer.signature).items()}
    members |= {
        "key of another": signer.members(spki=stranger.spki),
        "signature of another": signer.members(signature=stranger.signature),
        "key altered": signer.members(spki=flipped(signer.spki, -1)),
        "over the pk of another handshake": signed(other.ek),
        "over the base64 text of pk": signed(encode_base64(made.ek).encode()),
        "over the hexadecimal text of pk": signed(made.ek.hex().encode()),
        "over the JSON body": signed(made.body()),
        "over the empty message": signed(b""),
        "zeros": signer.members(signature=bytes(3309)),
    }
    await made.refused(probe, {note: made.body(**identity) for note, identity in members.items()})


@case(
    "v1/library-handshake/respond-identity-context",
    "V1-ID-01",
    "ISO-3004",
    why="a signature that the key gave for another purpose would prove an identity here",
    cause="the internal interface of the library is called in place of the one with a context",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_identity_context(probe: HarnessProbe) -> None:
    """A signature under a context, without the domain prefix, or over a hash is refused."""
    made = Hello()
    signer = Signer(made)
    await made.accepted(probe, made.body(**signer.members()), "empty context")
    wrong = signed_elsewhere(signer.sk, made.ek)
    await made.refused(
        probe, {note: made.body(**signer.members(signature=signature)) for note, signature in wrong.items()}
    )


@case(
    "v1/library-handshake/respond-identity-half",
    "V1-ID-03",
    "ISO-3004",
    why=STRIPPED,
    cause="the identity is checked only if both members are there",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_identity_half(probe: HarnessProbe) -> None:
    """One of sigPk and sigOfPk without the other, or with null in its place, is refused."""
    made = Hello()
    members = Signer(made).members()
    bodies: dict[str, bytes | str] = {
        "sigPk alone": made.body(sigPk=members["sigPk"]),
        "sigOfPk alone": made.body(sigOfPk=members["sigOfPk"]),
        "sigOfPk null": made.body(**members | {"sigOfPk": None}),
        "sigPk null": made.body(**members | {"sigPk": None}),
        "both null": made.body(sigPk=None, sigOfPk=None),
        "both empty": made.body(sigPk="", sigOfPk=""),
        "sigOfPk empty": made.body(**members | {"sigOfPk": ""}),
    }
    await made.refused(probe, bodies)


@case(
    "v1/library-handshake/respond-identity-encoding",
    "V1-ID-05",
    "ISO-3004",
    "ISO-6001",
    "ISO-6002",
    why="one identity in several encodings defeats pinning and whatever remembers identities",
    cause="a lenient ASN.1 parser or base64 decoder, or a signature that is cut to its length",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_identity_encoding(probe: HarnessProbe) -> None:
    """Members that are no texts, not base64, of another length, or no strict SubjectPublicKeyInfo are refused."""
    made = Hello()
    signer = Signer(made)
    right, spki = signer.members(), signer.spki
    null_parameters = bytes.fromhex("308207b4300d") + spki[6:17] + bytes.fromhex("0500038207a100") + signer.pk
    members: dict[str, dict[str, Any]] = {
        "sigPk as numbers": right | {"sigPk": list(spki)},
        "sigOfPk as numbers": right | {"sigOfPk": list(signer.signature)},
        "sigPk an object": right | {"sigPk": {"data": right["sigPk"]}},
        "sigOfPk true": right | {"sigOfPk": True},
        "sigPk with a line feed": right | {"sigPk": right["sigPk"] + "\n"},
        "sigOfPk with a line feed": right | {"sigOfPk": right["sigOfPk"] + "\n"},
        "sigPk not base64": right | {"sigPk": "!" + right["sigPk"][1:]},
        "sigOfPk URL-safe": right | {"sigOfPk": right["sigOfPk"].replace("+", "-").replace("/", "_")},
        "sigOfPk one byte short": signer.members(signature=signer.signature[:-1]),
        "sigOfPk one byte long": signer.members(signature=signer.signature + b"\0"),
        "sigPk with NULL parameters": signer.members(spki=null_parameters),
        "sigPk of ML-DSA-87": signer.members(spki=spki[:16] + b"\x13" + spki[17:]),
        "sigPk with a byte behind": signer.members(spki=spki + b"\0"),
        "sigPk with a byte missing": signer.members(spki=spki[:-1]),
        "bare key with a byte behind": signer.members(spki=signer.pk + b"\0"),
        "sigPk in PEM": right | {"sigPk": f"-----BEGIN PUBLIC KEY-----\n{right['sigPk']}\n-----END PUBLIC KEY-----"},
    }
    await made.accepted(probe, made.body(**right), "a sound identity")
    await made.refused(probe, {note: made.body(**identity) for note, identity in members.items()})


@case(
    "v1/library-handshake/respond-identity-hint",
    "V1-PRIM-07",
    "ISO-3004",
    why="one signature in several forms defeats whatever remembers handshakes",
    cause="the hint is unpacked without the checks of FIPS 204, algorithm 21",
    needs=(RESPOND,),
    only=("v1", "v2"),
)
async def respond_identity_hint(probe: HarnessProbe) -> None:
    """A signature whose hint is encoded in another way is refused."""
    made = Hello()
    signer = Signer(made)
    signature = signer.signature
    while not room_and_pair(signature[-61:]):
        signature = REFERENCE.ml_dsa_65_sign(signer.sk, made.ek, b"", random_bytes(32))
    await made.accepted(probe, made.body(**signer.members(signature=signature)), "as signed")
    await made.refused(
        probe, {note: made.body(**signer.members(signature=wrong)) for note, wrong in hints(signature).items()}
    )


# The client's end


class Finish:
    """The seed of a hello, and an answer to it that is open to tampering."""

    def __init__(self) -> None:
        self.d, self.z = random_bytes(32), random_bytes(32)
        self.ek, _ = REFERENCE.ml_kem_768_keygen(self.d, self.z)
        self.K, self.c = REFERENCE.ml_kem_768_encaps(self.ek, random_bytes(32))
        self.mac_key = random_bytes(32)

    def body(self, **members: Any) -> bytes:
        """The answer with some members replaced; one given as None is left out."""
        right = {"sid": SID, "ct": encode_base64(self.c), "hmac": encode_base64(self.mac_key)}
        return dump_json({name: value for name, value in (right | members).items() if value is not None})

    async def finished(self, probe: HarnessProbe, body: bytes | str, status: int = 200) -> Reply:
        text = body if isinstance(body, str) else body.decode()
        return await probe.call(FINISH, d=self.d, z=self.z, status=status, body=text)

    async def accepted(self, probe: HarnessProbe, body: bytes | str, note: str, sid: str = SID) -> None:
        values = {"sid": sid, "secret": self.K, "hmac_key": self.mac_key}
        probe.matches(await self.finished(probe, body), note, values, {"ek": self.ek, "ct": self.c, "secret": self.K})

    async def refused(self, probe: HarnessProbe, bodies: dict[str, bytes | str]) -> None:
        await self.accepted(probe, self.body(), "the answer before it was altered")
        probe.sound()
        for note, body in bodies.items():
            probe.judge(await self.finished(probe, body), note)


@case(
    "v1/library-handshake/finish",
    "V1-HS-06",
    ACCEPTED,
    why=NO_KEY,
    cause="the secret is hashed or derived once more, or the keys are exchanged",
    needs=(FINISH,),
    only=("v1", "v2"),
)
async def finish(probe: HarnessProbe) -> None:
    """The client has the session id, the secret of ML-KEM as it is, and the HMAC key as it was sent."""
    for i in range(3):
        await (made := Finish()).accepted(probe, made.body(), f"handshake {i}")


@case(
    "v1/library-handshake/finish-further-members",
    "V1-WIRE-04",
    ACCEPTED,
    why="a server of a later version could not speak to this client",
    cause="a closed schema on the answer, or a session id that has to be a UUID",
    needs=(FINISH,),
    only=("v1", "v2"),
)
async def finish_further_members(probe: HarnessProbe) -> None:
    """Further members are ignored, and a session id is any text."""
    made = Finish()
    await made.accepted(probe, made.body(ticket="x", v=2, expires=[1]), "further members")
    await made.accepted(probe, made.body(sid="abc.DEF_123~"), "a session id that is no UUID", "abc.DEF_123~")


@case(
    "v1/library-handshake/finish-implicit-rejection",
    "V1-PRIM-03",
    ACCEPTED,
    why="an answer that tells good ciphertexts from bad ones gives the key away",
    cause="the library's implicit rejection is turned into an error",
    needs=(FINISH,),
    only=("v1", "v2"),
)
async def finish_implicit_rejection(probe: HarnessProbe) -> None:
    """An altered ct is no error in the handshake: it gives the secret of implicit rejection."""
    made = Finish()
    await made.accepted(probe, made.body(), "the answer before it was altered")
    probe.sound()
    for note, wrong in ends(made.c).items():
        reply = await made.finished(probe, made.body(ct=encode_base64(wrong)))
        probe.matches(reply, note, {"sid": SID, "secret": shake_256(made.z + wrong).digest(32)})


@case(
    "v1/library-handshake/finish-status",
    "V1-HS-12",
    "ISO-1004",
    why=HALF_OPEN,
    cause="the status is not looked at where the body has the right members",
    needs=(FINISH,),
    only=("v1", "v2"),
)
async def finish_status(probe: HarnessProbe) -> None:
    """An answer with a status other than 2xx is refused, whatever its body."""
    made = Finish()
    await made.accepted(probe, made.body(), "status 200")
    error = dump_json({"error": {"code": "ISO-1002", "message": "m"}})
    for status in (302, 400, 401, 404, 500, 503):
        probe.judge(await made.finished(probe, made.body(), status), f"status {status}, the right body")
        probe.judge(await made.finished(probe, error, status), f"status {status}, an error body")


@case(
    "v1/library-handshake/finish-members-missing",
    "V1-HS-12",
    "ISO-1004",
    why=HALF_OPEN,
    cause="an absent member is decoded to no bytes",
    needs=(FINISH,),
    only=("v1", "v2"),
)
async def finish_members_missing(probe: HarnessProbe) -> None:
    """An answer without sid or without ct is refused."""
    made = Finish()
    await made.refused(
        probe,
        {
            "without sid": made.body(sid=None),
            "without ct": made.body(ct=None),
            "empty object": "{}",
            "members in upper case": made.body().replace(b'"ct"', b'"CT"'),
            "an error with status 200": dump_json({"error": {"code": "ISO-1002", "message": "m"}}),
        },
    )


@case(
    "v1/library-handshake/finish-members-wrong",
    "V1-HS-13",
    "ISO-1004",
    why=HALF_OPEN,
    cause="members are used as they come: a short HMAC key, an array of numbers, an empty session id",
    needs=(FINISH,),
    only=("v1", "v2"),
)
async def finish_members_wrong(probe: HarnessProbe) -> None:
    """Answers that are no object, or whose members are mistyped, undecodable or of the wrong length, are refused."""
    made = Finish()
    ct, hmac = encode_base64(made.c), encode_base64(made.mac_key)
    bodies: dict[str, bytes | str] = {repr(text): text for text in ("", "null", "[]", "7", "{", "<html>", '"ok"')}
    bodies |= {
        "without hmac": made.body(hmac=None),
        "sid a number": made.body(sid=7),
        "sid empty": made.body(sid=""),
        "sid an array": made.body(sid=[SID]),
        "ct as numbers": made.body(ct=list(made.c)),
        "hmac as numbers": made.body(hmac=list(made.mac_key)),
        "hmac an object": made.body(hmac={"data": hmac}),
        "sid null": made.body().replace(json.dumps(SID).encode(), b"null"),
        "ct named twice": made.body()[:-1] + b',"ct":"' + ct.encode() + b'"}',
        "inside an array": b"[" + made.body() + b"]",
    }
    for size in (0, 31, 33, 64):
        bodies[f"hmac of {size} bytes"] = made.body(hmac=encode_base64(bytes(size)))
    for note, text in (GARBAGE | LAX).items():
        bodies[f"hmac: {note}"] = made.body(hmac=text)
        bodies[f"ct: {note}"] = made.body(ct="A" * 1432 + text)
    bodies["hmac with a line feed"] = made.body(hmac=hmac + "\n")
    bodies["hmac without padding"] = made.body(hmac=hmac.rstrip("="))
    bodies["ct without padding"] = made.body(ct=ct.rstrip("="))
    await made.refused(probe, bodies)


@case(
    "v1/library-handshake/finish-ciphertext-length",
    "V1-HS-13",
    "ISO-1004",
    "ISO-1002",
    why=HALF_OPEN,
    cause="the ciphertext is cut to its length or filled up",
    needs=(FINISH,),
    only=("v1", "v2"),
)
async def finish_ciphertext_length(probe: HarnessProbe) -> None:
    """A ct of another length than 1088 bytes is refused."""
    made = Finish()
    sizes = (0, 1, 768, 1087, 1089, 1568)
    await made.refused(
        probe,
        {f"{size} bytes": made.body(ct=encode_base64(made.c[:size].ljust(size, b"\0"))) for size in sizes},
    )


@case(
    "v1/library-handshake/finish-session-id",
    "V1-HS-13",
    "ISO-1004",
    why="a session id with a line end in it writes headers of the attacker's choice into every request",
    cause="the session id goes into the header as it came",
    needs=(FINISH,),
    only=("v1", "v2"),
)
async def finish_session_id(probe: HarnessProbe) -> None:
    """A session id that cannot stand in a header is refused: with line ends, zero characters, or beyond ASCII."""
    made = Finish()
    sids = {
        "a line feed": "a\nb",
        "a CRLF and a header": "a\r\nX-Nen-Timestamp: 0",
        "a zero character": "a\0b",
        "beyond Latin-1": "\u4e16\u754c",
        "a space in front": " a",
        "a line feed at the end": "a\n",
    }
    await made.refused(probe, {note: made.body(sid=sid) for note, sid in sids.items()})

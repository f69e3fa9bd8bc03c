"""Library cases of V3: the identity of the server, proven and checked, and attestations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nen_ref.conformance.cases.library_tools import SID, ends
from nen_ref.conformance.cases.v3_library_tools import (
    FINISH,
    RESPOND,
    Exchange,
    Proof,
    Signer,
    committing_nonce,
    framed,
    members_of,
    signed_hash,
)
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.suite import REFERENCE
from nen_ref.primitives.x25519 import BASE_POINT
from nen_ref.protocol.wire import encode_base64

HASH, ATTEST, VERIFY = "v3.transcript_hash", "v3.attest", "v3.attest_verify"

NOBODY = "the signature of one implementation verifies in no other"
IMPOSTOR = "whoever stands between answers in the server's place, and the client believes it"
HALF = "who strips a part of an identity gets the client to go on without one"
FALSE_STATEMENT = "an auditor is shown a statement that its key never signed"


def proof_of(made: Exchange, server_nonce: bytes | None = None) -> Proof:
    """The proof of this exchange, under the bound nonce or another one."""
    pk_x, pk_x_server = (made.pk_x, made.pk_x_server) if made.hybrid else (b"", b"")
    return Proof(made.ek, pk_x, committing_nonce(made.ct, pk_x_server) if server_nonce is None else server_nonce)


# What the server proves


@case(
    "v3/library-handshake/transcript-hash",
    "V3-ID-02",
    ACCEPTED,
    why=NOBODY,
    cause="lengths are left out, little-endian, or of 16 bits; or the sid counts characters",
    needs=(HASH,),
)
async def transcript_hash(probe: HarnessProbe) -> None:
    """The transcript is hashed field by field, each with its length as a big-endian u32; the sid is UTF-8."""
    ek, pk_x, nonce = random_bytes(1184), random_bytes(32), random_bytes(32)
    fields = {
        "hybrid": (ek, pk_x, nonce, SID),
        "pqc-only": (ek, b"", nonce, SID),
        "a sid of one character": (ek, pk_x, nonce, "s"),
        "a sid beyond ASCII": (ek, pk_x, nonce, "Gr\u00fc\u00dfe \U0001f98a"),
        "a byte moved to the next field": (ek + pk_x[:1], pk_x[1:], nonce, SID),
        "a byte moved to the one before": (ek[:-1], ek[-1:] + pk_x, nonce, SID),
        "nothing": (b"", b"", b"", ""),
    }
    for note, (pk_kem, x, server_nonce, sid) in fields.items():
        reply = await probe.call(HASH, pk_kem=pk_kem, pk_x=x, server_nonce=server_nonce, sid=sid)
        probe.matches(reply, note, {"hash": signed_hash(pk_kem, x, server_nonce, sid)})


@case(
    "v3/library-handshake/respond-identity",
    "V3-ID-01",
    ACCEPTED,
    why="clients that pin this server refuse it",
    cause="the bare key is sent, the signature has a context, or is over another hash",
    needs=(RESPOND,),
)
async def respond_identity(probe: HarnessProbe) -> None:
    """With an identity the answer has its three members: a nonce, the key in its encoding, and the signature over the hash."""
    signer = Signer()
    for hybrid in (True, False):
        made, nonce = Exchange(hybrid=hybrid), random_bytes(32)
        reply = await made.accepted(
            probe, made.hello(), f"hybrid: {hybrid}", identity_seed=signer.seed, server_nonce=nonce
        )
        expected = proof_of(made, nonce).members(signer)
        found = {name: members_of(reply).get(name) for name in expected}
        wrong = [name for name in expected if found[name] != expected[name]]
        probe.ensure(not wrong, f"hybrid: {hybrid}: {', '.join(wrong)} not as expected")


@case(
    "v3/library-handshake/respond-bound",
    "V3-ID-07",
    ACCEPTED,
    why="a relay without any key has the sessions of the clients that pin this server",
    cause="the nonce is random, or commits to ct alone",
    needs=(RESPOND,),
)
async def respond_bound(probe: HarnessProbe) -> None:
    """Where no nonce is given, it is the bound one, in hybrid and in pqc-only."""
    signer = Signer()
    for hybrid in (True, False):
        made = Exchange(hybrid=hybrid)
        reply = await made.accepted(probe, made.hello(), f"hybrid: {hybrid}", identity_seed=signer.seed)
        expected = encode_base64(proof_of(made).server_nonce)
        probe.ensure(members_of(reply).get("server_nonce") == expected, f"hybrid: {hybrid}: another nonce")


@case(
    "v3/library-handshake/respond-without-identity",
    "V3-ID-01",
    ACCEPTED,
    why="half an identity is refused by every client",
    cause="empty members are sent where there is no identity",
    needs=(RESPOND,),
)
async def respond_without_identity(probe: HarnessProbe) -> None:
    """Without an identity the answer has none of the three members."""
    made = Exchange()
    reply = await made.accepted(probe, made.hello(), "no identity")
    found = {"server_nonce", "server_id_pk", "server_sig"} & set(members_of(reply))
    probe.ensure(not found, f"{', '.join(found)} in the answer")


# What the client checks


@case(
    "v3/library-handshake/finish-pinned",
    "V3-ID-04",
    ACCEPTED,
    why="a client that pins its server could not talk to it",
    cause="the transcript is hashed in another form, or the key compared in its encoding",
    needs=(FINISH,),
)
async def finish_pinned(probe: HarnessProbe) -> None:
    """The pinned identity is taken, under any nonce, with its key bare too, and the bound nonce where it is demanded."""
    signer = Signer()
    for hybrid in (True, False):
        made = Exchange(hybrid=hybrid)
        random = proof_of(made, random_bytes(32)).members(signer)
        bare = {**random, "server_id_pk": encode_base64(signer.pk)}
        own = proof_of(made).members(signer)
        await made.gives(probe, made.answer(**random), f"hybrid: {hybrid}", pinned=signer.pk)
        await made.gives(probe, made.answer(**random), f"hybrid: {hybrid}, not bound", pinned=signer.pk, bound=False)
        await made.gives(probe, made.answer(**bare), f"hybrid: {hybrid}, bare key", pinned=signer.pk)
        await made.gives(probe, made.answer(**own), f"hybrid: {hybrid}, bound", pinned=signer.pk, bound=True)
        await made.gives(probe, made.answer(**own), f"hybrid: {hybrid}, bound, not pinned", bound=True)


@case(
    "v3/library-handshake/finish-not-pinned",
    "V3-ID-05",
    ACCEPTED,
    why="a server that behaves as published and no more would have no clients",
    cause="an identity that nobody asked for is refused, or one is required",
    needs=(FINISH,),
)
async def finish_not_pinned(probe: HarnessProbe) -> None:
    """Without a pin an answer is taken without an identity, and with any that is proven."""
    made = Exchange()
    await made.gives(probe, made.answer(), "none")
    await made.gives(probe, made.answer(**proof_of(made).members(Signer())), "one")
    await made.gives(probe, made.answer(**proof_of(made, random_bytes(32)).members(Signer())), "one, a random nonce")


@case(
    "v3/library-handshake/finish-other-identity",
    "V3-ID-03",
    "ISO-3006",
    why=IMPOSTOR,
    cause="the signature is verified under the key that came with it, and the key compared with nothing",
    needs=(FINISH,),
)
async def finish_other_identity(probe: HarnessProbe) -> None:
    """Where a key is pinned, or the bound nonce demanded, no identity is refused; and another one, proven rightly, is."""
    made, signer = Exchange(), Signer()
    right = made.answer(**proof_of(made).members(signer))
    bodies = {"none": made.answer(), "another": made.answer(**proof_of(made).members(Signer()))}
    await made.declines(probe, bodies, right, pinned=signer.pk)
    await made.declines(probe, {"none, the bound nonce demanded": made.answer()}, right, bound=True)
    for note, pk in ends(signer.pk).items():
        probe.judge(await made.finished(probe, right, pinned=pk), f"the pin: {note}")


@case(
    "v3/library-handshake/finish-not-proven",
    "V3-ID-04",
    "ISO-3007",
    why=IMPOSTOR + ": the key is public",
    cause="the key is compared, and the signature not verified; or a part of the transcript is left out",
    needs=(FINISH,),
)
async def finish_not_proven(probe: HarnessProbe) -> None:
    """The pinned key beside a signature of another key, an altered one, or one over another handshake is refused."""
    made, signer = Exchange(), Signer()
    proof = proof_of(made)
    right = proof.members(signer)
    signature = signer.sign(signed_hash(proof.pk_kem, proof.pk_x, proof.server_nonce, SID))
    nonce = random_bytes(32)
    changed = {
        "over another sid": replace(proof, sid=SID.upper()),
        "over another pk_x": replace(proof, pk_x=random_bytes(32)),
        "over no pk_x": replace(proof, pk_x=b""),
        "over the server's pk_x": replace(proof, pk_x=made.pk_x_server),
        "over another pk_kem": replace(proof, pk_kem=Exchange().ek),
        "over another nonce": replace(proof, server_nonce=nonce),
    }
    signatures = {note: other.members(signer)["server_sig"] for note, other in changed.items()}
    signatures |= {note: encode_base64(octets) for note, octets in ends(signature).items()}
    signatures["of another key"] = proof.members(Signer())["server_sig"]
    signatures["zeros"] = encode_base64(bytes(3309))
    bodies = {note: made.answer(**right | {"server_sig": text}) for note, text in signatures.items()}
    bodies["another nonce beside it"] = made.answer(**right | {"server_nonce": encode_base64(nonce)})
    await made.declines(probe, bodies, made.answer(**right), pinned=signer.pk)


@case(
    "v3/library-handshake/finish-proof-in-another-form",
    "V3-ID-02",
    "ISO-3007",
    why="a signature that the key gave elsewhere, over something else, would pass for a proof",
    cause="a context is set, the hash is hashed again, or the lengths are left out",
    needs=(FINISH,),
)
async def finish_proof_in_another_form(probe: HarnessProbe) -> None:
    """A signature with a context, over the transcript in place of its hash, or over fields without lengths is refused."""
    made, signer = Exchange(), Signer()
    proof = proof_of(made)
    fields = (proof.pk_kem, proof.pk_x, proof.server_nonce, SID.encode())
    right = signed_hash(proof.pk_kem, proof.pk_x, proof.server_nonce, SID)
    forms = {
        "the transcript": framed(*fields),
        "the fields as they are": b"".join(fields),
        "the hash in hexadecimal": right.hex().encode(),
        "the key, as a client of V1 signs": proof.pk_kem,
    }
    bodies = {note: made.answer(**proof.members(signer, text)) for note, text in forms.items()}
    bodies["a context"] = made.answer(**proof.members(signer, context=b"nen/v3"))
    await made.declines(probe, bodies, made.answer(**proof.members(signer)), pinned=signer.pk)


@case(
    "v3/library-handshake/finish-not-proven-not-pinned",
    "V3-ID-05",
    "ISO-3007",
    why="a signature that is wrong is the work of somebody, whoever was expected",
    cause="the identity is looked at only where one is pinned",
    needs=(FINISH,),
)
async def finish_not_proven_not_pinned(probe: HarnessProbe) -> None:
    """Without a pin an identity whose signature does not verify is refused all the same."""
    made, signer = Exchange(), Signer()
    proof = proof_of(made)
    right = proof.members(signer)
    bodies = {
        "of another key": made.answer(**right | {"server_sig": proof.members(Signer())["server_sig"]}),
        "over another sid": made.answer(**replace(proof, sid="other").members(signer)),
        "zeros": made.answer(**right | {"server_sig": encode_base64(bytes(3309))}),
    }
    await made.declines(probe, {note: body for note, body in bodies.items() if "sid" not in note}, made.answer(**right))
    moved = right | {"server_sig": replace(proof, sid="other").members(signer)["server_sig"]}
    await made.declines(probe, {"over another sid": made.answer(**moved)}, made.answer(**right))


def _broken(name: str, octets: bytes, sizes: tuple[int, ...]) -> Mapping[str, Any]:
    """Values of this member that are no identity: absent (`...`), mistyped, undecodable, of another length."""
    text = encode_base64(octets)
    values: dict[str, Any] = {"absent": ..., "null": None, "a number": 7, "an array": list(octets[:8]), "empty": ""}
    values |= {"not base64": "*" + text[1:], "a line feed": text[:4] + "\n" + text[4:]}
    return values | {f"{size} bytes": encode_base64((octets + bytes(40))[:size]) for size in sizes}


@case(
    "v3/library-handshake/finish-key-of-the-identity",
    "V3-ID-06",
    "ISO-3006",
    "ISO-3007",
    "ISO-1004",
    why=HALF,
    cause="an identity whose key is missing counts as none, or its exception escapes",
    needs=(FINISH,),
)
async def finish_key_of_the_identity(probe: HarnessProbe) -> None:
    """A server_id_pk that is absent beside the others, mistyped, undecodable or no ML-DSA-65 key is refused."""
    made, signer = Exchange(), Signer()
    right = proof_of(made).members(signer)
    values = dict(_broken("server_id_pk", signer.spki, (32, 1951, 1953, 1973, 1975)))
    values["another algorithm"] = encode_base64(signer.spki[:16] + bytes([signer.spki[16] ^ 1]) + signer.spki[17:])
    bodies = {note: made.answer(**right | {"server_id_pk": value}) for note, value in values.items()}
    await made.declines(probe, bodies, made.answer(**right), pinned=signer.pk)
    await made.declines(probe, bodies, made.answer(**right))


@case(
    "v3/library-handshake/finish-proof-of-the-identity",
    "V3-ID-06",
    "ISO-3007",
    "ISO-3006",
    "ISO-1004",
    why=HALF,
    cause="a key without a signature counts as an identity, or its exception escapes",
    needs=(FINISH,),
)
async def finish_proof_of_the_identity(probe: HarnessProbe) -> None:
    """A server_nonce or server_sig that is absent, mistyped, undecodable or of the wrong length is refused."""
    made, signer = Exchange(), Signer()
    proof = proof_of(made)
    right = proof.members(signer)
    signature = signer.sign(signed_hash(proof.pk_kem, proof.pk_x, proof.server_nonce, SID))
    bodies = {}
    for name, octets, sizes in (
        ("server_nonce", proof.server_nonce, (0, 31, 33)),
        ("server_sig", signature, (64, 3310)),
    ):
        for note, value in _broken(name, octets, sizes).items():
            bodies[f"{name} {note}"] = made.answer(**right | {name: value})
    await made.declines(probe, bodies, made.answer(**right), pinned=signer.pk)
    await made.declines(probe, bodies, made.answer(**right))


@case(
    "v3/library-handshake/finish-not-bound",
    "V3-ID-08",
    "ISO-3007",
    why="a relay without any key has the session of the client, and answers its requests itself",
    cause="the nonce is signed and compared with nothing, or with a part",
    needs=(FINISH,),
)
async def finish_not_bound(probe: HarnessProbe) -> None:
    """Where the bound nonce is demanded, a signed nonce that commits to less, or to another half of the server, is refused."""
    for hybrid in (True, False):
        made, signer = Exchange(hybrid=hybrid), Signer()
        pk_x_server = made.pk_x_server if hybrid else b""
        right = proof_of(made).members(signer)
        nonces = {
            "random": random_bytes(32),
            "zeros": bytes(32),
            "of another ct": committing_nonce(Exchange().ct, pk_x_server),
            "of pk_x_server alone": committing_nonce(b"", pk_x_server),
        }
        if hybrid:
            nonces["of ct alone"] = committing_nonce(made.ct, b"")
        bodies = {note: made.answer(**proof_of(made, nonce).members(signer)) for note, nonce in nonces.items()}
        other = REFERENCE.ml_kem_768_encaps(made.ek, random_bytes(32)).c
        bodies["relayed: another ct"] = made.answer(**right | {"ct": encode_base64(other)})
        if hybrid:
            key = REFERENCE.x25519(random_bytes(32), BASE_POINT)
            bodies["relayed: another pk_x_server"] = made.answer(**right | {"pk_x_server": encode_base64(key)})
        await made.declines(probe, bodies, made.answer(**right), pinned=signer.pk, bound=True)


# Attestations

STATEMENT: Mapping[str, str] = {
    "endpoint": "/api",
    "security_mode": "hybrid",
    "from": "2026-01-01T00:00:00.000Z",
    "to": "2027-01-01T00:00:00.000Z",
    "issued_at": "2026-11-24T02:12:05.894Z",
}
SUITE = "ML-KEM-768 + X25519 / HKDF-SHA256 / ChaCha20-Poly1305 / HMAC-SHA256 / ML-DSA-65"


def _escaped(text: str) -> str:
    """A text as JSON.stringify writes it: with the escapes of V3-ATT-04 and no other."""
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return "".join(short.get(char) or (f"\\u{ord(char):04x}" if ord(char) < 0x20 else char) for char in text)


def statement(**changes: str) -> str:
    """The text of an attestation, put together by hand; a member given as the empty text is left out."""
    said = {**STATEMENT, **changes}
    members = {
        "v": said.get("v", "NEN-ATTESTATION-1"),
        "endpoint": said["endpoint"],
        "protocol": said.get("protocol", "NEN-PROTOCOL-V3"),
        "suite": said.get("suite", SUITE),
        "securityMode": said["security_mode"],
        "from": said["from"],
        "to": said["to"],
        "issuedAt": said["issued_at"],
    }
    return "{" + ",".join(f'"{name}":"{_escaped(value)}"' for name, value in members.items() if value) + "}"


async def attested(probe: HarnessProbe, signer: Signer, note: str, **changes: str) -> None:
    """An attestation of these members has the text, the signature and the key that it should have."""
    given = {name: value for name, value in {**STATEMENT, **changes}.items() if value}
    text = statement(**changes)
    expected = {"attestation": text, "signature": signer.sign(text.encode()), "public_key": signer.spki}
    probe.matches(await probe.call(ATTEST, seed=signer.seed, **given), note, expected)


async def valid(probe: HarnessProbe, signer: Signer, text: str, signature: bytes, pk: bytes | None = None) -> Any:
    return await probe.call(VERIFY, attestation=text, signature=signature, public_key=signer.pk if pk is None else pk)


@case(
    "v3/library-attestation/text",
    "V3-ATT-01",
    ACCEPTED,
    why=NOBODY,
    cause="members in another order, white space, or null where a time is absent",
    needs=(ATTEST,),
)
async def text_of_it(probe: HarnessProbe) -> None:
    """The text has its members in their order, without white space; from and to are left out where there is none."""
    signer = Signer()
    await attested(probe, signer, "all of them")
    await attested(probe, signer, "without to", to="")
    await attested(probe, signer, "without from", **{"from": ""})
    await attested(probe, signer, "without both", **{"from": "", "to": ""})


@case(
    "v3/library-attestation/constants",
    "V3-ATT-02",
    ACCEPTED,
    why=NOBODY,
    cause="the constants are written in another way",
    needs=(ATTEST,),
)
async def constants(probe: HarnessProbe) -> None:
    """v, protocol and suite are those of V3."""
    signer = Signer()
    reply = await probe.done(ATTEST, seed=signer.seed, **STATEMENT)
    found = json.loads(reply["attestation"])
    for name, value in {"v": "NEN-ATTESTATION-1", "protocol": "NEN-PROTOCOL-V3", "suite": SUITE}.items():
        probe.ensure(found.get(name) == value, f"{name}: {found.get(name)!r}")


@case(
    "v3/library-attestation/modes",
    "V3-ATT-06",
    ACCEPTED,
    why="an endpoint in pqc-only would be attested as a hybrid one",
    cause="the mode is a constant",
    needs=(ATTEST,),
)
async def modes(probe: HarnessProbe) -> None:
    """securityMode is that which was given: hybrid, or pqc-only."""
    signer = Signer()
    for mode in ("hybrid", "pqc-only"):
        await attested(probe, signer, mode, security_mode=mode)


@case(
    "v3/library-attestation/escapes",
    "V3-ATT-04",
    ACCEPTED,
    why=NOBODY,
    cause="the platform escapes letters beyond ASCII, slashes, < and >, or U+2028",
    needs=(ATTEST, VERIFY),
)
async def escapes(probe: HarnessProbe) -> None:
    """Quotes, backslashes and control characters are escaped as JSON.stringify does it, and everything else stands as it is."""
    signer = Signer()
    endpoints = (
        '/a"b\\c',
        "/\b\f\n\r\t\0\x01\x1f",
        "/\x7f\x80\x9f",
        "/Gr\u00fc\u00dfe/\u4e16\u754c/\U0001f98a",
        "/<script>&'</script>",
        "/\u2028\u2029\ufeff\ufffd",
        "/e\u0301/\u00e9",
    )
    for endpoint in endpoints:
        await attested(probe, signer, ascii(endpoint), endpoint=endpoint)
        text = statement(endpoint=endpoint)
        reply = await valid(probe, signer, text, signer.sign(text.encode()))
        probe.matches(reply, f"{endpoint!a}, verified", {"valid": True})


@case(
    "v3/library-attestation/signature",
    "V3-ATT-03",
    ACCEPTED,
    why=NOBODY,
    cause="a context is set, or the text is hashed before it is signed",
    needs=(ATTEST, VERIFY),
)
async def signature_of_it(probe: HarnessProbe) -> None:
    """The signature is pure ML-DSA-65 over the text, with the empty context, and one of another kind is not valid."""
    signer = Signer()
    text = statement()
    await attested(probe, signer, "signed")
    probe.matches(await valid(probe, signer, text, signer.sign(text.encode())), "verified", {"valid": True})
    hedged = REFERENCE.ml_dsa_65_sign(signer.sk, text.encode(), b"", random_bytes(32))
    probe.matches(await valid(probe, signer, text, hedged), "hedged, verified", {"valid": True})
    probe.sound()
    right = signer.sign(text.encode())
    wrong = {
        "a context": signer.sign(text.encode(), b"NEN-ATTESTATION-1"),
        "another text": signer.sign(statement(endpoint="/other").encode()),
        "the text with a line end": signer.sign(text.encode() + b"\n"),
        "another key": Signer().sign(text.encode()),
        "cut": right[:-1],
        "lengthened": right + b"\0",
        "nothing": b"",
        **ends(right),
    }
    for note, signature in wrong.items():
        probe.matches(await valid(probe, signer, text, signature), note, {"valid": False})


@case(
    "v3/library-attestation/verify",
    "V3-ATT-05",
    ACCEPTED,
    why=FALSE_STATEMENT,
    cause="the text is verified as it came, or members are taken that were never signed",
    needs=(VERIFY,),
)
async def verify(probe: HarnessProbe) -> None:
    """The text is put together from the members: their order, white space and further members do not matter, their values do."""
    signer = Signer()
    text = statement()
    signature = signer.sign(text.encode())
    members = json.loads(text)
    forms = {
        "as it was signed": text,
        "with white space": json.dumps(members, indent=2),
        "in another order": json.dumps(dict(reversed(list(members.items())))),
        "with further members": json.dumps({**members, "note": "not signed", "x": [1]}),
        "with escapes": text.replace("/api", "\\u002fapi"),
    }
    for note, form in forms.items():
        probe.matches(await valid(probe, signer, form, signature), note, {"valid": True})
    probe.sound()
    for name in members:
        for note, value in {"changed": members[name] + "x", "a number": 7, "null": None, "empty": ""}.items():
            changed = json.dumps({**members, name: value})
            probe.matches(await valid(probe, signer, changed, signature), f"{name} {note}", {"valid": False})
        left_out = json.dumps({key: value for key, value in members.items() if key != name})
        probe.matches(await valid(probe, signer, left_out, signature), f"{name} left out", {"valid": False})
    probe.matches(await valid(probe, signer, text, signature, Signer().pk), "another key", {"valid": False})


@case(
    "v3/library-attestation/of-something-else",
    "V3-ATT-05",
    ACCEPTED,
    why="what the key signed for another version, or for another purpose, would pass as a statement of V3",
    cause="the signature alone is checked",
    needs=(VERIFY,),
)
async def of_something_else(probe: HarnessProbe) -> None:
    """A signed text whose v, protocol, suite or mode is not of V3, or that is no JSON object, is not valid."""
    signer = Signer()
    changes: dict[str, dict[str, str]] = {
        "v of another format": {"v": "NEN-ATTESTATION-2"},
        "v in small letters": {"v": "nen-attestation-1"},
        "protocol of V2": {"protocol": "NEN-PROTOCOL-V2"},
        "another suite": {"suite": SUITE.replace("768", "512")},
        "mode of nothing": {"security_mode": "none"},
        "mode in capitals": {"security_mode": "HYBRID"},
    }
    texts = {note: statement(**change) for note, change in changes.items()}
    texts |= {
        "a list": f"[{statement()}]",
        "a text": '"statement"',
        "no JSON": "statement",
        "empty": "",
        "null": "null",
    }
    texts["a member twice"] = statement()[:-1] + ',"endpoint":"/other"}'
    for note, text in texts.items():
        reply = await valid(probe, signer, text, signer.sign(text.encode()))
        probe.matches(reply, note, {"valid": False})

"""Library cases of V3: the key schedule, and the handshake as a library makes it, both sides."""

from __future__ import annotations

from typing import Any

from nen_ref.conformance.cases.library_tools import GARBAGE, LAX, SID, same_members
from nen_ref.conformance.cases.v3_handshake import LEFT_OUT, LOW_ORDER, WEAKER
from nen_ref.conformance.cases.v3_library_tools import (
    EXPIRES,
    FINISH,
    RESPOND,
    Exchange,
    committing_nonce,
    hkdf,
    keys_of,
    members_of,
    opened_ticket,
    psk_of,
)
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.suite import REFERENCE
from nen_ref.primitives.x25519 import BASE_POINT
from nen_ref.protocol.wire import dump_json, encode_base64
from nen_ref.vectors.alter import with_coefficient

HELLO, COMBINE, DERIVE, RATCHET = "v3.hello", "v3.combine", "v3.derive", "v3.ratchet"
OTHER_KEYS = "the two sides have other keys than each other: nothing opens, and the fault shows at the first request"
HALF_OPEN = "a session without sound keys: the first request fails, or goes out unprotected"

# By hand, out of Python's own hmac (RFC 5869): ss of the bytes 00 to 1f.
COUNTED = bytes(range(32))


# Keys


@case(
    "v3/library-handshake/combine",
    "V3-KEY-01",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="the two secrets are joined in the other order, hashed, or joined without the label",
    needs=(COMBINE,),
)
async def combine(probe: HarnessProbe) -> None:
    """The secret of a hybrid handshake is HKDF of the X25519 and then the ML-KEM secret, under its label."""
    pairs = [(random_bytes(32), random_bytes(32)) for _ in range(4)]
    pairs += [(bytes(32), COUNTED), (COUNTED, bytes(32)), (COUNTED, COUNTED)]
    for x_ss, kem_ss in pairs:
        reply = await probe.call(COMBINE, x_ss=x_ss, kem_ss=kem_ss)
        probe.matches(reply, f"{x_ss.hex()[:8]}, {kem_ss.hex()[:8]}", {"ss": hkdf(x_ss + kem_ss, "nen/v3 hybrid")})


@case(
    "v3/library-handshake/derive",
    "V3-KEY-03",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="one output is cut into three keys, or a label is written otherwise",
    needs=(DERIVE,),
)
async def derive(probe: HarnessProbe) -> None:
    """k_enc, k_mac and psk are HKDF of ss under a label each."""
    for ss in (COUNTED, bytes(32), b"\xff" * 32, *(random_bytes(32) for _ in range(4))):
        reply = await probe.call(DERIVE, ss=ss)
        probe.matches(reply, f"ss {ss.hex()[:8]}", keys_of(ss) | {"psk": psk_of(ss)})


@case(
    "v3/library-handshake/ratchet",
    "V3-REKEY-02",
    ACCEPTED,
    why="after a rekey one side has moved on to other keys than the other",
    cause="both keys come of one, or of their hash; or one of the two stays",
    needs=(RATCHET,),
)
async def ratchet(probe: HarnessProbe) -> None:
    """Each next key is HKDF of its own predecessor, over five rekeys, also where the two are the same."""
    for start in (keys_of(random_bytes(32)), {"enc": COUNTED, "mac": COUNTED}, {"enc": bytes(32), "mac": COUNTED}):
        keys = start
        for turn in range(5):
            reply = await probe.call(RATCHET, **keys)
            keys = {name: hkdf(key, "nen/v3 ratchet") for name, key in keys.items()}
            if not probe.matches(reply, f"rekey {turn}", keys):
                return


# The client's body


@case(
    "v3/library-handshake/hello",
    "V3-HS-01",
    ACCEPTED,
    why="a server refuses any other handshake",
    cause="the private key is not clamped, or the key is sent in another encoding or under another name",
    needs=(HELLO,),
)
async def hello(probe: HarnessProbe) -> None:
    """The body of a hybrid handshake has pk_kem, pk_x and securityMode, and nothing of V1."""
    for i in range(3):
        made = Exchange()
        reply = await probe.call(HELLO, d=made.d, z=made.z, x=made.x)
        same_members(probe, reply, f"seed {i}", {"pk_kem": made.ek, "pk_x": made.pk_x, "securityMode": "hybrid"})
        others = {"pk", "sigPk", "sigOfPk", "resume", "rn"} & set(members_of(reply))
        probe.ensure(not others, f"members {', '.join(others)}")


@case(
    "v3/library-handshake/hello-pqc-only",
    "V3-HS-02",
    ACCEPTED,
    why="the server takes it for a hybrid handshake, and refuses it",
    cause="pk_x is sent all the same, or the mode left out",
    needs=(HELLO,),
)
async def hello_pqc_only(probe: HarnessProbe) -> None:
    """The body of a pqc-only handshake has pk_kem and securityMode, and no pk_x."""
    made = Exchange(hybrid=False)
    reply = await probe.call(HELLO, d=made.d, z=made.z)
    same_members(probe, reply, "pqc-only", {"pk_kem": made.ek, "securityMode": "pqc-only"})
    probe.ensure("pk_x" not in members_of(reply), "pk_x in it")


# The server's half


@case(
    "v3/library-handshake/respond",
    "V3-HS-01",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="the two secrets are joined in the other order, or one of them is left out",
    needs=(RESPOND,),
)
async def respond(probe: HarnessProbe) -> None:
    """A hybrid handshake is answered with sid, ct and pk_x_server, and the keys are those of both secrets."""
    for i in range(3):
        made = Exchange()
        await made.accepted(probe, made.hello(), f"handshake {i}")


@case(
    "v3/library-handshake/respond-pqc-only",
    "V3-KEY-02",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="the ML-KEM secret goes through the label of the hybrid too",
    needs=(RESPOND,),
)
async def respond_pqc_only(probe: HarnessProbe) -> None:
    """A pqc-only handshake is answered without pk_x_server, and the keys are those of the ML-KEM secret as it is."""
    made = Exchange(hybrid=False)
    reply = await made.accepted(probe, made.hello(), "pqc-only")
    probe.ensure("pk_x_server" not in members_of(reply), "pk_x_server in the answer")


@case(
    "v3/library-handshake/respond-ticket",
    "V3-TICKET-01",
    ACCEPTED,
    why="the session cannot be resumed, or anybody can resume it who reads the ticket",
    cause="psk stands in the ticket in plain, or the ticket is of ss or of a key",
    needs=(RESPOND,),
)
async def respond_ticket(probe: HarnessProbe) -> None:
    """The ticket of an answer is sealed under the ticket key, and stands for psk until its expiry."""
    for hybrid in (True, False):
        made = Exchange(hybrid=hybrid)
        reply = await made.accepted(probe, made.hello(), f"hybrid: {hybrid}")
        expected = {"psk": encode_base64(psk_of(made.ss())), "exp": EXPIRES}
        found = opened_ticket(members_of(reply).get("ticket"), made.ticket_key)
        probe.ensure(found == expected, f"the ticket {'stands for something else' if found else 'does not open'}")


@case(
    "v3/library-handshake/respond-no-key-sent",
    "V3-HS-10",
    ACCEPTED,
    why="who reads the answer to a handshake can sign, and read",
    cause="the answer is built as that of V1, hmac and all",
    needs=(RESPOND,),
)
async def respond_no_key_sent(probe: HarnessProbe) -> None:
    """The answer has no hmac, and nothing in it is a key, psk, ss or one of the two secrets."""
    made = Exchange()
    reply = await made.accepted(probe, made.hello(), "the handshake")
    probe.ensure("hmac" not in members_of(reply), "hmac in the answer")
    x_ss = REFERENCE.x25519(made.x, made.pk_x_server)
    secrets = made.keys | {"psk": psk_of(made.ss()), "ss": made.ss(), "x_ss": x_ss, "kem_ss": made.kem_ss, "y": made.y}
    for name, secret in secrets.items():
        shown = any(form in str(reply.values.get("body")) for form in (encode_base64(secret), secret.hex()))
        probe.ensure(not shown, f"{name} in the answer")


@case(
    "v3/library-handshake/respond-mode",
    "V3-HS-03",
    ACCEPTED,
    why="a mode that is misspelt, or changed on the way, would make the handshake weaker",
    cause="hybrid is made only where securityMode is exactly hybrid",
    needs=(RESPOND,),
)
async def respond_mode(probe: HarnessProbe) -> None:
    """Every securityMode but the text pqc-only means hybrid, and so does none."""
    made = Exchange()
    modes: tuple[Any, ...] = (
        ...,
        "",
        "PQC-ONLY",
        "pqc",
        "pqc-only ",
        "none",
        "hybrid ",
        7,
        None,
        ["pqc-only"],
        {},
        True,
    )
    for mode in modes:
        await made.accepted(probe, made.hello(securityMode=mode), "absent" if mode is ... else repr(mode))


@case(
    "v3/library-handshake/respond-pk",
    "V3-HS-04",
    ACCEPTED,
    why="clients that name their key as V1 does would be turned away",
    cause="one name alone is read",
    needs=(RESPOND,),
)
async def respond_pk(probe: HarnessProbe) -> None:
    """pk stands for pk_kem, in hybrid and in pqc-only."""
    for hybrid in (True, False):
        made = Exchange(hybrid=hybrid)
        await made.accepted(probe, made.hello(pk_kem=..., pk=encode_base64(made.ek)), f"hybrid: {hybrid}")


@case(
    "v3/library-handshake/respond-both-keys",
    "V3-HS-06",
    ACCEPTED,
    why="of two keys, the server and what stands before it could each take another one",
    cause="pk is preferred, or both are checked",
    needs=(RESPOND,),
)
async def respond_both_keys(probe: HarnessProbe) -> None:
    """Beside pk_kem a pk is not looked at: another key, garbage, a number."""
    made = Exchange()
    for value in (encode_base64(Exchange().ek), "garbage!", "", 7, [1]):
        await made.accepted(probe, made.hello(pk=value), f"{value!r}"[:20])


@case(
    "v3/library-handshake/respond-key-missing",
    "V3-HS-05",
    "ISO-1001",
    why=LEFT_OUT,
    cause="a handshake without pk_x is answered in pqc-only",
    needs=(RESPOND,),
)
async def respond_key_missing(probe: HarnessProbe) -> None:
    """A handshake without pk_kem and pk, or in hybrid without pk_x, is refused."""
    made = Exchange()
    await made.refused(
        probe,
        {
            "no pk_kem": made.hello(pk_kem=...),
            "no pk_x": made.hello(pk_x=...),
            "no pk_x and no mode": made.hello(pk_x=..., securityMode=...),
            "pk alone, as V1 has it": dump_json({"pk": encode_base64(made.ek)}),
            "pqc-only without pk_kem": made.hello(pk_kem=..., securityMode="pqc-only"),
            "empty": "{}",
        },
    )


@case(
    "v3/library-handshake/respond-not-an-object",
    "V3-HS-07",
    "ISO-1001",
    "ISO-6001",
    why="the parser's exception must not become a crash",
    cause="the parser's exception escapes, or null is dereferenced",
    needs=(RESPOND,),
)
async def respond_not_an_object(probe: HarnessProbe) -> None:
    """A body that is no JSON object, or that parsers read differently, is refused."""
    made = Exchange()
    right = made.hello().decode()
    bodies: dict[str, bytes | str] = {repr(text): text for text in ("", "[]", "null", "7", '"pk"', "{", "not json")}
    bodies |= {
        "an array around it": f"[{right}]",
        "a member twice": right[:-1] + ',"securityMode":"pqc-only"}',
        "129 levels": right[:-1] + ',"a":' + "[" * 128 + "]" * 128 + "}",
    }
    await made.refused(probe, bodies)


@case(
    "v3/library-handshake/respond-key-mistyped",
    "V3-HS-07",
    "ISO-1001",
    why="an exception that nobody expects takes the server down",
    cause="values are decoded without a look at their type",
    needs=(RESPOND,),
)
async def respond_key_mistyped(probe: HarnessProbe) -> None:
    """A pk_kem, a pk in its place, or in hybrid a pk_x that is no text, or the empty one, is refused."""
    made = Exchange()
    bodies: dict[str, bytes | str] = {}
    values: tuple[Any, ...] = (None, 7, True, {}, [], list(made.pk_x), "")
    for value in values:
        bodies[f"pk_kem {value!r}"[:20]] = made.hello(pk_kem=value)
        bodies[f"pk {value!r}"[:20]] = made.hello(pk_kem=..., pk=value)
        bodies[f"pk_x {value!r}"[:20]] = made.hello(pk_x=value)
    bodies["pk_kem null beside pk"] = made.hello(pk_kem=None, pk=encode_base64(made.ek))
    await made.refused(probe, bodies)


@case(
    "v3/library-handshake/respond-key-not-base64",
    "V1-HS-04",
    "ISO-6002",
    why="a decoder that skips what it does not know reads one key out of many texts",
    cause="the decoder of the platform is lenient",
    needs=(RESPOND,),
)
async def respond_key_not_base64(probe: HarnessProbe) -> None:
    """A pk_kem that is not base64, or only to a lenient decoder, is refused."""
    made = Exchange()
    texts = {note: "A" * 1564 + text for note, text in GARBAGE.items()}
    await made.refused(probe, {note: made.hello(pk_kem=text) for note, text in texts.items()})


@case(
    "v3/library-handshake/respond-key-check",
    "V1-HS-05",
    "ISO-1002",
    why="encapsulating to a key outside of its range can tell whoever sent it something of the secret",
    cause="the check of FIPS 203, 7.2, is left out in the new handshake",
    needs=(RESPOND,),
)
async def respond_key_check(probe: HarnessProbe) -> None:
    """A pk_kem of another length, or with a coefficient out of range, is refused."""
    made = Exchange()
    keys = {f"{size} bytes": (made.ek + made.ek)[:size] for size in (32, 800, 1183, 1185, 1568)}
    keys |= {
        f"coefficient {i} is {value}": with_coefficient(made.ek, i, value) for i, value in ((0, 3329), (767, 4095))
    }
    await made.refused(probe, {note: made.hello(pk_kem=encode_base64(ek)) for note, ek in keys.items()})


@case(
    "v3/library-handshake/respond-x25519-not-base64",
    "V3-HS-08",
    "ISO-6002",
    "ISO-1001",
    "ISO-1002",
    "ISO-6001",
    why="a decoder that skips what it does not know reads one key out of many texts",
    cause="the decoder of the platform is lenient",
    needs=(RESPOND,),
)
async def respond_x25519_not_base64(probe: HarnessProbe) -> None:
    """In hybrid a pk_x that is not base64, or only to a lenient decoder, is refused."""
    made = Exchange()
    right = encode_base64(made.pk_x)
    texts = {note: "A" * 28 + text for note, text in (GARBAGE | LAX).items()} | {
        "unpadded": right.rstrip("="),
        "a space inside": right[:8] + " " + right[8:],
        "hexadecimal": made.pk_x.hex() + "=",
    }
    await made.refused(probe, {note: made.hello(pk_x=text) for note, text in texts.items()})


@case(
    "v3/library-handshake/respond-x25519-length",
    "V3-HS-08",
    "ISO-1002",
    "ISO-1001",
    "ISO-6001",
    "ISO-6002",
    why="a key that is cut or filled up is another key",
    cause="the length is left to the primitive, which reads as far as it needs",
    needs=(RESPOND,),
)
async def respond_x25519_length(probe: HarnessProbe) -> None:
    """In hybrid a pk_x of another length than 32 bytes is refused."""
    made = Exchange()
    sizes = (1, 16, 31, 33, 44, 64)
    await made.refused(
        probe, {f"{size} bytes": made.hello(pk_x=encode_base64((made.pk_x * 2)[:size])) for size in sizes}
    )


@case(
    "v3/library-handshake/respond-low-order",
    "V3-HS-11",
    "ISO-1002",
    why=WEAKER,
    cause="the result of X25519 is not compared with zero, or only one of the points of low order is known",
    needs=(RESPOND,),
)
async def respond_low_order(probe: HarnessProbe) -> None:
    """A pk_x of low order, in each of its forms, is refused."""
    made = Exchange()
    keys = {note: encode_base64(u.to_bytes(32, "little")) for note, u in LOW_ORDER.items()}
    await made.refused(probe, {note: made.hello(pk_x=text) for note, text in keys.items()})


@case(
    "v3/library-handshake/respond-pqc-only-reads-no-key",
    "V3-HS-09",
    ACCEPTED,
    why="a client in pqc-only that says more than it must would be turned away",
    cause="pk_x is checked whatever the mode, or makes a hybrid of it",
    needs=(RESPOND,),
)
async def respond_pqc_only_reads_no_key(probe: HarnessProbe) -> None:
    """In pqc-only a pk_x is not looked at: a key, one of low order, garbage, a number."""
    made = Exchange(hybrid=False)
    for value in (encode_base64(made.pk_x), encode_base64(bytes(32)), "garbage!", "", 7, None, [1]):
        reply = await made.accepted(probe, made.hello(pk_x=value), f"{value!r}"[:20])
        probe.ensure("pk_x_server" not in members_of(reply), f"{value!r}: pk_x_server in the answer")


@case(
    "v3/library-handshake/respond-further-members",
    "V1-WIRE-04",
    ACCEPTED,
    why="a client of a later version could not speak to this server",
    cause="a closed schema on the handshake body, or an identity of the client that V3 does not have",
    needs=(RESPOND,),
)
async def respond_further_members(probe: HarnessProbe) -> None:
    """Members that the specification does not name are ignored, those of a client's identity among them."""
    made = Exchange()
    await made.accepted(probe, made.hello(v=4, client={"a": []}, hmac="x", sid="y"), "others")
    await made.accepted(probe, made.hello(sigPk="garbage!", sigOfPk=7), "half an identity of V1")
    texts = ", ".join(f'"{name}" :\n"{value}"' for name, value in reversed(list(_texts(made).items())))
    await made.accepted(probe, f" {{ {texts}\t}}\r\n", "another order, white space")


def _texts(made: Exchange) -> dict[str, str]:
    return {"pk_kem": encode_base64(made.ek), "securityMode": "hybrid", "pk_x": encode_base64(made.pk_x)}


# The client's half


@case(
    "v3/library-handshake/finish",
    "V3-KEY-01",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="the two secrets are joined in the other order, or one of them is left out",
    needs=(FINISH,),
)
async def finish(probe: HarnessProbe) -> None:
    """The keys of a hybrid answer are those of both secrets; psk and ticket are kept."""
    for i in range(3):
        made = Exchange()
        await made.gives(probe, made.answer(), f"handshake {i}")
    await made.gives(probe, made.answer(v=4, server={"a": 1}, securityMode="pqc-only"), "further members")


@case(
    "v3/library-handshake/finish-pqc-only",
    "V3-KEY-02",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="the ML-KEM secret goes through the label of the hybrid too",
    needs=(FINISH,),
)
async def finish_pqc_only(probe: HarnessProbe) -> None:
    """The keys of a pqc-only answer are those of the ML-KEM secret; a pk_x_server is not looked at (V3-HS-17)."""
    made = Exchange(hybrid=False)
    await made.gives(probe, made.answer(), "pqc-only")
    for value in (encode_base64(made.pk_x_server), encode_base64(bytes(32)), "garbage!", 7):
        await made.gives(probe, made.answer(pk_x_server=value), f"pk_x_server {value!r}"[:24])


@case(
    "v3/library-handshake/finish-implicit-rejection",
    "V1-PRIM-03",
    ACCEPTED,
    why="an answer that tells good ciphertexts from bad ones gives the key away, a few bits with each",
    cause="a ciphertext that was altered is an error of the handshake",
    needs=(FINISH,),
)
async def finish_implicit_rejection(probe: HarnessProbe) -> None:
    """A ct that was not made for the key gives keys all the same, those of the implicit rejection."""
    made = Exchange()
    ct = bytes(octet ^ (i == 700) for i, octet in enumerate(made.ct))
    x_ss = REFERENCE.x25519(made.x, made.pk_x_server)
    ss = hkdf(x_ss + REFERENCE.ml_kem_768_decaps(made.dk, ct), "nen/v3 hybrid")
    probe.ensure(ss != made.ss(), "the suite's own secrets")
    reply = await made.finished(probe, made.answer(ct=encode_base64(ct)))
    probe.matches(reply, "altered", {"sid": SID, **keys_of(ss)})


@case(
    "v3/library-handshake/finish-other-key",
    "V3-KEY-01",
    ACCEPTED,
    why="the classical half would protect nothing",
    cause="the X25519 result is computed and not used",
    needs=(FINISH,),
)
async def finish_other_key(probe: HarnessProbe) -> None:
    """Another pk_x_server gives other keys, and one with its highest bit set the same (V3-PRIM-04)."""
    made = Exchange()
    other = REFERENCE.x25519(random_bytes(32), BASE_POINT)
    reply = await made.finished(probe, made.answer(pk_x_server=encode_base64(other)))
    probe.matches(reply, "another", keys_of(made.ss(other)))
    high = made.pk_x_server[:31] + bytes([made.pk_x_server[31] | 0x80])
    await made.gives(probe, made.answer(pk_x_server=encode_base64(high)), "with its highest bit set")


@case(
    "v3/library-handshake/finish-status",
    "V3-HS-13",
    "ISO-1004",
    why=HALF_OPEN,
    cause="the status is not looked at",
    needs=(FINISH,),
)
async def finish_status(probe: HarnessProbe) -> None:
    """An answer with another status than 2xx, or without sid or ct, is refused however right it looks."""
    made = Exchange()
    await made.gives(probe, made.answer(), "200")
    for status in (301, 307, 400, 401, 409, 429, 500, 503):
        probe.judge(await made.finished(probe, made.answer(), status), f"{status}")
    await made.declines(probe, {"no sid": made.answer(sid=...), "no ct": made.answer(ct=...)})


@case(
    "v3/library-handshake/finish-members",
    "V3-HS-15",
    "ISO-1004",
    "ISO-1002",
    why=WEAKER,
    cause="a missing pk_x_server is taken for pqc-only, or lengths are left to the primitives",
    needs=(FINISH,),
)
async def finish_members(probe: HarnessProbe) -> None:
    """A sid, ct or pk_x_server that is absent, mistyped, undecodable or of the wrong length is refused."""
    made = Exchange()
    bodies = {"not an object": b"[]", "cut": made.answer()[:-1], "twice": made.answer()[:-1] + b',"sid":"x"}'}
    values: tuple[Any, ...] = (None, 7, True, [1], {}, "")
    for value in values:
        bodies |= {f"{name} {value!r}": made.answer(**{name: value}) for name in ("sid", "ct", "pk_x_server")}
    bodies["no pk_x_server"] = made.answer(pk_x_server=...)
    bodies["no pk_x_server, and pqc-only"] = made.answer(pk_x_server=..., securityMode="pqc-only")
    for name, octets in (("ct", made.ct), ("pk_x_server", made.pk_x_server)):
        text = encode_base64(octets)
        bodies[f"{name} not base64"] = made.answer(**{name: "*" + text[1:]})
        bodies[f"{name} unpadded"] = made.answer(**{name: text.rstrip("=")})
        for wrong in (octets[:-1], octets + b"\0", octets[:16]):
            bodies[f"{name} of {len(wrong)} bytes"] = made.answer(**{name: encode_base64(wrong)})
    bodies |= {f"sid {sid!a}": made.answer(sid=sid) for sid in ("a\r\nb: c", "a\nb", "a\0", "\u00e9", " a ")}
    await made.declines(probe, bodies)


@case(
    "v3/library-handshake/finish-hmac",
    "V3-HS-14",
    "ISO-1004",
    why="a silent downgrade: a key that is sent is a key that is read",
    cause="further members are ignored, hmac among them",
    needs=(FINISH,),
)
async def finish_hmac(probe: HarnessProbe) -> None:
    """An answer with a member hmac is refused, whatever it is, in hybrid and in pqc-only."""
    for hybrid in (True, False):
        made = Exchange(hybrid=hybrid)
        values: tuple[Any, ...] = (encode_base64(random_bytes(32)), "", None, 7, False, {})
        await made.declines(probe, {f"{value!r}"[:12]: made.answer(hmac=value) for value in values})


@case(
    "v3/library-handshake/finish-low-order",
    "V3-HS-11",
    "ISO-1002",
    why=WEAKER,
    cause="the result of X25519 is compared with zero on the server alone",
    needs=(FINISH,),
)
async def finish_low_order(probe: HarnessProbe) -> None:
    """A pk_x_server of low order, in each of its forms, is refused."""
    made = Exchange()
    keys = {note: encode_base64(u.to_bytes(32, "little")) for note, u in LOW_ORDER.items()}
    await made.declines(probe, {note: made.answer(pk_x_server=text) for note, text in keys.items()})


@case(
    "v3/library-handshake/finish-ticket",
    "V3-HS-16",
    ACCEPTED,
    why="a client without a ticket would have no session, or one that it cannot resume though it tries",
    cause="the ticket is required, decoded, or the word undefined",
    needs=(FINISH,),
)
async def finish_ticket(probe: HarnessProbe) -> None:
    """Any text is a ticket and kept as it is; without one, or with the empty one, there is neither ticket nor psk."""
    made = Exchange()
    for ticket in ("t", "a.b.c", "\u00e9\U0001f98a", " x ", "x" * 3000):
        reply = await made.finished(probe, made.answer(ticket=ticket))
        probe.matches(reply, f"{ticket[:8]!a}", {"sid": SID, **made.keys, "ticket": ticket})
    for note, value in {"absent": ..., "empty": ""}.items():
        reply = await made.finished(probe, made.answer(ticket=value))
        probe.matches(reply, note, {"sid": SID, **made.keys})
        probe.ensure(not {"ticket", "psk"} & set(reply.values), f"{note}: a ticket, or psk, without one")


@case(
    "v3/library-handshake/finish-ticket-mistyped",
    "V3-HS-16",
    "ISO-1004",
    why="a client that keeps what it does not understand fails later, where nobody can tell why",
    cause="the ticket is kept without a look at its type",
    needs=(FINISH,),
)
async def finish_ticket_mistyped(probe: HarnessProbe) -> None:
    """A ticket that is a number, a list, an object, true or false is refused."""
    made = Exchange()
    values: tuple[Any, ...] = (7, 0, [1], {"a": 1}, True, False)
    await made.declines(probe, {f"{value!r}": made.answer(ticket=value) for value in values})


# What the server signs


@case(
    "v3/library-handshake/bound-nonce",
    "V3-ID-07",
    ACCEPTED,
    why="a client that demands the bound nonce could talk to no server",
    cause="the lengths, or the label, are left out",
    needs=("v3.bound_nonce",),
)
async def bound_nonce(probe: HarnessProbe) -> None:
    """The bound nonce is the hash of its label, of ct and of the X25519 key, each with its length."""
    pairs = [(random_bytes(1088), random_bytes(32)), (random_bytes(1088), b""), (b"", b""), (b"\x01", b"\x02\x03")]
    pairs += [(b"\x01\x02", b"\x03"), (random_bytes(300), random_bytes(256))]
    for ct, pk_x in pairs:
        reply = await probe.call("v3.bound_nonce", ct=ct, pk_x_server=pk_x)
        expected = {"server_nonce": committing_nonce(ct, pk_x)}
        probe.matches(reply, f"{len(ct)} and {len(pk_x)} bytes", expected)

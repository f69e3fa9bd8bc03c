"""Server cases of V3: the hybrid handshake, its keys, and what it leaves of earlier versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nen_ref.conformance.harness.probe import ConfiguredProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import Answer, Begun, handshake_draft, resume_draft, with_unused_bits
from nen_ref.conformance.probe import HELLO, Probe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.handshake_v3 import HybridHello, SecurityMode
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.key_schedule import combine, derive
from nen_ref.protocol.messages import SIGNATURE_HEADER
from nen_ref.protocol.payload import seal
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64

P = 2**255 - 19
ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
LOW_ORDER = {
    "0": 0,
    "1": 1,
    "of order 8": ORDER_8[0],
    "the other of order 8": ORDER_8[1],
    "p - 1": P - 1,
    "p": P,
    "p + 1": P + 1,
    "0 with the highest bit": 2**255,
    "1 with the highest bit": 2**255 + 1,
    "p - 1 with the highest bit": 2**255 + P - 1,
}
WEAKER = "the hybrid would have one half only, and nobody would notice"
LEFT_OUT = "what is left out of a handshake must never leave a weaker one that passes"
SIZES = {"ct": 1088, "pk_x_server": 32}


def answered(probe: Probe, reply: Answer) -> Mapping[str, Any]:
    """The members of an answer that was accepted; the case ends without one."""
    probe.judge(reply)
    probe.need(reply.accepted and isinstance(reply.value, dict), reply.describe())
    assert isinstance(reply.value, dict)
    return reply.value


def sized(probe: Probe, members: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Each of these members is strict base64 of its size."""
    for name, size in sizes.items():
        try:
            found = len(decode_base64(members[name])) if isinstance(members.get(name), str) else None
        except Malformed:
            found = None
        probe.ensure(found == size, f"{name}: {'no strict base64 text' if found is None else f'{found} bytes'}")


def secrets_of(begun: Begun, members: Mapping[str, Any]) -> dict[str, bytes]:
    """Everything that a right client derives from an answer in hybrid, by name."""
    assert isinstance(begun.hello, HybridHello)
    kem_ss = REFERENCE.ml_kem_768_decaps(begun.hello.dk, decode_base64(members["ct"]))
    x_ss = REFERENCE.x25519(begun.hello.x, decode_base64(members["pk_x_server"]))
    ss = combine(x_ss, kem_ss)
    derived = derive(ss)
    return {
        "the ML-KEM secret": kem_ss,
        "the X25519 secret": x_ss,
        "ss": ss,
        "psk": derived.psk,
        "k_enc": derived.keys.enc,
        "k_mac": derived.keys.mac,
    }


# What is answered


@case(
    "v3/handshake/answer",
    "V3-HS-01",
    ACCEPTED,
    why="without it no client can begin",
    cause="a member is missing, named otherwise, or not base64 of the right length",
)
async def answer(probe: Probe) -> None:
    """A hybrid handshake is answered with sid, ct, pk_x_server and ticket, and a session comes of it."""
    begun = probe.hello()
    reply = await probe.peer.send(handshake_draft(begun.body))
    members = answered(probe, reply)
    sized(probe, members, SIZES)
    for name in ("sid", "ticket"):
        probe.ensure(isinstance(members.get(name), str) and bool(members[name]), f"{name}: {members.get(name)!r}")
    session = begun.finish(reply)
    probe.accepted(await probe.echo(session), "the first request of the session", body={"hello": "world"})


@case(
    "v3/handshake/pqc-only",
    "V3-HS-02",
    ACCEPTED,
    why="clients whose rules allow no elliptic curve could not connect",
    cause="the X25519 half is made in every handshake, or the secret is hashed as in hybrid",
)
async def pqc_only(probe: Probe) -> None:
    """A pqc-only handshake is answered without pk_x_server, and a session comes of it."""
    begun = probe.hello(mode=SecurityMode.PQC_ONLY)
    reply = await probe.peer.send(handshake_draft(begun.body))
    members = answered(probe, reply)
    sized(probe, members, {"ct": 1088})
    probe.ensure("pk_x_server" not in members, "pk_x_server in the answer" if "pk_x_server" in members else "without")
    session = begun.finish(reply)
    probe.accepted(await probe.echo(session), "the first request of the session", body={"hello": "world"})


@case(
    "v3/handshake/mode-not-understood",
    "V3-HS-03",
    ACCEPTED,
    why="a mode that is misspelt, or changed on the way, would make the handshake weaker",
    cause="hybrid is made only where securityMode is exactly hybrid, and pqc-only otherwise",
)
async def mode_not_understood(probe: Probe) -> None:
    """A securityMode that is absent, unknown or no text means hybrid."""
    for mode in (..., "", "PQC-ONLY", "pqc", "pqc-only ", "none", 7, None, ["pqc-only"], {"pqc-only": True}):
        begun = probe.hello()
        members = begun.members | {"securityMode": mode}
        if mode is ...:
            del members["securityMode"]
        reply = await probe.peer.send(handshake_draft(dump_json(members)))
        note = "absent" if mode is ... else repr(mode)
        probe.judge(reply, note)
        found = reply.value.get("pk_x_server") if isinstance(reply.value, dict) else None
        probe.ensure(isinstance(found, str), f"{note}: {'hybrid' if found else 'not hybrid'}")
        if reply.accepted and found:
            probe.accepted(await probe.echo(begun.finish(reply)), f"{note}: a request of the session")


@case(
    "v3/handshake/mode-not-understood-without-pk-x",
    "V3-HS-05",
    "ISO-1001",
    why=LEFT_OUT,
    cause="a handshake without pk_x is taken for one in pqc-only",
)
async def mode_not_understood_without_pk_x(probe: Probe) -> None:
    """Without pk_x a handshake in hybrid is refused, also where its mode is absent or unknown."""
    for mode in ("hybrid", ..., "pqc", "PQC-ONLY", None, 7):
        members = probe.hello().members | {"securityMode": mode}
        del members["pk_x"]
        if mode is ...:
            del members["securityMode"]
        reply = await probe.handshake_bytes(dump_json(members))
        probe.judge(reply, f"securityMode {'absent' if mode is ... else repr(mode)}")


@case(
    "v3/handshake/key-missing",
    "V3-HS-05",
    "ISO-1001",
    why=LEFT_OUT,
    cause="a handshake without an ML-KEM key goes on with X25519 alone",
)
async def key_missing(probe: Probe) -> None:
    """A handshake with a right pk_x and without pk_kem is refused, in either mode."""
    for mode in SecurityMode:
        members = probe.hello().members | {"securityMode": mode.value}
        del members["pk_kem"]
        probe.judge(await probe.handshake_bytes(dump_json(members)), mode.value)


@case(
    "v3/handshake/pk-for-pk-kem",
    "V3-HS-04",
    ACCEPTED,
    why="clients that keep the name of V1 for the key could not connect",
    cause="only pk_kem is read",
)
async def pk_for_pk_kem(probe: Probe) -> None:
    """The ML-KEM key is accepted as pk too, in hybrid and in pqc-only."""
    for mode in SecurityMode:
        begun = probe.hello(mode=mode)
        members = begun.members
        members["pk"] = members.pop("pk_kem")
        reply = await probe.peer.send(handshake_draft(dump_json(members)))
        probe.judge(reply, mode.value)
        if reply.accepted:
            probe.accepted(await probe.echo(begun.finish(reply)), f"{mode.value}: a request of the session")


@case(
    "v3/handshake/pk-beside-pk-kem",
    "V3-HS-06",
    ACCEPTED,
    why="of two keys the two sides could take another one each",
    cause="pk is looked at first",
)
async def pk_beside_pk_kem(probe: Probe) -> None:
    """Where pk_kem is there, a pk beside it is not looked at: another key, or no key at all."""
    other = encode_base64(probe.hello().ek)
    values: dict[str, object] = {"another key": other, "no base64": "!!!!", "a number": 7, "null": None, "empty": ""}
    for note, value in values.items():
        begun = probe.hello()
        reply = await probe.peer.send(handshake_draft(dump_json({"pk": value} | begun.members)))
        probe.judge(reply, note)
        if reply.accepted:
            probe.accepted(await probe.echo(begun.finish(reply)), f"pk is {note}: a request of the session")


# The X25519 key of the client


@case(
    "v3/handshake/pk-x-mistyped",
    "V3-HS-07",
    "ISO-1001",
    "ISO-6001",
    "ISO-6002",
    why=LEFT_OUT,
    cause="the type of pk_x is not checked before it is decoded",
)
async def pk_x_mistyped(probe: Probe) -> None:
    """A pk_x that is null, a number, an object, a list of numbers or the empty text is refused."""
    values: tuple[object, ...] = (None, 7, True, {}, [9] + [0] * 31, "")
    for value in values:
        probe.judge(await probe.handshake_with(pk_x=value), f"pk_x: {value!r}"[:40])


@case(
    "v3/handshake/pk-x-not-base64",
    "V3-HS-08",
    "ISO-6002",
    "ISO-1001",
    "ISO-1002",
    "ISO-6001",
    why="a lenient decoder turns noise into a key",
    cause="a decoder that skips what it does not know",
)
async def pk_x_not_base64(probe: Probe) -> None:
    """A pk_x that is no base64, or of another alphabet, unpadded, or with unused bits set, is refused."""
    text = encode_base64(random_bytes(31) + b"\x3f")
    variants = {
        "garbled": "!!!!",
        "hex": random_bytes(32).hex() + "!",
        "unpadded": text.rstrip("="),
        "URL-safe": encode_base64(b"\xfb\xff" * 16).replace("+", "-").replace("/", "_"),
        "a line break": text + "\n",
        "unused bits": with_unused_bits(text),
    }
    for note, variant in variants.items():
        probe.judge(await probe.handshake_with(pk_x=variant), note)


@case(
    "v3/handshake/pk-x-wrong-length",
    "V3-HS-08",
    "ISO-1002",
    "ISO-1001",
    "ISO-6001",
    "ISO-6002",
    why="a library that cuts or pads a key agrees on another secret, or crashes",
    cause="the length of pk_x is left to the library, or its exception escapes",
)
async def pk_x_wrong_length(probe: Probe) -> None:
    """Keys of 1, 16, 31, 33, 56 (X448) and 65 (P-256) bytes are refused as pk_x."""
    for size in (1, 16, 31, 33, 56, 65):
        probe.judge(await probe.handshake_with(pk_x=encode_base64(random_bytes(size))), f"{size} bytes")


@case(
    "v3/handshake/pk-x-of-low-order",
    "V3-HS-11",
    "ISO-1002",
    why=WEAKER,
    cause="the library gives out the all-zero result, and nobody looks at it",
)
async def pk_x_of_low_order(probe: Probe) -> None:
    """The points of low order, canonical or not, are refused as pk_x."""
    for note, u in LOW_ORDER.items():
        pk_x = encode_base64(u.to_bytes(32, "little"))
        probe.judge(await probe.handshake_with(pk_x=pk_x), note)


@case(
    "v3/handshake/pk-x-non-canonical",
    "V3-PRIM-04",
    ACCEPTED,
    why="of two ends of which one refuses such a key, one cannot talk to the other",
    cause="the highest bit is not ignored, or a value beyond the prime is refused",
)
async def pk_x_non_canonical(probe: Probe) -> None:
    """A pk_x with its highest bit set is the same key, and a value beyond the prime is accepted."""
    begun = probe.hello()
    assert isinstance(begun.hello, HybridHello)
    pk_x = begun.hello.pk_x[:-1] + bytes([begun.hello.pk_x[-1] | 0x80])
    high = replace(begun, hello=replace(begun.hello, pk_x=pk_x))  # what an identity would sign is what was sent
    reply = await probe.peer.send(handshake_draft(dump_json(begun.members | {"pk_x": encode_base64(pk_x)})))
    probe.judge(reply, "the highest bit")
    if reply.accepted:
        probe.accepted(await probe.echo(high.finish(reply)), "a request of the session")
    beyond = encode_base64((P + 9).to_bytes(32, "little"))
    probe.judge(await probe.handshake_with(pk_x=beyond), "9 as p + 9")


@case(
    "v3/handshake/pk-x-in-pqc-only",
    "V3-HS-09",
    ACCEPTED,
    why="what is not named in a mode must not decide whether it works",
    cause="pk_x is decoded before the mode is looked at",
)
async def pk_x_in_pqc_only(probe: Probe) -> None:
    """In pqc-only a pk_x is not looked at, whatever it is, and no pk_x_server comes back."""
    low = encode_base64(bytes(32))
    right = probe.hello().members["pk_x"]
    values: dict[str, object] = {"right": right, "no base64": "!!!!", "low order": low, "a number": 7, "null": None}
    for note, value in values.items():
        begun = probe.hello(mode=SecurityMode.PQC_ONLY)
        reply = await probe.peer.send(handshake_draft(dump_json(begun.members | {"pk_x": value})))
        probe.judge(reply, note)
        if reply.accepted:
            probe.ensure(
                isinstance(reply.value, dict) and "pk_x_server" not in reply.value, f"{note}: pk_x_server came back"
            )
            probe.accepted(await probe.echo(begun.finish(reply)), f"pk_x is {note}: a request of the session")


# Keys


@case(
    "v3/handshake/no-key-sent",
    "V3-HS-10",
    ACCEPTED,
    why="who reads the handshake, wherever TLS ends, could sign or read everything",
    cause="the HMAC key of V1 is still sent, or a debug member was left in",
)
async def no_key_sent(probe: Probe) -> None:
    """Neither body nor headers of the answer have an hmac or any secret, in hex, base64 or as numbers."""
    begun = probe.hello()
    reply = await probe.peer.send(handshake_draft(begun.body))
    members = answered(probe, reply)
    probe.ensure("hmac" not in members, "hmac stands in the answer" if "hmac" in members else "no hmac")
    everything = reply.body.decode("utf-8", "replace").replace(" ", "") + " ".join(reply.headers.values())
    for name, secret in secrets_of(begun, members).items():
        texts = [secret.hex(), encode_base64(secret), encode_base64(secret).rstrip("="), ",".join(map(str, secret))]
        found = any(text in everything for text in texts)
        probe.ensure(not found, f"{name} {'stands' if found else 'does not stand'} in the answer")


@case(
    "v3/handshake/fresh-keys",
    "V3-HS-12",
    ACCEPTED,
    why="one X25519 key for all handshakes is one secret for all that were recorded",
    cause="the server's X25519 key is made at its start",
)
async def fresh_keys(probe: Probe) -> None:
    """Sixteen answers to one handshake have sixteen session ids, ciphertexts, X25519 keys and tickets."""
    begun = probe.hello()
    replies = [await probe.peer.send(handshake_draft(begun.body)) for _ in range(16)]
    for reply in replies:
        probe.judge(reply)
    for name in ("sid", "ct", "pk_x_server", "ticket"):
        texts = {str(reply.value.get(name)) for reply in replies if isinstance(reply.value, dict)}
        probe.ensure(len(texts) == 16, f"{len(texts)} values of {name} in 16 handshakes")


@case(
    "v3/handshake/signed-under-other-keys",
    "V3-KEY-03",
    "ISO-3002",
    why="a key that serves for two is as strong as the weaker use of it",
    cause="the secret of the handshake, or the key of another label, is used as HMAC key",
)
async def signed_under_other_keys(probe: Probe) -> None:
    """Signatures under any secret of the handshake but k_mac are refused."""
    begun = probe.hello()
    reply = await probe.peer.send(handshake_draft(begun.body))
    secrets = secrets_of(begun, answered_quietly(probe, reply))
    session = begun.finish(reply)
    for name, key in secrets.items():
        if name != "k_mac":
            probe.judge(await probe.send(probe.draft(session, key=key), session), f"under {name}")
    probe.accepted(await probe.echo(session), "under k_mac")


@case(
    "v3/handshake/sealed-under-other-keys",
    "V3-KEY-04",
    "ISO-4001",
    why="a key that serves for two is as strong as the weaker use of it",
    cause="the secret of the handshake, or the key of another label, is used as payload key",
)
async def sealed_under_other_keys(probe: Probe) -> None:
    """Payloads sealed under any secret of the handshake but k_enc are refused."""
    begun = probe.hello()
    reply = await probe.peer.send(handshake_draft(begun.body))
    secrets = secrets_of(begun, answered_quietly(probe, reply))
    session = begun.finish(reply)
    for name, key in secrets.items():
        if name != "k_enc":
            envelope = seal(key, random_bytes(12), HELLO)
            probe.judge(await probe.send(probe.draft(session, envelope=envelope), session), f"under {name}")
    probe.accepted(await probe.echo(session), "under k_enc")


def answered_quietly(probe: Probe, reply: Answer) -> Mapping[str, Any]:
    """As `answered`, where the case judges other answers."""
    probe.need(reply.accepted and isinstance(reply.value, dict), f"the handshake: {reply.describe()}")
    assert isinstance(reply.value, dict)
    return reply.value


@case(
    "v3/handshake/both-halves-in-the-secret",
    "V3-KEY-01",
    ACCEPTED,
    why=WEAKER,
    cause="the two secrets are joined in the other order, with another label, or only one of them is used",
)
async def both_halves_in_the_secret(probe: Probe) -> None:
    """The keys of a hybrid session come of both secrets, X25519 first, under the label of the specification."""
    session = await probe.session()
    probe.judge(await probe.echo(session), "with a body")
    probe.judge(await probe.echo(session, None, "GET"), "without a body")


@case(
    "v3/handshake/kem-secret-alone",
    "V3-KEY-02",
    ACCEPTED,
    why="the two sides would hold different keys",
    cause="in pqc-only the secret goes through the derivation of hybrid, with zeros for the other half",
)
async def kem_secret_alone(probe: Probe) -> None:
    """In pqc-only the keys come of the ML-KEM secret as it is."""
    session = await probe.session(mode=SecurityMode.PQC_ONLY)
    probe.judge(await probe.echo(session), "with a body")
    probe.judge(await probe.echo(session, None, "GET"), "without a body")


# What V3 has not


@case(
    "v3/handshake/client-identity-ignored",
    "V3-ID-10",
    ACCEPTED,
    why="a client that sends what V1 had, right or wrong, is a client of V3 like any other",
    cause="the identity of V1 is still checked where its members are there",
)
async def client_identity_ignored(probe: Probe) -> None:
    """sigPk and sigOfPk are members that are not named: right, wrong, mistyped or one alone, they change nothing."""
    key = encode_base64(random_bytes(1952))
    variants: dict[str, dict[str, object]] = {
        "both wrong": {"sigPk": key, "sigOfPk": encode_base64(random_bytes(3309))},
        "a key alone": {"sigPk": key},
        "mistyped": {"sigPk": 7, "sigOfPk": None},
    }
    for note, members in variants.items():
        probe.judge(await probe.handshake_with(**members), note)


@case(
    "v3/configured/client-identity-required",
    "V3-ID-10",
    "ISO-3004",
    needs=("server.start", "require_identity", "ticket_keys"),
    why="what a server requires of its clients would be given up because they ask for another version",
    cause="the requirement is looked at in the handshake of V1 alone",
)
async def client_identity_required(probe: ConfiguredProbe) -> None:
    """A server that requires an identity of its clients refuses handshakes and resumptions of V3."""
    keys = [random_bytes(32)]
    async with probe.server(ticket_keys=keys) as lax:
        resumption = (await lax.session()).resumption
        lax.need(resumption is not None, "the handshake gave no ticket")
        assert resumption is not None
    async with probe.server(require_identity=True, ticket_keys=keys) as server:
        for mode in SecurityMode:
            server.judge(await server.handshake_bytes(server.hello(mode=mode).body), mode.value)
        claimed = {"sigPk": encode_base64(random_bytes(1952)), "sigOfPk": encode_base64(random_bytes(3309))}
        server.judge(await server.handshake_with(**claimed), "with the members of V1")
        server.judge(await server.send(resume_draft(resumption, random_bytes(32))), "a resumption")


@case(
    "v3/configured/unsigned-never",
    "V3-ID-11",
    "ISO-3001",
    needs=("server.start", "unsigned_clients"),
    why="whoever sees a session id can send requests in it",
    cause="the exception for named clients is made for sessions without an identity too",
)
async def unsigned_never(probe: ConfiguredProbe) -> None:
    """A server with exceptions for clients of V1 takes no unsigned request of V3, whatever the handshake claimed."""
    legacy = Identity.from_seed(random_bytes(32))
    async with probe.server(unsigned_clients=[legacy.pk]) as server:
        begun = server.hello()
        claim = begun.members | {"sigPk": encode_base64(legacy.pk), "sigOfPk": encode_base64(random_bytes(3309))}
        claimed = begun.finish(await server.peer.send(handshake_draft(dump_json(claim))))
        for note, session in {"no claim": await server.session(), "a claim": claimed}.items():
            for payload in (HELLO, None):
                draft = session.draft("POST", server.target.echo, payload).without(SIGNATURE_HEADER)
                server.judge(await server.send(draft, session), f"{note}, {'a' if payload else 'no'} body")
            server.accepted(await server.echo(session), f"{note}, signed")

"""Client cases of V3: the hybrid handshake, what it must not become, and the keys that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.conformance.cases.client_handshake import (
    HANDSHAKE,
    REQUEST,
    altered,
    members,
    members_text,
    refused_handshake,
    sends_a_right_request,
)
from nen_ref.conformance.cases.client_response import ANSWER
from nen_ref.conformance.cases.v3_handshake import LOW_ORDER, WEAKER
from nen_ref.conformance.client_probe import Client, ClientProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.conformance.scripted import Response, Seen, as_it_should, error_response, json_response
from nen_ref.primitives.suite import REFERENCE
from nen_ref.primitives.x25519 import BASE_POINT
from nen_ref.protocol.errors import CATALOGUE
from nen_ref.protocol.tickets import open_ticket
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64, parse_json_object

PQC_ONLY = (*HANDSHAKE, "security_mode")
RESUME = (*REQUEST, "client.resume")
DOWNGRADE = "whoever can make a handshake fail, or answer it, would choose the version"
OTHER_KEYS = "the two sides would hold different keys, and nothing opens"
PQC = "pqc-only"


def hellos(probe: ClientProbe) -> list[dict[str, Any]]:
    """The bodies of all handshakes of the client; the case ends where one is no JSON object."""
    found = []
    for seen in probe.server.handshakes:
        try:
            found.append(parse_json_object(seen.body))
        except Malformed as fault:
            probe.need(False, f"the handshake is {fault}")
    probe.need(bool(found), "no handshake came")
    return found


def octets(hello: Mapping[str, Any], name: str) -> bytes:
    """A binary member of a handshake; empty where it is none."""
    try:
        return decode_base64(hello[name]) if isinstance(hello.get(name), str) else b""
    except Malformed:
        return b""


async def resumes(probe: ClientProbe, client: Client, note: str, expected: bool) -> None:
    """`client.resume` goes well, by the ticket or by a full handshake, as expected."""
    probe.gave(await client.resume(), note, resumed=expected)


# What the client sends


@case(
    "v3/client-handshake/hybrid",
    "V3-HS-01",
    ACCEPTED,
    needs=REQUEST,
    why="a server refuses any other handshake",
    cause="a member is missing, named otherwise, or not base64 of the right length",
)
async def hybrid(probe: ClientProbe) -> None:
    """The handshake has pk_kem of 1184 bytes, pk_x of 32 and securityMode hybrid; a session comes of it."""
    client = await probe.client()
    probe.judge(await client.handshake())
    for hello in hellos(probe):
        sizes = {name: len(octets(hello, name)) for name in ("pk_kem", "pk_x")}
        probe.ensure(sizes == {"pk_kem": 1184, "pk_x": 32}, f"bytes of strict base64: {sizes}")
        probe.ensure(hello.get("securityMode") == "hybrid", f"securityMode {hello.get('securityMode')!r}")
        probe.ensure(not {"pk", "resume"} & hello.keys(), f"members {', '.join(hello)}")
    await sends_a_right_request(probe, client, "the first request")


@case(
    "v3/client-handshake/pqc-only",
    "V3-HS-02",
    ACCEPTED,
    needs=(*PQC_ONLY, "client.request"),
    why="clients whose rules allow no elliptic curve could not connect",
    cause="the mode is sent, and the X25519 half made all the same; or its secret is hashed as in hybrid",
)
async def pqc_only(probe: ClientProbe) -> None:
    """A client in pqc-only sends pk_kem and the mode, and no pk_x; a session comes of it."""
    client = await probe.client(security_mode=PQC)
    probe.judge(await client.handshake())
    for hello in hellos(probe):
        probe.ensure(hello.get("securityMode") == PQC, f"securityMode {hello.get('securityMode')!r}")
        probe.ensure("pk_x" not in hello, f"members {', '.join(hello)}")
        probe.ensure(len(octets(hello, "pk_kem")) == 1184, f"pk_kem of {len(octets(hello, 'pk_kem'))} bytes")
    await sends_a_right_request(probe, client, "the first request")


@case(
    "v3/client-handshake/fresh-x25519-key",
    "V3-HS-12",
    ACCEPTED,
    needs=(*HANDSHAKE, "client.rotate"),
    why="who learns one X25519 key has the classical half of every session made with it",
    cause="the X25519 key pair is made once, when the client is",
)
async def fresh_x25519_key(probe: ClientProbe) -> None:
    """Four handshakes, a rotation among them, send four different X25519 keys beside four ML-KEM keys."""
    first = await probe.client()
    for client in (first, first, await probe.client()):
        probe.judge(await client.handshake())
    reply = await first.rotate()
    probe.ensure(reply.ok, f"rotate: {reply.describe()}")
    for name in ("pk_x", "pk_kem"):
        probe.count(f"different {name}", len({octets(hello, name) for hello in hellos(probe)}), 4)


@case(
    "v3/client-handshake/no-private-key-sent",
    "V3-HS-10",
    ACCEPTED,
    needs=HANDSHAKE,
    why="whoever reads the handshake has the classical half of the session",
    cause="the whole key pair is serialised, or the two halves are mistaken",
)
async def no_private_key_sent(probe: ClientProbe) -> None:
    """No member of the handshake is the private key of pk_x, and pk_x is no private key of its own."""
    client = await probe.client()
    probe.judge(await client.handshake())
    for hello in hellos(probe):
        pk_x = octets(hello, "pk_x")
        for name in hello:
            raw = octets(hello, name)
            gives = any(REFERENCE.x25519(raw[at : at + 32], BASE_POINT) == pk_x for at in range(0, len(raw) - 31, 32))
            probe.ensure(not gives, f"{name} holds the private key")


@case(
    "v3/client-request/secrets-not-sent",
    "V3-HS-10",
    ACCEPTED,
    needs=(*REQUEST, "client.resume", "client.rekey", "client.terminate"),
    why="who reads one message would have the session, and every one that resumes from it",
    cause="a debugging header, or a key that is sent because V1 did",
)
async def secrets_not_sent(probe: ClientProbe) -> None:
    """No message of the client holds k_enc, k_mac or psk, in base64 or in hexadecimal, over the whole life of a session."""
    client = await probe.established()
    probe.judge(await client.echo("hello"), "a request")
    for name, reply in {"rekey": await client.rekey(), "resume": await client.resume()}.items():
        probe.ensure(reply.ok, f"{name}: {reply.describe()}")
    probe.judge(await client.echo("hello"), "another")
    reply = await client.terminate()
    probe.ensure(reply.ok, f"terminate: {reply.describe()}")
    secrets = dict(_secrets(probe))
    for seen in probe.server.seen:
        text = " ".join((seen.target, *seen.headers.values(), seen.body.decode("utf-8", "replace")))
        for name, key in secrets.items():
            shown = any(form in text for form in (encode_base64(key).rstrip("="), key.hex()))
            probe.ensure(not shown, f"{name} in {seen.method} {seen.target}")


def _secrets(probe: ClientProbe) -> list[tuple[str, bytes]]:
    found = []
    for i, seen in enumerate(probe.server.handshakes):
        if seen.accepted is None:
            continue
        keys = seen.accepted.session.keys
        ticket = str(members(json_response(seen.accepted.reply.body)).get("ticket"))
        psk = open_ticket(ticket, probe.server.terms.tickets, 0)
        found += [(f"k_enc of session {i}", keys.enc), (f"k_mac of session {i}", keys.mac)]
        found += [(f"psk of session {i}", psk)] if psk else []
    return found


# What it takes for an answer


@case(
    "v3/client-handshake/an-answer-of-v1",
    "V3-HS-14",
    "ISO-1004",
    needs=HANDSHAKE,
    why=DOWNGRADE,
    cause="further members are ignored, hmac among them",
)
async def answer_of_v1(probe: ClientProbe) -> None:
    """An answer with a member hmac is ISO-1004, whatever it is and however right all else, and one of V1 is."""
    values: tuple[object, ...] = (encode_base64(random_bytes(32)), "", 7, False, {}, [])
    for value in values:
        await refused_handshake(probe, f"hmac {value!r}"[:30], altered(probe, hmac=value))
    null = b'{"hmac":null,'
    await refused_handshake(
        probe, "hmac null", lambda seen: json_response(null + probe.server.handshake(seen).body.lstrip()[1:])
    )
    v1 = {"pk_x_server": None, "ticket": None, "hmac": encode_base64(random_bytes(32))}
    await refused_handshake(probe, "as V1 has it", altered(probe, **v1))


@case(
    "v3/client-handshake/half-a-hybrid",
    "V3-HS-15",
    "ISO-1004",
    needs=HANDSHAKE,
    why=WEAKER,
    cause="a missing pk_x_server is taken for pqc-only",
)
async def half_a_hybrid(probe: ClientProbe) -> None:
    """An answer without pk_x_server, or with one that is null, is ISO-1004 in hybrid, also if it says pqc-only."""
    await refused_handshake(probe, "absent", altered(probe, pk_x_server=None))
    await refused_handshake(probe, "says pqc-only", altered(probe, pk_x_server=None, securityMode=PQC))
    await refused_handshake(probe, "empty", altered(probe, pk_x_server="", securityMode=PQC))

    def null(seen: Seen) -> Response:
        return json_response(members(probe.server.handshake(seen)) | {"pk_x_server": None, "securityMode": PQC})

    await refused_handshake(probe, "null", null)


@case(
    "v3/client-handshake/low-order",
    "V3-HS-11",
    "ISO-1002",
    "ISO-1004",
    needs=HANDSHAKE,
    why=WEAKER,
    cause="the result of X25519 is not compared with zero, or only one of the points of low order is known",
)
async def low_order(probe: ClientProbe) -> None:
    """A pk_x_server of low order, in each of its forms, is ISO-1002: the secret would be known beforehand."""
    for note, u in LOW_ORDER.items():
        key = encode_base64(u.to_bytes(32, "little"))
        await refused_handshake(probe, note, altered(probe, pk_x_server=key))


@case(
    "v3/client-handshake/mode-of-the-answer",
    "V3-HS-17",
    ACCEPTED,
    needs=REQUEST,
    why=WEAKER,
    cause="the mode is taken from the answer",
)
async def mode_of_the_answer(probe: ClientProbe) -> None:
    """A securityMode in the answer changes nothing: the session is the hybrid one that was asked for."""
    for mode in (PQC, "hybrid", "none", 7):
        client = await probe.client()
        probe.server.on_handshake = altered(probe, securityMode=mode)
        probe.judge(await client.handshake(), f"{mode!r}")
        await sends_a_right_request(probe, client, f"{mode!r}")


@case(
    "v3/client-handshake/pqc-only-reads-no-key",
    "V3-HS-17",
    ACCEPTED,
    needs=(*PQC_ONLY, "client.request"),
    why="the two sides derive different keys",
    cause="a pk_x_server that is there is used, or checked, whatever the mode",
)
async def pqc_only_reads_no_key(probe: ClientProbe) -> None:
    """In pqc-only a pk_x_server is not looked at: a key, one of low order, garbage, a number."""
    for value in (encode_base64(b"\x09" + bytes(31)), encode_base64(bytes(32)), "garbage!", 7, [1]):
        client = await probe.client(security_mode=PQC)
        probe.server.on_handshake = altered(probe, pk_x_server=value)
        probe.judge(await client.handshake(), f"{value!r}")
        await sends_a_right_request(probe, client, f"{value!r}")


@case(
    "v3/client-handshake/highest-bit-of-the-key",
    "V3-PRIM-04",
    ACCEPTED,
    needs=REQUEST,
    why="of two ends of which one refuses, or does not mask, one cannot talk to the other",
    cause="the highest bit of the other side's key is taken for a part of it",
)
async def highest_bit(probe: ClientProbe) -> None:
    """A pk_x_server with its highest bit set is the same key."""

    def script(seen: Seen) -> Response:
        right = members(probe.server.handshake(seen))
        key = bytearray(decode_base64(right["pk_x_server"]))
        key[31] |= 0x80
        return json_response(right | {"pk_x_server": encode_base64(bytes(key))})

    client = await probe.client()
    probe.server.on_handshake = script
    probe.judge(await client.handshake())
    await sends_a_right_request(probe, client, "the first request")


@case(
    "v3/client-handshake/other-key-other-session",
    "V3-KEY-01",
    "ISO-4001",
    needs=REQUEST,
    why="the classical half would protect nothing",
    cause="ss is the ML-KEM secret alone, with the X25519 result thrown away",
)
async def other_key_other_session(probe: ClientProbe) -> None:
    """Another pk_x_server than the server's gives other keys: no request verifies, and no answer opens."""
    other = encode_base64(REFERENCE.x25519(random_bytes(32), BASE_POINT))
    client = await probe.client()
    probe.server.on_handshake = altered(probe, pk_x_server=other)
    reply = await client.handshake()
    probe.ensure(reply.ok, f"the handshake itself: {reply.describe()}")
    probe.server.on_request = lambda seen: seen.sealed(ANSWER)
    probe.judge(await client.echo(), "the answer to a request")
    last = probe.last_request("a request")
    probe.ensure(last.fault is not None, "the request verifies all the same" if not last.fault else "refused")


@case(
    "v3/client-handshake/keys-of-pqc-only",
    "V3-KEY-02",
    ACCEPTED,
    needs=(*PQC_ONLY, "client.request", "client.stream"),
    why=OTHER_KEYS,
    cause="the ML-KEM secret goes through the label of the hybrid too, or is the payload key itself",
)
async def keys_of_pqc_only(probe: ClientProbe) -> None:
    """In pqc-only requests, answers and streams are under the keys derived of the ML-KEM secret alone."""
    client = await probe.established(security_mode=PQC)
    await sends_a_right_request(probe, client, "a request")
    reply = await client.chunks("a", "b")
    probe.judge(reply, "a stream")
    probe.gave(reply, "a stream", text="ab")
    probe.right_requests("all of them")


@case(
    "v3/client-response/under-other-keys",
    "V3-KEY-04",
    "ISO-4001",
    needs=REQUEST,
    why="who has one of the keys would have the other",
    cause="one key serves for both, or the secret itself is tried when k_enc does not open",
)
async def under_other_keys(probe: ClientProbe) -> None:
    """An answer sealed under k_mac, under psk, or under the key that the next rekey would give is ISO-4001."""
    client = await probe.established()
    session = next(iter(probe.server.sessions.values()))
    psk = dict(_secrets(probe)).get("psk of session 0", b"")
    probe.need(bool(psk), "the suite has no psk of this session")
    ratcheted = REFERENCE.hkdf_sha256(session.keys.enc, b"nen/v3 ratchet", 32)
    for note, key in {"k_mac": session.keys.mac, "psk": psk, "the next k_enc": ratcheted}.items():
        n = random_bytes(12)
        ct = REFERENCE.aead_seal(key, n, b'{"forged":true}')
        answer = json_response({"ct": encode_base64(ct), "n": encode_base64(n)})
        probe.server.on_request = lambda seen, answer=answer: answer
        probe.judge(await client.echo(note), note)
    probe.server.on_request = as_it_should
    probe.gave(await client.echo("x"), "a right answer afterwards", payload={"method": "POST", "body": "x"})


# Tickets in it


@case(
    "v3/client-handshake/without-a-ticket",
    "V3-HS-16",
    ACCEPTED,
    needs=RESUME,
    why="a server that gives no tickets would have no clients",
    cause="the ticket is required, or the word undefined is sent back as one",
)
async def without_a_ticket(probe: ClientProbe) -> None:
    """An answer without ticket, or with an empty one, makes a session; to resume it is a full handshake."""
    for note, ticket in {"absent": None, "empty": ""}.items():
        client = await probe.client()
        probe.server.on_handshake = altered(probe, ticket=ticket)
        probe.judge(await client.handshake(), note)
        await sends_a_right_request(probe, client, note)
        await resumes(probe, client, f"{note}: resume", False)
        await sends_a_right_request(probe, client, f"{note}, afterwards")
    probe.ensure(not any("resume" in hello for hello in hellos(probe)), "a ticket was sent that nobody gave")


@case(
    "v3/client-handshake/ticket-mistyped",
    "V3-HS-16",
    "ISO-1004",
    needs=HANDSHAKE,
    why="a client that keeps what it does not understand fails later, where nobody can tell why",
    cause="the ticket is kept without a look at its type",
)
async def ticket_mistyped(probe: ClientProbe) -> None:
    """A ticket that is a number, a list, an object, true or false is ISO-1004."""
    for value in (7, [1, 2], {"ticket": "x"}, True, False, 0):
        await refused_handshake(probe, f"{value!r}", altered(probe, ticket=value))


@case(
    "v3/client-handshake/ticket-opaque",
    "V3-TICKET-09",
    ACCEPTED,
    needs=RESUME,
    why="tickets are the server's own: another server makes other ones",
    cause="the ticket is taken apart, decoded and written anew, or trimmed",
)
async def ticket_opaque(probe: ClientProbe) -> None:
    """A ticket of any form is kept and sent back as it came: short, long, no base64, in any script."""
    tickets = ("t", "x" * 5000, ' {"v":1}\n', "a.b.c", "\u00e9\u4e16\U0001f98a", "=====", "0")
    for ticket in tickets:
        client = await probe.client()
        probe.server.on_handshake = altered(probe, ticket=ticket)
        probe.judge(await client.handshake(), f"{ticket[:12]!a}")
        probe.server.on_handshake = as_it_should
        await resumes(probe, client, f"{ticket[:12]!a}", False)
    sent = [hello["resume"] for hello in hellos(probe) if "resume" in hello]
    probe.ensure(sent == list(tickets), f"{len(sent)} of {len(tickets)} tickets, or others than were given")


# No way back


@case(
    "v3/client-handshake/no-downgrade",
    "V3-VER-05",
    "ISO-1004",
    needs=REQUEST,
    why=DOWNGRADE,
    cause="a handshake that fails is tried once more in an earlier version, or without X25519",
)
async def no_downgrade(probe: ClientProbe) -> None:
    """A handshake that is refused, or answered as V1 does, is an error, and no weaker one follows."""
    refusals = {code: error_response(CATALOGUE[code]) for code in ("ISO-1001", "ISO-1002", "ISO-6001")}
    refusals["404"] = Response(404)
    for note, answer in refusals.items():
        await refused_handshake(probe, note, lambda seen, answer=answer: answer)
    v1 = {"pk_x_server": None, "ticket": None, "hmac": encode_base64(random_bytes(32))}
    await refused_handshake(probe, "an answer of V1", altered(probe, **v1))
    for seen, hello in zip(probe.server.handshakes, hellos(probe), strict=True):
        whole = {"pk_kem", "pk_x"} <= hello.keys() and "pk" not in hello and members_text(seen, "securityMode") != PQC
        probe.ensure(whole, f"a weaker handshake: {', '.join(hello)}")
    probe.count("requests", len(probe.server.requests), 0)


@case(
    "v3/client-handshake/rotation-is-of-v3",
    "V3-VER-05",
    ACCEPTED,
    needs=(*REQUEST, "client.rotate"),
    why=DOWNGRADE,
    cause="rotation and the handshake after a 401 are built by older code",
)
async def rotation_is_of_v3(probe: ClientProbe) -> None:
    """The handshakes of a rotation and after a 401 are hybrid like the first."""
    client = await probe.established()
    probe.judge(await client.rotate())
    probe.server.forget_sessions()
    await sends_a_right_request_again(probe, client)
    full = [hello for hello in hellos(probe) if "resume" not in hello]
    probe.ensure(all({"pk_kem", "pk_x"} <= hello.keys() for hello in full), "a handshake without one of its halves")
    probe.ensure(len(full) >= 2, f"{len(full)} full handshakes")


async def sends_a_right_request_again(probe: ClientProbe, client: Client) -> None:
    """A request that comes through although its session is gone."""
    probe.gave(await client.echo("x"), "after a 401", payload={"method": "POST", "body": "x"})
    probe.right_requests("the retry", probe.server.requests[-1:])

"""Library cases of V3: tickets in the recorded form, and sessions that resume from them, both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nen_ref.conformance.cases.library_tools import GARBAGE, LAX, NOW, SID, same_members
from nen_ref.conformance.cases.v3_library_handshake import OTHER_KEYS
from nen_ref.conformance.cases.v3_library_tools import (
    EXPIRES,
    Exchange,
    hkdf,
    keys_of,
    members_of,
    opened_ticket,
    ticket_for,
)
from nen_ref.conformance.cases.v3_resumption import OPENED, STATELESS
from nen_ref.conformance.harness.driver import Reply
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.wire import dump_json, encode_base64

SEAL, OPEN = "v3.ticket_seal", "v3.ticket_open"
HELLO, RESPOND, FINISH = "v3.resume_hello", "v3.resume_respond", "v3.resume_finish"
NEVER_ENDS = "a ticket that was taken once is good for ever"
DOWNGRADE = "a silent downgrade: a key that is sent is a key that is read"


def random() -> bytes:
    return random_bytes(32)


@dataclass(frozen=True)
class Resuming:
    """Both halves of one resumption, and what comes of it."""

    psk: bytes = field(default_factory=random)
    rn: bytes = field(default_factory=random)
    srn: bytes = field(default_factory=random)
    key: bytes = field(default_factory=random)
    ticket_nonce: bytes = field(default_factory=lambda: random_bytes(12))

    @property
    def keys(self) -> dict[str, bytes]:
        return keys_of(hkdf(self.psk + self.rn + self.srn, "nen/v3 resume-ss"))

    @property
    def ticket(self) -> str:
        return ticket_for(self.psk, self.key)

    def hello(self, **changes: Any) -> bytes:
        """The client's body with members replaced; `...` leaves one out."""
        right = {"resume": self.ticket, "rn": encode_base64(self.rn), "securityMode": "hybrid"}
        return dump_json({name: value for name, value in (right | changes).items() if value is not ...})

    async def answered(
        self, probe: HarnessProbe, body: bytes, keys: list[bytes] | None = None, now: int = NOW
    ) -> Reply:
        return await probe.call(
            RESPOND,
            body=body.decode(),
            keys=[self.key] if keys is None else keys,
            now=now,
            srn=self.srn,
            sid=SID,
            ticket_nonce=self.ticket_nonce,
            ticket_expires=EXPIRES,
        )

    async def resumed(self, probe: HarnessProbe, body: bytes, note: str, keys: list[bytes] | None = None) -> Reply:
        """Check that the body is answered as it should be: the keys, and the members of the answer."""
        reply = await self.answered(probe, body, keys)
        if probe.matches(reply, note, {"status": 200, **self.keys}):
            same_members(probe, reply, note, {"sid": SID, "srn": self.srn})
            probe.ensure(members_of(reply).get("resumed") is True, f"{note}: resumed is not true")
        return reply

    async def declined(self, probe: HarnessProbe, bodies: Mapping[str, bytes], **more: Any) -> None:
        """The right body is resumed, and each of these answered 409 without keys."""
        await self.resumed(probe, self.hello(), "the body before it was altered")
        probe.sound()
        for note, body in bodies.items():
            reply = await self.answered(probe, body, **more)
            if probe.matches(reply, note, {"status": 409}):
                probe.ensure(members_of(reply) == {"resumed": False}, f"{note}: {reply.values.get('body')}"[:80])
                probe.ensure(not {"enc", "mac"} & set(reply.values), f"{note}: keys of a session that is none")

    # The server's answer

    def answer(self, **changes: Any) -> bytes:
        right: dict[str, Any] = {"sid": SID, "srn": encode_base64(self.srn), "ticket": "next", "resumed": True}
        return dump_json({name: value for name, value in (right | changes).items() if value is not ...})

    async def finished(self, probe: HarnessProbe, body: bytes, status: int = 200) -> Reply:
        return await probe.call(FINISH, psk=self.psk, rn=self.rn, status=status, body=body.decode())

    async def gives(self, probe: HarnessProbe, body: bytes, note: str, ticket: str = "next") -> None:
        expected = {"resumed": True, "sid": SID, **self.keys, "ticket": ticket}
        probe.matches(await self.finished(probe, body), note, expected)

    async def refused(self, probe: HarnessProbe, bodies: Mapping[str, bytes]) -> None:
        await self.gives(probe, self.answer(), "the answer before it was altered")
        probe.sound()
        for note, body in bodies.items():
            probe.judge(await self.finished(probe, body), note)


# Tickets


@case(
    "v3/library-resumption/ticket-seal",
    "V3-TICKET-01",
    ACCEPTED,
    why="the nodes of a server could not open each other's tickets",
    cause="the members are in another order, with white space, or the time is in seconds",
    needs=(SEAL,),
)
async def ticket_seal(probe: HarnessProbe) -> None:
    """A ticket in the recorded form is b64(nonce), a full stop, and b64 of psk and expiry sealed under the ticket key."""
    for expires in (EXPIRES, 0, 2**53 - 1):
        psk, key, nonce = random(), random(), random_bytes(12)
        reply = await probe.call(SEAL, psk=psk, expires=expires, key=key, nonce=nonce)
        probe.matches(reply, f"expires {expires}", {"ticket": ticket_for(psk, key, expires, nonce)})


@case(
    "v3/library-resumption/ticket-open",
    "V3-TICKET-11",
    ACCEPTED,
    why=STATELESS,
    cause="only the current key opens, or the first that is tried decides",
    needs=(OPEN,),
)
async def ticket_open(probe: HarnessProbe) -> None:
    """A ticket opens under the current ticket key and under each of the previous ones, wherever it stands among them."""
    psk, key = random(), random()
    ticket = ticket_for(psk, key)
    for note, keys in {
        "the only one": [key],
        "the current one": [key, random(), random()],
        "a previous one": [random(), key, random()],
        "the last one": [random(), random(), random(), key],
    }.items():
        probe.matches(await probe.call(OPEN, ticket=ticket, keys=keys, now=NOW), note, {"psk": psk})
    reply = await probe.call(OPEN, ticket=ticket, keys=[random(), random()], now=NOW)
    probe.matches(reply, "none of them", {"psk": None})


@case(
    "v3/library-resumption/ticket-of-another-node",
    "V3-TICKET-10",
    ACCEPTED,
    why=STATELESS + ", on every node but one",
    cause="something of the node is in the ticket, or in what is authenticated with it",
    needs=(SEAL, OPEN),
)
async def ticket_of_another_node(probe: HarnessProbe) -> None:
    """A ticket that the suite sealed opens, and one of the library is opened by the suite: there is nothing in it but psk and time."""
    psk, key = random(), random()
    reply = await probe.call(OPEN, ticket=ticket_for(psk, key), keys=[key], now=NOW)
    probe.matches(reply, "of the suite", {"psk": psk})
    made = await probe.done(SEAL, psk=psk, expires=EXPIRES, key=key, nonce=random_bytes(12))
    found = opened_ticket(made["ticket"], key)
    probe.ensure(found == {"psk": encode_base64(psk), "exp": EXPIRES}, "of the library: another content, or none")


@case(
    "v3/library-resumption/ticket-expiry",
    "V3-TICKET-12",
    ACCEPTED,
    why=NEVER_ENDS,
    cause="the time is compared with > in place of >=, in seconds, or not at all",
    needs=(OPEN,),
)
async def ticket_expiry(probe: HarnessProbe) -> None:
    """A ticket is good until the millisecond before its expiry, and no more at it, or later."""
    psk, key = random(), random()
    ticket = ticket_for(psk, key, NOW)
    for now in (0, NOW - 600_000, NOW - 1):
        reply = await probe.call(OPEN, ticket=ticket, keys=[key], now=now)
        probe.matches(reply, f"{NOW - now} ms before", {"psk": psk})
    for now in (NOW, NOW + 1, NOW + 999, NOW + 600_000, 2**53 - 1):
        reply = await probe.call(OPEN, ticket=ticket, keys=[key], now=now)
        probe.matches(reply, f"{now - NOW} ms after", {"psk": None})


@case(
    "v3/library-resumption/ticket-altered",
    "V3-TICKET-05",
    ACCEPTED,
    why=OPENED,
    cause="the parts are decoded leniently, or the tag is not compared as a whole",
    needs=(OPEN,),
)
async def ticket_altered(probe: HarnessProbe) -> None:
    """A ticket that was altered anywhere, cut, joined otherwise, or is none at all is not good, and no error."""
    psk, key = random(), random()
    ticket = ticket_for(psk, key)
    nonce, _, sealed = ticket.partition(".")
    other_nonce, _, other_sealed = ticket_for(psk, key).partition(".")

    def swapped(at: int) -> str:
        return ticket[:at] + ("A" if ticket[at] != "A" else "B") + ticket[at + 1 :]

    tickets = {f"character {at}": swapped(at) for at in (0, 8, 17, 40, len(ticket) - 3)}
    tickets |= {
        "cut": ticket[:-4],
        "lengthened": ticket + "AAAA",
        "without the stop": nonce + sealed,
        "two stops": f"{nonce}..{sealed}",
        "a third part": f"{ticket}.{nonce}",
        "parts exchanged": f"{sealed}.{nonce}",
        "the nonce of another": f"{other_nonce}.{sealed}",
        "the seal of another": f"{nonce}.{other_sealed}",
        "a space behind": f"{ticket} ",
        "a line end": f"{ticket}\n",
        "unpadded": ticket.rstrip("=") if ticket.endswith("=") else ticket[:-1],
        "the nonce alone": f"{nonce}.",
        "the seal alone": f".{sealed}",
        "a stop": ".",
        "empty": "",
        "psk in plain": encode_base64(psk),
        "JSON": dump_json({"psk": encode_base64(psk), "exp": EXPIRES}).decode(),
        "beyond ASCII": "\u00e9.\u4e16",
    }
    probe.matches(await probe.call(OPEN, ticket=ticket, keys=[key], now=NOW), "before", {"psk": psk})
    probe.sound()
    for note, wrong in tickets.items():
        probe.matches(await probe.call(OPEN, ticket=wrong, keys=[key], now=NOW), note, {"psk": None})


@case(
    "v3/library-resumption/ticket-of-other-content",
    "V3-TICKET-05",
    ACCEPTED,
    why="an exception that nobody expects takes the server down, or a ticket without an end is good for ever",
    cause="what opens is taken for a ticket",
    needs=(OPEN,),
)
async def ticket_of_other_content(probe: HarnessProbe) -> None:
    """What opens under the ticket key and is no psk of 32 bytes with a time is not good."""
    psk, key = encode_base64(random()), random()
    contents: dict[str, bytes] = {
        "no time": dump_json({"psk": psk}),
        "a time as a text": dump_json({"psk": psk, "exp": str(EXPIRES)}),
        "a time of true": dump_json({"psk": psk, "exp": True}),
        "a time of null": dump_json({"psk": psk, "exp": None}),
        "no psk": dump_json({"exp": EXPIRES}),
        "psk a number": dump_json({"psk": 7, "exp": EXPIRES}),
        "psk of 31 bytes": dump_json({"psk": encode_base64(bytes(31)), "exp": EXPIRES}),
        "psk no base64": dump_json({"psk": "*" * 44, "exp": EXPIRES}),
        "a list": dump_json([psk, EXPIRES]),
        "no JSON": b"psk",
        "nothing": b"",
    }
    for note, content in contents.items():
        n = random_bytes(12)
        ticket = f"{encode_base64(n)}.{encode_base64(REFERENCE.aead_seal(key, n, content))}"
        probe.matches(await probe.call(OPEN, ticket=ticket, keys=[key], now=NOW), note, {"psk": None})
    right = ticket_for(random(), key)
    reply = await probe.call(OPEN, ticket=right, keys=[key], now=NOW)
    probe.ensure(reply.ok and reply["psk"] is not None, "a right one afterwards")


# The client's body, and the server's half


@case(
    "v3/library-resumption/hello",
    "V3-TICKET-02",
    ACCEPTED,
    why=STATELESS,
    cause="a member is named otherwise, or the ticket is decoded and written anew",
    needs=(HELLO,),
)
async def hello(probe: HarnessProbe) -> None:
    """The body that asks to resume has the ticket as it was given, rn, and no key."""
    for ticket in (Resuming().ticket, "t", " a.b ", "\u00e9\U0001f98a", "x" * 3000):
        rn = random()
        reply = await probe.call(HELLO, ticket=ticket, rn=rn)
        same_members(probe, reply, f"{ticket[:8]!a}", {"resume": ticket, "rn": rn})
        keys = {"pk", "pk_kem", "pk_x"} & set(members_of(reply))
        probe.ensure(not keys, f"{', '.join(keys)} in it")


@case(
    "v3/library-resumption/respond",
    "V3-TICKET-03",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="rn and srn are joined in the other order, psk is left out, or ss is the payload key itself",
    needs=(RESPOND,),
)
async def respond(probe: HarnessProbe) -> None:
    """A good ticket is answered with sid, srn and resumed, and the keys are those of psk, rn and srn."""
    for i in range(3):
        made = Resuming()
        await made.resumed(probe, made.hello(), f"resumption {i}")
    made = Resuming()
    await made.resumed(probe, made.hello(), "under a previous key", [random(), random(), made.key])
    for mode in (..., "pqc-only", 7):
        await made.resumed(probe, made.hello(securityMode=mode), f"securityMode {mode!r}")


@case(
    "v3/library-resumption/next-ticket",
    "V3-TICKET-04",
    ACCEPTED,
    why=STATELESS + ", from the second resumption on",
    cause="the new ticket is of a new psk, or is sealed under the key that opened the old one",
    needs=(RESPOND,),
)
async def next_ticket(probe: HarnessProbe) -> None:
    """The new ticket stands for the same psk, and is sealed under the current ticket key, whichever opened the old one."""
    made, current = Resuming(), random()
    for note, keys in {"the same key": [made.key], "the current key": [current, made.key]}.items():
        reply = await made.resumed(probe, made.hello(), note, keys)
        found = opened_ticket(members_of(reply).get("ticket"), keys[0])
        expected = {"psk": encode_base64(made.psk), "exp": EXPIRES}
        probe.ensure(found == expected, f"{note}: the new ticket {'is of another psk' if found else 'does not open'}")


@case(
    "v3/library-resumption/no-key-sent",
    "V3-HS-10",
    ACCEPTED,
    why="who reads the answer can sign, and read",
    cause="the answer is built as that of V1, hmac and all",
    needs=(RESPOND,),
)
async def no_key_sent(probe: HarnessProbe) -> None:
    """The answer to a resumption has no hmac, and neither psk nor a key of the session is in it."""
    made = Resuming()
    reply = await made.resumed(probe, made.hello(), "the resumption")
    probe.ensure("hmac" not in members_of(reply), "hmac in the answer")
    for name, secret in {**made.keys, "psk": made.psk}.items():
        shown = any(form in str(reply.values.get("body")) for form in (encode_base64(secret), secret.hex()))
        probe.ensure(not shown, f"{name} in the answer")


@case(
    "v3/library-resumption/declined",
    "V3-TICKET-05",
    ACCEPTED,
    why=OPENED,
    cause="a ticket that does not open is an error, or a session",
    needs=(RESPOND,),
)
async def declined(probe: HarnessProbe) -> None:
    """A ticket of another key, altered, or no ticket at all is answered 409, and so is one that has expired."""
    made = Resuming()
    right = made.ticket
    tickets = {
        "of another key": ticket_for(made.psk, random()),
        "altered": ("A" if right[0] != "A" else "B") + right[1:],
        "cut": right[:-4],
        "no ticket": "hello",
        "psk itself": encode_base64(made.psk),
        "expired": ticket_for(made.psk, made.key, NOW - 1),
        "expired this millisecond": ticket_for(made.psk, made.key, NOW),
    }
    await made.declined(probe, {note: made.hello(resume=ticket) for note, ticket in tickets.items()})
    await made.declined(probe, {"the right one, later": made.hello()}, now=EXPIRES)


@case(
    "v3/library-resumption/ticket-mistyped",
    "V3-TICKET-06",
    ACCEPTED,
    why="an exception that nobody expects takes the server down",
    cause="the ticket is taken apart without a look at its type",
    needs=(RESPOND,),
)
async def ticket_mistyped(probe: HarnessProbe) -> None:
    """A resume that is the empty text or any other JSON value is answered 409."""
    made = Resuming()
    values: tuple[Any, ...] = ("", None, 7, 0, True, False, [], [made.ticket], {}, {"ticket": made.ticket})
    await made.declined(probe, {f"{value!r}"[:24]: made.hello(resume=value) for value in values})


@case(
    "v3/library-resumption/rn-missing",
    "V3-TICKET-13",
    "ISO-1001",
    "ISO-1002",
    "ISO-6001",
    "ISO-6002",
    why="without the client's part the server alone chooses the keys, the same ones again if it likes",
    cause="an absent rn is the empty one",
    needs=(RESPOND,),
)
async def rn_missing(probe: HarnessProbe) -> None:
    """An rn that is absent, no text or the empty text is refused, beside a ticket that is good."""
    made = Resuming()
    await made.resumed(probe, made.hello(), "the body before it was altered")
    probe.sound()
    values: tuple[Any, ...] = (..., None, "", 7, True, [], list(made.rn), {})
    for value in values:
        note = "absent" if value is ... else f"{value!r}"[:20]
        probe.judge(await made.answered(probe, made.hello(rn=value)), note)


@case(
    "v3/library-resumption/rn-wrong",
    "V3-TICKET-13",
    "ISO-1002",
    "ISO-6002",
    "ISO-1001",
    "ISO-6001",
    why="of another length, or with two texts for one value, the client's part is worth less than it seems",
    cause="the length is not looked at, or the decoder is lenient",
    needs=(RESPOND,),
)
async def rn_wrong(probe: HarnessProbe) -> None:
    """An rn that is not base64, or of another length than 32 bytes, is refused."""
    made = Resuming()
    await made.resumed(probe, made.hello(), "the body before it was altered")
    probe.sound()
    texts = {f"{size} bytes": encode_base64(random_bytes(size)) for size in (1, 16, 31, 33, 64)}
    texts |= {note: "A" * 28 + text for note, text in (GARBAGE | LAX).items()}
    texts["unpadded"] = encode_base64(made.rn).rstrip("=")
    for note, text in texts.items():
        probe.judge(await made.answered(probe, made.hello(rn=text)), note)


@case(
    "v3/library-resumption/keys-beside-it",
    "V3-TICKET-14",
    ACCEPTED,
    why="of two ways to read one handshake, each end could take another one",
    cause="a pk_kem that is there makes it a full handshake, or is checked",
    needs=(RESPOND,),
)
async def keys_beside_it(probe: HarnessProbe) -> None:
    """A pk_kem, pk or pk_x beside resume is not looked at, whatever it is."""
    made, other = Resuming(), Exchange()
    beside: dict[str, dict[str, Any]] = {
        "right keys": {"pk_kem": encode_base64(other.ek), "pk_x": encode_base64(other.pk_x)},
        "a key of V1": {"pk": encode_base64(other.ek)},
        "garbage": {"pk_kem": "garbage!", "pk_x": 7},
        "of low order": {"pk_x": encode_base64(bytes(32))},
    }
    for note, more in beside.items():
        await made.resumed(probe, made.hello(**more), note)


# The client's half


@case(
    "v3/library-resumption/finish",
    "V3-TICKET-03",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="rn and srn are joined in the other order, or the keys of the old session are taken on",
    needs=(FINISH,),
)
async def finish(probe: HarnessProbe) -> None:
    """The keys are those of psk, rn and srn; the new ticket is kept as it is; further members are ignored."""
    for ticket in ("next", " a.b ", "\u00e9"):
        made = Resuming()
        await made.gives(probe, made.answer(ticket=ticket, pk_x_server=7, ct="x", v=4), f"{ticket!a}", ticket)
    made = Resuming()
    for note, value in {"no ticket": ..., "an empty one": ""}.items():
        reply = await made.finished(probe, made.answer(ticket=value))
        probe.matches(reply, note, {"resumed": True, "sid": SID, **made.keys})
        probe.ensure("ticket" not in reply.values, f"{note}: a ticket was made up")


@case(
    "v3/library-resumption/finish-declined",
    "V3-TICKET-08",
    ACCEPTED,
    why="a server that changed its ticket key would have no clients until they begin anew",
    cause="the body of the 409 has to be exactly so, or the status is not looked at",
    needs=(FINISH,),
)
async def finish_declined(probe: HarnessProbe) -> None:
    """A 409 is no session and no error, whatever its body."""
    made = Resuming()
    for body in (b'{"resumed":false}', b"", b"<p>Conflict</p>", made.answer(), b'{"resumed":true}'):
        reply = await made.finished(probe, body, 409)
        probe.matches(reply, f"{body[:20]!r}", {"resumed": False})
        probe.ensure(not {"sid", "enc", "mac"} & set(reply.values), f"{body[:20]!r}: a session of it")


@case(
    "v3/library-resumption/finish-wrong",
    "V3-TICKET-16",
    "ISO-1004",
    why="a client that takes half an answer has keys that nobody else has",
    cause="a member is read without a look whether it is there, or what it is",
    needs=(FINISH,),
)
async def finish_wrong(probe: HarnessProbe) -> None:
    """An answer that is not of the form is refused: resumed not true, sid or srn absent, mistyped, undecodable or of another length."""
    made = Resuming()
    values: tuple[Any, ...] = (..., None, 7, False, [1], {}, "")
    bodies = {
        f"{name} {value!r}": made.answer(**{name: value}) for name in ("sid", "srn", "resumed") for value in values
    }
    bodies |= {"resumed a text": made.answer(resumed="true"), "resumed 1": made.answer(resumed=1)}
    bodies |= {f"srn of {size} bytes": made.answer(srn=encode_base64(bytes(size))) for size in (1, 16, 31, 33, 64)}
    bodies |= {f"srn: {note}": made.answer(srn="A" * 28 + text) for note, text in (GARBAGE | LAX).items()}
    tickets: tuple[Any, ...] = (7, 0, True, False, [], {})
    bodies |= {f"ticket {value!r}": made.answer(ticket=value) for value in tickets}
    bodies |= {f"sid {sid!a}": made.answer(sid=sid) for sid in ("a\r\nb: c", "a\0", "\u00e9", " a ")}
    bodies |= {"a list": b"[]", "cut": made.answer()[:-1], "sid twice": made.answer()[:-1] + b',"sid":"x"}'}
    await made.refused(probe, bodies)


@case(
    "v3/library-resumption/finish-status",
    "V3-TICKET-16",
    "ISO-1004",
    why="a client that goes on after a refusal has no session, and does not know it",
    cause="the status is not looked at, or every refusal counts as a 409",
    needs=(FINISH,),
)
async def finish_status(probe: HarnessProbe) -> None:
    """An answer of another status than 2xx or 409 is refused, however right it looks."""
    made = Resuming()
    await made.gives(probe, made.answer(), "200")
    probe.sound()
    for status in (301, 307, 400, 401, 404, 408, 410, 429, 500, 503):
        probe.judge(await made.finished(probe, made.answer(), status), f"{status}")
        probe.judge(await made.finished(probe, b'{"resumed":false}', status), f"{status}, declining")


@case(
    "v3/library-resumption/finish-hmac",
    "V3-HS-14",
    "ISO-1004",
    why=DOWNGRADE,
    cause="the check is made for full handshakes alone",
    needs=(FINISH,),
)
async def finish_hmac(probe: HarnessProbe) -> None:
    """An answer with a member hmac is refused, whatever it is."""
    made = Resuming()
    values: tuple[Any, ...] = (encode_base64(random()), "", None, 7, False, {})
    await made.refused(probe, {f"{value!r}"[:12]: made.answer(hmac=value) for value in values})

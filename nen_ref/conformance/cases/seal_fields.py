"""Sealed fields and webhooks: sections 5 and 6 of the specification of sealed envelopes."""

from __future__ import annotations

import json
from typing import Any

from nen_ref.conformance.cases.seal_tools import (
    CRASH,
    FORGED,
    NOTHING_OPENS,
    PLAIN,
    Opening,
    Recipient,
    draws,
    new_signer,
    same_body,
    signed,
)
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.seal import seal_to
from nen_ref.protocol.seal_fields import seal_fields
from nen_ref.protocol.seal_signed import signed_text
from nen_ref.protocol.wire import Malformed, decode_base64, parse_json_object
from nen_ref.vectors.suites.seal_tools import spki, text_of, with_bit, without

FIELDS, OPEN_FIELDS = "seal.fields", "seal.open_fields"
WEBHOOK, OPEN_WEBHOOK = "seal.webhook", "seal.open_webhook"
VALUE: dict[str, Any] = {"user": {"ssn": "123", "name": "A"}, "list": [{"s": 1}, {"s": 2}], "id": 1}
VALUES: tuple[Any, ...] = (None, False, 0, "", [], {}, "123", {"b": [1, "2"], "a": None})
NOWHERE = ("missing", "user.missing", "user.name.x", "user.name.0", "id.x", "User.ssn", "list.2", "list.-1", "list.00",
           "list.01", "list.1e0", "list. 1", "list.+1")  # fmt: skip
INHERITED = ("__proto__", "__proto__.polluted", "constructor", "constructor.prototype.x", "user.__proto__", "toString",
             "list.length", "list.__proto__", "list.constructor", "user.name.length")  # fmt: skip
UNREADABLE = (b"", b"{", b'{"a":1,"a":2}', b'"\xff"', b"NaN", b'"\\ud800"', b"\xef\xbb\xbf1", b"[" * 129 + b"]" * 129)


async def sealed_by(probe: HarnessProbe, to: Recipient, value: object, paths: list[str]) -> Any:
    """The reply to a value whose fields at these paths are to be sealed, and what it has to be."""
    drawn = {path: draws() for path in paths}
    reply = await probe.call(FIELDS, ek=to.ek, body=text_of(value), paths=paths, draws=[drawn[path] for path in paths])
    return reply, drawn


def with_ssn(ssn: object) -> dict[str, Any]:
    return {"user": {"ssn": ssn, "name": "A"}}


@case("seal/fields/seal", "SEAL-FLD-01", ACCEPTED, why=NOTHING_OPENS, cause="the mark is missing, the context is not the "
      "path, or a value that is false, empty or null is passed over", needs=(FIELDS,))  # fmt: skip
async def seal(probe: HarnessProbe) -> None:
    """Fields of every kind of JSON are replaced by their envelopes, with the mark and the path as context."""
    to = Recipient()
    values: list[tuple[object, list[str]]] = [({"a": value, "b": 1}, ["a"]) for value in VALUES]
    values += [
        (VALUE, ["user.ssn"]),
        (VALUE, ["list.0.s", "list.1"]),
        (VALUE, ["list", "user"]),
        ([[1], {"a": 2}], ["1.a"]),
    ]
    for value, paths in values:
        reply, drawn = await sealed_by(probe, to, value, paths)
        expected = seal_fields(to.ek, value, {path: (draw["m"], draw["n"]) for path, draw in drawn.items()})
        same_body(probe, reply, f"{', '.join(paths)} of {text_of(value)[:40]}", expected)


@case("seal/fields/open", "SEAL-FLD-02", ACCEPTED, why=NOTHING_OPENS, cause="paths through arrays are read otherwise, or "
      "names are not just names", needs=(OPEN_FIELDS,))  # fmt: skip
async def open_(probe: HarnessProbe) -> None:
    """Sealed fields at the stated paths open where they stand, and all else stays as it is."""
    to = Recipient()
    for value in VALUES:
        body = {"b": 1, "a": to.field(json.dumps(value).encode(), "a")}
        opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=["a"])
        same_body(probe, await opening.ask(body), f"the value {text_of(value)}", {"b": 1, "a": value})
    two = {**VALUE, "list": [{"s": to.field(b"1", "list.0.s")}, to.field(b'{ "s": 2 }', "list.1")]}
    opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=["list.1", "list.0.s"])
    same_body(probe, await opening.ask(two), "an element, and what is inside of another", VALUE)
    for name in ("constructor", "0", "\u00fc"):
        opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=[name])
        same_body(probe, await opening.ask({name: to.field(b"1", name)}), f"a member called {name!a}", {name: 1})
    dotted = {"a.b": 1, "a": {"b": to.field(b"2", "a.b")}}
    opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=["a.b"])
    same_body(probe, await opening.ask(dotted), "a name with a dot beside the path", {"a.b": 1, "a": {"b": 2}})


@case("seal/fields/transplanted", "SEAL-FLD-03", "ISO-4001", why="one field's value is taken for another's: the number of "
      "one user for that of another", cause="the path is taken from ctx", needs=(OPEN_FIELDS,))  # fmt: skip
async def transplanted(probe: HarnessProbe) -> None:
    """A field that was sealed for another path, or none, is refused, also where its ctx was rewritten."""
    to = Recipient()
    opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=["user.ssn"])
    await one_opens(probe, to, opening)
    bodies: dict[str, object] = {}
    for path in ("user.name", "user", "ssn", "user.SSN", "users.0.ssn"):
        other = to.field(b'"999"', path)
        bodies[f"sealed for {path}"] = with_ssn(other)
        bodies[f"sealed for {path}, and ctx rewritten"] = with_ssn({**other, "ctx": "field:user.ssn"})
    for note, context in (("without a context", None), ("for the bare path", "user.ssn")):
        bodies[f"sealed {note}"] = with_ssn({"$nenSealed": True, **to.sealed(b'"999"', context)})
    ssn, name = to.field(b'"123"', "user.ssn"), to.field(b'"A"', "user.name")
    bodies["two fields exchanged"] = {"user": {"ssn": name, "name": ssn}}
    await opening.refuses(bodies)


async def one_opens(probe: HarnessProbe, to: Recipient, opening: Opening) -> None:
    """What is right opens, before what is wrong is refused."""
    body = with_ssn(to.field(b'"123"', "user.ssn"))
    same_body(probe, await opening.ask(body), "what is right", with_ssn("123"))
    probe.sound()


@case("seal/fields/plain", "SEAL-FLD-04", "ISO-6001", why=PLAIN, cause="what is not sealed is passed over",
      needs=(OPEN_FIELDS,))  # fmt: skip
async def plain(probe: HarnessProbe) -> None:
    """What stands in plain, or without its mark, where a sealed field has to be is refused."""
    to = Recipient()
    opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=["user.ssn"])
    await one_opens(probe, to, opening)
    ssn = to.field(b'"123"', "user.ssn")
    values: tuple[Any, ...] = ("123", None, 7, {}, [], [ssn], without(ssn, "$nenSealed"))
    await opening.refuses({f"value {i}: {text_of(value)[:30]}": with_ssn(value) for i, value in enumerate(values)})
    await opening.refuses({f"the mark is {text_of(mark)}": with_ssn({**ssn, "$nenSealed": mark})
                           for mark in (False, 1, "true", None)})  # fmt: skip


@case("seal/fields/not-json", "SEAL-FLD-05", "ISO-4003", why=CRASH, cause="what opens is believed to be JSON",
      needs=(OPEN_FIELDS,))  # fmt: skip
async def not_json(probe: HarnessProbe) -> None:
    """A field that opens to what is no JSON, or what parsers read differently, is refused."""
    to = Recipient()
    opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=["user.ssn"])
    await one_opens(probe, to, opening)
    await opening.refuses({repr(payload[:20]): with_ssn(to.field(payload, "user.ssn")) for payload in UNREADABLE})


@case("seal/fields/paths", "SEAL-FLD-06", "ISO-6001", why="the order in which paths are taken decides what comes out",
      cause="paths are taken one after the other", needs=(FIELDS, OPEN_FIELDS))  # fmt: skip
async def paths(probe: HarnessProbe) -> None:
    """A path with an empty name, and paths that lead into each other, are refused, sealing and opening."""
    to = Recipient()
    opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=["user.ssn"])
    await one_opens(probe, to, opening)
    value = {"": {"": 1}, "user": {"": 1, "ssn": "123"}}
    pairs = (["user", "user.ssn"], ["user.ssn", "user"], ["user.ssn", "user.ssn"])
    for stated in ([""], ["."], ["user."], [".user"], ["user..ssn"], *pairs):
        reply, _ = await sealed_by(probe, to, value, stated)
        probe.judge(reply, f"sealing {', '.join(map(repr, stated))}")
    nested = {"user": to.field(json.dumps({"ssn": to.field(b'"123"', "user.ssn")}).encode(), "user")}
    for stated in (*pairs[:2], [""], ["user..ssn"]):
        await opening.refuses({f"opening {', '.join(map(repr, stated))}": nested}, paths=stated)


@case("seal/fields/nowhere", "SEAL-FLD-07", "ISO-6001", why=PLAIN, cause="a path that is not found is passed over, or an "
      "index is read leniently", needs=(FIELDS, OPEN_FIELDS))  # fmt: skip
async def nowhere(probe: HarnessProbe) -> None:
    """A path that leads nowhere, or into a sealed field, is refused, sealing and opening."""
    to = Recipient()
    opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=["user.ssn"])
    await one_opens(probe, to, opening)
    half = {**VALUE, "user": {"ssn": to.field(b'"123"', "user.ssn"), "name": "A"}}
    for path in (*NOWHERE, "user.ssn.ct"):
        reply, _ = await sealed_by(probe, to, half, [path])
        probe.judge(reply, f"sealing {path}")
        await opening.refuses({f"opening {path}": half}, paths=[path])
    await opening.refuses({"the field is gone": {"user": {"name": "A"}}, "what it stands in is gone": {"id": 1}})


@case("seal/fields/inherited", "SEAL-FLD-07", "ISO-6001", why="the prototype of all objects is changed by a path",
      cause="a path is followed by the language's own access to members", needs=(FIELDS, OPEN_FIELDS))  # fmt: skip
async def inherited(probe: HarnessProbe) -> None:
    """A path along names that objects, arrays and texts inherit in some languages leads nowhere."""
    to = Recipient()
    opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=["user.ssn"])
    await one_opens(probe, to, opening)
    for path in INHERITED:
        reply, _ = await sealed_by(probe, to, VALUE, [path])
        probe.judge(reply, f"sealing {path}")
        await opening.refuses({f"opening {path}": VALUE}, paths=[path])


@case("seal/fields/others", "SEAL-FLD-08", ACCEPTED, why="what is for somebody else keeps a value from being read, or data "
      "is opened as fields", cause="every object with the mark is opened", needs=(OPEN_FIELDS,))  # fmt: skip
async def others(probe: HarnessProbe) -> None:
    """Sealed fields at other paths stay as they are, and so does what a field holds."""
    to, somebody = Recipient(), Recipient()
    opening = Opening(probe, OPEN_FIELDS, dk=to.dk, paths=["a"])
    inner = to.field(b"2", "a")
    bodies: tuple[tuple[str, object, object], ...] = (
        ("for another key", 1, somebody.field(b"3", "b")),
        ("for this key", 1, to.field(b"3", "b")),
        ("marked, and no envelope", 1, {"$nenSealed": True, "v": 9}),
        ("inside of a field", inner, None),
    )
    for note, value, other in bodies:
        body = {"a": to.field(json.dumps(value).encode(), "a"), "b": other}
        same_body(probe, await opening.ask(body), note, {"a": value, "b": other})


# Webhooks

EVENT = "order.created"
HEADERS = {"x-nen-event": EVENT}
ORDER = '{"order":7}'


class Hook:
    """A recipient, a signer, and an opening that expects two kinds of events of him."""

    def __init__(self, probe: HarnessProbe) -> None:
        self.to, self.own, self.stranger = Recipient(), new_signer(), new_signer()
        self.opening = Opening(
            probe, OPEN_WEBHOOK, dk=self.to.dk, headers=HEADERS, signers=[self.own.pk], events=[EVENT, "order.paid"]
        )

    def made(
        self, payload: bytes = ORDER.encode(), context: str | None = f"webhook:{EVENT}", by: Identity | None = None
    ) -> dict[str, Any]:
        return signed(self.to.sealed(payload, context), by or self.own)

    async def first(self) -> None:
        await self.opening.first(self.made(), {"event": EVENT, "payload": ORDER})


@case("seal/webhook/seal", "SEAL-HOOK-01", ACCEPTED, why="no receiver takes what this library sends", cause="another "
      "context, or the header is missing", needs=(WEBHOOK,))  # fmt: skip
async def seal_webhook(probe: HarnessProbe) -> None:
    """A webhook is the signed envelope of its payload with the event as context, and a header that names it."""
    to, seed = Recipient(), random_bytes(32)
    pk, _ = REFERENCE.ml_dsa_65_keygen(seed)
    for event in (EVENT, "x", "a:b", "order created"):
        drawn = draws()
        reply = await probe.call(WEBHOOK, ek=to.ek, signer_seed=seed, event=event, payload=ORDER, **drawn)
        envelope = seal_to(to.ek, ORDER.encode(), context=f"webhook:{event}", **drawn)
        try:
            made = parse_json_object(reply["body"].encode("utf-8", "surrogatepass")) if reply.ok else {}
            sig = decode_base64(str(made.get("sig")))
        except Malformed:
            made, sig = {}, b""
        if same_body(probe, reply, f"the event {event}", {**envelope, "spk": spki(pk), "sig": made.get("sig")}):
            valid = REFERENCE.ml_dsa_65_verify(pk, signed_text(envelope), sig, b"")
            probe.ensure(valid, f"the event {event}: sig is not valid over the text")
            named = {name.lower(): value for name, value in reply["headers"].items()}
            probe.ensure(named.get("x-nen-event") == event, f"x-nen-event is {named.get('x-nen-event')!a}, not {event}")
            json_type = named.get("content-type", "").partition(";")[0] == "application/json"
            probe.ensure(json_type, "content-type is not application/json")


@case("seal/webhook/open", "SEAL-HOOK-01", ACCEPTED, why="webhooks of other implementations are refused", cause="the names "
      "of headers are compared by case, or the payload is written anew", needs=(OPEN_WEBHOOK,))  # fmt: skip
async def open_webhook(probe: HarnessProbe) -> None:
    """Webhooks of expected events open, whatever the case of the header's name."""
    at = Hook(probe)
    await at.opening.opens("an event", at.made(), {"event": EVENT, "payload": ORDER})
    paid, spaced = at.made(context="webhook:order.paid"), ' {"a" : [1, 2]}\n'
    named = {"X-Nen-Event": "order.paid", "Host": "x"}
    await at.opening.opens("another event", paid, {"event": "order.paid", "payload": ORDER}, headers=named)
    colon = at.made(context="webhook:a:b")
    stated: dict[str, Any] = {"headers": {"X-NEN-EVENT": "a:b"}, "events": ["a:b"]}
    await at.opening.opens("an event with a colon", colon, {"event": "a:b", "payload": ORDER}, **stated)
    await at.opening.opens("white space", at.made(spaced.encode()), {"event": EVENT, "payload": spaced})


@case("seal/webhook/unexpected", "SEAL-HOOK-02", "ISO-4001", why="what was sent to another endpoint passes here",
      cause="any event is taken", needs=(OPEN_WEBHOOK,))  # fmt: skip
async def unexpected(probe: HarnessProbe) -> None:
    """An event that is not expected is refused, signed and sealed as it may be."""
    at = Hook(probe)
    await at.first()
    refunded = at.made(context="webhook:order.refunded")
    await at.opening.refuses({"an event that is not expected": refunded}, headers={"x-nen-event": "order.refunded"})
    await at.opening.refuses({"no event is expected": at.made()}, events=[])


@case("seal/webhook/rewritten", "SEAL-HOOK-03", "ISO-4001", why="the application does what the header says: a refund for "
      "an order", cause="the header is not compared with the context", needs=(OPEN_WEBHOOK,))  # fmt: skip
async def rewritten(probe: HarnessProbe) -> None:
    """A header that names another event than the one that was sealed is refused, and so is another context."""
    at = Hook(probe)
    await at.first()
    await at.opening.refuses(
        {"the header names another expected event": at.made()}, headers={"x-nen-event": "order.paid"}
    )
    contexts = (None, EVENT, "webhook:", f"field:{EVENT}", "webhook:order.paid")
    await at.opening.refuses({f"sealed for {context}": at.made(context=context) for context in contexts})
    again = signed({**at.to.sealed(b"{}", "webhook:order.refunded"), "ctx": f"webhook:{EVENT}"}, at.own)
    await at.opening.refuses({"ctx rewritten, and signed again": again})


@case("seal/webhook/no-event", "SEAL-HOOK-04", "ISO-6001", "ISO-4001", why="an event is taken from what is not compared",
      cause="the event is taken from ctx where the header is absent", needs=(OPEN_WEBHOOK,))  # fmt: skip
async def no_event(probe: HarnessProbe) -> None:
    """A webhook without the header, or with an empty one, is refused."""
    at = Hook(probe)
    await at.first()
    for headers in ({}, {"x-nen-event": ""}, {"x-event": EVENT}, {"x_nen_event": EVENT}):
        await at.opening.refuses({f"headers {headers}": at.made()}, headers=headers)


@case("seal/webhook/event-form", "SEAL-HOOK-04", "ISO-6001", why="a line feed in an event makes another header",
      cause="the event is put into the header as it is", needs=(WEBHOOK,))  # fmt: skip
async def event_form(probe: HarnessProbe) -> None:
    """An event that cannot stand in a header is not sent."""
    to, seed = Recipient(), random_bytes(32)
    for event in ("", " ", " x", "x ", "x\ny: 1", "x\r\n", "a\tb", "a\x7f", "\u00fc"):
        reply = await probe.call(WEBHOOK, ek=to.ek, signer_seed=seed, event=event, payload=ORDER, **draws())
        probe.judge(reply, f"the event {event!a}")


@case("seal/webhook/stranger", "SEAL-SIG-02", "ISO-3004", why=FORGED, cause="the key that came along is believed",
      needs=(OPEN_WEBHOOK,))  # fmt: skip
async def stranger(probe: HarnessProbe) -> None:
    """A webhook that somebody else signed, or that was altered, is refused."""
    at = Hook(probe)
    await at.first()
    made = at.made()
    await at.opening.refuses({"a stranger": at.made(by=at.stranger), "ct altered": {**made, "ct": with_bit(made["ct"])},
                              "sig altered": {**made, "sig": with_bit(made["sig"], 60)}})  # fmt: skip
    await at.opening.refuses({"nobody is expected": made}, signers=[])


@case("seal/webhook/unsigned", "SEAL-SIG-03", "ISO-3004", "ISO-6001", why="who takes the signature away is believed",
      cause="a webhook is verified only if it is signed", needs=(OPEN_WEBHOOK,))  # fmt: skip
async def unsigned(probe: HarnessProbe) -> None:
    """A webhook that nobody signed is refused."""
    at = Hook(probe)
    await at.first()
    made = at.made()
    await at.opening.refuses({"unsigned": without(made, "sig", "spk"), "without sig": without(made, "sig")})


@case("seal/webhook/not-json", "SEAL-HOOK-05", "ISO-4003", why=CRASH, cause="what opens is believed to be JSON",
      needs=(OPEN_WEBHOOK,))  # fmt: skip
async def webhook_not_json(probe: HarnessProbe) -> None:
    """A payload that is no JSON, or that parsers read differently, is refused."""
    at = Hook(probe)
    await at.first()
    await at.opening.refuses({repr(payload[:20]): at.made(payload) for payload in UNREADABLE})

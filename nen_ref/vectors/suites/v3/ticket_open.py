"""v3/ticket_open: which texts are tickets, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.alter import flipped
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.v3_tools import NOW, flags

FLAGS = flags(
    "Basic", "Ticket", "Expired", "Rotation",
    Content=Flag("missing check", "what a ticket key sealed, and is no ticket: members that are absent or of another "
                 "type", "the server fails, or resumes from a secret of another length", ("V3-TICKET-05",)),
)  # fmt: skip


class Tickets:
    def __init__(self, draw: Draw) -> None:
        self.key, self.nonce, self.psk = draw("key"), draw("nonce", 12), draw("psk")

    def of(self, text: str, *, key: bytes | None = None) -> str:
        sealed = REFERENCE.aead_seal(key or self.key, self.nonce, text.encode())
        return f"{encode_base64(self.nonce)}.{encode_base64(sealed)}"

    def good(self, *, key: bytes | None = None, expires: int = NOW + 1) -> str:
        return self.of(f'{{"psk":"{encode_base64(self.psk)}","exp":{expires}}}', key=key)


def fixed(draw: Draw, found: Found) -> list[Group]:
    tickets = Tickets(draw)
    own = {"keys": [tickets.key], "now": NOW}
    return [
        Group("how long", tuple(_lives(tickets)), {"keys": [tickets.key]}),
        Group("ticket keys", tuple(_rotations(draw, tickets)), {"now": NOW}),
        Group("texts that are no tickets", tuple(_damaged(draw, tickets)), own),
        Group("what is sealed in them", tuple(_contents(tickets)), own),
    ]


def _lives(tickets: Tickets) -> Iterator[Test]:
    for id, comment, expires, now in (
        ("last-ms", "in its last millisecond", NOW + 1, NOW),
        ("first-ms", "when it was made", NOW + 600_000, NOW),
        ("at-zero", "at the time 0", 1, 0),
    ):
        yield valid(id, comment, {"ticket": tickets.good(expires=expires), "now": now}, "Basic")
    for id, comment, expires, now in (
        ("expired-at-once", "at the millisecond at which it expires", NOW, NOW),
        ("expired-since-1-ms", "a millisecond later", NOW, NOW + 1),
        ("expired-since-ever", "it expires at 0", 0, NOW),
        ("expired-before", "it expires before 1970", -1, 0),
    ):
        yield valid(id, comment, {"ticket": tickets.good(expires=expires), "now": now}, "Expired")


def _rotations(draw: Draw, tickets: Tickets) -> Iterator[Test]:
    new, older = draw("new key"), draw("older key")
    ticket = tickets.good()
    for id, comment, keys in (
        ("current", "its key is the current one", [tickets.key, older]),
        ("previous", "its key is the one before", [new, tickets.key]),
        ("oldest", "its key is the oldest of four", [new, older, draw("third key"), tickets.key]),
        ("twice", "its key stands there twice", [tickets.key, tickets.key]),
    ):
        yield valid(f"key-{id}", comment, {"ticket": ticket, "keys": keys}, "Rotation")
    yield valid("key-gone", "its key is there no more", {"ticket": ticket, "keys": [new, older]}, "Ticket")
    expired = tickets.good(expires=NOW)
    yield valid("key-previous-expired", "its key is the one before, and it has expired",
                {"ticket": expired, "keys": [new, tickets.key]}, "Expired")  # fmt: skip


def _damaged(draw: Draw, tickets: Tickets) -> Iterator[Test]:
    right = tickets.good(expires=NOW + 2)
    nonce, sealed = right.split(".")
    data = REFERENCE.aead_seal(tickets.key, tickets.nonce, b"")
    yield valid("right", "the ticket that the next ones alter", {"ticket": right}, "Basic")
    for id, comment, text in (
        ("empty", "the empty text", ""),
        ("dot", "a dot alone", "."),
        ("no-dot", "without its dot", nonce + sealed),
        ("two-dots", "with two dots", f"{nonce}..{sealed}"),
        ("three-parts", "with a third part", f"{right}.{sealed}"),
        ("colon", "a colon in place of the dot", f"{nonce}:{sealed}"),
        ("nonce-alone", "the nonce alone", f"{nonce}."),
        ("sealed-alone", "without its nonce", f".{sealed}"),
        ("exchanged", "the parts exchanged", f"{sealed}.{nonce}"),
        ("space", "a space behind", right + " "),
        ("line-feed", "a line feed behind", right + "\n"),
        ("url-safe", "in the URL-safe alphabet", right.replace("+", "-").replace("/", "_") + "-"),
        ("unpadded", "without padding", right.rstrip("=") if right.endswith("=") else right + "="),
        ("not-ascii", "a letter beyond ASCII", right[:-1] + "\u00e9"),
        ("nonce-of-11", "a nonce of 11 bytes", f"{encode_base64(tickets.nonce[:11])}.{sealed}"),
        ("nonce-of-13", "a nonce of 13 bytes", f"{encode_base64(tickets.nonce + bytes(1))}.{sealed}"),
        ("nonce-altered", "a bit of the nonce altered", f"{encode_base64(flipped(tickets.nonce))}.{sealed}"),
        ("cut", "the tag cut by a byte", f"{nonce}.{encode_base64(data[:-1])}"),
        ("of-another-key", "of another ticket key", tickets.good(key=draw("another key"))),
        ("sid", "a session id", "3f8a1c52-9be4-4d07-a6d1-5f0e7c2b9a34"),
        ("long", "100 000 characters", "A" * 100_000),
    ):
        yield valid(f"damaged-{id}", comment, {"ticket": text}, "Ticket")


def _contents(tickets: Tickets) -> Iterator[Test]:
    psk = encode_base64(tickets.psk)
    for id, text in (
        ("empty", ""), ("no-json", "{"), ("null", "null"), ("array", f'["{psk}",{NOW + 1}]'),
        ("no-psk", f'{{"exp":{NOW + 1}}}'), ("no-exp", f'{{"psk":"{psk}"}}'),
        ("exp-text", f'{{"psk":"{psk}","exp":"{NOW + 1}"}}'), ("exp-null", f'{{"psk":"{psk}","exp":null}}'),
        ("exp-true", f'{{"psk":"{psk}","exp":true}}'),
        ("psk-number", f'{{"psk":7,"exp":{NOW + 1}}}'), ("psk-garbled", f'{{"psk":"?","exp":{NOW + 1}}}'),
        ("psk-of-31", f'{{"psk":"{encode_base64(tickets.psk[:31])}","exp":{NOW + 1}}}'),
        ("psk-of-33", f'{{"psk":"{encode_base64(tickets.psk + bytes(1))}","exp":{NOW + 1}}}'),
        ("psk-empty", f'{{"psk":"","exp":{NOW + 1}}}'),
        ("psk-twice", f'{{"psk":"{psk}","psk":"{psk}","exp":{NOW + 1}}}'),
    ):  # fmt: skip
        yield valid(f"content-{id}", f"sealed: {id}", {"ticket": tickets.of(text)}, "Content")
    forms = f' {{"exp" : {NOW + 1}, "further": [1], "psk":"{psk}"}} '
    yield valid("content-other-form", "other order, white space, a further member", {"ticket": tickets.of(forms)},
                "Basic")  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    tickets = Tickets(draw)
    given = {"keys": [tickets.key], "now": NOW, "ticket": tickets.good(expires=NOW + 1 + draw.below("life", 600_000))}
    return valid(f"random-{i}", "a drawn ticket", given, "Basic")


SUITE = VectorSuite(
    name="v3/ticket_open",
    title="Opening a ticket",
    operation="v3.ticket_open",
    covers=("V3-TICKET-01", "V3-TICKET-05"),
    flags=FLAGS,
    fixed=fixed,
    notes="`psk` is null for a text that is no ticket, or one no more: that is no error, and answered with 409.",
    random=random,
    count=4,
)

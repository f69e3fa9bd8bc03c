"""v2/request_verification: all steps of a server, the nonce of the request in X-Nen-Nonce."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nen_ref.vectors.alter import flipped
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.body_tools import PAYLOAD, b64, new_sealed
from nen_ref.vectors.suites.handshake_tools import text_of
from nen_ref.vectors.suites.request_tools import NOW, Keys, drawn_keys, signed, with_headers

NONCE = "X-Nen-Nonce"
Json = dict[str, Any]

FLAGS = {
    "Basic": Flag("basic", "requests of every method, with a body and without", "no request passes",
                  ("V2-REQ-01", "V2-REQ-09", "V2-REQ-10")),
    "NonceMissing": Flag("missing check", "no X-Nen-Nonce, or an empty one",
                         "a request without a nonce can be replayed", ("V2-AUTH-01", "V2-AUTH-04")),
    "OtherVersion": Flag("confusion", "a request of V1, whose nonce is in the body",
                         "a request passes whose bodyless form can be replayed", ("V2-AUTH-07",)),
    "NonceUnsigned": Flag("missing check", "the header was altered after it was signed, or signed as V1 does",
                          "a request can be replayed under another nonce", ("V2-AUTH-02",)),
    "Replay": Flag("missing check", "a nonce that the session has used", "a recorded request works again, without a "
                   "body too", ("V2-REPLAY-01",)),
    "Stripped": Flag("edge case", "the body was taken off a signed request: a valid one without",
                     "a server that takes this for covered by the signature acts on what it was not told",
                     ("V2-REQ-09",)),
    "OrderOfChecks": Flag("wrong order", "two faults at once: the first check speaks",
                          "a later check tells an outsider what only the owner should learn", ("V2-AUTH-03",)),
    "Altered": Flag("missing check", "one part of the request altered", "whoever sits between alters requests",
                    ("V1-AUTH-04", "V1-REQ-06")),
}  # fmt: skip

NO_NONCE, SIGNATURE, REPLAY, TAG, WINDOW = ("ISO-3005",), ("ISO-3002",), ("ISO-5001",), ("ISO-4001",), ("ISO-3003",)
EMPTY = ("ISO-3005", "ISO-3002", "ISO-6001", "ISO-6002")  # V2-AUTH-04
PROTOCOLS = ("v2", "v3")


class Requests:
    """Right requests of one session, each with a nonce of its own."""

    def __init__(self, keys: Keys, draw: Draw) -> None:
        self.keys, self.draw = keys, draw

    def sealed(self, label: str, method: str = "POST", **how: Any) -> Json:
        sealed = new_sealed(self.keys.secret, self.draw, label, PAYLOAD)
        return self._named(signed(self.keys, text_of({"ct": b64(sealed.ct)}), b64(sealed.n), method=method, **how),
                           b64(sealed.n))  # fmt: skip

    def bodyless(self, label: str, method: str = "GET", **how: Any) -> Json:
        nonce = b64(self.draw(f"{label}/n", 12))
        return self._named(signed(self.keys, None, nonce, method=method, **how), nonce)

    def _named(self, request: Json, nonce: str) -> Json:
        return request | {"headers": request["headers"] | {NONCE: nonce}}


def nonce_of(request: Json) -> str:
    text: str = request["headers"][NONCE]
    return text


def with_nonce(request: Json, text: str | None) -> Json:
    headers = {name: value for name, value in request["headers"].items() if name != NONCE}
    return request | {"headers": headers if text is None else headers | {NONCE: text}}


def fixed(draw: Draw, found: Found) -> list[Group]:
    keys = drawn_keys(draw)
    requests = Requests(keys, draw)
    return [
        Group(f"{name} under {protocol}", tuple(make(requests.__class__(keys, draw.under(protocol)), protocol)),
              {"session": keys.as_input(), "now": NOW, "protocol": protocol})
        for protocol in PROTOCOLS
        for name, make in (("sound requests", _sound), ("nonces", _nonces), ("replays", _replays), ("order", _order))
    ]  # fmt: skip


def _given(request: Json, *used: bytes) -> Json:
    return {"request": request, "used_nonces": list(used)}


def _sound(requests: Requests, protocol: str) -> Iterator[Test]:
    for method in ("POST", "PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS"):
        id = f"{protocol}-{method.lower()}"
        yield valid(f"{id}-body", f"{method} with a body", _given(requests.sealed(id, method)), "Basic")
        yield valid(f"{id}-bodyless", f"{method} without", _given(requests.bodyless(f"{id}/no", method)), "Basic")
    stripped = requests.sealed("stripped") | {"body": None}
    yield valid(f"{protocol}-stripped", "the body was taken off", _given(stripped), "Stripped")
    yield valid(f"{protocol}-header-case", "the names of headers in lower case", _given(
        (sent := requests.sealed("case")) | {"headers": {name.lower(): text for name, text in sent["headers"].items()}}
    ), "Basic")  # fmt: skip


def _nonces(requests: Requests, protocol: str) -> Iterator[Test]:
    for kind, sent in (("body", requests.sealed("nonces")), ("bodyless", requests.bodyless("nonces/no"))):
        id, said = f"{protocol}-{kind}", "a body there" if kind == "body" else "and no body"
        other = b64(bytes(12))
        yield invalid(
            f"{id}-no-nonce",
            f"without the header, {said}",
            _given(with_nonce(sent, None)),
            "NonceMissing",
            codes=NO_NONCE,
        )
        yield invalid(
            f"{id}-empty-nonce",
            f"the header is empty, {said}",
            _given(with_nonce(sent, "")),
            "NonceMissing",
            codes=EMPTY,
        )
        yield invalid(
            f"{id}-other-nonce",
            f"another nonce in the header, {said}",
            _given(with_nonce(sent, other)),
            "NonceUnsigned",
            codes=SIGNATURE,
        )
        over_nothing = signed(requests.keys, sent["body"], "", method=sent["method"])
        yield invalid(f"{id}-signed-over-nothing", f"signed over an empty NONCE, {said}",
                      _given(with_nonce(over_nothing, nonce_of(sent))), "NonceUnsigned", codes=SIGNATURE)  # fmt: skip
    sealed = new_sealed(requests.keys.secret, requests.draw, "v1")
    of_v1 = signed(requests.keys, sealed.text(), b64(sealed.n))
    yield invalid(f"{protocol}-of-v1", "a request of V1", _given(of_v1), "OtherVersion", codes=NO_NONCE)
    without = signed(requests.keys, None, "", method="GET")
    yield invalid(
        f"{protocol}-of-v1-bodyless", "a request of V1 without a body", _given(without), "OtherVersion", codes=NO_NONCE
    )
    moved = with_nonce(of_v1, b64(sealed.n))
    yield valid(f"{protocol}-of-v1-with-header", "a body of V1, its nonce in the header too: n is a further member",
                _given(moved), "Basic")  # fmt: skip
    altered = requests.sealed("altered")
    for name, text in (("method", {"method": "PUT"}), ("target", {"target": "/api/other"})):
        yield invalid(
            f"{protocol}-{name}-altered", f"the {name} altered", _given(altered | text), "Altered", codes=SIGNATURE
        )
    other_body = requests.sealed("other")["body"]
    yield invalid(
        f"{protocol}-body-exchanged",
        "the body of another request",
        _given(altered | {"body": other_body}),
        "Altered",
        codes=TAG,
    )
    added = requests.bodyless("added", "POST") | {"body": other_body}
    yield invalid(f"{protocol}-body-added", "the body of another request on one without", _given(added), "Altered",
                  codes=TAG)  # fmt: skip


def _replays(requests: Requests, protocol: str) -> Iterator[Test]:
    for kind, sent in (("body", requests.sealed("replays")), ("bodyless", requests.bodyless("replays/no"))):
        n = requests.draw("replays/n", 12) if kind == "body" else requests.draw("replays/no/n", 12)
        yield invalid(
            f"{protocol}-replay-{kind}", f"its nonce was used, {kind}", _given(sent, n), "Replay", codes=REPLAY
        )
        yield valid(f"{protocol}-near-replay-{kind}", f"a nonce was used that differs in one bit, {kind}",
                    _given(sent, flipped(n)), "Basic")  # fmt: skip


def _order(requests: Requests, protocol: str) -> Iterator[Test]:
    sent = requests.sealed("order")
    n = requests.draw("order/n", 12)
    stale = requests.sealed("stale", timestamp=str(NOW - 30_001))
    unsigned = with_headers(sent, signature=None)
    for id, comment, request, codes, used in (
        (
            "no-nonce-and-no-signature",
            "neither nonce nor signature",
            with_nonce(unsigned, None),
            NO_NONCE,
            (),
        ),
        (
            "no-nonce-and-wrong-body",
            "no nonce, and a body that is none",
            with_nonce(sent | {"body": "{}"}, None),
            NO_NONCE,
            (),
        ),
        (
            "wrong-body-and-signature",
            "a body that is none, and no signature",
            unsigned | {"body": "{}"},
            ("ISO-6001",),
            (),
        ),
        (
            "wrong-signature-and-replay",
            "a wrong signature, and a nonce that was used",
            with_headers(sent, signature=b64(bytes(32))),
            SIGNATURE,
            (n,),
        ),
        ("stale-and-replay", "too old, and a nonce that was used", stale, WINDOW, (requests.draw("stale/n", 12),)),
        (
            "replay-and-damaged",
            "a nonce that was used, and a body that does not open",
            sent | {"body": requests.sealed("order/other")["body"]},
            REPLAY,
            (n,),
        ),
    ):
        yield invalid(f"{protocol}-{id}", comment, _given(request, *used), "OrderOfChecks", codes=codes)


def random(draw: Draw, i: int) -> Test:
    keys = drawn_keys(draw)
    sent = Requests(keys, draw).sealed("sent") if i % 2 else Requests(keys, draw).bodyless("sent")
    shared = {"session": keys.as_input(), "now": NOW, "protocol": PROTOCOLS[i // 2 % 2]}
    return valid(f"random-{i}", "a drawn request", shared | _given(sent), "Basic")


SUITE = VectorSuite(
    name="v2/request_verification",
    title="Verifying a request, its nonce in a header",
    operation="request.verify",
    covers=("V2-REQ-01", "V2-AUTH-02", "V2-AUTH-03"),
    flags=FLAGS,
    fixed=fixed,
    notes="V3 verifies requests as V2 does: the vectors stand here once for each, `secret` and `hmac_key` being k_enc "
    "and k_mac of V3.",
    random=random,
    count=8,
)

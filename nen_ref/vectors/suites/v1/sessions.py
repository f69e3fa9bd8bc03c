"""v1/sessions: whole sessions from first byte to last, told step by step.

Each step is one operation of one side; what it is given comes out of the steps before it. A step that says `attacker`
takes what an attacker on the way made of it. `used_nonces` is what the server of the story has recorded by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from nen_ref.protocol.messages import ROTATE_PATH
from nen_ref.protocol.session import WINDOW_MS
from nen_ref.protocol.wire import decode_base64, dump_json, encode_base64
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite
from nen_ref.vectors.suites.session_tools import Keys, Sent, Story, altered_ct, nonce_of

FLAGS = {
    "Basic": Flag("basic", "a session as it goes when nobody disturbs it", "the two sides cannot talk"),
    "Streams": Flag("basic", "streams among other requests", "the two sides cannot talk", ("V1-STR-02", "V1-STR-05")),
    "Bodyless": Flag(
        "edge case",
        "requests without a body: the canonical string ends in a line feed and an empty NONCE",
        "such requests are refused, or pass without a signature",
        ("V1-REQ-09", "V1-AUTH-05"),
    ),
    "Identity": Flag(
        "basic", "a handshake with an ML-DSA-65 identity, step by step", "identities are not proven", ("V1-ID-01",)
    ),
    "IdentityReplayed": Flag(
        "missing check",
        "a proof of identity out of one handshake is put into another, with another ek",
        "an attacker who saw one handshake makes sessions in the name of its client",
        ("V1-ID-01",),
    ),
    "Paths": Flag(
        "confusion",
        "the path is signed as it stands on the wire: escapes, dots and empty segments stay, the query is left out",
        "the two sides sign two strings; or two paths have one signature",
        ("V1-AUTH-05", "V1-AUTH-06"),
    ),
    "TwoSessions": Flag(
        "confusion",
        "two sessions at the same time, with a nonce that both use",
        "keys or nonces are kept in one place for all: requests are refused at random, or read by others",
        ("V1-LIFE-10", "V1-REPLAY-05"),
    ),
    "OtherSession": Flag(
        "confusion",
        "what was sealed or signed under one session comes under another",
        "one client acts for another, or reads what belongs to it",
        ("V1-LIFE-10",),
    ),
    "Replayed": Flag(
        "missing check",
        "a request that passed comes again",
        "a recorded request runs as often as an attacker likes",
        ("V1-REPLAY-01",),
    ),
    "SessionGone": Flag(
        "missing check",
        "a request under a session that the server has dropped",
        "who holds old keys holds them for ever",
        ("V1-AUTH-02", "V1-LIFE-03", "V1-LIFE-06"),
    ),
    "Rotated": Flag(
        "confusion",
        "after a rotation there are new keys and a new session id, and the old ones prove nothing",
        "a rotation that changes only a part of the keys",
        ("V1-LIFE-04", "V1-LIFE-10"),
    ),
    "Window": Flag(
        "missing check",
        "clocks that differ by 30 000 ms, which passes, and by one more, which does not",
        "old requests pass, or those of clients whose clock is a little wrong do not",
        ("V1-AUTH-07",),
    ),
    "Tampered": Flag(
        "missing check",
        "an attacker changes a signed part of a request on its way",
        "the server does what its client did not ask for",
        ("V1-AUTH-04",),
    ),
    "Unsigned": Flag(
        "missing check",
        "an attacker takes the signature away",
        "requests go back to unauthenticated ones",
        ("V1-AUTH-03",),
    ),
    "NonceKept": Flag(
        "wrong order",
        "a request that was refused before the replay step has spent nothing: the right one still passes",
        "whoever sees a request on its way burns its nonce before it arrives",
        ("V1-REPLAY-04", "V1-AUTH-10"),
    ),
    "NonceSpent": Flag(
        "wrong order",
        "a request that failed to open has spent its nonce: the right one is refused after it",
        "an attacker tries ciphertexts under one signature as often as they like",
        ("V1-REPLAY-03", "V1-AUTH-10"),
    ),
    "AnswerTampered": Flag(
        "missing check",
        "an attacker changes the answer",
        "the client reads what the server did not say",
        ("V1-RES-07",),
    ),
    "AnswerNonce": Flag(
        "missing check",
        "the server draws the nonce of the request for its answer, and has to draw again",
        "two texts under one key and nonce: their XOR is in the open, and tags can be forged",
        ("V1-RES-02",),
    ),
    "StreamCut": Flag(
        "missing check",
        "the connection ends before the stream does",
        "a long answer becomes a short one, and nobody notices",
        ("V1-STR-09",),
    ),
    "StreamsMixed": Flag(
        "confusion",
        "an event of one stream of the session is put into another",
        "an attacker makes one answer out of two",
        ("V1-STR-03", "V1-STR-10"),
    ),
}


def one_exchange(story: Story) -> None:
    story.exchange(story.handshake(), "POST", "/api/echo", '{"text":"hello"}', '{"text":"HELLO"}')


def long_session(story: Story) -> None:
    keys = story.handshake()
    story.exchange(keys, "POST", "/api/login", '{"user":"ada","password":"correct horse"}', '{"ok":true}')
    story.exchange(keys, "GET", "/api/items?page=2", None, '[{"id":1},{"id":2}]')
    sent = story.asks(keys, "POST", "/api/chat", '{"prompt":"count to three"}')
    story.passes(keys, sent)
    base_nonce, events = story.streams(keys, ["one, ", "two, ", "three"])
    story.reads(keys, base_nonce, events)
    story.exchange(keys, "PUT", "/api/items/2", '{"name":"Z\\u00fcrich"}', "null")
    story.exchange(keys, "DELETE", "/api/items/2", None, '{"deleted":2}')


def bodyless(story: Story) -> None:
    keys = story.handshake()
    sent = story.asks(keys, "GET", "/api/items", None)
    story.passes(keys, sent)
    story.answers(keys, sent, "[]")
    story.later(WINDOW_MS)
    story.passes(keys, sent, "attacker sends it again: without a nonce it passes while its timestamp does")
    other = replace(sent, target="/api/secrets")
    story.fails(keys, other, "ISO-3002", "attacker sends it with another path, inside of the window")
    story.later(1)
    story.fails(keys, sent, "ISO-3003", "attacker sends it once more, out of the window by one millisecond")


def stream_without_body(story: Story) -> None:
    keys = story.handshake()
    sent = story.asks(keys, "GET", "/api/stream", None)
    story.passes(keys, sent)
    base_nonce, events = story.streams(keys, ["Gr\u00fc\u00dfe, ", "", "\u4e16\u754c\n"])
    whole = b"".join(events)
    story.reads(keys, base_nonce, [whole[:7], whole[7:50], whole[50:]])


def with_identity(story: Story) -> None:
    d, z, body = identity_hello(story)
    keys = story.finish("client", story.respond(body), d, z)
    story.exchange(keys, "POST", "/api/echo", '{"text":"it is me"}', '{"welcome":true}')


def identity_hello(story: Story) -> tuple[bytes, bytes, str]:
    d, z, xi = story.fresh("d"), story.fresh("z"), story.fresh("xi")
    ek = story.does("client: a key pair for this handshake", "ml_kem_768.keygen", d=d, z=z)["ek"]
    pk, sk = story.does("client: its identity, out of a seed that it keeps", "ml_dsa_65.keygen", xi=xi).values()
    given = {"sk": sk, "message": ek, "rnd": story.fresh("rnd")}
    signature = story.does("client: signs the raw 1184 bytes of ek", "ml_dsa_65.sign", **given)["signature"]
    spki = story.does("client: its public key as it goes over the wire", "spki.encode", pk=pk)["spki"]
    return d, z, hello_of(ek, spki, signature)


def hello_of(ek: bytes, spki: bytes, signature: bytes) -> str:
    named = {"pk": ek, "sigPk": spki, "sigOfPk": signature}
    return dump_json({name: encode_base64(value) for name, value in named.items()}).decode()


def identity_replayed(story: Story) -> None:
    d, z, body = identity_hello(story)
    story.finish("client", story.respond(body), d, z)
    seeds = {"d": story.fresh("d"), "z": story.fresh("z")}
    own = story.does("attacker: a key pair of their own", "ml_kem_768.keygen", **seeds)["ek"]
    theirs = body.removeprefix('{"pk":"').partition('"')[0]
    given = {"m": story.fresh("m"), "hmac_key": story.fresh("hmac_key"), "sid": story.session_id()}
    comment = "server: refuses the identity of the client beside the attacker's ek"
    story.refuses(comment, "ISO-3004", "handshake.respond", body=body.replace(theirs, encode_base64(own)), **given)


def paths(story: Story) -> None:
    keys = story.handshake()
    for target in (
        "/api/caf%C3%A9",
        "/api/a%2Fb/%41",
        "/api/a//b/./../c",
        "/api/\u4e16\u754c",
        "/api/x%20y/?q=a%26b&r=/",
    ):
        sent = story.asks(keys, "POST", target, '{"a":1}')
        story.passes(keys, sent)
    sent = story.asks(keys, "POST", "/api/a?from=1", '{"a":1}')
    story.passes(
        keys, replace(sent, target="/api/a?from=2"), "attacker changed the query, which is not signed: it passes"
    )
    for target, changed, says in (
        ("/api/caf%C3%A9", "/api/caf%c3%a9", "escapes in lower case"),
        ("/api/a%2Fb", "/api/a/b", "an escape decoded"),
        ("/api/b/../a", "/api/a", "dots resolved"),
        ("/api//a", "/api/a", "an empty segment left out"),
        ("/api/a", "/api/a/", "a slash added"),
    ):
        sent = story.asks(keys, "POST", target, '{"a":1}')
        story.fails(
            keys,
            replace(sent, target=changed),
            "ISO-3002",
            f"server: refuses the request as a proxy passed it on: {says}",
        )


def two_sessions(story: Story) -> None:
    ada, bob = story.handshake("ada"), story.handshake("bob")
    n = story.fresh("n", 12)
    asked = story.asks(ada, "POST", "/api/mail", '{"to":"bob"}', n=n, who="ada")
    also = story.asks(bob, "POST", "/api/mail", '{"to":"ada"}', n=n, who="bob, by chance under the same nonce")
    story.passes(ada, asked)
    story.passes(bob, also, "server: the nonce is new in this session; all nine checks pass")
    for_bob = story.sealed_answer(bob, also, '{"sent":"to ada"}')
    for_ada = story.sealed_answer(ada, asked, '{"sent":"to bob"}')
    story.does("ada: opens her answer", "payload.open", secret=ada.secret, body=for_ada)
    story.does("bob: opens his answer", "payload.open", secret=bob.secret, body=for_bob)


def of_another_session(story: Story) -> None:
    ada, bob = story.handshake("ada"), story.handshake("bob")
    sent = story.asks(ada, "POST", "/api/mail", '{"to":"bob"}', who="ada")
    moved = replace(sent, headers={**sent.headers, "X-Nen-Session": bob.sid})
    story.fails(bob, moved, "ISO-3002", "server: refuses ada's request under the session id of bob")
    story.passes(ada, sent)
    body = story.sealed_answer(ada, sent, '{"sent":true}')
    story.refuses("bob: does not open the answer to ada", "ISO-4001", "payload.open", secret=bob.secret, body=body)
    sent = story.asks(bob, "GET", "/api/stream", None, who="bob")
    story.passes(bob, sent)
    base_nonce, events = story.streams(bob, ["for bob"])
    given = {"secret": ada.secret, "base_nonce": base_nonce, "pieces": events}
    story.refuses("ada: does not open the stream of bob", "ISO-4001", "stream.open", **given)


def replayed(story: Story) -> None:
    keys = story.handshake()
    sent = story.exchange(keys, "POST", "/api/pay", '{"amount":100}', '{"paid":100}')
    story.fails(keys, sent, "ISO-5001", "attacker sends the request again: its nonce is used")
    story.exchange(keys, "POST", "/api/pay", '{"amount":100}', '{"paid":200}')
    story.fails(keys, sent, "ISO-5001", "attacker sends it again after another request")
    story.later(2 * WINDOW_MS)
    story.fails(
        keys, sent, "ISO-3003", "attacker sends it when its timestamp is old: the window comes before the nonce"
    )


def session_gone(story: Story) -> None:
    keys = story.handshake()
    story.exchange(keys, "POST", "/api/echo", '{"a":1}', '{"a":1}')
    story.later(3_600_000)
    sent = story.asks(keys, "POST", "/api/echo", '{"a":2}')
    story.fails(keys, sent, "ISO-2002", "server: the hour of the session is over", gone=True)
    fresh = story.handshake()
    story.exchange(fresh, "POST", "/api/echo", '{"a":2}', '{"a":2}')


def rotated(story: Story) -> None:
    old = story.handshake()
    story.exchange(old, "POST", "/api/echo", '{"a":1}', '{"a":1}')
    late = story.asks(old, "POST", "/api/echo", '{"a":2}')
    new = story.handshake(path=ROTATE_PATH)
    story.fails(
        old, late, "ISO-2002", "server: the old session is gone, and with it a request that was on its way", gone=True
    )
    mixed = replace(late, headers={**late.headers, "X-Nen-Session": new.sid})
    story.fails(new, mixed, "ISO-3002", "server: the signature of the old keys proves nothing under the new session id")
    half = Keys(new.sid, old.secret, new.hmac_key)
    sent = story.asks(half, "POST", "/api/echo", '{"a":3}', who="client that kept its old secret by mistake")
    story.fails(new, sent, "ISO-4001", "server: what was sealed under the old secret does not open")
    story.exchange(new, "POST", "/api/echo", '{"a":4}', '{"a":4}')


def window(story: Story) -> None:
    keys = story.handshake()
    for clock, says in ((-WINDOW_MS, "behind"), (WINDOW_MS, "ahead of")):
        sent = story.asks(
            keys, "POST", "/api/echo", '{"a":1}', clock=clock, who=f"client, its clock 30 000 ms {says} the server's"
        )
        story.passes(keys, sent)
    for clock, says in ((-WINDOW_MS - 1, "behind"), (WINDOW_MS + 1, "ahead of")):
        n = story.fresh("n", 12)
        sent = story.asks(
            keys,
            "POST",
            "/api/echo",
            '{"a":1}',
            clock=clock,
            n=n,
            who=f"client, its clock 30 001 ms {says} the server's",
        )
        story.fails(keys, sent, "ISO-3003", "server: out of the window")
        again = story.asks(keys, "POST", "/api/echo", '{"a":1}', n=n, who="client, its clock put right")
        story.passes(keys, again, "server: the refused request has not spent the nonce; all nine checks pass")


def tampered(story: Story) -> None:
    keys = story.handshake()
    sent = story.asks(keys, "POST", "/api/pay", '{"amount":100}')
    n = nonce_of(sent)
    late = str(story.now + 1)
    turned = (sent.body or "").replace(encode_base64(n), encode_base64(flipped_bit(n, 11)))
    changes: Sequence[tuple[str, str, Sent]] = (
        ("ISO-3002", "changed the path", replace(sent, target="/api/refund")),
        ("ISO-3002", "changed the method", replace(sent, method="PUT")),
        ("ISO-3002", "changed the timestamp", replace(sent, headers={**sent.headers, "X-Nen-Timestamp": late})),
        ("ISO-3002", "changed the nonce", replace(sent, body=turned)),
        ("ISO-3002", "changed a bit of the signature", replace(sent, headers={**sent.headers, **signature_of(sent)})),
        ("ISO-3002", "took the body away", replace(sent, body=None)),
        ("ISO-6001", "took the last byte of the body away", replace(sent, body=(sent.body or "")[:-1])),
    )
    for code, what, changed in changes:
        story.fails(keys, changed, code, f"server: refuses the request; an attacker {what}")
    story.passes(keys, sent, "server: the right request arrives after all of them, its nonce is still new, and passes")
    story.answers(keys, sent, '{"paid":100}')


def signature_of(sent: Sent) -> Mapping[str, str]:
    """Its signature with one bit changed."""
    right = decode_base64(sent.headers["X-Nen-Signature"])
    return {"X-Nen-Signature": encode_base64(flipped_bit(right, -1))}


def unsigned(story: Story) -> None:
    keys = story.handshake()
    sent = story.asks(keys, "POST", "/api/pay", '{"amount":100}')
    bare = {name: value for name, value in sent.headers.items() if name != "X-Nen-Signature"}
    story.fails(
        keys,
        replace(sent, headers=bare),
        "ISO-3001",
        "server: refuses the request; an attacker took its signature away",
    )
    bare = {name: value for name, value in sent.headers.items() if name != "X-Nen-Session"}
    story.fails(
        keys, replace(sent, headers=bare), "ISO-2003", "server: refuses the request; an attacker took its session away"
    )
    story.passes(keys, sent, "server: the right request arrives, its nonce is still new, and passes")


def nonce_spent(story: Story) -> None:
    keys = story.handshake()
    sent = story.asks(keys, "POST", "/api/pay", '{"amount":100}')
    changed = replace(sent, body=altered_ct(sent.body or ""))
    story.fails(
        keys,
        changed,
        "ISO-4001",
        "server: the signature does not cover ct; an attacker changed a bit of it, and it does not open",
    )
    story.fails(keys, sent, "ISO-5001", "server: the right request arrives after it: its nonce is spent")
    again = story.asks(keys, "POST", "/api/pay", '{"amount":100}', who="client, once more, under a fresh nonce")
    story.passes(keys, again)
    story.answers(keys, again, '{"paid":100}')
    text = story.asks(keys, "POST", "/api/pay", "a hundred", who="client with a fault")
    story.fails(keys, text, "ISO-4003", "server: the payload opens and is not JSON")
    story.fails(keys, text, "ISO-5001", "server: that request again: its nonce is spent")


def answer_tampered(story: Story) -> None:
    keys = story.handshake()
    first = story.asks(keys, "POST", "/api/a", '{"a":1}')
    story.passes(keys, first)
    given = {"secret": keys.secret, "request_n": nonce_of(first), "n": nonce_of(first), "payload": '{"b":1}'}
    story.refuses(
        "server: draws the nonce of the request by a fault of its generator; nothing is sealed",
        "ISO-4002",
        "response.seal",
        **given,
    )
    body = story.sealed_answer(keys, first, '{"b":1}')
    for code, says, changed in (
        ("ISO-4001", "a bit of ct is changed", altered_ct(body)),
        ("ISO-6001", "the end of the body is missing", body[:-1]),
        ("ISO-6001", "it is not sealed", '{"b":1}'),
    ):
        story.refuses(
            f"client: refuses the answer as an attacker sent it: {says}",
            code,
            "payload.open",
            secret=keys.secret,
            body=changed,
        )
    story.does("client: opens the answer as the server sent it", "payload.open", secret=keys.secret, body=body)


def streams_attacked(story: Story) -> None:
    keys = story.handshake()
    streams = []
    for prompt, chunks in (('{"q":"first"}', ["yes, ", "always"]), ('{"q":"second"}', ["no, ", "never"])):
        sent = story.asks(keys, "POST", "/api/chat", prompt)
        story.passes(keys, sent)
        streams.append(story.streams(keys, chunks))
    (first_nonce, first), (second_nonce, second) = streams
    own = {"secret": keys.secret, "base_nonce": first_nonce}
    story.refuses(
        "client: the connection ends after the first event; its text was handed out",
        "ISO-7002",
        "stream.open",
        pieces=first[:1],
        **own,
    )
    story.refuses(
        "client: the connection ends inside of the final event",
        "ISO-7002",
        "stream.open",
        pieces=[*first[:2], first[2][:-1]],
        **own,
    )
    mixed = [first[0], second[1], first[2]]
    story.refuses(
        "client: an attacker put in the second event of the other stream",
        "ISO-4001",
        "stream.open",
        pieces=mixed,
        **own,
    )
    swapped = [first[1], first[0], first[2]]
    story.refuses(
        "client: an attacker exchanged the first two events", "ISO-4001", "stream.open", pieces=swapped, **own
    )
    story.refuses("client: an attacker exchanged the two base nonces", "ISO-4001", "stream.open", pieces=second, **own)
    story.reads(keys, first_nonce, first)
    story.reads(keys, second_nonce, second)


@dataclass(frozen=True)
class Told:
    """A story, and what its vector says about it."""

    id: str
    comment: str
    tell: Callable[[Story], None]
    flags: tuple[str, ...]
    covers: tuple[str, ...] = ()


UNDISTURBED = (
    Told(
        "one-exchange", "a handshake, one request and its answer", one_exchange, ("Basic",), ("V1-HS-01", "V1-RES-01")
    ),
    Told(
        "long",
        "requests with and without a body, and a stream among them",
        long_session,
        ("Basic", "Streams", "Bodyless"),
    ),
    Told(
        "stream-without-body",
        "a stream asked for with GET, in pieces cut anywhere",
        stream_without_body,
        ("Streams", "Bodyless"),
        ("V1-STR-14",),
    ),
    Told("identity", "a handshake with an identity, and a request", with_identity, ("Identity",), ("V1-ID-02",)),
    Told("two-sessions", "two sessions side by side that use the same nonce", two_sessions, ("TwoSessions",)),
)

DISTURBED = (
    Told(
        "identity-replayed",
        "an attacker uses the proof of identity of another handshake",
        identity_replayed,
        ("Identity", "IdentityReplayed"),
    ),
    Told(
        "bodyless",
        "a request without a body, sent again inside and outside of the window",
        bodyless,
        ("Bodyless", "Window", "Tampered"),
    ),
    Told("paths", "paths of all kinds, and what must not be made of them on the way", paths, ("Paths", "Tampered")),
    Told(
        "other-session",
        "a request, an answer and a stream come under another session",
        of_another_session,
        ("OtherSession",),
    ),
    Told("replayed", "a request that passed comes again, and again when it is old", replayed, ("Replayed", "Window")),
    Told(
        "session-gone", "a request after the hour of its session, then a new handshake", session_gone, ("SessionGone",)
    ),
    Told(
        "rotated",
        "a rotation, and requests under the old keys after it",
        rotated,
        ("Rotated", "SessionGone", "OtherSession"),
    ),
    Told("window", "clocks that differ, on both edges of the window", window, ("Window", "NonceKept")),
    Told("tampered", "every signed part of a request changed, then the right one", tampered, ("Tampered", "NonceKept")),
    Told(
        "unsigned",
        "headers taken away from a request, then the right one",
        unsigned,
        ("Unsigned", "NonceKept"),
        ("V1-AUTH-01",),
    ),
    Told(
        "nonce-spent",
        "a ciphertext changed under a right signature, then the right request",
        nonce_spent,
        ("NonceSpent", "Replayed"),
    ),
    Told(
        "answer-tampered",
        "an answer under the nonce of its request, and answers changed on the way",
        answer_tampered,
        ("AnswerTampered", "AnswerNonce"),
        ("V1-RES-03",),
    ),
    Told(
        "streams-attacked",
        "two streams of one session, cut and mixed",
        streams_attacked,
        ("Streams", "StreamCut", "StreamsMixed"),
    ),
)


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group("sessions that nobody disturbs", tuple(vector(draw, told) for told in UNDISTURBED)),
        Group("sessions in which something is refused", tuple(vector(draw, told) for told in DISTURBED)),
    ]


def vector(draw: Draw, told: Told) -> Test:
    story = Story(draw.under(told.id))
    told.tell(story)
    return Test(told.id, told.comment, {}, told.flags, None, told.covers, tuple(story.steps))


SUITE = VectorSuite(
    name="v1/sessions",
    title="Whole sessions",
    notes="What a server has kept is an input of each step: `used_nonces`, and `session`, null where it is gone. "
    "Whether an implementation keeps them rightly shows when the steps are played against its server.",
    operation="steps",
    covers=("V1-HS-01", "V1-AUTH-10", "V1-LIFE-10"),
    flags=FLAGS,
    fixed=fixed,
)

"""Error bodies, and a server that goes on serving: section 10 of the specification."""

from __future__ import annotations

import json
import random

from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.peer import Answer, Draft
from nen_ref.conformance.probe import Probe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.raw import raw_exchange
from nen_ref.conformance.registry import case
from nen_ref.protocol.messages import HANDSHAKE_PATH, ROTATE_PATH, SIGNATURE_HEADER, STATUS_PATH, TERMINATE_PATH
from nen_ref.protocol.wire import encode_base64

LEAK = "what helps the developer helps the attacker: hints, stack traces and expected values belong in the log"
STAYS_UP = "one malformed request would end the service for everyone"


async def refusals(probe: Probe) -> dict[str, Answer]:
    """One refusal for each of seven codes."""
    session = await probe.session()
    used = probe.draft(session)
    await probe.send(used, session)
    return {
        "ISO-1001": await probe.handshake(),
        "ISO-2002": await probe.send(probe.draft(session).with_header("x-nen-session", "unknown")),
        "ISO-2003": await probe.send(Draft("POST", probe.target.echo)),
        "ISO-3001": await probe.send(probe.draft(session).without(SIGNATURE_HEADER)),
        "ISO-3002": await probe.send(probe.draft(session, key=bytes(32))),
        "ISO-3003": await probe.send(probe.draft(session, timestamp=0)),
        "ISO-4001": await probe.send(probe.draft(session).with_members(ct=encode_base64(random_bytes(40)))),
        "ISO-5001": await probe.send(used),
        "ISO-6001": await probe.send(probe.draft(session, body=b"[]")),
    }


@case(
    "v1/error/body",
    "V1-ERR-01",
    REFUSED,
    why="clients act on the code: handshake again, send again, give up",
    cause="errors are texts, or have another layout for some routes",
)
async def body(probe: Probe) -> None:
    """Refusals of nine kinds have the body {"error": {"code", "message"}}, both texts, as application/json."""
    for code, answer in (await refusals(probe)).items():
        probe.judge(answer, code)
        try:
            error = json.loads(answer.body)["error"]
            right = isinstance(error["code"], str) and isinstance(error["message"], str) and bool(error["message"])
        except (ValueError, KeyError, TypeError):
            right = False
        probe.ensure(right, f"{code}: " + ("a right body" if right else f"body {answer.body[:60]!r}"))
        kind = answer.headers.get("content-type", "absent")
        probe.ensure(kind.startswith("application/json"), f"{code}: content-type {kind}")


@case(
    "v1/error/codes-and-statuses",
    "V1-ERR-01",
    REFUSED,
    why="clients and proxies act on the status before they see the code",
    cause="all errors share one status",
)
async def codes_and_statuses(probe: Probe) -> None:
    """Refusals of nine kinds carry their code with its status."""
    for code, answer in (await refusals(probe)).items():
        probe.judge(answer, code)
        probe.ensure(answer.outcome == code, f"{code} expected: {answer.describe()}")


@case(
    "v1/error/message-is-constant",
    "V1-ERR-02",
    REFUSED,
    why=LEAK,
    cause="the exception's text is put into the message",
    level="hardening",
)
async def message_is_constant(probe: Probe) -> None:
    """Two different causes of one code have the same message."""
    session = await probe.session()
    pairs = {
        "ISO-3002": (
            await probe.send(probe.draft(session, key=bytes(32))),
            await probe.send(probe.draft(session, signed={"path": "/elsewhere"})),
        ),
        "ISO-6001": (
            await probe.send(probe.draft(session, body=b"[]")),
            await probe.send(probe.draft(session, body=b"{}")),
        ),
        "ISO-1002": (
            await probe.handshake_with_key(encode_base64(bytes(1183))),
            await probe.handshake_with_key(encode_base64(b"\xff" * 1184)),
        ),
    }
    for code, (first, second) in pairs.items():
        probe.judge(first, code)
        probe.ensure(
            first.body == second.body, f"{code}: " + ("one message" if first.body == second.body else "two messages")
        )


@case(
    "v1/error/nothing-leaks",
    "V1-ERR-02",
    REFUSED,
    why=LEAK,
    cause="hint, detail or stack are sent along with the error",
)
async def nothing_leaks(probe: Probe) -> None:
    """No refusal holds a stack trace, a hint, a key, a session id, an expected signature or the request itself."""
    session = await probe.session()
    draft = probe.draft(session, key=bytes(32))
    right = probe.draft(session)
    answers = {
        **await refusals(probe),
        "with a marker": await probe.send(draft.with_header(SIGNATURE_HEADER, "marker-7f3a"), session),
    }
    secrets = [
        session.sid.encode(),
        encode_base64(session.keys.mac).encode(),
        encode_base64(session.keys.enc).encode(),
        right.header(SIGNATURE_HEADER).encode(),
        b"marker-7f3a",
    ]
    traces = (b"Traceback", b"    at ", b"node_modules", b'.py"', b"stack", b"hint", b"detail", b"Exception")
    for code, answer in answers.items():
        probe.judge(answer, code)
        found = [word for word in (*traces, *secrets) if word in answer.body]
        probe.ensure(not found, f"{code}: " + (f"{len(found)} things that do not belong there" if found else "nothing"))
        members = set(json.loads(answer.body).get("error", {})) if answer.code else set()
        probe.ensure(members <= {"code", "message"}, f"{code}: further members {sorted(members - {'code', 'message'})}")


@case(
    "v1/error/odd-methods-on-endpoints",
    "V1-LIFE-12",
    REFUSED,
    why=STAYS_UP,
    cause="an endpoint reached with another method fails inside",
)
async def odd_methods_on_endpoints(probe: Probe) -> None:
    """The endpoints reached with the wrong method are refused, without a server error."""
    for method, path in (
        ("GET", HANDSHAKE_PATH),
        ("PUT", HANDSHAKE_PATH),
        ("DELETE", ROTATE_PATH),
        ("GET", TERMINATE_PATH),
        ("POST", STATUS_PATH),
    ):
        answer = await probe.send(Draft(method, path))
        probe.judge(answer, f"{method} {path}")
        probe.ensure(answer.status < 500, f"{method} {path}: {answer.describe()}")


@case(
    "v1/error/random-bodies",
    "V1-ERR-03",
    REFUSED,
    why=STAYS_UP,
    cause="an exception of a parser or decoder is not caught",
)
async def random_bodies(probe: Probe) -> None:
    """Sixty random and half-right bodies are refused without ISO-9000, and the session works afterwards."""
    session = await probe.session()
    source = random.Random(7)
    frames = [b'{"ct":%s,"n":%s}', b'{"pk":%s,"sigPk":%s}', b"[%s,%s]", b"{%s:%s}"]
    values = [
        b'""',
        b"null",
        b"-0",
        b"1e-9999",
        b'"\\u0000"',
        b'"\\ud83d"',
        b"{}",
        b"[[[]]]",
        b'"AAAA"',
        b'"====="',
        b"\xff",
        b"tru",
    ]
    for i in range(60):
        noise = source.choice(frames) % (source.choice(values), source.choice(values))
        if i % 3 == 0:
            noise = source.randbytes(source.randrange(1, 200))
        for note, answer in (
            ("request", await probe.send(probe.draft(session, body=noise), session)),
            ("handshake", await probe.handshake_bytes(noise)),
        ):
            probe.judge(answer, f"{note} {noise[:20]!r}")
            probe.ensure(answer.code != "ISO-9000", f"{note} {noise[:40]!r}: {answer.describe()}")
    probe.accepted(await probe.echo(session), "the session afterwards")


@case(
    "v1/error/odd-paths",
    "V1-ERR-03",
    REFUSED,
    why=STAYS_UP,
    cause="a path is decoded without catching what cannot be decoded",
)
async def odd_paths(probe: Probe) -> None:
    """Paths with broken escapes, dots, double slashes and nulls do not cause a server error."""
    session = await probe.session()
    for target in (
        "/api/%zz",
        "/api/%",
        "/api/%ff%fe",
        "//",
        "/api/../api/x",
        "/api/%2e%2e/x",
        "/%00",
        "/api/x;v=1",
        "/api/" + "a" * 4000,
    ):
        answer = await probe.send(session.draft("POST", target), session)
        probe.judge(answer, target[:20])
        probe.ensure(answer.code != "ISO-9000", f"{target[:20]}: {answer.describe()}")
    probe.accepted(await probe.echo(session), "the session afterwards")


@case(
    "v1/error/body-cut-short",
    "V1-ERR-03",
    ACCEPTED,
    why=STAYS_UP,
    cause="a body that never ends keeps a worker, or spends the nonce",
)
async def body_cut_short(probe: Probe) -> None:
    """A connection that breaks in the middle of a body spends nothing and disturbs nobody."""
    session = await probe.session()
    draft = probe.draft(session)
    assert draft.body is not None
    for _ in range(5):
        await raw_exchange(probe.target.url, draft, draft.body[:20], cut=True)
    probe.judge(await probe.send(draft, session), "the whole request afterwards")


@case(
    "v1/error/body-slow",
    "V1-ERR-03",
    ACCEPTED,
    why=STAYS_UP,
    cause="slow bodies are read by a worker that serves nobody else meanwhile",
)
async def body_slow(probe: Probe) -> None:
    """A body that arrives in small pieces is accepted, and others are served meanwhile."""
    session = await probe.session()
    draft = probe.draft(session)
    assert draft.body is not None
    others: list[Answer] = []

    async def meanwhile() -> None:
        others.append(await probe.echo(session))

    raw = await raw_exchange(probe.target.url, draft, draft.body, pieces=8, between=meanwhile)
    answer = session.read(*raw) if raw else Answer(trouble="no HTTP answer")
    probe.judge(answer, "in eight pieces")
    for other in others:
        probe.accepted(other, "another request meanwhile")

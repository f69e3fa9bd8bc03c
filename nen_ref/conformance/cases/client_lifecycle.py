"""The life of a session, 401s and endings: section 9 of the specification, on the client's side."""

from __future__ import annotations

from nen_ref.conformance.cases.client_handshake import HANDSHAKE, REQUEST, SEVERAL
from nen_ref.conformance.client_probe import ClientProbe
from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.registry import case
from nen_ref.conformance.scripted import Response, as_it_should, error_response, json_response
from nen_ref.protocol.errors import CATALOGUE, SESSION_INVALID_OR_EXPIRED
from nen_ref.protocol.messages import ROTATE_PATH, SESSION_HEADER, STATUS_PATH, TERMINATE_PATH, TIMESTAMP_HEADER

STATUS = (*REQUEST, "client.status")
ROTATE = (*REQUEST, "client.rotate")
TERMINATE = (*REQUEST, "client.terminate")

RECOVER = "a server that restarts, or a session that expires, would stop its clients for ever"
STORM = "one confused server turns all its clients into a flood of handshakes"
OUTLIVES = "keys that nobody needs any more lie about for whoever finds them"


@case(
    "v1/client-lifecycle/one-401",
    "V1-LIFE-07",
    ACCEPTED,
    needs=REQUEST,
    why=RECOVER,
    cause="the 401 is handed to the caller",
)
async def one_401(probe: ClientProbe) -> None:
    """A request of a session that the server has lost is sent once more under a new session, and succeeds."""
    client = await probe.established()
    probe.gave(await client.echo(1), "before", payload={"method": "POST", "body": 1})
    probe.server.forget_sessions()
    reply = await client.echo(2)
    probe.judge(reply)
    probe.gave(reply, "after the server forgot it", payload={"method": "POST", "body": 2})
    probe.count("handshakes", len(probe.server.handshakes), 2)
    probe.count("requests", len(probe.server.requests), 3)
    probe.gave(await client.echo(3), "the next request", payload={"method": "POST", "body": 3})
    probe.count("handshakes in the end", len(probe.server.handshakes), 2)


@case(
    "v1/client-lifecycle/retry-is-fresh",
    "V1-LIFE-07",
    ACCEPTED,
    needs=REQUEST,
    why="the old bytes are worth nothing under the new session, and a nonce that comes twice may give away both",
    cause="the request is sent again as it was built",
)
async def retry_is_fresh(probe: ClientProbe) -> None:
    """The retry is sealed and signed anew: another session, another nonce, and right by the specification."""
    client = await probe.established()
    probe.server.forget_sessions()
    probe.judge(await client.echo("hello"))
    if len(probe.server.requests) == 2:
        first, second = probe.server.requests
        probe.ensure(first.n != second.n, "the nonce of the retry is the old one" if first.n == second.n else "new n")
        same = first.headers.get(SESSION_HEADER) == second.headers.get(SESSION_HEADER)
        probe.ensure(not same, f"the session of the retry is {'the old one' if same else 'new'}")
        probe.ensure(bool(second.headers.get(TIMESTAMP_HEADER)), "a timestamp")
        probe.right_requests("the retry", [second])
    else:
        probe.count("requests", len(probe.server.requests), 2)


@case(
    "v1/client-lifecycle/401-for-ever",
    "V1-LIFE-07",
    REFUSED,
    needs=REQUEST,
    why=STORM,
    cause="the retry calls the function that retries",
)
async def for_ever_401(probe: ClientProbe) -> None:
    """A server that answers every request 401 sees the request twice, one new handshake, and no more."""
    for code in ("ISO-2002", "ISO-3002", "ISO-3003"):
        probe.server.on_request = as_it_should
        client = await probe.established()
        requests, handshakes = len(probe.server.requests), len(probe.server.handshakes)
        probe.server.on_request = lambda seen, code=code: error_response(CATALOGUE[code])
        reply = await client.echo(code)
        probe.judge(reply, code)
        probe.count(f"requests for {code}", len(probe.server.requests) - requests, 2)
        probe.count(f"handshakes for {code}", len(probe.server.handshakes) - handshakes, 1)


@case(
    "v1/client-lifecycle/401-without-a-code",
    "V1-LIFE-07",
    REFUSED,
    ACCEPTED,
    needs=REQUEST,
    why=STORM,
    cause="only 401s with an ISO code are counted",
)
async def without_a_code_401(probe: ClientProbe) -> None:
    """A bare 401, of a proxy perhaps, leads to at most one new handshake and one retry too."""
    client = await probe.established()
    probe.server.on_request = lambda seen: Response(401, (("content-type", "text/plain"),), (b"no",))
    reply = await client.echo("hello")
    probe.judge(reply)
    probe.ensure(not reply.ok or reply["status"] == 401, "a 401 became a success")
    probe.count("requests", len(probe.server.requests), range(1, 3))
    probe.count("handshakes", len(probe.server.handshakes), range(1, 3))


@case(
    "v1/client-lifecycle/401-and-no-new-session",
    "V1-LIFE-07",
    REFUSED,
    needs=REQUEST,
    why=STORM,
    cause="the handshake of the retry is retried as well",
)
async def and_no_new_session_401(probe: ClientProbe) -> None:
    """Where the new handshake is refused too, the client stops with an error, and the request is not sent again."""
    client = await probe.established()
    probe.server.forget_sessions()
    probe.server.on_handshake = lambda seen: Response(503)
    probe.judge(await client.echo("hello"))
    probe.count("requests", len(probe.server.requests), 1)
    probe.count("handshakes", len(probe.server.handshakes), range(2, 2 + SEVERAL))


@case(
    "v1/client-lifecycle/401-on-a-stream",
    "V1-LIFE-07",
    ACCEPTED,
    needs=(*HANDSHAKE, "client.stream"),
    why=RECOVER,
    cause="only requests are retried",
)
async def on_a_stream_401(probe: ClientProbe) -> None:
    """A stream of a session that the server has lost is asked for once more under a new session, and read."""
    client = await probe.established()
    probe.server.forget_sessions()
    reply = await client.chunks("a", "b")
    probe.judge(reply)
    probe.gave(reply, "the stream", text="ab")
    probe.count("requests", len(probe.server.requests), 2)
    probe.count("handshakes", len(probe.server.handshakes), 2)


@case(
    "v1/client-lifecycle/401-for-ever-on-a-stream",
    "V1-LIFE-07",
    REFUSED,
    needs=(*HANDSHAKE, "client.stream"),
    why=STORM,
    cause="the retry calls the function that retries",
)
async def for_ever_on_a_stream_401(probe: ClientProbe) -> None:
    """A server that answers every stream 401 sees two requests and one new handshake."""
    client = await probe.established()
    probe.server.on_request = lambda seen: error_response(SESSION_INVALID_OR_EXPIRED)
    probe.judge(await client.chunks("a"))
    probe.count("requests", len(probe.server.requests), 2)
    probe.count("handshakes", len(probe.server.handshakes), 2)


@case(
    "v1/client-lifecycle/other-refusals-not-retried",
    "V1-LIFE-07",
    REFUSED,
    needs=REQUEST,
    why="a payment is made twice",
    cause="every failure is retried",
)
async def other_refusals_not_retried(probe: ClientProbe) -> None:
    """A request refused with 400, 403, 409, 500 or 503 is sent once, and the session stays."""
    client = await probe.established()
    for code in ("ISO-4001", "ISO-5001", "ISO-9000", "ISO-1003"):
        probe.server.on_request = lambda seen, code=code: error_response(CATALOGUE[code])
        before = len(probe.server.requests)
        probe.judge(await client.echo(code), code)
        probe.count(f"requests for {code}", len(probe.server.requests) - before, 1)
    probe.count("handshakes", len(probe.server.handshakes), 1)


@case(
    "v1/client-lifecycle/sealed-401",
    "V1-LIFE-11",
    ACCEPTED,
    needs=REQUEST,
    why="a wrong password is tried twice, and the handler runs twice",
    cause="the status alone decides",
)
async def sealed_401(probe: ClientProbe) -> None:
    """A 401 that is sealed is the handler's: it is opened, and the request is not sent again."""
    client = await probe.established()
    probe.server.on_request = lambda seen: seen.sealed({"detail": "wrong password"}, status=401)
    reply = await client.echo("hello")
    probe.judge(reply)
    probe.gave(reply, "the answer", status=401, payload={"detail": "wrong password"})
    probe.count("requests", len(probe.server.requests), 1)
    probe.count("handshakes", len(probe.server.handshakes), 1)


@case(
    "v1/client-lifecycle/status",
    "V1-LIFE-01",
    ACCEPTED,
    needs=STATUS,
    why="applications ask before they show what needs a session",
    cause="any 200 is true, or a 401 becomes an exception",
)
async def status(probe: ClientProbe) -> None:
    """Status is true for a live session and false for one that the server has lost; its id goes in the header."""
    client = await probe.established()
    sid = next(iter(probe.server.sessions))
    reply = await client.status()
    probe.judge(reply, "a live session")
    probe.gave(reply, "a live session", valid=True)
    asked = [seen for seen in probe.server.seen if seen.path == STATUS_PATH]
    probe.ensure(
        [(s.method, s.headers.get(SESSION_HEADER)) for s in asked] == [("GET", sid)], f"{len(asked)} questions"
    )
    probe.server.forget_sessions()
    probe.gave(await client.status(), "a lost session", valid=False)


@case(
    "v1/client-lifecycle/terminate",
    "V1-LIFE-08",
    ACCEPTED,
    also=("ISO-2001",),
    needs=TERMINATE,
    why=OUTLIVES,
    cause="only the server is told, or only the client forgets",
)
async def terminate(probe: ClientProbe) -> None:
    """Terminate tells the server which session ends, and a later request does not use its keys again."""
    client = await probe.established()
    sid = next(iter(probe.server.sessions))
    probe.judge(await client.terminate())
    told = [seen for seen in probe.server.seen if seen.path == TERMINATE_PATH]
    probe.ensure(
        [(s.method, s.headers.get(SESSION_HEADER)) for s in told] == [("POST", sid)], f"told {len(told)} times"
    )
    probe.ensure(sid not in probe.server.sessions, "the server was not told")
    reply = await client.echo("hello")
    probe.ensure(reply.ok or reply.code == "ISO-2001", f"a request afterwards: {reply.describe()}")
    used = any(seen.headers.get(SESSION_HEADER) == sid for seen in probe.server.requests)
    probe.ensure(not used, f"the ended session is {'used again' if used else 'not used again'}")


@case(
    "v1/client-lifecycle/terminate-and-no-answer",
    "V1-LIFE-08",
    ACCEPTED,
    REFUSED,
    needs=TERMINATE,
    why=OUTLIVES,
    cause="the keys are cleared when the answer has come",
)
async def terminate_and_no_answer(probe: ClientProbe) -> None:
    """Terminate clears the client's keys also where the server fails."""
    client = await probe.established()
    sid = next(iter(probe.server.sessions))
    probe.server.on_plain = lambda seen: Response(503)
    probe.judge(await client.terminate())
    reply = await client.echo("hello")
    probe.ensure(reply.ok or reply.code == "ISO-2001", f"a request afterwards: {reply.describe()}")
    used = any(seen.headers.get(SESSION_HEADER) == sid for seen in probe.server.requests)
    probe.ensure(not used, f"the ended session is {'used again' if used else 'not used again'}")


@case(
    "v1/client-lifecycle/handshake-after-terminate",
    "V1-LIFE-08",
    ACCEPTED,
    needs=TERMINATE,
    why="a client that cannot begin again has to be thrown away",
    cause="the end is a state that nothing leaves",
)
async def handshake_after_terminate(probe: ClientProbe) -> None:
    """After terminate, a handshake makes a session that works."""
    client = await probe.established()
    reply = await client.terminate()
    probe.ensure(reply.ok, f"terminate: {reply.describe()}")
    probe.judge(await client.handshake())
    probe.gave(await client.echo("x"), "a request", payload={"method": "POST", "body": "x"})
    probe.right_requests("under the new session")


@case(
    "v1/client-lifecycle/rotate",
    "V1-LIFE-04",
    ACCEPTED,
    needs=ROTATE,
    why="a key that is never changed protects the past with the present",
    cause="rotation is a plain handshake, so that the old session lives on",
)
async def rotate(probe: ClientProbe) -> None:
    """Rotate posts a new key with the id of the old session, and everything after it goes under the new one."""
    client = await probe.established()
    old = next(iter(probe.server.sessions))
    probe.judge(await client.rotate())
    asked = [seen for seen in probe.server.handshakes if seen.path == ROTATE_PATH]
    probe.ensure([s.headers.get(SESSION_HEADER) for s in asked] == [old], f"{len(asked)} rotations of the old session")
    probe.gave(await client.echo("x"), "a request", payload={"method": "POST", "body": "x"})
    probe.right_requests("under the new session")
    used = any(seen.headers.get(SESSION_HEADER) == old for seen in probe.server.requests)
    probe.ensure(not used, f"the old session is {'used' if used else 'not used'}")


@case(
    "v1/client-lifecycle/rotate-refused",
    "V1-HS-13",
    "ISO-1004",
    needs=ROTATE,
    why="keys of one session under the id of another: nothing opens any more",
    cause="the old session is replaced before the answer is checked",
)
async def rotate_refused(probe: ClientProbe) -> None:
    """A rotation answered badly is ISO-1004; a request afterwards goes under the old session, or a new one."""
    client = await probe.established()
    for answer in (Response(503), json_response({"sid": "s"}), json_response(b"[]")):
        probe.server.on_handshake = lambda seen, answer=answer: answer
        probe.judge(await client.rotate(), f"{answer.status} {answer.body.decode()[:20]}")
    probe.server.on_handshake = as_it_should
    probe.gave(await client.echo("x"), "a request", payload={"method": "POST", "body": "x"})
    probe.right_requests("afterwards")


@case(
    "v1/client-lifecycle/lost-again-and-again",
    "V1-LIFE-07",
    ACCEPTED,
    needs=REQUEST,
    why=RECOVER,
    cause="a counter of retries is never set back",
)
async def lost_again_and_again(probe: ClientProbe) -> None:
    """A server that loses the session five times, with requests between, is followed each time."""
    client = await probe.established()
    for i in range(5):
        probe.server.forget_sessions()
        probe.gave(await client.echo(i), f"loss {i}", payload={"method": "POST", "body": i})
        reply = await client.echo("between")
        probe.judge(reply, f"after loss {i}")
    probe.count("handshakes", len(probe.server.handshakes), 6)

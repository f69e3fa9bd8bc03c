"""What every session store promises, as tests for any store. V1-STORE-01, V1-STORE-02, V1-REPLAY-02, V1-REPLAY-06.

    from nen_ref.testing.store_suite import StoreSuite

    class TestMyStore(StoreSuite):
        def open_store(self, max_nonces): return MyStore(max_nonces=max_nonces)

Lives and windows pass in real time, for the store's own clock and TTL. The suite takes session ids of its own, so that
the store need not be empty. How many sessions a store holds, and what its faults look like, is for its own tests.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.verification import FOREVER, NonceAnswer
from nen_ref.stores.interface import SessionStore

NEW, USED, NO_SESSION = NonceAnswer.NEW, NonceAnswer.USED, NonceAnswer.NO_SESSION
LIFE = 600_000  # ms; longer than any test takes
SHORT = 600  # ms; time enough to ask a few questions on a busy machine
MARGIN = 60  # ms after which what was to end has ended
MANY = 100_000
IDENTITY = bytes(range(256)) * 7 + bytes(160)  # 1952 bytes, as an ML-DSA-65 public key

T = TypeVar("T")

# Of an id with aB1 and é in it; each is taken for the same text somewhere.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "lower case": str.lower,
    "swapped case": str.swapcase,
    "a space behind": lambda sid: sid + " ",
    "a space before": lambda sid: " " + sid,
    "a NUL behind": lambda sid: sid + "\x00",
    "a line break behind": lambda sid: sid + "\n",
    "compatible letters": lambda sid: sid.replace("a", "\xaa").replace("1", "\xb9"),  # NFKC makes them a and 1 again
    "a letter composed of two": lambda sid: sid.replace("\xe9", "e\u0301"),
    "without the accent": lambda sid: sid.replace("\xe9", "e"),
    "escaped as in a URL": lambda sid: sid.replace("a", "%61"),
}


def a_session(name: str = "", *, identity: bytes | None = None) -> Session:
    """A session with an id and keys that no other has."""
    enc, mac = (uuid.uuid4().bytes + uuid.uuid4().bytes for _ in range(2))
    return Session(f"{name}{uuid.uuid4()}", SessionKeys(enc, mac), now(), identity)


def now() -> int:
    return time.time_ns() // 1_000_000


async def pause(ms: int) -> None:
    await asyncio.sleep(ms / 1000)


async def together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """The results of coroutines that begin in the same moment."""
    start = asyncio.Event()

    async def one(part: Coroutine[Any, Any, T]) -> T:
        await start.wait()
        return await part

    running = [asyncio.create_task(one(part)) for part in work]
    await asyncio.sleep(0)
    start.set()
    return await asyncio.gather(*running)


def shows(text: str, key: bytes) -> bool:
    """Whether eight successive bytes of `key` stand in `text`, as hex, base64 or the text of bytes."""
    parts = [key[i : i + 9] for i in range(len(key) - 8)]
    return any(
        part[:8].hex() in text.lower() or base64.b64encode(part).decode() in text or repr(part[:8])[2:-1] in text
        for part in parts
    )


class StoreSuite:
    """Inherit, name the class Test..., and say how to open a store.

    `shared = True` for a store that several servers share: two stores of `open_store` then hold the same sessions.
    `examples` is the number of sequences that the model tries, `tasks` how many do the same thing at once.
    """

    shared = False
    examples = 40
    tasks = 200

    def open_store(self, max_nonces: int) -> SessionStore:
        """A store that takes `max_nonces` nonces for each session. It is called, and used, within an event loop.

        If it has a method `aclose`, that is awaited at the end.
        """
        raise NotImplementedError("open_store: which store?")

    @asynccontextmanager
    async def opened(self, max_nonces: int = MANY) -> AsyncIterator[SessionStore]:
        store = self.open_store(max_nonces)
        try:
            yield store
        finally:
            if hasattr(store, "aclose"):
                await store.aclose()

    def run(self, check: Callable[[SessionStore], Awaitable[T]], max_nonces: int = MANY) -> T:
        """Run `check` with a store, in an event loop of its own."""

        async def with_store() -> T:
            async with self.opened(max_nonces) as store:
                return await check(store)

        return asyncio.run(with_store())

    def model_settings(self) -> settings:
        """How long the model looks, and whether it searches for a shorter sequence when it has found one."""
        return settings(
            max_examples=self.examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )

    # Sessions ------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("identity", [None, IDENTITY], ids=["anonymous", "with an identity"])
    def test_a_session_is_kept(self, identity: bytes | None) -> None:
        async def check(store: SessionStore) -> None:
            one, other = a_session(identity=identity), a_session()
            await store.set(one, LIFE)
            await store.set(other, LIFE)
            assert await store.get(one.sid) == one
            assert await store.get(other.sid) == other
            assert await store.exists(one.sid) is True

        self.run(check)

    def test_an_unknown_session_is_none(self) -> None:
        async def check(store: SessionStore) -> None:
            sid = a_session().sid
            assert await store.get(sid) is None
            assert await store.exists(sid) is False
            assert await store.delete(sid) is False
            assert await store.record_nonce(sid, b"n" * 12, FOREVER) is NO_SESSION
            assert await store.get(sid) is None

        self.run(check)

    @pytest.mark.parametrize(
        "sid",
        ["", " ", "a b", "a\tb\r\nc", "a\x00b", "é\xff\xa0", "*", "[a-z]", "{a}b", "a:b", "%61", "'\"\\", "x" * 60_000],
        ids=lambda sid: ascii(sid)[:20],
    )
    def test_whatever_a_client_sends_as_a_session_id_is_one(self, sid: str) -> None:
        """It is any text of a header: no pattern, no second name of another session."""

        async def check(store: SessionStore) -> None:
            odd = Session(sid, a_session().keys, now())
            near = Session(sid + "a", a_session().keys, now())
            await store.delete(sid)
            await store.set(near, LIFE)
            assert await store.get(sid) is None
            assert await store.record_nonce(sid, b"n" * 12, FOREVER) is NO_SESSION
            await store.set(odd, LIFE)
            assert await store.get(sid) == odd
            assert await store.record_nonce(sid, b"n" * 12, FOREVER) is NEW
            assert await store.delete(sid) is True
            assert await store.get(sid) is None
            assert await store.get(near.sid) == near
            await store.delete(near.sid)

        self.run(check)

    @pytest.mark.parametrize("respell", SPELLINGS.values(), ids=SPELLINGS.keys())
    def test_another_spelling_of_a_session_id_is_no_name_of_the_session(self, respell: Callable[[str], str]) -> None:
        """As to a column that compares without case: nonces kept by the text that came would let replays through."""

        async def check(store: SessionStore) -> None:
            session = a_session("aB1\xe9-")
            other = respell(session.sid)
            assert other != session.sid
            await store.set(session, LIFE)
            assert await store.record_nonce(session.sid, b"n" * 12, FOREVER) is NEW
            assert await store.get(other) is None
            assert await store.exists(other) is False
            assert await store.record_nonce(other, b"n" * 12, FOREVER) is NO_SESSION
            assert await store.delete(other) is False
            assert await store.get(session.sid) == session
            assert await store.record_nonce(session.sid, b"n" * 12, FOREVER) is USED

        self.run(check)

    def test_a_deleted_session_is_gone_with_its_nonces(self) -> None:
        """V1-LIFE-02."""

        async def check(store: SessionStore) -> None:
            one, other = a_session(), a_session()
            await store.set(one, LIFE)
            await store.set(other, LIFE)
            assert await store.record_nonce(one.sid, b"n" * 12, FOREVER) is NEW
            assert await store.delete(one.sid) is True
            assert await store.get(one.sid) is None
            assert await store.exists(one.sid) is False
            assert await store.record_nonce(one.sid, b"n" * 12, FOREVER) is NO_SESSION
            assert await store.record_nonce(one.sid, b"m" * 12, FOREVER) is NO_SESSION
            assert await store.delete(one.sid) is False
            assert await store.get(other.sid) == other

        self.run(check)

    def test_a_session_that_is_set_again_is_a_new_one(self) -> None:
        """Its keys, its life and its nonces begin anew."""

        async def check(store: SessionStore) -> None:
            first = a_session()
            again = Session(first.sid, a_session().keys, first.created_at + 1, IDENTITY)
            await store.set(first, SHORT)
            assert await store.record_nonce(first.sid, b"n" * 12, FOREVER) is NEW
            await store.set(again, LIFE)
            assert await store.get(first.sid) == again
            assert await store.record_nonce(first.sid, b"n" * 12, FOREVER) is NEW
            await pause(SHORT + MARGIN)
            assert await store.get(first.sid) == again
            assert await store.record_nonce(first.sid, b"n" * 12, FOREVER) is USED

        self.run(check)

    # Life ----------------------------------------------------------------------------------------------------

    def test_a_session_ends_with_its_life(self) -> None:
        """V1-LIFE-06: and whatever is asked first, it is gone."""

        async def check(store: SessionStore) -> None:
            sessions = [a_session() for _ in range(5)]
            lasting = a_session()
            await store.set(lasting, LIFE)
            for session in sessions:
                await store.set(session, SHORT)
            assert await store.get(sessions[0].sid) == sessions[0]
            assert await store.record_nonce(sessions[1].sid, b"n" * 12, FOREVER) is NEW
            await pause(SHORT + MARGIN)
            assert await store.get(sessions[0].sid) is None
            assert await store.record_nonce(sessions[1].sid, b"n" * 12, FOREVER) is NO_SESSION
            assert await store.exists(sessions[2].sid) is False
            assert await store.delete(sessions[3].sid) is False
            assert await store.record_nonce(sessions[4].sid, b"n" * 12, FOREVER) is NO_SESSION
            assert await store.get(lasting.sid) == lasting

        self.run(check)

    def test_use_does_not_prolong_a_life(self) -> None:
        """V1-LIFE-06."""

        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, SHORT)
            end = now() + SHORT + MARGIN
            while now() < end - SHORT // 2:
                await store.get(session.sid)
                await store.exists(session.sid)
                await store.record_nonce(session.sid, b"n" * 12, FOREVER)
                await pause(SHORT // 10)
            await pause(max(0, end - now()))
            assert await store.get(session.sid) is None

        self.run(check)

    @pytest.mark.parametrize("life", [0, -1, -LIFE])
    def test_a_life_of_nothing_is_over(self, life: int) -> None:
        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, life)
            assert await store.get(session.sid) is None
            assert await store.record_nonce(session.sid, b"n" * 12, FOREVER) is NO_SESSION

        self.run(check)

    def test_a_session_begun_anew_after_its_life_has_no_old_nonces(self) -> None:
        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, SHORT)
            assert await store.record_nonce(session.sid, b"n" * 12, FOREVER) is NEW
            await pause(SHORT + MARGIN)
            await store.set(session, LIFE)
            assert await store.record_nonce(session.sid, b"n" * 12, FOREVER) is NEW

        self.run(check)

    # Nonces --------------------------------------------------------------------------------------------------

    def test_a_nonce_is_new_once(self) -> None:
        """V1-REPLAY-01, and V1-REPLAY-05: in each session apart."""

        async def check(store: SessionStore) -> None:
            one, other = a_session(), a_session()
            await store.set(one, LIFE)
            await store.set(other, LIFE)
            nonces = [bytes(12), bytes(11) + b"\x01", b"\x01" + bytes(11), b"\xff" * 12, b"\n" * 12, bytes(range(12))]
            until = now() + LIFE
            for answer in (NEW, USED, USED):
                assert [await store.record_nonce(one.sid, nonce, until) for nonce in nonces] == [answer] * len(nonces)
            assert [await store.record_nonce(other.sid, nonce, until) for nonce in nonces] == [NEW] * len(nonces)

        self.run(check)

    def test_a_nonce_is_remembered_until_its_time_is_over(self) -> None:
        """V1-REPLAY-06: whatever `keep_until` its twin comes with."""

        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            until = now() + SHORT
            assert await store.record_nonce(session.sid, b"n" * 12, until) is NEW
            asked = 0
            while now() < until - MARGIN:
                for twin in (until, FOREVER, until - SHORT):
                    assert await store.record_nonce(session.sid, b"n" * 12, twin) is USED
                other = (until + asked + 1).to_bytes(12, "big")
                assert await store.record_nonce(session.sid, other, until + asked + 1) is NEW
                asked += 1
                await pause(SHORT // 10)
            assert asked

        self.run(check)

    def test_a_replay_is_never_new(self) -> None:
        """Also when its nonce was forgotten: a request that waited long between the checks of window and replay."""

        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            until = now() + SHORT
            assert await store.record_nonce(session.sid, b"n" * 12, until) is NEW
            await pause(SHORT + MARGIN)
            assert await store.record_nonce(session.sid, b"n" * 12, until) is USED
            assert await store.record_nonce(session.sid, b"m" * 12, now() + LIFE) is NEW
            assert await store.record_nonce(session.sid, b"n" * 12, until) is USED
            assert await store.record_nonce(session.sid, b"m" * 12, now() + LIFE) is USED

        self.run(check)

    @pytest.mark.parametrize("ahead", [60, 3600, 10 * 365 * 86400], ids=["a minute", "an hour", "ten years"])
    def test_a_store_whose_clock_is_ahead_lets_no_replay_through(self, ahead: int) -> None:
        """To it every nonce comes too late. Those of later requests are new; a twin is not, whatever came between."""

        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            untils = [now() - ahead * 1000 + i for i in range(20)]
            for until in untils:
                nonce = until.to_bytes(12, "big")
                assert await store.record_nonce(session.sid, nonce, until) is NEW
                assert await store.record_nonce(session.sid, nonce, until) is USED
            for until in untils:
                assert await store.record_nonce(session.sid, until.to_bytes(12, "big"), until) is USED

        self.run(check)

    def test_the_nonces_of_a_clock_that_was_ahead_are_kept(self) -> None:
        """A server whose clock ran ahead for a while, and was set back."""

        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            ahead = now() + 3_600_000
            assert await store.record_nonce(session.sid, b"a" * 12, ahead) is NEW
            assert await store.record_nonce(session.sid, b"b" * 12, now() + LIFE) is NEW
            assert await store.record_nonce(session.sid, b"a" * 12, ahead) is USED
            assert await store.record_nonce(session.sid, b"a" * 12, now() + LIFE) is USED

        self.run(check)

    def test_a_nonce_can_be_kept_for_ever(self) -> None:
        """As those of unsigned requests are. V1-AUTH-12."""

        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            assert await store.record_nonce(session.sid, b"n" * 12, FOREVER) is NEW
            assert await store.record_nonce(session.sid, b"m" * 12, FOREVER) is NEW
            assert await store.record_nonce(session.sid, b"l" * 12, now() - 1) is NEW
            assert await store.record_nonce(session.sid, b"k" * 12, now() + LIFE) is NEW
            assert await store.record_nonce(session.sid, b"n" * 12, FOREVER) is USED
            assert await store.get(session.sid) == session

        self.run(check)

    # Bounds --------------------------------------------------------------------------------------------------

    def test_a_session_of_too_many_nonces_is_dropped(self) -> None:
        """V1-STORE-02: refused, not let through unrecorded; and only that session."""

        async def check(store: SessionStore) -> None:
            one, other = a_session(), a_session()
            await store.set(one, LIFE)
            await store.set(other, LIFE)
            answers = [await store.record_nonce(one.sid, bytes([i]) * 12, now() + LIFE) for i in range(5)]
            assert answers == [NEW] * 5
            assert await store.record_nonce(one.sid, bytes(12), now() + LIFE) is USED
            assert await store.get(one.sid) == one
            assert await store.record_nonce(one.sid, b"\x05" * 12, now() + LIFE) is NO_SESSION
            assert await store.get(one.sid) is None
            assert await store.record_nonce(one.sid, bytes(12), now() + LIFE) is NO_SESSION
            assert await store.get(other.sid) == other

        self.run(check, max_nonces=5)

    def test_nonces_whose_time_is_over_count_no_more(self) -> None:
        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            past = now() - 10_000
            answers = [await store.record_nonce(session.sid, bytes([i]) * 12, past + i) for i in range(50)]
            assert answers == [NEW] * 50
            assert await store.get(session.sid) == session

        self.run(check, max_nonces=3)

    # Many at once --------------------------------------------------------------------------------------------

    def test_of_simultaneous_tasks_one_is_new(self) -> None:
        """V1-REPLAY-02."""

        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            for n in range(5):
                for until in (now() + LIFE, FOREVER, now() - 1000 + n):
                    nonce = until.to_bytes(11, "big") + bytes([n])
                    answers = await together(
                        *(store.record_nonce(session.sid, nonce, until) for _ in range(self.tasks))
                    )
                    assert Counter(answers) == {NEW: 1, USED: self.tasks - 1}

        self.run(check)

    def test_of_simultaneous_nonces_each_is_recorded(self) -> None:
        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            nonces = [i.to_bytes(12, "big") for i in range(self.tasks)]
            for answer in (NEW, USED):
                answers = await together(*(store.record_nonce(session.sid, n, now() + LIFE) for n in nonces))
                assert Counter(answers) == {answer: self.tasks}

        self.run(check)

    def test_simultaneous_nonces_do_not_pass_the_bound(self) -> None:
        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            nonces = [i.to_bytes(12, "big") for i in range(self.tasks)]
            answers = await together(*(store.record_nonce(session.sid, n, now() + LIFE) for n in nonces))
            assert Counter(answers) == {NEW: 20, NO_SESSION: self.tasks - 20}
            assert await store.get(session.sid) is None

        self.run(check, max_nonces=20)

    def test_no_nonce_is_new_once_a_session_is_deleted(self) -> None:
        async def check(store: SessionStore) -> None:
            session = a_session()
            for _ in range(20):
                await store.set(session, LIFE)
                nonces = [n.to_bytes(12, "big") for n in range(20)]
                recording: list[Coroutine[Any, Any, object]] = [
                    store.record_nonce(session.sid, nonce, FOREVER) for nonce in nonces
                ]
                answers = await together(*recording[:10], store.delete(session.sid), *recording[10:])
                assert answers.pop(10) is True
                assert set(answers) <= {NEW, NO_SESSION}
                again = [await store.record_nonce(session.sid, nonce, FOREVER) for nonce in nonces]
                assert again == [NO_SESSION] * len(nonces)
                assert await store.get(session.sid) is None

        self.run(check)

    def test_everybody_gets_the_session_that_he_asks_for(self) -> None:
        """Also after calls that were cancelled: an answer that is left over must not be taken for the next one."""

        async def check(store: SessionStore) -> None:
            sessions = [a_session() for _ in range(60)]
            await together(*(store.set(session, LIFE) for session in sessions))
            for step in range(12):
                calls = [asyncio.create_task(store.get(session.sid)) for session in sessions]
                for _ in range(step):
                    await asyncio.sleep(0)
                if step % 3 == 2:
                    await asyncio.sleep(step / 5000)
                for call in calls[::3]:
                    call.cancel()
                answers = await asyncio.gather(*calls, return_exceptions=True)
                for session, answer in zip(sessions, answers, strict=True):
                    assert answer == session or isinstance(answer, asyncio.CancelledError)
            assert await together(*(store.get(session.sid) for session in sessions)) == sessions
            recorded = await together(*(store.record_nonce(s.sid, b"n" * 12, FOREVER) for s in sessions))
            assert recorded == [NEW] * len(sessions)

        self.run(check)

    # New keys ------------------------------------------------------------------------------------------------

    def test_new_keys_take_the_place_of_the_old(self) -> None:
        """Identity and family come back as they were given. V3-REKEY-05."""

        async def check(store: SessionStore) -> None:
            for session in (a_session(identity=IDENTITY), replace(a_session(), family="v3")):
                after = replace(session, keys=a_session().keys)
                assert await store.replace(session, after) is False
                assert await store.get(session.sid) is None
                await store.set(session, LIFE)
                assert await store.get(session.sid) == session
                assert await store.replace(session, after) is True
                assert await store.get(session.sid) == after
                assert await store.replace(session, after) is False  # what it replaces is not there any more
                for keys in (
                    SessionKeys(after.keys.enc, session.keys.mac),
                    SessionKeys(session.keys.enc, after.keys.mac),
                ):
                    assert await store.replace(replace(after, keys=keys), session) is False
                assert await store.get(session.sid) == after
                await store.delete(session.sid)
                assert await store.replace(after, session) is False
                assert await store.get(session.sid) is None

        self.run(check)

    def test_nonces_stay_with_new_keys(self) -> None:
        """A request that was checked under the old keys and comes after the change is still known. V3-REKEY-04."""

        async def check(store: SessionStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            recorded = [(bytes([i]) * 12, now() + LIFE * (1 if i % 2 else -1)) for i in range(10)]
            for nonce, until in recorded:
                await store.record_nonce(session.sid, nonce, until)
            assert await store.replace(session, replace(session, keys=a_session().keys)) is True
            for nonce, until in recorded:
                assert await store.record_nonce(session.sid, nonce, until) is USED
            assert await store.record_nonce(session.sid, b"n" * 12, now() + LIFE) is NEW

        self.run(check, max_nonces=20)

    def test_new_keys_do_not_prolong_a_life(self) -> None:
        """V3-REKEY-04, V1-LIFE-06."""

        async def check(store: SessionStore) -> None:
            session = a_session()
            begun = now()
            await store.set(session, SHORT)
            while now() < begun + SHORT // 2:
                after = replace(session, keys=a_session().keys)
                assert await store.replace(session, after) is True or now() >= begun + SHORT
                session = after
                await pause(20)
            await pause(begun + SHORT + MARGIN - now())
            assert await store.get(session.sid) is None
            assert await store.replace(session, session) is False

        self.run(check)

    def test_of_simultaneous_changes_one_takes_place(self) -> None:
        """And no nonce is new twice meanwhile. V3-REKEY-05."""

        async def check(store: SessionStore) -> None:
            for _ in range(5):
                session = a_session()
                await store.set(session, LIFE)
                after = [replace(session, keys=a_session().keys) for _ in range(self.tasks // 4)]
                work: list[Coroutine[Any, Any, object]] = [
                    part
                    for new in after
                    for part in (store.replace(session, new), store.record_nonce(session.sid, b"n" * 12, FOREVER))
                ]
                answers = await together(*work)
                taken = [new for new, answer in zip(after, answers[::2], strict=True) if answer is True]
                assert len(taken) == 1
                assert answers[1::2].count(NEW) == 1
                assert await store.get(session.sid) == taken[0]

        self.run(check)

    # Shared --------------------------------------------------------------------------------------------------

    def test_servers_share_their_sessions(self) -> None:
        """What one of them sets, records and deletes the other knows at once. V1-LIFE-02, V1-REPLAY-01."""
        if not self.shared:
            pytest.skip("the store is one server's own")

        async def check(one: SessionStore) -> None:
            async with self.opened() as other:
                session = a_session(identity=IDENTITY)
                await one.set(session, LIFE)
                assert await other.get(session.sid) == session
                assert await other.record_nonce(session.sid, b"n" * 12, now() + LIFE) is NEW
                assert await one.record_nonce(session.sid, b"n" * 12, now() + LIFE) is USED
                # What a store has read it may not keep: it is told nothing of what another one does.
                assert await one.get(session.sid) == session
                assert await one.exists(session.sid) is True
                again = Session(session.sid, a_session().keys, now())
                await other.set(again, LIFE)
                assert await one.get(session.sid) == again
                assert await one.record_nonce(session.sid, b"n" * 12, now() + LIFE) is NEW
                assert await one.exists(session.sid) is True
                rekeyed = replace(again, keys=a_session().keys)
                assert await other.replace(again, rekeyed) is True
                assert await one.get(session.sid) == rekeyed
                assert await one.replace(again, session) is False
                assert await other.delete(session.sid) is True
                assert await one.get(session.sid) is None
                assert await one.exists(session.sid) is False
                assert await one.record_nonce(session.sid, b"m" * 12, now() + LIFE) is NO_SESSION

        self.run(check)

    @pytest.mark.parametrize("question", ["get", "exists", "record_nonce"])
    def test_servers_know_at_once_that_a_session_has_ended(self, question: str) -> None:
        """Each question is the first one after the end: no other has told the store. V1-LIFE-02, V1-LIFE-06."""
        if not self.shared:
            pytest.skip("the store is one server's own")

        async def ask(store: SessionStore, sid: str, nonce: bytes) -> object:
            if question == "record_nonce":
                return await store.record_nonce(sid, nonce, FOREVER)
            return await (store.get(sid) if question == "get" else store.exists(sid))

        async def check(one: SessionStore) -> None:
            async with self.opened() as other:
                for expires in (False, True):
                    session = a_session()
                    await other.set(session, SHORT if expires else LIFE)
                    assert await one.get(session.sid) == session
                    assert await one.exists(session.sid) is True
                    assert await one.record_nonce(session.sid, b"n" * 12, FOREVER) is NEW
                    if expires:
                        await pause(SHORT + MARGIN)
                    else:
                        assert await other.delete(session.sid) is True
                    gone = {"get": None, "exists": False, "record_nonce": NO_SESSION}[question]
                    assert await ask(one, session.sid, b"m" * 12) is gone

        self.run(check)

    def test_of_simultaneous_tasks_of_several_servers_one_is_new(self) -> None:
        """V1-REPLAY-02."""
        if not self.shared:
            pytest.skip("the store is one server's own")

        async def check(one: SessionStore) -> None:
            async with self.opened() as other, self.opened() as third:
                session = a_session()
                await one.set(session, LIFE)
                for n in range(10):
                    stores = (one, other, third) * (self.tasks // 3)
                    nonce = n.to_bytes(12, "big")
                    answers = await together(*(s.record_nonce(session.sid, nonce, now() + LIFE) for s in stores))
                    assert Counter(answers) == {NEW: 1, USED: len(stores) - 1}

        self.run(check)

    # Secrets -------------------------------------------------------------------------------------------------

    def test_no_key_is_shown_or_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        session = a_session(identity=IDENTITY)

        async def check(store: SessionStore) -> str:
            await store.set(session, LIFE)
            texts = [repr(store), str(store), repr(await store.get(session.sid))]
            await store.record_nonce(session.sid, b"n" * 12, FOREVER)
            await store.record_nonce(session.sid, b"n" * 12, FOREVER)
            await store.delete(session.sid)
            return "\n".join([*texts, repr(store)])

        shown = self.run(check) + "\n".join(map(logging.Formatter().format, caplog.records))
        assert session.sid in shown
        assert not shows(shown, session.keys.enc)
        assert not shows(shown, session.keys.mac)

    # Any sequence --------------------------------------------------------------------------------------------

    def test_any_sequence_of_calls(self) -> None:
        """Against a model: set, get, delete, expire, record, and several tasks that do so at once."""
        run_state_machine_as_test(lambda: StoreMachine(self), settings=self.model_settings())  # type: ignore[arg-type]  # any factory


class _Known:
    """What the model knows of a session: every pair of nonce and `keep_until` that was NEW."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.recorded: set[tuple[bytes, int]] = set()

    def in_window(self) -> set[bytes]:
        return {nonce for nonce, until in self.recorded if until > now()}

    def possible(self, nonce: bytes, until: int) -> set[NonceAnswer]:
        """The answers that a store may give. It forgets late nonces now or later, and counts none of them."""
        window = self.in_window()
        if nonce in window or (nonce, until) in self.recorded:
            return {USED}
        answer = NO_SESSION if len(window) >= StoreMachine.MAX_NONCES else NEW
        late = [(n, u) for n, u in self.recorded if u <= now()]
        doubtful = any(n == nonce or until <= u for n, u in late)
        return {answer, USED} if doubtful else {answer}


class StoreMachine(RuleBasedStateMachine):
    """Times are minutes away from now, before or after, so that it does not matter how long a step takes."""

    MAX_NONCES = 3
    NAMES = st.sampled_from("aaaabc")  # one of them more often, so that something comes together
    NONCES = st.sampled_from([bytes([i]) * 12 for i in range(6)])
    MINUTES = st.sampled_from([-30, -20, -10, 10, 20, 30])

    def __init__(self, suite: StoreSuite) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.opening = suite.opened(self.MAX_NONCES)
        self.store = self.runner.run(self.opening.__aenter__())
        self.begun = now()
        self.sids = {name: a_session(name).sid for name in "abc"}
        self.known: dict[str, _Known] = {}

    def teardown(self) -> None:
        self.runner.run(self.opening.__aexit__(None, None, None))
        self.runner.close()

    def ask(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @rule(name=NAMES, identity=st.sampled_from([None, IDENTITY]))
    def set(self, name: str, identity: bytes | None) -> None:
        session = Session(self.sids[name], a_session().keys, now(), identity)
        self.ask(self.store.set(session, LIFE))
        self.known[name] = _Known(session)

    @rule(name=NAMES, known=st.booleans())
    def rekey(self, name: str, known: bool) -> None:
        """New keys for the session, or for one whose keys are others."""
        there = name in self.known
        held = self.known[name].session if there else a_session()
        old = replace(held, sid=self.sids[name]) if known else replace(held, sid=self.sids[name], keys=a_session().keys)
        new = replace(old, keys=a_session().keys)
        assert self.ask(self.store.replace(old, new)) is (there and known)
        if there and known:
            self.known[name].session = new
            for nonce, until in sorted(self.known[name].recorded):
                assert self.ask(self.store.record_nonce(self.sids[name], nonce, until)) is USED

    @rule(name=NAMES)
    def expire(self, name: str) -> None:
        """A session whose life ends."""
        self.ask(self.store.set(Session(self.sids[name], a_session().keys, now()), 1))
        self.ask(pause(5))
        self.known.pop(name, None)

    @rule(name=NAMES)
    def get(self, name: str) -> None:
        expected = self.known[name].session if name in self.known else None
        assert self.ask(self.store.get(self.sids[name])) == expected
        assert self.ask(self.store.exists(self.sids[name])) is (expected is not None)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        assert self.ask(self.store.delete(self.sids[name])) is (name in self.known)
        self.known.pop(name, None)

    @rule(name=NAMES, nonce=NONCES, minutes=MINUTES, tasks=st.sampled_from([1, 2, 8]))
    def record(self, name: str, nonce: bytes, minutes: int, tasks: int) -> None:
        """From several tasks at once one is NEW at most, and the others are told what comes after that."""
        until = self.begun + minutes * 60_000
        answers = self.ask(together(*(self.store.record_nonce(self.sids[name], nonce, until) for _ in range(tasks))))
        for answer in sorted(answers, key=[NEW, USED, NO_SESSION].index):
            assert answer in (self.known[name].possible(nonce, until) if name in self.known else {NO_SESSION})
            if answer is NEW:
                self.known[name].recorded.add((nonce, until))
            if answer is NO_SESSION:
                self.known.pop(name, None)

    @rule(name=NAMES, requests=st.lists(st.tuples(NONCES, MINUTES), min_size=2, max_size=8))
    def record_some(self, name: str, requests: list[tuple[bytes, int]]) -> None:
        for nonce, minutes in requests:
            self.record(name, nonce, minutes, 1)

    @rule(names=st.permutations("abc"), nonce=NONCES, minutes=MINUTES)
    def of_several_sessions(self, names: list[str], nonce: bytes, minutes: int) -> None:
        """Each in its own task: one is deleted, in one a nonce is recorded, one is set."""
        until = self.begun + minutes * 60_000
        dropped, used, made = names
        session = Session(self.sids[made], a_session().keys, now())
        possible = self.known[used].possible(nonce, until) if used in self.known else {NO_SESSION}
        work: list[Coroutine[Any, Any, Any]] = [
            self.store.delete(self.sids[dropped]),
            self.store.record_nonce(self.sids[used], nonce, until),
            self.store.set(session, LIFE),
        ]
        was_there, answer, _ = self.ask(together(*work))
        assert was_there is (dropped in self.known)
        assert answer in possible
        if answer is NEW:
            self.known[used].recorded.add((nonce, until))
        if answer is NO_SESSION:
            self.known.pop(used, None)
        self.known.pop(dropped, None)
        self.known[made] = _Known(session)

    @rule(name=NAMES, nonce=NONCES, minutes=MINUTES)
    def record_while_it_is_deleted(self, name: str, nonce: bytes, minutes: int) -> None:
        until = self.begun + minutes * 60_000
        possible = self.known[name].possible(nonce, until) if name in self.known else {NO_SESSION}
        work: list[Coroutine[Any, Any, Any]] = [
            *(self.store.record_nonce(self.sids[name], nonce, until) for _ in range(3)),
            self.store.delete(self.sids[name]),
        ]
        *answers, was_there = self.ask(together(*work))
        assert answers.count(NEW) <= (1 if NEW in possible else 0)
        assert USED not in answers or possible & {NEW, USED}
        assert was_there is (name in self.known) or NO_SESSION in possible  # dropped before for its bound
        self.known.pop(name, None)
        assert self.ask(self.store.get(self.sids[name])) is None

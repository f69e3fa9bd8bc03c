"""The store in memory: lives, bounds, nonces, and many tasks at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.verification import NonceAnswer
from nen_ref.stores import MemoryStore, SessionStore
from tests.protocol.oracle import at_once, leaks, secret, texts_of

NEW, USED, NO_SESSION = NonceAnswer.NEW, NonceAnswer.USED, NonceAnswer.NO_SESSION
KEYS = SessionKeys(secret("enc"), secret("mac"))
LIFE = 1_000_000
FAR = 10**9


class Clock:
    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def session(sid: str, name: str = "") -> Session:
    return Session(sid, KEYS, 0, name.encode() or None)


class Plain:
    """A store, its clock, and its methods as plain functions: none of them awaits anything."""

    def __init__(self, **bounds: int) -> None:
        self.clock = Clock()
        self.store = MemoryStore(clock=self.clock, **bounds)

    def set(self, sid: str, life: int = LIFE, name: str = "") -> Session:
        kept = session(sid, name)
        at_once(self.store.set(kept, life))
        return kept

    def get(self, sid: str) -> Session | None:
        return at_once(self.store.get(sid))

    def exists(self, sid: str) -> bool:
        return at_once(self.store.exists(sid))

    def delete(self, sid: str) -> bool:
        return at_once(self.store.delete(sid))

    def record(self, sid: str, nonce: bytes = b"n", keep: int = FAR) -> NonceAnswer:
        return at_once(self.store.record_nonce(sid, nonce, self.clock.now + keep))

    def known(self, sids: str) -> str:
        return "".join(sid for sid in sids if self.exists(sid))


def test_it_is_a_session_store() -> None:
    store: SessionStore = MemoryStore()
    assert at_once(store.get("a")) is None


def test_a_session_is_kept() -> None:
    s = Plain()
    kept = s.set("a")
    assert s.get("a") is kept
    assert s.exists("a")
    assert (s.get("b"), s.exists("b"), s.delete("b")) == (None, False, False)
    assert s.delete("a") is True
    assert (s.get("a"), s.exists("a"), s.delete("a"), s.record("a")) == (None, False, False, NO_SESSION)
    assert len(s.store) == 0


def test_a_session_ends_with_its_life() -> None:
    """V1-LIFE-06: alive 1 ms before, gone at the end, and use does not prolong it."""
    s = Plain()
    s.set("a", 1000)
    s.clock.now += 999
    assert s.exists("a")
    assert s.record("a") is NEW
    assert s.get("a") is not None
    s.clock.now += 1
    assert (s.exists("a"), s.get("a"), s.record("a", b"m"), s.delete("a")) == (False, None, NO_SESSION, False)


@pytest.mark.parametrize("question", ["get", "exists", "record", "delete"])
def test_an_ended_session_is_gone_whatever_is_asked_first(question: str) -> None:
    s = Plain()
    s.set("a", 1000)
    s.clock.now += 1000
    assert getattr(s, question)("a") in (None, False, NO_SESSION)
    assert len(s.store) == 0


@pytest.mark.parametrize("life", [0, -1])
def test_a_life_of_nothing_is_over(life: int) -> None:
    s = Plain()
    s.set("a", life)
    assert not s.exists("a")


def test_a_session_that_is_set_again_is_a_new_one() -> None:
    """Its life and its nonces begin anew, and it is the youngest."""
    s = Plain(max_sessions=2)
    s.set("a", 1000)
    s.set("b")
    assert s.record("a") is NEW
    s.clock.now += 999
    again = s.set("a", 1000, "again")
    s.clock.now += 999
    assert s.get("a") is again
    assert s.record("a") is NEW
    s.set("c")
    assert s.known("abc") == "ac"


# Bounds ------------------------------------------------------------------------------------------------------


def test_a_full_store_drops_its_oldest_session() -> None:
    """V1-STORE-02: the oldest, not the least used."""
    s = Plain(max_sessions=3)
    for sid in "abc":
        s.set(sid)
        s.clock.now += 1
    s.get("a")
    s.record("a")
    s.set("d")
    assert s.known("abcd") == "bcd"
    s.set("e")
    s.set("f")
    assert s.known("abcdef") == "def"
    assert len(s.store) == 3


def test_ended_sessions_make_room_first() -> None:
    s = Plain(max_sessions=3)
    s.set("a", LIFE)
    s.set("b", 10)
    s.set("c", 10)
    s.clock.now += 10
    s.set("d")
    assert s.known("abcd") == "ad"
    assert len(s.store) == 2
    s.set("e")
    s.set("f")
    assert s.known("adef") == "def"


def test_ended_sessions_go_with_the_next_handshake() -> None:
    """Without being asked for again, and without a full store: their memory is given back."""
    s = Plain(max_sessions=1000)
    for i in range(500):
        s.set(str(i), LIFE + i)
    s.clock.now += LIFE + 249
    assert len(s.store) == 500
    s.set("another")
    assert len(s.store) == 251


def test_what_is_kept_of_ended_sessions_is_bounded() -> None:
    """Clients that handshake and terminate for ever leave nothing behind."""
    s = Plain(max_sessions=20)
    for i in range(1000):
        s.set(str(i))
        assert s.delete(str(i))
    assert len(s.store._ends) <= 41
    s.set("a", 10)
    s.set("b", 20)
    s.set("a", 30)
    s.clock.now += 20
    assert s.known("ab") == "a"


def test_a_full_store_takes_a_session_that_it_has_already() -> None:
    s = Plain(max_sessions=2)
    s.set("a")
    s.set("b")
    s.set("b")
    s.set("a")
    assert s.known("ab") == "ab"


def test_a_store_never_holds_more_than_its_bound() -> None:
    s = Plain(max_sessions=10)
    for i in range(100):
        s.set(str(i), LIFE + i)
        s.clock.now += 1
        assert len(s.store) <= 10
    assert [i for i in range(100) if s.exists(str(i))] == list(range(90, 100))


def test_a_store_of_one() -> None:
    s = Plain(max_sessions=1)
    s.set("a")
    s.set("b")
    assert s.known("ab") == "b"


def test_a_session_of_too_many_nonces_is_dropped() -> None:
    """V1-STORE-02: refused, not let through unrecorded; and only that session."""
    s = Plain(max_nonces=3)
    s.set("a")
    s.set("b")
    assert [s.record("a", bytes([i])) for i in range(3)] == [NEW] * 3
    assert s.record("a", bytes([0])) is USED
    assert s.exists("a")
    assert s.record("a", bytes([3])) is NO_SESSION
    assert s.known("ab") == "b"
    assert s.record("a", bytes([0])) is NO_SESSION


def test_forgotten_nonces_count_no_more() -> None:
    s = Plain(max_nonces=3)
    s.set("a")
    for _ in range(20):
        assert s.record("a", str(s.clock.now).encode(), 1000) is NEW
        s.clock.now += 500
    assert s.exists("a")


def test_there_are_bounds_by_default() -> None:
    store = MemoryStore()
    for i in range(10_001):
        at_once(store.set(session(str(i)), LIFE))
    assert len(store) == 10_000
    assert not at_once(store.exists("0"))
    answers = [at_once(store.record_nonce("9", i.to_bytes(12, "big"), 2**63 - 1)) for i in range(100_001)]
    assert answers == [NEW] * 100_000 + [NO_SESSION]


# Nonces ------------------------------------------------------------------------------------------------------


def test_a_nonce_is_new_once() -> None:
    """V1-REPLAY-01, V1-REPLAY-05."""
    s = Plain()
    s.set("a")
    s.set("b")
    assert [s.record("a"), s.record("a"), s.record("b"), s.record("a", b"m"), s.record("c")] == [
        NEW, USED, NEW, NEW, NO_SESSION,
    ]  # fmt: skip


def test_a_nonce_is_remembered_until_its_time_is_over() -> None:
    """V1-REPLAY-06: a replay can pass the window up to `keep_until`, that moment included."""
    s = Plain()
    s.set("a")
    assert s.record("a", b"n", 1000) is NEW
    for _ in range(4):
        assert s.record("a", b"n", FAR) is USED
        s.clock.now += 250
    assert s.record("a", b"n", 0) is USED
    s.clock.now += 1
    assert s.record("a", b"n", 1000) is NEW


def test_a_replay_does_not_shorten_or_prolong_what_is_remembered() -> None:
    s = Plain()
    s.set("a")
    s.record("a", b"n", 1000)
    s.record("a", b"n", 1)
    s.record("a", b"n", 5000)
    s.clock.now += 1000
    assert s.record("a", b"n", 500) is USED
    s.clock.now += 1
    assert s.record("a", b"n", 500) is NEW


def test_other_nonces_do_not_push_one_out() -> None:
    s = Plain()
    s.set("a")
    assert s.record("a", b"n", 1000) is NEW
    for i in range(500):
        assert s.record("a", str(i).encode(), i + 1) is NEW
        s.clock.now += 1
    assert s.record("a", b"n", 1000) is USED


def test_what_is_as_old_as_a_forgotten_nonce_is_taken_for_it() -> None:
    """A request that waited between its window and its replay check, while others made the store forget its twin."""
    s = Plain()
    s.set("a")
    until = s.clock.now + 1000
    assert s.record("a", b"n", 1000) is NEW
    s.clock.now += 1500
    assert s.record("a", b"another", 1000) is NEW  # forgets n
    assert at_once(s.store.record_nonce("a", b"n", until)) is USED
    assert at_once(s.store.record_nonce("a", b"m", until)) is USED
    assert at_once(s.store.record_nonce("a", b"m", until + 1)) is NEW


def test_a_clock_that_is_set_back_lets_no_replay_through() -> None:
    s = Plain()
    s.set("a")
    sent = s.clock.now
    assert s.record("a", b"n", 30_000) is NEW
    s.clock.now = sent + 40_000
    assert s.record("a", b"another", 30_000) is NEW
    s.clock.now = sent
    assert s.record("a", b"n", 30_000) is USED
    assert s.record("a", b"another", 70_000) is USED
    assert s.record("a", b"fresh", 30_001) is NEW


def test_forgetting_is_of_one_session() -> None:
    s = Plain()
    s.set("a")
    s.set("b")
    s.record("a", b"n", 1000)
    s.record("b", b"n", 1000)
    s.clock.now += 2000
    s.record("a", b"another", 1000)
    assert s.record("b", b"m", -500) is NEW
    assert s.record("b", b"m", 1000) is NEW  # whose time was over when it came


def test_a_late_nonce_is_remembered_as_well() -> None:
    """Its window was checked before, its time was over when it came: the second time it is used, or as old as used."""
    s = Plain()
    s.set("a")
    until = s.clock.now - 500
    assert at_once(s.store.record_nonce("a", b"n", until)) is NEW
    assert at_once(s.store.record_nonce("a", b"n", until)) is USED


# Many at once ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tasks", [2, 50, 1000])
def test_of_many_simultaneous_tasks_one_is_new(tasks: int) -> None:
    """V1-REPLAY-02."""

    async def race() -> list[NonceAnswer]:
        store = MemoryStore()
        await store.set(session("a"), LIFE)
        start = asyncio.Event()

        async def one(i: int) -> NonceAnswer:
            await start.wait()
            for _ in range(i % 3):
                await asyncio.sleep(0)
            return await store.record_nonce("a", b"n", 2**63 - 1)

        running = [asyncio.create_task(one(i)) for i in range(tasks)]
        await asyncio.sleep(0)
        start.set()
        return await asyncio.gather(*running)

    answers = asyncio.run(race())
    assert sorted(answers, key=lambda answer: answer.value) == [NEW] + [USED] * (tasks - 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.get("a"),
        lambda store: store.exists("a"),
        lambda store: store.set(session("b"), LIFE),
        lambda store: store.record_nonce("a", b"n", FAR),
        lambda store: store.delete("a"),
    ],
)
def test_no_method_awaits_anything(call: Callable[[MemoryStore], object]) -> None:
    """Which is what makes each of them one step among the tasks of a loop."""
    store = MemoryStore()
    at_once(store.set(session("a"), LIFE))
    at_once(call(store))  # type: ignore[arg-type]


def test_a_store_shows_no_key() -> None:
    s = Plain()
    s.set("a")
    s.record("a")
    shown = texts_of(s.store) + texts_of(vars(s.store)) + texts_of(s.get("a"))
    assert "a" in shown
    assert not leaks(shown, KEYS.enc)
    assert not leaks(shown, KEYS.mac)


# Any sequence ------------------------------------------------------------------------------------------------

SIDS = st.sampled_from("abcd")
NONCES = st.sampled_from([b"1", b"2", b"3", b"4"])
KEEP = st.sampled_from([0, 1, 10, 50, 100, 1000])


class StoreMachine(RuleBasedStateMachine):
    """Against lists that are searched from end to end. The clock goes forwards, as V1-REPLAY-06 takes for granted."""

    MAX_SESSIONS, MAX_NONCES = 3, 3

    @initialize()
    def begin(self) -> None:
        self.real = Plain(max_sessions=self.MAX_SESSIONS, max_nonces=self.MAX_NONCES)
        self.sessions: list[tuple[str, Session, int, list[tuple[bytes, int]]]] = []  # the oldest first

    def alive(self) -> list[tuple[str, Session, int, list[tuple[bytes, int]]]]:
        return [known for known in self.sessions if self.real.clock.now < known[2]]

    @rule(sid=SIDS, life=st.sampled_from([0, 1, 50, 200, LIFE]))
    def set(self, sid: str, life: int) -> None:
        kept = self.real.set(sid, life)
        others = [known for known in self.alive() if known[0] != sid]
        room = others[-(self.MAX_SESSIONS - 1) :]
        self.sessions = [*room, (sid, kept, self.real.clock.now + life, [])]

    @rule(sid=SIDS)
    def get(self, sid: str) -> None:
        expected = [known[1] for known in self.alive() if known[0] == sid]
        assert self.real.get(sid) is (expected[0] if expected else None)

    @rule(sid=SIDS)
    def delete(self, sid: str) -> None:
        assert self.real.delete(sid) is (sid in [known[0] for known in self.alive()])
        self.sessions = [known for known in self.alive() if known[0] != sid]

    @rule(sid=SIDS, nonce=NONCES, keep=KEEP)
    def record(self, sid: str, nonce: bytes, keep: int) -> None:
        assert self.real.record(sid, nonce, keep) is self.expected(sid, nonce, keep)

    def expected(self, sid: str, nonce: bytes, keep: int) -> NonceAnswer:
        now = self.real.clock.now
        named = [known for known in self.alive() if known[0] == sid]
        if not named:
            return NO_SESSION
        nonces = named[0][3]
        remembered = [n for n, until in nonces if until >= now]
        if nonce in remembered:
            return USED
        if len(remembered) == self.MAX_NONCES:
            self.sessions.remove(named[0])
            return NO_SESSION
        nonces.append((nonce, now + keep))
        return NEW

    @rule(by=st.sampled_from([1, 9, 10, 49, 50, 100, 200]))
    def wait(self, by: int) -> None:
        self.real.clock.now += by

    @invariant()
    def the_same_are_known(self) -> None:
        if hasattr(self, "real"):
            living = "".join(sorted(known[0] for known in self.alive()))
            assert self.real.known("abcd") == living
            assert len(self.real.store) <= self.MAX_SESSIONS


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=100, stateful_step_count=50)

"""The suite for session stores against all three of ours, and against stores that break a promise each."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import tracemalloc
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import Phase, settings

from nen_ref.protocol.session import Session
from nen_ref.protocol.verification import NonceAnswer
from nen_ref.stores import MemoryStore, SessionStore
from nen_ref.stores.memory import _Entry
from nen_ref.stores.redis import RedisStore
from nen_ref.stores.upstash import UpstashStore
from nen_ref.testing.store_suite import IDENTITY, LIFE, SPELLINGS, StoreSuite, a_session, now
from tests.stores.redis_server import RedisServer, needs_redis, running_redis
from tests.stores.upstash_bridge import UpstashBridge, running_bridge


class TestMemory(StoreSuite):
    def open_store(self, max_nonces: int) -> SessionStore:
        return MemoryStore(max_nonces=max_nonces)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def bridge(redis: RedisServer) -> Iterator[UpstashBridge]:
    with running_bridge(redis) as server:
        yield server


@needs_redis
class TestRedis(StoreSuite):
    shared = True

    @pytest.fixture(autouse=True)
    def server(self, redis: RedisServer) -> None:
        self.url = redis.url

    def open_store(self, max_nonces: int) -> SessionStore:
        return RedisStore.from_url(self.url, timeout=20, max_nonces=max_nonces)


@needs_redis
class TestUpstash(StoreSuite):
    shared = True
    examples = 8
    tasks = 30  # of httpx's client each takes some milliseconds

    @pytest.fixture(autouse=True)
    def server(self, bridge: UpstashBridge) -> None:
        self.bridge = bridge

    def open_store(self, max_nonces: int) -> SessionStore:
        return UpstashStore(self.bridge.url, self.bridge.token, timeout=20, max_nonces=max_nonces)


# Stores that break a promise ---------------------------------------------------------------------------------


class TakesTime(MemoryStore):
    """Checks, awaits, and records: not one step."""

    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        entry = self._alive(sid)
        if entry is not None and nonce in entry.used:
            return NonceAnswer.USED
        await asyncio.sleep(0)
        if entry is not None and nonce in entry.used:
            return NonceAnswer.NEW
        return await super().record_nonce(sid, nonce, keep_until)


class WithoutWatermark(MemoryStore):
    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        if sid in self._entries:
            self._entries[sid].expiries = [e for e in self._entries[sid].expiries if e[0] >= self._clock()]
            self._entries[sid].used = {nonce for _, nonce in self._entries[sid].expiries}
        return await super().record_nonce(sid, nonce, keep_until)


class ForgetsTooEarly(MemoryStore):
    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        return await super().record_nonce(sid, nonce, min(keep_until, self._clock() + 100))


class ForgetsNothing(MemoryStore):
    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        return await super().record_nonce(sid, nonce, 2**62)


class OneSetOfNonces(MemoryStore):
    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        answers = [await MemoryStore.record_nonce(self, each, nonce, keep_until) for each in [*self._entries]]
        return NonceAnswer.USED if NonceAnswer.USED in answers else await self._known(sid)

    async def _known(self, sid: str) -> NonceAnswer:
        return NonceAnswer.NEW if await self.exists(sid) else NonceAnswer.NO_SESSION


class PassesWithoutSession(MemoryStore):
    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        answer = await super().record_nonce(sid, nonce, keep_until)
        return NonceAnswer.NEW if answer is NonceAnswer.NO_SESSION else answer


class WithoutBound(MemoryStore):
    def __init__(self, max_nonces: int) -> None:
        super().__init__(max_nonces=10**9)


class OneTooMany(MemoryStore):
    def __init__(self, max_nonces: int) -> None:
        super().__init__(max_nonces=max_nonces + 1)


class LivesOn(MemoryStore):
    async def set(self, session: Session, life_ms: int) -> None:
        await super().set(session, life_ms * 2)


class UseProlongs(MemoryStore):
    async def set(self, session: Session, life_ms: int) -> None:
        await super().set(session, life_ms)
        self._entries[session.sid].life = life_ms  # type: ignore[attr-defined]

    async def get(self, sid: str) -> Session | None:
        entry = self._alive(sid)
        if entry is not None:
            entry.expires_at = self._clock() + entry.life  # type: ignore[attr-defined]
        return await super().get(sid)


class KeepsOldNonces(MemoryStore):
    async def set(self, session: Session, life_ms: int) -> None:
        before = self._entries.get(session.sid)
        await super().set(session, life_ms)
        if before is not None:
            self._entries[session.sid].used |= before.used


class DeletesNothing(MemoryStore):
    async def delete(self, sid: str) -> bool:
        return await self.exists(sid)


class DeletesLater(MemoryStore):
    """A cache: a session is found for a while after it was deleted."""

    async def delete(self, sid: str) -> bool:
        entry = self._alive(sid)
        if entry is not None:
            entry.expires_at = self._clock() + 50
        return entry is not None


class LosesTheIdentity(MemoryStore):
    async def set(self, session: Session, life_ms: int) -> None:
        await super().set(Session(session.sid, session.keys, session.created_at), life_ms)


class TrimsIds(MemoryStore):
    async def get(self, sid: str) -> Session | None:
        return await super().get(sid.strip())

    async def set(self, session: Session, life_ms: int) -> None:
        await super().set(Session(session.sid.strip(), session.keys, session.created_at), life_ms)


class ComparesFolded(MemoryStore):
    """Finds a session by what `fold` makes of its id, and knows nonces by the id as it came: a replay gets through."""

    fold: Callable[[str], str] = staticmethod(str.casefold)

    def _alive(self, sid: str) -> _Entry | None:
        known = next((each for each in self._entries if self.fold(each) == self.fold(sid)), sid)
        return super()._alive(known)

    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        return await super().record_nonce(sid, nonce + sid.encode("utf-8", "surrogatepass"), keep_until)


class IgnoresSpacesBehind(ComparesFolded):
    fold = staticmethod(lambda sid: sid.rstrip(" "))


class EndsAtNul(ComparesFolded):
    fold = staticmethod(lambda sid: sid.partition("\x00")[0])


class Normalizes(ComparesFolded):
    fold = staticmethod(lambda sid: unicodedata.normalize("NFKC", sid))


class IgnoresAccents(ComparesFolded):
    fold = staticmethod(lambda sid: unicodedata.normalize("NFD", sid).encode("ascii", "ignore").decode())


class OneTable(MemoryStore):
    """The stores of one test hold the same sessions."""

    tables: ClassVar[dict[int, tuple[OrderedDict[str, _Entry], list[tuple[int, str]]]]] = {}

    def __init__(self, max_nonces: int) -> None:
        super().__init__(max_nonces=max_nonces)
        self._entries, self._ends = self.tables.setdefault(max_nonces, (self._entries, self._ends))


class KeepsWhatItRead(OneTable):
    """A cache of each server's own, which is told nothing of what others do; it asks the table about nonces only."""

    def __init__(self, max_nonces: int) -> None:
        super().__init__(max_nonces)
        self.cache: dict[str, tuple[Session, int]] = {}

    async def get(self, sid: str) -> Session | None:
        if sid in self.cache and self.cache[sid][1] > now():
            return self.cache[sid][0]
        session = await super().get(sid)
        if session is not None:
            self.cache[sid] = session, self._entries[sid].expires_at
        return session

    async def exists(self, sid: str) -> bool:
        return await self.get(sid) is not None

    async def set(self, session: Session, life_ms: int) -> None:
        self.cache.pop(session.sid, None)
        await super().set(session, life_ms)

    async def delete(self, sid: str) -> bool:
        self.cache.pop(sid, None)
        return await super().delete(sid)

    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        answer = await super().record_nonce(sid, nonce, keep_until)
        if answer is NonceAnswer.NO_SESSION:
            self.cache.pop(sid, None)
        return answer


class KeepsThatItExists(OneTable):
    def __init__(self, max_nonces: int) -> None:
        super().__init__(max_nonces)
        self.known: set[str] = set()

    async def exists(self, sid: str) -> bool:
        if sid in self.known or await super().exists(sid):
            self.known.add(sid)
        return sid in self.known

    async def delete(self, sid: str) -> bool:
        self.known.discard(sid)
        return await super().delete(sid)


class MixesAnswersUp(MemoryStore):
    """After a call that was cancelled, the next one gets its answer."""

    late: Session | None = None

    async def get(self, sid: str) -> Session | None:
        answer, self.late = self.late or await super().get(sid), None
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.late = answer
            raise
        return answer


class ReplacesAnything(MemoryStore):
    async def replace(self, old: Session, new: Session) -> bool:
        entry = self._alive(old.sid)
        if entry is not None:
            entry.session = new
        return entry is not None


class ReplacesByTheSignatureKey(MemoryStore):
    async def replace(self, old: Session, new: Session) -> bool:
        entry = self._alive(old.sid)
        if entry is None or entry.session.keys.mac != old.keys.mac:
            return False
        entry.session = new
        return True


class ReplacesInTwoSteps(MemoryStore):
    async def replace(self, old: Session, new: Session) -> bool:
        if await self.get(old.sid) != old:
            return False
        await asyncio.sleep(0)
        self._entries[old.sid].session = new
        return True


class LosesNoncesWithTheKeys(MemoryStore):
    async def replace(self, old: Session, new: Session) -> bool:
        entry = self._alive(old.sid)
        if entry is None or entry.session != old:
            return False
        await self.set(new, entry.expires_at - self._clock())
        return True


class NewKeysProlong(MemoryStore):
    async def set(self, session: Session, life_ms: int) -> None:
        await super().set(session, life_ms)
        self._entries[session.sid].life = life_ms  # type: ignore[attr-defined]

    async def replace(self, old: Session, new: Session) -> bool:
        done = await super().replace(old, new)
        if done:
            self._entries[old.sid].expires_at = self._clock() + self._entries[old.sid].life  # type: ignore[attr-defined]
        return done


class LosesTheFamily(MemoryStore):
    async def set(self, session: Session, life_ms: int) -> None:
        await super().set(replace(session, family="v1"), life_ms)


class LogsKeys(MemoryStore):
    async def set(self, session: Session, life_ms: int) -> None:
        logging.getLogger("store").debug("set %s with %s", session.sid, session.keys.mac.hex())
        await super().set(session, life_ms)


class ShowsKeys(MemoryStore):
    def __repr__(self) -> str:
        return str([entry.session.keys.enc for entry in self._entries.values()])


BROKEN: dict[type[MemoryStore], str] = {
    TakesTime: "test_of_simultaneous_tasks_one_is_new",
    WithoutWatermark: "test_a_replay_is_never_new",
    ForgetsTooEarly: "test_a_nonce_is_remembered_until_its_time_is_over",
    ForgetsNothing: "test_nonces_whose_time_is_over_count_no_more",
    OneSetOfNonces: "test_a_nonce_is_new_once",
    PassesWithoutSession: "test_an_unknown_session_is_none",
    WithoutBound: "test_a_session_of_too_many_nonces_is_dropped",
    OneTooMany: "test_simultaneous_nonces_do_not_pass_the_bound",
    LivesOn: "test_a_session_ends_with_its_life",
    UseProlongs: "test_use_does_not_prolong_a_life",
    KeepsOldNonces: "test_a_session_that_is_set_again_is_a_new_one",
    DeletesNothing: "test_a_deleted_session_is_gone_with_its_nonces",
    DeletesLater: "test_a_deleted_session_is_gone_with_its_nonces",
    ReplacesAnything: "test_new_keys_take_the_place_of_the_old",
    ReplacesByTheSignatureKey: "test_new_keys_take_the_place_of_the_old",
    ReplacesInTwoSteps: "test_of_simultaneous_changes_one_takes_place",
    LosesNoncesWithTheKeys: "test_nonces_stay_with_new_keys",
    NewKeysProlong: "test_new_keys_do_not_prolong_a_life",
    LosesTheFamily: "test_new_keys_take_the_place_of_the_old",
    MixesAnswersUp: "test_everybody_gets_the_session_that_he_asks_for",
    KeepsWhatItRead: "test_servers_share_their_sessions",
    KeepsThatItExists: "test_servers_share_their_sessions",
}
# What the model has no eye for: real time passing, cancelled calls, other servers.
NOT_BY_THE_MODEL = {
    ForgetsTooEarly,
    LivesOn,
    UseProlongs,
    NewKeysProlong,
    ReplacesByTheSignatureKey,
    ReplacesInTwoSteps,
    LosesTheFamily,
    MixesAnswersUp,
    KeepsWhatItRead,
    KeepsThatItExists,
}


# One test for each question, or each spelling: the stores break some of them.
SPELLED, ENDED = (
    "test_another_spelling_of_a_session_id_is_no_name_of_the_session",
    "test_servers_know_at_once_that_a_session_has_ended",
)
BROKEN_IN_ONE: list[tuple[type[MemoryStore], str, object]] = [
    (ComparesFolded, SPELLED, SPELLINGS["upper case"]),
    (ComparesFolded, SPELLED, SPELLINGS["lower case"]),
    (ComparesFolded, SPELLED, SPELLINGS["swapped case"]),
    (IgnoresSpacesBehind, SPELLED, SPELLINGS["a space behind"]),
    (TrimsIds, SPELLED, SPELLINGS["a space before"]),
    (EndsAtNul, SPELLED, SPELLINGS["a NUL behind"]),
    (TrimsIds, SPELLED, SPELLINGS["a line break behind"]),
    (Normalizes, SPELLED, SPELLINGS["compatible letters"]),
    (Normalizes, SPELLED, SPELLINGS["a letter composed of two"]),
    (IgnoresAccents, SPELLED, SPELLINGS["without the accent"]),
    (KeepsWhatItRead, ENDED, "get"),
    (KeepsWhatItRead, ENDED, "exists"),
    (KeepsThatItExists, ENDED, "exists"),
]


def suite_of(store: type[MemoryStore]) -> StoreSuite:
    class Suite(StoreSuite):
        shared = issubclass(store, OneTable)
        examples = 200  # it ends with the first that fails

        def open_store(self, max_nonces: int) -> SessionStore:
            return store(max_nonces=max_nonces)

        def model_settings(self) -> settings:
            return settings(super().model_settings(), phases=[Phase.generate])

    return Suite()


@pytest.mark.parametrize(("store", "test"), BROKEN.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_store_that_breaks_a_promise_fails(store: type[MemoryStore], test: str) -> None:
    with pytest.raises(AssertionError):
        getattr(suite_of(store), test)()


@pytest.mark.parametrize(
    "store", [store for store in BROKEN if store not in NOT_BY_THE_MODEL], ids=lambda store: store.__name__
)
def test_the_model_finds_it_too(store: type[MemoryStore], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError):
        suite_of(store).test_any_sequence_of_calls()


@pytest.mark.parametrize(
    ("store", "test", "example"),
    BROKEN_IN_ONE,
    ids=[f"{broken[0].__name__}-{i}" for i, broken in enumerate(BROKEN_IN_ONE)],
)
def test_a_store_that_breaks_a_promise_in_one_way_fails(store: type[MemoryStore], test: str, example: object) -> None:
    with pytest.raises(AssertionError):
        getattr(suite_of(store), test)(example)


class TestOneTable(StoreSuite):
    """The broken ones stand on it: it breaks nothing itself."""

    shared = True
    examples = 5

    def open_store(self, max_nonces: int) -> SessionStore:
        return OneTable(max_nonces=max_nonces)


def test_stores_that_break_a_promise_of_one_example() -> None:
    with pytest.raises(AssertionError):
        suite_of(LosesTheIdentity).test_a_session_is_kept(IDENTITY)
    with pytest.raises(AssertionError):
        suite_of(TrimsIds).test_whatever_a_client_sends_as_a_session_id_is_one(" ")


@pytest.mark.parametrize("store", [LogsKeys, ShowsKeys])
def test_a_store_that_shows_keys_fails(store: type[MemoryStore], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AssertionError):
        suite_of(store).test_no_key_is_shown_or_logged(caplog)


THREE_LINES = """\
from nen_ref.stores import MemoryStore
from nen_ref.testing.store_suite import StoreSuite
class TestMyStore(StoreSuite):
    def open_store(self, max_nonces): return MemoryStore(max_nonces=max_nonces)
"""


def test_a_store_of_ones_own_takes_three_lines(tmp_path: Path) -> None:
    """And the import of that store; in a pytest of its own."""
    (tmp_path / "test_mine.py").write_text(THREE_LINES)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "nonce or kept", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert "failed" not in done.stdout


# Bytes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("nonces", "most"), [(0, 4_000), (100, 30_000), (10_000, 2_500_000)])
def test_bytes_of_a_session_in_memory(nonces: int, most: int) -> None:
    """Those that the documentation states: with an identity; the mean of ten sessions."""

    async def fill(store: MemoryStore) -> None:
        for _ in range(10):
            session = a_session(identity=bytes(bytearray(IDENTITY)))
            await store.set(session, LIFE)
            for i in range(nonces):
                assert await store.record_nonce(session.sid, i.to_bytes(12, "big"), now() + LIFE) is NonceAnswer.NEW

    store = MemoryStore()
    tracemalloc.start()
    asyncio.run(fill(store))
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    store._entries.clear()
    gc.collect()
    taken = (before - tracemalloc.get_traced_memory()[0]) / 10
    tracemalloc.stop()
    print(f"{nonces} nonces: {taken:.0f} bytes")
    assert most / 3 < taken < most

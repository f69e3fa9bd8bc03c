"""The session store in memory: one process, bounded, nothing survives a restart."""

from __future__ import annotations

import heapq
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from nen_ref.protocol.session import Session
from nen_ref.protocol.verification import NonceAnswer

MAX_SESSIONS = 10_000
MAX_NONCES = 100_000


@dataclass
class _Entry:
    session: Session
    expires_at: int
    used: set[bytes] = field(default_factory=set)
    expiries: list[tuple[int, bytes]] = field(default_factory=list)  # a heap, the nonce to forget first on top
    forgotten: int = 0  # the latest keep_until of a nonce that was forgotten


class MemoryStore:
    """`max_sessions` and `max_nonces` (for each session) bound the memory; `clock` gives the time in ms.

    No method awaits anything, so each is one atomic step among the tasks of an event loop.
    """

    def __init__(
        self,
        *,
        max_sessions: int = MAX_SESSIONS,
        max_nonces: int = MAX_NONCES,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._max_sessions = max_sessions
        self._max_nonces = max_nonces
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # as they were set, the oldest first
        self._ends: list[tuple[int, str]] = []  # a heap; what it says of a session that was dropped since is ignored

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<MemoryStore of {len(self._entries)} sessions>"

    async def get(self, sid: str) -> Session | None:
        entry = self._alive(sid)
        return entry.session if entry else None

    async def set(self, session: Session, life_ms: int) -> None:
        self._entries.pop(session.sid, None)
        self._drop_ended()
        if len(self._entries) >= self._max_sessions:
            self._entries.popitem(last=False)
        end = self._clock() + life_ms
        self._entries[session.sid] = _Entry(session, end)
        heapq.heappush(self._ends, (end, session.sid))

    async def replace(self, old: Session, new: Session) -> bool:
        entry = self._alive(old.sid)
        if entry is None or entry.session != old:
            return False
        entry.session = new
        return True

    async def delete(self, sid: str) -> bool:
        return self._alive(sid) is not None and self._entries.pop(sid, None) is not None

    async def exists(self, sid: str) -> bool:
        return self._alive(sid) is not None

    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        entry = self._alive(sid)
        if entry is None:
            return NonceAnswer.NO_SESSION
        now = self._clock()
        while entry.expiries and entry.expiries[0][0] < now:
            entry.forgotten, expired = heapq.heappop(entry.expiries)
            entry.used.discard(expired)
        # What is as old as a forgotten nonce cannot be told from it: only a clock that was set back, or a request that
        # waited since its window was checked, comes here with one.
        if nonce in entry.used or keep_until <= entry.forgotten:
            return NonceAnswer.USED
        if len(entry.used) >= self._max_nonces:
            del self._entries[sid]
            return NonceAnswer.NO_SESSION
        entry.used.add(nonce)
        heapq.heappush(entry.expiries, (keep_until, nonce))
        return NonceAnswer.NEW

    def _alive(self, sid: str) -> _Entry | None:
        entry = self._entries.get(sid)
        if entry is not None and entry.expires_at <= self._clock():
            del self._entries[sid]
            return None
        return entry

    def _drop_ended(self) -> None:
        """Drop the sessions whose life is over. In all, some steps of a heap for each session that was ever set."""
        now = self._clock()
        while self._ends and self._ends[0][0] <= now:
            end, sid = heapq.heappop(self._ends)
            if sid in self._entries and self._entries[sid].expires_at == end:
                del self._entries[sid]
        if len(self._ends) > 2 * self._max_sessions:
            self._ends = [(entry.expires_at, sid) for sid, entry in self._entries.items()]
            heapq.heapify(self._ends)

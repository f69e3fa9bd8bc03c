"""What a session store promises. V1-STORE-01, V1-STORE-02."""

from __future__ import annotations

from typing import Protocol

from nen_ref.protocol.session import Session
from nen_ref.protocol.verification import NonceAnswer


class SessionStore(Protocol):
    """Sessions by id, each with its own set of used nonces. Times are in ms since the Unix epoch.

    A store that cannot answer raises StoreUnavailable (nen_ref.stores.errors), in bounded time; the request is then
    refused, never let through. `nen_ref.testing.store_suite` checks all that is said here.
    """

    async def get(self, sid: str) -> Session | None:
        """The session of exactly this id, or None if it is unknown or its life is over. V1-STORE-06."""

    async def set(self, session: Session, life_ms: int) -> None:
        """Keep a session for `life_ms` from now, without the nonces of an older one. V1-STORE-02, V1-STORE-05."""

    async def replace(self, old: Session, new: Session) -> bool:
        """Put `new`, of the same id, in the place of `old` if that is what is stored; whether it was. V3-REKEY-04.

        One atomic step: of several that replace one session exactly one is answered True. Its life goes on, and its
        nonces stay: a request that was checked against the old keys must still find its nonce used.
        """

    async def delete(self, sid: str) -> bool:
        """Drop a session with its nonces; whether there was one."""

    async def exists(self, sid: str) -> bool:
        """Whether the session is known and alive."""

    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        """Check and record a nonce in one atomic step. V1-REPLAY-02, V1-STORE-03, V1-STORE-04.

        Of simultaneous calls with one nonce exactly one is answered NEW. The nonce is remembered at least until
        `keep_until`, and never NEW again with the `keep_until` that it came with: what is as old as a nonce that was
        forgotten counts as used. NO_SESSION if the session is gone, also when this nonce exceeds the bound of the
        session and the session is dropped for it.
        """

"""What the stores in Redis and in Upstash share: all but the way of a command to the server and of its answer back."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from nen_ref.protocol.session import Session
from nen_ref.protocol.verification import NonceAnswer
from nen_ref.stores import records
from nen_ref.stores.errors import StoreUnavailable
from nen_ref.stores.records import RECORD, REPLACE, SET, Script, key_of, nonce_member, session_member


class WrongType(StoreUnavailable):
    """A key that holds no sorted set: whatever it is, no session. No answer where a session is set or deleted."""


class RemoteStore(ABC):
    """A SessionStore over `_command` and `_script`, which bound their time and raise StoreUnavailable or WrongType."""

    def __init__(self, name: str, *, timeout: float, max_nonces: int) -> None:
        self._name = name
        self._timeout = timeout
        self._max_nonces = max_nonces

    @abstractmethod
    async def _command(self, *words: str) -> object:
        """The answer to a command."""

    @abstractmethod
    async def _script(self, script: Script, key: str, *arguments: str) -> object:
        """The answer of a script about one key."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close all connections. Calls that are under way fail."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._name}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def get(self, sid: str) -> Session | None:
        try:
            top = await self._command("ZRANGE", key_of(sid), "-1", "-1")
        except WrongType:
            records.unreadable(sid, "a key of another type")
            return None
        if not isinstance(top, list) or not all(isinstance(member, str | bytes) for member in top):
            raise self._not_understood()
        return records.read_session(sid, top[0]) if top else None

    async def set(self, session: Session, life_ms: int) -> None:
        answer = await self._script(SET, key_of(session.sid), session_member(session), str(life_ms))
        if answer not in ("KEPT", b"KEPT"):
            raise self._not_understood()

    async def replace(self, old: Session, new: Session) -> bool:
        try:
            answer = await self._script(REPLACE, key_of(old.sid), session_member(old), session_member(new))
        except WrongType:
            return False
        if answer not in ("REPLACED", b"REPLACED", "GONE", b"GONE"):
            raise self._not_understood()
        return answer in ("REPLACED", b"REPLACED")

    async def delete(self, sid: str) -> bool:
        """A value that cannot be read is dropped too, and counts as a session here."""
        dropped = await self._command("UNLINK", key_of(sid))
        if dropped not in (0, 1):
            raise self._not_understood()
        return bool(dropped)

    async def exists(self, sid: str) -> bool:
        return await self.get(sid) is not None

    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        member = nonce_member(nonce)
        try:
            answer = await self._script(RECORD, key_of(sid), member, str(keep_until), str(self._max_nonces))
        except WrongType:
            records.unreadable(sid, "a key of another type")
            return NonceAnswer.NO_SESSION
        known = records.nonce_answer(answer, member)
        if known is None:
            raise self._not_understood()
        return known

    def _wrong_type(self) -> WrongType:
        return WrongType(f"{self._name}: refused with WRONGTYPE")

    def _unavailable(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(f"{self._name}: {reason}")

    def _not_understood(self) -> StoreUnavailable:
        return self._unavailable("an answer that is not the answer to the question")


def no_connection(fault: BaseException) -> str:
    """Why there is none. The clients hide a certificate that is refused behind errors of their own."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its certificate is refused"
        cause = cause.__cause__ or cause.__context__
    return f"no connection ({type(fault).__name__})"

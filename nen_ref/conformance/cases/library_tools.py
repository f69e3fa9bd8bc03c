"""What the library cases share: bytes that are wrong in one place, sealed bodies, and the arguments of `request.verify`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nen_ref.conformance.divergence import difference
from nen_ref.conformance.harness.driver import Reply
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.peer import Draft, PeerSession
from nen_ref.conformance.randomness import random_bytes
from nen_ref.protocol.messages import SIGNATURE_HEADER, TIMESTAMP_HEADER
from nen_ref.protocol.session import SessionKeys
from nen_ref.protocol.signing import canonical_string
from nen_ref.protocol.versions import VERSIONS
from nen_ref.protocol.wire import Malformed, encode_base64, parse_json_object
from nen_ref.vectors.alter import flipped

NOW = 1_760_000_000_000  # ms; the server's time in every case that has one
SID = "3f8a1c52-9be4-4d07-a6d1-5f0e7c2b9a34"
ECHO = "/api/echo"
PAYLOAD = b'{"hello":"world"}'

# Texts that are not base64, and texts that some decoders take for base64 all the same (V1-WIRE-02), by their faults.
GARBAGE = {
    "other characters": "AAAA!AAAAAAAAAAA",
    "inner padding": "AAAA=AAAAAAAAAAA",
    "one character left over": "AAAAAAAAAAAAAAAAA",
    "a percent escape": "AAAAAAAAAAAAA%3D",
    "a letter that is not ASCII": "AAAAAAAAAAAAAAA\u00e9",
}
LAX = {
    "without its padding": "AAECAwQFBgcICQoLDA",
    "half of its padding": "AAECAwQFBgcICQoLDA=",
    "too much padding": "AAECAwQFBgcICQoL====",
    "padding where none belongs": "AAECAwQFBgcICQoL=",
    "unused bits set": "AAECAwQFBgcICQoLDB==",
    "unused bits set before one =": "AAECAwQFBgcICQoLDA1=",
    "the URL-safe alphabet": "-_-_-_-_-_-_-_-_",
    "a space inside": "AAECAwQF BgcICQoL",
    "a line feed inside": "AAECAwQF\nBgcICQoL",
    "CRLF inside": "AAECAwQF\r\nBgcICQoL",
    "a space in front": " AAECAwQFBgcICQoL",
    "a line feed at the end": "AAECAwQFBgcICQoL\n",
    "a zero character at the end": "AAECAwQFBgcICQoL\0",
    "text after the padding": "AAECAwQFBgcICQoLDA==AAAA",
    "a letter of another script": "\uff21AAECAwQFBgcICQo",
}


def ends(data: bytes) -> dict[str, bytes]:
    """The bytes altered in their first, middle and last byte."""
    return {
        "first byte altered": flipped(data, 0),
        "middle byte altered": flipped(data, len(data) // 2, 0x10),
        "last byte altered": flipped(data, -1, 0x80),
    }


def fresh_session(probe: HarnessProbe) -> PeerSession:
    """A session in the version of the case."""
    return PeerSession(SID, SessionKeys(random_bytes(32), random_bytes(32)), VERSIONS[probe.case.protocol])


def draft(session: PeerSession, payload: bytes | None = PAYLOAD, method: str = "POST", **changes: Any) -> Draft:
    """A request of the session to the echo route at `NOW`, right in everything that `changes` (see `PeerSession.draft`)
    does not override."""
    return session.draft(method, changes.pop("target", ECHO), payload, **{"timestamp": NOW} | changes)


async def verify(
    probe: HarnessProbe,
    session: PeerSession | None,
    given: Draft,
    *,
    now: int = NOW,
    used: Iterable[bytes] = (),
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
) -> Reply:
    """The answer of `request.verify` to a draft; `headers` and `body` replace those of the draft where given."""
    text = given.body.decode() if given.body is not None else None
    return await probe.call(
        "request.verify",
        session=session and {"sid": session.sid, "secret": session.keys.enc, "hmac_key": session.keys.mac},
        now=now,
        used_nonces=list(used),
        request={
            "method": given.method,
            "target": given.target,
            "headers": dict(given.headers) if headers is None else dict(headers),
            "body": text if body is None else body,
        },
    )


def passes(
    probe: HarnessProbe, session: PeerSession, given: Draft, reply: Reply, note: str, payload: bytes | None = PAYLOAD
) -> bool:
    """Check that a request was accepted and its payload opened; else the first value that differs is named."""
    signature = dict(given.headers).get(SIGNATURE_HEADER, "")
    text = {"payload": None if payload is None else payload.decode()}
    return probe.matches(reply, note, text, {"canonical_string": canonical(given), "signature": signature})


def canonical(given: Draft) -> str:
    """The canonical string of a draft that is right in everything."""
    timestamp = dict(given.headers).get(TIMESTAMP_HEADER, "")
    return canonical_string(given.method, given.target.partition("?")[0], timestamp, given.nonce_text).decode()


async def control(probe: HarnessProbe, session: PeerSession, given: Draft | None = None) -> None:
    """The request that is right in everything passes: only then does a refusal of the wrong one say anything."""
    right = given or draft(session)
    passes(probe, session, right, await verify(probe, session, right), "the request before it was altered")
    probe.sound()


def same_members(probe: HarnessProbe, reply: Reply, note: str, expected: Mapping[str, bytes | str]) -> None:
    """Check the members of a JSON body in a reply; bytes stand for their base64 text. Others may be there too."""
    if not reply.ok:
        probe.matches(reply, note, {})
        return
    try:
        members = parse_json_object(reply["body"].encode("utf-8", "surrogatepass"))
    except Malformed as fault:
        probe.ensure(False, f"{note}: the body is {fault}")
        return
    for name, value in expected.items():
        text = encode_base64(value) if isinstance(value, bytes) else value
        if members.get(name) != text:
            probe.diverged(f"{note}: {difference(name, text, members.get(name))}")
            probe.ensure(False, f"{note}: {difference(name, text, members.get(name))}")
            return
    probe.ensure(True, f"{note}: {', '.join(expected)} as expected")

"""Server cases of V3: the identity that a server proves in its handshakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.conformance.cases.v3_handshake import answered, sized
from nen_ref.conformance.harness.probe import ConfiguredProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import Begun, handshake_draft
from nen_ref.conformance.probe import Probe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.handshake_v3 import HybridHello, SecurityMode
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import ROTATE_PATH
from nen_ref.protocol.server_identity import MEMBERS, bound_nonce, transcript_hash
from nen_ref.protocol.wire import decode_base64, dump_json

NEEDS = ("server.start", "server_identity_seed")
SIZES = {"server_nonce": 32, "server_id_pk": 1974, "server_sig": 3309}
NOBODY = "clients that pin the server's key refuse every answer"
RELAYED = "a signature that fits more than one handshake can be passed on by whoever stands between"


def seeded() -> tuple[bytes, Identity]:
    seed = random_bytes(32)
    return seed, Identity.from_seed(seed)


async def shown(
    server: Probe, begun: Begun, path: str = "/api/nen/handshake", sid: str | None = None
) -> Mapping[str, Any]:
    """The members of the answer to a handshake."""
    return answered(server, await server.peer.send(handshake_draft(begun.body, path, sid)))


def signed_rightly(server: Probe, identity: Identity, begun: Begun, members: Mapping[str, Any], note: str) -> None:
    """`server_sig` verifies over the transcript of the specification."""
    sized(server, members, SIZES)
    server.need(all(isinstance(members.get(name), str) for name in MEMBERS), f"{note}: no identity in the answer")
    assert isinstance(begun.hello, HybridHello)
    digest = transcript_hash(
        begun.hello.ek, begun.hello.pk_x, decode_base64(members["server_nonce"]), str(members["sid"])
    )
    right = REFERENCE.ml_dsa_65_verify(identity.pk, digest, decode_base64(members["server_sig"]), b"")
    server.ensure(right, f"{note}: server_sig {'verifies' if right else 'does not verify'} over the transcript")


@case(
    "v3/server-identity/members",
    "V3-ID-01",
    ACCEPTED,
    needs=NEEDS,
    why=NOBODY,
    cause="the bare key is sent instead of SubjectPublicKeyInfo, or a member has another name",
)
async def members_of_the_identity(probe: ConfiguredProbe) -> None:
    """A server with an identity adds server_nonce, server_id_pk and server_sig, in their sizes and encodings."""
    seed, identity = seeded()
    async with probe.server(server_identity_seed=seed) as server:
        for mode in SecurityMode:
            members = await shown(server, server.hello(mode=mode))
            sized(server, members, SIZES)
            key = decode_base64(str(members.get("server_id_pk", "")))
            right = key == encode_spki(ML_DSA_65, identity.pk)
            server.ensure(right, f"{mode.value}: server_id_pk is {'the' if right else 'not the'} identity's key")


@case(
    "v3/server-identity/none",
    "V3-ID-01",
    ACCEPTED,
    needs=("server.start",),
    why="an identity that nobody configured is one that nobody can pin",
    cause="an identity is drawn at the start where none is configured",
)
async def no_identity(probe: ConfiguredProbe) -> None:
    """A server without an identity adds none of the three members."""
    async with probe.server() as server:
        members = await shown(server, server.hello())
        found = [name for name in MEMBERS if name in members]
        server.ensure(not found, f"{', '.join(found)} in the answer" if found else "none of them")


@case(
    "v3/server-identity/signature",
    "V3-ID-02",
    ACCEPTED,
    needs=NEEDS,
    why=NOBODY,
    cause="base64 texts are hashed instead of bytes, a length is missing or little-endian, or the hash is not signed",
)
async def signature(probe: ConfiguredProbe) -> None:
    """server_sig verifies over the transcript, in hybrid and, with an empty pk_x, in pqc-only."""
    seed, identity = seeded()
    async with probe.server(server_identity_seed=seed) as server:
        for mode in SecurityMode:
            begun = server.hello(mode=mode)
            signed_rightly(server, identity, begun, await shown(server, begun), mode.value)
        session = await server.session()
        server.accepted(await server.echo(session), "a request of a session with an identity")


@case(
    "v3/server-identity/pk-x-of-pqc-only-not-signed",
    "V3-ID-02",
    ACCEPTED,
    needs=NEEDS,
    why=NOBODY,
    cause="whatever pk_x holds is hashed, also in a mode in which it is not looked at",
)
async def pk_x_of_pqc_only_not_signed(probe: ConfiguredProbe) -> None:
    """In pqc-only a pk_x that is sent all the same is no part of the transcript."""
    seed, identity = seeded()
    async with probe.server(server_identity_seed=seed) as server:
        begun = server.hello(mode=SecurityMode.PQC_ONLY)
        further = begun.members | {"pk_x": server.hello().members["pk_x"]}
        reply = await server.handshake_bytes(dump_json(further))
        signed_rightly(server, identity, begun, answered(server, reply), "with a pk_x")


@case(
    "v3/server-identity/at-rotation",
    "V3-ID-01",
    ACCEPTED,
    needs=NEEDS,
    why="an identity that is proven once and not at rotation can be exchanged at rotation",
    cause="rotation has a handshake of its own",
)
async def at_rotation(probe: ConfiguredProbe) -> None:
    """The answer to a rotation has the identity too, signed over its own transcript."""
    seed, identity = seeded()
    async with probe.server(server_identity_seed=seed) as server:
        session = await server.session()
        begun = server.hello()
        members = await shown(server, begun, ROTATE_PATH, session.sid)
        signed_rightly(server, identity, begun, members, "rotation")


@case(
    "v3/server-identity/fresh-nonce",
    "V3-ID-09",
    ACCEPTED,
    needs=NEEDS,
    why=RELAYED,
    cause="the nonce is made at the start of the server, or derived from the client's keys",
)
async def fresh_nonce(probe: ConfiguredProbe) -> None:
    """Ten answers to one handshake have ten values of server_nonce and of server_sig."""
    seed, _ = seeded()
    async with probe.server(server_identity_seed=seed) as server:
        begun = server.hello()
        answers = [await shown(server, begun) for _ in range(10)]
        for name in ("server_nonce", "server_sig"):
            texts = {str(members.get(name)) for members in answers}
            server.ensure(len(texts) == 10, f"{len(texts)} values of {name} in 10 handshakes")


@case(
    "v3/server-identity/bound-nonce",
    "V3-ID-07",
    ACCEPTED,
    needs=NEEDS,
    why="the signature covers neither ct nor pk_x_server: who stands between puts its own in, and has the session",
    cause="server_nonce is random, as the published documents have it",
)
async def nonce_is_bound(probe: ConfiguredProbe) -> None:
    """server_nonce is the hash of ct and pk_x_server, in hybrid and in pqc-only."""
    seed, _ = seeded()
    async with probe.server(server_identity_seed=seed) as server:
        for mode in SecurityMode:
            members = await shown(server, server.hello(mode=mode))
            server.need(isinstance(members.get("server_nonce"), str), "no server_nonce")
            expected = bound_nonce(decode_base64(members["ct"]), decode_base64(str(members.get("pk_x_server", ""))))
            right = decode_base64(members["server_nonce"]) == expected
            server.ensure(
                right, f"{mode.value}: server_nonce {'commits' if right else 'does not commit'} to the answer"
            )

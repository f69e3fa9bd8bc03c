"""Client cases of V3: the identity of the server, pinned or not, and the nonce that commits to its half."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from nen_ref.conformance.cases.client_handshake import (
    HANDSHAKE,
    REQUEST,
    altered,
    members,
    refused_handshake,
    sends_a_right_request,
)
from nen_ref.conformance.client_probe import Client, ClientProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import with_unused_bits
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.conformance.scripted import Response, Script, Seen, as_it_should, json_response
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.primitives.x25519 import BASE_POINT
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.server_identity import bound_nonce, transcript_hash
from nen_ref.protocol.wire import decode_base64, encode_base64

PINNED = (*HANDSHAKE, "server_identity")
BOUND = (*PINNED, "bound")
UNPINNED = HANDSHAKE
PQC = "pqc-only"
MODES = ("hybrid", PQC)
IMPOSTOR = "whoever stands between answers in the server's place, and the client believes it"
HALF = "who strips a part of an identity gets the client to go on without one"
ORDINARY = "a server that behaves as published and no more would have no clients"


def with_identity(probe: ClientProbe, *, bound: bool = True) -> Identity:
    """A new identity of the scripted server, proven in each of its handshakes from now on."""
    identity = Identity.from_seed(random_bytes(32))
    probe.server.terms = replace(probe.server.terms, identity=identity, bound=bound)
    return identity


@dataclass(frozen=True)
class Proof:
    """What goes into the proof of one handshake, each part open to tampering."""

    pk_kem: bytes
    pk_x: bytes
    server_nonce: bytes
    sid: str

    @classmethod
    def of(cls, seen: Seen, right: dict[str, Any]) -> Proof:
        hello = members(json_response(seen.body))
        pk_x = decode_base64(hello["pk_x"]) if "pk_x" in hello else b""
        return cls(decode_base64(hello["pk_kem"]), pk_x, decode_base64(right["server_nonce"]), str(right["sid"]))

    @property
    def hash(self) -> bytes:
        return transcript_hash(self.pk_kem, self.pk_x, self.server_nonce, self.sid)


def proving(
    probe: ClientProbe, change: Callable[[Proof], Proof], by: Identity, context: bytes = b""
) -> Callable[[Seen], Response]:
    """The right answer to a handshake, whose signature is over what `change` makes of the transcript."""

    def script(seen: Seen) -> Response:
        right = members(probe.server.handshake(seen))
        tag = REFERENCE.ml_dsa_65_sign(by.sk, change(Proof.of(seen, right)).hash, context, random_bytes(32))
        return json_response(right | {"server_sig": encode_base64(tag)})

    return script


def relayed(probe: ClientProbe) -> Script:
    """What a relay without any identity key answers: all that the signature covers, and its own half of the secret."""

    def script(seen: Seen) -> Response:
        right = members(probe.server.handshake(seen))
        hello = members(json_response(seen.body))
        own = {"ct": encode_base64(REFERENCE.ml_kem_768_encaps(decode_base64(hello["pk_kem"]), random_bytes(32)).c)}
        if "pk_x" in hello:
            own["pk_x_server"] = encode_base64(REFERENCE.x25519(random_bytes(32), BASE_POINT))
        return json_response(right | own)

    return script


async def refused_by(probe: ClientProbe, client: Client, note: str, script: Script) -> None:
    """Judge a handshake of this client that is answered so."""
    probe.server.on_handshake = script
    probe.judge(await client.handshake(), note)


async def goes_on(probe: ClientProbe, note: str, script: Script = as_it_should, **options: Any) -> None:
    """A client with these options takes the answer, and a session comes of it."""
    client = await probe.client(**options)
    probe.server.on_handshake = script
    probe.judge(await client.handshake(), note)
    await sends_a_right_request(probe, client, note)


# A client that pins


@case(
    "v3/client-handshake/pinned",
    "V3-ID-04",
    ACCEPTED,
    needs=(*PINNED, "client.request", "security_mode"),
    why="a client that pins its server could not talk to it",
    cause="the transcript is hashed without its lengths, as texts, or in another order",
)
async def pinned(probe: ClientProbe) -> None:
    """A client takes the identity that it pins, in hybrid and in pqc-only, with a bound nonce and with a random one."""
    for bound in (True, False):
        identity = with_identity(probe, bound=bound)
        for mode in MODES:
            note = f"{mode}, {'bound' if bound else 'random'} nonce"
            await goes_on(probe, note, server_identity=identity.pk, security_mode=mode)


@case(
    "v3/client-handshake/pinned-and-absent",
    "V3-ID-03",
    "ISO-3006",
    needs=(*PINNED, "security_mode"),
    why=IMPOSTOR,
    cause="an identity is checked where there is one, and only then",
)
async def pinned_and_absent(probe: ClientProbe) -> None:
    """A client that pins refuses an answer without an identity, from a server that has none or that lost it on the way."""
    identity = Identity.from_seed(random_bytes(32))
    for mode in MODES:
        client = await probe.client(server_identity=identity.pk, security_mode=mode)
        await refused_by(probe, client, f"{mode}, none", as_it_should)
    probe.server.terms = replace(probe.server.terms, identity=identity)
    client = await probe.client(server_identity=identity.pk)
    stripped = altered(probe, server_nonce=None, server_id_pk=None, server_sig=None)
    await refused_by(probe, client, "stripped", stripped)


@case(
    "v3/client-handshake/pinned-and-another",
    "V3-ID-03",
    "ISO-3006",
    needs=PINNED,
    why=IMPOSTOR,
    cause="the signature is verified under the key that came with it, and the key compared with nothing",
)
async def pinned_and_another(probe: ClientProbe) -> None:
    """A client that pins refuses another identity, proven rightly, and one that differs in a single bit."""
    other = with_identity(probe)
    client = await probe.client(server_identity=Identity.from_seed(random_bytes(32)).pk)
    await refused_by(probe, client, "another", as_it_should)
    near = bytearray(other.pk)
    near[-1] ^= 1
    client = await probe.client(server_identity=bytes(near))
    await refused_by(probe, client, "one bit apart", as_it_should)
    near = bytearray(other.pk)
    near[0] ^= 0x80
    client = await probe.client(server_identity=bytes(near))
    await refused_by(probe, client, "one bit apart, in front", as_it_should)


@case(
    "v3/client-handshake/pinned-and-not-proven",
    "V3-ID-04",
    "ISO-3007",
    needs=PINNED,
    why=IMPOSTOR + ": the key is public",
    cause="the key is compared, and the signature not verified",
)
async def pinned_and_not_proven(probe: ClientProbe) -> None:
    """The pinned key beside a signature of another key, an altered one, or zeros is refused."""
    identity = with_identity(probe)
    other = Identity.from_seed(random_bytes(32))
    client = await probe.established(server_identity=identity.pk)
    await refused_by(probe, client, "signed by another", proving(probe, lambda proof: proof, other))
    for at in (0, 1500, 3308):

        def flip(seen: Seen, at: int = at) -> Response:
            right = members(probe.server.handshake(seen))
            tag = bytearray(decode_base64(right["server_sig"]))
            tag[at] ^= 1
            return json_response(right | {"server_sig": encode_base64(bytes(tag))})

        await refused_by(probe, client, f"byte {at} altered", flip)
    await refused_by(probe, client, "zeros", altered(probe, server_sig=encode_base64(bytes(3309))))


@case(
    "v3/client-handshake/proof-of-another-handshake",
    "V3-ID-04",
    "ISO-3007",
    needs=PINNED,
    why="a proof that was made once, for anybody, would serve for every client",
    cause="a part of the transcript is left out, or taken from the answer in place of what was sent",
)
async def proof_of_another_handshake(probe: ClientProbe) -> None:
    """A signature over another session id, another nonce, or other keys than this client sent is refused."""
    identity = with_identity(probe)
    client = await probe.established(server_identity=identity.pk)
    changes: dict[str, Callable[[Proof], Proof]] = {
        "another sid": lambda proof: replace(proof, sid=proof.sid[:-1] + "x"),
        "an empty sid": lambda proof: replace(proof, sid=""),
        "another pk_x": lambda proof: replace(proof, pk_x=random_bytes(32)),
        "no pk_x": lambda proof: replace(proof, pk_x=b""),
        "another pk_kem": lambda proof: replace(proof, pk_kem=proof.pk_kem[::-1]),
        "another nonce": lambda proof: replace(proof, server_nonce=random_bytes(32)),
        "a byte moved from one field to the next": lambda proof: replace(
            proof, pk_kem=proof.pk_kem + proof.pk_x[:1], pk_x=proof.pk_x[1:]
        ),
    }
    for note, change in changes.items():
        await refused_by(probe, client, note, proving(probe, change, identity))
    kept: list[dict[str, Any]] = []

    def recorded(seen: Seen) -> Response:
        right = members(probe.server.handshake(seen))
        kept.append(right)
        return json_response(right | {name: kept[0][name] for name in ("server_nonce", "server_sig")})

    probe.server.on_handshake = recorded
    first = await client.handshake()
    probe.ensure(first.ok, f"the handshake that is recorded: {first.describe()}")
    probe.judge(await client.handshake(), "the proof of an earlier handshake")


@case(
    "v3/client-handshake/proof-in-another-form",
    "V3-ID-02",
    "ISO-3007",
    needs=PINNED,
    why="a signature that the key gave elsewhere, over something else, would pass for a proof",
    cause="a context is set, the hash is hashed again, or the lengths are left out",
)
async def proof_in_another_form(probe: ClientProbe) -> None:
    """A signature with a context, over the transcript in place of its hash, or over a transcript without lengths is refused."""
    identity = with_identity(probe)
    client = await probe.established(server_identity=identity.pk)
    await refused_by(probe, client, "a context", proving(probe, lambda proof: proof, identity, b"nen/v3"))

    def over(text: Callable[[Proof], bytes]) -> Script:
        def script(seen: Seen) -> Response:
            right = members(probe.server.handshake(seen))
            tag = REFERENCE.ml_dsa_65_sign(identity.sk, text(Proof.of(seen, right)), b"", random_bytes(32))
            return json_response(right | {"server_sig": encode_base64(tag)})

        return script

    forms: dict[str, Callable[[Proof], bytes]] = {
        "the fields as they are": lambda proof: proof.pk_kem + proof.pk_x + proof.server_nonce + proof.sid.encode(),
        "the hash in hexadecimal": lambda proof: proof.hash.hex().encode(),
        "the key alone": lambda proof: proof.pk_kem,
        "nothing": lambda proof: b"",
    }
    for note, text in forms.items():
        await refused_by(probe, client, note, over(text))


@case(
    "v3/client-handshake/rotation-is-checked",
    "V3-ID-03",
    "ISO-3006",
    needs=(*PINNED, "client.rotate"),
    why=IMPOSTOR + ", from the first rotation on",
    cause="the identity is checked where a client begins, and not where it goes on",
)
async def rotation_is_checked(probe: ClientProbe) -> None:
    """A rotation answered without the pinned identity, or with another one, is refused."""
    identity = with_identity(probe)
    client = await probe.established(server_identity=identity.pk)
    probe.server.on_handshake = altered(probe, server_nonce=None, server_id_pk=None, server_sig=None)
    probe.judge(await client.rotate(), "stripped")
    probe.server.on_handshake = as_it_should
    with_identity(probe)
    probe.judge(await client.rotate(), "another")


@case(
    "v3/client-handshake/no-session-with-an-impostor",
    "V3-ID-03",
    "ISO-2001",
    "ISO-3006",
    also=("ISO-3006",),
    needs=(*PINNED, "client.request"),
    why="the client finds out, says so, and sends its data all the same",
    cause="the session is set before the identity is checked",
)
async def no_session_with_an_impostor(probe: ClientProbe) -> None:
    """After a handshake with another identity a request is ISO-2001, or ISO-3006 once more, and none is sent."""
    with_identity(probe)
    client = await probe.client(server_identity=Identity.from_seed(random_bytes(32)).pk)
    reply = await client.handshake()
    probe.ensure(reply.refused, f"the handshake: {reply.describe()}")
    probe.judge(await client.echo("secret"), "a request")
    probe.count("requests sent", len(probe.server.requests), 0)


# A client that pins nothing


@case(
    "v3/client-handshake/any-identity",
    "V3-ID-05",
    ACCEPTED,
    needs=(*UNPINNED, "client.request"),
    why=ORDINARY,
    cause="an identity that nobody asked for is an unknown member, or one is required",
)
async def any_identity(probe: ClientProbe) -> None:
    """A client without a pin takes an answer without an identity, and one with any that is proven."""
    await goes_on(probe, "without an identity")
    with_identity(probe)
    await goes_on(probe, "with one")
    with_identity(probe, bound=False)
    await goes_on(probe, "with one, and a random nonce")


@case(
    "v3/client-handshake/not-proven",
    "V3-ID-05",
    "ISO-3007",
    needs=UNPINNED,
    why="a signature that is wrong is the work of somebody, whoever was expected",
    cause="the identity is looked at only where one is pinned",
)
async def not_proven(probe: ClientProbe) -> None:
    """A client without a pin refuses an identity whose signature is of another key, or of another handshake."""
    identity = with_identity(probe)
    other = Identity.from_seed(random_bytes(32))
    await refused_handshake(probe, "signed by another", proving(probe, lambda proof: proof, other))
    await refused_handshake(
        probe, "over another sid", proving(probe, lambda proof: replace(proof, sid="other"), identity)
    )
    await refused_handshake(probe, "zeros", altered(probe, server_sig=encode_base64(bytes(3309))))


# The three members


def broken(probe: ClientProbe, name: str, sizes: tuple[int, ...]) -> dict[str, Script]:
    """Answers with this member of the identity left out, mistyped, undecodable or of another length."""

    def changed(change: Callable[[str], object]) -> Script:
        def script(seen: Seen) -> Response:
            right = members(probe.server.handshake(seen))
            return json_response(right | {name: change(right[name])})

        return script

    found = {
        "absent": altered(probe, **{name: None}),
        "null": changed(lambda text: None),
        "a number": changed(lambda text: 7),
        "an array": changed(lambda text: list(decode_base64(text))),
        "empty": changed(lambda text: ""),
        "not base64": changed(lambda text: "*" + text[1:]),
        "unpadded, or cut": changed(lambda text: text.rstrip("=")[:-1]),
    }
    for size in sizes:
        found[f"{size} bytes"] = changed(
            lambda text, size=size: encode_base64((decode_base64(text) + bytes(40))[:size])
        )
    return found


def pinning_or_not(identity: Identity) -> tuple[dict[str, Any], ...]:
    return {"server_identity": identity.pk}, {}


@case(
    "v3/client-handshake/key-of-the-identity",
    "V3-ID-06",
    "ISO-3006",
    "ISO-3007",
    "ISO-1004",
    needs=PINNED,
    why=HALF,
    cause="an identity whose key is missing counts as none, or its exception escapes",
)
async def key_of_the_identity(probe: ClientProbe) -> None:
    """A server_id_pk that is absent, mistyped, undecodable or no ML-DSA-65 key is refused, with a pin and without."""
    identity = with_identity(probe)
    for options in pinning_or_not(identity):
        probe.server.on_handshake = as_it_should
        client = await probe.established(**options)
        for note, script in broken(probe, "server_id_pk", (1951, 1953, 1973, 1975)).items():
            await refused_by(probe, client, f"{'pinned' if options else 'not pinned'}, {note}", script)


@case(
    "v3/client-handshake/proof-of-the-identity",
    "V3-ID-06",
    "ISO-3007",
    "ISO-3006",
    "ISO-1004",
    needs=PINNED,
    why=HALF,
    cause="a key without a signature counts as an identity, or its exception escapes",
)
async def proof_of_the_identity(probe: ClientProbe) -> None:
    """A server_nonce or server_sig that is absent, mistyped, undecodable or of the wrong length is refused."""
    identity = with_identity(probe)
    for options in pinning_or_not(identity):
        probe.server.on_handshake = as_it_should
        client = await probe.established(**options)
        for name, sizes in (("server_nonce", (16, 31, 33)), ("server_sig", (64, 3308, 3310))):
            for note, script in broken(probe, name, sizes).items():
                await refused_by(probe, client, f"{'pinned' if options else 'not pinned'}, {name} {note}", script)


@case(
    "v3/client-handshake/one-text-of-the-identity",
    "V1-WIRE-02",
    "ISO-3006",
    "ISO-3007",
    "ISO-1004",
    needs=PINNED,
    why="one value has one text: what is compared, logged or pinned as text is the same then",
    cause="the decoder of the platform is lenient",
)
async def one_text_of_the_identity(probe: ClientProbe) -> None:
    """A member of the identity with unused bits set, white space, or without padding is refused."""
    identity = with_identity(probe)
    client = await probe.established(server_identity=identity.pk)

    def written(name: str, change: Callable[[str], str]) -> Script:
        def script(seen: Seen) -> Response:
            right = members(probe.server.handshake(seen))
            return json_response(right | {name: change(right[name])})

        return script

    forms: dict[str, Callable[[str], str]] = {"a line feed": lambda text: text[:8] + "\n" + text[8:]}
    for name in ("server_nonce", "server_sig", "server_id_pk"):
        own = dict(forms)
        if name == "server_nonce":  # the only one of the three whose base64 is padded
            own |= {"unpadded": lambda text: text.rstrip("="), "unused bits": with_unused_bits}
        for note, change in own.items():
            await refused_by(probe, client, f"{name}, {note}", written(name, change))


@case(
    "v3/client-handshake/bare-key",
    "V3-ID-06",
    ACCEPTED,
    needs=(*PINNED, "client.request"),
    why="earlier implementations send the key without its SubjectPublicKeyInfo",
    cause="one encoding alone is read, or the two texts are compared with each other",
)
async def bare_key(probe: ClientProbe) -> None:
    """The pinned key as its bare 1952 bytes, or as SubjectPublicKeyInfo, is the same identity."""
    identity = with_identity(probe)
    for note, octets in {"bare": identity.pk, "SubjectPublicKeyInfo": encode_spki(ML_DSA_65, identity.pk)}.items():
        script = altered(probe, server_id_pk=encode_base64(octets))
        await goes_on(probe, note, script, server_identity=identity.pk)


# The bound nonce


@case(
    "v3/client-handshake/bound",
    "V3-ID-08",
    ACCEPTED,
    needs=(*BOUND, "client.request", "security_mode"),
    why="a client that demands it could talk to no server",
    cause="the label, the lengths, or the empty key of pqc-only are not as written",
)
async def bound(probe: ClientProbe) -> None:
    """A client that demands the bound nonce takes it, in hybrid and in pqc-only."""
    identity = with_identity(probe)
    for mode in MODES:
        await goes_on(probe, mode, server_identity=identity.pk, bound=True, security_mode=mode)


@case(
    "v3/client-handshake/relayed",
    "V3-ID-08",
    "ISO-3007",
    needs=(*BOUND, "security_mode"),
    why="a relay without any key has the session of the client, and answers its requests itself",
    cause="the nonce is signed and compared with nothing",
)
async def relay(probe: ClientProbe) -> None:
    """A client that demands the bound nonce refuses a relay that puts its own ct and pk_x_server in place of the server's."""
    identity = with_identity(probe)
    for mode in MODES:
        probe.server.on_handshake = as_it_should
        client = await probe.established(server_identity=identity.pk, bound=True, security_mode=mode)
        await refused_by(probe, client, f"{mode}, both halves", relayed(probe))

    def one_half(seen: Seen, name: str) -> Response:
        right = members(probe.server.handshake(seen))
        own = members(relayed(probe)(seen) or Response())
        return json_response(right | {name: own[name]})

    client = await probe.client(server_identity=identity.pk, bound=True)
    for name in ("ct", "pk_x_server"):
        await refused_by(probe, client, f"hybrid, {name}", lambda seen, name=name: one_half(seen, name))


@case(
    "v3/client-handshake/bound-to-something-else",
    "V3-ID-08",
    "ISO-3007",
    needs=BOUND,
    why="a nonce that commits to less than the whole half of the server leaves the rest to the relay",
    cause="the nonce is recomputed from a part, or only compared where it looks right",
)
async def bound_to_something_else(probe: ClientProbe) -> None:
    """A random nonce, and one that commits to ct or to pk_x_server alone, is refused though it is signed."""
    identity = with_identity(probe, bound=False)
    client = await probe.client(server_identity=identity.pk, bound=True)
    await refused_by(probe, client, "random", as_it_should)

    def committing(make: Callable[[bytes, bytes], bytes]) -> Script:
        def script(seen: Seen) -> Response:
            right = members(probe.server.handshake(seen))
            nonce = make(decode_base64(right["ct"]), decode_base64(right["pk_x_server"]))
            proof = replace(Proof.of(seen, right), server_nonce=nonce)
            tag = REFERENCE.ml_dsa_65_sign(identity.sk, proof.hash, b"", random_bytes(32))
            return json_response(right | {"server_nonce": encode_base64(nonce), "server_sig": encode_base64(tag)})

        return script

    makers: dict[str, Callable[[bytes, bytes], bytes]] = {
        "ct alone": lambda ct, pk_x: bound_nonce(ct, b""),
        "pk_x_server alone": lambda ct, pk_x: bound_nonce(b"", pk_x),
        "the other order": lambda ct, pk_x: bound_nonce(pk_x, ct),
        "zeros": lambda ct, pk_x: bytes(32),
    }
    for note, make in makers.items():
        await refused_by(probe, client, note, committing(make))


@case(
    "v3/client-handshake/bound-and-absent",
    "V3-ID-08",
    "ISO-3006",
    needs=(*HANDSHAKE, "bound"),
    why=HALF,
    cause="the nonce is compared where there is one",
)
async def bound_and_absent(probe: ClientProbe) -> None:
    """A client that demands the bound nonce, with no pin, refuses an answer without an identity."""
    client = await probe.client(bound=True)
    await refused_by(probe, client, "none", as_it_should)


@case(
    "v3/client-handshake/not-bound-and-not-demanded",
    "V3-ID-08",
    ACCEPTED,
    needs=(*PINNED, "client.request"),
    why=ORDINARY,
    cause="the bound nonce is demanded by itself",
)
async def not_demanded(probe: ClientProbe) -> None:
    """A client that pins and demands nothing more takes a random nonce."""
    identity = with_identity(probe, bound=False)
    await goes_on(probe, "pinned", server_identity=identity.pk)


@case(
    "v3/client-request/after-a-resumption-of-a-pinned-server",
    "V3-TICKET-03",
    ACCEPTED,
    needs=(*PINNED, *REQUEST, "client.resume"),
    why="clients that pin could not resume",
    cause="the identity is looked for in the answer to a resumption, which has none",
)
async def resumption_of_a_pinned_server(probe: ClientProbe) -> None:
    """A client that pins resumes: who can answer has the ticket key, or took part in the handshake that was checked."""
    identity = with_identity(probe)
    client = await probe.established(server_identity=identity.pk)
    reply = await client.resume()
    probe.judge(reply)
    probe.gave(reply, "resume", resumed=True)
    await sends_a_right_request(probe, client, "under the resumed session")

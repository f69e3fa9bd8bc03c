"""The harnesses of tests/interop/node and tests/interop/wasm through the suite's own driver.

What they answer is compared with implementations that are neither theirs nor ours: kyber-py, dilithium-py and
cryptography, behind `nen_ref.providers`, and the standard library.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nen_ref.conformance.harness.driver import Harness, Reply
from nen_ref.conformance.harness.operations import OPERATIONS, OPTIONS
from nen_ref.conformance.model import Outcome
from nen_ref.providers import pyca, pypi

HERE = Path(__file__).parent
NODE = HERE / "node"
WASM = HERE / "wasm"

pytestmark = [
    pytest.mark.interop,
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
    pytest.mark.skipif(not (NODE / "node_modules").is_dir(), reason="npm packages are missing: run `make interop`"),
]

BOTH = pytest.mark.parametrize(
    "folder",
    [
        NODE,
        pytest.param(
            WASM,
            marks=pytest.mark.skipif(
                not (WASM / "node_modules").is_dir(), reason="npm packages of wasm are missing: run `make interop`"
            ),
        ),
    ],
    ids=["node", "wasm"],
)

SEEDED = {
    "ml_kem_768.keygen",
    "ml_kem_768.encaps",
    "ml_dsa_65.keygen",
    "ml_dsa_65.sign",
    "handshake.hello",
    "handshake.respond",
    "handshake.finish",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Harness]:
    async with Harness(["node", str(folder / "harness.mjs")]) as harness:
        await harness.start()
        yield harness


async def done(harness: Harness, op: str, **args: object) -> Reply:
    """The answer to an operation that has to go well; the driver has checked it against the schema."""
    reply = await harness.run(op, **args)
    assert reply.ok, f"{op}: {reply.describe()} {dict(reply.values)}"
    return reply


def octets(reply: Reply, name: str) -> bytes:
    return bytes.fromhex(reply[name])


@BOTH
async def test_what_it_offers(folder: Path) -> None:
    async with Harness(["node", str(folder / "harness.mjs")]) as harness:
        said = await harness.start()
        assert said.protocols == ("v1",)
        assert (set(OPERATIONS) | set(OPTIONS)) - said.offers == (SEEDED if folder == WASM else set())
        assert await harness.stop() == 0


@pytest.mark.skipif(not (WASM / "node_modules").is_dir(), reason="npm packages of wasm are missing: run `make interop`")
async def test_the_unit_tests_of_wasm() -> None:
    """Among them: with the WebAssembly poisoned, nothing post-quantum works."""
    async with await anyio.open_process(["node", "--test"], cwd=WASM, start_new_session=True) as process:
        assert process.stdout is not None
        said = b"".join([piece async for piece in process.stdout]).decode()
        assert await process.wait() == 0, said
    counts = dict(line[2:].rsplit(" ", 1) for line in said.splitlines() if line.startswith("# "))
    assert counts["fail"] == counts["cancelled"] == "0"
    assert int(counts["pass"]) > 0


@BOTH
async def test_symmetric_primitives(folder: Path) -> None:
    key, nonce, text = bytes(range(32)), bytes(range(12)), "Grüße, 世界".encode()
    async with started(folder) as harness:
        reply = await done(harness, "hmac_sha256", key=key, message=text)
        assert octets(reply, "mac") == hmac.digest(key, text, hashlib.sha256)
        reply = await done(harness, "aead.seal", key=key, nonce=nonce, plaintext=text)
        sealed = ChaCha20Poly1305(key).encrypt(nonce, text, None)
        assert octets(reply, "ciphertext") == sealed
        reply = await done(harness, "aead.open", key=key, nonce=nonce, ciphertext=sealed)
        assert octets(reply, "plaintext") == text
        for bad in (b"", sealed[:-1], bytes([sealed[0] ^ 1]) + sealed[1:]):
            assert (await harness.run("aead.open", key=key, nonce=nonce, ciphertext=bad)).code == "ISO-4001"


@BOTH
async def test_ml_kem_with_its_own_randomness(folder: Path) -> None:
    ek, dk = pypi.ml_kem_768_keygen(bytes(32), bytes(range(32)))
    async with started(folder) as harness:
        made = await done(harness, "ml_kem_768.encapsulate", ek=ek)
        assert octets(made, "K") == pypi.ml_kem_768_decaps(dk, octets(made, "c"))
        pair = await done(harness, "ml_kem_768.new_key_pair")
        K, c = pypi.ml_kem_768_encaps(octets(pair, "ek"), bytes(32))
        assert octets(await done(harness, "ml_kem_768.decaps", dk=octets(pair, "dk"), c=c), "K") == K
        tampered = bytes([c[0] ^ 1]) + c[1:]
        rejected = await done(harness, "ml_kem_768.decaps", dk=octets(pair, "dk"), c=tampered)
        assert octets(rejected, "K") == pypi.ml_kem_768_decaps(octets(pair, "dk"), tampered) != K
        for bad in (b"", ek[:-1], b"\xff\xff\xff" + ek[3:]):
            assert (await harness.run("ml_kem_768.encapsulate", ek=bad)).code == "ISO-1002"
        assert (await harness.run("ml_kem_768.decaps", dk=dk, c=c[1:])).code == "ISO-1002"
        wrong_hash = dk[:2336] + bytes([dk[2336] ^ 1]) + dk[2337:]
        assert (await harness.run("ml_kem_768.decaps", dk=wrong_hash, c=c)).code == "ISO-1002"


@BOTH
async def test_ml_dsa_with_its_own_randomness(folder: Path) -> None:
    pk, sk = pypi.ml_dsa_65_keygen(bytes(range(32)))
    message = b"raw bytes \x00\xff"
    async with started(folder) as harness:
        signed = await done(harness, "ml_dsa_65.sign_hedged", sk=sk, message=message)
        assert pyca.ml_dsa_65_verify(pk, message, octets(signed, "signature"), b"")
        again = await done(harness, "ml_dsa_65.sign_hedged", sk=sk, message=message)
        assert again["signature"] != signed["signature"]
        pair = await done(harness, "ml_dsa_65.new_key_pair")
        signature = pypi.ml_dsa_65_sign(octets(pair, "sk"), message, b"", bytes(32))
        public = octets(pair, "pk")
        for text, sig, valid in (
            (message, signature, True),
            (message + b"x", signature, False),
            (message, signature[:-1], False),
            (message, b"", False),
        ):
            reply = await done(harness, "ml_dsa_65.verify", pk=public, message=text, signature=sig)
            assert reply["valid"] is valid


async def test_seeded_primitives_byte_for_byte() -> None:
    d, z, m, xi = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96)), bytes(range(96, 128))
    async with started(NODE) as harness:
        ek, dk = pypi.ml_kem_768_keygen(d, z)
        assert dict((await done(harness, "ml_kem_768.keygen", d=d, z=z)).values) == {"ek": ek.hex(), "dk": dk.hex()}
        K, c = pypi.ml_kem_768_encaps(ek, m)
        assert dict((await done(harness, "ml_kem_768.encaps", ek=ek, m=m)).values) == {"K": K.hex(), "c": c.hex()}
        pk, sk = pypi.ml_dsa_65_keygen(xi)
        assert dict((await done(harness, "ml_dsa_65.keygen", xi=xi)).values) == {"pk": pk.hex(), "sk": sk.hex()}
        for rnd in (bytes(32), m):
            reply = await done(harness, "ml_dsa_65.sign", sk=sk, message=b"text", rnd=rnd)
            assert octets(reply, "signature") == pypi.ml_dsa_65_sign(sk, b"text", b"", rnd)


async def test_seeded_handshake_and_its_trace() -> None:
    d, z, m, key = bytes(32), bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
    ek, _ = pypi.ml_kem_768_keygen(d, z)
    K, c = pypi.ml_kem_768_encaps(ek, m)
    async with started(NODE) as harness:
        hello = await done(harness, "handshake.hello", d=d, z=z)
        assert json.loads(hello["body"]) == {"pk": base64.b64encode(ek).decode()}
        assert hello.trace == {"ek": ek.hex()}
        answer = await done(harness, "handshake.respond", body=hello["body"], m=m, hmac_key=key, sid="s")
        texts = {"sid": "s", "ct": base64.b64encode(c).decode(), "hmac": base64.b64encode(key).decode()}
        assert json.loads(answer["body"]) == texts
        assert octets(answer, "secret") == K
        keys = await done(harness, "handshake.finish", d=d, z=z, status=200, body=answer["body"])
        assert dict(keys.values) == {"sid": "s", "secret": K.hex(), "hmac_key": key.hex()}
        assert keys.trace == {"ek": ek.hex(), "ct": c.hex(), "secret": K.hex(), "hmac_key": key.hex()}


@BOTH
async def test_a_request_step_by_step(folder: Path) -> None:
    """The canonical string, its HMAC and the sealed body are made here, by hand."""
    secret, key, n, payload = bytes(32), bytes(range(32)), bytes(range(12)), '{"a":"é"}'
    nonce = base64.b64encode(n).decode()
    canonical = f"POST\n/a%2Fb\n1000\n{nonce}"
    signature = base64.b64encode(hmac.digest(key, canonical.encode(), hashlib.sha256)).decode()
    ct = ChaCha20Poly1305(secret).encrypt(n, payload.encode(), None)
    body = json.dumps({"ct": base64.b64encode(ct).decode(), "n": nonce})
    headers = {"X-Nen-Session": "s", "x-nen-timestamp": "1000", "X-NEN-SIGNATURE": signature}
    sent: dict[str, object] = {"method": "POST", "target": "/a%2Fb?q", "headers": headers, "body": body}
    session = {"sid": "s", "secret": secret.hex(), "hmac_key": key.hex()}
    async with started(folder) as harness:
        signed = await done(
            harness, "request.sign", hmac_key=key, method="post", target="/a%2Fb?q", timestamp="1000", nonce=nonce
        )
        assert signed["signature"] == signature
        sealed = await done(harness, "payload.seal", secret=secret, n=n, payload=payload)
        assert json.loads(sealed["body"]) == json.loads(body)
        verified = await done(harness, "request.verify", session=session, now=31000, used_nonces=[], request=sent)
        assert verified["payload"] == payload
        assert verified.trace["canonical_string"] == canonical
        changes: dict[str, dict[str, object]] = {
            "ISO-2002": {"session": None},
            "ISO-3003": {"now": 31001},
            "ISO-5001": {"used_nonces": [n]},
            "ISO-2003": {"request": sent | {"headers": {}}},
            "ISO-6001": {"request": sent | {"body": "[]"}},
            "ISO-3001": {"request": sent | {"headers": {"x-nen-session": "s"}}},
            "ISO-3002": {"request": sent | {"target": "/a/b"}},
        }
        right: dict[str, object] = {"session": session, "now": 1000, "used_nonces": [], "request": sent}
        for code, change in changes.items():
            args = right | change
            assert (await harness.run("request.verify", **args)).code == code


@BOTH
async def test_a_stream_step_by_step(folder: Path) -> None:
    secret, base_nonce = bytes(range(32)), bytes(range(12))

    def event(index: int, text: str) -> str:
        counter = int.from_bytes(base_nonce[8:], "little") ^ index
        ct = ChaCha20Poly1305(secret).encrypt(base_nonce[:8] + counter.to_bytes(4, "little"), text.encode(), None)
        return f"data: {base64.b64encode(ct).decode()}\n\n"

    whole = event(0, "é") + event(1, "b") + event(2, "__FIN__")
    async with started(folder) as harness:
        sealed = await done(harness, "stream.seal", secret=secret, base_nonce=base_nonce, chunks=["é", "b"])
        assert sealed["body"] == whole
        at = await done(harness, "stream.seal_at", secret=secret, base_nonce=base_nonce, index=2**32 - 2, chunk="x")
        assert at["body"] == event(2**32 - 2, "x")
        full = await harness.run("stream.seal_at", secret=secret, base_nonce=base_nonce, index=2**32 - 1, chunk="x")
        assert full.code == "ISO-4002"
        pieces = [bytes([byte]) for byte in whole.encode()]
        opened = await done(harness, "stream.open", secret=secret, base_nonce=base_nonce, pieces=pieces)
        assert opened["text"] == "éb"
        cut = await harness.run("stream.open", secret=secret, base_nonce=base_nonce, pieces=pieces[:-1])
        assert (cut.code, cut["released"]) == ("ISO-7002", "éb")
        swapped = (event(0, "a") + event(2, "c") + event(1, "b")).encode()
        broken = await harness.run("stream.open", secret=secret, base_nonce=base_nonce, pieces=[swapped])
        assert (broken.code, broken["released"]) == ("ISO-4001", "a")


@BOTH
async def test_its_client_with_its_server(folder: Path) -> None:
    pk, _ = pypi.ml_dsa_65_keygen(bytes(range(32)))
    async with started(folder) as harness:
        pinning = await done(harness, "server.start", pinned_identities=[pk])
        stranger = await done(harness, "client.new", base_url=pinning["url"])
        assert (await harness.run("client.handshake", client=stranger["client"])).code == "ISO-1004"
        known = await done(harness, "client.new", base_url=pinning["url"], identity_seed=bytes(range(32)))
        client = known["client"]
        made = await done(harness, "client.handshake", client=client)
        answer = await done(harness, "client.request", client=client, method="POST", target="/api/echo", payload=["é"])
        assert dict(answer.values) == {"status": 200, "payload": {"method": "POST", "body": ["é"]}}
        key = bytes.fromhex(made.trace["hmac_key"])
        tag = hmac.digest(key, answer.trace["canonical_string"].encode(), hashlib.sha256)
        assert answer.trace["signature"] == base64.b64encode(tag).decode()
        streamed = await done(harness, "client.stream", client=client, method="GET", target="/api/stream")
        assert streamed["text"] == "abc"
        assert (await done(harness, "client.status", client=client))["valid"]
        await done(harness, "client.terminate", client=client)
        gone = await harness.run("client.request", client=client, method="GET", target="/api/echo")
        assert gone.code == "ISO-2001"
        await done(harness, "server.stop", server=pinning["server"])


@BOTH
async def test_a_fault_in_an_operation_costs_no_other(folder: Path) -> None:
    async with started(folder) as harness:
        reply = await harness.run("aead.seal", key=b"short", nonce=bytes(12), plaintext=b"")
        assert reply.failure is Outcome.CRASH
        assert (await done(harness, "error.status", code="ISO-5001"))["status"] == 409

"""The harnesses of tests/interop/node and tests/interop/wasm through the suite's own driver.

What they answer is compared with implementations that are neither theirs nor ours: kyber-py, dilithium-py and
cryptography, behind `nen_ref.providers`, and the standard library.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nen_ref.conformance.harness.driver import Harness, Reply
from nen_ref.conformance.harness.operations import OPERATIONS, OPTIONS
from nen_ref.conformance.model import Outcome
from nen_ref.providers import pyca, pypi
from tests.interop.foreign import NODE, SEEDED, WASM, needs

pytestmark = [*needs(NODE), pytest.mark.anyio]

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
        assert said.protocols == ("v1", "v2", "v3")
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


def hkdf(ikm: bytes, info: str) -> bytes:
    """HKDF-SHA256 without a salt, 32 bytes, written out: RFC 5869, 2.2 and 2.3."""
    prk = hmac.digest(bytes(32), ikm, hashlib.sha256)
    return hmac.digest(prk, info.encode() + b"\x01", hashlib.sha256)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def framed(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def public(k: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(k).public_key().public_bytes_raw()


@BOTH
async def test_primitives_of_v3(folder: Path) -> None:
    ours, theirs = bytes(range(32)), bytes(range(32, 64))
    shared = X25519PrivateKey.from_private_bytes(ours).exchange(X25519PublicKey.from_public_bytes(public(theirs)))
    async with started(folder) as harness:
        for k, u, expected in ((ours, public(theirs), shared), (ours, bytes(32), bytes(32))):
            assert octets(await done(harness, "x25519", k=k, u=u), "shared") == expected
        for k, u in ((ours[1:], bytes(32)), (ours, bytes(33))):
            assert (await harness.run("x25519", k=k, u=u)).code == "ISO-1002"
        okm = await done(harness, "hkdf_sha256", ikm=ours, info=b"label", length=32)
        assert octets(okm, "okm") == hkdf(ours, "label")
        assert (await harness.run("hkdf_sha256", ikm=ours, info=b"", length=8161)).code == "ISO-9000"


@BOTH
async def test_the_key_schedule_of_v3(folder: Path) -> None:
    x_ss, kem_ss, rn, srn = (bytes([i]) * 32 for i in range(4))
    ss = hkdf(x_ss + kem_ss, "nen/v3 hybrid")
    enc, mac, psk = (hkdf(ss, label) for label in ("nen/v3 enc", "nen/v3 mac", "nen/v3 resume"))
    async with started(folder) as harness:
        assert octets(await done(harness, "v3.combine", x_ss=x_ss, kem_ss=kem_ss), "ss") == ss
        derived = await done(harness, "v3.derive", ss=ss)
        assert dict(derived.values) == {"enc": enc.hex(), "mac": mac.hex(), "psk": psk.hex()}
        ratcheted = {"enc": hkdf(enc, "nen/v3 ratchet").hex(), "mac": hkdf(mac, "nen/v3 ratchet").hex()}
        assert dict((await done(harness, "v3.ratchet", enc=enc, mac=mac)).values) == ratcheted

        key, nonce, after = bytes(range(32)), bytes(12), bytes([1]) * 12
        text = json.dumps({"psk": b64(psk), "exp": 2000}, separators=(",", ":")).encode()
        sealed = await done(harness, "v3.ticket_seal", psk=psk, expires=2000, key=key, nonce=nonce)
        ticket = f"{b64(nonce)}.{b64(ChaCha20Poly1305(key).encrypt(nonce, text, None))}"
        assert sealed["ticket"] == ticket
        for keys, now, expected in (([key], 1999, psk.hex()), ([x_ss, key], 0, psk.hex()), ([key], 2000, None)):
            assert (await done(harness, "v3.ticket_open", ticket=ticket, keys=keys, now=now))["psk"] == expected

        body = json.dumps({"resume": ticket, "rn": b64(rn)})
        draws = {"srn": srn, "sid": "s", "ticket_nonce": after, "ticket_expires": 3000}
        answer = await done(harness, "v3.resume_respond", body=body, keys=[key], now=0, **draws)
        resumed = hkdf(psk + rn + srn, "nen/v3 resume-ss")
        keys_now = {"enc": hkdf(resumed, "nen/v3 enc").hex(), "mac": hkdf(resumed, "nen/v3 mac").hex()}
        assert {"enc": answer["enc"], "mac": answer["mac"]} == keys_now
        fresh = ChaCha20Poly1305(key).encrypt(after, text.replace(b"2000", b"3000"), None)
        assert json.loads(answer["body"]) == {
            "sid": "s", "srn": b64(srn), "ticket": f"{b64(after)}.{b64(fresh)}", "resumed": True,
        }  # fmt: skip
        finished = await done(harness, "v3.resume_finish", psk=psk, rn=rn, status=200, body=answer["body"])
        assert dict(finished.values) == {
            "resumed": True, "sid": "s", "ticket": f"{b64(after)}.{b64(fresh)}", **keys_now,
        }  # fmt: skip
        late = await done(harness, "v3.resume_respond", body=body, keys=[key], now=2000, **draws)
        assert dict(late.values) == {"status": 409, "body": '{"resumed":false}'}
        declined = await done(harness, "v3.resume_finish", psk=psk, rn=rn, status=409, body=late["body"])
        assert dict(declined.values) == {"resumed": False}


@pytest.mark.parametrize("hybrid", [True, False], ids=["hybrid", "pqc-only"])
async def test_seeded_handshake_of_v3(hybrid: bool) -> None:
    d, z, m, x, y, seed = (bytes([i]) * 32 for i in range(1, 7))
    ek, _ = pypi.ml_kem_768_keygen(d, z)
    kem_ss, ct = pypi.ml_kem_768_encaps(ek, m)
    shared = X25519PrivateKey.from_private_bytes(x).exchange(X25519PublicKey.from_public_bytes(public(y)))
    ss = hkdf(shared + kem_ss, "nen/v3 hybrid") if hybrid else kem_ss
    enc, mac, psk = (hkdf(ss, label) for label in ("nen/v3 enc", "nen/v3 mac", "nen/v3 resume"))
    pk_x, pk_x_server = (public(x), public(y)) if hybrid else (b"", b"")
    bound = hashlib.sha256(b"nen/v3 bound nonce" + framed(ct, pk_x_server)).digest()
    transcript = hashlib.sha256(framed(ek, pk_x, bound, b"sid")).digest()
    pk, sk = pypi.ml_dsa_65_keygen(seed)
    ours: dict[str, object] = {"d": d, "z": z} | ({"x": x} if hybrid else {})
    async with started(NODE) as harness:
        hello = await done(harness, "v3.hello", **ours)
        mode = {"securityMode": "hybrid", "pk_x": b64(pk_x)} if hybrid else {"securityMode": "pqc-only"}
        assert json.loads(hello["body"]) == {"pk_kem": b64(ek)} | mode
        answer = await done(
            harness, "v3.respond", body=hello["body"], m=m, x=y, sid="sid", ticket_key=bytes(32),
            ticket_nonce=bytes(12), ticket_expires=1, identity_seed=seed,
        )  # fmt: skip
        assert {name: answer[name] for name in ("enc", "mac", "psk")} == {
            "enc": enc.hex(), "mac": mac.hex(), "psk": psk.hex(),
        }  # fmt: skip
        members = json.loads(answer["body"])
        assert (members["sid"], members["ct"], members["server_nonce"]) == ("sid", b64(ct), b64(bound))
        assert members.get("pk_x_server", "") == b64(pk_x_server)
        assert base64.b64decode(members["server_sig"]) == pypi.ml_dsa_65_sign(sk, transcript, b"", bytes(32))
        finish = ours | {"status": 200, "body": answer["body"], "pinned": pk, "bound": True}
        finished = await done(harness, "v3.finish", **finish)
        assert (finished["sid"], finished["enc"], finished["mac"]) == ("sid", enc.hex(), mac.hex())
        assert (finished["psk"], finished["ticket"]) == (psk.hex(), members["ticket"])
        assert (await harness.run("v3.finish", **finish | {"pinned": bytes(1952)})).code == "ISO-3006"
        relayed = json.dumps(members | {"ct": b64(pypi.ml_kem_768_encaps(ek, d)[1])})
        assert (await harness.run("v3.finish", **finish | {"body": relayed})).code == "ISO-3007"


@BOTH
async def test_sealed_envelopes_step_by_step(folder: Path) -> None:
    ek, dk = pypi.ml_kem_768_keygen(bytes(32), bytes(32))
    K, kem = pypi.ml_kem_768_encaps(ek, bytes(32))
    n, payload = bytes(range(12)), b"payload"

    def envelope(label: str, **more: object) -> str:
        ct = ChaCha20Poly1305(hkdf(K, label)).encrypt(n, payload, None)
        return json.dumps({"v": 1, "kem": b64(kem), "n": b64(n), "ct": b64(ct)} | more)

    plain, here = envelope("nen/seal v1 cek"), envelope("nen/seal v1 cek|here", ctx="here")
    cek = hkdf(K, "nen/seal v1 cek")
    pieces = [
        ChaCha20Poly1305(hkdf(cek, f"nen/seal v1 frame:{i}")).encrypt(bytes(12), payload[4 * i : 4 * i + 4], None)
        for i in range(2)
    ]
    frames = json.dumps({"v": 1, "kem": b64(kem), "frameSize": 4, "size": 7, "frames": [b64(p) for p in pieces]})
    async with started(folder) as harness:
        for body, context in ((plain, None), (here, "here")):
            opened = await done(harness, "seal.open", dk=dk, body=body, context=context)
            assert octets(opened, "payload") == payload
        for body, context in ((plain, "here"), (here, None), (here, "there")):
            assert (await harness.run("seal.open", dk=dk, body=body, context=context)).code == "ISO-4001"
        whole = {"dk": dk, "body": frames, "context": None, "size_in_context": False}
        for size in (7, None):
            assert octets(await done(harness, "seal.open_frames", **whole, size=size), "payload") == payload
        assert (await harness.run("seal.open_frames", **whole, size=8)).code == "ISO-4001"
        if folder == NODE:
            made = await done(harness, "seal.seal", ek=ek, payload=payload, context="here", m=bytes(32), n=n)
            assert json.loads(made["body"]) == json.loads(here)
            made = await done(
                harness, "seal.frames", ek=ek, payload=payload, context=None, m=bytes(32), frame_size=4
            )  # fmt: skip
            assert json.loads(made["body"]) == json.loads(frames)


@BOTH
@pytest.mark.parametrize("mode", ["hybrid", "pqc-only"])
async def test_its_client_with_its_server_in_v3(folder: Path, mode: str) -> None:
    seed = bytes(range(32))
    pk, _ = pypi.ml_dsa_65_keygen(seed)
    async with started(folder) as harness:
        server = await done(harness, "server.start", protocols=["v1", "v2", "v3"], server_identity_seed=seed)
        options = {"base_url": server["url"], "protocol": "v3", "security_mode": mode, "bound": True}
        stranger = await done(harness, "client.new", **options, server_identity=bytes(1952))
        assert (await harness.run("client.handshake", client=stranger["client"])).code == "ISO-3006"
        client = (await done(harness, "client.new", **options, server_identity=pk))["client"]
        made = await done(harness, "client.handshake", client=client)

        async def key_of_request() -> str:
            answer = await done(harness, "client.request", client=client, method="POST", target="/api/echo", payload=1)
            assert answer["payload"] == {"method": "POST", "body": 1}
            assert answer.trace["canonical_string"].rsplit("\n", 1)[1] == b64(bytes.fromhex(answer.trace["nonce"]))
            return answer.trace["secret"]

        assert await key_of_request() == made.trace["enc"]
        await done(harness, "client.rekey", client=client)
        assert await key_of_request() == hkdf(bytes.fromhex(made.trace["enc"]), "nen/v3 ratchet").hex()
        assert (await done(harness, "client.resume", client=client))["resumed"]
        assert len(await key_of_request()) == 64
        old = await done(harness, "client.new", base_url=server["url"])  # V1, beside it
        await done(harness, "client.handshake", client=old["client"])
        for op in ("client.terminate", "client.close"):
            await done(harness, op, client=client)


@BOTH
async def test_a_fault_in_an_operation_costs_no_other(folder: Path) -> None:
    async with started(folder) as harness:
        reply = await harness.run("aead.seal", key=b"short", nonce=bytes(12), plaintext=b"")
        assert reply.failure is Outcome.CRASH
        assert (await done(harness, "error.status", code="ISO-5001"))["status"] == 409

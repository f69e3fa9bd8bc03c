"""Worked examples of ChaCha20, Poly1305, their AEAD and HMAC-SHA256."""

from __future__ import annotations

import struct
from hashlib import sha256

from docs.make.worked_model import Example, Final, Make, Step, vector
from nen_ref.primitives import chacha20_poly1305 as chacha
from nen_ref.primitives import hmac_sha256 as hmac
from nen_ref.primitives.errors import AuthenticationError

BLOCK = "primitives/chacha20_block/rfc-8439-2-3-2"
SEAL = "primitives/aead_seal/rfc-8439-2-4-2"


def _words(state: list[int]) -> str:
    return " ".join(f"{word:08x}" for word in state)


def quarter_round() -> Example:
    found = vector(BLOCK)
    given = found.input
    start = chacha.initial_state(given["key"], given["counter"], given["nonce"])
    state = list(start)
    before = _words([state[i] for i in (0, 4, 8, 12)])
    chacha.quarter_round(state, 0, 4, 8, 12)
    after = _words([state[i] for i in (0, 4, 8, 12)])
    state = list(start)
    chacha.inner_block(state)
    two_rounds = _words(state[:4])
    for _ in range(9):
        chacha.inner_block(state)
    total = [(a + b) & chacha.MASK_32 for a, b in zip(start, state, strict=True)]
    steps = [
        Step("words 0, 4, 8, 12", before, "the first column of the state"),
        Step("after one quarter round", after, "four additions, four XORs, four rotations"),
        Step("words 0 to 3 after inner_block", two_rounds, "eight quarter rounds: four columns, four diagonals"),
    ]
    return Example(
        found,
        steps,
        [Final("after ten of them, added to the start", struct.pack("<16L", *total), found.output["block"], "block")],
    )


def block() -> Example:
    found = vector(BLOCK)
    given = found.input
    state = chacha.initial_state(given["key"], given["counter"], given["nonce"])
    working = list(state)
    for _ in range(10):
        chacha.inner_block(working)
    steps = [
        Step("key", given["key"]),
        Step("nonce", given["nonce"]),
        Step("counter", given["counter"]),
        Step("row 1: constants", _words(state[:4]), "'expand 32-byte k'"),
        Step("row 2: key", _words(state[4:8]), "little-endian words"),
        Step("row 3: key", _words(state[8:12])),
        Step("row 4: counter, nonce", _words(state[12:])),
        Step("row 1 after 20 rounds", _words(working[:4])),
        Step(
            "row 1 added to the start",
            _words([(a + b) & chacha.MASK_32 for a, b in zip(state, working, strict=True)][:4]),
        ),
    ]
    computed = chacha.chacha20_block(given["key"], given["counter"], given["nonce"])
    return Example(found, steps, [Final("block", computed, found.output["block"], "block")])


def encrypt() -> Example:
    found = vector(SEAL)
    key, nonce, plaintext = (found.input[name] for name in ("key", "nonce", "plaintext"))
    stream = chacha.chacha20_blocks(key, 1, nonce, 2)
    cipher = chacha.ChaCha20(key, 1, nonce)
    pieces = cipher.update(plaintext[:10]) + cipher.update(plaintext[10:])
    computed = chacha.chacha20_encrypt(key, 1, nonce, plaintext)
    steps = [
        Step("plaintext", plaintext, f"begins '{plaintext[:18].decode()}'"),
        Step("block 1", stream[:64], "64 bytes of key stream"),
        Step("block 2", stream[64:], "of which 50 are used"),
        Step("the same in two pieces", pieces == computed, "10 bytes, then the rest"),
    ]
    given = found.output["ciphertext"][:-16]
    return Example(found, steps, [Final("plaintext XOR key stream", computed, given, "ciphertext without its tag")])


def poly1305() -> Example:
    found = vector("primitives/poly1305/rfc-8439-2-5-2")
    key, message = found.input["key"], found.input["message"]
    r, s = chacha.clamp(int.from_bytes(key[:16], "little")), int.from_bytes(key[16:], "little")
    accumulator, steps = (
        0,
        [
            Step("message", message, f"'{message.decode()}'"),
            Step("r, clamped", f"{r:032x}", "the first 16 bytes of the key, as a number"),
            Step("s", f"{s:032x}", "the last 16 bytes"),
        ],
    )
    for i in range(0, len(message), 16):
        part = message[i : i + 16]
        n = int.from_bytes(part, "little") + (1 << 8 * len(part))
        accumulator = (accumulator + n) * r % chacha.P
        steps.append(Step(f"block {i // 16 + 1}", f"{n:x}", f"{len(part)} bytes and a 1 above them"))
        steps.append(Step("accumulator", f"{accumulator:x}", "(accumulator + block) r mod 2^130 - 5"))
    steps.append(Step("accumulator + s", f"{(accumulator + s) % 2**128:032x}", "the lower 128 bits"))
    return Example(found, steps, [Final("tag", chacha.poly1305_mac(key, message), found.output["tag"], "tag")])


def seal() -> Example:
    found = vector(SEAL)
    key, nonce, plaintext = (found.input[name] for name in ("key", "nonce", "plaintext"))
    ciphertext = chacha.chacha20_encrypt(key, 1, nonce, plaintext)
    padding = bytes(-len(ciphertext) % 16)
    lengths = struct.pack("<QQ", 0, len(ciphertext))
    otk = chacha.poly1305_key_gen(key, nonce)
    steps = [
        Step("one-time key", otk, "the first half of block 0"),
        Step("ciphertext", ciphertext, "key stream from block 1"),
        Step("zeros to a multiple of 16", padding),
        Step("lengths", lengths, "of the AAD (none) and of the ciphertext, 8 bytes each"),
        Step("tag", chacha.poly1305_mac(otk, ciphertext + padding + lengths), "over the three of them"),
    ]
    sealed = chacha.aead_encrypt(key, nonce, plaintext)
    return Example(found, steps, [Final("ciphertext and tag", sealed, found.output["ciphertext"], "ciphertext")])


def open_() -> Example:
    found = vector("primitives/aead_open/plaintext-of-65")
    key, nonce, sealed = (found.input[name] for name in ("key", "nonce", "ciphertext"))
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
    try:
        chacha.aead_decrypt(key, nonce, flipped)
        said = "accepted"
    except AuthenticationError as fault:
        said = str(fault)
    steps = [
        Step("ciphertext", sealed[:-16]),
        Step("tag that came", sealed[-16:]),
        Step("one-time key", chacha.poly1305_key_gen(key, nonce)),
        Step("error with one bit of the tag flipped", said, "and no plaintext"),
    ]
    return Example(
        found,
        steps,
        [Final("plaintext", chacha.aead_decrypt(key, nonce, sealed), found.output["plaintext"], "plaintext")],
    )


def pieces() -> Example:
    found = vector(SEAL)
    key, nonce, plaintext = (found.input[name] for name in ("key", "nonce", "plaintext"))
    encryptor = chacha.AeadEncryptor(key, nonce)
    parts = [encryptor.update(plaintext[:50]), encryptor.update(plaintext[50:])]
    tag = encryptor.finish()
    decryptor = chacha.AeadDecryptor(key, nonce)
    opened = b"".join([decryptor.update(part) for part in parts])
    decryptor.finish(tag)
    steps = [
        Step("update, 50 bytes", parts[0]),
        Step("update, 64 bytes", parts[1]),
        Step("finish", tag, "the tag"),
        Step("opened in the same pieces", opened == plaintext, "authentic only after finish"),
    ]
    return Example(found, steps, [Final("all of it", b"".join(parts) + tag, found.output["ciphertext"], "ciphertext")])


def hmac_short() -> Example:
    found = vector("primitives/hmac_sha256/rfc-4231-2")
    key, text = found.input["key"], found.input["message"]
    K0 = hmac.block_sized_key(key)
    inner = sha256(hmac.xor(K0, hmac.IPAD) + text).digest()
    steps = [
        Step("key", key, f"'{key.decode()}'"),
        Step("text", text, f"'{text.decode()}'"),
        Step("K0", K0, "the key and zeros to 64 bytes"),
        Step("K0 XOR ipad", hmac.xor(K0, hmac.IPAD)),
        Step("inner hash", inner, "SHA-256 of that and the text"),
        Step("K0 XOR opad", hmac.xor(K0, hmac.OPAD)),
    ]
    return Example(found, steps, [Final("mac", hmac.hmac_sha256(key, text), found.output["mac"], "mac")])


def hmac_long() -> Example:
    found = vector("primitives/hmac_sha256/rfc-4231-6")
    key, text = found.input["key"], found.input["message"]
    steps = [
        Step("key", key, "longer than a block of 64"),
        Step("SHA-256 of the key", sha256(key).digest()),
        Step("K0", hmac.block_sized_key(key), "that and 32 zeros"),
    ]
    return Example(found, steps, [Final("mac", hmac.hmac_sha256(key, text), found.output["mac"], "mac")])


def hmac_pieces() -> Example:
    found = vector("primitives/hmac_sha256/rfc-4231-7")
    key, text = found.input["key"], found.input["message"]
    running = hmac.HmacSha256(key)
    running.update(text[:100])
    early = running.digest()
    running.update(text[100:])
    mac = found.output["mac"]
    steps = [
        Step("MAC of the first 100 bytes", early, "the text may go on afterwards"),
        Step("verify of the whole MAC", hmac.verify(key, text, mac)),
        Step("verify of its first 31 bytes", hmac.verify(key, text, mac[:31]), "another length is no MAC"),
        Step("verify with one bit flipped", hmac.verify(key, text, bytes([mac[0] ^ 1]) + mac[1:])),
    ]
    return Example(found, steps, [Final("MAC of all of it", running.digest(), mac, "mac")])


EXAMPLES: dict[str, Make] = {
    "chacha20.quarter_round": quarter_round,
    "chacha20.block": block,
    "chacha20.encrypt": encrypt,
    "poly1305": poly1305,
    "aead.seal": seal,
    "aead.open": open_,
    "aead.pieces": pieces,
    "hmac_sha256": hmac_short,
    "hmac_sha256.long_key": hmac_long,
    "hmac_sha256.pieces": hmac_pieces,
}

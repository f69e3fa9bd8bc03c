"""RFC 8439: the stream cipher ChaCha20, the one-time authenticator Poly1305, and the AEAD made of them.

Section numbers are those of the RFC. Every number is little-endian. Not constant-time.
"""

import hmac
import struct
from collections.abc import Sequence
from functools import lru_cache

from nen_ref.primitives.errors import AuthenticationError, LengthError, LimitError, PrimitiveError

KEY_LENGTH = 32
NONCE_LENGTH = 12
TAG_LENGTH = 16
BLOCK_LENGTH = 64
MAX_BLOCKS = 2**32
"""Blocks under one key and nonce: the block counter is one 32-bit word (2.3)."""
MAX_PLAINTEXT = (MAX_BLOCKS - 1) * BLOCK_LENGTH
"""Bytes that the AEAD seals under one key and nonce: 2^38 - 64, for block 0 is the one-time key (2.8)."""

CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
"""The first row of the state, "expand 32-byte k" (2.3)."""
MASK_32 = 0xFFFFFFFF
P = 2**130 - 5
"""The prime of Poly1305 (2.5)."""

# So many blocks are computed side by side: more gain nothing, and memory stays bounded.
_BLOCKS_AT_ONCE = 256
_LANE = 40  # bits for each word of 32


class FinishedError(PrimitiveError):
    """The object has given or checked its tag: its one-time key must not authenticate anything more."""


# ChaCha20 --------------------------------------------------------------------------------------------------


def quarter_round(state: list[int], a: int, b: int, c: int, d: int) -> None:
    """2.1 and 2.2, QUARTERROUND(a, b, c, d): mix the words at these four indexes, in place."""
    A, B, C, D = state[a], state[b], state[c], state[d]
    A = (A + B) & MASK_32  # 1. a += b; d ^= a; d <<<= 16
    D ^= A
    D = (D << 16 | D >> 16) & MASK_32
    C = (C + D) & MASK_32  # 2. c += d; b ^= c; b <<<= 12
    B ^= C
    B = (B << 12 | B >> 20) & MASK_32
    A = (A + B) & MASK_32  # 3. a += b; d ^= a; d <<<= 8
    D ^= A
    D = (D << 8 | D >> 24) & MASK_32
    C = (C + D) & MASK_32  # 4. c += d; b ^= c; b <<<= 7
    B ^= C
    B = (B << 7 | B >> 25) & MASK_32
    state[a], state[b], state[c], state[d] = A, B, C, D


def inner_block(state: list[int]) -> None:
    """2.3.1, inner_block: four quarter rounds on the columns, four on the diagonals, in place."""
    quarter_round(state, 0, 4, 8, 12)
    quarter_round(state, 1, 5, 9, 13)
    quarter_round(state, 2, 6, 10, 14)
    quarter_round(state, 3, 7, 11, 15)
    quarter_round(state, 0, 5, 10, 15)
    quarter_round(state, 1, 6, 11, 12)
    quarter_round(state, 2, 7, 8, 13)
    quarter_round(state, 3, 4, 9, 14)


def initial_state(key: bytes, counter: int, nonce: bytes) -> list[int]:
    """2.3: constants (4 words), key (8), block counter (1), nonce (3)."""
    return [*CONSTANTS, *struct.unpack("<8L", key), counter, *struct.unpack("<3L", nonce)]


def chacha20_block(key: bytes, counter: int, nonce: bytes) -> bytes:
    """2.3, the ChaCha20 block function: 64 bytes of key stream.

    Raises LengthError unless key is 32 and nonce 12 bytes, LimitError unless 0 <= counter < 2^32.
    """
    _check_blocks(key, counter, nonce, 1)
    state = initial_state(key, counter, nonce)
    working_state = list(state)
    for _ in range(10):
        inner_block(working_state)
    return struct.pack("<16L", *((s + w) & MASK_32 for s, w in zip(state, working_state, strict=True)))


def chacha20_blocks(key: bytes, counter: int, nonce: bytes, n: int) -> bytes:
    """The key stream of `n` successive blocks: chacha20_block of counter, counter + 1, ..., joined.

    All blocks are computed side by side, and in each of them the four quarter rounds of a round. Each row of
    the 4 by 4 state is one big integer, with a lane of 40 bits for every word: the first word of the row in
    all blocks, then the second in all blocks, and so on. A quarter round on the four rows is then one on
    every column of every block. To make columns of the diagonals, row b is turned by one word, c by two, d by
    three, and afterwards back.

    No lane carries into the next. a and c are only added to: with the last sum they have 42 summands below
    2^32, which is less than 2^38. What they have beyond 32 bits, the rotations leave out: `<<<= r` moves
    the lower 32 - r bits of a lane up, and r bits above them down. So b and d always are below 2^32.

    Raises like chacha20_block; LimitError also if the counter would pass 2^32 - 1.
    """
    _check_blocks(key, counter, nonce, n)
    every_block, numbers, (low_7, low_8, low_12, low_16, low_20, low_24, low_25) = _lanes(n)
    one, two, three = _LANE * n, 2 * _LANE * n, 3 * _LANE * n  # words, in bits
    first_one, first_two, first_three = (1 << one) - 1, (1 << two) - 1, (1 << three) - 1
    to_diagonals, to_columns = (one, first_one, three, first_three), (three, first_three, one, first_one)

    words = initial_state(key, counter, nonce)
    state = [
        (words[i] | words[i + 1] << one | words[i + 2] << two | words[i + 3] << three) * every_block
        for i in (0, 4, 8, 12)
    ]
    state[3] += numbers
    a, b, c, d = state
    for turn_b, first_b, turn_d, first_d in (to_diagonals, to_columns) * 10:
        a += b  # 1. a += b; d ^= a; d <<<= 16
        d ^= a
        d = (d & low_16) << 16 | d >> 16 & low_16
        c += d  # 2. c += d; b ^= c; b <<<= 12
        b ^= c
        b = (b & low_20) << 12 | b >> 20 & low_12
        a += b  # 3. a += b; d ^= a; d <<<= 8
        d ^= a
        d = (d & low_24) << 8 | d >> 24 & low_8
        c += d  # 4. c += d; b ^= c; b <<<= 7
        b ^= c
        b = (b & low_25) << 7 | b >> 25 & low_7

        b = b >> turn_b | (b & first_b) << turn_d
        c = c >> two | (c & first_two) << two
        d = d >> turn_d | (d & first_d) << turn_b
    return _serialize_rows([s + w for s, w in zip(state, (a, b, c, d), strict=True)], n)


@lru_cache(maxsize=8)
def _lanes(n: int) -> tuple[int, int, list[int]]:
    """For one word of n blocks: 1 in every lane; 0, 1, ..., n - 1. For a row: the lower 7, 8, ... bits of every lane.

    Kept, for at 64 bytes making them takes a sixth of the time.
    """
    numbers = b"".join(struct.pack("<LB", i, 0) for i in range(n))
    every_block, every_lane = (int.from_bytes(b"\1\0\0\0\0" * lanes, "little") for lanes in (n, 4 * n))
    low = [every_lane * ((1 << bits) - 1) for bits in (7, 8, 12, 16, 20, 24, 25)]
    return every_block, int.from_bytes(numbers, "little"), low


def _serialize_rows(rows: Sequence[int], n: int) -> bytes:
    """The lower 4 bytes of each lane, block after block: word i of block j goes to 64 j + 4 i."""
    words = bytearray(b"".join([row.to_bytes(20 * n, "little") for row in rows]))
    del words[4::5]
    # 4 bytes are moved as one item; in which order the host would read them does not matter.
    by_word, by_block = memoryview(words).cast("I"), memoryview(bytearray(BLOCK_LENGTH * n)).cast("I")
    for i in range(16):
        by_block[i::16] = by_word[n * i : n * (i + 1)]
    return by_block.tobytes()


def _check_blocks(key: bytes, counter: int, nonce: bytes, n: int) -> None:
    LengthError.check("key", key, KEY_LENGTH)
    LengthError.check("nonce", nonce, NONCE_LENGTH)
    if not 0 <= counter <= counter + n <= MAX_BLOCKS:
        raise LimitError("the block counter must stay between 0 and 2^32 - 1")


def _xor(data: bytes, key_stream: bytes) -> bytes:
    number = int.from_bytes(data, "little") ^ int.from_bytes(key_stream, "little")
    return number.to_bytes(len(data), "little")


class ChaCha20:
    """2.4, ChaCha20 as a stream: data in pieces of any size, the key stream runs on between them.

    key 32 bytes, nonce 12 bytes (LengthError); counter of the first block, 0 to 2^32 - 1 (LimitError).
    """

    def __init__(self, key: bytes, counter: int, nonce: bytes) -> None:
        _check_blocks(key, counter, nonce, 1)
        self._key = key
        self._counter = counter
        self._nonce = nonce
        self._unused = b""  # key stream that is left of the blocks before the counter

    def update(self, data: bytes) -> bytes:
        """XOR the next bytes with the key stream. Encrypts and decrypts alike; as many bytes out as in.

        Raises LimitError, and spends nothing, if that needs a block past counter 2^32 - 1.
        """
        _check_blocks(self._key, self._counter, self._nonce, self._blocks_for(len(data)))
        size = BLOCK_LENGTH * _BLOCKS_AT_ONCE
        return b"".join([self._next(data[i : i + size]) for i in range(0, len(data), size)])

    def _next(self, data: bytes) -> bytes:
        key_stream, n = self._unused, self._blocks_for(len(data))
        if n:
            key_stream += chacha20_blocks(self._key, self._counter, self._nonce, n)
            self._counter += n
        self._unused = key_stream[len(data) :]
        return _xor(data, key_stream[: len(data)])

    def _blocks_for(self, length: int) -> int:
        """How many blocks have still to be made for so many bytes."""
        return -(-max(0, length - len(self._unused)) // BLOCK_LENGTH)


def chacha20_encrypt(key: bytes, counter: int, nonce: bytes, plaintext: bytes) -> bytes:
    """2.4, ChaCha20 encryption (and decryption): as many bytes out as in. Raises like ChaCha20."""
    return ChaCha20(key, counter, nonce).update(plaintext)


# Poly1305 --------------------------------------------------------------------------------------------------


def clamp(r: int) -> int:
    """2.5, clamp: clear the top four bits of bytes 3, 7, 11, 15 and the lower two of bytes 4, 8, 12."""
    return r & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


class Poly1305:
    """2.5, Poly1305 over a message in pieces of any size.

    key: 32 bytes, r || s (LengthError), for one message only: two tags under one key give the key away.
    """

    def __init__(self, key: bytes) -> None:
        LengthError.check("key", key, KEY_LENGTH)
        self._r = clamp(int.from_bytes(key[:16], "little"))
        self._s = int.from_bytes(key[16:], "little")
        self._accumulator = 0
        self._unused = b""  # the rest of the message, less than a block of 16
        self._finished = False

    def update(self, data: bytes) -> None:
        """Take the next bytes of the message. Raises FinishedError after digest."""
        self._check_not_finished()
        data = self._unused + data
        fours, whole = len(data) - len(data) % 64, len(data) - len(data) % 16
        if fours:
            self._add_four_blocks(memoryview(data)[:fours])
        for i in range(fours, whole, 16):
            self._add_block(data[i : i + 16])
        self._unused = data[whole:]

    def digest(self) -> bytes:
        """The tag, 16 bytes. Ends the object: anything after it raises FinishedError."""
        self._check_not_finished()
        self._finished = True
        if self._unused:
            self._add_block(self._unused)
        return ((self._accumulator + self._s) % 2**128).to_bytes(16, "little")

    def _add_block(self, block: bytes) -> None:
        # 2.5.1: a 1 bit beyond the block's bytes, add, multiply by r modulo p.
        n = int.from_bytes(block, "little") + (1 << 8 * len(block))
        self._accumulator = (self._accumulator + n) * self._r % P

    def _add_four_blocks(self, data: memoryview) -> None:
        """The same as _add_block of each 16 bytes of `data`, a multiple of 64: four blocks in one reduction.

        ((((a + n1) r + n2) r + n3) r + n4) r = (a + n1) r^4 + n2 r^3 + n3 r^2 + n4 r, modulo p. The 1 bits
        beyond the bytes come to 2^128 (r^4 + r^3 + r^2 + r) each time.
        """
        a, r, number = self._accumulator, self._r, int.from_bytes
        r2 = r * r % P
        r3, r4 = r2 * r % P, r2 * r2 % P
        ones = (r4 + r3 + r2 + r) << 128
        for n1, n2, n3, n4 in struct.iter_unpack("16s16s16s16s", data):
            n = (a + number(n1, "little")) * r4 + number(n2, "little") * r3
            a = (n + number(n3, "little") * r2 + number(n4, "little") * r + ones) % P
        self._accumulator = a

    def _check_not_finished(self) -> None:
        if self._finished:
            raise FinishedError("the tag is out: a new message needs a new object under a new nonce")


def poly1305_mac(key: bytes, msg: bytes) -> bytes:
    """2.5.1, poly1305_mac: the 16-byte tag of msg under a 32-byte one-time key (LengthError)."""
    poly1305 = Poly1305(key)
    poly1305.update(msg)
    return poly1305.digest()


def poly1305_key_gen(key: bytes, nonce: bytes) -> bytes:
    """2.6.1, poly1305_key_gen: the 32-byte one-time key is the first half of block 0. LengthError."""
    return chacha20_block(key, 0, nonce)[:32]


# The AEAD --------------------------------------------------------------------------------------------------


def aead_encrypt(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
    """2.8, chacha20_aead_encrypt: ciphertext || 16-byte tag. Never two plaintexts under one key and nonce.

    Raises LengthError unless key is 32 and nonce 12 bytes, LimitError past 2^38 - 64 bytes of plaintext.
    """
    otk, cipher = _one_time_key_and_cipher(key, nonce, len(plaintext))
    _check_plaintext_length(len(plaintext))
    ciphertext = cipher.update(plaintext)
    return ciphertext + poly1305_mac(otk, _mac_data(aad, ciphertext))


def aead_decrypt(key: bytes, nonce: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
    """2.8, chacha20_aead_decrypt of ciphertext || 16-byte tag. Nothing is decrypted before the tag is right.

    Raises AuthenticationError if the tag is wrong or `sealed` has no room for one; LengthError and
    LimitError as aead_encrypt.
    """
    otk, cipher = _one_time_key_and_cipher(key, nonce, len(sealed) - TAG_LENGTH)
    if len(sealed) < TAG_LENGTH:
        raise AuthenticationError("shorter than a tag")
    _check_plaintext_length(len(sealed) - TAG_LENGTH)
    ciphertext, tag = sealed[:-TAG_LENGTH], sealed[-TAG_LENGTH:]
    _check_tag(poly1305_mac(otk, _mac_data(aad, ciphertext)), tag)
    return cipher.update(ciphertext)


class AeadEncryptor:
    """2.8, sealing a plaintext in pieces of any size; the same bytes as aead_encrypt.

    key 32 bytes, nonce 12 bytes (LengthError).
    """

    def __init__(self, key: bytes, nonce: bytes, aad: bytes = b"") -> None:
        otk, self._cipher = _one_time_key_and_cipher(key, nonce)
        self._mac = _AeadMac(otk, aad)

    def update(self, data: bytes) -> bytes:
        """The next bytes of ciphertext, as many as `data` has.

        Raises FinishedError after finish, LimitError past 2^38 - 64 bytes in all.
        """
        ciphertext = self._cipher.update(data)
        self._mac.update(ciphertext)
        return ciphertext

    def finish(self) -> bytes:
        """The tag, 16 bytes. Ends the object: anything after it raises FinishedError."""
        return self._mac.finish()


class AeadDecryptor:
    """2.8, opening a ciphertext in pieces of any size.

    What update returns IS NOT AUTHENTIC before finish has returned: until then anyone may have made it up.
    Use it for nothing that cannot be undone. Where the whole ciphertext is at hand, call aead_decrypt.

    key 32 bytes, nonce 12 bytes (LengthError).
    """

    def __init__(self, key: bytes, nonce: bytes, aad: bytes = b"") -> None:
        otk, self._cipher = _one_time_key_and_cipher(key, nonce)
        self._mac = _AeadMac(otk, aad)

    def update(self, data: bytes) -> bytes:
        """The next bytes of plaintext, as many as `data` has: NOT AUTHENTIC before finish has returned.

        `data` is ciphertext only; the tag goes to finish. Raises FinishedError after finish, LimitError
        past 2^38 - 64 bytes in all.
        """
        plaintext = self._cipher.update(data)
        self._mac.update(data)
        return plaintext

    def finish(self, tag: bytes) -> None:
        """Check the tag: AuthenticationError if it is wrong, of any length. Then throw away all of the
        plaintext. Ends the object either way: anything after it raises FinishedError."""
        _check_tag(self._mac.finish(), tag)


def _one_time_key_and_cipher(key: bytes, nonce: bytes, length: int = 0) -> tuple[bytes, ChaCha20]:
    """2.8: poly1305_key_gen, from block 0, and the cipher from block 1 on.

    `length` of the text, where it is known: then block 0 and the first of these blocks are computed side by
    side. Two blocks take hardly longer than one.
    """
    ahead = min(_BLOCKS_AT_ONCE, -(-max(0, length) // BLOCK_LENGTH))
    key_stream = chacha20_blocks(key, 0, nonce, 1 + ahead)
    cipher = ChaCha20(key, 1, nonce)
    cipher._counter += ahead
    cipher._unused = key_stream[BLOCK_LENGTH:]
    return key_stream[:KEY_LENGTH], cipher


class _AeadMac:
    """The tag of 2.8 over a ciphertext in pieces: Poly1305 of _mac_data, without holding it all."""

    def __init__(self, otk: bytes, aad: bytes) -> None:
        self._poly1305 = Poly1305(otk)
        self._poly1305.update(aad + _pad16(len(aad)))
        self._aad_length = len(aad)
        self._ciphertext_length = 0

    def update(self, ciphertext: bytes) -> None:
        self._poly1305.update(ciphertext)
        self._ciphertext_length += len(ciphertext)

    def finish(self) -> bytes:
        self._poly1305.update(_pad16(self._ciphertext_length))
        self._poly1305.update(struct.pack("<QQ", self._aad_length, self._ciphertext_length))
        return self._poly1305.digest()


def _mac_data(aad: bytes, ciphertext: bytes) -> bytes:
    """2.8, what the tag covers: AAD and ciphertext, each padded with zeros to 16, then both lengths."""
    lengths = struct.pack("<QQ", len(aad), len(ciphertext))
    return aad + _pad16(len(aad)) + ciphertext + _pad16(len(ciphertext)) + lengths


def _pad16(length: int) -> bytes:
    """2.8.1, pad16: the zeros that fill the last block of 16; none if it is full."""
    return bytes(-length % 16)


def _check_tag(expected: bytes, tag: bytes) -> None:
    if not hmac.compare_digest(expected, tag):
        raise AuthenticationError("the tag does not verify")


def _check_plaintext_length(length: int) -> None:
    if length > MAX_PLAINTEXT:
        raise LimitError("one key and nonce seal at most 2^38 - 64 bytes")

"""primitives/aead_open: ChaCha20-Poly1305 of RFC 8439, 2.8, opened, with empty AAD.

What is refused is made of what opens, and wrong in one way: the ciphertext is right and the tag is not, or the other
way round, or the tag is the right one of another construction.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nen_ref.primitives.chacha20_poly1305 import (
    P,
    aead_encrypt,
    chacha20_block,
    chacha20_encrypt,
    initial_state,
    poly1305_key_gen,
    poly1305_mac,
)
from nen_ref.vectors.alter import flipped
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.symmetric_tools import (
    ACCUMULATORS,
    SUNSCREEN,
    OneTimeKey,
    aead_values,
    chacha_block_of,
    ciphertext_for,
    mac_data,
    octets_of,
    pad16,
    slug,
)

RFC = "RFC 8439, section 2.8"
FORGED = "an attacker changes every payload, bit by bit"
RARE = "the tag is wrong where the sums end here: practically never by chance, at will for whoever has the key"
UNREADABLE = "what other implementations seal cannot be opened here"

FLAGS = {
    "Basic": Flag("basic", "keys, nonces and plaintexts of ordinary values", UNREADABLE, (RFC,)),
    "MessageLength": Flag(
        "edge case",
        "plaintexts around the borders of 16 and of 64 bytes; the empty one too",
        "messages of some lengths cannot be opened",
        (RFC,),
    ),
    "LongMessage": Flag(
        "edge case",
        "plaintexts of more than 255 and of more than 1024 blocks, under whose counter a byte or a buffer runs over",
        "long messages open to something else behind their first part",
        ("RFC 8439, section 2.4",),
    ),
    "NonceBits": Flag(
        "wrong computation",
        "nonces with high bits, or with bytes that all differ",
        "a part of the nonce does not count, or is read in another order",
        (RFC,),
    ),
    "PolyEdge": Flag(
        "wrong computation",
        "the accumulator of Poly1305 ends at an edge of its range, and the tag is right",
        "sealed bytes are refused: " + RARE,
        ("RFC 8439, sections 2.5.1 and A.3",),
    ),
    "AllOnes": Flag("edge case", "ciphertexts of all ones or all zeros, with the right tag", RARE, (RFC,)),
    "TagBit": Flag(
        "missing check",
        "the first, a middle or the last bit of the tag is flipped",
        "the tag is compared in part, or not at all: " + FORGED,
        (RFC, "V1-PRIM-10"),
    ),
    "TagByte": Flag(
        "missing check",
        "one of the sixteen bytes of the tag is another",
        "with b bits compared a forgery succeeds after 2^b attempts",
        (RFC, "V1-PRIM-10"),
    ),
    "TagAbsent": Flag(
        "missing check",
        "the tag is missing, or is shorter than 16 bytes",
        "a tag that is compared over the length of the given one is guessed in 256 attempts, or in none",
        ("RFC 8439, section 4", "V1-PRIM-10"),
    ),
    "TagPlace": Flag(
        "confusion",
        "tag and ciphertext are both right, and joined in another way",
        "what this implementation seals is not what others open",
        (RFC,),
    ),
    "TagConstant": Flag(
        "missing check",
        "the tag is all zeros or all ones",
        "a tag that was never computed is taken: " + FORGED,
        (RFC,),
    ),
    "TagReordered": Flag(
        "wrong computation",
        "the tag has the right bytes or bits, in another order or inverted",
        UNREADABLE,
        (RFC,),
    ),
    "TagOfOtherBytes": Flag(
        "missing check",
        "the tag belongs to another ciphertext under the same key and nonce, or is no tag but other bytes at hand",
        "a tag that was seen once, or a part of the message, passes for the tag of any message",
        (RFC,),
    ),
    "CiphertextAltered": Flag(
        "missing check",
        "the tag is the right one of a ciphertext that differs in one bit, or in its length",
        FORGED,
        (RFC, "V1-PRIM-10"),
    ),
    "WrongNonce": Flag(
        "missing check",
        "sealed under a nonce that differs in one bit",
        "a part of the nonce does not count: what was sealed for one place opens in another",
        (RFC,),
    ),
    "WrongKey": Flag(
        "missing check",
        "sealed under a key that differs in one bit",
        "a part of the key does not count: what was sealed for one session opens in another",
        (RFC,),
    ),
    "MacLayout": Flag(
        "wrong computation",
        "the tag covers other bytes than RFC 8439 says: no lengths, no padding, lengths in another form or order",
        "other implementations are refused; without lengths, zeros move between ciphertext and padding",
        (RFC, "draft-agl-tls-chacha20poly1305-04, section 5"),
    ),
    "MacThenEncrypt": Flag(
        "wrong computation",
        "the tag covers the plaintext",
        "unauthenticated bytes are decrypted before anything is checked",
        (RFC,),
    ),
    "Aad": Flag(
        "confusion",
        "sealed with an AAD that is not empty",
        "what was bound to another context opens in this one",
        (RFC, "V1-PRIM-09"),
    ),
    "OneTimeKey": Flag(
        "wrong computation",
        "the key of the tag is not the first half of block 0",
        "the key of the tag is also key stream of the message: it can be known, and tags under this nonce be forged",
        ("RFC 8439, section 2.6",),
    ),
    "ChaChaVariant": Flag(
        "confusion",
        "sealed with another cipher of the family: 8 or 12 rounds, or a counter of 64 bits and a nonce of 8 bytes",
        "a weaker cipher than the one agreed on",
        ("RFC 8439, section 2.3",),
    ),
    "NotClamped": Flag(
        "wrong computation",
        "the tag is that of an r which was not clamped",
        "tags that no other implementation accepts, and sums that overflow",
        ("RFC 8439, section 2.5",),
    ),
    "NotReduced": Flag(
        "wrong computation",
        "the accumulator ends at 0 to 4, and the tag is that of p more: the last reduction is missing",
        RARE,
        ("RFC 8439, section 2.5.1 and A.3",),
    ),
    "ReducedTooOften": Flag(
        "wrong computation",
        "the accumulator ends just below p, or at a border of its words, and the tag is that of p less: the comparison "
        "with p is wrong",
        RARE,
        ("RFC 8439, section 2.5.1 and A.3",),
    ),
    "FinalAddition": Flag(
        "wrong computation",
        "the tag is that of an accumulator to which s was not added, or in another way than modulo 2^128",
        RARE,
        ("RFC 8439, section 2.5.1",),
    ),
}

SIZES = (0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 1024)
LONG_SIZES = {16321: "255 blocks and a byte of block 256", 65537: "1024 blocks and a byte"}
NONCES = {
    "zeros": bytes(12),
    "ones": b"\xff" * 12,
    "bytes with their high bit alone": b"\x80" * 12,
    "bytes that ascend": bytes(range(12)),
    "bytes that descend, high bits set": bytes(range(0xFF, 0xF3, -1)),
}


@dataclass(frozen=True)
class Sealed:
    """A plaintext with all that sealing it makes."""

    key: bytes
    nonce: bytes
    plaintext: bytes

    @property
    def ciphertext(self) -> bytes:
        return chacha20_encrypt(self.key, 1, self.nonce, self.plaintext)

    @property
    def one_time_key(self) -> bytes:
        return poly1305_key_gen(self.key, self.nonce)

    @property
    def tag(self) -> bytes:
        return poly1305_mac(self.one_time_key, mac_data(self.ciphertext))

    @property
    def whole(self) -> bytes:
        return self.ciphertext + self.tag

    @property
    def shared(self) -> dict[str, bytes]:
        """What the vectors of a group share."""
        return {"key": self.key, "nonce": self.nonce}

    def with_tag_over(self, covered: bytes) -> bytes:
        """The right ciphertext with the tag of other bytes."""
        return self.ciphertext + poly1305_mac(self.one_time_key, covered)

    def with_tag_under(self, one_time_key: bytes) -> bytes:
        """The right ciphertext with a tag under another one-time key."""
        return self.ciphertext + poly1305_mac(one_time_key, mac_data(self.ciphertext))


def drawn(draw: Draw, label: str, size: int) -> Sealed:
    return Sealed(draw(f"{label}/key"), draw(f"{label}/nonce", 12), draw(f"{label}/plaintext", size))


def opens(id: str, comment: str, ciphertext: bytes, *flags: str) -> Test:
    return valid(id, comment, {"ciphertext": ciphertext}, *flags)


def refused(id: str, comment: str, ciphertext: bytes, *flags: str) -> Test:
    return invalid(id, comment, {"ciphertext": ciphertext}, *flags)


def lengths(draw: Draw) -> Group:
    key = draw("lengths/key")

    def of_size(size: int, says: str, flag: str) -> Test:
        nonce = draw(f"nonce/{size}", 12)
        sealed = aead_encrypt(key, nonce, draw(f"plaintext/{size}", size))
        return valid(f"plaintext-of-{size}", says, {"nonce": nonce, "ciphertext": sealed}, flag)

    tests = [of_size(size, f"a plaintext of {octets_of(size)}", "MessageLength") for size in SIZES]
    tests += [of_size(size, f"a plaintext of {says}", "LongMessage") for size, says in LONG_SIZES.items()]
    return Group("plaintexts of many lengths", tuple(tests), {"key": key})


def nonces(draw: Draw) -> Group:
    key, plaintext = draw("nonces/key"), draw("nonces/plaintext", 70)
    tests = [
        valid(
            f"nonce-{i}",
            f"a nonce of {says}",
            {"nonce": nonce, "ciphertext": aead_encrypt(key, nonce, plaintext)},
            "NonceBits",
        )
        for i, (says, nonce) in enumerate(NONCES.items(), 1)
    ]
    return Group("nonces", tuple(tests), {"key": key})


def accumulators(draw: Draw) -> Group:
    """Ciphertexts solved for the accumulator, with the right tag and with those of a wrong reduction."""
    base = drawn(draw, "accumulators", 0)
    one_time = OneTimeKey.of(base.one_time_key)
    tests = []
    for name, wanted in ACCUMULATORS.items():
        says = f"the accumulator ends at {name.replace('-', ' ')}"
        ciphertext = ciphertext_for(one_time, wanted)
        tests.append(opens(f"accumulator-{slug(name)}", says, ciphertext + one_time.tag(wanted), "PolyEdge"))
        if wanted < 5:
            wrong = ciphertext + one_time.tag(wanted + P)
            tests.append(refused(f"not-reduced-{name}", f"{says}; the tag is that of p more", wrong, "NotReduced"))
        if wanted >= P - 5 or wanted in (2**128 - 1, 2**128, 2**129):
            wrong = ciphertext + one_time.tag(wanted - P)
            says = f"{says}; the tag is that of p less"
            tests.append(refused(f"reduced-too-often-{slug(name)}", says, wrong, "ReducedTooOften"))
    for name, a in (("2-to-128", 2**128 - one_time.s), ("2-to-128-minus-1", 2**128 - 1 - one_time.s)):
        ciphertext = ciphertext_for(one_time, a)
        says = f"the sum of accumulator and s is {name.replace('-to-', '^').replace('-', ' ')}"
        tests.append(opens(f"sum-{name}", says, ciphertext + one_time.tag(a), "PolyEdge"))
        wrong = ciphertext + ((a + one_time.s) % (2**128 - 1)).to_bytes(16, "little")
        says = f"{says}; the tag is that sum modulo 2^128 - 1, the carry brought around"
        tests.append(refused(f"sum-{name}-end-around", says, wrong, "FinalAddition"))
    return Group("accumulators at the edges of their range, ciphertexts of 32 bytes", tuple(tests), base.shared)


def constant_ciphertexts(draw: Draw) -> Group:
    base = drawn(draw, "constant", 0)
    tests = []
    for size in (16, 64, 160):
        for name, byte in (("ones", b"\xff"), ("zeros", b"\0")):
            made = Sealed(base.key, base.nonce, chacha20_encrypt(base.key, 1, base.nonce, byte * size))
            says = f"a ciphertext of {size} bytes of {byte.hex()}"
            tests.append(opens(f"ciphertext-{name}-{size}", says, made.whole, "AllOnes"))
    return Group("ciphertexts of one byte repeated", tuple(tests), base.shared)


def tags(draw: Draw) -> Group:
    base = drawn(draw, "tags", 40)
    ciphertext, tag = base.ciphertext, base.tag
    one_time = OneTimeKey.of(base.one_time_key)
    tests = [
        opens("tag-right", "the right tag: what all others of this group are made of", base.whole, "Basic"),
        refused(
            "tag-first-bit",
            "the lowest bit of the first byte of the tag flipped",
            flipped(base.whole, -16, 1),
            "TagBit",
        ),
        refused("tag-middle-bit", "the middle bit of the tag flipped", flipped(base.whole, -8, 1), "TagBit"),
        refused(
            "tag-last-bit",
            "the highest bit of the last byte of the tag flipped",
            flipped(base.whole, -1, 0x80),
            "TagBit",
        ),
    ]
    for i in range(16):
        wrong = flipped(base.whole, i - 16, 1 + draw.below(f"tags/byte/{i}", 255))
        tests.append(refused(f"tag-byte-{i}", f"byte {i} of the tag is another", wrong, "TagByte"))
    others = {
        "zeros": ("TagConstant", "16 zero bytes", bytes(16)),
        "ones": ("TagConstant", "16 bytes of ff", b"\xff" * 16),
        "s": ("TagOfOtherBytes", "s of the one-time key, the tag of an accumulator of zero", base.one_time_key[16:]),
        "without-s": (
            "FinalAddition",
            "the accumulator, to which s was not added",
            one_time.tag(-one_time.s + one_time.accumulator(mac_data(ciphertext))),
        ),
        "first-block": ("TagOfOtherBytes", "the first 16 bytes of the ciphertext", ciphertext[:16]),
        "reversed": ("TagReordered", "the right tag with its bytes reversed", tag[::-1]),
        "complement": ("TagReordered", "the right tag with all its bits flipped", bytes(0xFF ^ byte for byte in tag)),
        "halves-exchanged": ("TagReordered", "the right tag with its halves exchanged", tag[8:] + tag[:8]),
        "first-half-twice": ("TagReordered", "the first half of the right tag, twice", tag[:8] * 2),
        "of-the-empty": (
            "TagOfOtherBytes",
            "the tag of the empty plaintext under the same key and nonce",
            Sealed(base.key, base.nonce, b"").tag,
        ),
    }
    for name, (flag, says, wrong) in others.items():
        tests.append(refused(f"tag-{name}", f"the tag is {says}", ciphertext + wrong, flag))
    zeroed = {f"first-{n}-zero": (f"the first {n} bytes of the tag are zero", bytes(n) + tag[n:]) for n in (4, 8, 12)}
    zeroed |= {f"last-{n}-zero": (f"the last {n} bytes of the tag are zero", tag[:-n] + bytes(n)) for n in (4, 8, 12)}
    for name, (says, wrong) in zeroed.items():
        tests.append(refused(f"tag-{name}", says, ciphertext + wrong, "TagByte"))
    return Group("a ciphertext of 40 bytes with other tags", tuple(tests), base.shared)


def cut_tags(draw: Draw) -> Group:
    base = drawn(draw, "cut", 40)
    empty = Sealed(base.key, base.nonce, b"")
    tests = [
        opens("cut-nothing", "whole: what others of this group are made of", base.whole, "Basic"),
        opens("cut-nothing-empty", "the empty plaintext: a tag alone", empty.whole, "MessageLength"),
        refused("cut-tag", "a ciphertext without any tag", base.ciphertext, "TagAbsent"),
        refused("cut-everything", "no bytes at all", b"", "TagAbsent"),
        refused("tag-alone", "the tag without its ciphertext", base.tag, "CiphertextAltered"),
    ]
    for size in (15, 12, 8, 4, 1):
        says = f"the tag cut to its first {octets_of(size)}"
        tests.append(refused(f"cut-tag-to-{size}", says, base.ciphertext + base.tag[:size], "TagAbsent"))
        says = f"the tag of the empty plaintext, cut to its first {octets_of(size)}"
        tests.append(refused(f"cut-empty-tag-to-{size}", says, empty.tag[:size], "TagAbsent"))
    tests += [
        refused("tag-cut-in-front", "the tag without its first byte", base.ciphertext + base.tag[1:], "TagAbsent"),
        refused("tag-first", "the tag in front of the ciphertext", base.tag + base.ciphertext, "TagPlace"),
        refused("tag-twice", "the tag twice", base.whole + base.tag, "TagPlace"),
        refused(
            "tag-on-both-sides", "the tag in front of the ciphertext and behind it", base.tag + base.whole, "TagPlace"
        ),
        refused("nonce-first", "the nonce in front of the ciphertext", base.nonce + base.whole, "TagPlace"),
        refused("nonce-last", "the nonce behind the tag", base.whole + base.nonce, "TagPlace"),
        refused("appended-zero", "a zero byte behind the tag", base.whole + b"\0", "TagPlace"),
        refused("appended-tag-byte", "the last byte of the tag once more", base.whole + base.tag[-1:], "TagPlace"),
        refused(
            "zeros-before-tag",
            "zeros between ciphertext and tag that fill its last block of 16, which the tag covers too",
            base.ciphertext + pad16(base.ciphertext) + base.tag,
            "TagPlace",
        ),
    ]
    return Group("tags that are cut or stand elsewhere, of 40 bytes and of none", tuple(tests), base.shared)


def altered_ciphertexts(draw: Draw) -> Group:
    base = drawn(draw, "altered", 100)
    ciphertext, tag = base.ciphertext, base.tag
    places = {
        "first": (0, 0x80),
        "byte-15": (15, 1),
        "byte-16": (16, 1),
        "byte-63": (63, 0x10),
        "byte-64": (64, 0x10),
        "byte-96": (96, 1),
        "last": (99, 1),
    }
    tests = [opens("ciphertext-right", "whole: what all others of this group are made of", base.whole, "Basic")]
    for name, (place, mask) in places.items():
        wrong = flipped(ciphertext, place, mask) + tag
        says = f"one bit of byte {place} of the ciphertext flipped, of 0 to 99"
        tests.append(refused(f"ciphertext-{name}-flipped", says, wrong, "CiphertextAltered"))
    others = {
        "cut-last": ("the last byte of the ciphertext missing", ciphertext[:-1]),
        "cut-first": ("the first byte of the ciphertext missing", ciphertext[1:]),
        "cut-to-blocks": ("the ciphertext cut to its whole blocks of 16", ciphertext[:96]),
        "cut-to-first-block": ("the ciphertext cut to its first 64 bytes", ciphertext[:64]),
        "zero-added": ("a zero byte added to the ciphertext", ciphertext + b"\0"),
        "zero-in-front": ("a zero byte in front of the ciphertext", b"\0" + ciphertext),
        "blocks-exchanged": (
            "the first two blocks of 16 bytes exchanged",
            ciphertext[16:32] + ciphertext[:16] + ciphertext[32:],
        ),
        "plaintext": ("the plaintext in place of the ciphertext", base.plaintext),
    }
    for name, (says, wrong) in others.items():
        tests.append(refused(f"ciphertext-{name}", says, wrong + tag, "CiphertextAltered"))
    ended = Sealed(base.key, base.nonce, chacha20_encrypt(base.key, 1, base.nonce, ciphertext[:39] + b"\0"))
    tests += [
        opens("ends-in-zero", "a ciphertext of 40 bytes that ends in a zero", ended.whole, "Basic"),
        refused(
            "ends-in-zero-cut",
            "`ends-in-zero` without its zero, which the padding puts back",
            ended.ciphertext[:-1] + ended.tag,
            "CiphertextAltered",
        ),
        refused(
            "ends-in-zero-longer",
            "`ends-in-zero` with a second zero, which the padding has too",
            ended.ciphertext + b"\0" + ended.tag,
            "CiphertextAltered",
        ),
    ]
    return Group("altered ciphertexts of 100 bytes with the tag of the right one", tuple(tests), base.shared)


def wrong_keys(draw: Draw) -> Group:
    """The same sealed bytes under keys and nonces that are not theirs."""
    base = drawn(draw, "wrong", 20)

    def under(id: str, says: str, flag: str, key: bytes = base.key, nonce: bytes = base.nonce) -> Test:
        return invalid(id, says, {"key": key, "nonce": nonce}, flag)

    tests = [valid("key-and-nonce-right", "the right key and nonce", base.shared, "Basic")]
    for i in range(12):
        wrong = flipped(base.nonce, i, 1 << (i % 8))
        tests.append(under(f"nonce-byte-{i}", f"one bit of byte {i} of the nonce differs", "WrongNonce", nonce=wrong))
    last = flipped(base.nonce, -1, 0x80)
    tests.append(under("nonce-last-bit", "the last bit of the nonce differs", "WrongNonce", nonce=last))
    nonces = {
        "reversed": ("reversed", base.nonce[::-1]),
        "words-reversed": (
            "with its bytes reversed in each word",
            b"".join(base.nonce[i : i + 4][::-1] for i in (0, 4, 8)),
        ),
        "zero": ("all zeros", bytes(12)),
    }
    for name, (says, wrong) in nonces.items():
        tests.append(under(f"nonce-{name}", f"the nonce is {says}", "WrongNonce", nonce=wrong))
    for i in (0, 1, 7, 8, 15, 16, 23, 24, 30, 31):
        wrong = flipped(base.key, i, 1 << (i % 8))
        tests.append(under(f"key-byte-{i}", f"one bit of byte {i} of the key differs", "WrongKey", key=wrong))
    for name, says, wrong in (
        ("key-zero", "the key is all zeros", bytes(32)),
        ("key-halves-exchanged", "the key has its halves exchanged", base.key[16:] + base.key[:16]),
        ("key-reversed", "the key is reversed", base.key[::-1]),
        ("key-half-twice", "the key is its first half twice, as where 16 bytes are read", base.key[:16] * 2),
    ):
        tests.append(under(name, says, "WrongKey", key=wrong))
    return Group("one text under other keys and nonces", tuple(tests), {"ciphertext": base.whole})


def layouts(draw: Draw) -> Group:
    """The right ciphertext; the tag of other bytes than mac_data."""
    base = drawn(draw, "layout", 41)
    c = base.ciphertext
    padded, size = c + pad16(c), len(c)
    covered = {
        "without-lengths": ("of the padded ciphertext without lengths", padded),
        "without-padding": ("of ciphertext and lengths without padding between them", c + struct.pack("<QQ", 0, size)),
        "of-the-ciphertext-alone": ("of the ciphertext alone", c),
        "lengths-exchanged": ("with the two lengths exchanged", padded + struct.pack("<QQ", size, 0)),
        "lengths-big-endian": ("with big-endian lengths", padded + struct.pack(">QQ", 0, size)),
        "lengths-in-bits": ("with lengths in bits", padded + struct.pack("<QQ", 0, 8 * size)),
        "lengths-of-32-bits": ("with lengths of 32 bits", padded + struct.pack("<LL", 0, size)),
        "length-of-ciphertext-only": ("with the length of the ciphertext only", padded + struct.pack("<Q", size)),
        "length-padded": ("with the length of the padded ciphertext", padded + struct.pack("<QQ", 0, len(padded))),
        "length-with-tag": ("with the length of ciphertext and tag", padded + struct.pack("<QQ", 0, size + 16)),
        "lengths-zero": ("with lengths of zero", padded + bytes(16)),
        "lengths-in-front": ("with the lengths in front of the ciphertext", struct.pack("<QQ", 0, size) + padded),
        "draft-agl": (
            "as in the draft before RFC 7539: AAD, its length, ciphertext, its length, no padding",
            struct.pack("<Q", 0) + c + struct.pack("<Q", size),
        ),
        "padding-of-0x80": ("with a padding of 80 and zeros", c + b"\x80" + pad16(c)[1:] + struct.pack("<QQ", 0, size)),
        "padding-to-64": ("with a padding to 64 bytes", c + bytes(64 - size) + struct.pack("<QQ", 0, size)),
    }
    tests = [opens("layout-right", "the right tag: what all others of this group are made of", base.whole, "Basic")]
    for name, (says, data) in covered.items():
        tests.append(refused(f"tag-{name}", f"the tag {says}", base.with_tag_over(data), "MacLayout"))
    whole_block = Sealed(base.key, base.nonce, base.plaintext[:32])
    data = whole_block.ciphertext + bytes(16) + struct.pack("<QQ", 0, 32)
    tests += [
        refused(
            "tag-padding-of-a-whole-block",
            "the tag with a block of zeros behind a ciphertext of 32 bytes, which needs none",
            whole_block.with_tag_over(data),
            "MacLayout",
        ),
        refused(
            "tag-over-the-plaintext",
            "the tag of the plaintext in place of the ciphertext",
            base.with_tag_over(mac_data(base.plaintext)),
            "MacThenEncrypt",
        ),
        refused(
            "tag-over-the-padded-plaintext",
            "the tag of the plaintext alone, without lengths",
            base.with_tag_over(base.plaintext),
            "MacThenEncrypt",
        ),
        refused(
            "tag-encrypted",
            "the tag of the plaintext, encrypted behind it as one message",
            chacha20_encrypt(
                base.key, 1, base.nonce, base.plaintext + poly1305_mac(base.one_time_key, mac_data(base.plaintext))
            ),
            "MacThenEncrypt",
        ),
    ]
    for name, says, aad in (
        ("zero", "a single zero byte", b"\0"),
        ("16-zeros", "16 zero bytes", bytes(16)),
        ("nen", "the text nen", b"nen"),
        ("nonce", "the nonce", base.nonce),
        ("key", "the key", base.key),
    ):
        wrong = aead_encrypt(base.key, base.nonce, base.plaintext, aad)
        tests.append(refused(f"aad-{name}", f"sealed with an AAD: {says}", wrong, "Aad"))
    moved = poly1305_mac(base.one_time_key, mac_data(c[16:], c[:16]))
    tests.append(
        refused("aad-of-ciphertext", "the tag takes the first block of the ciphertext for AAD", c + moved, "Aad")
    )
    return Group("a ciphertext of 40 bytes with the tag of other bytes", tuple(tests), base.shared)


def one_time_keys(draw: Draw) -> Group:
    """The right ciphertext; the tag under other one-time keys, or all of it by other ciphers."""
    base = drawn(draw, "one-time", 40)
    right = base.one_time_key
    block = chacha20_block(base.key, 0, base.nonce)
    keys = {
        "block-1": ("the first half of block 1", chacha20_block(base.key, 1, base.nonce)[:32]),
        "last-block": ("the first half of block 2^32 - 1", chacha20_block(base.key, 2**32 - 1, base.nonce)[:32]),
        "second-half": ("the second half of block 0", block[32:]),
        "r-and-s-exchanged": ("the one-time key with r and s exchanged", right[16:] + right[:16]),
        "reversed": ("the one-time key reversed", right[::-1]),
        "r-big-endian": ("the one-time key with the bytes of r reversed", right[15::-1] + right[16:]),
        "s-big-endian": ("the one-time key with the bytes of s reversed", right[:16] + right[:15:-1]),
        "s-zero": ("the one-time key with an s of zero", right[:16] + bytes(16)),
        "zero-nonce": ("that of a nonce of zeros", poly1305_key_gen(base.key, bytes(12))),
        "the-key-itself": ("the key itself", base.key),
    }
    tests = [
        opens("one-time-key-right", "the right tag: what all others of this group are made of", base.whole, "Basic")
    ]
    for name, (says, key) in keys.items():
        tests.append(refused(f"one-time-key-{name}", f"the tag under {says}", base.with_tag_under(key), "OneTimeKey"))
    shifted = chacha20_encrypt(base.key, 2, base.nonce, base.plaintext)
    tests.append(
        refused(
            "blocks-from-1",
            "the one-time key from block 1, and the key stream from block 2",
            shifted + poly1305_mac(keys["block-1"][1], mac_data(shifted)),
            "OneTimeKey",
        )
    )
    unclamped = int.from_bytes(right[:16], "little")
    tag = OneTimeKey(unclamped, OneTimeKey.of(right).s)
    tests.append(
        refused(
            "r-not-clamped",
            "the tag of an r that was not clamped",
            base.ciphertext + tag.tag(tag.accumulator(mac_data(base.ciphertext))),
            "NotClamped",
        )
    )
    for rounds in (8, 12):
        says = f"sealed with ChaCha{rounds}"
        tests.append(refused(f"chacha{rounds}", says, by_state(base, rounds, base.nonce), "ChaChaVariant"))
    longer = base.nonce[4:] + bytes(4)
    tests += [
        refused(
            "nonce-of-8-bytes",
            "sealed with the last 8 bytes of the nonce and a counter of 64 bits",
            by_state(base, 20, bytes(4) + base.nonce[4:]),
            "ChaChaVariant",
        ),
        refused(
            "nonce-filled-behind",
            "sealed with the last 8 bytes of the nonce and zeros behind them",
            by_state(base, 20, longer),
            "ChaChaVariant",
        ),
    ]
    return Group("a plaintext of 40 bytes under other keys of the tag and other ciphers", tuple(tests), base.shared)


def by_state(base: Sealed, rounds: int, nonce: bytes) -> bytes:
    """Sealed with another number of rounds, or another nonce; up to 64 bytes."""
    block = [chacha_block_of(initial_state(base.key, counter, nonce), rounds) for counter in (0, 1)]
    ciphertext = bytes(a ^ b for a, b in zip(base.plaintext, block[1], strict=False))
    return ciphertext + poly1305_mac(block[0][:32], mac_data(ciphertext))


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        lengths(draw),
        nonces(draw),
        accumulators(draw),
        constant_ciphertexts(draw),
        tags(draw),
        cut_tags(draw),
        altered_ciphertexts(draw),
        wrong_keys(draw),
        layouts(draw),
        one_time_keys(draw),
    ]


def random(draw: Draw, i: int) -> Test:
    """Odd numbers open; in even ones, a bit anywhere is flipped."""
    plaintext = SUNSCREEN if i == 1 else draw("plaintext", draw.below("size", 120))
    base = Sealed(draw("key"), draw("nonce", 12), plaintext)
    if i % 2:
        return valid(f"random-{i}", "drawn", base.shared | {"ciphertext": base.whole}, "Basic")
    place = draw.below("place", len(base.whole))
    flag = "CiphertextAltered" if place < len(plaintext) else "TagByte"
    wrong = flipped(base.whole, place, 1 << draw.below("bit", 8))
    says = f"drawn, with a bit of byte {place} of {len(wrong)} flipped"
    return invalid(f"random-{i}", says, base.shared | {"ciphertext": wrong}, flag)


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """The values on the way to the tag that is right for this ciphertext, and that tag."""
    sealed = a["ciphertext"]
    if len(sealed) < 16:
        return {"one_time_key": poly1305_key_gen(a["key"], a["nonce"])}
    values = aead_values(a["key"], a["nonce"], sealed[:-16])
    return {**values, "right_tag": poly1305_mac(values["one_time_key"], mac_data(sealed[:-16]))}


SUITE = VectorSuite(
    name="primitives/aead_open",
    title="ChaCha20-Poly1305, opening",
    notes="The AAD is empty; the tag of 16 bytes follows the ciphertext. Of the intermediate values r (clamped), s and "
    "the accumulator (before s is added) are little-endian; right_tag is the tag that would open.",
    operation="aead.open",
    covers=("RFC 8439, section 2.8", "V1-PRIM-09", "V1-PRIM-10"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=20,
    intermediate=intermediate,
)

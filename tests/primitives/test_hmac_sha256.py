"""FIPS 198-1 with SHA-256: RFC 4231, Wycheproof, two libraries as witnesses, keys around the block size."""

import hmac as standard_library
from collections import Counter
from collections.abc import Iterator

import pytest
from Crypto.Hash import HMAC, SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from nen_ref.primitives.hmac_sha256 import HmacSha256, hmac_sha256, verify
from tests.primitives.vectors import Walk, all_tests, c2sp_wycheproof, of_cryptography

RFC_4231 = of_cryptography("RFC", "RFC 4231", "HMAC/rfc-4231-sha256.txt")


def rfc_4231() -> Iterator[dict[str, str]]:
    """Test cases 1 to 4, 6 and 7: the fields Len, Key, Msg, MD."""
    fields: dict[str, str] = {}
    for line in RFC_4231.text.splitlines():
        name, separator, value = line.strip().partition(" = ")
        if separator:
            fields[name] = value
        if name == "MD":
            yield fields
            fields = {}


def test_rfc_4231(walk: Walk) -> None:
    for case in walk(RFC_4231, rfc_4231()):
        key, text = bytes.fromhex(case["Key"]), bytes.fromhex(case["Msg"])
        assert len(text) == int(case["Len"]) // 8
        assert hmac_sha256(key, text).hex() == case["MD"]
        assert verify(key, text, bytes.fromhex(case["MD"]))


def test_rfc_4231_truncated() -> None:
    """Test case 5, which the file leaves out. The caller truncates; `verify` takes whole MACs only."""
    key, text = b"\x0c" * 20, b"Test With Truncation"
    tag = bytes.fromhex("a3b6167473100ee06e0c796c2955552b")
    assert hmac_sha256(key, text)[:16] == tag
    assert not verify(key, text, tag)


def test_wycheproof(walk: Walk) -> None:
    """A group of 128-bit tags checks the first half of the MAC."""
    published = c2sp_wycheproof("hmac_sha256_test.json")
    ran: Counter[tuple[int, str]] = Counter()
    for group, test in walk(published, all_tests(published)):
        size = group["tagSize"] // 8
        key, text, tag = (bytes.fromhex(test[field]) for field in ("key", "msg", "tag"))
        valid = {"valid": True, "invalid": False}[test["result"]]
        assert len(key) == group["keySize"] // 8, test["tcId"]
        assert (hmac_sha256(key, text)[:size] == tag) == valid, test["tcId"]
        assert verify(key, text, tag) == (valid and size == 32), test["tcId"]
        ran[size, test["result"]] += 1
    assert ran == {(32, "valid"): 33, (32, "invalid"): 54, (16, "valid"): 33, (16, "invalid"): 54}


@pytest.mark.parametrize("key_size", [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000])
@pytest.mark.parametrize("text_size", [0, 1, 55, 56, 63, 64, 65, 1000])
def test_lengths(key_size: int, text_size: int) -> None:
    """Keys that are filled up, that fit the block, that are hashed; texts around SHA-256's padding."""
    key = bytes(i * 7 % 256 for i in range(key_size))
    text = bytes(i * 5 % 256 for i in range(text_size))
    assert hmac_sha256(key, text) == HMAC.new(key, text, SHA256).digest()


@pytest.mark.bulk
@settings(max_examples=1000, derandomize=True, deadline=None)
@given(st.binary(max_size=200), st.lists(st.binary(max_size=200), max_size=5))
def test_witnesses(key: bytes, pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    tag = hmac_sha256(key, text)
    assert tag == standard_library.digest(key, text, "sha256")
    assert tag == HMAC.new(key, text, SHA256).digest()

    mac = HmacSha256(key)
    for piece in pieces:
        mac.update(piece)
    assert mac.digest() == tag


def test_digest_does_not_end_the_text() -> None:
    mac = HmacSha256(b"key")
    assert mac.digest() == mac.digest() == hmac_sha256(b"key", b"")
    mac.update(b"one")
    assert mac.digest() == hmac_sha256(b"key", b"one")
    mac.update(b" two")
    assert mac.digest() == hmac_sha256(b"key", b"one two")


def test_verify() -> None:
    key, text = b"k" * 32, b"GET\n/path\n1\n"
    tag = hmac_sha256(key, text)
    assert verify(key, text, tag)
    assert not verify(key + b"k", text, tag)
    assert not verify(key, text + b"\n", tag)
    for bit in range(256):
        wrong = int.from_bytes(tag, "big") ^ 1 << bit
        assert not verify(key, text, wrong.to_bytes(32, "big"))
    for size in range(32):
        assert not verify(key, text, tag[:size])
    assert not verify(key, text, tag + b"\x00")


def test_no_secret_in_repr() -> None:
    """The key is not kept; it is in the states of the hash objects, which do not show."""
    assert "secret" not in repr(vars(HmacSha256(b"secret key")))

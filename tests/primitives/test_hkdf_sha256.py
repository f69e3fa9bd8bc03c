"""RFC 5869 with SHA-256: its vectors, Wycheproof, two libraries as witnesses, the limits of every argument."""

from collections import Counter

import pytest
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF
from cryptography.hazmat.primitives.hashes import SHA256 as PYCA_SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF as PYCA_HKDF
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from nen_ref.primitives.errors import LengthError, LimitError
from nen_ref.primitives.hkdf_sha256 import hkdf_expand, hkdf_extract, hkdf_sha256
from nen_ref.primitives.suite import REFERENCE
from tests.primitives.vectors import Published, Walk, all_tests, c2sp_wycheproof, of_cryptography, records, wycheproof

RFC_5869 = of_cryptography("RFC", "RFC 5869", "KDF/rfc-5869-HKDF-SHA256.txt")
PYCA_1200 = of_cryptography("pyca/cryptography", "not named", "KDF/hkdf-generated.txt")


def pyca(IKM: bytes, info: bytes, L: int, salt: bytes | None) -> bytes:
    return PYCA_HKDF(PYCA_SHA256(), L, salt=salt, info=info).derive(IKM)


def pycryptodome(IKM: bytes, info: bytes, L: int, salt: bytes | None) -> bytes:
    okm = HKDF(IKM, L, salt, SHA256, context=info)
    assert isinstance(okm, bytes)
    return okm


# What others have published --------------------------------------------------------------------------------


def test_rfc_5869(walk: Walk) -> None:
    """Appendix A.1 to A.3, the pseudorandom key on the way included."""
    for case in walk(RFC_5869, list(records(RFC_5869.text))):
        IKM, salt, info, PRK, OKM = (bytes.fromhex(case[field]) for field in ("ikm", "salt", "info", "prk", "okm"))
        L = int(case["l"])
        assert hkdf_extract(salt, IKM) == PRK
        assert hkdf_expand(PRK, info, L) == OKM
        assert hkdf_sha256(IKM, info, L, salt) == OKM


def test_rfc_5869_without_a_salt() -> None:
    """A.3 by the function of the Suite, and by ours with the salt left out."""
    IKM = b"\x0b" * 22
    OKM = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    assert hkdf_sha256(IKM, b"", 42).hex() == OKM
    assert REFERENCE.hkdf_sha256(IKM, b"", 42).hex() == OKM


def test_1200_bytes_of_cryptography(walk: Walk) -> None:
    for case in walk(PYCA_1200, list(records(PYCA_1200.text))):
        okm = hkdf_sha256(bytes.fromhex(case["ikm"]), bytes.fromhex(case["info"]), int(case["l"]))
        assert case["salt"] == ""
        assert okm.hex() == case["okm"]


@pytest.mark.parametrize(
    "published",
    [c2sp_wycheproof("hkdf_sha256_test.json"), wycheproof("Protocol", "hkdf_sha256_test.json")],
    ids=lambda published: published.name,
)
def test_wycheproof(published: Published, walk: Walk) -> None:
    ran: Counter[str] = Counter()
    for _group, test in walk(published, all_tests(published)):
        IKM, salt, info = (bytes.fromhex(test[field]) for field in ("ikm", "salt", "info"))
        if test["result"] == "valid":
            assert hkdf_sha256(IKM, info, test["size"], salt).hex() == test["okm"], test["tcId"]
        else:
            assert test["flags"] == ["SizeTooLarge"]
            with pytest.raises(LimitError):
                hkdf_sha256(IKM, info, test["size"], salt)
        ran[test["result"]] += 1
    assert ran == {"valid": 83, "invalid": 3}


# Two libraries ---------------------------------------------------------------------------------------------


@pytest.mark.bulk
@settings(max_examples=1000, derandomize=True, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200), st.integers(0, 300))
def test_witnesses(IKM: bytes, salt: bytes, info: bytes, L: int) -> None:
    okm = hkdf_sha256(IKM, info, L, salt)
    assert len(okm) == L
    assert okm == pyca(IKM, info, L, salt)
    assert okm == pycryptodome(IKM, info, L, salt)


@pytest.mark.parametrize("L", [0, 1, 31, 32, 33, 63, 64, 65, 8127, 8128, 8129, 8159, 8160])
def test_lengths_of_the_output(L: int) -> None:
    """Around the borders of a block, up to the 255th, which is the last."""
    okm = hkdf_sha256(b"ikm", b"info", L, b"salt")
    assert okm == pyca(b"ikm", b"info", L, b"salt")
    assert okm == hkdf_sha256(b"ikm", b"info", 8160, b"salt")[:L]


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 63, 64, 65, 1000])
def test_lengths_of_the_input(size: int) -> None:
    """A salt is HMAC's key: padded up to 64 bytes, and hashed above."""
    long = bytes(i * 7 % 256 for i in range(size))
    assert hkdf_sha256(long, b"info", 64, b"salt") == pyca(long, b"info", 64, b"salt")
    assert hkdf_sha256(b"ikm", long, 64, b"salt") == pyca(b"ikm", long, 64, b"salt")
    assert hkdf_sha256(b"ikm", b"info", 64, long) == pyca(b"ikm", b"info", 64, long)


@pytest.mark.parametrize("size", [32, 33, 64, 65, 128])
def test_a_longer_pseudorandom_key(size: int) -> None:
    """2.3: at least HashLen bytes, and more are used whole."""
    PRK = bytes(range(size))
    assert hkdf_expand(PRK, b"info", 40) == HKDFExpand(PYCA_SHA256(), 40, b"info").derive(PRK)


# The limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("L", [-1, 8161, 2**64])
def test_a_length_that_cannot_be(L: int) -> None:
    with pytest.raises(LimitError, match="L must stay between 0 and 8160"):
        hkdf_sha256(b"ikm", b"info", L)
    with pytest.raises(LimitError):
        hkdf_expand(bytes(32), b"info", L)


@pytest.mark.parametrize("size", [0, 1, 31])
def test_a_pseudorandom_key_that_is_too_short(size: int) -> None:
    with pytest.raises(LengthError, match=f"^PRK must be at least 32 bytes, not {size}$"):
        hkdf_expand(bytes(size), b"info", 32)


@pytest.mark.parametrize("size", [0, 1, 31, 32, 64])
def test_no_salt_is_a_salt_of_zeros(size: int) -> None:
    assert hkdf_extract(bytes(size), b"ikm") == hkdf_extract(b"", b"ikm")
    assert hkdf_sha256(b"ikm", b"info", 42, bytes(size)) == hkdf_sha256(b"ikm", b"info", 42)


def test_everything_counts() -> None:
    """Another ikm, salt or info, or a byte moved from one to the other, is another output."""
    outputs = {
        hkdf_sha256(b"ab", b"cd", 32, b"ef"),
        hkdf_sha256(b"abc", b"d", 32, b"ef"),
        hkdf_sha256(b"ab", b"cde", 32, b"f"),
        hkdf_sha256(b"a", b"cd", 32, b"bef"),
        hkdf_sha256(b"ab", b"cd\x01", 32, b"ef"),
        hkdf_sha256(b"ab", b"", 32, b"ef"),
        hkdf_sha256(b"", b"cd", 32, b"ef"),
        hkdf_sha256(b"ab", b"cd", 32),
    }
    assert len(outputs) == 8

"""RFC 8439: its vectors, Wycheproof, two libraries as witnesses, the edges of the arithmetic, the limits."""

import struct
import tracemalloc
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from Crypto.Cipher import ChaCha20 as PycryptodomeChaCha20
from Crypto.Cipher import ChaCha20_Poly1305 as PycryptodomeAead
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305 as PycaAead
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20 as PycaChaCha20
from cryptography.hazmat.primitives.poly1305 import Poly1305 as PycaPoly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from nen_ref.primitives import chacha20_poly1305 as module
from nen_ref.primitives.chacha20_poly1305 import (
    AeadDecryptor,
    AeadEncryptor,
    ChaCha20,
    FinishedError,
    Poly1305,
    aead_decrypt,
    aead_encrypt,
    chacha20_block,
    chacha20_blocks,
    chacha20_encrypt,
    clamp,
    inner_block,
    poly1305_key_gen,
    poly1305_mac,
    quarter_round,
)
from nen_ref.primitives.errors import AuthenticationError, LengthError, LimitError
from tests.primitives.vectors import Published, Walk, all_tests, c2sp_wycheproof, of_cryptography, records, wycheproof

KEY_00 = bytes(range(32))
KEY_80 = bytes(range(0x80, 0xA0))
ZERO_KEY = bytes(32)
ZERO_NONCE = bytes(12)
LAST_COUNTER = 2**32 - 1
MAX_R = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
P = 2**130 - 5

SUNSCREEN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)
IETF_NOTICE = (
    b"Any submission to the IETF intended by the Contributor for publication as all or part of an IETF "
    b"Internet-Draft or RFC and any statement made within the context of an IETF activity is considered an "
    b'"IETF Contribution". Such statements include oral statements in IETF sessions, as well as written and '
    b"electronic communications made at any time or place, which are addressed to"
)
JABBERWOCKY = (
    b"'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\nAll mimsy were the borogoves,\n"
    b"And the mome raths outgrabe."
)

quick = settings(derandomize=True, deadline=None, max_examples=2 * settings().max_examples)  # few under mutmut


# RFC 8439, section 2 ---------------------------------------------------------------------------------------


def test_2_1_1_quarter_round() -> None:
    state = [0x11111111, 0x01020304, 0x9B8D6F43, 0x01234567]
    quarter_round(state, 0, 1, 2, 3)
    assert state == [0xEA2A92F4, 0xCB1CF8CE, 0x4581472E, 0x5881C4BB]


def test_2_2_1_quarter_round_on_the_state() -> None:
    # fmt: off
    state = [
        0x879531E0, 0xC5ECF37D, 0x516461B1, 0xC9A62F8A,
        0x44C20EF3, 0x3390AF7F, 0xD9FC690B, 0x2A5F714C,
        0x53372767, 0xB00A5631, 0x974C541A, 0x359E9963,
        0x5C971061, 0x3D631689, 0x2098D9D6, 0x91DBD320,
    ]
    quarter_round(state, 2, 7, 8, 13)
    assert state == [
        0x879531E0, 0xC5ECF37D, 0xBDB886DC, 0xC9A62F8A,
        0x44C20EF3, 0x3390AF7F, 0xD9FC690B, 0xCFACAFD2,
        0xE46BEA80, 0xB00A5631, 0x974C541A, 0x359E9963,
        0x5C971061, 0xCCC07C79, 0x2098D9D6, 0x91DBD320,
    ]
    # fmt: on


def test_2_3_2_state_after_twenty_rounds() -> None:
    # fmt: off
    state = [
        0x61707865, 0x3320646E, 0x79622D32, 0x6B206574,
        0x03020100, 0x07060504, 0x0B0A0908, 0x0F0E0D0C,
        0x13121110, 0x17161514, 0x1B1A1918, 0x1F1E1D1C,
        0x00000001, 0x09000000, 0x4A000000, 0x00000000,
    ]
    assert module.initial_state(KEY_00, 1, bytes.fromhex("000000090000004a00000000")) == state
    for _ in range(10):
        inner_block(state)
    assert state == [
        0x837778AB, 0xE238D763, 0xA67AE21E, 0x5950BB2F,
        0xC4F2D0C7, 0xFC62BB2F, 0x8FA018FC, 0x3F5EC7B7,
        0x335271C2, 0xF29489F3, 0xEABDA8FC, 0x82E46EBD,
        0xD19C12B4, 0xB04E16DE, 0x9E83D0CB, 0x4E3C50A2,
    ]
    # fmt: on


def test_2_3_2_block_function() -> None:
    assert chacha20_block(KEY_00, 1, bytes.fromhex("000000090000004a00000000")).hex() == (
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
    )


def test_2_4_2_cipher() -> None:
    ciphertext = (
        "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"
        "f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8"
        "07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
        "5af90bbf74a35be6b40b8eedf2785e42874d"
    )
    nonce = bytes.fromhex("000000000000004a00000000")
    assert chacha20_encrypt(KEY_00, 1, nonce, SUNSCREEN).hex() == ciphertext
    assert chacha20_encrypt(KEY_00, 1, nonce, bytes.fromhex(ciphertext)) == SUNSCREEN


def test_2_5_2_poly1305() -> None:
    key = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    assert clamp(int.from_bytes(key[:16], "little")) == 0x806D5400E52447C036D555408BED685
    assert poly1305_mac(key, b"Cryptographic Forum Research Group").hex() == "a8061dc1305136c6c22b8baf0c0127a9"


def test_2_6_2_key_generation() -> None:
    assert poly1305_key_gen(KEY_80, bytes.fromhex("000000000001020304050607")).hex() == (
        "8ad5a08b905f81cc815040274ab29471a833b637e3fd0da508dbb8e2fdd1a646"
    )


def test_2_8_2_aead() -> None:
    nonce = bytes.fromhex("070000004041424344454647")
    aad = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    sealed = (
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
        "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
        "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
        "3ff4def08e4b7a9de576d26586cec64b6116"
        "1ae10b594f09e26a7e902ecbd0600691"
    )
    assert poly1305_key_gen(KEY_80, nonce).hex() == ("7bac2b252db447af09b67a55a4e955840ae1d6731075d9eb2a9375783ed553ff")
    assert aead_encrypt(KEY_80, nonce, SUNSCREEN, aad).hex() == sealed
    assert aead_decrypt(KEY_80, nonce, bytes.fromhex(sealed), aad) == SUNSCREEN


# RFC 8439, appendix A --------------------------------------------------------------------------------------

KEY_ONE = bytes(31) + b"\x01"
NONCE_TWO = bytes(11) + b"\x02"
KEY_1C = bytes.fromhex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0")


@pytest.mark.parametrize(
    ("key", "nonce", "counter", "key_stream"),
    [
        (
            ZERO_KEY,
            ZERO_NONCE,
            0,
            "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
            "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
        ),
        (
            ZERO_KEY,
            ZERO_NONCE,
            1,
            "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
            "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
        ),
        (
            KEY_ONE,
            ZERO_NONCE,
            1,
            "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
            "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0",
        ),
        (
            b"\x00\xff" + bytes(30),
            ZERO_NONCE,
            2,
            "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
            "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096",
        ),
        (
            ZERO_KEY,
            NONCE_TWO,
            0,
            "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
            "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d",
        ),
    ],
    ids="12345",
)
def test_a_1_block_function(key: bytes, nonce: bytes, counter: int, key_stream: str) -> None:
    assert chacha20_block(key, counter, nonce).hex() == key_stream
    assert chacha20_blocks(key, counter, nonce, 1).hex() == key_stream


@pytest.mark.parametrize(
    ("key", "nonce", "counter", "plaintext", "ciphertext"),
    [
        (
            ZERO_KEY,
            ZERO_NONCE,
            0,
            bytes(64),
            "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
            "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
        ),
        (
            KEY_ONE,
            NONCE_TWO,
            1,
            IETF_NOTICE,
            "a3fbf07df3fa2fde4f376ca23e82737041605d9f4f4f57bd8cff2c1d4b7955ec"
            "2a97948bd3722915c8f3d337f7d370050e9e96d647b7c39f56e031ca5eb6250d"
            "4042e02785ececfa4b4bb5e8ead0440e20b6e8db09d881a7c6132f420e527950"
            "42bdfa7773d8a9051447b3291ce1411c680465552aa6c405b7764d5e87bea85a"
            "d00f8449ed8f72d0d662ab052691ca66424bc86d2df80ea41f43abf937d3259d"
            "c4b2d0dfb48a6c9139ddd7f76966e928e635553ba76c5c879d7b35d49eb2e62b"
            "0871cdac638939e25e8a1e0ef9d5280fa8ca328b351c3c765989cbcf3daa8b6c"
            "cc3aaf9f3979c92b3720fc88dc95ed84a1be059c6499b9fda236e7e818b04b0b"
            "c39c1e876b193bfe5569753f88128cc08aaa9b63d1a16f80ef2554d7189c411f"
            "5869ca52c5b83fa36ff216b9c1d30062bebcfd2dc5bce0911934fda79a86f6e6"
            "98ced759c3ff9b6477338f3da4f9cd8514ea9982ccafb341b2384dd902f3d1ab"
            "7ac61dd29c6f21ba5b862f3730e37cfdc4fd806c22f221",
        ),
        (
            KEY_1C,
            NONCE_TWO,
            42,
            JABBERWOCKY,
            "62e6347f95ed87a45ffae7426f27a1df5fb69110044c0d73118effa95b01e5cf"
            "166d3df2d721caf9b21e5fb14c616871fd84c54f9d65b283196c7fe4f60553eb"
            "f39c6402c42234e32a356b3e764312a61a5532055716ead6962568f87d3f3f77"
            "04c6a8d1bcd1bf4d50d6154b6da731b187b58dfd728afa36757a797ac188d1",
        ),
    ],
    ids="123",
)
def test_a_2_cipher(key: bytes, nonce: bytes, counter: int, plaintext: bytes, ciphertext: str) -> None:
    assert chacha20_encrypt(key, counter, nonce, plaintext).hex() == ciphertext


@pytest.mark.parametrize(
    ("r", "s", "message", "tag"),
    [
        pytest.param("00" * 16, "00" * 16, bytes(64), "00" * 16, id="1"),
        pytest.param(
            "00" * 16, "36e5f6b5c5e06070f0efca96227a863e", IETF_NOTICE, "36e5f6b5c5e06070f0efca96227a863e", id="2"
        ),
        pytest.param(
            "36e5f6b5c5e06070f0efca96227a863e", "00" * 16, IETF_NOTICE, "f3477e7cd95417af89a6b8794c310cf0", id="3"
        ),
        pytest.param(KEY_1C[:16].hex(), KEY_1C[16:].hex(), JABBERWOCKY, "4541669a7eaaee61e708dc7cbcc5eb62", id="4"),
        # The accumulator passes 2^130 - 5 without passing 2^130.
        pytest.param("02" + "00" * 15, "00" * 16, b"\xff" * 16, "03" + "00" * 15, id="5"),
        # The addition of s passes 2^128.
        pytest.param("02" + "00" * 15, "ff" * 16, b"\x02" + bytes(15), "03" + "00" * 15, id="6"),
        pytest.param(
            "01" + "00" * 15,
            "00" * 16,
            b"\xff" * 16 + b"\xf0" + b"\xff" * 15 + b"\x11" + bytes(15),
            "05" + "00" * 15,
            id="7",
        ),
        # The accumulator comes out at exactly 2^130 - 5.
        pytest.param(
            "01" + "00" * 15,
            "00" * 16,
            b"\xff" * 16 + b"\xfb" + b"\xfe" * 15 + b"\x01" * 16,
            "00" * 16,
            id="8",
        ),
        # ... and at 2^130 - 6.
        pytest.param("02" + "00" * 15, "00" * 16, b"\xfd" + b"\xff" * 15, "fa" + "ff" * 15, id="9"),
        pytest.param(
            "01000000000000000400000000000000",
            "00" * 16,
            bytes.fromhex(
                "e33594d7505e43b900000000000000003394d7505e4379cd0100000000000000"
                "0000000000000000000000000000000001000000000000000000000000000000"
            ),
            "14000000000000005500000000000000",
            id="10",
        ),
        pytest.param(
            "01000000000000000400000000000000",
            "00" * 16,
            bytes.fromhex(
                "e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000000000"
            ),
            "13000000000000000000000000000000",
            id="11",
        ),
    ],
)
def test_a_3_poly1305(r: str, s: str, message: bytes, tag: str) -> None:
    assert poly1305_mac(bytes.fromhex(r + s), message).hex() == tag


@pytest.mark.parametrize(
    ("key", "nonce", "one_time_key"),
    [
        (ZERO_KEY, ZERO_NONCE, "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"),
        (KEY_ONE, NONCE_TWO, "ecfa254f845f647473d3cb140da9e87606cb33066c447b87bc2666dde3fbb739"),
        (KEY_1C, NONCE_TWO, "965e3bc6f9ec7ed9560808f4d229f94b137ff275ca9b3fcbdd59deaad23310ae"),
    ],
    ids="123",
)
def test_a_4_key_generation(key: bytes, nonce: bytes, one_time_key: str) -> None:
    assert poly1305_key_gen(key, nonce).hex() == one_time_key


def test_a_5_aead_decryption() -> None:
    sealed = bytes.fromhex(
        "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2"
        "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
        "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
        "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
        "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
        "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
        "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
        "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
        "a6ad5cb4022b02709b"
        "eead9d67890cbb22392336fea1851f38"
    )
    plaintext = (
        "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, "
        "or obsoleted by other documents at any time. It is inappropriate to use Internet-Drafts as reference "
        "material or to cite them other than as /“work in progress./”"
    ).encode()
    nonce = bytes.fromhex("000000000102030405060708")
    aad = bytes.fromhex("f33388860000000000004e91")
    assert aead_decrypt(KEY_1C, nonce, sealed, aad) == plaintext
    assert aead_encrypt(KEY_1C, nonce, plaintext, aad) == sealed


# Published collections -------------------------------------------------------------------------------------


def octets(text: str) -> bytes:
    """A value in hexadecimal, or in quotes."""
    return text[1:-1].encode() if text.startswith('"') else bytes.fromhex(text)


def test_cryptography_vectors_chacha20(walk: Walk) -> None:
    published = of_cryptography("RFC", "RFC 7539, A.2", "ciphers/ChaCha20/rfc7539.txt")
    for record in walk(published, records(published.text)):
        key, nonce, plaintext = (octets(record[name]) for name in ("key", "nonce", "plaintext"))
        ciphertext = chacha20_encrypt(key, int(record["initial_block_counter"]), nonce, plaintext)
        assert ciphertext == octets(record["ciphertext"])


def test_cryptography_vectors_poly1305(walk: Walk) -> None:
    published = of_cryptography("RFC", "RFC 7539, A.3", "poly1305/rfc7539.txt")
    for record in walk(published, records(published.text)):
        assert poly1305_mac(octets(record["key"]), octets(record["msg"])) == octets(record["tag"])


def test_cryptography_vectors_boringssl(walk: Walk) -> None:
    published = of_cryptography("BoringSSL", "not named", "ciphers/ChaCha20Poly1305/boringssl.txt")
    for record in walk(published, records(published.text)):
        key, nonce, plaintext, aad = (octets(record[name]) for name in ("key", "nonce", "in", "ad"))
        sealed = octets(record["ct"]) + octets(record["tag"])
        assert aead_encrypt(key, nonce, plaintext, aad) == sealed
        assert aead_decrypt(key, nonce, sealed, aad) == plaintext


def test_cryptography_vectors_openssl(walk: Walk) -> None:
    published = of_cryptography("OpenSSL", "not named", "ciphers/ChaCha20Poly1305/openssl.txt")
    for record in walk(published, records(published.text)):
        key, nonce, plaintext, aad = (octets(record[name]) for name in ("key", "iv", "plaintext", "aad"))
        sealed = octets(record["ciphertext"]) + octets(record["tag"])
        if record.get("result") == "CIPHERFINAL_ERROR":
            with pytest.raises(AuthenticationError):
                aead_decrypt(key, nonce, sealed, aad)
        else:
            assert aead_encrypt(key, nonce, plaintext, aad) == sealed
            assert aead_decrypt(key, nonce, sealed, aad) == plaintext


def check_wycheproof_aead(walk: Walk, published: Published) -> None:
    """Every test of a Wycheproof AEAD file against ours."""
    for _group, test in walk(published, all_tests(published)):
        key, nonce, aad, plaintext = (bytes.fromhex(test[name]) for name in ("key", "iv", "aad", "msg"))
        sealed = bytes.fromhex(test["ct"] + test["tag"])
        if test["result"] == "valid":
            assert aead_encrypt(key, nonce, plaintext, aad) == sealed, test["tcId"]
            assert aead_decrypt(key, nonce, sealed, aad) == plaintext, test["tcId"]
        elif len(nonce) == 12:
            assert aead_encrypt(key, nonce, plaintext, aad) != sealed, test["tcId"]
            with pytest.raises(AuthenticationError):
                aead_decrypt(key, nonce, sealed, aad)
        else:
            with pytest.raises(LengthError):
                aead_encrypt(key, nonce, plaintext, aad)
            with pytest.raises(LengthError):
                aead_decrypt(key, nonce, sealed, aad)


@pytest.mark.bulk
def test_wycheproof_aead_of_pypi(walk: Walk) -> None:
    check_wycheproof_aead(walk, wycheproof("Cipher", "chacha20_poly1305_test.json"))


def test_wycheproof_aead_of_c2sp(walk: Walk) -> None:
    check_wycheproof_aead(walk, c2sp_wycheproof("chacha20_poly1305_test.json"))


def not_rfc_8439(case: tuple[dict[str, Any], dict[str, Any]]) -> str:
    group, _test = case
    return "" if group["algorithm"] == "ChaCha20-IETF" else f"{group['algorithm']} is not ChaCha20 of RFC 8439"


def test_wycheproof_counter(walk: Walk) -> None:
    published = wycheproof("Cipher", "chacha20_counter_test.json")
    for _group, test in walk(published, all_tests(published), not_rfc_8439):
        key, nonce, plaintext = (bytes.fromhex(test[name]) for name in ("key", "iv", "msg"))
        counter = int.from_bytes(bytes.fromhex(test["initialCounter"]), "little")
        if test["result"] == "valid":
            assert chacha20_encrypt(key, counter, nonce, plaintext).hex() == test["ct"], test["tcId"]
        else:
            with pytest.raises(LimitError):
                chacha20_encrypt(key, counter, nonce, plaintext)


# Many blocks at once ---------------------------------------------------------------------------------------


def plain_key_stream(key: bytes, counter: int, nonce: bytes, n: int) -> bytes:
    """The definition in 2.4: block after block."""
    return b"".join(chacha20_block(key, counter + j, nonce) for j in range(n))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 16, 31, 33, 255, 256, 257, 513])
@pytest.mark.parametrize("key", [KEY_80, ZERO_KEY, b"\xff" * 32], ids=["key", "zeros", "ones"])
def test_blocks_at_once_are_the_blocks(key: bytes, n: int) -> None:
    nonce = key[3:15]
    assert chacha20_blocks(key, 7, nonce, n) == plain_key_stream(key, 7, nonce, n)


@pytest.mark.parametrize("first", [0, 2**8 - 2, 2**16 - 2, 2**24 - 2, 2**31 - 2, 2**32 - 5])
def test_blocks_at_once_where_the_counter_carries(first: int) -> None:
    assert chacha20_blocks(KEY_80, first, NONCE_TWO, 5) == plain_key_stream(KEY_80, first, NONCE_TWO, 5)


@quick
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=12, max_size=12), st.data())
def test_blocks_at_once_are_the_blocks_for_any_input(key: bytes, nonce: bytes, data: st.DataObject) -> None:
    n = data.draw(st.integers(0, 20))
    counter = data.draw(st.integers(0, 2**32 - n))
    assert chacha20_blocks(key, counter, nonce, n) == plain_key_stream(key, counter, nonce, n)


@pytest.mark.parametrize("blocks", [1, 2, 255, 256, 257, 512, 513])
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_encryption_is_the_blocks_around_every_border(blocks: int, extra: int) -> None:
    length = 64 * blocks + extra
    plaintext = Random(length).randbytes(length)
    key_stream = plain_key_stream(KEY_80, 1, NONCE_TWO, blocks + 1)
    ciphertext = bytes(x ^ y for x, y in zip(plaintext, key_stream, strict=False))
    assert chacha20_encrypt(KEY_80, 1, NONCE_TWO, plaintext) == ciphertext


@pytest.mark.parametrize("word", [0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("counter", [0, 0x7FFFFFFE, 0xFFFFFFFD])
def test_no_lane_carries_into_the_next(monkeypatch: pytest.MonkeyPatch, word: int, counter: int) -> None:
    # Not even with the constants of the standard replaced: all words but the counter have the most ones or the fewest.
    monkeypatch.setattr(module, "CONSTANTS", (word,) * 4)
    key, nonce = struct.pack("<L", word) * 8, struct.pack("<L", word) * 3
    assert chacha20_blocks(key, counter, nonce, 3) == plain_key_stream(key, counter, nonce, 3)


def test_a_lane_has_room_for_all_that_is_added() -> None:
    # 2 additions in each of 20 rounds to the first summand, and the one at the end.
    assert (2 * 20 + 2) * (2**32 - 1) < 2**38 < 2**module._LANE


def recorded_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Counter and n of each call of chacha20_blocks from now on."""
    calls = []

    def spy(key: bytes, counter: int, nonce: bytes, n: int) -> bytes:
        calls.append((counter, n))
        return chacha20_blocks(key, counter, nonce, n)

    monkeypatch.setattr(module, "chacha20_blocks", spy)
    return calls


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, [(0, 1)]),
        (1, [(0, 2)]),
        (64, [(0, 2)]),
        (65, [(0, 3)]),
        (64 * 256, [(0, 257)]),
        (64 * 256 + 1, [(0, 257), (257, 1)]),
        (64 * 600, [(0, 257), (257, 256), (513, 88)]),
    ],
)
def test_each_block_is_made_once_and_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch, length: int, expected: list[tuple[int, int]]
) -> None:
    sealed = aead_encrypt(KEY_80, NONCE_TWO, bytes(length))
    calls = recorded_calls(monkeypatch)
    assert aead_encrypt(KEY_80, NONCE_TWO, bytes(length)) == sealed
    assert calls == expected
    calls.clear()
    assert aead_decrypt(KEY_80, NONCE_TWO, sealed) == bytes(length)
    assert calls == expected


def test_a_forged_message_costs_no_more_key_stream_than_the_first_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = recorded_calls(monkeypatch)
    with pytest.raises(AuthenticationError):
        aead_decrypt(KEY_80, NONCE_TWO, bytes(1024 * 1024))
    assert calls == [(0, 257)]


# Memory ----------------------------------------------------------------------------------------------------


def peak_of(work: Callable[[], object]) -> int:
    """Bytes that were allocated at the worst moment, beyond those before."""
    work()  # what is kept between calls (_lanes) is there already
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [2**19, 2**20])
def test_memory_of_one_message(size: int) -> None:
    plaintext = bytes(size)
    sealed = aead_encrypt(KEY_80, NONCE_TWO, plaintext)
    # The ciphertext in pieces and joined, or joined and with its tag. When opening, also the ciphertext without tag.
    assert peak_of(lambda: aead_encrypt(KEY_80, NONCE_TWO, plaintext)) < 2 * size + 500_000
    assert peak_of(lambda: aead_decrypt(KEY_80, NONCE_TWO, sealed)) < 3 * size + 500_000


@pytest.mark.parametrize("kind", [AeadEncryptor, AeadDecryptor])
def test_memory_of_a_message_in_pieces_does_not_grow(kind: type[AeadEncryptor] | type[AeadDecryptor]) -> None:
    def seal(pieces: int) -> None:
        aead = kind(KEY_80, NONCE_TWO)
        for _ in range(pieces):
            aead.update(bytes(16 * 1024))

    few, many = peak_of(lambda: seal(4)), peak_of(lambda: seal(24))
    assert many < few + 50_000  # of 400 KB
    assert few < 250_000


# Witnesses -------------------------------------------------------------------------------------------------


def pyca_chacha20(key: bytes, counter: int, nonce: bytes, data: bytes) -> bytes:
    cipher = Cipher(PycaChaCha20(key, struct.pack("<L", counter) + nonce), mode=None)
    return cipher.encryptor().update(data)


def pycryptodome_chacha20(key: bytes, counter: int, nonce: bytes, data: bytes) -> bytes:
    cipher = PycryptodomeChaCha20.new(key=key, nonce=nonce)
    cipher.seek(64 * counter)
    return cipher.encrypt(data)


@pytest.mark.parametrize(
    "counter", [0, 1, 255, 256, 2**16 - 1, 2**16, 2**31 - 1, 2**31, LAST_COUNTER - 4, LAST_COUNTER]
)
def test_the_witnesses_agree_at_counter_borders(counter: int) -> None:
    for blocks in range(1, min(4, 2**32 - counter) + 1):
        for length in (64 * blocks - 63, 64 * blocks - 1, 64 * blocks):
            data = Random(length).randbytes(length)
            ours = chacha20_encrypt(KEY_80, counter, NONCE_TWO, data)
            assert ours == pyca_chacha20(KEY_80, counter, NONCE_TWO, data)
            assert ours == pycryptodome_chacha20(KEY_80, counter, NONCE_TWO, data)


def lengths(random: Random) -> tuple[int, int]:
    """Lengths of plaintext and AAD: half of them next to a border of 16 or 64 bytes."""
    if random.random() < 0.5:
        return random.randrange(300), random.randrange(50)
    return (
        max(0, 64 * random.randrange(6) + random.randint(-1, 1)),
        max(0, 16 * random.randrange(4) + random.randint(-1, 1)),
    )


def extreme_bytes(random: Random, length: int) -> bytes:
    """Random, or all bits clear, or all bits set."""
    return random.choice((random.randbytes(length), random.randbytes(length), bytes(length), b"\xff" * length))


@pytest.mark.bulk
def test_the_witnesses_agree_on_thousands_of_messages() -> None:
    random = Random("RFC 8439")
    for _ in range(3000):
        plaintext_length, aad_length = lengths(random)
        key, nonce = extreme_bytes(random, 32), extreme_bytes(random, 12)
        plaintext, aad = extreme_bytes(random, plaintext_length), extreme_bytes(random, aad_length)
        sealed = aead_encrypt(key, nonce, plaintext, aad)
        assert sealed == PycaAead(key).encrypt(nonce, plaintext, aad)
        cipher = PycryptodomeAead.new(key=key, nonce=nonce)
        cipher.update(aad)
        assert sealed == b"".join(cipher.encrypt_and_digest(plaintext))
        assert aead_decrypt(key, nonce, sealed, aad) == plaintext


@pytest.mark.bulk
@pytest.mark.parametrize("length", [16 * 1024, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 1024 * 1024 + 17])
def test_the_witnesses_agree_on_long_messages(length: int) -> None:
    plaintext = Random(length).randbytes(length)
    sealed = aead_encrypt(KEY_80, NONCE_TWO, plaintext, b"aad")
    assert sealed == PycaAead(KEY_80).encrypt(NONCE_TWO, plaintext, b"aad")
    assert aead_decrypt(KEY_80, NONCE_TWO, sealed, b"aad") == plaintext


# Poly1305 where it wraps -----------------------------------------------------------------------------------

ALL_ONES = 2**128 - 1
EXTREME_S = [0, 1, 2**127, ALL_ONES - 1, ALL_ONES]


def poly1305_key(r: int, s: int) -> bytes:
    return r.to_bytes(16, "little") + s.to_bytes(16, "little")


@pytest.mark.parametrize("s", EXTREME_S)
@pytest.mark.parametrize("accumulator", range(P - 8, P + 9), ids=lambda a: f"p{a - P:+}")
def test_poly1305_with_an_accumulator_around_p(accumulator: int, s: int) -> None:
    # With r = 1 the accumulator is the sum of the blocks, each of which counts 2^128 more than its bytes.
    blocks = [0, ALL_ONES - 32]
    blocks.append(accumulator - sum(blocks) - 3 * 2**128)
    message = b"".join(block.to_bytes(16, "little") for block in blocks)
    tag = ((accumulator % P) + s) % 2**128
    assert poly1305_mac(poly1305_key(1, s), message) == tag.to_bytes(16, "little")


@pytest.mark.parametrize("s", EXTREME_S)
@pytest.mark.parametrize("r", [0, 1, 2, 4, 2**124 - 2**98, MAX_R - 4, MAX_R, ALL_ONES, ALL_ONES - MAX_R])
def test_poly1305_with_extreme_keys(r: int, s: int) -> None:
    key = poly1305_key(r, s)
    for length in (0, 1, 15, 16, 17, 31, 32, 33, 256):
        for message in (bytes(length), b"\xff" * length, b"\x01" * length, b"\xff" * (length // 2)):
            assert poly1305_mac(key, message) == PycaPoly1305.generate_tag(key, message)


def test_poly1305_clears_the_bits_of_r_that_the_rfc_names() -> None:
    clamped = [3, 7, 11, 15], [4, 8, 12]
    r = bytes(0x0F if i in clamped[0] else 0xFC if i in clamped[1] else 0xFF for i in range(16))
    assert clamp(ALL_ONES) == int.from_bytes(r, "little")
    assert poly1305_mac(b"\xff" * 32, b"message") == poly1305_mac(r + b"\xff" * 16, b"message")


def plain_poly1305(key: bytes, message: bytes) -> bytes:
    """The definition in 2.5.1: block after block."""
    poly1305 = Poly1305(key)
    for i in range(0, len(message), 16):
        poly1305._add_block(message[i : i + 16])
    return poly1305.digest()


@pytest.mark.parametrize("r", [0, 1, 4, MAX_R - 4, MAX_R, ALL_ONES])
def test_four_blocks_at_once_are_the_blocks(r: int) -> None:
    key = poly1305_key(r, ALL_ONES)
    for length in (*range(130), 256, 1024, 1025):
        for message in (Random(length).randbytes(length), bytes(length), b"\xff" * length):
            assert poly1305_mac(key, message) == plain_poly1305(key, message)


def test_poly1305_tells_trailing_zeros_apart() -> None:
    tags = {poly1305_mac(KEY_80, bytes(length)) for length in range(65)}
    assert len(tags) == 65


@quick
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_poly1305_agrees_with_its_witness(key: bytes, message: bytes) -> None:
    assert poly1305_mac(key, message) == PycaPoly1305.generate_tag(key, message)


# In pieces -------------------------------------------------------------------------------------------------


@st.composite
def messages_in_pieces(draw: st.DrawFn, max_size: int = 700) -> list[bytes]:
    """A message and where it is cut, empty pieces included."""
    length = draw(st.integers(0, max_size))
    cuts = sorted(draw(st.lists(st.integers(0, length), max_size=12)))
    message = Random(length).randbytes(length)
    return [message[i:j] for i, j in zip([0, *cuts], [*cuts, length], strict=True)]


@quick
@given(messages_in_pieces(), st.sampled_from([0, 1, 2**32 - 11]))
def test_chacha20_in_pieces(pieces: list[bytes], counter: int) -> None:
    cipher = ChaCha20(KEY_80, counter, NONCE_TWO)
    whole = pyca_chacha20(KEY_80, counter, NONCE_TWO, b"".join(pieces))
    assert [cipher.update(piece) for piece in pieces] == split_like(whole, pieces)


@pytest.mark.parametrize("first", [64 * 256, 64 * 256 + 1, 64 * 300, 64 * 512 + 5])
def test_chacha20_in_long_pieces(first: int) -> None:
    data = Random(first).randbytes(first + 3 * 64 * 257)
    pieces = [data[:first], data[first : first + 100], data[first + 100 :]]
    cipher = ChaCha20(KEY_80, 1, NONCE_TWO)
    assert [cipher.update(piece) for piece in pieces] == split_like(pyca_chacha20(KEY_80, 1, NONCE_TWO, data), pieces)


@quick
@given(messages_in_pieces())
def test_poly1305_in_pieces(pieces: list[bytes]) -> None:
    poly1305 = Poly1305(KEY_80)
    for piece in pieces:
        poly1305.update(piece)
    assert poly1305.digest() == PycaPoly1305.generate_tag(KEY_80, b"".join(pieces))


@quick
@given(messages_in_pieces(), st.binary(max_size=40))
def test_aead_in_pieces(pieces: list[bytes], aad: bytes) -> None:
    sealed = PycaAead(KEY_80).encrypt(NONCE_TWO, b"".join(pieces), aad)
    ciphertext, tag = sealed[:-16], sealed[-16:]
    encryptor = AeadEncryptor(KEY_80, NONCE_TWO, aad)
    assert [encryptor.update(piece) for piece in pieces] == split_like(ciphertext, pieces)
    assert encryptor.finish() == tag
    decryptor = AeadDecryptor(KEY_80, NONCE_TWO, aad)
    assert [decryptor.update(piece) for piece in split_like(ciphertext, pieces)] == pieces
    decryptor.finish(tag)


def test_no_aad_is_the_empty_one() -> None:
    sealed = PycaAead(KEY_80).encrypt(NONCE_TWO, JABBERWOCKY, None)
    assert aead_encrypt(KEY_80, NONCE_TWO, JABBERWOCKY) == sealed
    assert aead_decrypt(KEY_80, NONCE_TWO, sealed) == JABBERWOCKY
    encryptor = AeadEncryptor(KEY_80, NONCE_TWO)
    assert encryptor.update(JABBERWOCKY) + encryptor.finish() == sealed
    decryptor = AeadDecryptor(KEY_80, NONCE_TWO)
    assert decryptor.update(sealed[:-16]) == JABBERWOCKY
    decryptor.finish(sealed[-16:])


def split_like(data: bytes, pieces: list[bytes]) -> list[bytes]:
    result = []
    for piece in pieces:
        result.append(data[: len(piece)])
        data = data[len(piece) :]
    assert data == b""
    return result


# Refusals --------------------------------------------------------------------------------------------------

SHORT_AAD = b"aad"
SHORT_PLAINTEXT = b"attack at dawn"
SHORT_SEALED = PycaAead(KEY_80).encrypt(NONCE_TWO, SHORT_PLAINTEXT, SHORT_AAD)


def flip(data: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8 if i == bit // 8 else 0) for i, byte in enumerate(data))


def refuses(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> None:
    with pytest.raises(AuthenticationError):
        aead_decrypt(key, nonce, sealed, aad)
    decryptor = AeadDecryptor(key, nonce, aad)
    decryptor.update(sealed[:-16])
    with pytest.raises(AuthenticationError):
        decryptor.finish(sealed[-16:])


def test_the_short_message_itself_opens() -> None:
    assert aead_decrypt(KEY_80, NONCE_TWO, SHORT_SEALED, SHORT_AAD) == SHORT_PLAINTEXT


@pytest.mark.parametrize("part", ["key", "nonce", "sealed", "aad"])
def test_every_flipped_bit_is_refused(part: str) -> None:
    parts = {"key": KEY_80, "nonce": NONCE_TWO, "sealed": SHORT_SEALED, "aad": SHORT_AAD}
    for bit in range(8 * len(parts[part])):
        refuses(**parts | {part: flip(parts[part], bit)})


def test_every_truncation_and_every_extension_is_refused() -> None:
    for length in range(len(SHORT_SEALED)):
        refuses(KEY_80, NONCE_TWO, SHORT_SEALED[:length], SHORT_AAD)
    for extra in (b"\x00", b"\x00" * 16, SHORT_SEALED):
        refuses(KEY_80, NONCE_TWO, SHORT_SEALED + extra, SHORT_AAD)
        refuses(KEY_80, NONCE_TWO, extra + SHORT_SEALED, SHORT_AAD)


def test_bytes_moved_between_aad_and_ciphertext_are_refused() -> None:
    # Only the lengths at the end of what the tag covers tell these apart.
    empty = PycaAead(KEY_80).encrypt(NONCE_TWO, b"", bytes(16))
    refuses(KEY_80, NONCE_TWO, bytes(16) + empty, b"")
    refuses(KEY_80, NONCE_TWO, empty, bytes(15))
    refuses(KEY_80, NONCE_TWO, empty, bytes(17))


@pytest.mark.parametrize("length", range(16))
def test_no_room_for_a_tag(length: int) -> None:
    with pytest.raises(AuthenticationError, match="shorter than a tag"):
        aead_decrypt(KEY_80, NONCE_TWO, SHORT_SEALED[:length])


@pytest.mark.parametrize(
    "tag",
    [b"", SHORT_SEALED[-16:-1], SHORT_SEALED[-15:], SHORT_SEALED[-16:] + b"\x00"],
    ids=["empty", "end cut off", "start cut off", "a byte more"],
)
def test_a_tag_of_another_length_is_wrong(tag: bytes) -> None:
    decryptor = AeadDecryptor(KEY_80, NONCE_TWO, SHORT_AAD)
    assert decryptor.update(SHORT_SEALED[:-16]) == SHORT_PLAINTEXT
    with pytest.raises(AuthenticationError):
        decryptor.finish(tag)


def test_nothing_is_decrypted_before_the_tag_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    decrypted = []
    xor = module._xor

    def spy(data: bytes, key_stream: bytes) -> bytes:
        decrypted.append(data)
        return xor(data, key_stream)

    monkeypatch.setattr(module, "_xor", spy)
    with pytest.raises(AuthenticationError):
        aead_decrypt(KEY_80, NONCE_TWO, flip(SHORT_SEALED, 0), SHORT_AAD)
    assert decrypted == []
    aead_decrypt(KEY_80, NONCE_TWO, SHORT_SEALED, SHORT_AAD)
    assert decrypted == [SHORT_SEALED[:-16]]


# Limits ----------------------------------------------------------------------------------------------------

SEALED_NOTHING = PycaAead(ZERO_KEY).encrypt(ZERO_NONCE, b"", None)

TAKES_A_KEY: dict[str, Callable[[bytes], object]] = {
    "chacha20_block": lambda key: chacha20_block(key, 0, ZERO_NONCE),
    "chacha20_blocks": lambda key: chacha20_blocks(key, 0, ZERO_NONCE, 2),
    "chacha20_encrypt": lambda key: chacha20_encrypt(key, 0, ZERO_NONCE, b""),
    "ChaCha20": lambda key: ChaCha20(key, 0, ZERO_NONCE),
    "Poly1305": lambda key: Poly1305(key),
    "poly1305_mac": lambda key: poly1305_mac(key, b""),
    "poly1305_key_gen": lambda key: poly1305_key_gen(key, ZERO_NONCE),
    "aead_encrypt": lambda key: aead_encrypt(key, ZERO_NONCE, b""),
    "aead_decrypt": lambda key: aead_decrypt(key, ZERO_NONCE, SEALED_NOTHING),
    "AeadEncryptor": lambda key: AeadEncryptor(key, ZERO_NONCE),
    "AeadDecryptor": lambda key: AeadDecryptor(key, ZERO_NONCE),
}

TAKES_A_NONCE: dict[str, Callable[[bytes], object]] = {
    "chacha20_block": lambda nonce: chacha20_block(ZERO_KEY, 0, nonce),
    "chacha20_blocks": lambda nonce: chacha20_blocks(ZERO_KEY, 0, nonce, 2),
    "chacha20_encrypt": lambda nonce: chacha20_encrypt(ZERO_KEY, 0, nonce, b""),
    "ChaCha20": lambda nonce: ChaCha20(ZERO_KEY, 0, nonce),
    "poly1305_key_gen": lambda nonce: poly1305_key_gen(ZERO_KEY, nonce),
    "aead_encrypt": lambda nonce: aead_encrypt(ZERO_KEY, nonce, b""),
    "aead_decrypt": lambda nonce: aead_decrypt(ZERO_KEY, nonce, SEALED_NOTHING),
    "AeadEncryptor": lambda nonce: AeadEncryptor(ZERO_KEY, nonce),
    "AeadDecryptor": lambda nonce: AeadDecryptor(ZERO_KEY, nonce),
}

TAKES_A_COUNTER: dict[str, Callable[[int], object]] = {
    "chacha20_block": lambda counter: chacha20_block(ZERO_KEY, counter, ZERO_NONCE),
    "chacha20_blocks": lambda counter: chacha20_blocks(ZERO_KEY, counter, ZERO_NONCE, 1),
    "chacha20_encrypt": lambda counter: chacha20_encrypt(ZERO_KEY, counter, ZERO_NONCE, b""),
    "ChaCha20": lambda counter: ChaCha20(ZERO_KEY, counter, ZERO_NONCE),
}


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
@pytest.mark.parametrize("name", TAKES_A_KEY)
def test_key_of_another_length(name: str, length: int) -> None:
    call = TAKES_A_KEY[name]
    call(bytes(32))
    with pytest.raises(LengthError, match=f"key must be 32 bytes, not {length}"):
        call(bytes(length))


@pytest.mark.parametrize("length", [0, 8, 11, 13, 24])
@pytest.mark.parametrize("name", TAKES_A_NONCE)
def test_nonce_of_another_length(name: str, length: int) -> None:
    call = TAKES_A_NONCE[name]
    call(bytes(12))
    with pytest.raises(LengthError, match=f"nonce must be 12 bytes, not {length}"):
        call(bytes(length))


@pytest.mark.parametrize("counter", [-1, 2**32, 2**64])
@pytest.mark.parametrize("name", TAKES_A_COUNTER)
def test_counter_out_of_range(name: str, counter: int) -> None:
    call = TAKES_A_COUNTER[name]
    call(0)
    call(LAST_COUNTER)
    with pytest.raises(LimitError):
        call(counter)


@pytest.mark.parametrize("n", [-1, 3, 2**32])
def test_blocks_at_once_beyond_the_last(n: int) -> None:
    assert len(chacha20_blocks(ZERO_KEY, LAST_COUNTER - 1, ZERO_NONCE, 2)) == 128
    with pytest.raises(LimitError):
        chacha20_blocks(ZERO_KEY, LAST_COUNTER - 1, ZERO_NONCE, n)


def test_the_stream_ends_with_the_last_block() -> None:
    last_two = plain_key_stream(KEY_80, LAST_COUNTER - 1, NONCE_TWO, 2)
    cipher = ChaCha20(KEY_80, LAST_COUNTER - 1, NONCE_TWO)
    stream = cipher.update(bytes(100))
    # A refused call spends nothing: what is left can still be had.
    with pytest.raises(LimitError):
        cipher.update(bytes(29))
    stream += cipher.update(bytes(28))
    assert stream == last_two
    assert cipher.update(b"") == b""
    with pytest.raises(LimitError):
        cipher.update(bytes(1))


class Huge(bytes):
    """Stands in for bytes that fit in no memory: only its length is looked at."""

    length: int

    def __len__(self) -> int:
        return self.length


def test_longest_plaintext() -> None:
    huge = Huge()
    huge.length = 2**38 - 64 + 1
    with pytest.raises(LimitError, match="2\\^38 - 64"):
        aead_encrypt(ZERO_KEY, ZERO_NONCE, huge)
    huge.length += 16
    with pytest.raises(LimitError, match="2\\^38 - 64"):
        aead_decrypt(ZERO_KEY, ZERO_NONCE, huge)
    assert module.MAX_PLAINTEXT == 274_877_906_880  # the RFC's own figure, 2.8


def test_the_longest_plaintext_itself_is_sealed_and_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PLAINTEXT", 20)
    sealed = aead_encrypt(KEY_80, NONCE_TWO, bytes(20))
    assert aead_decrypt(KEY_80, NONCE_TWO, sealed) == bytes(20)
    with pytest.raises(LimitError):
        aead_encrypt(KEY_80, NONCE_TWO, bytes(21))
    with pytest.raises(LimitError):
        aead_decrypt(KEY_80, NONCE_TWO, sealed + b"x")


@pytest.mark.parametrize("kind", [AeadEncryptor, AeadDecryptor])
def test_longest_plaintext_in_pieces(
    kind: type[AeadEncryptor] | type[AeadDecryptor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BLOCKS", 3)  # block 0 is the one-time key, two are left
    aead = kind(KEY_80, NONCE_TWO)
    aead.update(bytes(100))
    with pytest.raises(LimitError):
        aead.update(bytes(29))
    aead.update(bytes(28))
    with pytest.raises(LimitError):
        aead.update(bytes(1))


def test_the_fault_is_named() -> None:
    with pytest.raises(AuthenticationError, match=r"^shorter than a tag$"):
        aead_decrypt(ZERO_KEY, ZERO_NONCE, bytes(15))
    with pytest.raises(AuthenticationError, match=r"^the tag does not verify$"):
        aead_decrypt(ZERO_KEY, ZERO_NONCE, bytes(16))
    with pytest.raises(LimitError, match=r"^the block counter must stay between 0 and 2\^32 - 1$"):
        chacha20_block(ZERO_KEY, 2**32, ZERO_NONCE)
    huge = Huge()
    huge.length = 2**38
    with pytest.raises(LimitError, match=r"^one key and nonce seal at most 2\^38 - 64 bytes$"):
        aead_encrypt(ZERO_KEY, ZERO_NONCE, huge)
    poly1305 = Poly1305(ZERO_KEY)
    poly1305.digest()
    with pytest.raises(FinishedError, match=r"^the tag is out: a new message needs a new object under a new nonce$"):
        poly1305.digest()


# After the end ---------------------------------------------------------------------------------------------


def finished_encryptor() -> AeadEncryptor:
    encryptor = AeadEncryptor(KEY_80, NONCE_TWO)
    encryptor.finish()
    return encryptor


def finished_decryptor() -> AeadDecryptor:
    decryptor = AeadDecryptor(KEY_80, NONCE_TWO, SHORT_AAD)
    decryptor.update(SHORT_SEALED[:-16])
    decryptor.finish(SHORT_SEALED[-16:])
    return decryptor


def refused_decryptor() -> AeadDecryptor:
    decryptor = AeadDecryptor(KEY_80, NONCE_TWO)
    with pytest.raises(AuthenticationError):
        decryptor.finish(bytes(16))
    return decryptor


def finished_poly1305() -> Poly1305:
    poly1305 = Poly1305(KEY_80)
    poly1305.digest()
    return poly1305


AFTER_THE_END: dict[str, Callable[[], object]] = {
    "encryptor, update": lambda: finished_encryptor().update(b"x"),
    "encryptor, update with nothing": lambda: finished_encryptor().update(b""),
    "encryptor, finish": lambda: finished_encryptor().finish(),
    "decryptor, update": lambda: finished_decryptor().update(b"x"),
    "decryptor, update with nothing": lambda: finished_decryptor().update(b""),
    "decryptor, finish": lambda: finished_decryptor().finish(SHORT_SEALED[-16:]),
    "decryptor that refused, update": lambda: refused_decryptor().update(b"x"),
    "decryptor that refused, finish": lambda: refused_decryptor().finish(bytes(16)),
    "poly1305, update": lambda: finished_poly1305().update(b"x"),
    "poly1305, digest": lambda: finished_poly1305().digest(),
}


@pytest.mark.parametrize("what", AFTER_THE_END)
def test_use_after_the_end(what: str) -> None:
    with pytest.raises(FinishedError):
        AFTER_THE_END[what]()
    assert issubclass(FinishedError, ValueError)


def test_no_secret_in_a_repr() -> None:
    used: list[ChaCha20 | Poly1305 | AeadEncryptor | AeadDecryptor] = [
        ChaCha20(KEY_80, 1, NONCE_TWO),
        Poly1305(KEY_80),
        AeadEncryptor(KEY_80, NONCE_TWO),
        AeadDecryptor(KEY_80, NONCE_TWO),
    ]
    for value in used:
        value.update(SHORT_PLAINTEXT)
        for text in (repr(value), str(value)):
            assert KEY_80.hex() not in text
            assert repr(KEY_80)[2:-1] not in text
            assert str(clamp(int.from_bytes(KEY_80[:16], "little"))) not in text
            assert SHORT_PLAINTEXT.decode() not in text

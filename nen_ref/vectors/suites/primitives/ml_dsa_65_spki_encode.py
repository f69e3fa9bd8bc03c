"""primitives/ml_dsa_65_spki_encode: RFC 9881, section 4."""

from __future__ import annotations

from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, VectorSuite, valid
from nen_ref.vectors.suites.ml_dsa_tools import key_pair

FLAGS = {
    "Basic": Flag("basic", "public keys as they are made every day", "no peer can read the identity"),
    "SpecialKey": Flag(
        "edge case",
        "public keys that begin or end with bytes such as 00 and 30, which encoders may treat in a way of their own; "
        "nobody has to know a private key of them",
        "the key is cut, padded, or taken for DER itself",
        ("RFC 9881, section 4",),
    ),
}


def special_keys(draw: Draw) -> dict[str, tuple[str, bytes]]:
    """Public keys that are rare, with what is special about them."""
    size = ML_DSA_65.pk_size
    return {
        "zero": ("a key of zero bytes", bytes(size)),
        "ff": ("a key of bytes ff", b"\xff" * size),
        "leading-zero": ("a key that begins with a zero byte", b"\0" + draw("leading-zero", size - 1)),
        "trailing-zeros": ("a key that ends with two zero bytes", draw("trailing-zeros", size - 2) + b"\0\0"),
        "like-der": (
            "a key that begins like a SEQUENCE of its own length",
            b"\x30\x82" + (size - 4).to_bytes(2, "big") + draw("like-der", size - 4),
        ),
    }


def fixed(draw: Draw, found: Found) -> list[Group]:
    drawn = [
        valid(f"key-{i}", f"the key of the drawn seed {i}", {"pk": key_pair(draw(f"xi/{i}")).pk}, "Basic")
        for i in (1, 2, 3)
    ]
    special = [
        valid(f"key-{name}", comment, {"pk": pk}, "SpecialKey") for name, (comment, pk) in special_keys(draw).items()
    ]
    return [Group("public keys", (*drawn, *special))]


SUITE = VectorSuite(
    name="primitives/ml_dsa_65_spki_encode",
    title="ML-DSA-65 public keys, encoded as SubjectPublicKeyInfo",
    operation="spki.encode",
    covers=("RFC 9881, section 4", "V1-ID-02"),
    flags=FLAGS,
    fixed=fixed,
)

"""The canonical string, typed by hand, and its HMAC, from the standard library."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nen_ref.protocol.signing import canonical_string, sign
from tests.protocol.oracle import b64, mac, secret

KEY = secret("mac key")

CANONICAL = [
    (("POST", "/api/echo", "1795486324569", "4paLgVQjvVrKqq+b"), b"POST\n/api/echo\n1795486324569\n4paLgVQjvVrKqq+b"),
    (("GET", "/api/stream", "1795486324587", ""), b"GET\n/api/stream\n1795486324587\n"),
    (("post", "/Api/ECHO", "0", "AAAAAAAAAAAAAAAA"), b"POST\n/Api/ECHO\n0\nAAAAAAAAAAAAAAAA"),
    (("Get", "/", "", ""), b"GET\n/\n\n"),
    (("M-SEARCH", "*", "1", ""), b"M-SEARCH\n*\n1\n"),
    (("DELETE", "/a%20b/%C3%A9/%2e%2E//", "1", ""), b"DELETE\n/a%20b/%C3%A9/%2e%2E//\n1\n"),
    (("GET", "/caf\u00e9", "1", ""), b"GET\n/caf\xc3\xa9\n1\n"),
    (("GET", "/caf\udce9", "1", ""), b"GET\n/caf\xe9\n1\n"),
]


@pytest.mark.parametrize(("parts", "expected"), CANONICAL)
def test_the_canonical_string(parts: tuple[str, str, str, str], expected: bytes) -> None:
    """V1-AUTH-05, V1-AUTH-06: upper-case method, the path as it stands, no line feed at the end."""
    assert canonical_string(*parts) == expected


@given(st.binary())
def test_the_bytes_of_a_path_come_through(path: bytes) -> None:
    """However a path was read into a text, its own bytes are signed."""
    text = path.decode("utf-8", "surrogateescape")
    assert canonical_string("GET", text, "1", "n") == b"GET\n" + path + b"\n1\nn"


def test_a_known_signature() -> None:
    """RFC 4231, test case 2, whose text is no canonical string, which `sign` does not mind."""
    tag = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    assert sign(b"Jefe", b"what do ya want for nothing?") == b64(tag)


@given(st.binary(min_size=32, max_size=32), st.binary())
def test_a_signature_is_the_whole_hmac_in_base64(key: bytes, canonical: bytes) -> None:
    text = sign(key, canonical)
    assert text == b64(mac(key, canonical))
    assert len(text) == 44


PART = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E))  # no line feeds: none can come over HTTP


@given(st.tuples(PART, PART, PART, PART), st.tuples(PART, PART, PART, PART))
def test_different_requests_have_different_canonical_strings(
    a: tuple[str, str, str, str], b: tuple[str, str, str, str]
) -> None:
    same = (a[0].upper(), *a[1:]) == (b[0].upper(), *b[1:])
    assert (canonical_string(*a) == canonical_string(*b)) == same
    assert (sign(KEY, canonical_string(*a)) == sign(KEY, canonical_string(*b))) == same

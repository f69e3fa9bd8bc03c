"""Strict base64 and strict JSON: what is taken, what is refused, and that nothing but `Malformed` ever comes out."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import ClassVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json, parse_json_object
from tests.protocol.oracle import JSON_VALUES, b64

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
NEAR_BASE64 = ALPHABET + "=-_. \t\r\n\0é٣Ａ"


# Base64 ------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_base64_agrees_with_the_standard_library(data: bytes) -> None:
    assert encode_base64(data) == b64(data)
    assert decode_base64(b64(data)) == data


@pytest.mark.bulk
@settings(max_examples=300)
@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_changed_base64_text_is_refused_or_is_the_text_of_other_bytes(data: bytes, draw: st.DataObject) -> None:
    """V1-WIRE-02: one value has one text, so that a text and its bytes can stand for each other."""
    text = b64(data)
    i = draw.draw(st.integers(0, len(text)))
    new = draw.draw(st.sampled_from(NEAR_BASE64))
    mutants = (text[:i] + new + text[i:], text[:i] + new + text[i + 1 :], text[:i] + text[i + 1 :], text[:i])
    mutant = draw.draw(st.sampled_from(mutants))
    check_one_text(mutant)
    if mutant != text:
        with contextlib.suppress(Malformed):
            assert decode_base64(mutant) != data


@settings(max_examples=300)
@given(st.text() | st.text(st.sampled_from(NEAR_BASE64)) | st.text(st.characters(categories=["Cs"])))
def test_any_text_is_refused_or_its_own_encoding(text: str) -> None:
    check_one_text(text)


def check_one_text(text: str) -> None:
    try:
        data = decode_base64(text)
    except Malformed:
        return
    assert b64(data) == text


def test_of_all_texts_of_one_byte_256_are_taken() -> None:
    taken = {}
    for first in ALPHABET:
        for second in ALPHABET:
            try:
                taken[first + second] = decode_base64(f"{first}{second}==")
            except Malformed:
                continue
    assert sorted(taken.values()) == [bytes([byte]) for byte in range(256)]


def test_of_all_last_characters_of_two_bytes_16_are_taken() -> None:
    taken = [last for last in ALPHABET if is_taken(decode_base64, f"AB{last}=")]
    assert taken == list(ALPHABET[::4])


@pytest.mark.parametrize(
    "text",
    [
        "QQ", "QQ=", "QQ===", "QQ==\n", " QQ==", "QQ ==", "Q Q==", "QR==", "Qf==", "QUJ=", "QUI", "A", "AAAAA", "=",
        "==", "====", "QQ==QQ==", "QUI=QUI=", "-_-_", "ab-d", "ab_d", "QUJD\r\n", "QUJD====", "QUJD=", "Q=Q=", "=QQ=",
        "QQ=\n=", "QUJD\0", "ＱＵＪＤ", "QUJ\u0660", "\udc80QUJ", "[65,66]",
    ],
)  # fmt: skip
def test_texts_that_lax_decoders_take(text: str) -> None:
    with pytest.raises(Malformed):
        decode_base64(text)


def test_the_empty_text_is_no_bytes() -> None:
    assert decode_base64("") == b""


# JSON --------------------------------------------------------------------------------------------------------


@given(
    JSON_VALUES,
    st.booleans(),
    st.sampled_from([None, 0, 1, "\t"]),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\r\n", "\t:")]),
)
def test_json_agrees_with_the_standard_library(
    value: object, ascii_only: bool, indent: int | str | None, separators: tuple[str, str]
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=separators)
    assert parse_json(text.encode()) == value
    if isinstance(value, dict):
        assert parse_json_object(text.encode()) == value
    else:
        with pytest.raises(Malformed):
            parse_json_object(text.encode())


@given(JSON_VALUES)
def test_dumped_json_is_compact_ascii_of_the_same_value(value: object) -> None:
    data = dump_json(value)
    assert data.isascii()
    assert json.loads(data) == value
    assert data == json.dumps(value, separators=(",", ":")).encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_what_is_no_json_is_not_dumped(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json(value)


@settings(max_examples=400)
@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_are_a_value_or_malformed(data: bytes) -> None:
    check_against_the_grammar(data)


TOKENS = [
    "{", "}", "[", "]", ",", ":", '"', '"a"', '"b"', '"\\u0061"', '""', "0", "-", "1", "-0", "01", "1.5", ".", "1.",
    "1e5", "1E-5", "e", "+", "true", "false", "null", "tru", "NaN", "Infinity", "-Infinity", " ", "\t", "\r", "\n",
    "\v", "\f", "\u00a0", "\ufeff", "\\", '"\\"', '"\\\\"', '"\\u', '"\\ud800"', '"\\udc00"', '"\\ud83d\\ude00"',
    '"\\ude00\\ud83d"', '"\\ud83d\\u0041"', '"\\\\ud800"', '"\\x"', '"\\u12"', '"\\u 123"', '"\\u+123"', '"\x00"',
    '"\x1f"', '"\x7f"', '"\n"', '"é"', '"😀"', '"[[[["', "//", "/*", "'a'", "٣", "a", "0x1", "1_0", "\x00",
]  # fmt: skip


@pytest.mark.bulk
@settings(max_examples=1500)
@given(st.lists(st.sampled_from(TOKENS), max_size=12).map("".join))
@example('{"a":1,"a":2}')
@example('{"a":{"b":1},"b":{"b":2}}')
@example('{"a":1,"\\u0061":2}')
@example('{"\\ud800":1}')
@example('["\\ud83d\\ude00"]')
def test_json_is_taken_exactly_where_the_grammar_takes_it(text: str) -> None:
    check_against_the_grammar(text.encode())


@given(JSON_VALUES, st.data())
def test_changed_json_is_taken_exactly_where_the_grammar_takes_it(value: object, draw: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=draw.draw(st.booleans()))
    i = draw.draw(st.integers(0, len(text)))
    token = draw.draw(st.sampled_from(TOKENS))
    check_against_the_grammar((text[:i] + token + text[i + draw.draw(st.integers(0, 2)) :]).encode())


def check_against_the_grammar(data: bytes) -> None:
    """parse_json takes what the grammar below takes, as the value that the standard library has for it."""
    try:
        value = parse_json(data)
    except Malformed:
        assert not is_taken(Grammar.check, data)
    else:
        assert is_taken(Grammar.check, data)
        assert value == json.loads(data)


class Grammar:
    """RFC 8259 with the bounds of V1-WIRE-05, as a recursive descent that only says yes or raises Malformed."""

    ESCAPED: ClassVar = dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))

    def __init__(self, text: str) -> None:
        self.text, self.i = text, 0

    @classmethod
    def check(cls, data: bytes) -> None:
        try:
            grammar = cls(data.decode("utf-8"))
        except UnicodeDecodeError:
            raise Malformed from None
        grammar.value(0)
        if grammar.peek():
            raise Malformed

    def peek(self) -> str:
        while self.text[self.i : self.i + 1] in tuple(" \t\r\n"):
            self.i += 1
        return self.text[self.i : self.i + 1]

    def take(self, expected: str) -> None:
        if not self.text.startswith(expected, self.i):
            raise Malformed
        self.i += len(expected)

    def value(self, depth: int) -> None:
        first = self.peek()
        if first in ("{", "["):
            if depth == 128:
                raise Malformed
            self.members(first, depth + 1)
        elif first == '"':
            self.string()
        elif first in ("t", "f", "n"):
            self.take({"t": "true", "f": "false", "n": "null"}[first])
        else:
            self.number()

    def members(self, opening: str, depth: int) -> None:
        closing = {"{": "}", "[": "]"}[opening]
        self.take(opening)
        if self.peek() == closing:
            return self.take(closing)
        names = set()
        while True:
            if opening == "{":
                self.peek()
                name = self.string()
                if name in names:
                    raise Malformed
                names.add(name)
                self.peek()
                self.take(":")
            self.value(depth)
            if self.peek() == closing:
                return self.take(closing)
            self.take(",")

    def string(self) -> str:
        self.take('"')
        units: list[int] = []  # UTF-16, in which a surrogate is lone or not
        while not self.text.startswith('"', self.i):
            character = self.text[self.i : self.i + 1]
            if not character or character < " ":
                raise Malformed
            self.i += 1
            if character == "\\":
                character = self.escape()
            encoded = character.encode("utf-16-be", "surrogatepass")
            units += [int.from_bytes(encoded[k : k + 2], "big") for k in range(0, len(encoded), 2)]
        self.take('"')
        try:
            return b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be")
        except UnicodeDecodeError:
            raise Malformed from None

    def escape(self) -> str:
        kind = self.text[self.i : self.i + 1]
        self.i += 1
        if kind != "u":
            if kind not in self.ESCAPED:
                raise Malformed
            return self.ESCAPED[kind]
        digits = self.text[self.i : self.i + 4]
        self.i += 4
        if len(digits) != 4 or not set(digits) <= set("0123456789abcdefABCDEF"):
            raise Malformed
        return chr(int(digits, 16))

    def number(self) -> None:
        start = self.i
        if self.text.startswith("-", self.i):
            self.i += 1
        if self.text.startswith("0", self.i):
            self.i += 1
        else:
            self.digits()
        if self.text.startswith(".", self.i):
            self.i += 1
            self.digits()
        if self.text[self.i : self.i + 1] in ("e", "E"):
            self.i += 1
            if self.text[self.i : self.i + 1] in ("+", "-"):
                self.i += 1
            self.digits()
        if sum(c in "0123456789" for c in self.text[start : self.i]) > 4300:
            raise Malformed

    def digits(self) -> None:
        start = self.i
        while self.text[self.i : self.i + 1] in tuple("0123456789"):
            self.i += 1
        if self.i == start:
            raise Malformed


def is_taken(reader: Callable[..., object], argument: object) -> bool:
    try:
        reader(argument)
    except Malformed:
        return False
    return True


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_nesting_is_taken_up_to_128_levels(opening: str, closing: str) -> None:
    levels = 128 // (opening.count("[") + opening.count("{"))
    assert is_taken(parse_json, (opening * levels + "0" + closing * levels).encode())
    assert not is_taken(parse_json, (opening * (levels + 1) + "0" + closing * (levels + 1)).encode())
    wide = "[]," * 1000
    assert is_taken(parse_json, f"[{wide}{{}}]".encode())  # wide is not deep
    assert is_taken(parse_json, f"[{wide}{'[' * 127}{']' * 127}]".encode())
    assert not is_taken(parse_json, f"[{wide}{'[' * 128}{']' * 128}]".encode())


@pytest.mark.parametrize("text", ["[" * 500, '\\"' + "[{" * 300, '\\\\\\"' + "[" * 500, "]" * 500 + "[" * 500])
def test_brackets_inside_texts_are_not_nesting(text: str) -> None:
    assert parse_json(f'["{text}", {{"{text}": 1}}]'.encode()) == json.loads(f'["{text}", {{"{text}": 1}}]')


@pytest.mark.parametrize("text", ['"a\\"', '"a\\\\"', '"\\\\\\"'])
def test_nesting_is_seen_after_texts_that_end_in_backslashes(text: str) -> None:
    """`"a\\\\"` ends where `"a\\"` goes on: who counts wrong looks for brackets in the wrong half."""
    deep = f"[{text},{'[' * 200}0{']' * 200},{text}]"
    assert not is_taken(parse_json, deep.encode())


def numbers(digits: int) -> dict[str, str]:
    """Numbers of so many digits, in every form that a number has."""
    forms = {
        "integer": "1" * digits,
        "fraction": "0." + "1" * (digits - 1),
        "long before the point": "1" * (digits - 300) + "." + "1" * 300,
        "exponent": "1" * (digits - 3) + "e+300",
        "long exponent": "1E-" + "0" * (digits - 2) + "1",
    }
    return forms | {f"negative {name}": "-" + number for name, number in forms.items()}


def test_numbers_of_more_than_4300_digits_are_refused() -> None:
    assert [name for name, number in numbers(4301).items() if is_taken(parse_json, number.encode())] == []


def test_an_integer_of_4300_digits_is_taken() -> None:
    assert parse_json(b"1" * 4300) == int("1" * 4300)


def test_sign_point_and_exponent_are_no_digits() -> None:
    """V1-WIRE-05 counts digits: a negative or fractional number may have 4300 of them too."""
    assert [name for name, number in numbers(4300).items() if not is_taken(parse_json, number.encode())] == []


@pytest.mark.parametrize("limit", [640, 0])
def test_another_limit_of_the_interpreter_raises_nothing_but_malformed(limit: int) -> None:
    """PYTHONINTMAXSTRDIGITS may be as low as 640, or 0 for none: what `int` refuses is Malformed, and so is 4301."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(limit)
    try:
        taken = [digits for digits in (640, 641, 4300, 4301, 10**6) if is_taken(parse_json, b"1" * digits)]
    finally:
        sys.set_int_max_str_digits(before)
    assert taken == ([640] if limit else [640, 641, 4300])


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1e-999", "123456789012345678901234567890.5"])
def test_numbers_beyond_a_double_are_json(text: str) -> None:
    assert parse_json(text.encode()) == float(Decimal(text))


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}', '{"a":1,"b":2,"a":3}', '[{"x":{"a":1,"a":2}}]', '{"a":1,"\\u0061":2}', '{"":1,"":2}',
        '{"é":1,"\\u00e9":2}', '{"😀":1,"\\ud83d\\ude00":2}', '{"__proto__":1,"__proto__":2}',
    ],
)  # fmt: skip
def test_members_named_twice_are_refused(text: str) -> None:
    assert json.loads(text)  # the standard library takes the last one
    assert not is_taken(parse_json, text.encode())


@pytest.mark.parametrize(
    "text", ['{"a":1,"A":2}', '{"e\\u0301":1,"\\u00e9":2}', '[{"a":1},{"a":2}]', '{"a":{"a":{"a":1}}}']
)
def test_other_members_of_a_like_name_are_taken(text: str) -> None:
    assert parse_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        '"\\ud800"', '"\\uDFFF"', '"a\\uDbFfb"', '{"\\udc00":1}', '[{"a":["\\ud83d"]}]', '"\\ude00\\ud83d"',
        '"\\ud83d\\ud83d\\ude00"', '"\\ud83d\\ude00\\ude00"', '"\\ud83d \\ude00"', '"\\ud83d\\\\ude00"',
    ],
)  # fmt: skip
def test_lone_surrogates_are_refused(text: str) -> None:
    assert json.loads(text)  # the standard library takes them
    assert not is_taken(parse_json, text.encode())


@pytest.mark.parametrize(
    "text", ['"\\ud83d\\ude00"', '"\\\\ud800"', '"\\\\\\\\udc00"', '"\\ud7ff\\ue000"', '"u\\u0064800"']
)
def test_what_only_looks_like_a_lone_surrogate_is_taken(text: str) -> None:
    assert parse_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), "{}".encode("utf-16-le"), "[1]".encode("utf-32-be"),
        b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xed\xa0\xbd\xed\xb8\x80"', b'"\xf4\x90\x80\x80"', b'"\xe9"',
        b'"\xe2\x82"', b"NaN", b"[Infinity]", b'{"a":-Infinity}', b"{} {}", b"{},", b"[1,]", b'{"a":1,}', b"{'a':1}",
        b"{a:1}", b"[01]", b"[+1]", b"[.5]", b"[1.]", b"[0x1]", b"[1e]", b"[--1]", b'"\t"', b'"\x00"', b"{}\x00",
        b"\x00{}", b"// a\n{}",
        b"[1 2]", b'{"a" 1}', b'["\\x41"]', b'["\\u00g0"]', b"True", b"\xa0{}", "\u2028{}".encode(), b"[1]]", b"}{",
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(data: bytes) -> None:
    assert not is_taken(parse_json, data)


@pytest.mark.parametrize("data", [b"[]", b"null", b'"{}"', b"0", b"true", b"[{}]"])
def test_an_object_is_asked_for_by_name(data: bytes) -> None:
    parse_json(data)
    with pytest.raises(Malformed, match="not a JSON object"):
        parse_json_object(data)


SIZE = 5 * 2**20
PATHOLOGICAL = {
    "opening brackets": b"[" * SIZE,
    "closing brackets": b"]" * SIZE,
    "empty lists": b"[" + b"[]," * (SIZE // 3) + b"0]",
    "objects within objects": b'{"a":' * (SIZE // 5),
    "quotes": b'"' * SIZE,
    "quotes and backslashes": b'"\\' * (SIZE // 2),
    "a text never closed": b'"' + b"\\\\" * (SIZE // 2),
    "escaped quotes, never closed": b'"' + b'\\"' * (SIZE // 2),
    "texts": b"[" + b'"",' * (SIZE // 3) + b"0]",
    "surrogates": b'"' + b"\\ud800" * (SIZE // 6) + b'"',
    "digits": b"1" * SIZE,
    "fraction": b"0." + b"1" * SIZE,
    "exponent": b"1e" + b"9" * SIZE,
    "minus": b"-" * SIZE,
    "white space": b" " * SIZE,
    "line feeds before a fault": b"\n" * SIZE + b"x",
    "members": b"{" + b",".join(b'"%d":0' % i for i in range(SIZE // 10)) + b"}",
}


@pytest.mark.bulk
@pytest.mark.parametrize("data", PATHOLOGICAL.values(), ids=PATHOLOGICAL)
def test_five_mebibytes_of_anything_are_read_in_linear_time(data: bytes) -> None:
    """A reader whose work grew with the square of the length would not come back from any of these."""
    assert is_taken(parse_json, data) == (data[-2:] in (b"0]", b"0}"))


@pytest.mark.parametrize("text", ["A" * SIZE + "=", "=" * SIZE, "\n" * SIZE, "QQ==" * (SIZE // 4)])
def test_five_mebibytes_of_bad_base64_are_refused_in_linear_time(text: str) -> None:
    assert not is_taken(decode_base64, text)


SECRET = "correct horse battery staple"


@pytest.mark.parametrize(
    "text",
    [
        SECRET, f'"{SECRET}', f'["{SECRET}\\ud800"]', f'{{"{SECRET}":1,"{SECRET}":2}}', f'"{SECRET}"]',
        f'["{SECRET}",NaN]', f'"{SECRET}"' + "[" * 200, f'"{SECRET}\udcff"', f'["{SECRET}",{"1" * 5000}]',
    ],
)  # fmt: skip
def test_a_refusal_does_not_repeat_what_it_refuses(text: str) -> None:
    """Payloads are read here after they have been opened."""
    for read in (lambda: parse_json(text.encode("utf-8", "surrogateescape")), lambda: decode_base64(text)):
        with pytest.raises(Malformed) as caught:
            read()
        assert not [word for word in SECRET.split() if word in f"{caught.value} {caught.value!r}"]
        assert "1111" not in str(caught.value)

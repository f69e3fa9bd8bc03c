"""Inputs changed at random: as bytes, or as what they hold (tokens, JSON, base64). All chance is the `Random`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

MAX_SIZE = 64 * 1024  # bytes of an input, but for those that are blown up on purpose
BLOWN_UP = 512 * 1024
BLOW_UP_ONE_IN = 1500

TOKENS: tuple[bytes, ...] = (
    b"", b"\x00", b"\n", b"\r", b"\r\n", b"\r\n\r\n", b" ", b"\t", b"\x0b", b"\x85", b"\xa0", b"\xff", b"\xef\xbb\xbf",
    b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8", b"%00", b"%zz", b"%2F", b"%E2%98%83",
    b"%ff", b"..",
    b"/", b"//", b"?", b"#", b";", b"=", b"==", b"===", b"-", b"_", b"+", b"{", b"}", b"[", b"]", b"[[[[[[[[",
    b":", b",",
    b'"', b'\\"', b"\\", b"\\u0000", b"\\ud800", b"\\udc00", b"\\uD83D\\uDE00", b"null", b"true", b"false", b"NaN",
    b"Infinity", b"-Infinity", b"1e999", b"-0", b"0.1e-400", b"9" * 20, b"9" * 4301, b"1.5", b"18446744073709551616",
    b'{"a":1,"a":2}', b'"ct"', b'"n"', b'"pk"', b'"sid"', b'"hmac"', b'"sigPk"', b'"sigOfPk"', b'"error"', b'"code"',
    b'"__proto__"', b"ISO-3002", b"ISO-9000", b"ISO-0000", b"data:", b"data: ", b"event: x\n", b"id: 1\n",
    b"retry: 1\n",
    b":\n", b"data\n", b"\n\n", b"chunked", b"gzip", b"identity", b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n", b"X-Nen-Session: ", b"X-Nen-Signature: ", b"X-Nen-Timestamp: ",
    b"X-Nen-Stream-Nonce: ",
    b"Connection: close\r\n", b"Upgrade: websocket\r\n", b"HTTP/1.0", b"HTTP/1.1", b"GET ", b"POST ", b"HEAD ",
    b"OPTIONS *",
    b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"\x30\x82", b"\x30\x80", b"\x06\x0b", b"\x05\x00", b"\x03\x82",
    b"\x04\x22\x80\x20",
    b"X-Nen-Nonce: ", b'"pk_kem"', b'"pk_x"', b'"securityMode"', b'"pqc-only"', b'"resume"', b'"rn"', b'"ticket"',
    b'"server_sig"', b'"ctx"', b'"$nenSealed"', b'"size"', b'"frames"', b"pqc-only",
    b"\xd9\xa1", "²".encode(), "٣".encode(), "İ".encode(), "ſ".encode(),
)  # fmt: skip

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**53 + 1, 2**64, 10**400, 1.5, 1e308, "", " ", "a", "\x00", "\ud800",
    "\U0001f600",
    "A" * 16, "AA==", "A", "====", "not base64", "é", "-_-_", [], {}, [[]], {"": ""}, [None] * 5,
    {"pk": 1}, "null", "{}",
)  # fmt: skip

NAMES = (
    "pk", "ct", "n", "sid", "hmac", "error", "code", "sigPk", "sigOfPk", "pk_kem", "pk_x", "securityMode", "resume",
    "rn", "srn", "resumed", "ticket", "pk_x_server", "server_nonce", "server_sig", "server_id_pk", "v", "kem", "ctx",
    "sig", "spk", "size", "frameSize", "frames", "$nenSealed",
)  # fmt: skip

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{8,}={0,2}")


def mutate(rng: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """`data` after one to a few changes; `others` are inputs to splice with."""
    for _ in range(1 + int(rng.expovariate(0.7))):
        data = rng.choice(_CHANGES)(rng, data, others)[:MAX_SIZE]
    if rng.randrange(BLOW_UP_ONE_IN) == 0:
        data = _blow_up(rng, data)
    return data


def _span(rng: Random, data: bytes, most: int = 1 << 30) -> tuple[int, int]:
    start = rng.randint(0, len(data))
    return start, min(len(data), start + min(most, int(rng.expovariate(1 / 12)) + 1))


def _flip(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _set(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    value = rng.choice((0, 9, 10, 13, 32, 34, 44, 58, 92, 127, 128, 255, rng.randrange(256)))
    return data[:at] + bytes([value]) + data[at + 1 :]


def _insert_token(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(TOKENS) + data[at:]


def _replace_token(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + rng.choice(TOKENS) + data[end:]


def _swap_token(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """One token that stands in it becomes another, everywhere or once."""
    for token in rng.sample(TOKENS, 12):
        if token and token in data:
            return data.replace(token, rng.choice(TOKENS), rng.choice((1, -1)))
    return data


def _insert_bytes(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.randbytes(rng.randint(1, 16)) + data[at:]


def _delete(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + data[end:]


def _duplicate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    return data[:end] + data[start:end] + data[end:]


def _repeat(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data, 40)
    return data[:end] + data[start:end] * rng.choice((2, 7, 130, 300)) + data[end:]


def _truncate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return data[: rng.randint(0, len(data))] if rng.random() < 0.7 else data[rng.randint(0, len(data)) :]


def _splice(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    if not others:
        return data
    other = rng.choice(others)
    return data[: rng.randint(0, len(data))] + other[rng.randint(0, len(other)) :]


def _move(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data, 200)
    rest = data[:start] + data[end:]
    at = rng.randint(0, len(rest))
    return rest[:at] + data[start:end] + rest[at:]


def _swap_case(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + data[start:end].swapcase() + data[end:]


def _number(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A decimal number in it becomes a neighbour, or an extreme."""
    found = list(re.finditer(rb"\d+", data[:4096]))
    if not found:
        return data
    match = rng.choice(found)
    text = match.group()
    value = int(text[:30])
    other = rng.choice((value + 1, value - 1, value * 10, -value, 0, 2**31, 2**63, 2**64, 10**30))
    return data[: match.start()] + str(other).encode() + data[match.end() :]


def _inside_base64(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A base64 text in it is decoded, its bytes are changed, and it is base64 again."""
    found = [match for match in _BASE64.finditer(data) if len(match.group()) % 4 == 0]
    if not found:
        return data
    match = rng.choice(found)
    inner = base64.b64decode(match.group())
    change = rng.choice((_flip, _set, _insert_bytes, _delete, _truncate))
    return data[: match.start()] + base64.b64encode(change(rng, inner, others)) + data[match.end() :]


def _inside_json(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """If it is a JSON text, or ends with one, that one is changed as a tree."""
    start = data.find(b"{")
    if start < 0:
        return data
    with suppress(ValueError, RecursionError):
        return data[:start] + mutate_json(rng, json.loads(data[start:]))
    return data


_CHANGES: tuple[Callable[[Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip, _flip, _set, _set, _insert_token, _insert_token, _replace_token, _swap_token, _insert_bytes, _delete,
    _delete,
    _duplicate, _repeat, _truncate, _splice, _move, _swap_case, _number, _inside_base64, _inside_json, _inside_json,
)  # fmt: skip


def _blow_up(rng: Random, data: bytes) -> bytes:
    """Half a megabyte of one token, or of a piece of the input: what costs more than linear time shows here."""
    start, end = _span(rng, data, 40)
    unit = rng.choice((data[start:end], rng.choice(TOKENS))) or b"["
    return data[:start] + unit * (rng.choice((BLOWN_UP, BLOWN_UP // 4)) // len(unit)) + data[start:]


# --- JSON ------------------------------------------------------------------------------------------------------------


def mutate_json(rng: Random, value: Any) -> bytes:
    """The text of a JSON value of which one thing, or some, is another; right JSON still, but for duplicate members."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        value = _change_value(rng, value, 0)
    text = _write(rng, value)
    return text.encode("utf-8", "surrogatepass")


def _change_value(rng: Random, value: Any, depth: int) -> Any:
    if depth < 6 and value and isinstance(value, dict) and rng.random() < 0.8:
        name = rng.choice(list(value))
        match rng.randrange(8):
            case 0:
                return {key: member for key, member in value.items() if key != name}
            case 1:
                return {(rng.choice((key.upper(), key + " ", "", "__proto__")) if key == name else key): member
                        for key, member in value.items()}  # fmt: skip
            case 2:
                return value | {rng.choice(NAMES): value[name]}
            case _:
                return value | {name: _change_value(rng, value[name], depth + 1)}
    if depth < 6 and value and isinstance(value, list) and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [*value[:at], _change_value(rng, value[at], depth + 1), *value[at + 1 :]]
    if isinstance(value, str) and value and rng.random() < 0.7:
        return _change_text(rng, value)
    if rng.random() < 0.1:
        return _nested(rng, value)
    return rng.choice(VALUES)


def _change_text(rng: Random, text: str) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    with suppress(ValueError):
        inner = base64.b64decode(raw, validate=True)
        if rng.random() < 0.6:
            change = rng.choice((_flip, _set, _insert_bytes, _delete, _truncate))
            return base64.b64encode(change(rng, inner, ())).decode()
    change = rng.choice((_flip, _insert_token, _delete, _truncate, _swap_case, _move))
    return change(rng, raw, ()).decode("utf-8", "replace")


def _nested(rng: Random, value: Any) -> Any:
    as_list = rng.random() < 0.5
    for _ in range(rng.choice((5, 126, 127, 128, 129, 200))):
        value = [value] if as_list else {"a": value}
    return value


def _write(rng: Random, value: Any) -> str:
    """Compact, spread out, escaped or not; now and then with a member twice."""
    text = json.dumps(
        value,
        indent=rng.choice((None, None, None, 1)),
        separators=rng.choice(((",", ":"), (", ", ": "), (" ,\t", "\r\n:"))),
        ensure_ascii=rng.random() < 0.7,
    )
    if rng.random() < 0.05 and text.startswith("{") and len(text) > 2:
        text = "{" + text[1:-1] + "," + text[1:]
    return text

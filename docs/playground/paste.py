"""A pasted request, taken apart with the reader's own test keys: what the reference sees, and where it differs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from urllib.parse import unquote

from docs.playground.checks import Verdict, verify
from docs.playground.compare import differences, visible
from docs.playground.sheet import Unusable, describe
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.messages import SESSION_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, Headers, Request
from nen_ref.protocol.payload import parse_envelope
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64, parse_json

MAX_REQUEST = 65_536  # characters
MAX_CANONICAL = 8_192
MAX_HEADERS = 64
KEY_SIZE = 32
WHOLE_URL = re.compile(r"[^:/?#]+://[^/?#]*(.*)")  # the path and what follows it


@dataclass(frozen=True)
class Pasted:
    """A request as it was pasted: `target` with its query, `notes` on what was read leniently."""

    request: Request
    target: str
    notes: list[str]


def examine(fields: Mapping[str, str]) -> dict[str, object]:
    """Everything that can be said about the request in `fields`: request, mac, enc, now, canonical, used."""
    pasted = read_request(fields.get("request", ""))
    request = pasted.request
    mac = _key("HMAC key", fields.get("mac", ""))
    enc = _key("payload key", fields["enc"]) if fields.get("enc", "").strip() else None
    if mac is None:
        raise Unusable("Give the HMAC key of the session: without it no signature can be checked.")
    notes = list(pasted.notes)
    now = _now(fields.get("now", ""), request, notes)
    session = Session(request.headers.get(SESSION_HEADER, ""), SessionKeys(enc or bytes(KEY_SIZE), mac), now)
    verdict = verify(request, now, session, payload_key=enc is not None)
    notes.append("The session id is taken for known, and the nonce for new: the playground has no store.")
    payload = verdict.verified.payload if verdict.verified else None
    return {
        "checks": [asdict(check) for check in verdict.checks],
        "error": describe(verdict.error, verdict.requirements) if verdict.error else None,
        "summary": _summary(verdict),
        "payload": payload.decode() if payload is not None else None,
        "notes": notes,
        **_signature(pasted, session, fields.get("canonical", "")),
    }


def _summary(verdict: Verdict) -> str:
    if verdict.error is not None:
        at = next(number for number, check in enumerate(verdict.checks, 1) if check.state == "refused")
        return f"Step {at} of the verification refuses: {verdict.error.code} {verdict.error.entry.name}."
    if verdict.verified is None:
        return "The request passes, as far as it can be checked without the payload key."
    return "The request passes all checks."


def read_request(text: str) -> Pasted:
    """The request in a text: request line, headers, empty line, body. Lines may end in LF or CR LF."""
    if len(text) > MAX_REQUEST:
        raise Unusable(f"The request has more than {MAX_REQUEST} characters.")
    head, _, rest = text.lstrip().replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    words = first.split()
    if len(words) not in (2, 3) or (len(words) == 3 and not words[2].upper().startswith("HTTP/")):
        raise Unusable("The first line has to be a request line, such as POST /api/notes HTTP/1.1.")
    if len(lines) > MAX_HEADERS:
        raise Unusable(f"The request has more than {MAX_HEADERS} headers; is there an empty line before the body?")
    pairs = [_header(number, line) for number, line in enumerate(lines, 2) if line]
    notes: list[str] = []
    target = words[1]
    if url := WHOLE_URL.fullmatch(target):
        target = url[1] if url[1].startswith("/") else f"/{url[1]}"
        notes.append("The request line holds a whole URL; only its path is signed (V1-AUTH-06).")
    path = target.partition("#")[0].partition("?")[0]
    if path != target:
        notes.append("Query and fragment are not part of PATH (V1-AUTH-06).")
    body = rest.strip()
    headers = Headers(pairs)
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:9]) != len(body.encode()):
        notes.append(f"Content-Length is {length[:9]}, and the pasted body has {len(body.encode())} bytes.")
    return Pasted(Request(words[0], path, headers, body.encode()), target, notes)


def _header(number: int, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip() or " " in name.strip():
        raise Unusable(f"Line {number} is not a header (Name: value). The body follows after an empty line.")
    return name.strip(), value.strip()


def _key(name: str, text: str) -> bytes | None:
    """32 bytes in hexadecimal or base64. The text of a key never stands in a message."""
    text = text.strip()
    if not text:
        return None
    with suppress(ValueError):
        if len(data := bytes.fromhex(text)) == KEY_SIZE:
            return data
    with suppress(Malformed):
        if len(data := decode_base64(text)) == KEY_SIZE:
            return data
    raise Unusable(f"The {name} has to be {KEY_SIZE} bytes, as 64 hexadecimal digits or 44 characters of base64.")


def _now(text: str, request: Request, notes: list[str]) -> int:
    text = text.strip()
    if text:
        if not (text.isascii() and text.isdigit() and len(text) <= 16):
            raise Unusable("The server's time has to be milliseconds since 1970, a whole number of at most 16 digits.")
        return int(text)
    notes.append("No server's time was given: the timestamp of the request is taken for it.")
    stamp = request.headers.get(TIMESTAMP_HEADER, "")
    return int(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) <= 16 else 0


def _signature(pasted: Pasted, session: Session, canonical: str) -> dict[str, object]:
    """The canonical string that counts, its signature, what came instead, and what the client seems to have done."""
    request = pasted.request
    try:
        nonce = parse_envelope(request.body).nonce_text if request.body else ""
    except NenError:
        return {
            "canonical": None,
            "advice": ["The body has not the expected shape, so that there is no NONCE to sign."],
        }
    ours = canonical_string(request.method, request.path, request.headers.get(TIMESTAMP_HEADER, ""), nonce).decode()
    received = request.headers.get(SIGNATURE_HEADER, "")
    expected = sign(session.keys.mac, ours.encode())
    advice = [] if received in ("", expected) else list(_guesses(pasted, session, nonce, received))
    found: dict[str, object] = {"canonical": visible(ours), "expected": expected, "received": received}
    if canonical:
        theirs = _client_canonical(canonical)
        found["differences"] = [asdict(difference) for difference in differences(ours, theirs)]
        advice += _about(theirs, ours, received, session.keys.mac)
    return found | {"advice": advice}


def _client_canonical(text: str) -> str:
    """As pasted, or out of a JSON text, which keeps the carriage returns that a text box drops."""
    if len(text) > MAX_CANONICAL:
        raise Unusable(f"The canonical string has more than {MAX_CANONICAL} characters.")
    if text.startswith('"'):
        with suppress(Malformed):
            value = parse_json(text.strip().encode())
            if isinstance(value, str):
                return value
    return text


def _about(theirs: str, ours: str, received: str, mac: bytes) -> list[str]:
    said = []
    for name, variant in _variants_of(ours):
        if theirs == variant:
            said.append(f"Your canonical string is the right one, but {name}.")
    if theirs == ours:
        said.append("Your canonical string is the right one, byte for byte.")
    if received and sign(mac, theirs.encode()) == received:
        said.append("X-Nen-Signature is the HMAC of your canonical string under this key: only the string counts.")
    elif received:
        said.append(
            "X-Nen-Signature is not the HMAC of your canonical string under this key: the key, or the encoding of the "
            "signature, is another one, or this is not the string that was signed."
        )
    return said


def _guesses(pasted: Pasted, session: Session, nonce: str, received: str) -> Iterator[str]:
    """What a client did whose signature is `received`, as far as the usual mistakes explain it."""
    keys = session.keys
    texts = [("", canonical_string(*_parts(pasted, nonce)).decode()), *_strings(pasted, nonce)]
    for key_name, key in (
        ("", keys.mac),
        ("the payload key for the HMAC key", keys.enc),
        ("the base64 text of the HMAC key for its bytes", encode_base64(keys.mac).encode()),
        ("the hexadecimal text of the HMAC key for its bytes", keys.mac.hex().encode()),
    ):
        for text_name, text in texts:
            tag = REFERENCE.hmac_sha256(key, text.encode())
            for form, written in (
                ("", encode_base64(tag)),
                ("in hexadecimal", tag.hex()),
                ("in hexadecimal", tag.hex().upper()),
                ("without padding", encode_base64(tag).rstrip("=")),
                ("in URL-safe base64", _url_safe(encode_base64(tag))),
                ("in URL-safe base64 without padding", _url_safe(encode_base64(tag)).rstrip("=")),
            ):
                if written == received:
                    yield _sentence(text_name, key_name, form)
                    return
    yield "None of the usual mistakes gives this signature. Is the key that of this session?"


def _sentence(text: str, key: str, form: str) -> str:
    said = [f"the canonical string was made {text}"] if text else []
    said += [f"the client took {key}"] if key else []
    said += [f"the signature is written {form}"] if form else []
    sentence = ", and ".join(said)
    return f"This signature comes out when {sentence}."


def _parts(pasted: Pasted, nonce: str) -> tuple[str, str, str, str]:
    request = pasted.request
    return request.method, request.path, request.headers.get(TIMESTAMP_HEADER, ""), nonce


def _strings(pasted: Pasted, nonce: str) -> list[tuple[str, str]]:
    """Canonical strings that clients are known to make, and what is wrong with each."""
    method, path, timestamp, _ = _parts(pasted, nonce)
    host = pasted.request.headers.get("host", "")
    n = decode_base64(nonce).hex() if nonce else ""
    upper = method.upper()
    lists = [
        ("with the query in PATH", (upper, pasted.target, timestamp, nonce)),
        ("with the method in lower case", (method.lower(), path, timestamp, nonce)),
        ("with the percent escapes of PATH undone", (upper, unquote(path), timestamp, nonce)),
        ("with a slash at the end of PATH", (upper, f"{path}/", timestamp, nonce)),
        ("without the slash at the end of PATH", (upper, path.rstrip("/"), timestamp, nonce)),
        ("with a whole URL in PATH", (upper, f"https://{host}{pasted.target}", timestamp, nonce)),
        ("with a whole URL in PATH", (upper, f"http://{host}{pasted.target}", timestamp, nonce)),
        ("with the timestamp in seconds", (upper, path, timestamp[:-3], nonce)),
        ("with NONCE in hexadecimal", (upper, path, timestamp, n)),
        ("with NONCE in URL-safe base64", (upper, path, timestamp, _url_safe(nonce))),
        ("without NONCE", (upper, path, timestamp, "")),
        ("with the body in the place of NONCE", (upper, path, timestamp, pasted.request.body.decode())),
    ]
    ours = "\n".join((upper, path, timestamp, nonce))
    texts = [(name, "\n".join(parts)) for name, parts in lists]
    texts += [(f"differently: {name}", variant) for name, variant in _variants_of(ours)]
    texts.append(("without the line feed before an empty NONCE", "\n".join((upper, path, timestamp))))
    return [(name, text) for name, text in texts if text != ours]


def _variants_of(ours: str) -> list[tuple[str, str]]:
    """The right string in another form."""
    return [
        ("a line feed follows at the end", ours + "\n"),
        ("its lines are joined by CR LF", ours.replace("\n", "\r\n")),
        ("its lines are joined by nothing", ours.replace("\n", "")),
        ("its lines are joined by spaces", ours.replace("\n", " ")),
        ("its lines are joined by a backslash and an n", ours.replace("\n", "\\n")),
        ("it is put in quotes, as JSON", json.dumps(ours)),
    ]


def _url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")

"""errors.md: the catalogue of nen_ref.protocol.errors, as `nen-ref explain` prints it, with what provokes each code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from nen_ref.conformance.coverage import NOT_IN, cases_by_code
from nen_ref.conformance.model import Kind
from nen_ref.conformance.registry import all_cases
from nen_ref.protocol.errors import CATALOGUE, ErrorCode, error_body
from nen_ref.protocol.messages import HANDSHAKE_PATH
from nen_ref.vectors.published import published_folder

PROVOKED = {
    "ISO-1001": "v1/handshake_server/key-missing-public-key",
    "ISO-1002": "v1/handshake_server/bytes-32",
    "ISO-1004": "v1/handshake_client/status-404",
    "ISO-2002": "v1/request_verification/session-other-id",
    "ISO-2003": "v1/request_verification/no-session-with-body",
    "ISO-3001": "v1/request_verification/unsigned-post",
    "ISO-3002": "v1/request_verification/rewritten-query",
    "ISO-3003": "v1/request_verification/time-in-seconds",
    "ISO-3004": "v1/identity/context-nen",
    "ISO-3005": "v2/request_verification/v2-of-v1",
    "ISO-3006": "v3/client/identity-of-another",
    "ISO-3007": "v3/client/bound-both-of-a-relay",
    "ISO-4001": "v1/request_verification/opening-hmac-key",
    "ISO-4003": "v1/request_verification/not-json-word",
    "ISO-5001": "v1/request_verification/replay-only",
    "ISO-6001": "v1/request_verification/body-plain-payload",
    "ISO-6002": "v1/request_verification/strictly-signed-n-url-safe",
    "ISO-7002": "v1/stream_opening/cut-after-one",
}
"""A vector that provokes the code by one of its likeliest causes. The others have no message that could be shown."""

WHY_NO_MESSAGE = {
    "ISO-1003": "No message provokes it: nothing listens at the address, or no answer comes.",
    "ISO-2001": "No message provokes it: it is raised before anything is sent.",
    "ISO-4002": "No message provokes it: it is raised before the answer is sent.",
    "ISO-7001": "An answer of type `text/event-stream` without the header X-Nen-Stream-Nonce.",
    "ISO-9000": "No request should. A handler that raises an exception does.",
}
ARGUMENT = {Kind.SERVER: "http://localhost:3000", Kind.CLIENT: "-- ./my-harness", Kind.LIBRARY: "-- ./my-harness"}
SHOWN = 56  # characters of a text that is longer than twice as many


def anchors() -> dict[str, str]:
    """Where each code stands in the site."""
    return {code: f"errors.md#{code.lower()}" for code in CATALOGUE}


def pages() -> dict[str, str]:
    """The page; its links are those of a file in docs/."""
    parts = [
        "---\ntitle: Error codes\nhide:\n  - navigation\n---\n\n# Error codes\n",
        "Paste a code, or a line of a log with one in it, or any words: the entries that fit are shown. "
        "`nen-ref explain ISO-3002` prints the same in a terminal. The normative table is the "
        "[registry](../spec/errors.md).\n",
        '<div class="filter" data-filter=".error-entry" data-noun="codes" data-id="ISO-?(\\d{4})" hidden>\n'
        '<label for="error-words">Code or words</label>\n'
        '<input id="error-words" type="search" autocomplete="off" spellcheck="false" '
        'placeholder="ISO-3002, or: clock proxy">\n'
        '<p class="filter-count" role="status"></p>\n</div>\n',
        *(_entry(entry) for entry in CATALOGUE.values()),
    ]
    return {"errors.md": "\n".join(parts)}


def _entry(entry: ErrorCode) -> str:
    causes = "\n".join(f"{number}. {cause}" for number, cause in enumerate(entry.causes, 1))
    tell = "\n".join(f"- {sentence}" for sentence in entry.tell)
    anchor = entry.code.lower()
    return (
        f'<div class="error-entry" data-code="{entry.code}" markdown>\n\n'
        f"## {entry.code} {_words(entry.name)} {{ #{anchor} }}\n\n"
        f"`{entry.name}` · HTTP {entry.status} · raised by {_by(entry)}\n{{ .error-marks }}\n\n"
        f"**What happened.** {_escaped(entry.hint)} The other side only sees: \u201c{entry.message}\u201d\n\n"
        f"**Usual causes**, the likeliest first\n\n{_escaped(causes)}\n\n"
        f"**How to tell them apart**\n\n{_escaped(tell)}\n\n"
        f"**Fix.** {_escaped(entry.fix)}\n\n"
        f"{_provoked(entry)}\n</div>\n"
    )


def _words(name: str) -> str:
    return name.replace("_", " ").lower()


def _by(entry: ErrorCode) -> str:
    return "either side" if entry.side == "both" else f"the {entry.side}"


def _escaped(text: str) -> str:
    """The catalogue is plain text with back ticks, and JSON between braces: what Markdown would read as HTML is not."""
    parts = text.split("`")
    for at in range(0, len(parts), 2):
        parts[at] = parts[at].replace("\\", "\\\\").replace("<", "&lt;").replace("[", "\\[").replace("{", "&#123;")
    return "`".join(parts)


def _provoked(entry: ErrorCode) -> str:
    id = PROVOKED.get(entry.code)
    if id:
        title, message = _message(entry, id)
        shown = f'??? example "{title}"\n\n' + _indented(
            f"Vector `{id}`: {vector(id)['comment']}. Long values are cut here; `nen-ref vectors show {id}` prints "
            f"them whole.\n\n```http\n{message}\n```\n"
        )
    else:
        shown = WHY_NO_MESSAGE[entry.code] + "\n"
    return shown + "\n" + _reproduced(entry.code)


def _reproduced(code: str) -> str:
    """The commands that provoke the code in an implementation, of one case for each kind: of V1, where it can."""
    protocol = next(version for version, missing in NOT_IN.items() if code not in missing)
    found = cases_by_code(all_cases(protocol), code)
    commands = [f"nen-ref conformance run {cases[0].id} {ARGUMENT[kind]}" for kind, cases in found.items() if cases]
    return "Against your own implementation:\n\n```console\n" + "\n".join(commands) + "\n```\n"


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.splitlines())


@cache
def vector(id: str) -> Mapping[str, Any]:
    """A vector with the input of its group."""
    path = published_folder() / f"{id.rpartition('/')[0]}.json"
    for group in json.loads(path.read_text(encoding="ascii"))["groups"]:
        for test in group["tests"]:
            if test["id"] == id:
                return {**test, "input": {**group.get("input", {}), **test["input"]}}
    raise KeyError(id)


def _message(entry: ErrorCode, id: str) -> tuple[str, str]:
    """A title, and the HTTP message: the request of a server's refusal with its answer, or what a client refuses."""
    given = vector(id)["input"]
    if "status" in given:
        head = f"HTTP/1.1 {given['status']} {HTTPStatus(given['status']).phrase}\nContent-Type: application/json"
        return "An answer to a handshake that provokes it", f"{head}\n\n{_cut_body(given['body'])}"
    if "pieces" in given:
        events = b"".join(bytes.fromhex(piece) for piece in given["pieces"]).decode().rstrip("\n")
        return (
            "A stream that provokes it: there is no final event",
            f"HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\n{events}\n\n(the connection ends)",
        )
    request = given.get("request") or {
        "method": "POST", "target": HANDSHAKE_PATH, "headers": {"Content-Type": "application/json"},
        "body": given["body"],
    }  # fmt: skip
    lines = [f"{request['method']} {request['target']} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request["headers"].items()]
    lines += ["", _cut_body(request.get("body") or "")] if request.get("body") else [""]
    answer = [
        "", f"HTTP/1.1 {entry.status} {HTTPStatus(entry.status).phrase}", "Content-Type: application/json", "",
        error_body(entry).decode(),
    ]  # fmt: skip
    title = "A request that provokes it"
    if given.get("used_nonces"):
        title += ", as its nonce was used before"
    elif "now" in given:
        title += f", at the server's time {given['now']}"
    return title, "\n".join(lines + answer)


def _cut_body(body: str) -> str:
    """The body with long texts cut, where it is a JSON object of texts; otherwise as it is."""
    try:
        members = json.loads(body)
    except ValueError:
        return _cut(body)
    if not isinstance(members, dict):
        return _cut(body)
    cut = {name: _cut(value) if isinstance(value, str) else value for name, value in members.items()}
    return json.dumps(cut, ensure_ascii=False, separators=(",", ":")) if cut != members else body


def _cut(text: str) -> str:
    return text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]}...({len(text)} characters)"

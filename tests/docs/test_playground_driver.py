"""The playground's driver under CPython: what the page draws, and that nothing a reader types makes it fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docs.make.pyodide import ROOT, reference_zip
from docs.playground.checks import LINES
from docs.playground.compare import differences, visible
from docs.playground.driver import MAX_ORDER, call
from docs.playground.session import MAX_CHUNKS, REQUIREMENTS, STEPS
from docs.playground.sheet import MAX_TEXT
from nen_ref.protocol.errors import CATALOGUE
from nen_ref.providers import provider

SPEC = (ROOT / "spec" / "v1.md").read_text(encoding="utf-8")
IDS = set(re.findall(r"^\*\*(V1-[A-Z]+-\d{2})\*\*", SPEC, re.MULTILINE))


def ask(**order: Any) -> dict[str, Any]:
    result = json.loads(call(json.dumps(order)))
    assert isinstance(result, dict)
    return result


def play(**edits: str) -> dict[str, Any]:
    return ask(do="session", edits=edits)


def values(result: dict[str, Any]) -> dict[str, str]:
    return {value["id"]: value["text"] for step in result["steps"] for value in step["values"]}


def refusal(result: dict[str, Any]) -> tuple[str, str]:
    """The step that refuses and its code; those before passed, those after were not reached."""
    states = [step["state"] for step in result["steps"]]
    at = states.index("refused")
    assert states == ["done"] * at + ["refused"] + ["unreached"] * (len(states) - at - 1)
    step = result["steps"][at]
    assert step["error"]["requirements"]
    assert f"{step['error']['code']} {step['error']['name']}" in result["summary"]
    return step["id"], step["error"]["code"]


DEFAULT = values(play())


def test_a_session_passes_and_is_the_same_each_time() -> None:
    result = play()
    assert result["summary"] == f"All {len(STEPS)} steps pass."
    assert result == play()
    assert [line["state"] for line in result["steps"][7]["checks"]] == ["passed"] * 9
    assert [line["note"] for line in result["steps"][11]["checks"]][:3] == ["'Once '", "'upon '", "'a time'"]


def test_the_values_are_those_of_another_implementation() -> None:
    """pycryptodome's ChaCha20-Poly1305 and Python's own HMAC, from the values on the page."""
    suite = provider("pycryptodome")
    ek, dk = suite.ml_kem_768_keygen(bytes.fromhex(DEFAULT["d"]), bytes.fromhex(DEFAULT["z"]))
    assert (ek.hex(), json.loads(DEFAULT["hello_body"])) == (DEFAULT["ek"], {"pk": base64.b64encode(ek).decode()})
    key = suite.ml_kem_768_decaps(dk, base64.b64decode(DEFAULT["kem_ct"]))
    assert key.hex() == DEFAULT["client_enc"] == DEFAULT["server_enc"]
    sealed = base64.b64decode(json.loads(DEFAULT["wire_body"])["ct"])
    assert suite.aead_open(key, bytes.fromhex(DEFAULT["n"]), sealed).decode() == DEFAULT["payload"]
    nonce = base64.b64encode(bytes.fromhex(DEFAULT["n"])).decode()
    canonical = f"POST\n/api/notes\n{DEFAULT['wire_timestamp']}\n{nonce}"
    tag = hmac.digest(bytes.fromhex(DEFAULT["mac_key"]), canonical.encode(), hashlib.sha256)
    assert base64.b64encode(tag).decode() == DEFAULT["wire_signature"] == DEFAULT["expected"]
    assert DEFAULT["server_canonical"] == canonical


@pytest.mark.parametrize(
    ("id", "step", "code"),
    [
        ("hello_body", "answer", "ISO-1001"),
        ("answer_body", "finish", "ISO-1004"),
        ("wire_session", "verify", "ISO-2002"),
        ("hmac", "verify", "ISO-3002"),
        ("wire_signature", "verify", "ISO-3002"),
        ("wire_method", "verify", "ISO-3002"),
        ("wire_n", "verify", "ISO-3002"),
        ("canonical", "verify", "ISO-3002"),
        ("ek", "verify", "ISO-4001"),
        ("kem_ct", "verify", "ISO-4001"),
        ("client_enc", "verify", "ISO-4001"),
        ("wire_ct", "verify", "ISO-4001"),
        ("payload", "verify", "ISO-4003"),
        ("wire_body", "verify", "ISO-6001"),
        ("answer_ct", "open", "ISO-4001"),
        ("reply_body", "open", "ISO-6001"),
        ("stream_nonce", "read", "ISO-4001"),
        ("event_2", "read", "ISO-4001"),
        ("events", "read", "ISO-7002"),
    ],
)
def test_a_flipped_bit_is_refused_where_it_is_noticed_and_can_be_flipped_back(id: str, step: str, code: str) -> None:
    flipped = ask(do="flip", edits={}, id=id)
    assert refusal(flipped) == (step, code)
    back = ask(do="flip", edits=flipped["edits"], id=id)
    assert values(back) == DEFAULT


@pytest.mark.parametrize("id", ["wire_ct", "wire_signature", "ek"])
def test_a_flipped_bit_is_one_bit(id: str) -> None:
    flipped = values(ask(do="flip", edits={}, id=id))[id]
    decode = bytes.fromhex if id == "ek" else base64.b64decode
    before, after = (int.from_bytes(decode(text)) for text in (DEFAULT[id], flipped))
    assert (before ^ after).bit_count() == 1


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({"pk": "not base64"}, ("answer", "ISO-6002")),
        ({"pk": "AAAA"}, ("answer", "ISO-1002")),
        ({"hello_body": DEFAULT["hello_body"][:-1] + ',"sigPk":"AAAA"}'}, ("answer", "ISO-3004")),
        ({"dk": "00"}, ("finish", "ISO-1002")),
        ({"wire_session": ""}, ("verify", "ISO-2003")),
        ({"wire_signature": ""}, ("verify", "ISO-3001")),
        ({"wire_ct": "?"}, ("verify", "ISO-6002")),
        ({"wire_n": "AAAA"}, ("verify", "ISO-6001")),
        ({"now": "1795500030001"}, ("verify", "ISO-3003")),
        ({"timestamp": "soon"}, ("verify", "ISO-3003")),
        ({"used": f"AAAAAAAAAAAAAAAA\n{DEFAULT['wire_n']}"}, ("verify", "ISO-5001")),
        ({"answer_n": DEFAULT["n"]}, ("respond", "ISO-4002")),
        ({"answer_ct": "?"}, ("open", "ISO-6002")),
        ({"answer_type": "text/plain"}, ("open", "ISO-6001")),
        ({"reply_body": DEFAULT["wire_body"]}, ("open", "ISO-4001")),
        ({"stream_nonce": ""}, ("read", "ISO-7001")),
        ({"base_nonce": DEFAULT["n"]}, ("read", "ISO-4001")),
        ({"events": DEFAULT["events"].partition("\n\n")[0] + "\n\n"}, ("read", "ISO-7002")),
    ],
)
def test_an_edit_is_refused_with_its_code(edits: dict[str, str], expected: tuple[str, str]) -> None:
    result = play(**edits)
    assert refusal(result) == expected
    edited = {value["id"] for step in result["steps"] for value in step["values"] if value["edited"]}
    assert edited == set(edits)


@pytest.mark.parametrize(
    "edits",
    [
        {"now": "1795500030000"},
        {"wire_target": "/api/notes?draft=2"},  # the query is not signed
        {"payload": "", "method": "GET"},
        {"events": DEFAULT["events"] + DEFAULT["events"]},  # what follows the final event is ignored
        {"chunks": "__FIN__"},
        {"target": "/caf\u00e9"},
    ],
)
def test_what_is_allowed_passes(edits: dict[str, str]) -> None:
    assert play(**edits)["summary"] == f"All {len(STEPS)} steps pass."


def test_a_request_without_a_body_skips_what_needs_one() -> None:
    checks = play(payload="", method="GET")["steps"][7]["checks"]
    assert [check["state"] for check in checks] == ["passed"] * 6 + ["skipped"] * 3


def test_a_broken_stream_shows_what_was_authentic() -> None:
    checks = ask(do="flip", edits={}, id="event_2")["steps"][11]["checks"]
    assert [(check["state"], check["note"]) for check in checks] == [
        ("passed", "'Once '"),
        ("passed", "'upon '"),
        ("refused", ""),
    ]


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ({"d": "00"}, "Seed d: This has to be 32 bytes; it is 1."),
        ({"z": "xyz"}, "Seed z: This is not hexadecimal."),
        ({"now": "-1"}, "Server's time in ms: This has to be a whole number of at most 16 digits."),
        ({"used": "?"}, "Nonces used before: a line is not base64."),
        ({"chunks": "\n" * MAX_CHUNKS}, f"The playground takes at most {MAX_CHUNKS} chunks; these are 13."),
    ],
)
def test_what_cannot_be_computed_with_is_said(edits: dict[str, str], said: str) -> None:
    result = play(**edits)
    assert result["summary"].endswith(said)
    assert [step["state"] for step in result["steps"]].count("unusable") == 1


def test_random_seeds_give_another_session_that_passes() -> None:
    one, two = ask(do="random"), ask(do="random")
    assert one["summary"] == two["summary"] == f"All {len(STEPS)} steps pass."
    names = ("server_enc", "mac_key", "sid", "n", "answer_n", "base_nonce")
    assert all(len({values(run)[name] for run in (one, two, play())}) == 3 for name in names)
    assert ask(do="session", edits=one["edits"]) == one, "it can be replayed"


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ("", "The order is not JSON."),
        ("[]", "The order is not a JSON object."),
        ('{"do":"session","do":"flip"}', "The order is an object names a member twice."),
        ('"\ud800"', "The order is not UTF-8."),
        ("{}", "There is nothing of that name to do."),
        ('{"do":"flip","id":"nothing"}', "There is no such value at the moment."),
        ('{"do":"flip","id":"raw"}', "There is no such value at the moment."),
        ('{"do":"flip","id":"used"}', "There is nothing in it to flip."),
        ('{"do":"session","edits":[]}', "edits has to be an object of at most 100 texts."),
        ('{"do":"session","edits":{"d":1}}', "d is not a text."),
        (json.dumps({"do": "session", "edits": {"d": "0" * (MAX_TEXT + 1)}}), "d is longer than 65536 characters."),
        (json.dumps({"do": "session", "edits": {str(i): "" for i in range(101)}}), "edits has to be an object"),
        (" " * (MAX_ORDER + 1), "That is too long for the playground."),
    ],
)
def test_an_order_that_cannot_be_done_is_a_message(order: str, problem: str) -> None:
    assert json.loads(call(order))["problem"].startswith(problem)


TEXTS = st.text(max_size=40) | st.sampled_from(
    ["", "00", "AAAA", "{}", "\n", "\x00", "\ud7ff", "data: AAAA\n\n", "9" * 16]
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(sorted(DEFAULT)), TEXTS, max_size=4), st.sampled_from(sorted(DEFAULT)))
def test_no_edit_makes_the_driver_fail(edits: dict[str, str], id: str) -> None:
    for order in ({"do": "session"}, {"do": "flip", "id": id}):
        result = ask(edits=edits, **order)
        assert "The playground failed" not in result.get("problem", "")
        assert "steps" in result or result["problem"]


def test_the_nine_lines_are_the_table_of_the_specification() -> None:
    section = SPEC.partition("\n## 5 ")[2].partition("\n## 6 ")[0]
    rows = re.findall(r"^\| (\d) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert len(rows) == len(LINES)
    for (number, question, codes), line in zip(rows, LINES, strict=True):
        assert line.codes == tuple(re.findall(r"ISO-\d{4}", codes)), number
        plain = question.replace("`", "").partition("?")[0].lower()
        assert line.question.rstrip("?").lower() == plain


def test_every_id_and_code_exists() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "playground").iterdir() if path.is_file()
    )
    assert {id for ids in REQUIREMENTS.values() for id in ids} <= IDS
    assert set(re.findall(r"V1-[A-Z]+-\d{2}", source)) <= IDS
    assert set(re.findall(r"ISO-\d{4}", source)) <= set(CATALOGUE)


# ---- a pasted request ----

EXAMPLE: dict[str, str] = ask(do="example")["fields"]
GOOD = {"request": DEFAULT["raw"], "mac": DEFAULT["mac_key"], "enc": DEFAULT["server_enc"], "now": DEFAULT["now"]}


def examine(**fields: str) -> dict[str, Any]:
    return ask(do="examine", fields={**GOOD, **fields})


def test_a_good_request_opens() -> None:
    found = examine()
    assert found["summary"] == "The request passes all checks."
    assert (found["payload"], found["canonical"], found["advice"]) == (DEFAULT["payload"], DEFAULT["canonical"], [])
    assert found["expected"] == found["received"] == DEFAULT["signature"]


def test_keys_come_in_base64_too_and_lines_end_in_cr_lf() -> None:
    keys = {name: base64.b64encode(bytes.fromhex(GOOD[name])).decode() for name in ("mac", "enc")}
    request = GOOD["request"].replace("\n", "\r\n") + "\r\n"
    assert examine(request=request, **keys)["summary"] == "The request passes all checks."


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a?b=http://c/d", "/a"),
        ("https://host:1/a?b#c", "/a"),
        ("http://host", "/"),
        ("http://host?b", "/"),
        ("http://[", "/"),
        ("/a%20b#c", "/a%20b"),
    ],
)
def test_the_path_of_a_target(target: str, path: str) -> None:
    assert examine(request=f"GET {target} HTTP/1.1\n\n")["canonical"].split("\n")[1] == path


def test_without_the_payload_key_seven_steps_are_checked() -> None:
    found = examine(enc="")
    assert [check["state"] for check in found["checks"]] == ["passed"] * 7 + ["skipped"] * 2
    assert (found["error"], found["payload"]) == (None, None)
    assert "without the payload key" in found["summary"]


def test_the_example_goes_wrong_and_says_where() -> None:
    found = ask(do="examine", fields=EXAMPLE)
    assert found["error"]["code"] == "ISO-3002"
    assert found["advice"][0] == "This signature comes out when the canonical string was made with the query in PATH."
    (difference,) = found["differences"]
    assert (difference["line"], difference["part"], difference["column"]) == (2, "PATH", 11)
    assert difference["our_byte"] == difference["their_byte"] == len("POST\n/api/notes")
    assert (difference["ours"], difference["theirs"]) == (["/api/notes", "", ""], ["/api/notes", "?draft=1", ""])
    assert (difference["our_code"], difference["their_code"]) == ("the end of the line", "U+003F QUESTION MARK")


def signed(canonical: str, *, key: bytes | None = None, form: str = "base64") -> str:
    """The session's request with the signature of another canonical string, made by Python's own HMAC."""
    tag = hmac.digest(key or bytes.fromhex(GOOD["mac"]), canonical.encode(), hashlib.sha256)
    written = tag.hex() if form == "hex" else base64.b64encode(tag).decode()
    return GOOD["request"].replace(DEFAULT["wire_signature"], written)


RIGHT = DEFAULT["canonical"]


@pytest.mark.parametrize(
    ("request_text", "said"),
    [
        (signed(RIGHT.replace("POST", "post")), "the canonical string was made with the method in lower case"),
        (signed(RIGHT + "\n"), "a line feed follows at the end"),
        (signed(RIGHT.replace("\n", "\r\n")), "its lines are joined by CR LF"),
        (signed(RIGHT.replace("000\n", "\n")), "the canonical string was made with the timestamp in seconds"),
        (signed(RIGHT.replace(DEFAULT["wire_n"], DEFAULT["n"])), "NONCE in hexadecimal"),
        (signed(RIGHT.replace(DEFAULT["wire_n"], "")), "without NONCE"),
        (signed(RIGHT, form="hex"), "the signature is written in hexadecimal"),
        (signed(RIGHT, key=bytes.fromhex(GOOD["enc"])), "the client took the payload key for the HMAC key"),
        (signed(RIGHT, key=GOOD["mac"].encode()), "the hexadecimal text of the HMAC key for its bytes"),
        (signed("POST /api/notes", form="hex"), "None of the usual mistakes gives this signature."),
    ],
)
def test_the_usual_mistakes_are_named(request_text: str, said: str) -> None:
    found = examine(request=request_text)
    assert found["error"]["code"] == "ISO-3002"
    (advice,) = found["advice"]
    assert said in advice


def test_a_canonical_string_as_json_keeps_its_carriage_returns() -> None:
    found = examine(canonical=json.dumps(RIGHT.replace("\n", "\r\n")))
    assert "Your canonical string is the right one, but its lines are joined by CR LF." in found["advice"]
    assert [difference["our_code"] for difference in found["differences"]] == ["the end of the line"] * 3
    assert [difference["theirs"][1] for difference in found["differences"]] == ["\u240d"] * 3


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"request": ""}, "The first line has to be a request line"),
        ({"request": "POST /a HTTP/1.1\nno header"}, "Line 2 is not a header"),
        ({"request": "POST /a HTTP/1.1\n" + "a: b\n" * 65}, "The request has more than 64 headers"),
        ({"mac": ""}, "Give the HMAC key"),
        ({"mac": "5ec4e7"}, "The HMAC key has to be 32 bytes, as 64 hexadecimal digits"),
        ({"enc": "5ec4e7"}, "The payload key has to be 32 bytes"),
        ({"now": "soon"}, "The server's time has to be milliseconds"),
        ({"canonical": "x" * 8193}, "The canonical string has more than 8192 characters."),
    ],
)
def test_what_cannot_be_examined_is_a_message(fields: dict[str, str], problem: str) -> None:
    found = examine(**fields)
    assert list(found) == ["problem"]
    assert found["problem"].startswith(problem)
    assert "5ec4e7" not in found["problem"]


@settings(max_examples=60)
@given(
    st.text(max_size=80) | st.sampled_from([GOOD["request"], "GET http://[ HTTP/1.1", "GET http://x?y#z", "A \u00e9"]),
    st.sampled_from([GOOD["mac"], "", "\u0661" * 64]),
    st.sampled_from(["", "\u0661", "0", "9" * 16]),
    st.text(max_size=60),
)
def test_no_pasted_text_makes_the_driver_fail(request: str, mac: str, now: str, canonical: str) -> None:
    found = examine(request=request, mac=mac, now=now, canonical=canonical)
    assert "The playground failed" not in found.get("problem", "")
    assert "checks" in found or found["problem"]


@given(st.text(max_size=20), st.text(max_size=20))
def test_differences_are_where_two_texts_differ(ours: str, theirs: str) -> None:
    found = differences(ours, theirs)
    assert (found == []) == (ours == theirs)
    for difference in found:
        for text, byte, pieces in (
            (ours, difference.our_byte, difference.ours),
            (theirs, difference.their_byte, difference.theirs),
        ):
            if pieces is not None:
                line = text.split("\n")[difference.line - 1]
                assert "".join(pieces) == visible(line)
                assert text.encode()[byte:].startswith(line[difference.column - 1 :].encode())


def test_the_archive_holds_what_the_driver_needs_and_is_the_same_each_time() -> None:
    data = reference_zip()
    assert data == reference_zip()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        assert archive.read("nen_ref/protocol/stream.py") == Path(ROOT, "nen_ref/protocol/stream.py").read_bytes()
    assert names == sorted(names)
    assert {name.rsplit("/", 1)[0] for name in names} == {
        "nen_ref",
        "nen_ref/primitives",
        "nen_ref/protocol",
        "docs/playground",
    }


def test_the_driver_runs_from_the_archive_alone(tmp_path: Path) -> None:
    """With the standard library and nothing else, as in the browser."""
    with zipfile.ZipFile(io.BytesIO(reference_zip())) as archive:
        archive.extractall(tmp_path)
    program = 'from docs.playground.driver import call; print(call(\'{"do":"session"}\'))'
    command = [sys.executable, "-S", "-E", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert values(json.loads(done.stdout)) == DEFAULT

"""The parts of spec/*.md that are made from the vectors, the catalogue of errors and the requirements: nothing by hand.

`BLOCKS` says which block stands in which page; docs/regenerate.py writes them between their markers. Every value of an
example is read from a vector, and where the example computes something (a digest, an XOR), it is checked against one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from docs.make import diagrams
from nen_ref.conformance.coverage import NOT_IN
from nen_ref.conformance.requirements import BEFORE, BESIDE, PROTOCOLS, Requirement, in_force, replaced, requirements
from nen_ref.protocol.errors import CATALOGUE, ErrorCode

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "vectors"
SHOWN = 32  # characters of a long value
SESSION = "v1/sessions/one-exchange"
STREAM = "v1/sessions/stream-without-body"
IDENTITY = "v1/handshake_hello/identity"
V2_REQUEST = "v2/request_verification/v2-post-body"
V2_BODYLESS = "v2/request_verification/v2-get-bodyless"
V3_CLIENT = "v3/client/hybrid"
V3_COMBINE = "v3/combine/random-1"
V3_DERIVE = "v3/derive/random-1"
V3_TRANSCRIPT = "v3/transcript_hash/random-1"
V3_BOUND = "v3/bound_nonce/random-1"
V3_RATCHET = "v3/ratchet/random-1"
V3_RESUME = "v3/resume_server/right"
V3_ATTESTATION = "v3/attest/from-to"
ENVELOPE = "seal/envelope_seal/context-purpose"
FRAMED = "seal/framed_seal/three"
DOCUMENTS = ("v1", "v2", "v3", "seal")
SIDES = {"server": "server", "client": "client", "both": "server, client"}

Values = Mapping[str, Any]
Row = tuple[str, str]


def vector(id: str) -> dict[str, Any]:
    """A vector by its id, its input joined with that of its group."""
    file = json.loads((VECTORS / f"{id.rpartition('/')[0]}.json").read_text(encoding="ascii"))
    for group in file["groups"]:
        for test in group["tests"]:
            if test["id"] == id:
                return {**test, "input": {**group["input"], **test.get("input", {})}}
    raise KeyError(id)


def step(test: Values, operation: str) -> dict[str, Any]:
    """The first step of a session with this operation; its input and output as one mapping each."""
    found: dict[str, Any] = next(step for step in test["steps"] if step["operation"] == operation)
    return found


def short(text: str, data: bytes) -> str:
    """A long text, shortened: its beginning, the length of its bytes and their SHA-256."""
    if len(text) <= 2 * SHOWN:
        return f"`{text}`"
    return f"`{text[:SHOWN]}...` ({len(data)} bytes, SHA-256 `{hashlib.sha256(data).hexdigest()}`)"


def hexa(text: str) -> str:
    return short(text, bytes.fromhex(text))


def b64(text: str) -> str:
    return short(text, base64.b64decode(text, validate=True))


def table(rows: Iterable[Row]) -> str:
    return "| value | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in rows)


def fenced(text: str, language: str = "text") -> str:
    return f"```{language}\n{text}\n```\n\n"


def source(id: str, what: str) -> str:
    file = f"{id.rpartition('/')[0]}.json"
    return f"{what} Vector `{id}` in [{file}](../vectors/{file}), which has every value in full.\n\n"


def example_handshake() -> str:
    test = vector(SESSION)
    hello, respond, finish = (step(test, f"handshake.{name}") for name in ("hello", "respond", "finish"))
    pk = json.loads(hello["output"]["body"])["pk"]
    answer = json.loads(respond["output"]["body"])
    assert finish["output"]["secret"] == respond["output"]["secret"]
    assert base64.b64decode(answer["hmac"]).hex() == respond["input"]["hmac_key"]
    return source(SESSION, "**Example: a handshake.** The seeds stand in for the random bytes of both sides.") + table(
        [
            ("client draws `d`", hexa(hello["input"]["d"])),
            ("client draws `z`", hexa(hello["input"]["z"])),
            ("client sends `pk`, b64(ek)", b64(pk)),
            ("server draws `m`", hexa(respond["input"]["m"])),
            ("server draws the HMAC key", hexa(respond["input"]["hmac_key"])),
            ("server sends `sid`", f"`{answer['sid']}`"),
            ("server sends `ct`", b64(answer["ct"])),
            ("server sends `hmac`", b64(answer["hmac"])),
            ("both have the shared secret, which is the payload key", hexa(finish["output"]["secret"])),
        ]
    )


def example_identity() -> str:
    test = vector(IDENTITY)
    body = json.loads(test["output"]["body"])
    ek = base64.b64decode(body["pk"])
    assert hashlib.sha256(ek).hexdigest() == test["intermediate"]["ek_sha256"]
    assert base64.b64decode(body["sigPk"])[22:].hex() == test["intermediate"]["pk"]
    what = "**Example: an identity.** The signature is the deterministic one (`rnd` is 32 zero bytes)."
    return source(IDENTITY, what) + table(
        [
            ("client draws `d`", hexa(test["input"]["d"])),
            ("client draws `z`", hexa(test["input"]["z"])),
            ("seed of the identity (xi of FIPS 204)", hexa(test["input"]["identity_seed"])),
            ("the signed message: the raw `ek`", hexa(ek.hex())),
            ("client sends `sigPk`", b64(body["sigPk"])),
            ("client sends `sigOfPk`", b64(body["sigOfPk"])),
        ]
    )


def example_request() -> str:
    test = vector(SESSION)
    seal, canonical, verify = (step(test, name) for name in ("payload.seal", "canonical_string", "request.verify"))
    request = verify["input"]["request"]
    assert request["body"] == seal["output"]["body"]
    head = [f"{request['method']} {request['target']} HTTP/1.1"]
    head += [f"{name}: {value}" for name, value in request["headers"].items()]
    text = canonical["output"]["canonical_string"]
    assert request["headers"]["X-Nen-Signature"] == step(test, "request.sign")["output"]["signature"]
    return (
        source(SESSION, "**Example: a request** in the session of the handshake above.")
        + table(
            [
                ("payload", f"`{seal['input']['payload']}`"),
                ("payload key", hexa(seal["input"]["secret"])),
                ("`n`, drawn by the client", hexa(seal["input"]["n"])),
                ("HMAC key", hexa(step(test, "request.sign")["input"]["hmac_key"])),
                ("server's time when it arrives, in ms", f"`{verify['input']['now']}`"),
            ]
        )
        + "\nThe canonical string, four lines without a line feed at the end, and its bytes in hexadecimal:\n\n"
        + fenced(text)
        + fenced(text.encode().hex(" ").replace(" 0a ", " 0a\n"))
        + "The request (`Host`, `Content-Length` and the like left out):\n\n"
        + fenced("\n".join(head) + "\n\n" + request["body"], "http")
    )


def example_response() -> str:
    test = vector(SESSION)
    seal = step(test, "response.seal")
    opened = next(s for s in test["steps"] if s["operation"] == "payload.open")
    assert opened["input"]["body"] == seal["output"]["body"]
    assert opened["output"]["payload"] == seal["input"]["payload"]
    head = "HTTP/1.1 200 OK\nContent-Type: application/json\nCache-Control: no-store\n\n"
    return (
        source(SESSION, "**Example: the answer** to the request above.")
        + table(
            [
                ("payload", f"`{seal['input']['payload']}`"),
                ("payload key", hexa(seal["input"]["secret"])),
                ("`n`, drawn by the server", hexa(seal["input"]["n"])),
            ]
        )
        + "\n"
        + fenced(head + seal["output"]["body"], "http")
    )


def example_stream() -> str:
    test = vector(STREAM)
    seal = step(test, "stream.seal")
    base = bytes.fromhex(seal["input"]["base_nonce"])
    chunks = [chunk.encode() for chunk in seal["input"]["chunks"]] + [b"__FIN__"]
    events = [line.removeprefix("data: ") for line in seal["output"]["body"].split("\n") if line]
    assert len(events) == len(chunks)
    rows = []
    for i, (chunk, event) in enumerate(zip(chunks, events, strict=True)):
        text = json.dumps(chunk.decode(), ensure_ascii=False)
        rows.append(f"| {i} | `{_nonce(base, i).hex()}` | `{chunk.hex() or '(none)'}` | `{text}` | `{event}` |\n")
    head = "HTTP/1.1 200 OK\nContent-Type: text/event-stream\nCache-Control: no-store\n"
    head += f"X-Nen-Stream-Nonce: {base64.b64encode(base).decode()}\n\n"
    return (
        source(STREAM, "**Example: a stream** of three chunks, one of them empty, and the final event.")
        + table([("payload key", hexa(seal["input"]["secret"])), ("base nonce", hexa(base.hex()))])
        + "\n| i | nonce_i | chunk, hexadecimal | as a JSON text | data of the event |\n|---|---|---|---|---|\n"
        + "".join(rows)
        + "\n"
        + fenced(head + seal["output"]["body"].rstrip("\n") + "\n", "http")
    )


def _nonce(base: bytes, i: int) -> bytes:
    """nonce_i, for the table; a test opens the events with it."""
    return base[:8] + (int.from_bytes(base[8:], "little") ^ i).to_bytes(4, "little")


def layout_spki() -> str:
    spki = base64.b64decode(json.loads(vector(IDENTITY)["output"]["body"])["sigPk"])
    assert len(spki) == 1974
    parts = (
        (4, "SEQUENCE of 1970 bytes"),
        (2, "SEQUENCE of 11 bytes, the algorithm"),
        (11, "OBJECT IDENTIFIER 2.16.840.1.101.3.4.3.18, and no parameters"),
        (4, "BIT STRING of 1953 bytes"),
        (1, "no unused bits"),
        (1952, "the public key of ML-DSA-65"),
    )
    rows, at = ["| offset | bytes | value | meaning |\n|---|---|---|---|\n"], 0
    for size, meaning in parts:
        value = spki[at : at + size].hex(" ") if size < 100 else f"{spki[at : at + 4].hex(' ')} ..."
        rows.append(f"| {at} | {size} | `{value}` | {meaning} |\n")
        at += size
    assert at == len(spki)
    return "".join(rows)


def layout_body() -> str:
    body = json.loads(step(vector(SESSION), "payload.seal")["output"]["body"])
    payload = step(vector(SESSION), "payload.seal")["input"]["payload"].encode()
    ct, n = base64.b64decode(body["ct"]), base64.b64decode(body["n"])
    assert len(ct) == len(payload) + 16
    return (
        f"The bytes of `ct`, for the payload of {len(payload)} bytes of the example in section 5:\n\n"
        "| offset | bytes | value | meaning |\n|---|---|---|---|\n"
        f"| 0 | {len(payload)} | `{ct[:-16].hex(' ')}` | ciphertext, as long as the payload |\n"
        f"| {len(payload)} | 16 | `{ct[-16:].hex(' ')}` | tag of Poly1305 |\n\n"
        f"and of `n`: 12 bytes, `{n.hex(' ')}`.\n"
    )


def layout_nonce() -> str:
    base = bytes.fromhex(step(vector(STREAM), "stream.seal")["input"]["base_nonce"])
    number = int.from_bytes(base[8:], "little")
    return (
        "The nonce of event i, with the base nonce of the example below:\n\n"
        "| offset | bytes | base nonce | nonce_i |\n|---|---|---|---|\n"
        f"| 0 | 8 | `{base[:8].hex(' ')}` | the same |\n"
        f"| 8 | 4 | `{base[8:].hex(' ')}`, little-endian {number} | {number} XOR i, little-endian; "
        f"for i = 1 `{_nonce(base, 1)[8:].hex(' ')}` |\n"
    )


def _of_v1() -> list[ErrorCode]:
    return [entry for code, entry in CATALOGUE.items() if code not in NOT_IN["v1"]]


def codes() -> str:
    """The short table of section 10."""
    rows = [f"| {e.code} | {e.status} | {e.name} | {SIDES[e.side]} |\n" for e in _of_v1()]
    return "| code | status | name | raised by |\n|---|---|---|---|\n" + "".join(rows)


def registry() -> str:
    """All codes, for errors.md."""
    rows = [
        f"| {e.code} | {e.name} | {e.status} | {SIDES[e.side]} | {e.message} | {_versions(e)} |\n"
        for e in CATALOGUE.values()
    ]
    head = "| code | name | status | raised by | message | versions |\n|---|---|---|---|---|---|\n"
    return head + "".join(rows)


def _versions(entry: ErrorCode) -> str:
    return " ".join(version[1:] for version, missing in NOT_IN.items() if entry.code not in missing)


def hints() -> str:
    """The diagnosis of each code, which stays in the log."""
    rows = [f"| {e.code} | {e.hint} | {e.fix} |\n" for e in CATALOGUE.values()]
    return "| code | what happened | what to do |\n|---|---|---|\n" + "".join(rows)


def counts() -> str:
    """How many requirements each document has, by key word, side and whose they are."""
    head = "| document | | server | client | both | together |\n|---|---|---|---|---|---|\n"
    return head + "".join(_counted(document) for document in DOCUMENTS)


def _counted(document: str) -> str:
    rules = requirements(document).values()
    found = Counter((rule.key_word, rule.decision, rule.side) for rule in rules)
    rows, name = "", f"[{document}.md]({document}.md)"
    for word, decided in (("MUST", False), ("SHOULD", False), ("MUST", True), ("SHOULD", True)):
        numbers = [found[word, decided, side] for side in _ORDER]
        if any(numbers):
            rows += _count_row(f"{name} | {word}, {'decision' if decided else 'published'}", numbers)
            name = ""
    return rows + _count_row(" | together", [sum(rule.side == side for rule in rules) for side in _ORDER])


def counts_by_version() -> str:
    """How many requirements hold in each version: its own, those that it has from the ones before, those replaced."""
    own, taken, gone, all_together = [], [], [], []
    for version in PROTOCOLS:
        mine = len(requirements(version))
        before = len(in_force(BEFORE[version])) - _beside(BEFORE[version]) if version in BEFORE else 0
        left = len(replaced(version))
        own.append(mine)
        taken.append(before - left)
        gone.append(left)
        all_together.append(before - left + mine)
    return "| requirements | V1 | V2 | V3 |\n|---|---|---|---|\n" + "".join(
        f"| {name} | {' | '.join(map(str, numbers))} |\n"
        for name, numbers in (
            ("of its own document", own),
            ("of the versions before, as they are", taken),
            ("of the version before, replaced", gone),
            ("that hold", all_together),
        )
    )


def _beside(version: str) -> int:
    return len(requirements(BESIDE[version])) if version in BESIDE else 0


_ORDER = ("server", "client", "both")


def _count_row(name: str, numbers: list[int]) -> str:
    return f"| {name} | {' | '.join(map(str, numbers))} | {sum(numbers)} |\n"


def store_rules() -> str:
    """The requirements of stores, as v1.md and v3.md have them."""
    stores = [rule for rule in requirements("v1").values() if rule.id.startswith("V1-STORE-")]
    rules = stores + [requirements("v3")[id] for id in ("V3-REKEY-04", "V3-REKEY-05", "V3-LIFE-03")]
    return "| id | rule | why |\n|---|---|---|\n" + "".join(map(_rule_row, rules))


def _rule_row(rule: Requirement) -> str:
    return f"| {rule.id} | {rule.sentence} | {rule.why} |\n"


def vector_files() -> str:
    """Which file of vectors tests what."""
    rows = []
    for entry in json.loads((VECTORS / "index.json").read_text(encoding="ascii"))["files"]:
        path = entry["path"]
        file = json.loads((VECTORS / path).read_text(encoding="ascii"))
        tests = f"{file['valid']} valid, {file['invalid']} invalid"
        rows.append(f"| [{path}](../vectors/{path}) | {file['title']} | {tests} |\n")
    return "| file | holds | vectors |\n|---|---|---|\n" + "".join(rows)


def example_v2_request() -> str:
    test = vector(V2_REQUEST)
    session = test["input"]["session"]
    return (
        source(V2_REQUEST, "**Example: a request with a body.**")
        + table(
            [
                ("payload", f"`{test['output']['payload']}`"),
                ("payload key", hexa(session["secret"])),
                ("HMAC key", hexa(session["hmac_key"])),
                ("server's time when it arrives, in ms", f"`{test['input']['now']}`"),
            ]
        )
        + _signed_request(test)
    )


def example_v2_bodyless() -> str:
    test = vector(V2_BODYLESS)
    return source(V2_BODYLESS, "**Example: a request without a body**, in the same session.") + _signed_request(test)


def _signed_request(test: Values) -> str:
    """The canonical string of a V2 request, checked against its signature, and the request."""
    request = test["input"]["request"]
    headers = request["headers"]
    canonical = "\n".join((request["method"], request["target"], headers["X-Nen-Timestamp"], headers["X-Nen-Nonce"]))
    key = bytes.fromhex(test["input"]["session"]["hmac_key"])
    tag = hmac.digest(key, canonical.encode(), "sha256")
    assert base64.b64encode(tag).decode() == headers["X-Nen-Signature"]
    head = [f"{request['method']} {request['target']} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    return (
        "\nThe canonical string:\n\n"
        + fenced(canonical)
        + "The request:\n\n"
        + fenced("\n".join(head) + (f"\n\n{request['body']}" if request["body"] else ""), "http")
    )


def example_v3_handshake() -> str:
    test = vector(V3_CLIENT)
    given, answer = test["input"], json.loads(test["input"]["body"])
    return source(V3_CLIENT, "**Example: a handshake in hybrid**, as its client sees it.") + table(
        [
            ("client draws `d`", hexa(given["d"])),
            ("client draws `z`", hexa(given["z"])),
            ("client draws `x`", hexa(given["x"])),
            ("server sends `sid`", f"`{answer['sid']}`"),
            ("server sends `ct`", b64(answer["ct"])),
            ("server sends `pk_x_server`", b64(answer["pk_x_server"])),
            ("server sends `ticket`", short(answer["ticket"], answer["ticket"].encode())),
            ("both have `k_enc`", hexa(test["output"]["enc"])),
            ("both have `k_mac`", hexa(test["output"]["mac"])),
            ("both have `psk`", hexa(test["output"]["psk"])),
        ]
    )


def example_v3_keys() -> str:
    combined, derived = vector(V3_COMBINE), vector(V3_DERIVE)
    return (
        source(V3_COMBINE, "**Example: two secrets into one.**")
        + table(
            [
                ("`x25519_ss`", hexa(combined["input"]["x_ss"])),
                ("`mlkem_ss`", hexa(combined["input"]["kem_ss"])),
                ("`ss`", hexa(combined["output"]["ss"])),
            ]
        )
        + "\n"
        + source(V3_DERIVE, "**Example: the keys** of another secret.")
        + table([("`ss`", hexa(derived["input"]["ss"])), *_keys(derived, "psk")])
    )


def _keys(test: Values, *further: str) -> list[Row]:
    """The keys in the output of a vector."""
    output = test["output"]
    rows = [("`k_enc`", hexa(output["enc"])), ("`k_mac`", hexa(output["mac"]))]
    return rows + [(f"`{name}`", hexa(output[name])) for name in further]


def example_v3_identity() -> str:
    hashed, bound = vector(V3_TRANSCRIPT), vector(V3_BOUND)
    given = hashed["input"]
    values = [bytes.fromhex(given[name]) for name in ("pk_kem", "pk_x", "server_nonce")] + [given["sid"].encode()]
    framed = b"".join(len(value).to_bytes(4, "big") + value for value in values)
    assert hashlib.sha256(framed).hexdigest() == hashed["output"]["hash"]
    return (
        source(V3_TRANSCRIPT, "**Example: what is signed.**")
        + table(
            [
                ("`pk_kem`", hexa(given["pk_kem"])),
                ("`pk_x`", hexa(given["pk_x"])),
                ("`server_nonce`", hexa(given["server_nonce"])),
                ("`sid`", f"`{given['sid']}`"),
                ("lengths before them", ", ".join(f"`{len(value).to_bytes(4, 'big').hex()}`" for value in values)),
                ("`H`", hexa(hashed["output"]["hash"])),
            ]
        )
        + "\n"
        + source(V3_BOUND, "**Example: a bound nonce.**")
        + table(
            [
                ("`ct`", hexa(bound["input"]["ct"])),
                ("`pk_x_server`", hexa(bound["input"]["pk_x_server"])),
                ("`server_nonce`", hexa(bound["output"]["server_nonce"])),
            ]
        )
    )


def example_v3_rekey() -> str:
    test = vector(V3_RATCHET)
    before = [("`k_enc` before", hexa(test["input"]["enc"])), ("`k_mac` before", hexa(test["input"]["mac"]))]
    return source(V3_RATCHET, "**Example: a rekey.**") + table([*before, *_keys(test)])


def example_v3_resume() -> str:
    test = vector(V3_RESUME)
    asked, answer = json.loads(test["input"]["body"]), json.loads(test["output"]["body"])
    return source(V3_RESUME, "**Example: a resumption**, as the server sees it.") + table(
        [
            ("client sends `resume`", short(asked["resume"], asked["resume"].encode())),
            ("client sends `rn`", f"`{asked['rn']}`"),
            ("ticket key", hexa(test["input"]["keys"][0])),
            ("server's time, in ms", f"`{test['input']['now']}`"),
            ("server sends `sid`", f"`{answer['sid']}`"),
            ("server sends `srn`", f"`{answer['srn']}`"),
            ("server sends `ticket`", short(answer["ticket"], answer["ticket"].encode())),
            *_keys(test),
        ]
    )


def example_v3_attestation() -> str:
    test = vector(V3_ATTESTATION)
    return (
        source(V3_ATTESTATION, "**Example: an attestation.** The signature is the deterministic one.")
        + table(
            [
                ("seed of the identity", hexa(test["input"]["seed"])),
                ("signature", hexa(test["output"]["signature"])),
                ("public key, as SubjectPublicKeyInfo", hexa(test["output"]["public_key"])),
            ]
        )
        + "\nWhat is signed, in one line:\n\n"
        + fenced(test["output"]["attestation"])
    )


def example_envelope() -> str:
    test = vector(ENVELOPE)
    envelope, between = json.loads(test["output"]["body"]), test["intermediate"]
    info = f"nen/seal v1 cek|{envelope['ctx']}"
    assert _hkdf(between["ss"], info) == between["cek"]
    what = "**Example: an envelope.** The recipient's key is that of the vector."
    return source(ENVELOPE, what) + table(
        [
            ("payload", f"`{bytes.fromhex(test['input']['payload']).decode()}`"),
            ("context", f"`{test['input']['context']}`"),
            ("sealer draws `m`", hexa(test["input"]["m"])),
            ("shared secret", hexa(between["ss"])),
            ("info of the content key, in UTF-8", hexa(info.encode().hex())),
            ("content key", hexa(between["cek"])),
            ("`kem`", b64(envelope["kem"])),
            ("`n`", b64(envelope["n"])),
            ("`ct`", b64(envelope["ct"])),
            ("`ctx`", f"`{envelope['ctx']}`"),
        ]
    )


def example_framed() -> str:
    test = vector(FRAMED)
    envelope, between = json.loads(test["output"]["body"]), test["intermediate"]
    assert _hkdf(between["cek"], "nen/seal v1 frame:0") == between["key_of_first"]
    assert _hkdf(between["cek"], f"nen/seal v1 frame:{len(envelope['frames']) - 1}") == between["key_of_last"]
    what = f"**Example: a framed envelope** of {envelope['size']} bytes, in frames of {envelope['frameSize']}."
    rows = [("payload", hexa(test["input"]["payload"])), ("content key", hexa(between["cek"])),
            ("key of the first frame", hexa(between["key_of_first"])),
            ("key of the last frame", hexa(between["key_of_last"]))]  # fmt: skip
    rows += [(f"frame {i}", b64(text)) for i, text in enumerate(envelope["frames"])]
    return source(FRAMED, what) + table(rows)


def _hkdf(ikm: str, info: str) -> str:
    """The one block of HKDF-SHA256 without a salt, by the words of RFC 5869."""
    prk = hmac.digest(bytes(32), bytes.fromhex(ikm), "sha256")
    return hmac.digest(prk, info.encode() + b"\x01", "sha256").hex()


BLOCKS: dict[str, dict[str, Callable[[], str]]] = {
    "spec/v1.md": {
        "sequence": diagrams.sequence,
        "example-handshake": example_handshake,
        "layout-spki": layout_spki,
        "example-identity": example_identity,
        "layout-body": layout_body,
        "verification": diagrams.verification,
        "example-request": example_request,
        "example-response": example_response,
        "layout-nonce": layout_nonce,
        "example-stream": example_stream,
        "client-states": diagrams.client_states,
        "codes": codes,
    },
    "spec/v2.md": {"example-v2-request": example_v2_request, "example-v2-bodyless": example_v2_bodyless},
    "spec/v3.md": {
        "sequence-v3": diagrams.sequence_v3,
        "example-v3-handshake": example_v3_handshake,
        "example-v3-keys": example_v3_keys,
        "example-v3-identity": example_v3_identity,
        "example-v3-rekey": example_v3_rekey,
        "example-v3-resume": example_v3_resume,
        "example-v3-attestation": example_v3_attestation,
    },
    "spec/seal.md": {"example-envelope": example_envelope, "example-framed": example_framed},
    "spec/versions.md": {"counts-by-version": counts_by_version},
    "spec/README.md": {"counts": counts, "vector-files": vector_files},
    "spec/errors.md": {"registry": registry, "hints": hints},
    "spec/stores.md": {"store-rules": store_rules},
}


def filled(page: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """The page with each block between its markers; ValueError for a marker that is missing or of no block."""
    if page.count(": begin (made by docs/regenerate.py) -->") != len(blocks):
        raise ValueError("the page has a block that nothing makes")
    for name, make in blocks.items():
        begin, end = f"<!-- {name}: begin (made by docs/regenerate.py) -->\n", f"<!-- {name}: end -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"the page does not have the markers of {name} once")
        before, _, rest = page.partition(begin)
        page = before + begin + make() + end + rest.partition(end)[2]
    return page


def pages() -> dict[str, str]:
    """The text of every page with blocks, by its path in the repository."""
    return {path: filled((ROOT / path).read_text(encoding="utf-8"), blocks) for path, blocks in BLOCKS.items()}

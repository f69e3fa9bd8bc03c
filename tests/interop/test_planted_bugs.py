"""Bugs planted in the Node server, one at a time: the suite finds each, by the cases that are there for it.

Each is what a real implementer gets wrong, a line or two changed in a copy of `tests/interop/node`. The expected cases
are named here by hand; further cases may fail as well, where one fault breaks several rules.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from nen_ref.conformance.model import Kind, Report
from nen_ref.conformance.probe import Routes
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.runner import run_cases
from nen_ref.conformance.targets import UrlTarget

NODE = Path(__file__).parent / "node"

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
    pytest.mark.skipif(not (NODE / "node_modules").is_dir(), reason="npm packages are missing: run `make interop`"),
]


@dataclass(frozen=True)
class Bug:
    name: str
    file: str
    right: str
    wrong: str
    found_by: str


BUGS = (
    Bug(
        "no modulus check",
        "src/noble.js",
        "const { cipherText: ct, sharedSecret: ss } = ml_kem768.encapsulate(ek, m);",
        "let good = ek; try { ml_kem768.encapsulate(ek); } catch (e) { if (ek.length !== 1184) throw e;"
        " good = ml_kem768.keygen().publicKey; }"
        " const { cipherText: ct, sharedSecret: ss } = ml_kem768.encapsulate(good, m);",
        "v1/handshake/pk-modulus-check",
    ),
    Bug(
        "identity ignored when only half of it came",
        "src/handshake.js",
        "if (sigPk === undefined && sigOfPk === undefined) {",
        "if (sigPk === undefined || sigOfPk === undefined) {",
        "v1/identity/key-without-signature",
    ),
    Bug(
        "identity verified over the base64 text",
        "src/handshake.js",
        "crypto.verify(fromBase64(sigOfPk, 'ISO-3004'), ek, key)",
        "crypto.verify(fromBase64(sigOfPk, 'ISO-3004'), Buffer.from(toBase64(ek)), key)",
        "v1/identity/signature-over-text",
    ),
    Bug(
        "signature optional",
        "src/message.js",
        "if (sealed.ct === null || !unsigned.has(session.identity)) throw new NenError('ISO-3001');",
        "",
        "v1/auth/signature-missing",
    ),
    Bug(
        "signature compared by its first bytes",
        "src/crypto.js",
        "return tag.length === KEY_BYTES && timingSafeEqual(tag, hmacSha256(key, message));",
        "const n = Math.min(tag.length, KEY_BYTES);"
        " return timingSafeEqual(tag.subarray(0, n), hmacSha256(key, message).subarray(0, n));",
        "v1/auth/signature-cut",
    ),
    Bug(
        "window open towards the future",
        "src/message.js",
        "!(Math.abs(now - sentAt) <= WINDOW_MS)",
        "!(now - sentAt <= WINDOW_MS)",
        "v1/auth/timestamp-future",
    ),
    Bug(
        "NaN passes the window",
        "src/message.js",
        "!(Math.abs(now - sentAt) <= WINDOW_MS)",
        "Math.abs(now - sentAt) > WINDOW_MS",
        "v1/auth/timestamp-not-a-number",
    ),
    Bug(
        "replay check across an await",
        "src/server.js",
        "const verified = verifyRequest(request, context);",
        "const real = this.sessions.get(sid); const copy = real && { ...real, nonces: new Map(real.nonces) };"
        " const verified = verifyRequest(request, { ...context, store: { get: () => copy, delete() {} } });"
        " await new Promise((done) => setTimeout(done, 5)); real.nonces = copy.nonces;",
        "v1/replay/simultaneous",
    ),
    Bug(
        "nonce spent before the signature is checked",
        "src/message.js",
        "checkSignature(request, session, sealed, { unsigned, log, trace }); // 3001, 3002",
        "if (sealed !== null && session.seen?.has(sealed.nonceText)) throw new NenError('ISO-5001');"
        " if (sealed !== null) (session.seen ??= new Set()).add(sealed.nonceText);"
        " checkSignature(request, session, sealed, { unsigned, log, trace });",
        "v1/replay/not-spent-by-wrong-signature",
    ),
    Bug(
        "nonce recorded only when the payload opens",
        "src/message.js",
        "if (!spendNonce(session, sealed.nonceText, now, keepUntil)) throw new NenError('ISO-5001');",
        "if (session.nonces.has(sealed.nonceText)) throw new NenError('ISO-5001');"
        " openPayload(session.ss, sealed); session.nonces.set(sealed.nonceText, keepUntil);",
        "v1/replay/spent-by-failure-to-open",
    ),
    Bug(
        "decoded path signed",
        "src/server.js",
        "const verified = verifyRequest(request, context);",
        "const verified = verifyRequest({ ...request, target: decoded(path) }, context);",
        "v1/auth/path-escapes-kept",
    ),
    Bug(
        "query signed",
        "src/message.js",
        "crypto.canonical(method, pathOf(target), timestamp, sealed.nonceText)",
        "crypto.canonical(method, target, timestamp, sealed.nonceText)",
        "v1/auth/query-not-signed",
    ),
    Bug(
        "lenient base64",
        "src/wire.js",
        "if (bytes.toString('base64') !== text) throw new NenError(code, 'not strict base64');",
        "",
        "v1/request/ct-not-base64",
    ),
    Bug(
        "number arrays accepted",
        "src/wire.js",
        "const { ct, n } = parseObject(bytes, 'ISO-6001');",
        "let { ct, n } = parseObject(bytes, 'ISO-6001');"
        " if (Array.isArray(ct)) ct = toBase64(ct); if (Array.isArray(n)) n = toBase64(n);",
        "v1/request/number-arrays",
    ),
    Bug(
        "answer under the nonce of the request",
        "src/server.js",
        "const body = sealAnswer(ss, verified.nonce, crypto.randomNonce(), JSON.stringify(answer.json));",
        "const body = sealAnswer(ss, null, verified.nonce ?? crypto.randomNonce(), JSON.stringify(answer.json));",
        "v1/response/nonce-not-of-the-request",
    ),
    Bug(
        "big-endian stream counter",
        "src/crypto.js",
        "view.setUint32(8, (view.getUint32(8, true) ^ i) >>> 0, true);",
        "view.setUint32(8, (view.getUint32(8, false) ^ i) >>> 0, false);",
        "v1/stream/nonce-xor-counter",
    ),
    Bug(
        "stream counter added instead of XORed",
        "src/crypto.js",
        "view.setUint32(8, (view.getUint32(8, true) ^ i) >>> 0, true);",
        "view.setUint32(8, (view.getUint32(8, true) + i) >>> 0, true);",
        "v1/stream/nonce-xor-counter",
    ),
    Bug(
        "no final event",
        "src/stream.js",
        "  yield sealer.finish();\n",
        "",
        "v1/stream/final-event",
    ),
    Bug(
        "marker not split",
        "src/stream.js",
        "chunk === crypto.FIN ? ['__FI', 'N__'] : [chunk]",
        "[chunk]",
        "v1/stream/chunk-that-is-the-marker",
    ),
    Bug(
        "error body tells the detail",
        "src/server.js",
        "else sendJson(res, known.status, JSON.stringify(known.body()));",
        "else { const b = known.body(); b.error.hint = known.stack;"
        " sendJson(res, known.status, JSON.stringify(b)); }",
        "v1/error/nothing-leaks",
    ),
    Bug(
        "terminate does not end the session",
        "src/server.js",
        "case 'POST /api/nen/terminate':\n        this.sessions.delete(sid);",
        "case 'POST /api/nen/terminate':",
        "v1/lifecycle/terminated-request",
    ),
    Bug(
        "one HMAC key for all sessions",
        "src/server.js",
        "const hmacKey = crypto.randomKey();",
        "const hmacKey = (globalThis.shared ??= crypto.randomKey());",
        "v1/handshake/fresh-hmac-key",
    ),
    Bug(
        "session ids counted",
        "src/server.js",
        "const sid = randomUUID();",
        "globalThis.count = (globalThis.count ?? 0) + 1;"
        " const sid = `00000000-0000-4000-8000-${String(globalThis.count).padStart(12, '0')}`;",
        "v1/handshake/fresh-session-id",
    ),
)


@contextmanager
def node_server(folder: Path) -> Iterator[str]:
    process = subprocess.Popen(["node", "server.mjs", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening "), f"the server said {line!r}"
        yield line.split()[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def examine(url: str, section: str) -> Report:
    """The cases of one section. All of them for each bug would take minutes, and only one finding is looked for."""
    slow = "v1/replay/after-a-while"  # it waits six seconds for each bug
    servers = [case for case in all_cases() if case.kind is Kind.SERVER and "server.start" not in case.needs]
    cases = [case for case in servers if case.section == section and case.id != slow]

    async def run() -> Report:
        return await run_cases(cases, UrlTarget(Routes(url)))

    return anyio.run(run)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_planted_bug_is_found(bug: Bug, tmp_path: Path) -> None:
    copy = tmp_path / "node"
    shutil.copytree(NODE, copy, ignore=shutil.ignore_patterns("node_modules", "test", "testing"))
    (copy / "node_modules").symlink_to(NODE / "node_modules")
    source = (copy / bug.file).read_text(encoding="utf-8")
    assert source.count(bug.right) == 1, "the line to change is not there, or not unique"
    (copy / bug.file).write_text(source.replace(bug.right, bug.wrong), encoding="utf-8")
    with node_server(copy) as url:
        report = examine(url, bug.found_by.split("/")[1])
    findings = {result.case.id: result for result in report.findings}
    print(f"{bug.name}: {', '.join(f'{id} ({result.outcome})' for id, result in findings.items())}")
    assert bug.found_by in findings

"""Bugs planted in the Node implementation, one at a time: the suite finds each, by the cases that are there for it.

Each is what a real implementer gets wrong, a line or two changed in a copy of `tests/interop/node`. The expected cases
are named here by hand; further cases may fail as well, where one fault breaks several rules.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from nen_ref.conformance.model import Report
from nen_ref.conformance.registry import all_cases, every_case
from nen_ref.conformance.runner import run_cases
from nen_ref.conformance.targets import HarnessTarget
from tests.interop.foreign import NODE, needs

pytestmark = needs(NODE)


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
    Bug(
        "nonce taken from the body",
        "src/versions.js",
        "const nonceText = headers['x-nen-nonce'];",
        "const nonceText = headers['x-nen-nonce'] || (bytes.length ? JSON.parse(Buffer.from(bytes)).n : undefined);",
        "v2/auth/nonce-elsewhere",
    ),
    Bug(
        "nonces of requests without a body not recorded",
        "src/message.js",
        "if (sealed.nonce === null) return bodyless;",
        "if (sealed.ct === null) return bodyless;",
        "v2/replay/without-body",
    ),
    Bug(
        "HEAD answered without its handler",
        "src/server.js",
        "const answer = await handler({ method: req.method, body: verified.body });",
        "if (req.method === 'HEAD') return res.writeHead(200, { 'Content-Type': 'application/json' }).end();"
        " const answer = await handler({ method: req.method, body: verified.body });",
        "v2/response/head-length",
    ),
    Bug(
        "empty nonce header is a way back to V1",
        "src/versions.js",
        "const inHeader = headers['x-nen-nonce'] !== undefined;",
        "const inHeader = Boolean(headers['x-nen-nonce']);",
        "v2/versions/empty-nonce-is-v2",
    ),
    Bug(
        "X25519 of low order accepted",
        "src/crypto.js",
        "if (timingSafeEqual(shared, new Uint8Array(KEY_BYTES))) throw new NenError('ISO-1002', 'X25519 gives zero');",
        "",
        "v3/handshake/pk-x-of-low-order",
    ),
    Bug(
        "pqc-only for whoever sends no X25519 key",
        "src/hybrid.js",
        "const pkX = message.securityMode === PQC_ONLY ? null : keyIn(message.pk_x, 'pk_x');",
        "const pkX = message.pk_x === undefined ? null : keyIn(message.pk_x, 'pk_x');",
        "v3/handshake/mode-not-understood-without-pk-x",
    ),
    Bug(
        "V3 is a way around the identity that is required",
        "src/hybrid.js",
        "  refuseRequiredIdentity(policy);\n",
        "",
        "v3/configured/client-identity-required",
    ),
    Bug(
        "session id not in the signed transcript",
        "src/proof.js",
        "crypto.sha256Of(field(pkKem), field(pkX ?? EMPTY), field(serverNonce), field(utf8(sid)));",
        "crypto.sha256Of(field(pkKem), field(pkX ?? EMPTY), field(serverNonce));",
        "v3/server-identity/signature",
    ),
    Bug(
        "one server nonce for all handshakes",
        "src/hybrid.js",
        "serverNonce: serverNonce ?? boundNonce(ct, pkXServer)",
        "serverNonce: (globalThis.shared ??= crypto.randomKey())",
        "v3/server-identity/fresh-nonce",
    ),
    Bug(
        "nonces forgotten with a rekey",
        "src/sessions.js",
        "Object.assign(session, keys);",
        "Object.assign(session, keys, { nonces: new Map() });",
        "v3/rekey/nonces-kept",
    ),
    Bug(
        "rekey across an await",
        "src/server.js",
        "  #rekey(res, sid, { session, ss }) {",
        "  async #rekey(res, sid, { session }) {\n    await sleep(5); const { ss } = session;",
        "v3/rekey/simultaneous",
    ),
    Bug(
        "old keys overwritten in place",
        "src/sessions.js",
        "Object.assign(session, keys);",
        "session.ss.set(keys.ss); session.hmacKey.set(keys.hmacKey);",
        "v3/rekey/running-stream",
    ),
    Bug(
        "tickets never expire",
        "src/tickets.js",
        "if (!Number.isSafeInteger(exp) || exp <= now) throw",
        "if (!Number.isSafeInteger(exp)) throw",
        "v3/resumption/expired",
    ),
    Bug(
        "tickets of the key before refused",
        "src/tickets.js",
        "for (const key of keys) {",
        "for (const key of keys.slice(0, 1)) {",
        "v3/resumption/key-rotation",
    ),
    Bug(
        "resumed keys without the server's part",
        "src/keys.js",
        "joined(psk, rn, srn)",
        "joined(psk, rn)",
        "v3/resumption/keys",
    ),
    Bug(
        "pin forgotten where there is no identity",
        "src/proof.js",
        "if (pinned === null && !bound) return;",
        "return;",
        "v3/client-handshake/pinned-and-absent",
    ),
    Bug(
        "bound nonce not compared",
        "src/proof.js",
        "if (bound && !Buffer.from(serverNonce).equals(boundNonce(exchange.ct, exchange.pkXServer))) {",
        "if (false) {",
        "v3/client-handshake/relayed",
    ),
    Bug(
        "an answer of V1 taken for one of V3",
        "src/hybrid.js",
        "if (answer.hmac !== undefined) throw new NenError('ISO-1004', 'a key was sent');",
        "",
        "v3/client-handshake/an-answer-of-v1",
    ),
    Bug(
        "client ratchets whatever it is answered",
        "src/client.js",
        "if (res.status !== 200 || parseObject(await bytesOf(res, 'ISO-9000'), 'ISO-6001').ok !== true) return false;",
        "if (res.status > 299) return false;",
        "v3/client-lifecycle/rekey-answered-otherwise",
    ),
    Bug(
        "context of an envelope believed",
        "src/seal.js",
        "export function open(dk, envelope, context) {",
        "export function open(dk, envelope) {\n  const context = envelope.ctx ?? null;",
        "seal/envelope/context-other",
    ),
    Bug(
        "signer of an envelope believed",
        "src/seal.js",
        "const expected = key !== null && signers.some((signer) => toBase64(signer) === toBase64(key));",
        "const expected = key !== null;",
        "seal/signed/other-signer",
    ),
    Bug(
        "frames not counted",
        "src/seal.js",
        "if (frames.length !== framesIn(size, frameSize)) throw unexpected('more or fewer frames');",
        "",
        "seal/framed/count",
    ),
    Bug(
        "paths lead along inherited names",
        "src/seal-fields.js",
        "return isObject(holder) && Object.hasOwn(holder, name);",
        "return isObject(holder) && name in holder;",
        "seal/fields/inherited",
    ),
)


def examine(folder: Path, found_by: str) -> Report:
    """The cases of one requirement. All of them for each bug would take minutes, and one finding is looked for."""
    wanted = next(case for case in every_case() if case.id == found_by)
    cases = [case for case in all_cases(wanted.protocol, (wanted.kind,)) if case.requirement == wanted.requirement]

    async def run() -> Report:
        target = HarnessTarget(("node", str(folder / "harness.mjs")), wanted.protocol)
        return await run_cases(cases, target, wanted.protocol)

    return anyio.run(run)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_planted_bug_is_found(bug: Bug, tmp_path: Path) -> None:
    copy = tmp_path / "node"
    shutil.copytree(NODE, copy, ignore=shutil.ignore_patterns("node_modules", "test", "testing"))
    (copy / "node_modules").symlink_to(NODE / "node_modules")
    source = (copy / bug.file).read_text(encoding="utf-8")
    assert source.count(bug.right) == 1, "the line to change is not there, or not unique"
    (copy / bug.file).write_text(source.replace(bug.right, bug.wrong), encoding="utf-8")
    report = examine(copy, bug.found_by)
    findings = {result.case.id: result for result in report.findings}
    print(f"{bug.name}: {', '.join(f'{id} ({result.outcome})' for id, result in findings.items())}")
    assert bug.found_by in findings

// The recorded V1 exchanges of an independent client and server: all of it opens and reproduces.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as crypto from '../src/crypto.js';
import { noble } from '../src/noble.js';
import { NenServer } from '../src/server.js';
import { fromBase64, parseObject, parseSealed, sseData, text, toBase64, utf8 } from '../src/wire.js';

crypto.use(noble);

const root = fileURLToPath(new URL('..', import.meta.url));
const external = process.env.NEN_EXTERNAL ?? path.join(root, '../../../../shared');
const file = path.join(external, 'protocol/transcripts/v1.json');
const skip = existsSync(file) ? false : `no recorded transcripts at ${file}`;
const runs = skip ? [] : JSON.parse(readFileSync(file, 'utf8')).runs;

const header = (headers, name) => headers.find(([key]) => key.toLowerCase() === name)[1];

/** Canonical string and signature of a recorded request. */
function assertSigned({ method, path: url, canonical, request, keys }) {
  const nonceText = request.body === '' ? '' : parseObject(utf8(request.body)).n;
  const timestamp = header(request.headers, 'x-nen-timestamp');
  assert.equal(crypto.canonical(method, url, timestamp, nonceText), canonical);
  const signature = header(request.headers, 'x-nen-signature');
  assert.equal(toBase64(crypto.hmacSha256(fromBase64(keys.hmac_key), canonical)), signature);
  assert.equal(crypto.checkHmac(signature, fromBase64(keys.hmac_key), canonical), true);
}

/** The sealed body opens to the recorded plaintext, and the plaintext seals to the same body. */
function assertSealed(ss, body, plaintext) {
  const { ct, nonce } = parseSealed(utf8(body));
  assert.equal(text(crypto.open(ss, nonce, ct)), plaintext);
  assert.deepEqual(crypto.seal(ss, nonce, utf8(plaintext)), ct);
}

test('there is something recorded', { skip }, () => {
  assert.ok(runs.length > 0);
  for (const run of runs) assert.ok(run.requests.length > 0 && run.streams.length > 0);
  assert.ok(runs.some(({ identity }) => identity));
});

for (const [index, run] of runs.entries()) {
  const ss = fromBase64(run.keys.ss);

  test(`run ${index} (${run.kind}): handshake`, () => {
    const sent = parseObject(utf8(run.handshake.request.body));
    const answer = parseObject(utf8(run.handshake.response.body));
    assert.deepEqual(crypto.decapsulate(fromBase64(answer.ct), fromBase64(run.kem.client_sk)), ss);
    assert.deepEqual([sent.pk, answer.sid, answer.hmac], [run.kem.client_pk, run.sid, run.keys.hmac_key]);
    assert.equal(crypto.encapsulate(fromBase64(sent.pk)).ct.length, 1088);
    assert.equal(sent.sigPk === undefined, run.identity === undefined);
  });

  if (run.identity) test(`run ${index}: identity`, () => {
    const { pk, sigPk, sigOfPk } = parseObject(utf8(run.handshake.request.body));
    const key = crypto.identityKey(fromBase64(sigPk));
    assert.equal(crypto.verify(fromBase64(sigOfPk), fromBase64(pk), key), true);
    const otherKey = fromBase64(pk);
    otherKey[0] ^= 1;
    assert.equal(crypto.verify(fromBase64(sigOfPk), otherKey, key), false);
    // PKCS #8 with the seed alone ends in the seed (RFC 9881); the public key follows from it.
    const seed = fromBase64(run.identity.sigSk_pkcs8).subarray(-32);
    assert.equal(toBase64(crypto.newIdentity(crypto.dsaKeygen(seed)).spki), sigPk);
  });

  for (const exchange of run.requests) {
    test(`run ${index}: ${exchange.method} ${exchange.path}`, () => {
      assertSigned(exchange);
      assertSealed(ss, exchange.request.body, exchange.request.plaintext);
      assertSealed(ss, exchange.response.body, exchange.response.plaintext);
      assert.deepEqual(JSON.parse(exchange.response.plaintext), exchange.client_result);
    });
  }

  for (const stream of run.streams) {
    test(`run ${index}: stream ${stream.method}`, async () => {
      assertSigned(stream);
      if (stream.request.plaintext !== null) assertSealed(ss, stream.request.body, stream.request.plaintext);
      const base = fromBase64(stream.response.headers['x-nen-stream-nonce']);
      for (const frame of stream.frames) {
        const nonce = crypto.streamNonce(base, frame.index);
        assert.equal(toBase64(nonce), frame.nonce);
        assert.equal(toBase64(crypto.seal(ss, nonce, utf8(frame.plaintext))), frame.ct);
      }
      const chunks = [];
      for await (const data of sseData([utf8(stream.response.body)])) {
        const nonce = crypto.streamNonce(base, chunks.length);
        chunks.push(text(crypto.open(ss, nonce, fromBase64(data))));
      }
      assert.deepEqual(chunks, [...stream.chunks, crypto.FIN]);
    });
  }

  test(`run ${index}: the server takes the recorded requests byte for byte`, async (t) => {
    let clock = Number(header(run.requests[0].request.headers, 'x-nen-timestamp'));
    const server = new NenServer({ now: () => clock });
    t.after(() => server.close());
    const base = await server.listen();
    server.sessions.set(run.sid, { ss, hmacKey: fromBase64(run.keys.hmac_key) });
    for (const { request, response, chunks } of [...run.requests, ...run.streams]) {
      clock = Number(header(request.headers, 'x-nen-timestamp'));
      const res = await replay(base, request);
      assert.equal(res.status, 200, res.body);
      if (chunks) {
        assert.equal(res.headers['content-type'], 'text/event-stream');
        continue;
      }
      const { ct, nonce } = parseSealed(utf8(res.body));
      assert.equal(text(crypto.open(ss, nonce, ct)), response.plaintext);
    }
  });
}

function replay(base, { method, path: url, headers, body }) {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const options = { hostname, port, method, path: url, headers: Object.fromEntries(headers), agent: false };
    const req = http.request(options, async (res) => {
      const chunks = [];
      for await (const chunk of res) chunks.push(chunk);
      resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks).toString() });
    });
    req.on('error', reject);
    req.end(body);
  });
}

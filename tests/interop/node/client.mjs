// node client.mjs BASE_URL [--protocol v1|v2|v3] [--identity] [--pqc-only] [--server-identity HEX [--bound]]
// One JSON line {"step","ok","detail"} per step; exit 1 if any fails. --identity: an identity in every
// handshake, for servers that require one (V1, V2). V3: --pqc-only, the security mode; --server-identity, the ML-DSA-65
// key that the server must have; --bound, demand the bound nonce.

import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { bytes } from './src/arguments.js';
import { NenClient } from './src/client.js';
import { newIdentity, use } from './src/crypto.js';
import { NenError } from './src/errors.js';
import { HYBRID, PQC_ONLY } from './src/hybrid.js';
import { noble } from './src/noble.js';

use(noble);

const { values, positionals: [base] } = parseArgs({
  options: {
    identity: { type: 'boolean', default: false },
    protocol: { type: 'string', default: 'v1' },
    'pqc-only': { type: 'boolean', default: false },
    'server-identity': { type: 'string' },
    bound: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
if (base === undefined) {
  console.error('usage: node client.mjs BASE_URL [--protocol v1|v2|v3] [OPTIONS]');
  process.exit(2);
}

// A server that never answers is a failure too.
const watchdog = setTimeout(() => {
  console.log(JSON.stringify({ step: 'watchdog', ok: false, detail: 'not done after 60 s' }));
  process.exit(1);
}, 60_000);

async function step(name, action) {
  let ok = true;
  let detail;
  try {
    detail = (await action()) ?? '';
  } catch (error) {
    ok = false;
    process.exitCode = 1;
    const { code, serverCode, httpStatus, message, detail: diagnosis } = error;
    detail = [code, serverCode, httpStatus, message, diagnosis].filter(Boolean).join(' ');
  }
  console.log(JSON.stringify({ step: name, ok, detail }));
}

async function echo(method, path, body) {
  const { status, payload: answer } = await client.request(method, path, body);
  if (status === 404) throw new NenError('ISO-9000', 'no such route', { httpStatus: status });
  assert.equal(answer.method, method);
  // No body comes back as null or not at all.
  assert.deepEqual(answer.body ?? null, body ?? null);
}

async function streamed(method, body) {
  const chunks = [];
  for await (const chunk of client.stream(method, '/api/stream', body)) chunks.push(chunk);
  return chunks;
}

const { protocol } = values;
const pinned = values['server-identity'] === undefined ? null : bytes(values['server-identity']);
const options = {
  protocol, securityMode: values['pqc-only'] ? PQC_ONLY : HYBRID, trust: { pinned, bound: values.bound },
};
const client = new NenClient(base, { ...options, identity: values.identity ? newIdentity() : undefined });

await step('handshake', async () => {
  await client.handshake();
  return `sid ${client.sid}`;
});

const bodies = {
  POST: { text: 'Grüße, 世界, 🦊, \u0000 \u2028', deep: { list: [1, -2.5, true, null, []], empty: {} } },
  PUT: ['an array', 'é', 'e\u0301'],
  PATCH: 'a bare string 🧪',
  DELETE: { 'ключ': 'значение' },
};
for (const [method, body] of Object.entries(bodies)) {
  await step(`echo ${method}`, () => echo(method, '/api/echo', body));
}
await step('echo GET without body', () => echo('GET', '/api/echo'));
await step('echo with query', () => echo('POST', '/api/echo?x=1&y=%C3%A9%20%2F', { query: true }));
await step('echo with percent escapes', async () => {
  try {
    await echo('POST', '/api/%65cho?x=1', { escaped: true });
  } catch (error) {
    // Not every server routes by the decoded path; one that does must sign the raw one.
    if (error.httpStatus === 404) return 'not tried: the server does not know /api/%65cho (404)';
    throw error;
  }
});

await step('stream POST', async () => {
  const chunks = ['Hello, ', '🦊', '', '世界', '__FIN__', ' and ', '__FIN__ within', '\r\ndata: x\n\n'];
  assert.equal((await streamed('POST', { chunks })).join(''), chunks.join(''));
});
await step('stream POST without chunks', async () => {
  assert.equal((await streamed('POST', { chunks: [] })).join(''), '');
});
await step('stream POST with 300 chunks', async () => {
  // More than 256, so that the counter reaches its second byte.
  const chunks = Array.from({ length: 300 }, (_, i) => `token${i} `);
  assert.equal((await streamed('POST', { chunks })).join(''), chunks.join(''));
});
await step('stream GET', async () => assert.deepEqual(await streamed('GET'), ['a', 'b', 'c']));

if (protocol !== 'v1') {
  await step('echo HEAD', async () => assert.deepEqual(await client.request('HEAD', '/api/echo'), { status: 200 }));
}
if (protocol === 'v3') {
  await step('rekey, twice', async () => {
    for (const _ of [1, 2]) {
      assert.equal(await client.rekey(), true);
      await echo('POST', '/api/echo', { rekeyed: true });
    }
  });
  await step('resume, twice', async () => {
    for (const _ of [1, 2]) {
      const before = client.sid;
      assert.equal(await client.resume(), true);
      assert.notEqual(client.sid, before);
      await echo('POST', '/api/echo', { resumed: true });
    }
  });
}

if (protocol !== 'v3') await step('identity handshake', async () => {
  const known = new NenClient(base, { ...options, identity: newIdentity() });
  await known.handshake();
  assert.deepEqual((await known.request('POST', '/api/echo', { who: 'known' })).payload.body, { who: 'known' });
  assert.equal(await known.terminate(), true);
});

await step('rotate', async () => {
  const before = client.sid;
  await client.rotate();
  assert.notEqual(client.sid, before);
  const status = await fetch(new URL('/api/nen/status', base), { headers: { 'X-Nen-Session': before } });
  assert.deepEqual([status.status, await status.json()], [401, { valid: false }]);
  await echo('POST', '/api/echo', { rotated: true });
});
await step('status true', async () => assert.equal(await client.status(), true));

// Ended by somebody else who knows the id, so that the client still believes in its session.
const ended = client.sid;
await step('terminate', async () => {
  const res = await fetch(new URL('/api/nen/terminate', base), {
    method: 'POST', headers: { 'X-Nen-Session': String(ended) },
  });
  assert.deepEqual([res.status, await res.json()], [200, { success: true }]);
});
await step('status false', async () => assert.equal(await client.status(), false));
await step('request after terminate', async () => {
  await echo('POST', '/api/echo', { recovered: true });
  assert.notEqual(client.sid, ended);
});
await step('own terminate', async () => {
  assert.equal(await client.terminate(), true);
  await assert.rejects(client.request('GET', '/api/echo'), { code: 'ISO-2001' });
});
clearTimeout(watchdog);

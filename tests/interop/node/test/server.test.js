// Every refusal of the server, in its order, by requests built by hand.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { NenClient } from '../src/client.js';
import * as crypto from '../src/crypto.js';
import { hello } from '../src/handshake.js';
import { noble } from '../src/noble.js';
import { BODY_LIMIT, HANDSHAKE_LIMIT, NenServer } from '../src/server.js';
import { fromBase64, toBase64, utf8 } from '../src/wire.js';

crypto.use(noble);

const START = 1_800_000_000_000;
let clock = START;
let server;
let base;
const logged = [];

before(async () => {
  server = new NenServer({ now: () => clock, log: (line) => logged.push(line) });
  base = await server.listen();
});
after(() => server.close());

function send(method, path, headers = {}, body = '', to = base) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(to);
    const req = http.request({ hostname, port, method, path, headers, agent: false }, async (res) => {
      const chunks = [];
      for await (const chunk of res) chunks.push(chunk);
      resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks).toString() });
    });
    req.on('error', reject);
    req.end(body);
  });
}

async function establish(to = base, identity = undefined) {
  const pair = crypto.kemKeygen();
  const res = await send('POST', '/api/nen/handshake', {}, hello(pair.ek, identity), to);
  assert.equal(res.status, 200, res.body);
  const { sid, ct, hmac } = JSON.parse(res.body);
  return { sid, ss: crypto.decapsulate(fromBase64(ct), pair.dk), hmacKey: fromBase64(hmac) };
}

/** A well-formed request; `change` overrides headers (undefined drops one), the body, or what is signed. */
function build(session, change = {}) {
  const { method = 'POST', path = '/api/echo', signedPath, plaintext = '{"a":1}', flip, headers } = change;
  let { nonce, timestamp, body } = change;
  nonce ??= crypto.randomNonce();
  timestamp ??= String(clock);
  const ct = crypto.seal(session.ss, nonce, utf8(plaintext));
  if (flip) ct[0] ^= 1;
  body ??= JSON.stringify({ ct: toBase64(ct), n: toBase64(nonce) });
  let nonceText = '';
  try { nonceText = JSON.parse(body).n ?? ''; } catch { /* a body that is no JSON carries no nonce */ }
  const message = crypto.canonical(method, signedPath ?? path.split('?')[0], timestamp, String(nonceText));
  const all = {
    'X-Nen-Session': session.sid,
    'X-Nen-Timestamp': timestamp,
    'X-Nen-Signature': toBase64(crypto.hmacSha256(session.hmacKey, message)),
    ...headers,
  };
  for (const name of Object.keys(all)) if (all[name] === undefined) delete all[name];
  return [method, path, all, body];
}

function opened(session, res) {
  assert.equal(res.status, 200, res.body);
  const { ct, n } = JSON.parse(res.body);
  return JSON.parse(Buffer.from(crypto.open(session.ss, fromBase64(n), fromBase64(ct))).toString());
}

function assertCode(res, code, status) {
  const { error } = JSON.parse(res.body);
  assert.deepEqual([res.status, error.code, typeof error.message], [status, code, 'string'], res.body);
}

test('refusals, each with its code', async () => {
  const session = await establish();
  const other = await establish();
  const ct = toBase64(new Uint8Array(20));
  const n = toBase64(new Uint8Array(12));
  const cases = [
    ['ISO-2003', 401, { headers: { 'X-Nen-Session': undefined } }],
    ['ISO-2002', 401, { headers: { 'X-Nen-Session': 'unknown' } }],
    ['ISO-6001', 400, { body: 'no JSON' }],
    ['ISO-6001', 400, { body: '[]' }],
    ['ISO-6001', 400, { body: '{"ct":[1,2],"n":[3]}' }],
    ['ISO-6001', 400, { body: JSON.stringify({ ct }) }],
    ['ISO-6001', 400, { body: JSON.stringify({ ct, n: 'AAAA' }) }],
    ['ISO-6002', 400, { body: JSON.stringify({ ct: '*', n }) }],
    ['ISO-6002', 400, { body: JSON.stringify({ ct, n: `${n}\n` }) }],
    ['ISO-3001', 401, { headers: { 'X-Nen-Signature': undefined } }],
    ['ISO-3002', 401, { headers: { 'X-Nen-Signature': toBase64(new Uint8Array(32)) } }],
    ['ISO-3002', 401, { headers: { 'X-Nen-Signature': 'garbage' } }],
    ['ISO-3002', 401, { headers: { 'X-Nen-Signature': toBase64(new Uint8Array(31)) } }],
    ['ISO-3002', 401, { headers: { 'X-Nen-Session': other.sid } }],
    ['ISO-3002', 401, { signedPath: '/api/stream' }],
    ['ISO-3002', 401, { headers: { 'X-Nen-Timestamp': String(clock + 1) } }],
    ['ISO-3003', 401, { timestamp: String(clock - 30_001) }],
    ['ISO-3003', 401, { timestamp: String(clock + 30_001) }],
    ['ISO-3003', 401, { timestamp: 'yesterday' }],
    ['ISO-3003', 401, { timestamp: `${clock}.0` }],
    ['ISO-3003', 401, { timestamp: '', headers: { 'X-Nen-Timestamp': undefined } }],
    ['ISO-4001', 400, { flip: true }],
    ['ISO-4001', 400, { body: JSON.stringify({ ct: toBase64(new Uint8Array(15)), n }) }],
    ['ISO-4003', 400, { plaintext: 'no JSON' }],
    ['ISO-4003', 400, { plaintext: '' }],
    ['ISO-4003', 400, { plaintext: '['.repeat(100_000) + ']'.repeat(100_000) }],
    ['ISO-4003', 400, { plaintext: '{"a":1,"a":2}' }],
    ['ISO-4003', 400, { plaintext: '"\\ud83d"' }],
    ['ISO-6001', 400, { body: `{"ct":"${ct}","n":"","n":"${n}"}` }],
    ['ISO-3003', 401, { timestamp: `0${String(clock).padStart(16, '0')}` }],
  ];
  for (const [code, status, change] of cases) {
    assertCode(await send(...build(session, change)), code, status);
  }
  assert.deepEqual(logged.filter((line) => line.includes('ISO-9000')), []);
});

test('the order: each step is refused before the next one', async () => {
  const session = await establish();
  const spent = crypto.randomNonce();
  opened(session, await send(...build(session, { nonce: spent })));
  // Everything wrong at once; then the defects are mended one by one, from the front.
  const change = {
    body: '{}', nonce: spent, timestamp: '0', flip: true, plaintext: 'no JSON',
    headers: { 'X-Nen-Session': undefined, 'X-Nen-Signature': undefined },
  };
  const next = async (code, status) => assertCode(await send(...build(session, change)), code, status);
  await next('ISO-2003', 401);
  change.headers['X-Nen-Session'] = 'unknown';
  await next('ISO-2002', 401);
  change.headers['X-Nen-Session'] = session.sid;
  await next('ISO-6001', 400);
  change.body = '{"ct":"*","n":"*"}';
  await next('ISO-6002', 400);
  delete change.body;
  await next('ISO-3001', 401);
  change.headers['X-Nen-Signature'] = 'wrong';
  await next('ISO-3002', 401);
  delete change.headers['X-Nen-Signature'];
  await next('ISO-3003', 401);
  delete change.timestamp;
  await next('ISO-5001', 409);
  delete change.nonce;
  await next('ISO-4001', 400);
  change.flip = false;
  await next('ISO-4003', 400);
  change.plaintext = '{}';
  opened(session, await send(...build(session, change)));
});

test('both ends of the time window pass', async () => {
  const session = await establish();
  for (const shift of [-30_000, 30_000]) {
    opened(session, await send(...build(session, { timestamp: String(clock + shift) })));
  }
});

test('of two identical requests exactly one passes, and a spent nonce stays spent', async () => {
  const session = await establish();
  const request = build(session);
  const statuses = (await Promise.all([send(...request), send(...request)])).map(({ status }) => status);
  assert.deepEqual(statuses.sort(), [200, 409]);

  const nonce = crypto.randomNonce();
  assertCode(await send(...build(session, { nonce, flip: true })), 'ISO-4001', 400);
  assertCode(await send(...build(session, { nonce })), 'ISO-5001', 409);
  // The same nonce in another session is another nonce.
  const other = await establish();
  opened(other, await send(...build(other, { nonce })));
});

test('a nonce is remembered until its timestamp cannot pass, then forgotten', async () => {
  const session = await establish();
  const request = build(session, { timestamp: String(clock + 30_000) });
  opened(session, await send(...request));
  clock += 60_000;
  assertCode(await send(...request), 'ISO-5001', 409);
  clock += 1;
  assertCode(await send(...request), 'ISO-3003', 401);
  opened(session, await send(...build(session)));
  assert.equal(server.sessions.get(session.sid).nonces.size, 1);
  clock = START;
});

test('a request without a body is authenticated with the empty nonce', async () => {
  const session = await establish();
  for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
    const res = await send(...build(session, { method, body: '' }));
    assert.deepEqual(opened(session, res), { method, body: null });
  }
  const unsigned = { method: 'GET', body: '', headers: { 'X-Nen-Signature': undefined } };
  for (const path of ['/api/echo', '/api/stream']) {
    assertCode(await send(...build(session, { ...unsigned, path })), 'ISO-3001', 401);
  }
});

test('HEAD: authenticated, without a body', async () => {
  const session = await establish();
  const res = await send(...build(session, { method: 'HEAD', body: '' }));
  assert.deepEqual([res.status, res.body], [200, '']);
  assert.ok(Number(res.headers['content-length']) > 0);
  const stream = await send(...build(session, { method: 'HEAD', path: '/api/stream', body: '' }));
  assert.deepEqual([stream.status, stream.body], [200, '']);
  const headers = { 'X-Nen-Signature': undefined };
  const refused = await send(...build(session, { method: 'HEAD', body: '', headers }));
  assert.deepEqual([refused.status, refused.body], [401, '']);
});

test('PATH is the raw path without the query', async () => {
  const session = await establish();
  const signedPath = '/api/%65cho';
  opened(session, await send(...build(session, { path: '/api/%65cho?x=%20', signedPath })));
  opened(session, await send(...build(session, { path: `${base}/api/%65cho?x=1`, signedPath })));
  const normalised = { path: '/api/%65cho', signedPath: '/api/echo' };
  assertCode(await send(...build(session, normalised)), 'ISO-3002', 401);
});

test('unknown routes are a sealed 404, for those who pass', async () => {
  const session = await establish();
  for (const path of ['/', '/api/unknown', '/api/%zz', '/api/nen/handshake', '/api/nen/rekey']) {
    assertCode(await send('GET', path), 'ISO-2003', 401);
    const res = await send(...build(session, { method: 'GET', path, body: '' }));
    assert.equal(res.status, 404, path);
    assert.deepEqual(opened(session, { ...res, status: 200 }), { detail: 'no such route' });
  }
});

test('a body over the limit is refused and the connection closed', async () => {
  const session = await establish();
  // Asked to keep the connection open, so that closing it is the server's doing.
  const headers = { Connection: 'keep-alive' };
  const res = await send(...build(session, { body: 'x'.repeat(BODY_LIMIT + 1), headers }));
  assertCode(res, 'ISO-6001', 400);
  assert.equal(res.headers.connection, 'close');
  assertCode(await send(...build(session, { body: 'x'.repeat(BODY_LIMIT) })), 'ISO-6001', 400);
});

test('a client that goes away in mid-body is no internal error', async () => {
  const session = await establish();
  const { port } = new URL(base);
  const socket = net.connect(port, '127.0.0.1');
  const head = ['POST /api/echo HTTP/1.1', 'Host: x', `X-Nen-Session: ${session.sid}`, 'Content-Length: 100'];
  socket.write(`${head.join('\r\n')}\r\n\r\n{`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  opened(session, await send(...build(session)));
  assert.deepEqual(logged.filter((line) => line.includes('ISO-9000')), []);
});

test('handshake refusals', async () => {
  const { ek } = crypto.kemKeygen();
  const badModulus = Uint8Array.from(ek).fill(0xff, 0, 3);
  const pk = toBase64(ek);
  const known = crypto.newIdentity();
  const sigPk = toBase64(known.spki);
  const sigOfPk = toBase64(crypto.sign(ek, known.secretKey));
  const flipped = toBase64(fromBase64(sigOfPk).map((byte, i) => (i === 0 ? byte ^ 1 : byte)));
  const cases = [
    ['ISO-1001', 400, 'no JSON'], ['ISO-1001', 400, ''], ['ISO-1001', 400, '[]'], ['ISO-1001', 400, '{}'],
    ['ISO-1001', 400, { pk: Array.from(ek) }], ['ISO-1001', 400, { pk: null }],
    ['ISO-6002', 400, { pk: '***' }], ['ISO-6002', 400, { pk: `${pk}\n` }],
    ['ISO-1002', 500, { pk: 'AAAA' }], ['ISO-1002', 500, { pk: toBase64(badModulus) }],
    ['ISO-3004', 401, { pk, sigPk }], ['ISO-3004', 401, { pk, sigOfPk }],
    ['ISO-3004', 401, { pk, sigPk, sigOfPk: flipped }], ['ISO-3004', 401, { pk, sigPk, sigOfPk: '*' }],
    ['ISO-3004', 401, { pk, sigPk: '*', sigOfPk }], ['ISO-3004', 401, { pk, sigPk: 'AAAA', sigOfPk }],
    ['ISO-3004', 401, { pk: toBase64(crypto.kemKeygen().ek), sigPk, sigOfPk }],
  ];
  for (const [code, status, body] of cases) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    assertCode(await send('POST', '/api/nen/handshake', {}, text), code, status);
  }
  // The bare key is accepted too.
  const bare = { pk, sigPk: toBase64(known.publicKey), sigOfPk };
  assert.equal((await send('POST', '/api/nen/handshake', {}, JSON.stringify(bare))).status, 200);
});

test('requireIdentity and pinned identities', async (t) => {
  const known = crypto.newIdentity();
  const stranger = crypto.newIdentity();
  const { ek } = crypto.kemKeygen();
  const body = (identity) => JSON.stringify({
    pk: toBase64(ek),
    sigPk: identity && toBase64(identity.spki),
    sigOfPk: identity && toBase64(crypto.sign(ek, identity.secretKey)),
  });
  for (const [options, expected] of [
    [{ requireIdentity: true }, [401, 200, 200]],
    [{ pinned: [known.spki] }, [401, 200, 401]],
    [{ pinned: [known.publicKey] }, [401, 200, 401]],
  ]) {
    const strict = new NenServer(options);
    t.after(() => strict.close());
    const to = await strict.listen();
    const statuses = [];
    for (const identity of [undefined, known, stranger]) {
      statuses.push((await send('POST', '/api/nen/handshake', {}, body(identity), to)).status);
    }
    assert.deepEqual(statuses, expected);
  }
});

test('status, terminate, rotate and expiry', async () => {
  const session = await establish();
  const as = { 'X-Nen-Session': session.sid };
  const status = async () => {
    const { status: code, body } = await send('GET', '/api/nen/status', as);
    return [code, body];
  };
  assert.deepEqual(await status(), [200, '{"valid":true}']);
  for (const headers of [as, as, {}]) {
    const res = await send('POST', '/api/nen/terminate', headers);
    assert.deepEqual([res.status, res.body], [200, '{"success":true}']);
  }
  assert.deepEqual(await status(), [401, '{"valid":false}']);
  assert.equal((await send('GET', '/api/nen/status')).status, 401);

  const rotated = await establish();
  const pk = toBase64(crypto.kemKeygen().ek);
  const res = await send('POST', '/api/nen/rotate', { 'X-Nen-Session': rotated.sid }, JSON.stringify({ pk }));
  assert.equal(res.status, 200);
  assertCode(await send(...build(rotated)), 'ISO-2002', 401);

  const aging = await establish();
  clock += 3_599_999;
  opened(aging, await send(...build(aging)));
  clock += 1;
  assertCode(await send(...build(aging)), 'ISO-2002', 401);
  clock = START;
});

test('what a handler refuses is sealed like every answer', async () => {
  const session = await establish();
  for (const plaintext of ['{}', 'null', '{"chunks":"abc"}', '{"chunks":["a",1]}']) {
    const res = await send(...build(session, { path: '/api/stream', plaintext }));
    assert.equal(res.status, 422, res.body);
    opened(session, { ...res, status: 200 });
  }
});

test('named clients: unsigned sealed requests pass once, logged; of others, or wrongly signed, never', async (t) => {
  const lines = [];
  const legacy = crypto.newIdentity();
  const lax = new NenServer({ unsigned: [legacy.publicKey], now: () => clock, log: (line) => lines.push(line) });
  t.after(() => lax.close());
  const to = await lax.listen();
  const session = await establish(to, legacy);
  const nonce = crypto.randomNonce();
  const unsigned = { nonce, headers: { 'X-Nen-Signature': undefined } };
  opened(session, await send(...build(session, unsigned), to));
  assert.ok(lines.some((line) => line.includes('unsigned')));
  clock += 100_000;
  assertCode(await send(...build(session, unsigned), to), 'ISO-5001', 409);
  assertCode(await send(...build(session, { ...unsigned, body: '' }), to), 'ISO-3001', 401);
  assertCode(await send(...build(session, { headers: { 'X-Nen-Signature': 'AAAA' } }), to), 'ISO-3002', 401);
  for (const other of [await establish(to), await establish(to, crypto.newIdentity())]) {
    assertCode(await send(...build(other, unsigned), to), 'ISO-3001', 401);
  }
  clock = START;
});

test('a refused rotation leaves the session, and a handshake body is bounded', async () => {
  const session = await establish();
  const as = { 'X-Nen-Session': session.sid };
  assertCode(await send('POST', '/api/nen/rotate', as, '{}'), 'ISO-1001', 400);
  opened(session, await send(...build(session)));
  assertCode(await send('POST', '/api/nen/handshake', {}, ' '.repeat(HANDSHAKE_LIMIT + 1)), 'ISO-6001', 400);
});

test('the routes that fail are there only when asked for', async (t) => {
  const failing = new NenServer({ failingRoutes: true });
  t.after(() => failing.close());
  const to = await failing.listen();
  const session = await establish(to);
  const now = { timestamp: String(Date.now()) };
  assertCode(await send(...build(session, { ...now, path: '/api/fail' }), to), 'ISO-9000', 500);
  const slow = await send(...build(session, { ...now, path: '/api/slow-stream' }), to);
  assert.equal(slow.body.split('\n\n').length, 4);
  const client = new NenClient(to);
  await client.handshake();
  const chunks = [];
  await assert.rejects(async () => {
    for await (const chunk of client.stream('GET', '/api/fail-stream')) chunks.push(chunk);
  }, { code: 'ISO-7002' });
  assert.deepEqual(chunks, ['a']);
  assert.equal((await send(...build(await establish(), { path: '/api/fail' }))).status, 404);
});

test('a payload of a KiB grows by less than 1.4', async () => {
  const session = await establish();
  for (const size of [1024, 100_000]) {
    const res = await send(...build(session, { plaintext: JSON.stringify('x'.repeat(size)) }));
    assert.ok(res.body.length < 1.4 * (size + 30), `${res.body.length}`);
    opened(session, res);
  }
});

// V2 and V3: what they refuse, what a rekey and a resumption leave, several versions at one server.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { NenClient } from '../src/client.js';
import * as crypto from '../src/crypto.js';
import { finish, hello, respond } from '../src/hybrid.js';
import { ratchet } from '../src/keys.js';
import { sealRequest, signedHeaders } from '../src/message.js';
import { noble } from '../src/noble.js';
import { NenServer } from '../src/server.js';
import { finishResume, resumeHello, sealTicket } from '../src/tickets.js';
import { VERSIONS } from '../src/versions.js';
import { fromBase64, parseObject, parseSealed, toBase64, utf8 } from '../src/wire.js';

crypto.use(noble);

const ALL = ['v1', 'v2', 'v3'];

async function serving(t, options) {
  const server = new NenServer(options);
  t.after(() => server.close());
  return { server, base: await server.listen() };
}

function send(base, { method = 'POST', path = '/api/echo', headers = {}, body = '' }) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const req = http.request({ hostname, port, method, path, headers, agent: false }, async (res) => {
      const chunks = [];
      for await (const chunk of res) chunks.push(chunk);
      resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks).toString() });
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** The code of a refusal, or its status where it has none. */
async function codeOf(answer) {
  const { status, body } = await answer;
  return body && JSON.parse(body).error ? JSON.parse(body).error.code : status;
}

/** A signed request; `plaintext` undefined for none; `change` overrides headers and body. */
function request(session, { protocol, plaintext, nonce = crypto.randomNonce(), at = Date.now(), ...change }) {
  const { method = 'POST', path = '/api/echo' } = change;
  const sealed = sealRequest(VERSIONS[protocol], session.ss, nonce, plaintext);
  const signed = signedHeaders(session, { method, target: path, timestamp: String(at), nonceText: sealed.nonceText });
  const headers = Object.entries({ ...signed, ...sealed.headers, ...change.headers });
  return {
    method, path, headers: Object.fromEntries(headers.filter(([, value]) => value !== undefined)),
    body: change.body ?? sealed.body ?? '',
  };
}

function opened({ ss }, { status, body }) {
  assert.equal(status, 200, body);
  const { ct, nonce } = parseSealed(utf8(body));
  return JSON.parse(Buffer.from(crypto.open(ss, nonce, ct)).toString());
}

const shake = (base, body, path = '/api/nen/handshake', headers = {}) => (
  send(base, { path, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }));

async function establish(base, protocol, trust = {}) {
  const handshake = VERSIONS[protocol].handshake.begin({ trust });
  const { status, body } = await shake(base, handshake.body);
  return handshake.finish(status, utf8(body));
}

test('V2 and V3: the nonce stands in its header, with a body and without', async (t) => {
  for (const protocol of ['v2', 'v3']) {
    const { base } = await serving(t, { protocols: [protocol] });
    const session = await establish(base, protocol);
    const code = (change) => codeOf(send(base, request(session, { protocol, plaintext: '1', ...change })));
    const nonceHeader = (value) => ({ headers: { 'X-Nen-Nonce': value } });
    assert.equal(await code({}), 200);
    assert.equal(await code(nonceHeader(undefined)), 'ISO-3005');
    assert.equal(await code(nonceHeader('')), 'ISO-3005');
    assert.equal(await code({ ...nonceHeader(undefined), body: 'no JSON' }), 'ISO-3005', 'before the body');
    assert.equal(await code(nonceHeader('*')), 'ISO-6002');
    assert.equal(await code(nonceHeader('AAAA')), 'ISO-6001');
    assert.equal(await code({ body: '[]' }), 'ISO-6001');
    assert.equal(await code({ body: '{"ct":1}' }), 'ISO-6001');
    assert.equal(await code({ body: '{"ct":"*"}' }), 'ISO-6002');
    assert.equal(await code({ ...nonceHeader(toBase64(new Uint8Array(12))) }), 'ISO-3002', 'it is signed');
    assert.equal(await code({ protocol: 'v1' }), 'ISO-3005');
    assert.equal(await code({ protocol: 'v1', plaintext: undefined }), 'ISO-3005');

    const nonce = crypto.randomNonce();
    for (const method of ['GET', 'DELETE', 'POST', 'HEAD']) {
      const sent = request(session, { protocol, method });
      const answer = await send(base, sent);
      if (method === 'HEAD') {
        assert.equal(Number(answer.headers['content-length']), 32 + 4 * Math.ceil((28 + 16) / 3));
        assert.equal(answer.body, '');
      } else {
        assert.deepEqual(opened(session, answer), { method, body: null });
      }
      assert.equal((await send(base, sent)).status, 409, 'a second time');
    }
    const { ct } = JSON.parse(request(session, { protocol, plaintext: '"x"', nonce }).body);
    const further = request(session, { protocol, plaintext: '"x"', nonce, body: JSON.stringify({ ct, n: [] }) });
    assert.equal(opened(session, await send(base, further)).body, 'x', 'n is a further member');
    const get = request(session, { protocol, method: 'GET', path: '/api/stream' });
    assert.equal((await send(base, get)).headers['content-type'], 'text/event-stream');
    delete get.headers['X-Nen-Signature'];
    get.headers['X-Nen-Nonce'] = toBase64(crypto.randomNonce());
    assert.equal(await codeOf(send(base, get)), 'ISO-3001');
  }
});

test('V1 and V2 at one server share their sessions and nonces', async (t) => {
  const { base } = await serving(t, { protocols: ['v1', 'v2'] });
  const session = await establish(base, 'v1');
  const nonce = crypto.randomNonce();
  const at = Date.now();
  for (const protocol of ['v1', 'v2']) {
    assert.equal(opened(session, await send(base, request(session, { protocol, plaintext: '1' }))).body, 1);
  }
  assert.equal((await send(base, request(session, { protocol: 'v1', plaintext: '1', nonce, at }))).status, 200);
  assert.equal(await codeOf(send(base, request(session, { protocol: 'v2', plaintext: '1', nonce, at }))), 'ISO-5001');

  const { base: old } = await serving(t, {});
  const v1 = await establish(old, 'v1');
  assert.equal(await codeOf(send(old, request(v1, { protocol: 'v2', plaintext: '1' }))), 'ISO-6001');
  assert.equal(await codeOf(send(old, request(v1, { protocol: 'v2' }))), 'ISO-3002');
});

test('no version takes the place of another', async (t) => {
  const servers = {};
  for (const offered of [['v1'], ['v2'], ['v3'], ALL]) {
    servers[offered] = (await serving(t, { protocols: offered })).base;
  }
  const outcome = async (protocol, offered) => {
    const client = new NenClient(servers[offered], { protocol });
    try {
      await client.handshake();
      return (await client.request('POST', '/api/echo', 1)).payload.body;
    } catch (error) {
      return error.serverCode;
    }
  };
  for (const protocol of ALL) {
    for (const offered of ALL) {
      const expected = {
        'v1 v2': 'ISO-3005', 'v2 v1': 'ISO-6001', 'v1 v3': 'ISO-1001', 'v2 v3': 'ISO-1001', 'v3 v1': 'ISO-1001',
        'v3 v2': 'ISO-1001',
      };
      const pair = `${protocol} ${offered}`;
      assert.equal(await outcome(protocol, offered), expected[pair] ?? 1, pair);
    }
    assert.equal(await outcome(protocol, ALL), 1);
  }
  const v3 = await establish(servers[ALL], 'v3');
  assert.equal(await codeOf(send(servers[ALL], request(v3, { protocol: 'v1', plaintext: '1' }))), 'ISO-3005');
});

test('V3: handshakes that are refused', async (t) => {
  const { base } = await serving(t, { protocols: ['v3'] });
  const { ek } = crypto.kemKeygen();
  const good = JSON.parse(hello(ek, crypto.randomKey()));
  const low = toBase64(new Uint8Array(32));
  const cases = [
    ['ISO-1001', '[]'], ['ISO-1001', 'no JSON'], ['ISO-1001', {}], ['ISO-1001', { ...good, pk_kem: undefined }],
    ['ISO-1001', { ...good, pk_kem: null, pk: good.pk_kem }], ['ISO-1001', { ...good, pk_x: undefined }],
    ['ISO-1001', { ...good, pk_x: '' }], ['ISO-1001', { ...good, pk_x: 7 }], ['ISO-6002', { ...good, pk_kem: '*' }],
    ['ISO-6002', { ...good, pk_x: '*' }], ['ISO-1002', { ...good, pk_x: 'AAAA' }], ['ISO-1002', { ...good, pk_x: low }],
    ['ISO-1002', { ...good, pk_kem: 'AAAA' }], ['ISO-1001', { ...good, pk_x: undefined, securityMode: 'PQC-ONLY' }],
    ['ISO-1001', { pk: good.pk_kem }],
    [200, good], [200, { ...good, pk_kem: undefined, pk: good.pk_kem }], [200, { ...good, pk: '*' }],
    [200, { ...good, securityMode: undefined }], [200, { ...good, pk_x: [], securityMode: 'pqc-only' }],
    [200, { ...good, sigPk: 1 }],
  ];
  for (const [code, body] of cases) {
    assert.equal(await codeOf(shake(base, body)), code, JSON.stringify(body).slice(-80));
  }
  assert.equal(JSON.parse((await shake(base, good)).body).hmac, undefined);

  const { base: strict } = await serving(t, { protocols: ALL, requireIdentity: true });
  assert.equal(await codeOf(shake(strict, good)), 'ISO-3004');
  assert.equal(await codeOf(shake(strict, { resume: 'x', rn: low })), 'ISO-3004');
});

test('V3: answers to a handshake that a client refuses', async () => {
  const { ek, dk } = crypto.kemKeygen();
  const x = crypto.randomKey();
  const [ticketKey, ticketNonce] = [crypto.randomKey(), crypto.randomNonce()];
  const identity = crypto.newIdentity();
  const given = {
    sid: 's', x: crypto.randomKey(), ticketKeys: [ticketKey], ticketNonce, ticketExpires: 1, identity,
  };
  const { answer } = respond(parseObject(utf8(hello(ek, x)), 'ISO-1001'), given);
  const take = (change, trust = {}) => {
    try {
      return finish(200, utf8(JSON.stringify({ ...answer, ...change })), { ek, dk, x, trust });
    } catch ({ code }) {
      return code;
    }
  };
  const pinned = identity.publicKey;
  const absent = { server_id_pk: undefined, server_nonce: undefined, server_sig: undefined };
  const other = toBase64(crypto.newIdentity().spki);
  const key = toBase64(new Uint8Array(32).fill(9));
  for (const trust of [{}, { pinned }, { pinned, bound: true }]) assert.equal(take({}, trust).sid, 's');
  assert.equal(take(absent).sid, 's');
  for (const [code, change, trust] of [
    ['ISO-1004', { hmac: key }], ['ISO-1004', { hmac: null }], ['ISO-1004', { pk_x_server: undefined }],
    ['ISO-1004', { pk_x_server: 'AAAA' }], ['ISO-1004', { ticket: 1 }], ['ISO-1004', { ct: undefined }],
    ['ISO-1002', { ...absent, pk_x_server: toBase64(new Uint8Array(32)) }],
    ['ISO-3006', absent, { pinned }], ['ISO-3006', absent, { bound: true }],
    ['ISO-3006', { server_id_pk: other }, { pinned }], ['ISO-3006', { server_id_pk: undefined }],
    ['ISO-3006', { server_id_pk: 'AAAA' }],
    ['ISO-3007', { server_id_pk: other }], ['ISO-3007', { server_sig: undefined }], ['ISO-3007', { server_sig: '*' }],
    ['ISO-3007', { server_nonce: undefined }], ['ISO-3007', { server_nonce: key }],
    ['ISO-3007', { sid: 't' }, { pinned }],
  ]) assert.equal(take(change, trust), code, JSON.stringify(change));
  for (const ticket of [undefined, '']) assert.equal('ticket' in take({ ticket }), false);
  assert.equal(take({}).ticket, answer.ticket);
});

test('a client is not told what its version does not have', () => {
  const identity = crypto.newIdentity();
  const pinned = identity.publicKey;
  for (const options of [
    { protocol: 'v4' }, { protocol: 'toString' }, { protocol: 'v3', identity }, { protocol: 'v1', trust: { pinned } },
    { protocol: 'v2', trust: { bound: true } }, { protocol: 'v3', trust: { pinned: pinned.subarray(1) } },
  ]) assert.throws(() => new NenClient('http://127.0.0.1', options), TypeError);
});

test('V3: a relay without an identity key: what is published lets it through, the bound nonce does not', async () => {
  const { ek, dk } = crypto.kemKeygen();
  const x = crypto.randomKey();
  const identity = crypto.newIdentity();
  const message = parseObject(utf8(hello(ek, x)), 'ISO-1001');
  const given = () => ({
    sid: 's',
    x: crypto.randomKey(),
    ticketKeys: [crypto.randomKey()],
    ticketNonce: crypto.randomNonce(),
    ticketExpires: 1,
  });
  const published = respond(message, { ...given(), identity, serverNonce: crypto.randomKey() });
  const hardened = respond(message, { ...given(), identity });
  const relay = respond(message, given());
  const relayed = ({ answer: { server_nonce, server_sig, server_id_pk } }) => (
    utf8(JSON.stringify({ ...relay.answer, server_nonce, server_sig, server_id_pk })));
  const pinned = identity.publicKey;
  const client = (bound) => ({ ek, dk, x, trust: { pinned, bound } });
  assert.deepEqual(finish(200, relayed(published), client(false)).ss, relay.session.ss, 'the relay has the keys');
  assert.deepEqual(finish(200, relayed(hardened), client(false)).ss, relay.session.ss);
  assert.throws(() => finish(200, relayed(hardened), client(true)), { code: 'ISO-3007' });
  assert.throws(() => finish(200, relayed(published), client(true)), { code: 'ISO-3007' });
  assert.deepEqual(finish(200, utf8(JSON.stringify(hardened.answer)), client(true)).ss, hardened.session.ss);
});

test('rekey: the keys move on once, nonces and life stay', async (t) => {
  const { base, server } = await serving(t, { protocols: ALL, failingRoutes: true });
  const session = await establish(base, 'v3');
  const { sid } = session;
  const { expiresAt } = server.sessions.get(sid);
  const nonce = crypto.randomNonce();
  opened(session, await send(base, request(session, { protocol: 'v3', plaintext: '1', nonce })));
  const slow = send(base, request(session, { protocol: 'v3', path: '/api/slow-stream' }));
  await new Promise((resolve) => setTimeout(resolve, 100));

  const rekey = () => request(session, { protocol: 'v3', path: '/api/nen/rekey' });
  const results = await Promise.all([send(base, rekey()), send(base, rekey())]);
  const [won, lost] = results.sort((a, b) => a.status - b.status);
  assert.deepEqual([won.status, won.body], [200, '{"ok":true}']);
  assert.equal(await codeOf(lost), 'ISO-3002');

  const next = { sid, ...ratchet(session) };
  assert.deepEqual([server.sessions.get(sid).ss, server.sessions.get(sid).hmacKey], [next.ss, next.hmacKey]);
  assert.equal(server.sessions.get(sid).expiresAt, expiresAt);
  assert.equal(await codeOf(send(base, request(session, { protocol: 'v3', plaintext: '1' }))), 'ISO-3002');
  assert.equal(await codeOf(send(base, request(next, { protocol: 'v3', plaintext: '1', nonce }))), 'ISO-5001');
  assert.equal(opened(next, await send(base, request(next, { protocol: 'v3', plaintext: '1' }))).body, 1);

  const { headers, body } = await slow;
  const base64 = [...body.matchAll(/data: (.*)/g)].map(([, data]) => data);
  const baseNonce = fromBase64(headers['x-nen-stream-nonce']);
  const chunks = base64.map((data, i) => (
    Buffer.from(crypto.open(session.ss, crypto.streamNonce(baseNonce, i), fromBase64(data))).toString()));
  assert.deepEqual(chunks, ['a', 'b', crypto.FIN], 'a running stream keeps its key');

  const withBody = request(next, { protocol: 'v3', path: '/api/nen/rekey', plaintext: '{}' });
  assert.equal((await send(base, withBody)).body, '{"ok":true}');
  const wrong = request(next, { protocol: 'v3', path: '/api/nen/rekey' });
  assert.equal(await codeOf(send(base, wrong)), 'ISO-3002');
  const v2 = await establish(base, 'v2');
  const { status, body: answer } = await send(base, request(v2, { protocol: 'v2', path: '/api/nen/rekey' }));
  assert.equal(status, 404);
  assert.deepEqual(opened(v2, { status: 200, body: answer }), { detail: 'no such route' }, 'a path like any other');
});

test('resumption: good tickets, and those that are not', async (t) => {
  let clock = Date.now();
  const [older, newer] = [crypto.randomKey(), crypto.randomKey()];
  const { base } = await serving(t, { protocols: ALL, ticketKeys: [older], now: () => clock });
  const { base: rotated } = await serving(t, { protocols: ['v3'], ticketKeys: [newer, older], now: () => clock });
  const { base: stranger } = await serving(t, { protocols: ['v3'], now: () => clock });
  const first = await establish(base, 'v3');

  async function resumed(to, ticket, path, headers) {
    const rn = crypto.randomKey();
    const { status, body } = await shake(to, resumeHello(ticket, rn, 'hybrid'), path, headers);
    return finishResume(status, utf8(body), first.psk, rn);
  }
  let session = first;
  for (const to of [base, rotated, base]) {
    const next = await resumed(to, session.ticket);
    // What the newer key sealed, the server that has only the older one does not open.
    if (next === null) break;
    assert.notEqual(next.sid, session.sid);
    assert.deepEqual(next.psk, first.psk);
    assert.equal(opened(next, await send(to, request(next, { protocol: 'v3', plaintext: '1', at: clock }))).body, 1);
    session = next;
  }
  assert.equal(await resumed(base, session.ticket), null);
  assert.equal(await resumed(stranger, first.ticket), null);

  const old = await resumed(base, first.ticket);
  const status = () => send(base, { method: 'GET', path: '/api/nen/status', headers: { 'X-Nen-Session': old.sid } });
  assert.equal(await resumed(base, 'no ticket', '/api/nen/rotate', { 'X-Nen-Session': old.sid }), null);
  assert.equal((await status()).status, 200, 'a refused resumption drops nothing');
  assert.notEqual(await resumed(base, first.ticket, '/api/nen/rotate', { 'X-Nen-Session': old.sid }), null);
  assert.equal((await status()).status, 401);

  const rn = toBase64(crypto.randomKey());
  const [head, sealed] = first.ticket.split('.');
  const altered = toBase64(fromBase64(sealed).map((byte, i) => (i === 3 ? byte ^ 1 : byte)));
  const notPsk = sealTicket(crypto.randomNonce(), clock + 1000, older, crypto.randomNonce());
  for (const ticket of [
    '', 'x', '.', `${head}.${altered}`, `${first.ticket}.`, `${head}.`, sealed, `${first.ticket} `, null, 7, [], {},
    notPsk,
  ]) {
    const { status: code, body } = await shake(base, { resume: ticket, rn });
    assert.deepEqual([code, body], [409, '{"resumed":false}'], JSON.stringify(ticket));
  }
  for (const [code, bad] of [['ISO-1001', undefined], ['ISO-1001', 7], ['ISO-6002', '*'], ['ISO-1002', 'AAAA']]) {
    assert.equal(await codeOf(shake(base, { resume: first.ticket, rn: bad })), code);
  }
  clock += 599_999;
  assert.notEqual(await resumed(base, first.ticket), null);
  clock += 1;
  assert.equal(await resumed(base, first.ticket), null, 'at its expiry it has expired');
});

test('a client that ratchets and resumes, also where the server forgets', async (t) => {
  const { base, server } = await serving(t, { protocols: ['v3'] });
  const client = new NenClient(base, { protocol: 'v3' });
  await assert.rejects(client.rekey(), { code: 'ISO-2001' });
  await client.handshake();
  const { sid } = client;
  const echo = async (value) => assert.equal((await client.request('POST', '/api/echo', value)).payload.body, value);
  const many = Array.from({ length: 10 }, (_, i) => echo(i));
  assert.equal(await client.rekey(), true);
  await Promise.all(many);
  await echo('ratcheted');
  assert.equal(client.sid, sid, 'requests that crossed the rekey made no new session');

  server.sessions.delete(sid);
  assert.equal(await client.rekey(), false, 'refused, so it rotates');
  await echo('rotated');
  assert.notEqual(client.sid, sid);

  const before = client.sid;
  assert.equal(await client.resume(), true);
  await echo('resumed');
  assert.notEqual(client.sid, before);
  await client.terminate();
  await assert.rejects(client.resume(), { code: 'ISO-2001' });
  for (const operation of ['rekey', 'resume']) {
    await assert.rejects(new NenClient(base, { protocol: 'v2' })[operation](), TypeError);
  }
});

test('a client whose resumption or rekey is answered oddly', async (t) => {
  const real = await serving(t, { protocols: ['v3'] });
  let override = () => null;
  const proxy = http.createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    const { method, url: path, headers } = req;
    const answer = override(req, body) ?? await send(real.base, { method, path, headers, body });
    res.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => { proxy.close(); proxy.closeAllConnections(); });
  const client = new NenClient(`http://127.0.0.1:${proxy.address().port}`, { protocol: 'v3' });
  await client.handshake();

  const toResume = (answer) => (req, body) => (body.includes('"resume"') ? answer : null);
  for (const answer of [
    { status: 200, body: '{}' }, { status: 200, body: '{"resumed":false}' }, { status: 500, body: '{}' },
    { status: 200, body: `{"resumed":true,"sid":"s","srn":"AAAA"}` }, { status: 200, body: 'no JSON' },
  ]) {
    override = toResume(answer);
    const { sid } = client;
    await assert.rejects(client.resume(), { code: 'ISO-1004' });
    assert.equal(client.sid, sid, 'the session stays');
  }
  override = toResume({ status: 409, body: '' });
  assert.equal(await client.resume(), false);
  for (const answer of [
    { status: 200, body: '{"ok":false}' }, { status: 201, body: '{"ok":true}' }, { status: 500, body: '' },
  ]) {
    override = (req) => (req.url === '/api/nen/rekey' ? answer : null);
    const { sid } = client;
    assert.equal(await client.rekey(), false);
    assert.notEqual(client.sid, sid);
    assert.equal((await client.request('POST', '/api/echo', 1)).payload.body, 1);
  }
});

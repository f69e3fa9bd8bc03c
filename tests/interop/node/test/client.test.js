// The client against servers that misbehave, and both programs against each other.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NenClient } from '../src/client.js';
import * as crypto from '../src/crypto.js';
import { noble } from '../src/noble.js';
import { into } from '../src/trace.js';
import { fromBase64, toBase64, utf8 } from '../src/wire.js';

crypto.use(noble);

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

/** A server that handshakes properly and leaves every other answer to `answer(res, ctx)`. */
async function fake(t, answer, handshakeAnswer = undefined) {
  const seen = { handshakes: 0, requests: [] };
  let ss;
  const server = http.createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    if (req.url !== '/api/nen/handshake') {
      res.setHeader('Content-Type', 'application/json');
      seen.requests.push({ url: req.url, method: req.method, headers: req.headers, body });
      return answer(res, { ss, seen, body, method: req.method });
    }
    seen.handshakes += 1;
    const kem = crypto.encapsulate(fromBase64(JSON.parse(body).pk));
    ss = kem.ss;
    const good = { sid: `s${seen.handshakes}`, ct: toBase64(kem.ct), hmac: toBase64(crypto.randomKey()) };
    const [status, value] = handshakeAnswer ? handshakeAnswer(good) : [200, good];
    res.writeHead(status).end(typeof value === 'string' ? value : JSON.stringify(value));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.close(); server.closeAllConnections(); });
  const base = `http://127.0.0.1:${server.address().port}`;
  const client = new NenClient(base);
  client.base = base;
  return { client, seen };
}

/** A base URL where nobody listens. (Not port 1: fetch refuses that without trying.) */
async function nobody() {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return `http://127.0.0.1:${port}`;
}

const sealed = (ss, plaintext, nonce = crypto.randomNonce()) =>
  JSON.stringify({ ct: toBase64(crypto.seal(ss, nonce, utf8(plaintext))), n: toBase64(nonce) });

function event(ss, base, i, chunk) {
  const plaintext = typeof chunk === 'string' ? utf8(chunk) : chunk;
  return `data: ${toBase64(crypto.seal(ss, crypto.streamNonce(base, i), plaintext))}\n\n`;
}

/** What a stream yields before it ends or fails. */
async function drain(stream) {
  const chunks = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
    return { chunks, code: null };
  } catch (error) {
    return { chunks, code: error.code };
  }
}

test('handshake failures', async (t) => {
  const without = (name) => (good) => [200, { ...good, [name]: undefined }];
  const cases = [
    ['ISO-1004', () => [400, { error: { code: 'ISO-3004', message: 'x' } }]],
    ['ISO-1004', () => [302, '']],
    ['ISO-1004', () => [200, 'no JSON']],
    ['ISO-1004', without('sid')],
    ['ISO-1004', without('ct')],
    ['ISO-1004', without('hmac')],
    ['ISO-1004', (good) => [200, { ...good, sid: 'a\r\nb' }]],
    ['ISO-1004', (good) => [200, { ...good, hmac: 'AAAA' }]],
    ['ISO-1004', (good) => [200, { ...good, ct: 'AAAA' }]],
    ['ISO-1004', (good) => [200, { ...good, sid: ' s' }]],
    ['ISO-1004', (good) => [200, `{"sid":"x",${JSON.stringify(good).slice(1)}`]],
  ];
  for (const [code, handshakeAnswer] of cases) {
    const { client } = await fake(t, () => {}, handshakeAnswer);
    await assert.rejects(client.handshake(), { code }, handshakeAnswer.toString());
  }
  await assert.rejects(new NenClient(await nobody()).handshake(), { code: 'ISO-1003' });
});

test('before a handshake nothing is sent', async (t) => {
  const { client, seen } = await fake(t, () => {});
  await assert.rejects(client.request('GET', '/x'), { code: 'ISO-2001' });
  assert.deepEqual(await drain(client.stream('GET', '/x')), { chunks: [], code: 'ISO-2001' });
  await assert.rejects(client.rotate(), { code: 'ISO-2001' });
  assert.equal(seen.requests.length, 0);
});

test('answers that are refused', async (t) => {
  const cases = [
    ['ISO-6001', () => '{"method":"POST","body":1}'],
    ['ISO-6001', () => '[]'],
    ['ISO-6001', () => ''],
    ['ISO-6001', (ss, body, res) => res.setHeader('Content-Type', 'text/plain') && sealed(ss, '1')],
    ['ISO-6001', () => '{"ct":[1],"n":[2]}'],
    ['ISO-6002', () => '{"ct":"*","n":"*"}'],
    ['ISO-4001', (ss) => sealed(ss.map((byte) => byte ^ 1), '{}')],
    ['ISO-4001', (ss, body) => body], // its own request, reflected
    ['ISO-4003', (ss) => sealed(ss, 'no JSON')],
  ];
  for (const [code, make] of cases) {
    const { client } = await fake(t, (res, { ss, body }) => res.end(make(ss, body, res)));
    await client.handshake();
    await assert.rejects(client.request('POST', '/x', { a: 1 }), { code }, make.toString());
  }
});

test('an old answer and an old request are refused as answers', async (t) => {
  const nonce = crypto.randomNonce();
  const replay = await fake(t, (res, { ss }) => res.end(sealed(ss, '1', nonce)));
  await replay.client.handshake();
  assert.deepEqual(await replay.client.request('GET', '/x'), { status: 200, payload: 1 });
  await assert.rejects(replay.client.request('GET', '/x'), { code: 'ISO-4001' });

  const reflect = await fake(t, (res, { ss, seen }) => {
    res.end(seen.requests.length === 1 ? sealed(ss, '1') : seen.requests[0].body);
  });
  await reflect.client.handshake();
  await reflect.client.request('POST', '/x', { first: true });
  await assert.rejects(reflect.client.request('POST', '/x', { second: true }), { code: 'ISO-4001' });
});

test('a catalogued refusal keeps its code, another one is unclassified', async (t) => {
  const { client, seen } = await fake(t, (res, { seen: { requests } }) => {
    if (requests.length === 1) res.writeHead(409).end('{"error":{"code":"ISO-5001","message":"x"}}');
    else if (requests.length === 2) res.writeHead(404).end('{"error":{"code":"toString"}}');
    else res.writeHead(302, { Location: '/y' }).end();
  });
  await client.handshake();
  await assert.rejects(client.request('GET', '/x'), { code: 'ISO-5001', httpStatus: 409 });
  await assert.rejects(client.request('GET', '/x'), { code: 'ISO-9000', httpStatus: 404 });
  await assert.rejects(client.request('GET', '/x'), { code: 'ISO-9000', httpStatus: 302 });
  assert.equal(seen.requests.length, 3);
});

test('on a 401 one new handshake and one retry', async (t) => {
  const refusal = '{"error":{"code":"ISO-2002","message":"x"}}';
  const always = await fake(t, (res) => res.writeHead(401).end(refusal));
  await always.client.handshake();
  await assert.rejects(always.client.request('GET', '/x'), { code: 'ISO-2002' });
  assert.deepEqual([always.seen.handshakes, always.seen.requests.length], [2, 2]);
  assert.deepEqual(await drain(always.client.stream('GET', '/x')), { chunks: [], code: 'ISO-7002' });
  assert.deepEqual([always.seen.handshakes, always.seen.requests.length], [3, 4]);

  const once401 = await fake(t, (res, { ss, seen }) => {
    const stale = seen.requests.at(-1).headers['x-nen-session'] === 's1';
    if (stale) res.writeHead(401).end(refusal);
    else res.end(sealed(ss, '"in"'));
  });
  await once401.client.handshake();
  const requests = ['/a', '/b', '/c'].map((path) => once401.client.request('POST', path, 1));
  const answers = await Promise.all(requests);
  assert.deepEqual(answers.map(({ payload }) => payload), ['in', 'in', 'in']);
  // Refused together, recovered together.
  assert.deepEqual([once401.seen.handshakes, once401.seen.requests.length], [2, 6]);
  const bodies = once401.seen.requests.map(({ body }) => body);
  assert.equal(new Set(bodies).size, 6, 'every try has a nonce of its own');
});

test('the signed path is the one on the wire', async (t) => {
  const { client, seen } = await fake(t, (res, { ss }) => res.end(sealed(ss, '1')));
  const keys = {};
  const spy = new NenClient(client.base, { trace: into(keys) });
  await spy.handshake();
  const targets = [
    ['/a%20b/?x=1', '/a%20b/?x=1'], ['/a/../b/./c', '/a/../b/./c'], ['/c%2Fd%2e%2E', '/c%2Fd%2e%2E'],
    ['//elsewhere.example/x', '//elsewhere.example/x'], ['/a;b=c,d:@!$&\'()*+|^`{}"<>', '/a;b=c,d:@!$&\'()*+|^`{}"<>'],
    ['/ü x?q=é#f', '/%C3%BC%20x?q=%C3%A9'], ['/a?b?c=/../d', '/a?b?c=/../d'],
  ];
  for (const [target, onWire] of targets) {
    await spy.request('GET', target);
    assert.equal(seen.requests.at(-1).url, onWire);
    assert.equal(keys.canonical_string.split('\n')[1], onWire.split('?')[0]);
    assert.equal(seen.requests.at(-1).headers['x-nen-signature'], keys.signature);
  }
  for (const bad of ['x', '', 'http://elsewhere.example/x']) await assert.rejects(spy.request('GET', bad), TypeError);
});

test('a payload goes with every method', async (t) => {
  const { client, seen } = await fake(t, (res, { ss }) => res.end(sealed(ss, '1')));
  await client.handshake();
  for (const method of ['GET', 'DELETE', 'OPTIONS', 'PATCH', 'query', 'HEAD']) {
    const answer = await client.request(method, '/x', { a: 1 });
    assert.deepEqual(answer, method === 'HEAD' ? { status: 200 } : { status: 200, payload: 1 });
    assert.equal(seen.requests.at(-1).method, method.toUpperCase());
    assert.equal(typeof JSON.parse(seen.requests.at(-1).body).ct, 'string', method);
  }
});

test('what a handler answers is opened, whatever its status', async (t) => {
  const statuses = [401, 422, 500, 201, 302];
  const { client, seen } = await fake(t, (res, { ss }) => res.writeHead(statuses.shift()).end(sealed(ss, '{"no":1}')));
  await client.handshake();
  for (const status of [...statuses]) {
    assert.deepEqual(await client.request('POST', '/x', 1), { status, payload: { no: 1 } });
  }
  assert.deepEqual([seen.handshakes, seen.requests.length], [1, 5], 'a sealed 401 is no reason to try again');

  const empty = await fake(t, (res, { ss }) => res.end(sealed(ss, '')));
  await empty.client.handshake();
  assert.deepEqual(await empty.client.request('DELETE', '/x'), { status: 200, payload: undefined });
});

test('a server that says nothing is given up', async (t) => {
  const silent = net.createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const client = new NenClient(`http://127.0.0.1:${silent.address().port}`, { timeoutMs: 100 });
  await assert.rejects(client.handshake(), { code: 'ISO-1003' });

  const { client: other } = await fake(t, (res) => res.writeHead(200).flushHeaders());
  const impatient = new NenClient(other.base, { timeoutMs: 100 });
  await impatient.handshake();
  await assert.rejects(impatient.request('GET', '/x'), { code: 'ISO-9000' });
});

test('base nonces that share their first eight bytes with another nonce', async (t) => {
  const near = (nonce) => Uint8Array.from(nonce, (byte, i) => (i < 8 ? byte : byte ^ 1));
  const base = crypto.randomNonce();
  const used = [];
  const script = {
    '/answer': (res, { ss }) => res.end(sealed(ss, '1', used[0])),
    '/near-answer': (res, { ss }) => res.end(sealed(ss, '1', near(used[0]))),
    '/near-stream': (res, { ss }) => res.end(sealed(ss, '1', near(base))),
    '/stream': (res, { ss }, nonce = base) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Nen-Stream-Nonce': toBase64(nonce) });
      res.end(event(ss, nonce, 0, 'one') + event(ss, nonce, 1, '__FIN__'));
    },
    '/again': (res, ctx) => script['/stream'](res, ctx, near(base)),
    '/of-answer': (res, ctx) => script['/stream'](res, ctx, near(used[0])),
    '/of-request': (res, ctx) => script['/stream'](res, ctx, near(fromBase64(JSON.parse(ctx.body).n))),
  };
  const { client } = await fake(t, (res, ctx) => script[ctx.seen.requests.at(-1).url](res, ctx));
  await client.handshake();
  used.push(crypto.randomNonce());
  assert.equal((await client.request('GET', '/answer')).payload, 1);
  assert.equal((await client.request('GET', '/near-answer')).payload, 1, 'answers may share eight bytes by chance');
  assert.deepEqual(await drain(client.stream('GET', '/stream')), { chunks: ['one'], code: null });
  for (const target of ['/stream', '/again', '/of-answer', '/of-request']) {
    assert.deepEqual(await drain(client.stream('POST', target, 1)), { chunks: [], code: 'ISO-4001' }, target);
  }
  await assert.rejects(client.request('GET', '/near-stream'), { code: 'ISO-4001' });
});

test('streams that fail, and what they yield before', async (t) => {
  const base = crypto.randomNonce();
  const nonce = { 'X-Nen-Stream-Nonce': toBase64(base) };
  const good = (ss) => event(ss, base, 0, 'one') + event(ss, base, 1, 'two');
  const fin = (ss) => event(ss, base, 2, '__FIN__');
  const cases = [
    ['complete', nonce, (ss) => good(ss) + fin(ss), ['one', 'two'], null],
    ['after the end', nonce, (ss) => good(ss) + fin(ss) + 'data: x\n\n', ['one', 'two'], null],
    ['no final event', nonce, good, ['one', 'two'], 'ISO-7002'],
    ['cut final event', nonce, (ss) => (good(ss) + fin(ss)).slice(0, -1), ['one', 'two'], 'ISO-7002'],
    ['empty', nonce, () => '', [], 'ISO-7002'],
    ['order', nonce, (ss) => event(ss, base, 1, 'two') + event(ss, base, 0, 'one'), [], 'ISO-4001'],
    ['one left out', nonce, (ss) => event(ss, base, 0, 'one') + fin(ss), ['one'], 'ISO-4001'],
    ['no base64', nonce, (ss) => good(ss) + 'data: *\n\n', ['one', 'two'], 'ISO-4001'],
    ['short chunk', nonce, (ss) => good(ss) + 'data: AAAA\n\n', ['one', 'two'], 'ISO-4001'],
    ['no nonce', {}, good, [], 'ISO-7001'],
    ['another type', { ...nonce, 'Content-Type': 'text/plain' }, good, [], 'ISO-7002'],
    ['a character in two chunks', nonce,
      (ss) => event(ss, base, 0, Buffer.from([0xc3])) + event(ss, base, 1, Buffer.from([0xa9])) + fin(ss),
      ['', 'é'], null],
    ['garbled nonce', { 'X-Nen-Stream-Nonce': '*' }, good, [], 'ISO-7001'],
    ['short nonce', { 'X-Nen-Stream-Nonce': 'AAAA' }, good, [], 'ISO-7001'],
  ];
  for (const [name, headers, body, chunks, code] of cases) {
    const { client } = await fake(t, (res, { ss }) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', ...headers }).end(body(ss));
    });
    await client.handshake();
    assert.deepEqual(await drain(client.stream('GET', '/x')), { chunks, code }, name);
  }
});

test('a stream that breaks off, is refused, or repeats a base nonce', async (t) => {
  const base = crypto.randomNonce();
  const headers = { 'Content-Type': 'text/event-stream', 'X-Nen-Stream-Nonce': toBase64(base) };
  const broken = await fake(t, (res, { ss }) => {
    res.writeHead(200, headers);
    res.write(event(ss, base, 0, 'one'), () => setTimeout(() => res.destroy(), 50));
  });
  await broken.client.handshake();
  assert.deepEqual(await drain(broken.client.stream('GET', '/x')), { chunks: ['one'], code: 'ISO-7002' });

  const refusal = '{"error":{"code":"ISO-6001","message":"x"}}';
  const refused = await fake(t, (res) => res.writeHead(400).end(refusal));
  await refused.client.handshake();
  const first = refused.client.stream('GET', '/x').next();
  await assert.rejects(first, { code: 'ISO-7002', serverCode: 'ISO-6001' });

  const again = await fake(t, (res, { ss }) => {
    res.writeHead(200, headers).end(event(ss, base, 0, 'one') + event(ss, base, 1, '__FIN__'));
  });
  await again.client.handshake();
  assert.deepEqual(await drain(again.client.stream('GET', '/x')), { chunks: ['one'], code: null });
  assert.deepEqual(await drain(again.client.stream('GET', '/x')), { chunks: [], code: 'ISO-4001' });
});

test('whoever stops reading a stream stops the sender', async (t) => {
  const base = crypto.randomNonce();
  let closed;
  const { client } = await fake(t, (res, { ss }) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Nen-Stream-Nonce': toBase64(base) });
    res.write(event(ss, base, 0, 'one'));
    closed = once(res, 'close'); // this sender never ends by itself
  });
  await client.handshake();
  for await (const chunk of client.stream('GET', '/x')) {
    assert.equal(chunk, 'one');
    break;
  }
  await closed;
});

test('terminate clears the keys even when the server is gone', async (t) => {
  const { client } = await fake(t, (res) => res.destroy());
  await client.handshake();
  await assert.rejects(client.terminate(), { code: 'ISO-9000' });
  assert.equal(client.sid, null);
});

for (const flags of [[], ['--require-identity']]) {
  test(`client.mjs against server.mjs ${flags}`, async (t) => {
    const stdio = ['ignore', 'pipe', 'ignore'];
    const server = spawn(process.execPath, ['server.mjs', ...flags], { cwd: root, stdio });
    t.after(() => server.kill());
    const [line] = await once(server.stdout, 'data');
    const [, base] = /^listening (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(line.toString());
    const identity = flags.length > 0 ? ['--identity'] : [];
    const { stdout } = await run(process.execPath, ['client.mjs', base, ...identity], { cwd: root });
    const steps = stdout.trim().split('\n').map((text) => JSON.parse(text));
    assert.equal(steps.length, 19);
    assert.deepEqual(steps.filter(({ ok }) => !ok), []);
    // The server shuts down when told to.
    server.kill('SIGTERM');
    assert.deepEqual(await once(server, 'exit'), [0, null]);
  });
}

test('client.mjs reports a server that is not there', async () => {
  const failed = await run(process.execPath, ['client.mjs', await nobody()], { cwd: root })
    .then(() => assert.fail('exit 0'), (error) => error);
  assert.equal(failed.code, 1);
  const [first] = failed.stdout.split('\n');
  assert.equal(JSON.parse(first).ok, false);
});

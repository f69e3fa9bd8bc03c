// The harness as a program: what it says to right commands, to wrong ones, and to what is no command.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { harnessIn } from '../testing/harness.js';

const harness = harnessIn(fileURLToPath(new URL('..', import.meta.url)));

test('start, run, stop', async (t) => {
  const { ask, run, say, ended, errors } = harness(t);
  const started = await ask({ cmd: 'start', version: 1 });
  assert.equal(started.version, 1);
  assert.deepEqual(started.protocols, ['v1', 'v2', 'v3']);
  assert.ok(started.operations.includes('ml_kem_768.encaps') && started.operations.includes('server.session'));
  const mac = await run('hmac_sha256', { key: '0b'.repeat(20), message: '4869205468657265' });
  // RFC 4231, test case 1.
  assert.equal(mac.ok.mac, 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7');
  const opened = await run('aead.open', { key: '00'.repeat(32), nonce: '00'.repeat(12), ciphertext: '' });
  assert.equal(opened.error.code, 'ISO-4001');
  say('{"cmd":"stop"}');
  assert.deepEqual(await ended, [0, null]);
  assert.deepEqual(errors, []);
});

test('what goes wrong in an operation leaves the harness alive', async (t) => {
  const { run } = harness(t);
  for (const [op, args] of [
    ['no.such.operation', {}], ['toString', {}], ['hmac_sha256', {}], ['client.request', { client: 'nobody' }],
    ['server.stop', { server: 'nobody' }], ['aead.seal', { key: '00', nonce: '00', plaintext: '' }],
    ['client.new', { base_url: 'no URL' }], ['error.status', { code: 'ISO-0000' }], ['hmac_sha256', null],
  ]) {
    const answer = await run(op, args);
    assert.deepEqual(Object.keys(answer), ['errored'], op);
    assert.equal(answer.errored.context.op, op);
  }
  assert.deepEqual(await run('error.status', { code: 'ISO-5001' }), { ok: { status: 409 } });
});

test('the end of the input is the end', async (t) => {
  const { child, run, ended } = harness(t);
  await run('server.start');
  child.stdin.end();
  assert.deepEqual(await ended, [0, null]);
});

for (const line of ['{"cmd":"run"', 'null', '{"cmd":"dance"}', '[]', '{"cmd":"start","version":2}']) {
  test(`${line} is no command`, async (t) => {
    const { say, ended, errors } = harness(t);
    say(line);
    assert.deepEqual(await ended, [1, null]);
    assert.match(errors.join(''), /not a command|version 1/);
  });
}

test('several servers and clients at once, and what the two sides hold is the same', async (t) => {
  const { run } = harness(t);
  const made = [];
  for (let i = 0; i < 2; i++) {
    const { server, url } = (await run('server.start')).ok;
    const { client } = (await run('client.new', { base_url: url })).ok;
    made.push({ server, client });
  }
  for (const { server, client } of made) {
    const early = await run('client.request', { client, method: 'GET', target: '/api/echo' });
    assert.equal(early.error.code, 'ISO-2001');
    const { trace } = await run('client.handshake', { client });
    assert.deepEqual(Object.keys(trace).sort(), ['ct', 'ek', 'hmac_key', 'secret']);
    const target = '/api/echo/a%2Fb/../c?x';
    const echoed = await run('client.request', { client, method: 'PUT', target, payload: [1] });
    assert.deepEqual(echoed.ok, { status: 200, payload: { method: 'PUT', body: [1] } });
    assert.match(echoed.trace.canonical_string, /^PUT\n\/api\/echo\/a%2Fb\/\.\.\/c\n/);
    const streamed = await run('client.stream', { client, method: 'GET', target: '/api/stream' });
    assert.deepEqual(streamed.ok, { text: 'abc' });
    assert.match(streamed.trace.base_nonce, /^[0-9a-f]{24}$/);
  }
  const [{ server, client }] = made;
  await run('server.stop', { server });
  assert.equal((await run('client.rotate', { client })).error.code, 'ISO-1003');
  assert.deepEqual((await run('client.status', { client: made[1].client })).ok, { valid: true });
  assert.deepEqual((await run('client.terminate', { client: made[1].client })).ok, {});
  assert.equal((await run('server.session', { server: made[1].server, sid: 'nobody' })).error.code, 'ISO-2002');
});

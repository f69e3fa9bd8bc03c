import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as crypto from '../../node/src/crypto.js';
import { noble } from '../../node/src/noble.js';
import { harnessIn } from '../../node/testing/harness.js';

crypto.use(noble); // of the test; the harness is a process of its own, over liboqs

const root = fileURLToPath(new URL('..', import.meta.url));
const harness = harnessIn(root);
const SEEDED = [
  'ml_kem_768.keygen', 'ml_kem_768.encaps', 'ml_dsa_65.keygen', 'ml_dsa_65.sign',
  'handshake.hello', 'handshake.respond', 'handshake.finish', 'v3.hello', 'v3.respond', 'v3.finish', 'v3.attest',
  'seal.seal', 'seal.sign', 'seal.frames', 'seal.fields', 'seal.webhook', 'seal.media',
];

test('start, run, stop; nothing that needs a seed is offered', async (t) => {
  const { ask, run, say, ended, errors } = harness(t);
  const started = await ask({ cmd: 'start', version: 1 });
  assert.equal(started.language, 'WebAssembly');
  for (const op of SEEDED) {
    assert.equal(started.operations.includes(op), false, op);
    assert.deepEqual(Object.keys(await run(op, {})), ['errored']);
  }
  const { ek, dk } = (await run('ml_kem_768.new_key_pair')).ok;
  const { K, c } = (await run('ml_kem_768.encapsulate', { ek })).ok;
  assert.equal((await run('ml_kem_768.decaps', { dk, c })).ok.K, K);
  say('{"cmd":"stop"}');
  assert.deepEqual(await ended, [0, null]);
  assert.deepEqual(errors, []);
});

test('malformed JSON ends it, an errored operation does not', async (t) => {
  const { run, say, ended } = harness(t);
  assert.deepEqual(Object.keys(await run('no.such.operation')), ['errored']);
  assert.deepEqual(Object.keys(await run('ml_dsa_65.sign_hedged', { sk: '00', message: '' })), ['errored']);
  assert.equal((await run('error.status', { code: 'ISO-1002' })).ok.status, 500);
  say('{');
  assert.deepEqual(await ended, [1, null]);
});

test('a client with an identity against a server that requires it', async (t) => {
  const { run } = harness(t);
  const { url } = (await run('server.start', { require_identity: true })).ok;
  const stranger = (await run('client.new', { base_url: url })).ok;
  assert.equal((await run('client.handshake', stranger)).error.code, 'ISO-1004');
  const known = (await run('client.new', { base_url: url, identity_seed: '07'.repeat(32) })).ok;
  assert.deepEqual((await run('client.handshake', known)).ok, {});
  const echo = { method: 'POST', target: '/api/echo', payload: { a: 1 } };
  assert.deepEqual((await run('client.request', { ...known, ...echo })).ok.payload.body, { a: 1 });
});

test('V3: ratchet and resumption with a pinned server', async (t) => {
  const { run } = harness(t);
  const seed = '08'.repeat(32);
  const { url } = (await run('server.start', { protocols: ['v3'], server_identity_seed: seed })).ok;
  const { publicKey } = crypto.newIdentity(crypto.dsaKeygen(Uint8Array.from(Buffer.from(seed, 'hex'))));
  const pinning = { base_url: url, protocol: 'v3', bound: true };
  const stranger = (await run('client.new', { ...pinning, server_identity: '00'.repeat(1952) })).ok;
  assert.equal((await run('client.handshake', stranger)).error.code, 'ISO-3006');
  for (const security_mode of ['hybrid', 'pqc-only']) {
    const pinned = { ...pinning, security_mode, server_identity: Buffer.from(publicKey).toString('hex') };
    const client = (await run('client.new', pinned)).ok;
    assert.deepEqual((await run('client.handshake', client)).ok, {});
    assert.deepEqual((await run('client.rekey', client)).ok, {});
    assert.deepEqual((await run('client.resume', client)).ok, { resumed: true });
    const echo = { method: 'POST', target: '/api/echo', payload: { a: 1 } };
    assert.deepEqual((await run('client.request', { ...client, ...echo })).ok.payload.body, { a: 1 });
  }
});

test('without the WebAssembly nothing post-quantum works', async (t) => {
  const { run, child } = harnessIn(root, ['--import', './testing/poison.mjs'])(t);
  const { ek, dk } = (await run('ml_kem_768.new_key_pair')).ok;
  const { c } = (await run('ml_kem_768.encapsulate', { ek })).ok;
  const { pk, sk } = (await run('ml_dsa_65.new_key_pair')).ok;
  const { signature } = (await run('ml_dsa_65.sign_hedged', { sk, message: '00' })).ok;
  const { url } = (await run('server.start')).ok;
  const client = (await run('client.new', { base_url: url, identity_seed: '07'.repeat(32) })).ok;
  assert.deepEqual((await run('client.handshake', client)).ok, {});

  const said = once(child.stderr, 'data');
  child.kill('SIGUSR2');
  await said;
  for (const [op, args] of [
    ['ml_kem_768.new_key_pair', {}], ['ml_kem_768.encapsulate', { ek }], ['ml_kem_768.decaps', { dk, c }],
    ['ml_dsa_65.new_key_pair', {}], ['ml_dsa_65.sign_hedged', { sk, message: '00' }],
    ['ml_dsa_65.verify', { pk, message: '00', signature }], ['client.handshake', client], ['client.rotate', client],
  ]) {
    const answer = await run(op, args);
    assert.match(answer.errored?.message ?? answer.error?.detail ?? JSON.stringify(answer), /poisoned/, op);
  }
  // What needs no post-quantum cryptography goes on.
  assert.equal((await run('client.request', { ...client, method: 'GET', target: '/api/echo' })).ok.status, 200);
});

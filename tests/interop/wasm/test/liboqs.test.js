// What liboqs does of the standards' checks, and that it is WebAssembly.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as crypto from '../../node/src/crypto.js';
import { noble } from '../../node/src/noble.js';
import { liboqs } from '../liboqs.js';

let modules = 0;
const instantiate = WebAssembly.instantiate.bind(WebAssembly);
WebAssembly.instantiate = (...args) => {
  modules += 1;
  return instantiate(...args);
};
const provider = await liboqs();
crypto.use(provider);

test('two WebAssembly modules were made', () => assert.equal(modules, 2));

test('encapsulation key check of FIPS 203 section 7.2', () => {
  const { ek } = crypto.kemKeygen();
  // The last coefficient of ek: the upper half of byte 1150, and byte 1151.
  const withLast = (value) => Uint8Array.from(ek, (byte, i) => {
    if (i === 1150) return (byte & 0x0f) | ((value & 0xf) << 4);
    return i === 1151 ? value >> 4 : byte;
  });
  assert.doesNotThrow(() => crypto.encapsulate(withLast(3328)));
  for (const bad of [withLast(3329), withLast(4095), ek.subarray(1), new Uint8Array(0), new Uint8Array(1185)]) {
    assert.throws(() => crypto.encapsulate(bad), { code: 'ISO-1002' });
  }
});

test('decapsulation: implicit rejection, the hash check of section 7.3, lengths', () => {
  const { ek, dk } = crypto.kemKeygen();
  const { ct, ss } = crypto.encapsulate(ek);
  assert.deepEqual(crypto.decapsulate(ct, dk), ss);
  const flipped = (bytes, at) => Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 1 : byte));
  assert.notDeepEqual(crypto.decapsulate(flipped(ct, 0), dk), ss);
  for (const at of [1152, 2336]) { // ek within dk, and H(ek)
    assert.throws(() => crypto.decapsulate(ct, flipped(dk, at)), { code: 'ISO-1002' });
  }
  assert.throws(() => crypto.decapsulate(ct.subarray(1), dk), { code: 'ISO-1002' });
  assert.throws(() => crypto.decapsulate(ct, dk.subarray(1)), { code: 'ISO-1002' });
});

test('with @noble, both ways round', () => {
  const ours = crypto.kemKeygen();
  const theirs = noble.kem.keygen();
  const toUs = noble.kem.encapsulate(ours.ek);
  assert.deepEqual(crypto.decapsulate(toUs.ct, ours.dk), toUs.ss);
  const toThem = crypto.encapsulate(theirs.ek);
  assert.deepEqual(noble.kem.decapsulate(toThem.ct, theirs.dk), toThem.ss);

  const message = new Uint8Array([1, 2, 3]);
  const { pk, sk } = noble.dsa.keygen(new Uint8Array(32));
  const sig = crypto.sign(message, sk);
  assert.equal(noble.dsa.verify(sig, message, pk), true);
  assert.equal(crypto.verify(noble.dsa.sign(message, sk), message, pk), true);
  assert.equal(crypto.verify(sig, new Uint8Array([1, 2]), pk), false);
  assert.equal(crypto.verify(sig.subarray(1), message, pk), false);
  assert.notDeepEqual(crypto.sign(message, sk), sig, 'hedged');
});

test('given randomness is what liboqs draws, byte for byte', () => {
  const seed = Uint8Array.from({ length: 64 }, (_, i) => i);
  const rnd = seed.slice(32);
  const pair = crypto.kemKeygen(seed);
  assert.deepEqual(pair, noble.kem.keygen(seed));
  assert.deepEqual(crypto.encapsulate(pair.ek, rnd), noble.kem.encapsulate(pair.ek, rnd));
  const { pk, sk } = crypto.dsaKeygen(rnd);
  assert.deepEqual({ pk, sk }, noble.dsa.keygen(rnd));
  assert.deepEqual(crypto.sign(seed, sk, rnd), noble.dsa.sign(seed, sk, rnd));
  // Afterwards the system's generator is back.
  assert.notDeepEqual(crypto.kemKeygen().ek, crypto.kemKeygen().ek);
});

test('randomness of another length is an error, not another key', () => {
  for (const size of [0, 31, 33]) {
    assert.throws(() => crypto.dsaKeygen(new Uint8Array(size)), size === 33 ? /less randomness/ : /more randomness/);
  }
  assert.notDeepEqual(crypto.dsaKeygen().pk, crypto.dsaKeygen().pk);
});

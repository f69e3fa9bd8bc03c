import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as crypto from '../src/crypto.js';
import { noble } from '../src/noble.js';

crypto.use(noble);

/** ek with its first or last coefficient replaced (12 bits, little-endian packing). */
function withCoefficient(ek, value, last = false) {
  const copy = Uint8Array.from(ek);
  if (last) {
    copy[1150] = (copy[1150] & 0x0f) | ((value & 0xf) << 4);
    copy[1151] = value >> 4;
  } else {
    copy[0] = value & 0xff;
    copy[1] = (copy[1] & 0xf0) | (value >> 8);
  }
  return copy;
}

test('encapsulation key check of FIPS 203 section 7.2', () => {
  const { ek } = crypto.kemKeygen();
  for (const last of [false, true]) {
    assert.doesNotThrow(() => crypto.encapsulate(withCoefficient(ek, 3328, last)));
    for (const value of [3329, 4095]) {
      assert.throws(() => crypto.encapsulate(withCoefficient(ek, value, last)), { code: 'ISO-1002' });
    }
  }
  for (const size of [0, 800, 1183, 1185]) {
    assert.throws(() => crypto.encapsulate(new Uint8Array(size)), { code: 'ISO-1002' });
  }
});

test('decapsulation: implicit rejection, hash check, lengths', () => {
  const { ek, dk } = crypto.kemKeygen();
  const { ct, ss } = crypto.encapsulate(ek);
  assert.deepEqual(crypto.decapsulate(ct, dk), ss);
  ct[0] ^= 1;
  assert.notDeepEqual(crypto.decapsulate(ct, dk), ss);
  assert.throws(() => crypto.decapsulate(ct.subarray(1), dk), { code: 'ISO-1002' });
  dk[2336] ^= 1; // the first byte of H(ek)
  assert.throws(() => crypto.decapsulate(ct, dk), { code: 'ISO-1002' });
});

test('identity keys: SPKI and bare, nothing else', () => {
  const { publicKey, spki } = crypto.newIdentity(crypto.dsaKeygen(new Uint8Array(32)));
  assert.equal(spki.length, 1974);
  assert.deepEqual(crypto.identityKey(spki), publicKey);
  assert.deepEqual(crypto.identityKey(publicKey), publicKey);
  for (let i = 0; i < 22; i++) {
    const bad = Uint8Array.from(spki);
    bad[i] ^= 1;
    assert.equal(crypto.identityKey(bad), null, `prefix byte ${i}`);
  }
  assert.equal(crypto.identityKey(spki.subarray(0, 1973)), null);
  assert.equal(crypto.identityKey(new Uint8Array(0)), null);
});

test('identity signatures', () => {
  const { publicKey, secretKey } = crypto.newIdentity();
  const message = new Uint8Array([1, 2, 3]);
  const sig = crypto.sign(message, secretKey);
  assert.equal(crypto.verify(sig, message, publicKey), true);
  assert.equal(crypto.verify(sig, new Uint8Array([1, 2, 4]), publicKey), false);
  assert.equal(crypto.verify(sig.subarray(1), message, publicKey), false);
  for (const fill of [0, 255]) {
    assert.equal(crypto.verify(new Uint8Array(3309).fill(fill), message, publicKey), false);
  }
});

test('stream nonces: little-endian at offset 8, XOR', () => {
  const hex = (base, i) => Buffer.from(crypto.streamNonce(Buffer.from(base, 'hex'), i)).toString('hex');
  assert.equal(hex('000000000000000000000000', 0x01020304), '000000000000000004030201');
  assert.equal(hex('ffffffffffffffffffffffff', 1), 'fffffffffffffffffeffffff');
  assert.equal(hex('0102030405060708ff000080', 256), '0102030405060708ff010080');
  assert.equal(hex('000000000000000000000000', 2 ** 32 - 1), '0000000000000000ffffffff');
  assert.throws(() => hex('000000000000000000000000', 2 ** 32), RangeError);
});

test('opening: wrong key, tampered, shorter than a tag', () => {
  const key = new Uint8Array(32);
  const nonce = new Uint8Array(12);
  const ct = crypto.seal(key, nonce, new Uint8Array([7]));
  assert.deepEqual([...crypto.open(key, nonce, ct)], [7]);
  ct[0] ^= 1;
  for (const bad of [ct, new Uint8Array(0), new Uint8Array(15), new Uint8Array(16)]) {
    assert.throws(() => crypto.open(key, nonce, bad), { code: 'ISO-4001' });
  }
});

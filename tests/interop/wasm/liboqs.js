// ML-KEM-768 and ML-DSA-65 by liboqs, compiled to WebAssembly, as a provider for ../node/src/crypto.js.
//
// liboqs itself makes the checks of FIPS 203 sections 7.2 (modulus of ek) and 7.3 (hash in dk), and the package those
// of all lengths: nothing is added here. See test/liboqs.test.js.

import nodeCrypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createMLDSA65, createMLKEM768 } from '@oqs/liboqs-js';

const manifest = new URL('node_modules/@oqs/liboqs-js/package.json', import.meta.url);

/** The provider; its two WebAssembly modules are compiled and ready when this returns. */
export async function liboqs() {
  const [kem, dsa] = [await createMLKEM768(), await createMLDSA65()];
  return {
    name: '@oqs/liboqs-js',
    version: JSON.parse(readFileSync(manifest, 'utf8')).version,
      kem: {
      keygen(seed) {
        const { publicKey: ek, secretKey: dk } = drawing(seed, () => kem.generateKeyPair());
        return { ek, dk };
      },
      encapsulate(ek, m) {
        const { ciphertext: ct, sharedSecret: ss } = drawing(m, () => kem.encapsulate(plain(ek)));
        return { ct, ss };
      },
      decapsulate: (ct, dk) => kem.decapsulate(plain(ct), plain(dk)),
    },
    dsa: {
      keygen(seed) {
        const { publicKey: pk, secretKey: sk } = drawing(seed, () => dsa.generateKeyPair());
        return { pk, sk };
      },
      sign: (message, sk, rnd) => drawing(rnd, () => dsa.sign(plain(message), plain(sk))),
      verify: (sig, message, pk) => dsa.verify(plain(message), plain(sig), plain(pk)),
    },
  };
}

/** What `action` gives when liboqs draws exactly the bytes `given`; from the system's generator without them.
 *
 *  The package has no parameter for a seed and would ignore one without a word. But its WebAssembly draws all
 *  randomness from randomFillSync of node:crypto, so that it can be given there, for one synchronous call; whoever
 *  drew another amount, or from elsewhere, is an error. */
function drawing(given, action) {
  if (given === undefined) return action();
  const system = nodeCrypto.randomFillSync;
  let drawn = 0;
  nodeCrypto.randomFillSync = (buffer) => {
    const piece = given.subarray(drawn, drawn + buffer.length);
    drawn += buffer.length;
    if (drawn > given.length) throw new Error('liboqs drew more randomness than was given');
    buffer.set(piece);
    return buffer;
  };
  try {
    const result = action();
    if (drawn !== given.length) throw new Error('liboqs drew less randomness than was given');
    return result;
  } finally {
    nodeCrypto.randomFillSync = system;
  }
}

/** The package takes Uint8Array and no subclass of it, such as Buffer. */
const plain = (bytes) => (bytes.constructor === Uint8Array ? bytes : Uint8Array.from(bytes));

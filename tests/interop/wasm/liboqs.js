// ML-KEM-768 and ML-DSA-65 by liboqs, compiled to WebAssembly, as a provider for ../node/src/crypto.js.
//
// liboqs itself makes the checks of FIPS 203 sections 7.2 (modulus of ek) and 7.3 (hash in dk), and the package those of
// all lengths: nothing is added here. See test/liboqs.test.js.

import { readFileSync } from 'node:fs';
import { createMLDSA65, createMLKEM768 } from '@oqs/liboqs-js';

const manifest = new URL('node_modules/@oqs/liboqs-js/package.json', import.meta.url);

/** The provider; its two WebAssembly modules are compiled and ready when this returns.
 *  Not seeded: the package draws from the system's generator and would ignore a seed without a word. */
export async function liboqs() {
  const [kem, dsa] = [await createMLKEM768(), await createMLDSA65()];
  return {
    name: '@oqs/liboqs-js',
    version: JSON.parse(readFileSync(manifest, 'utf8')).version,
    seeded: false,
    kem: {
      keygen() {
        const { publicKey: ek, secretKey: dk } = kem.generateKeyPair();
        return { ek, dk };
      },
      encapsulate(ek) {
        const { ciphertext: ct, sharedSecret: ss } = kem.encapsulate(plain(ek));
        return { ct, ss };
      },
      decapsulate: (ct, dk) => kem.decapsulate(plain(ct), plain(dk)),
    },
    dsa: {
      keygen() {
        const { publicKey: pk, secretKey: sk } = dsa.generateKeyPair();
        return { pk, sk };
      },
      sign: (message, sk) => dsa.sign(plain(message), plain(sk)),
      verify: (sig, message, pk) => dsa.verify(plain(message), plain(sig), plain(pk)),
    },
  };
}

/** The package takes Uint8Array and no subclass of it, such as Buffer. */
const plain = (bytes) => (bytes.constructor === Uint8Array ? bytes : Uint8Array.from(bytes));

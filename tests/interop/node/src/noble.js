// ML-KEM-768 and ML-DSA-65 by @noble/post-quantum, in plain JavaScript, as a provider for crypto.js.

import { readFileSync } from 'node:fs';
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';

const manifest = new URL('../node_modules/@noble/post-quantum/package.json', import.meta.url);

export const noble = {
  name: '@noble/post-quantum',
  version: JSON.parse(readFileSync(manifest, 'utf8')).version,
  kem: {
    /** `seed` is d || z, 64 bytes (FIPS 203 algorithm 16); fresh randomness without it. */
    keygen(seed) {
      const { publicKey: ek, secretKey: dk } = ml_kem768.keygen(seed);
      return { ek, dk };
    },
    /** noble checks the length of ek and its modulus (FIPS 203 section 7.2) and throws; see crypto.test.js. */
    encapsulate(ek, m) {
      const { cipherText: ct, sharedSecret: ss } = ml_kem768.encapsulate(ek, m);
      return { ct, ss };
    },
    /** noble checks lengths and the hash in dk (FIPS 203 section 7.3) and throws. */
    decapsulate: (ct, dk) => ml_kem768.decapsulate(ct, dk),
  },
  dsa: {
    keygen(seed) {
      const { publicKey: pk, secretKey: sk } = ml_dsa65.keygen(seed);
      return { pk, sk };
    },
    /** `rnd`, 32 bytes, is that of FIPS 204 algorithm 2 (zeros: deterministic); fresh without it. */
    sign: (message, sk, rnd) => ml_dsa65.sign(message, sk, { extraEntropy: rnd }),
    verify: (sig, message, pk) => ml_dsa65.verify(sig, message, pk),
  },
};

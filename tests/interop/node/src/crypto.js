// The primitives, by the protocol's names. All byte strings are Uint8Array.
//
// ML-KEM-768 and ML-DSA-65 come from a provider that the program chooses at its start: `use(noble)`, or the
// WebAssembly of ../../wasm. A provider is {name, version, kem: {keygen, encapsulate, decapsulate},
// dsa: {keygen, sign, verify}}.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 as curve } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { NenError } from './errors.js';
import { NONCE_BYTES, fromBase64, utf8 } from './wire.js';

export const FIN = '__FIN__';
export const KEY_BYTES = 32;
export const CT_BYTES = 1088;
export const PK_BYTES = 1952;
const SIG_BYTES = 3309;
const MAX_HKDF_BYTES = 255 * 32;

// SubjectPublicKeyInfo of id-ml-dsa-65 (RFC 9881) has one encoding only: these 22 bytes, then the key.
const SPKI_PREFIX = Buffer.from('308207b2300b0609608648016503040312038207a100', 'hex');

let provider = null;

/** Chooses who does ML-KEM-768 and ML-DSA-65. Once, before anything else. */
export function use(chosen) {
  provider = chosen;
}

function chosen() {
  if (provider === null) throw new Error('no provider for ML-KEM-768 and ML-DSA-65: call use() first');
  return provider;
}

export const randomKey = () => new Uint8Array(randomBytes(KEY_BYTES));
export const randomNonce = () => new Uint8Array(randomBytes(NONCE_BYTES));

// ML-KEM-768 (FIPS 203)

/** `seed`: d || z, 64 bytes, for a reproducible key pair. */
export const kemKeygen = (seed) => chosen().kem.keygen(seed);

/** Throws ISO-1002 for an ek that fails the check of FIPS 203 section 7.2. `m`: given randomness, 32 bytes. */
export function encapsulate(ek, m) {
  try {
    return chosen().kem.encapsulate(ek, m);
  } catch (cause) {
    throw new NenError('ISO-1002', `encapsulation: ${cause.message}`, { cause });
  }
}

/** A tampered ct gives another secret (implicit rejection); a wrong length or dk hash throws ISO-1002. */
export function decapsulate(ct, dk) {
  try {
    return chosen().kem.decapsulate(ct, dk);
  } catch (cause) {
    throw new NenError('ISO-1002', `decapsulation: ${cause.message}`, { cause });
  }
}

// ML-DSA-65 (FIPS 204), pure, empty context

/** `seed`: xi, 32 bytes, for a reproducible key pair {pk, sk}. */
export const dsaKeygen = (seed) => chosen().dsa.keygen(seed);

/** A client identity from a key pair of ML-DSA-65, a fresh one without it. */
export function newIdentity({ pk, sk } = dsaKeygen()) {
  return { publicKey: pk, secretKey: sk, spki: spkiOf(pk) };
}

export const sign = (message, secretKey, rnd) => chosen().dsa.sign(message, secretKey, rnd);

export function verify(sig, message, publicKey) {
  return sig.length === SIG_BYTES && chosen().dsa.verify(sig, message, publicKey);
}

export const spkiOf = (publicKey) => new Uint8Array(Buffer.concat([SPKI_PREFIX, publicKey]));

/** The 1952 key bytes from SPKI DER, which has one encoding; null for anything else. */
export function keyInSpki(bytes) {
  const prefix = SPKI_PREFIX.length;
  if (bytes.length !== prefix + PK_BYTES || !SPKI_PREFIX.equals(bytes.subarray(0, prefix))) return null;
  return bytes.subarray(prefix);
}

/** The 1952 key bytes from SPKI DER or from the bare key; null for anything else. */
export const identityKey = (bytes) => (bytes.length === PK_BYTES ? bytes : keyInSpki(bytes));

// ChaCha20-Poly1305 (RFC 8439), empty AAD, tag appended

export const seal = (key, nonce, plaintext) => chacha20poly1305(key, nonce).encrypt(plaintext);

export function open(key, nonce, ct) {
  try {
    return chacha20poly1305(key, nonce).decrypt(ct);
  } catch (cause) {
    throw new NenError('ISO-4001', cause.message, { cause });
  }
}

/** nonce_i: the last four bytes, a little-endian u32, XORed with i. */
export function streamNonce(base, i) {
  if (!Number.isInteger(i) || i < 0 || i >= 2 ** 32) throw new RangeError('a stream has at most 2^32 chunks');
  const nonce = Uint8Array.from(base);
  const view = new DataView(nonce.buffer);
  view.setUint32(8, (view.getUint32(8, true) ^ i) >>> 0, true);
  return nonce;
}

// HMAC-SHA256 (FIPS 198-1)

/** What is signed. `nonceText` is the base64 of n as sent, empty without a body. */
export const canonical = (method, path, timestamp, nonceText) =>
  `${method.toUpperCase()}\n${path}\n${timestamp}\n${nonceText}`;

/** `message`: text, signed as UTF-8, or bytes. */
export const hmacSha256 = (key, message) =>
  hmac(sha256, key, typeof message === 'string' ? utf8(message) : message);

/** True for the strict base64 of the right tag; throws ISO-3002 for text that does not decode. */
export function checkHmac(signature, key, message) {
  const tag = fromBase64(signature, 'ISO-3002');
  return tag.length === KEY_BYTES && timingSafeEqual(tag, hmacSha256(key, message));
}

// HKDF-SHA256 (RFC 5869) without salt

/** `info`: text, taken as UTF-8, or bytes. Throws 9000 for a length that HKDF does not give. */
export function hkdfSha256(ikm, info, length = KEY_BYTES) {
  if (length > MAX_HKDF_BYTES) throw new NenError('ISO-9000', 'longer than HKDF gives');
  return hkdf(sha256, ikm, undefined, typeof info === 'string' ? utf8(info) : info, length);
}

export const sha256Of = (...pieces) => sha256(Buffer.concat(pieces));

// X25519 (RFC 7748)

export const x25519Public = (secretKey) => curve.getPublicKey(secretKey);

/** The function of RFC 7748, 32 zero bytes where that is the result. Throws 1002 for other lengths than 32 bytes. */
export function x25519Raw(secretKey, publicKey) {
  if (secretKey.length !== KEY_BYTES || publicKey.length !== KEY_BYTES) {
    throw new NenError('ISO-1002', 'an X25519 key is not 32 bytes');
  }
  try {
    return curve.scalarMult(secretKey, publicKey);
  } catch {
    return new Uint8Array(KEY_BYTES); // noble refuses the points of low order, which give this, and nothing else
  }
}

/** The shared secret. Throws 1002 where it would be all zero. */
export function x25519(secretKey, publicKey) {
  const shared = x25519Raw(secretKey, publicKey);
  if (timingSafeEqual(shared, new Uint8Array(KEY_BYTES))) throw new NenError('ISO-1002', 'X25519 gives zero');
  return shared;
}

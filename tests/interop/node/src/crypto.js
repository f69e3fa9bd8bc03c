// The primitives of V1, by the protocol's names. All byte strings are Uint8Array.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { NenError } from './errors.js';
import { NONCE_BYTES, fromBase64, utf8 } from './wire.js';

export const FIN = '__FIN__';
export const KEY_BYTES = 32;
const PK_BYTES = 1952;
const SIG_BYTES = 3309;

// SubjectPublicKeyInfo of id-ml-dsa-65 (RFC 9881) has one encoding only: these 22 bytes, then the key.
const SPKI_PREFIX = Buffer.from('308207b2300b0609608648016503040312038207a100', 'hex');

export const randomKey = () => new Uint8Array(randomBytes(KEY_BYTES));
export const randomNonce = () => new Uint8Array(randomBytes(NONCE_BYTES));

// ML-KEM-768 (FIPS 203)

export function kemKeygen() {
  const { publicKey: ek, secretKey: dk } = ml_kem768.keygen();
  return { ek, dk };
}

/** noble checks the length of ek and its modulus (FIPS 203 section 7.2) and throws; see crypto.test.js. */
export function encapsulate(ek) {
  try {
    const { cipherText: ct, sharedSecret: ss } = ml_kem768.encapsulate(ek);
    return { ct, ss };
  } catch (cause) {
    throw new NenError('ISO-1002', `encapsulation: ${cause.message}`, { cause });
  }
}

/** A tampered ct gives another secret (implicit rejection); a wrong length or dk hash throws. */
export function decapsulate(ct, dk) {
  try {
    return ml_kem768.decapsulate(ct, dk);
  } catch (cause) {
    throw new NenError('ISO-1002', `decapsulation: ${cause.message}`, { cause });
  }
}

// ML-DSA-65 (FIPS 204), pure, empty context

/** A client identity; `seed` (32 bytes) makes it reproducible. */
export function newIdentity(seed) {
  const { publicKey, secretKey } = ml_dsa65.keygen(seed);
  return { publicKey, secretKey, spki: new Uint8Array(Buffer.concat([SPKI_PREFIX, publicKey])) };
}

export const sign = (message, secretKey) => ml_dsa65.sign(message, secretKey);

export function verify(sig, message, publicKey) {
  return sig.length === SIG_BYTES && ml_dsa65.verify(sig, message, publicKey);
}

/** The 1952 key bytes from SPKI DER or from the bare key; null for anything else. */
export function identityKey(bytes) {
  if (bytes.length === PK_BYTES) return bytes;
  const prefix = SPKI_PREFIX.length;
  if (bytes.length !== prefix + PK_BYTES || !SPKI_PREFIX.equals(bytes.subarray(0, prefix))) return null;
  return bytes.subarray(prefix);
}

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

export const hmacSha256 = (key, message) => hmac(sha256, key, utf8(message));

/** True for the strict base64 of the right tag; throws ISO-3002 for text that does not decode. */
export function checkHmac(signature, key, message) {
  const tag = fromBase64(signature, 'ISO-3002');
  return tag.length === KEY_BYTES && timingSafeEqual(tag, hmacSha256(key, message));
}

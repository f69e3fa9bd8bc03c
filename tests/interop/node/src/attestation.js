// What a V3 server attests of an endpoint: a short JSON text, signed with its identity key.

import * as crypto from './crypto.js';
import { HYBRID } from './hybrid.js';
import { fromBase64, toBase64, utf8 } from './wire.js';

const VERSION = 'NEN-ATTESTATION-1';
const PROTOCOL = 'NEN-PROTOCOL-V3';
const SUITE = 'ML-KEM-768 + X25519 / HKDF-SHA256 / ChaCha20-Poly1305 / HMAC-SHA256 / ML-DSA-65';
const MEMBERS = ['v', 'endpoint', 'protocol', 'suite', 'securityMode', 'from', 'to', 'issuedAt'];
const OPTIONAL = ['from', 'to'];

/** The signed text: the members in their order, without spaces; no others, and none that is absent. */
export const attestationText = (attestation) => JSON.stringify(attestation, MEMBERS);

/** {attestation, signature, publicKey}, the last two in base64. Times are texts; `rnd` as in FIPS 204. */
export function attest(identity, { endpoint, securityMode = HYBRID, from, to, issuedAt }, rnd) {
  const attestation = { v: VERSION, endpoint, protocol: PROTOCOL, suite: SUITE, securityMode, from, to, issuedAt };
  const signature = crypto.sign(utf8(attestationText(attestation)), identity.secretKey, rnd);
  return {
    attestation: JSON.parse(attestationText(attestation)),
    signature: toBase64(signature),
    publicKey: toBase64(identity.spki),
  };
}

/** Whether it is of `publicKey` (bare bytes, the key that the caller expects), and attests V3. */
export function verifyAttestation({ attestation, signature }, publicKey) {
  if (!wellFormed(attestation)) return false;
  try {
    return crypto.verify(fromBase64(signature), utf8(attestationText(attestation)), publicKey);
  } catch {
    return false;
  }
}

function wellFormed(attestation) {
  const given = Object.keys(attestation ?? {});
  return given.every((name) => MEMBERS.includes(name) && typeof attestation[name] === 'string')
    && MEMBERS.every((name) => OPTIONAL.includes(name) || given.includes(name))
    && attestation.v === VERSION && attestation.protocol === PROTOCOL && attestation.suite === SUITE;
}

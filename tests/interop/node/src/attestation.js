// What a V3 server attests of an endpoint: a short JSON text, signed with its identity key.

import * as crypto from './crypto.js';
import { NenError } from './errors.js';
import { HYBRID, PQC_ONLY } from './hybrid.js';
import { parseObject, utf8 } from './wire.js';

const VERSION = 'NEN-ATTESTATION-1';
const PROTOCOL = 'NEN-PROTOCOL-V3';
const SUITE = 'ML-KEM-768 + X25519 / HKDF-SHA256 / ChaCha20-Poly1305 / HMAC-SHA256 / ML-DSA-65';
const MEMBERS = ['v', 'endpoint', 'protocol', 'suite', 'securityMode', 'from', 'to', 'issuedAt'];
const OPTIONAL = ['from', 'to'];

/** The signed text: the members in their order, without spaces; no others, and none that is absent. */
export const attestationText = (attestation) => JSON.stringify(attestation, MEMBERS);

/** {attestation, signature, publicKey}: its text, and bytes, the key as SPKI. Times are texts; `rnd` as in FIPS 204. */
export function attest(identity, { endpoint, securityMode = HYBRID, from, to, issuedAt }, rnd) {
  const members = { v: VERSION, endpoint, protocol: PROTOCOL, suite: SUITE, securityMode, from, to, issuedAt };
  const attestation = attestationText(members);
  return {
    attestation, signature: crypto.sign(utf8(attestation), identity.secretKey, rnd), publicKey: identity.spki,
  };
}

/** The members of a JSON text (its bytes) that are signed, if it is valid under `publicKey` (bare bytes, the key that
 *  the caller expects) and attests V3; null otherwise. */
export function verifiedAttestation(bytes, signature, publicKey) {
  const attestation = objectIn(bytes);
  if (attestation === null || !wellFormed(attestation)) return null;
  const text = attestationText(attestation);
  return crypto.verify(signature, utf8(text), publicKey) ? JSON.parse(text) : null;
}

function objectIn(bytes) {
  try {
    return parseObject(bytes, 'ISO-6001');
  } catch (error) {
    if (!(error instanceof NenError)) throw error;
    return null;
  }
}

function wellFormed(attestation) {
  const isText = (name) => typeof attestation[name] === 'string'
    || (OPTIONAL.includes(name) && attestation[name] === undefined);
  return MEMBERS.every(isText) && [HYBRID, PQC_ONLY].includes(attestation.securityMode)
    && attestation.v === VERSION && attestation.protocol === PROTOCOL && attestation.suite === SUITE;
}

// What each version of Nen changed: everything else is the same code for all of them.
//
// V2 = V1, but the nonce of a request stands in a header, so that every request has one, and its body is {"ct"} alone.
// V3 = V2, but for its handshake, whose keys are derived; they can be ratcheted, and a session resumed.

import { NenError } from './errors.js';
import * as classic from './handshake.js';
import * as hybrid from './hybrid.js';
import { nonceFrom, parseCt, parseSealed, toBase64 } from './wire.js';

/** name: as programs are told it; family: versions whose sessions are made by the same handshake
 *  handshake: {begin, respond}, see handshake.js and hybrid.js
 *  write(nonce, ct): where a request carries both: {nonceText, headers, body}; ct is undefined without a payload
 *  read(request): the same, read: {nonceText, nonce, ct}, ct null without a body, nonce null without a nonce
 *  needsNonce: a request without a payload has a nonce too
 *  proves: who may have an identity
 *  ratchets, resumes: whether there is a rekey endpoint, and tickets */
const V1 = {
  name: 'v1',
  family: 'v1',
  handshake: classic,
  needsNonce: false,
  proves: 'client',
  ratchets: false,
  resumes: false,
  write: (nonce, ct) => (ct === undefined ? { nonceText: '', headers: {} }
    : { nonceText: toBase64(nonce), headers: {}, body: JSON.stringify({ ct: toBase64(ct), n: toBase64(nonce) }) }),
  read: ({ bytes }) => (bytes.length === 0 ? { nonceText: '', nonce: null, ct: null } : parseSealed(bytes)),
};

const V2 = {
  ...V1,
  name: 'v2',
  needsNonce: true,
  write: (nonce, ct) => ({
    nonceText: toBase64(nonce),
    headers: { 'X-Nen-Nonce': toBase64(nonce) },
    body: ct && JSON.stringify({ ct: toBase64(ct) }),
  }),
  read({ headers, bytes }) {
    const nonceText = headers['x-nen-nonce'];
    if (!nonceText) throw new NenError('ISO-3005');
    const nonce = nonceFrom(nonceText);
    return { nonceText, nonce, ct: bytes.length === 0 ? null : parseCt(bytes) };
  },
};

const V3 = { ...V2, name: 'v3', family: 'v3', handshake: hybrid, proves: 'server', ratchets: true, resumes: true };

export const VERSIONS = { v1: V1, v2: V2, v3: V3 };

export function versionNamed(name) {
  if (!Object.hasOwn(VERSIONS, name)) throw new TypeError(`no such version: ${name}`);
  return VERSIONS[name];
}

/** The version that a request under `session` is in, of those offered. Where both V1 and V2 are, it is the header that
 *  tells. Throws 2002 where the session is of no offered version. */
export function speaking(offered, session, headers) {
  const candidates = offered.filter(({ family }) => family === session.family);
  if (candidates.length === 0) throw new NenError('ISO-2002', 'a session of a version that is not offered');
  if (candidates.length === 1) return candidates[0];
  const inHeader = headers['x-nen-nonce'] !== undefined; // be it empty: no way back to V1
  return candidates.find(({ needsNonce }) => needsNonce === inHeader);
}

const OF_V3 = ['pk_kem', 'pk_x', 'securityMode', 'resume'];

/** The version that a handshake is in, of those offered: V3 if it has a member that only V3 has, or V3 is all there
 *  is. */
export function answering(offered, message) {
  const v3 = offered.find(({ family }) => family === V3.family);
  const v1 = offered.find(({ family }) => family === V1.family);
  if (!v3 || !v1) return v3 ?? v1;
  return OF_V3.some((name) => Object.hasOwn(message, name)) ? v3 : v1;
}

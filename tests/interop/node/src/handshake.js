// The handshake of V1 and V2, both sides: no input or output of its own.
//
// What client and server use of it has the same form for every version (hybrid.js is that of V3):
//   begin(options, trace)   -> {body, finish(status, bytes) -> the keys of a session, wipe()}
//   respond(message, given) -> {status, answer, session}; session is null where none was made

import * as crypto from './crypto.js';
import { NenError, codeInBytes } from './errors.js';
import { noTrace } from './trace.js';
import { bytesOfSize, fromBase64, parseObject, toBase64 } from './wire.js';

/** A client's handshake with a fresh key pair. */
export function begin({ identity }, trace = noTrace) {
  const { ek, dk } = crypto.kemKeygen();
  return {
    body: hello(ek, identity, trace),
    finish: (status, bytes) => finish(status, bytes, dk, trace),
    wipe: () => dk.fill(0),
  };
}

/** The client's body for its public key, with a proof of `identity` where there is one. */
export function hello(ek, identity, trace = noTrace, rnd = undefined) {
  trace('ek', ek);
  const body = { pk: toBase64(ek) };
  if (identity) {
    body.sigPk = toBase64(identity.spki);
    body.sigOfPk = toBase64(crypto.sign(ek, identity.secretKey, rnd));
  }
  return JSON.stringify(body);
}

/** The server's half, `message` being the parsed body; the session is not stored. Throws 1001, 1002, 3004, 6002.
 *  policy: {requireIdentity, pinned}, pinned an array of base64 keys or null; `m`: given randomness. */
export function respond({ pk, sigPk, sigOfPk }, { sid, hmacKey, policy = {}, m, trace = noTrace }) {
  if (typeof pk !== 'string' || pk === '') throw new NenError('ISO-1001', 'pk is not text');
  const ek = fromBase64(pk);
  const identity = checkIdentity(ek, sigPk, sigOfPk, policy);
  const { ct, ss } = crypto.encapsulate(ek, m);
  trace('ek', ek);
  trace('ct', ct);
  trace('secret', ss);
  trace('hmac_key', hmacKey);
  const answer = { sid, ct: toBase64(ct), hmac: toBase64(hmacKey) };
  return { status: 200, answer, session: { family: 'v1', ss, hmacKey, identity } };
}

/** The identity key as base64 text, null without an identity. */
function checkIdentity(ek, sigPk, sigOfPk, { requireIdentity = false, pinned = null }) {
  if (sigPk === undefined && sigOfPk === undefined) {
    if (!requireIdentity && pinned === null) return null;
    throw new NenError('ISO-3004', 'identity required');
  }
  const key = crypto.identityKey(fromBase64(sigPk, 'ISO-3004'));
  if (key === null) throw new NenError('ISO-3004', 'sigPk is not an ML-DSA-65 key');
  const name = toBase64(key);
  if (pinned !== null && !pinned.includes(name)) throw new NenError('ISO-3004', 'identity not pinned');
  if (!crypto.verify(fromBase64(sigOfPk, 'ISO-3004'), ek, key)) {
    throw new NenError('ISO-3004', 'signature does not verify');
  }
  return name;
}

/** The client's keys out of the answer: {sid, ss, hmacKey}. Throws 1004, and 1002 if decapsulation fails. */
export function finish(status, bytes, dk, trace = noTrace) {
  const answer = accepted(status, bytes);
  const sid = sidIn(answer);
  const ct = bytesOfSize(answer.ct, crypto.CT_BYTES, 'ISO-1004');
  const hmacKey = bytesOfSize(answer.hmac, crypto.KEY_BYTES, 'ISO-1004');
  trace('ct', ct);
  const ss = crypto.decapsulate(ct, dk);
  trace('secret', ss);
  trace('hmac_key', hmacKey);
  return { sid, ss, hmacKey };
}

/** The object that a server answered a handshake with. Throws 1004. */
export function accepted(status, bytes) {
  if (status >= 200 && status <= 299) return parseObject(bytes, 'ISO-1004');
  throw new NenError('ISO-1004', 'the server refused', { serverCode: codeInBytes(bytes), httpStatus: status });
}

/** The sid goes into a header: printable ASCII, no space at its ends. */
export function sidIn({ sid }) {
  if (typeof sid !== 'string' || !/^[!-~]([ -~]*[!-~])?$/.test(sid)) throw new NenError('ISO-1004', 'no usable sid');
  return sid;
}

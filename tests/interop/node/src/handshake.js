// The handshake, both sides, as functions from bytes to bytes: no input or output of their own.

import * as crypto from './crypto.js';
import { NenError, codeInBytes } from './errors.js';
import { noTrace } from './trace.js';
import { fromBase64, parseObject, toBase64 } from './wire.js';

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

/** The server's half: {answer, session}; the session is not stored. Throws 1001, 1002, 3004, 6002.
 *  policy: {requireIdentity, pinned}, pinned an array of base64 keys or null; `m`: given randomness. */
export function respond(bytes, { sid, hmacKey, policy = {}, m, trace = noTrace }) {
  const { pk, sigPk, sigOfPk } = parseObject(bytes, 'ISO-1001');
  if (typeof pk !== 'string' || pk === '') throw new NenError('ISO-1001', 'pk is not text');
  const ek = fromBase64(pk);
  const identity = checkIdentity(ek, sigPk, sigOfPk, policy);
  const { ct, ss } = crypto.encapsulate(ek, m);
  trace('ek', ek);
  trace('ct', ct);
  trace('secret', ss);
  trace('hmac_key', hmacKey);
  return { answer: { sid, ct: toBase64(ct), hmac: toBase64(hmacKey) }, session: { ss, hmacKey, identity } };
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
  if (status < 200 || status > 299) {
    throw new NenError('ISO-1004', 'the server refused', { serverCode: codeInBytes(bytes), httpStatus: status });
  }
  const answer = parseObject(bytes, 'ISO-1004');
  const { sid } = answer;
  // The sid goes into a header: printable ASCII, no space at its ends.
  if (typeof sid !== 'string' || !/^[!-~]([ -~]*[!-~])?$/.test(sid)) throw new NenError('ISO-1004', 'no usable sid');
  const ct = answerBytes(answer, 'ct', crypto.CT_BYTES);
  const hmacKey = answerBytes(answer, 'hmac', crypto.KEY_BYTES);
  trace('ct', ct);
  const ss = crypto.decapsulate(ct, dk);
  trace('secret', ss);
  trace('hmac_key', hmacKey);
  return { sid, ss, hmacKey };
}

function answerBytes(answer, name, size) {
  const bytes = fromBase64(answer[name], 'ISO-1004');
  if (bytes.length !== size) throw new NenError('ISO-1004', `${name} is not ${size} bytes`);
  return bytes;
}

// Sealed bodies and signed requests, both sides: sealing, signing, and the server's verification.

import * as crypto from './crypto.js';
import { NenError } from './errors.js';
import { noTrace } from './trace.js';
import { VERSIONS, speaking } from './versions.js';
import { parseJson, pathOf, toBase64, utf8 } from './wire.js';

export const WINDOW_MS = 30_000;
export const MAX_NONCES = 100_000;

/** Where a request in `version` carries its nonce and its payload, a JSON text, undefined for none: {nonceText,
 *  headers, body}. */
export function sealRequest(version, ss, nonce, payload) {
  return version.write(nonce, payload === undefined ? undefined : crypto.seal(ss, nonce, utf8(payload)));
}

/** The body {ct, n} of a payload, a JSON text. Every answer has that form, and a request of V1. */
export const sealBody = (ss, nonce, payload) => sealRequest(VERSIONS.v1, ss, nonce, payload).body;

/** A server's answer. One key serves both directions: the request's nonce would come twice. */
export function sealAnswer(ss, requestNonce, nonce, payload) {
  if (requestNonce !== null && Buffer.from(nonce).equals(requestNonce)) {
    throw new NenError('ISO-4002', 'the nonce of the request');
  }
  return sealBody(ss, nonce, payload);
}

/** Plaintext and value of {nonce, ct}. Throws 4001, 4003. */
export function openPayload(ss, sealed) {
  const plaintext = crypto.open(ss, sealed.nonce, sealed.ct);
  return { plaintext, value: parseJson(plaintext, 'ISO-4003') };
}

/** The headers that sign a request; `nonceText` is empty without a nonce. */
export function signedHeaders(session, { method, target, timestamp, nonceText }, trace = noTrace) {
  const message = crypto.canonical(method, pathOf(target), timestamp, nonceText);
  const signature = toBase64(crypto.hmacSha256(session.hmacKey, message));
  trace('secret', session.ss);
  trace('hmac_key', session.hmacKey);
  trace('timestamp', timestamp);
  trace('canonical_string', message);
  trace('signature', signature);
  return { 'X-Nen-Session': session.sid, 'X-Nen-Timestamp': timestamp, 'X-Nen-Signature': signature };
}

/** The session of a request. Throws 2003, 2002. */
export function sessionOf(headers, store) {
  const sid = headers['x-nen-session'];
  if (!sid) throw new NenError('ISO-2003');
  const session = store.get(sid);
  if (!session) throw new NenError('ISO-2002');
  return session;
}

/** The nine steps of a server, in their order. Synchronous, so that nothing comes between check and record.
 *
 *  request: {method, target, headers, bytes}, header names in lower case.
 *  context: store with get(sid) and delete(sid); now in ms; versions, those offered; unsigned, the identities (base64)
 *  that need not sign; log, trace.
 *  Returns {version, session, ss, body, plaintext, nonce}: ss is the key of the answer, whatever becomes of the
 *  session; body is the decrypted value, undefined for a request without one. */
export function verifyRequest(request, context) {
  const { store, now, versions = [VERSIONS.v1], unsigned = new Set(), log = () => {}, trace = noTrace } = context;
  const session = sessionOf(request.headers, store); // 2003, 2002
  trace('secret', session.ss);
  trace('hmac_key', session.hmacKey);
  const version = speaking(versions, session, request.headers);
  const sealed = version.read(request); // shape: 3005, 6001, 6002
  if (sealed.nonce !== null) trace('nonce', sealed.nonce);
  checkSignature(request, session, sealed, { unsigned, log, trace }); // 3001, 3002
  const sentAt = checkWindow(request.headers, now); // 3003
  const verified = { version, session, ss: session.ss, nonce: sealed.nonce };
  const bodyless = { ...verified, body: undefined, plaintext: null };
  if (sealed.nonce === null) return bodyless;
  // The timestamp of an unsigned request proves nothing: its nonce is kept for as long as the session.
  const keepUntil = unsigned.has(session.identity) ? session.expiresAt : sentAt + WINDOW_MS;
  if (!spendNonce(session, sealed.nonceText, now, keepUntil)) throw new NenError('ISO-5001');
  if (session.nonces.size > MAX_NONCES) {
    store.delete(request.headers['x-nen-session']);
    throw new NenError('ISO-2002', 'more nonces in its window than are kept');
  }
  if (sealed.ct === null) return bodyless;
  const { plaintext, value } = openPayload(session.ss, sealed); // 4001, 4003
  return { ...verified, body: value, plaintext };
}

function checkSignature({ method, target, headers }, session, sealed, { unsigned, log, trace }) {
  const signature = headers['x-nen-signature'];
  if (!signature) {
    // Without signature and without a tag nothing at all would prove who asks.
    if (sealed.ct === null || !unsigned.has(session.identity)) throw new NenError('ISO-3001');
    log(`${method} ${pathOf(target)}: unsigned request accepted, its client is named`);
    return;
  }
  const timestamp = headers['x-nen-timestamp'] ?? '';
  const message = crypto.canonical(method, pathOf(target), timestamp, sealed.nonceText);
  session.last = { canonicalString: message, signature: toBase64(crypto.hmacSha256(session.hmacKey, message)) };
  trace('timestamp', timestamp);
  trace('canonical_string', message);
  trace('signature', session.last.signature);
  if (!crypto.checkHmac(signature, session.hmacKey, message)) throw new NenError('ISO-3002');
}

function checkWindow(headers, now) {
  const timestamp = headers['x-nen-timestamp'] ?? '';
  const sentAt = /^[0-9]{1,16}$/.test(timestamp) ? Number(timestamp) : NaN;
  // Written so that NaN fails.
  if (!(Math.abs(now - sentAt) <= WINDOW_MS)) throw new NenError('ISO-3003');
  return sentAt;
}

/** Check and record in one step: false if the nonce was used. */
function spendNonce(session, nonce, now, forgetAfter) {
  for (const [old, until] of session.nonces) {
    // Insertion order is nearly the order of forgetting: a nonce from the future delays others by a window.
    if (until >= now) break;
    session.nonces.delete(old);
  }
  if (session.nonces.has(nonce)) return false;
  session.nonces.set(nonce, forgetAfter);
  return true;
}

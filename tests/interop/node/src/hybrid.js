// The handshake of V3, both sides: ML-KEM-768 and X25519 together, or ML-KEM-768 alone (pqc-only).

import * as crypto from './crypto.js';
import { NenError } from './errors.js';
import { accepted, sidIn } from './handshake.js';
import { combine, derive, derivePsk, traceKeys } from './keys.js';
import { boundNonce, checkProof, prove } from './proof.js';
import { respondToResume, resumption, sealTicket } from './tickets.js';
import { noTrace } from './trace.js';
import { bytesOfSize, fromBase64, toBase64 } from './wire.js';

export const PQC_ONLY = 'pqc-only';
export const HYBRID = 'hybrid';

/** A client's handshake with fresh key pairs. trust: see checkProof. */
export function begin({ securityMode = HYBRID, trust = {} }, trace = noTrace) {
  const { ek, dk } = crypto.kemKeygen();
  const x = securityMode === PQC_ONLY ? null : crypto.randomKey();
  return {
    body: hello(ek, x, trace),
    finish: (status, bytes) => finish(status, bytes, { ek, dk, x, trust }, trace),
    wipe() {
      dk.fill(0);
      x?.fill(0);
    },
  };
}

/** The client's body. `x`: its X25519 secret key, null for pqc-only. */
export function hello(ek, x, trace = noTrace) {
  trace('ek', ek);
  const body = { pk_kem: toBase64(ek), securityMode: x === null ? PQC_ONLY : HYBRID };
  return JSON.stringify(x === null ? body : { ...body, pk_x: toBase64(crypto.x25519Public(x)) });
}

/** The server's half, a resumption included; the session is not stored. Throws 1001, 1002, 3004, 6002.
 *  given: that of respondToHello or of respondToResume */
export function respond(message, given) {
  if (message.resume === undefined) return respondToHello(message, given);
  refuseRequiredIdentity(given.policy);
  return respondToResume(message, given);
}

/** given: policy (V3 has no client identity, so one that is required is refused), m, x (the server's X25519 secret),
 *  sid, ticketKeys, ticketNonce, ticketExpires, identity with signing randomness rnd, serverNonce (bound by default) */
export function respondToHello(message, given) {
  const { policy, m, x, sid, ticketKeys, ticketNonce, ticketExpires, trace = noTrace } = given;
  const pkKem = keyIn(message.pk_kem === undefined ? message.pk : message.pk_kem, 'pk_kem');
  const pkX = message.securityMode === PQC_ONLY ? null : keyIn(message.pk_x, 'pk_x');
  refuseRequiredIdentity(policy);
  const { ct, ss: kemSs } = crypto.encapsulate(pkKem, m);
  if (pkX !== null && pkX.length !== crypto.KEY_BYTES) throw new NenError('ISO-1002', 'pk_x is not 32 bytes');
  const ss = pkX === null ? kemSs : combine(crypto.x25519(x, pkX), kemSs);
  const pkXServer = pkX === null ? null : crypto.x25519Public(x);
  const keys = derive(ss);
  const psk = derivePsk(ss);
  trace('ek', pkKem);
  trace('ct', ct);
  traceKeys(trace, keys);
  const answer = {
    sid,
    ct: toBase64(ct),
    ticket: sealTicket(psk, ticketExpires, ticketKeys[0], ticketNonce),
    ...(pkX === null ? {} : { pk_x_server: toBase64(pkXServer) }),
    ...proofOf(given, { pkKem, pkX, sid, ct, pkXServer }),
  };
  return { status: 200, answer, session: { family: 'v3', ...keys, identity: null }, psk };
}

function refuseRequiredIdentity({ requireIdentity = false, pinned = null } = {}) {
  if (requireIdentity || pinned !== null) throw new NenError('ISO-3004', 'identity required, and V3 has none');
}

function proofOf({ identity, rnd, serverNonce }, { ct, pkXServer, ...exchange }) {
  if (!identity) return {};
  return prove(identity, { ...exchange, serverNonce: serverNonce ?? boundNonce(ct, pkXServer) }, rnd);
}

function keyIn(text, name) {
  if (typeof text !== 'string' || text === '') throw new NenError('ISO-1001', `${name} is not text`);
  return fromBase64(text);
}

/** The client's keys out of the answer: {sid, ss, hmacKey, psk, ticket?}. Throws 1004, 3006, 3007, and 1002 if the key
 *  agreement fails. `x`: null in pqc-only. */
export function finish(status, bytes, { ek, dk, x, trust }, trace = noTrace) {
  const answer = accepted(status, bytes);
  // That is the answer of V1: whoever gives it, a server or somebody between, would have the session downgraded.
  if (answer.hmac !== undefined) throw new NenError('ISO-1004', 'a key was sent');
  const sid = sidIn(answer);
  const ct = bytesOfSize(answer.ct, crypto.CT_BYTES, 'ISO-1004');
  const pkXServer = x === null ? null : bytesOfSize(answer.pk_x_server, crypto.KEY_BYTES, 'ISO-1004');
  const pkX = x === null ? null : crypto.x25519Public(x);
  trace('ct', ct);
  const { ticket } = resumption(answer);
  checkProof(answer, trust, { pkKem: ek, pkX, sid, ct, pkXServer });
  const kemSs = crypto.decapsulate(ct, dk);
  const ss = x === null ? kemSs : combine(crypto.x25519(x, pkXServer), kemSs);
  const keys = derive(ss);
  traceKeys(trace, keys);
  return { sid, ...keys, psk: derivePsk(ss), ...(ticket === undefined ? {} : { ticket }) };
}

// Tickets and the sessions resumed with them (V3).
//
// A ticket is opaque to clients: base64 of a nonce, a point, base64 of {"psk","exp"} sealed under a key that only
// servers know. Whoever shares the key can open it; a new key seals while older ones still open.

import * as crypto from './crypto.js';
import { NenError } from './errors.js';
import { accepted, sidIn } from './handshake.js';
import { derive, resumedSecret, traceKeys } from './keys.js';
import { noTrace } from './trace.js';
import { NONCE_BYTES, bytesOfSize, fromBase64, parseObject, toBase64, utf8 } from './wire.js';

export const TICKET_LIFE_MS = 600_000;

/** `expires`: unix time in ms. */
export function sealTicket(psk, expires, key, nonce) {
  const plaintext = JSON.stringify({ psk: toBase64(psk), exp: expires });
  return `${toBase64(nonce)}.${toBase64(crypto.seal(key, nonce, utf8(plaintext)))}`;
}

/** The psk in a ticket of one of `keys`, null if there is none to be had, for whatever reason. */
export function openTicket(ticket, keys, now) {
  for (const key of keys) {
    try {
      return pskIn(ticket, key, now);
    } catch (error) {
      if (!(error instanceof NenError)) throw error;
    }
  }
  return null;
}

function pskIn(ticket, key, now) {
  const parts = typeof ticket === 'string' ? ticket.split('.', 3) : [];
  if (parts.length !== 2) throw new NenError('ISO-4001', 'not a ticket');
  const plaintext = crypto.open(key, bytesOfSize(parts[0], NONCE_BYTES, 'ISO-4001'), fromBase64(parts[1], 'ISO-4001'));
  const { psk, exp } = parseObject(plaintext, 'ISO-4001');
  if (!Number.isSafeInteger(exp) || exp <= now) throw new NenError('ISO-4001', 'the ticket has expired');
  return bytesOfSize(psk, crypto.KEY_BYTES, 'ISO-4001');
}

/** The client's body. `rn`: 32 fresh bytes; securityMode: how the first session was made. */
export const resumeHello = (ticket, rn, securityMode) =>
  JSON.stringify({ resume: ticket, rn: toBase64(rn), securityMode });

/** The server's half, as `respond` of a handshake. Throws 1001, 6002, 1002 for a malformed rn.
 *  ticketKeys: the first seals, all open; srn: 32 fresh bytes */
export function respondToResume({ resume, rn: rnText }, given) {
  const { ticketKeys, now, srn, sid, ticketNonce, ticketExpires, trace = noTrace } = given;
  if (typeof rnText !== 'string') throw new NenError('ISO-1001', 'rn is not text');
  const rn = fromBase64(rnText);
  if (rn.length !== crypto.KEY_BYTES) throw new NenError('ISO-1002', 'rn is not 32 bytes');
  const psk = openTicket(resume, ticketKeys, now);
  if (psk === null) return { status: 409, answer: { resumed: false }, session: null };
  const keys = derive(resumedSecret(psk, rn, srn));
  traceKeys(trace, keys);
  const ticket = sealTicket(psk, ticketExpires, ticketKeys[0], ticketNonce);
  const answer = { sid, srn: toBase64(srn), ticket, resumed: true };
  return { status: 200, answer, session: { family: 'v3', ...keys, identity: null } };
}

/** The client's keys out of the answer, null where the server does not resume. Throws 1004. */
export function finishResume(status, bytes, psk, rn, trace = noTrace) {
  if (status === 409) return null;
  const answer = accepted(status, bytes);
  if (answer.resumed !== true) throw new NenError('ISO-1004', 'not an answer to a resumption');
  if (answer.hmac !== undefined) throw new NenError('ISO-1004', 'a key was sent');
  const sid = sidIn(answer);
  const srn = bytesOfSize(answer.srn, crypto.KEY_BYTES, 'ISO-1004');
  const keys = derive(resumedSecret(psk, rn, srn));
  traceKeys(trace, keys);
  return { sid, ...keys, ...resumption(answer, psk) };
}

/** What a client keeps to resume with: {ticket, psk}, nothing where the server gave no ticket. Throws 1004. */
export function resumption({ ticket }, psk) {
  if (ticket === undefined || ticket === '') return {};
  if (typeof ticket !== 'string') throw new NenError('ISO-1004', 'the ticket is not text');
  return { ticket, psk };
}

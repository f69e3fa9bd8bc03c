// The key schedule of V3: every key is HKDF-SHA256 of another, 32 bytes, under a label.

import * as crypto from './crypto.js';

const LABELS = {
  hybrid: 'nen/v3 hybrid',
  enc: 'nen/v3 enc',
  mac: 'nen/v3 mac',
  psk: 'nen/v3 resume',
  ratchet: 'nen/v3 ratchet',
  resumed: 'nen/v3 resume-ss',
};

const joined = (...pieces) => new Uint8Array(Buffer.concat(pieces));

/** The secret of a hybrid handshake out of its two halves. */
export const combine = (xSs, kemSs) => crypto.hkdfSha256(joined(xSs, kemSs), LABELS.hybrid);

/** The keys of a session. */
export const derive = (ss) => ({ ss: crypto.hkdfSha256(ss, LABELS.enc), hmacKey: crypto.hkdfSha256(ss, LABELS.mac) });

/** What a ticket carries to a later session. */
export const derivePsk = (ss) => crypto.hkdfSha256(ss, LABELS.psk);

/** The keys after a rekey. */
export const ratchet = ({ ss, hmacKey }) => (
  { ss: crypto.hkdfSha256(ss, LABELS.ratchet), hmacKey: crypto.hkdfSha256(hmacKey, LABELS.ratchet) });

/** The secret of a resumed session. */
export const resumedSecret = (psk, rn, srn) => crypto.hkdfSha256(joined(psk, rn, srn), LABELS.resumed);

export function traceKeys(trace, { ss, hmacKey }) {
  trace('enc', ss);
  trace('mac', hmacKey);
}

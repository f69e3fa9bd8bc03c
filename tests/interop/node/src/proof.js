// The identity of a V3 server: a signature over a transcript of the handshake.
//
// The transcript is that of the published documents and covers neither the KEM ciphertext nor the server's X25519 key:
// who stands between may put his own in their place under a signature that he passed on. So a server draws no
// server_nonce, but makes it out of both (boundNonce); a client that is told so checks it, any other sees 32 bytes.

import * as crypto from './crypto.js';
import { NenError } from './errors.js';
import { bytesOfSize, fromBase64, toBase64, utf8 } from './wire.js';

const EMPTY = new Uint8Array(0);
const BOUND_LABEL = 'nen/v3 bound nonce';
const NONCE_BYTES = 32;

/** A field: its length as u32 big-endian, then its bytes. */
function field(bytes) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** What is signed. `pkX`: null in pqc-only. */
export const transcriptHash = ({ pkKem, pkX, serverNonce, sid }) =>
  crypto.sha256Of(field(pkKem), field(pkX ?? EMPTY), field(serverNonce), field(utf8(sid)));

/** `pkXServer`: null in pqc-only. */
export const boundNonce = (ct, pkXServer) =>
  crypto.sha256Of(utf8(BOUND_LABEL), field(ct), field(pkXServer ?? EMPTY));

/** The members that prove a server's identity; `rnd` as in FIPS 204. */
export function prove(identity, { pkKem, pkX, serverNonce, sid }, rnd) {
  const signature = crypto.sign(transcriptHash({ pkKem, pkX, serverNonce, sid }), identity.secretKey, rnd);
  return {
    server_nonce: toBase64(serverNonce), server_sig: toBase64(signature), server_id_pk: toBase64(identity.spki),
  };
}

/** Throws 3006 for an identity that is absent or not the pinned one, 3007 for a signature that is not of this
 *  handshake. Without a pin no identity is asked for, but one that is there has to verify.
 *  trust: {pinned, the bare key or null; bound}; exchange: {pkKem, pkX, sid, ct, pkXServer} */
export function checkProof(answer, { pinned = null, bound = false }, exchange) {
  const { server_nonce: nonceText, server_sig: signature, server_id_pk: keyText } = answer;
  if (keyText === undefined && signature === undefined && nonceText === undefined) {
    if (pinned === null && !bound) return;
    throw new NenError('ISO-3006', 'the server proves no identity');
  }
  const key = crypto.identityKey(fromBase64(keyText, 'ISO-3006'));
  if (key === null) throw new NenError('ISO-3006', 'server_id_pk is not an ML-DSA-65 key');
  if (pinned !== null && toBase64(key) !== toBase64(pinned)) throw new NenError('ISO-3006', 'not the pinned key');
  const serverNonce = bytesOfSize(nonceText, NONCE_BYTES, 'ISO-3007');
  if (!crypto.verify(fromBase64(signature, 'ISO-3007'), transcriptHash({ ...exchange, serverNonce }), key)) {
    throw new NenError('ISO-3007', 'the signature is not of this handshake');
  }
  if (bound && !Buffer.from(serverNonce).equals(boundNonce(exchange.ct, exchange.pkXServer))) {
    throw new NenError('ISO-3007', 'server_nonce is not bound to the key exchange');
  }
}

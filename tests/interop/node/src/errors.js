// The error catalogue (facts, "Errors"). `message` is safe for anyone; `detail` is for the log, never sent.

import { parseJson } from './wire.js';

const CATALOGUE = new Map([
  ['ISO-1001', [400, 'The handshake carries no public key.']],
  ['ISO-1002', [500, 'The handshake failed.']],
  ['ISO-1003', [503, 'The handshake endpoint could not be reached.']],
  ['ISO-1004', [502, 'The handshake was answered badly.']],
  ['ISO-2001', [409, 'No session: handshake first.']],
  ['ISO-2002', [401, 'The session is unknown or has expired.']],
  ['ISO-2003', [401, 'The session header is missing.']],
  ['ISO-3001', [401, 'The request is not signed.']],
  ['ISO-3002', [401, 'The request signature is wrong.']],
  ['ISO-3003', [401, 'The timestamp is outside the time window.']],
  ['ISO-3004', [401, 'The identity signature does not verify.']],
  ['ISO-3005', [401, 'The nonce header is missing.']],
  ['ISO-3006', [401, 'The server identity is absent or not the expected one.']],
  ['ISO-3007', [401, 'The signed transcript does not match.']],
  ['ISO-4001', [400, 'The payload could not be decrypted.']],
  ['ISO-4002', [500, 'The answer could not be encrypted.']],
  ['ISO-4003', [400, 'The decrypted payload is not JSON.']],
  ['ISO-5001', [409, 'The nonce was already used.']],
  ['ISO-6001', [400, 'The payload has the wrong format.']],
  ['ISO-6002', [400, 'The payload could not be decoded.']],
  ['ISO-7001', [502, 'The stream carries no nonce.']],
  ['ISO-7002', [502, 'The stream failed.']],
  ['ISO-9000', [500, 'Internal error.']],
]);

export class NenError extends Error {
  /** @param {string} code  @param {string} [detail]  diagnosis for the log, without secrets
   *  @param {{serverCode?: string, httpStatus?: number, cause?: unknown}} [more]  client: the answer */
  constructor(code, detail = '', more = {}) {
    const [status, message] = CATALOGUE.get(code);
    super(message, { cause: more.cause });
    this.name = 'NenError';
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.serverCode = more.serverCode;
    this.httpStatus = more.httpStatus;
  }

  body() {
    return { error: { code: this.code, message: this.message } };
  }
}

/** The status of a code; undefined for one that is not in the catalogue. */
export const statusOf = (code) => CATALOGUE.get(code)?.[0];

/** The catalogued code in the bytes of an answer; undefined for anything else. */
export function codeInBytes(bytes) {
  try {
    return codeIn(parseJson(bytes, 'ISO-6001')); // of what parsers read differently, none of them
  } catch {
    return undefined;
  }
}

/** The catalogued code in an error body; undefined for anything else, since nobody vouches for the text. */
export function codeIn(value) {
  const code = value?.error?.code;
  return CATALOGUE.has(code) ? code : undefined;
}

// Arguments of the operations of the harness protocol.

import * as crypto from './crypto.js';

// Uint8Array rather than Buffer: a WebAssembly provider may take nothing else.
export const bytes = (hex) => Uint8Array.from(Buffer.from(hex, 'hex'));
export const DETERMINISTIC = new Uint8Array(32); // rnd of FIPS 204, 3.4: where all is given, the answer is the same
export const seedOf = ({ d, z }) => bytes(d + z);
export const identityOf = (seed) => (
  seed === undefined ? undefined : crypto.newIdentity(crypto.dsaKeygen(bytes(seed))));

/** A member that is left out where there is no value. */
export const optional = (name, value) => (value === undefined ? {} : { [name]: value });

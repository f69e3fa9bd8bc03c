// Sealed envelopes: a value sealed to an ML-KEM-768 key, without a session.
//
// Every opening takes what the caller expects, the context, the signers, the size: an envelope does not say by itself
// where it belongs, and what the caller does not state is not opened. A context is text, or null for none.
// `m`, `n` and `rnd` are given randomness, fresh without them.

import * as crypto from './crypto.js';
import { NenError } from './errors.js';
import { NONCE_BYTES, fromBase64, isObject, parseJson, parseObject, toBase64, utf8 } from './wire.js';

export const FRAME_SIZE = 262_144;
export const MAX_FRAME_SIZE = 16_777_216;
export const SIZE_IN_CONTEXT = 'context';
export const SIZE_UNKNOWN = 'unknown';

const CEK_LABEL = 'nen/seal v1 cek';
const FRAME_LABEL = 'nen/seal v1 frame:';
const ZERO_NONCE = new Uint8Array(NONCE_BYTES);
const EVENT = /^[!-~]([ -~]*[!-~])?$/;

const malformed = (detail) => new NenError('ISO-6001', detail);
const unexpected = (detail) => new NenError('ISO-4001', detail);

// Envelopes

/** {v, kem, n, ct, ctx?} of bytes. Throws 1002 for a bad ek, 6001 for a bad context. */
export function seal(ek, data, context, { m, n = crypto.randomNonce() } = {}) {
  checkContext(context);
  const { ct: kem, ss } = crypto.encapsulate(ek, m);
  const ct = crypto.seal(contentKey(ss, context), n, data);
  return { v: 1, kem: toBase64(kem), n: toBase64(n), ct: toBase64(ct), ...contextIn(context) };
}

/** The bytes in an envelope, parsed. Throws 6001, 6002, 4001, 1002. */
export function open(dk, envelope, context) {
  const { kem, n, ct } = partsOf(envelope, context);
  return crypto.open(contentKey(crypto.decapsulate(kem, dk), context), n, ct);
}

const contentKey = (ss, context) => crypto.hkdfSha256(ss, context === null ? CEK_LABEL : `${CEK_LABEL}|${context}`);
const contextIn = (context) => (context === null ? {} : { ctx: context });

function checkContext(context) {
  if (context === undefined) throw new TypeError('state a context, or null for none');
  if (context !== null && !isContext(context)) throw malformed('not a context');
}

const isContext = (value) => typeof value === 'string' && value !== '' && value.isWellFormed();

/** The form of an envelope, and then its context. */
function partsOf(envelope, context) {
  const kem = kemOf(envelope);
  const n = textOf(envelope, 'n');
  if (n.length !== NONCE_BYTES) throw malformed('n is not 12 bytes');
  const parts = { kem, n, ct: textOf(envelope, 'ct') };
  expectContext(envelope, context);
  return parts;
}

function kemOf(envelope) {
  if (!isObject(envelope)) throw malformed('not an envelope');
  if (envelope.v !== 1) throw malformed('not version 1');
  return textOf(envelope, 'kem');
}

function textOf(envelope, name) {
  if (typeof envelope[name] !== 'string') throw malformed(`${name} is not text`);
  return fromBase64(envelope[name]);
}

function expectContext({ ctx }, context) {
  checkContext(context);
  if (ctx !== undefined && !isContext(ctx)) throw malformed('not a context');
  if ((ctx ?? null) !== context) throw unexpected('another context');
}

// Signed

/** What is signed: the texts as they stand in the envelope. */
export const signedText = ({ kem, n, ct, ctx = '' }) => `1\n${kem}\n${n}\n${ct}\n${ctx}`;

export function sealSigned(ek, data, context, identity, { rnd, ...given } = {}) {
  const envelope = seal(ek, data, context, given);
  const signature = crypto.sign(utf8(signedText(envelope)), identity.secretKey, rnd);
  return { ...envelope, sig: toBase64(signature), spk: toBase64(identity.spki) };
}

/** {data, signer}. `signers`: the ML-DSA-65 keys, bare, of which one must have signed. Throws 3004 too. */
export function openSigned(dk, envelope, context, signers) {
  partsOf(envelope, context);
  const key = crypto.identityKey(fromBase64(envelope.spk, 'ISO-3004'));
  const expected = key !== null && signers.some((signer) => toBase64(signer) === toBase64(key));
  if (!expected) throw new NenError('ISO-3004', 'another signer');
  if (!crypto.verify(fromBase64(envelope.sig, 'ISO-3004'), utf8(signedText(envelope)), key)) {
    throw new NenError('ISO-3004', 'the signature does not verify');
  }
  return { data: open(dk, envelope, context), signer: key };
}

// Framed

const frameKey = (cek, i) => crypto.hkdfSha256(cek, `${FRAME_LABEL}${i}`);
const framesIn = (size, frameSize) => Math.max(1, Math.ceil(size / frameSize));
const isInteger = (value, least, most) => Number.isSafeInteger(value) && value >= least && value <= most;

function checkFrameSize(frameSize) {
  if (!isInteger(frameSize, 1, MAX_FRAME_SIZE)) throw malformed('not a frame size');
}

/** The context that names the size of what is sealed in it. */
const withSize = (context, size) => (context === null ? `size:${size}` : `${context}|size:${size}`);

export function sealFramed(ek, data, context, { frameSize = FRAME_SIZE, nameSize = false, m } = {}) {
  checkContext(context);
  checkFrameSize(frameSize);
  const named = nameSize ? withSize(context, data.length) : context;
  const { ct: kem, ss } = crypto.encapsulate(ek, m);
  const cek = contentKey(ss, named);
  const frames = Array.from({ length: framesIn(data.length, frameSize) }, (_, i) => (
    toBase64(crypto.seal(frameKey(cek, i), ZERO_NONCE, data.subarray(i * frameSize, (i + 1) * frameSize)))));
  return { v: 1, kem: toBase64(kem), frameSize, size: data.length, frames, ...contextIn(named) };
}

/** `known`: the number of bytes, SIZE_IN_CONTEXT or SIZE_UNKNOWN. Neither the number of frames nor `size` is authentic:
 *  who drops frames at the end edits `size` to match, and only a caller that knows it sees that. */
export function openFramed(dk, envelope, context, known) {
  if (known === undefined) throw new TypeError('state the size, or that it is not known');
  checkContext(context);
  const kem = kemOf(envelope);
  const { frameSize, size, frames } = envelope;
  checkFrameSize(frameSize);
  if (!isInteger(size, 0, Number.MAX_SAFE_INTEGER)) throw malformed('not a size');
  if (!Array.isArray(frames)) throw malformed('frames are not an array');
  const pieces = frames.map((frame) => textOf({ frame }, 'frame'));
  const stated = known === SIZE_IN_CONTEXT ? withSize(context, size) : context;
  expectContext(envelope, stated);
  if (typeof known === 'number' && size !== known) throw unexpected('another size');
  if (frames.length !== framesIn(size, frameSize)) throw unexpected('more or fewer frames');
  const cek = contentKey(crypto.decapsulate(kem, dk), stated);
  const opened = pieces.map((piece, i) => {
    const data = crypto.open(frameKey(cek, i), ZERO_NONCE, piece);
    if (data.length !== Math.min(frameSize, size - i * frameSize)) throw unexpected('a frame of another size');
    return data;
  });
  return new Uint8Array(Buffer.concat(opened));
}

// Webhooks

const webhookContext = (event) => `webhook:${event}`;

/** {headers, body} of a signed envelope of a payload, a JSON text. Throws 6001, 4003, 1002. */
export function sealWebhook(ek, event, payload, identity, given = {}) {
  if (!EVENT.test(event)) throw malformed('not an event');
  parseJson(utf8(payload), 'ISO-4003');
  const envelope = sealSigned(ek, utf8(payload), webhookContext(event), identity, given);
  return {
    headers: { 'content-type': 'application/json', 'x-nen-event': event },
    body: JSON.stringify(envelope),
  };
}

/** {event, data} of a webhook, data being the bytes of a JSON text; `headers` with names in lower case, `events` those
 *  expected. */
export function openWebhook(dk, { headers, body }, events, signers) {
  const event = headers['x-nen-event'];
  if (!event) throw malformed('no x-nen-event');
  if (!events.includes(event)) throw unexpected('another event');
  const { data } = openSigned(dk, parseObject(utf8(body), 'ISO-6001'), webhookContext(event), signers);
  parseJson(data, 'ISO-4003');
  return { event, data };
}

// Media

const MEDIA_CONTEXT = 'media';

export function sealMedia(ek, data, type, options = {}) {
  return { envelope: sealFramed(ek, data, MEDIA_CONTEXT, options), type, size: data.length };
}

/** {type, data}. `types`: those expected; `known` as in openFramed. */
export function openMedia(dk, { envelope, type, size }, types, known) {
  if (!isObject(envelope) || typeof type !== 'string' || !Number.isSafeInteger(size)) throw malformed('not media');
  if (!types.includes(type)) throw unexpected('another type');
  if (size !== envelope.size) throw unexpected('another size');
  return { type, data: openFramed(dk, envelope, MEDIA_CONTEXT, known) };
}

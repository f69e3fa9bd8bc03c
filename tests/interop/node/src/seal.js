// Sealed envelopes: a value sealed to an ML-KEM-768 key, without a session.
//
// Every opening takes what the caller expects, the context, the signer, the path: an envelope does not say by itself
// where it belongs. `m` and `n` are given randomness, fresh without them.

import * as crypto from './crypto.js';
import { NenError } from './errors.js';
import { NONCE_BYTES, bytesOfSize, fromBase64, isObject, parseJson, parseObject, toBase64, utf8 } from './wire.js';

export const FRAME_SIZE = 262_144;
const CEK_LABEL = 'nen/seal v1 cek';
const FRAME_LABEL = 'nen/seal v1 frame:';
const TAG_BYTES = 16;
const ZERO_NONCE = new Uint8Array(NONCE_BYTES);
const MARK = '$nenSealed';

const contextKey = (ss, context) =>
  crypto.hkdfSha256(ss, context === undefined ? CEK_LABEL : `${CEK_LABEL}|${context}`);
const contextIn = (context) => (context === undefined ? {} : { ctx: context });

/** {v, kem, n, ct, ctx?} of bytes. */
export function seal(ek, data, { context, m, n = crypto.randomNonce() } = {}) {
  const { ct: kem, ss } = crypto.encapsulate(ek, m);
  const ct = crypto.seal(contextKey(ss, context), n, data);
  return { v: 1, kem: toBase64(kem), n: toBase64(n), ct: toBase64(ct), ...contextIn(context) };
}

/** The bytes in an envelope that has exactly the expected `context`, undefined for none. */
export function open(dk, envelope, { context } = {}) {
  checkHead(envelope, context);
  const [kem, n, ct] = texts(envelope, ['kem', 'n', 'ct']).map((text) => fromBase64(text));
  if (n.length !== NONCE_BYTES) throw new NenError('ISO-6001', 'n is not 12 bytes');
  return crypto.open(contextKey(crypto.decapsulate(kem, dk), context), n, ct);
}

function checkHead(envelope, context) {
  if (!isObject(envelope)) throw new NenError('ISO-6001', 'not an envelope');
  const { v, ctx } = envelope;
  if (v !== 1) throw new NenError('ISO-6001', 'not version 1');
  if (ctx !== undefined && typeof ctx !== 'string') throw new NenError('ISO-6001', 'ctx is not text');
  if (ctx !== context) throw new NenError('ISO-4001', 'not the expected context');
}

function texts(envelope, names) {
  return names.map((name) => {
    if (typeof envelope[name] !== 'string') throw new NenError('ISO-6001', `${name} is not text`);
    return envelope[name];
  });
}

// Signed

/** What is signed: the texts as they stand in the envelope. */
export const signedText = ({ v, kem, n, ct, ctx = '' }) => `${v}\n${kem}\n${n}\n${ct}\n${ctx}`;

export function sealSigned(ek, data, identity, { rnd, ...options } = {}) {
  const envelope = seal(ek, data, options);
  const signature = crypto.sign(utf8(signedText(envelope)), identity.secretKey, rnd);
  return { ...envelope, sig: toBase64(signature), spk: toBase64(identity.spki) };
}

/** `signer`: the ML-DSA-65 key, bare, that must have signed. */
export function openSigned(dk, envelope, signer, options = {}) {
  checkHead(envelope, options.context);
  const [, , , signature, spk] = texts(envelope, ['kem', 'n', 'ct', 'sig', 'spk']);
  const key = crypto.identityKey(fromBase64(spk));
  if (key === null || toBase64(key) !== toBase64(signer)) throw new NenError('ISO-3004', 'not the expected signer');
  if (!crypto.verify(fromBase64(signature), utf8(signedText(envelope)), key)) {
    throw new NenError('ISO-3004', 'the signature does not verify');
  }
  return open(dk, envelope, options);
}

// Framed

const frameKey = (cek, i) => crypto.hkdfSha256(cek, `${FRAME_LABEL}${i}`);
const framesOf = (size, frameSize) => Math.max(1, Math.ceil(size / frameSize));

export function sealFramed(ek, data, { context, frameSize = FRAME_SIZE, m } = {}) {
  if (!Number.isSafeInteger(frameSize) || frameSize < 1) throw new RangeError('a frame has one byte or more');
  const { ct: kem, ss } = crypto.encapsulate(ek, m);
  const cek = contextKey(ss, context);
  const frames = Array.from({ length: framesOf(data.length, frameSize) }, (_, i) => (
    toBase64(crypto.seal(frameKey(cek, i), ZERO_NONCE, data.subarray(i * frameSize, (i + 1) * frameSize)))));
  return { v: 1, kem: toBase64(kem), frameSize, size: data.length, frames, ...contextIn(context) };
}

/** `size` and the number of frames are not authentic: who drops frames at the end can edit `size` to match. */
export function openFramed(dk, envelope, { context, size: expected } = {}) {
  checkHead(envelope, context);
  const { frameSize, size, frames } = envelope;
  if (!Number.isSafeInteger(frameSize) || frameSize < 1) throw new NenError('ISO-6001', 'frameSize');
  if (!Number.isSafeInteger(size) || size < 0) throw new NenError('ISO-6001', 'size');
  if (!Array.isArray(frames) || frames.length !== framesOf(size, frameSize)) throw new NenError('ISO-6001', 'frames');
  if (expected !== undefined && size !== expected) throw new NenError('ISO-4001', 'not the expected size');
  const cek = contextKey(crypto.decapsulate(fromBase64(texts(envelope, ['kem'])[0]), dk), context);
  const pieces = frames.map((frame, i) => {
    const length = Math.min(frameSize, size - i * frameSize);
    return crypto.open(frameKey(cek, i), ZERO_NONCE, bytesOfSize(frame, length + TAG_BYTES, 'ISO-6001'));
  });
  return new Uint8Array(Buffer.concat(pieces));
}

// Fields

const fieldContext = (path) => `field:${path}`;

/** The object with the values at these dot paths sealed, each in the context of its path. */
export function sealFields(ek, object, paths, draw = () => ({})) {
  const copy = structuredClone(object);
  for (const [i, path] of paths.entries()) {
    const [holder, name] = place(copy, path);
    const envelope = seal(ek, utf8(JSON.stringify(holder[name])), { context: fieldContext(path), ...draw(i) });
    holder[name] = { [MARK]: true, ...envelope };
  }
  return copy;
}

/** The object with the values at these paths opened. A value sealed for another path is refused. */
export function openFields(dk, object, paths) {
  const copy = structuredClone(object);
  for (const path of paths) {
    const [holder, name] = place(copy, path);
    if (holder[name]?.[MARK] !== true) throw new NenError('ISO-6001', 'the field is not sealed');
    holder[name] = parseJson(open(dk, holder[name], { context: fieldContext(path) }), 'ISO-4003');
  }
  return copy;
}

/** The object or array that holds the value at a path, and its name there. Throws 6001 where there is none. */
function place(object, path) {
  const names = path.split('.');
  let holder = object;
  for (const [depth, name] of names.entries()) {
    if (holder === null || typeof holder !== 'object' || !Object.hasOwn(holder, name)) {
      throw new NenError('ISO-6001', 'no such field');
    }
    if (depth < names.length - 1) holder = holder[name];
  }
  return [holder, names.at(-1)];
}

// Webhooks

const webhookContext = (event) => `webhook:${event}`;

/** {headers, body} of a signed envelope of a JSON value. */
export function sealWebhook(ek, event, payload, identity, options = {}) {
  const data = utf8(JSON.stringify(payload));
  const envelope = sealSigned(ek, data, identity, { context: webhookContext(event), ...options });
  return {
    headers: { 'content-type': 'application/json', 'x-nen-event': event },
    body: JSON.stringify(envelope),
  };
}

/** {event, payload} of a webhook; `headers` with names in lower case. */
export function openWebhook(dk, { headers, body }, signer) {
  const event = headers['x-nen-event'];
  if (!event) throw new NenError('ISO-6001', 'no x-nen-event');
  const envelope = parseObject(utf8(body), 'ISO-6001');
  const data = openSigned(dk, envelope, signer, { context: webhookContext(event) });
  return { event, payload: parseJson(data, 'ISO-4003') };
}

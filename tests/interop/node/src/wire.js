// What goes over the wire: strict base64, strict JSON, the sealed object {"ct","n"}, server-sent events.

import { NenError } from './errors.js';

export const NONCE_BYTES = 12;

// The limits of V1-WIRE-05.
const MAX_DEPTH = 128;
const MAX_DIGITS = 4300;

// Characters of one server-sent event: a peer that never ends a line must not fill the memory.
const MAX_EVENT = 16 * 1024 * 1024;

export const toBase64 = (bytes) => Buffer.from(bytes).toString('base64');
export const utf8 = (text) => new TextEncoder().encode(text);

/** Strict RFC 4648 section 4; anything but text in canonical form throws `code`. */
export function fromBase64(text, code = 'ISO-6002') {
  if (typeof text !== 'string') throw new NenError(code, 'base64 is not text');
  // Buffer.from skips what it does not know; only the canonical text survives the round trip.
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new NenError(code, 'not strict base64');
  return new Uint8Array(bytes);
}

/** The path as it stands on the wire: no query, no fragment, and no origin in the absolute form. */
export function pathOf(target) {
  return target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0] || '/';
}

/** Header names in lower case; a repeated one is joined as HTTP says. */
export function lowerCase(headers) {
  const joined = {};
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    joined[key] = Object.hasOwn(joined, key) ? `${joined[key]}, ${value}` : value;
  }
  return joined;
}

/** Bytes as UTF-8 text; throws TypeError for ill-formed UTF-8. A byte order mark stays and is no JSON. */
export function text(bytes) {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Any JSON value from bytes; throws `code`, also for what parsers are known to read differently (V1-WIRE-05). */
export function parseJson(bytes, code) {
  try {
    const source = text(bytes);
    const value = JSON.parse(source);
    refuseAmbiguous(source);
    return value;
  } catch (cause) {
    // Not the message of JSON.parse: it quotes the text, which may be a decrypted payload.
    throw new NenError(code, cause instanceof Ambiguous ? cause.message : `not JSON (${cause.name})`);
  }
}

/** A JSON object from bytes; throws `code` for other bytes and other JSON values. */
export function parseObject(bytes, code) {
  const value = parseJson(bytes, code);
  if (!isObject(value)) throw new NenError(code, 'not a JSON object');
  return value;
}

export const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** The sealed object {"ct","n"}: `n` as text (it is signed that way) and both decoded. Throws 6001, 6002. */
export function parseSealed(bytes) {
  const { ct, n } = parseObject(bytes, 'ISO-6001');
  if (typeof ct !== 'string' || typeof n !== 'string') throw new NenError('ISO-6001', 'ct or n is not text');
  return { nonceText: n, ct: fromBase64(ct), nonce: nonceFrom(n) };
}

/** The ciphertext of {"ct"}. Throws 6001, 6002. */
export function parseCt(bytes) {
  const { ct } = parseObject(bytes, 'ISO-6001');
  if (typeof ct !== 'string') throw new NenError('ISO-6001', 'ct is not text');
  return fromBase64(ct);
}

/** A nonce from its text. Throws 6002, 6001. */
export function nonceFrom(text) {
  const nonce = fromBase64(text);
  if (nonce.length !== NONCE_BYTES) throw new NenError('ISO-6001', 'the nonce is not 12 bytes');
  return nonce;
}

/** The bytes of a base64 text that has to give exactly `size` of them; anything else throws `code`. */
export function bytesOfSize(text, size, code) {
  const bytes = fromBase64(text, code);
  if (bytes.length !== size) throw new NenError(code, `${bytes.length} bytes instead of ${size}`);
  return bytes;
}

/** The `data` of each server-sent event in an iterable of byte chunks, cut anywhere.
 *  An event that its blank line does not end is dropped, as the HTML standard says. */
export async function* sseData(chunks) {
  const decoder = new TextDecoder();
  let partialLine = '';
  let afterCR = false;
  let data = null;
  for await (const bytes of chunks) {
    let piece = decoder.decode(bytes, { stream: true });
    if (piece === '') continue;
    // CRLF may be cut in two: its CR has already ended the line.
    if (afterCR && piece[0] === '\n') piece = piece.slice(1);
    afterCR = piece.endsWith('\r');
    const lines = piece.split(/\r\n|\r|\n/);
    lines[0] = partialLine + lines[0];
    partialLine = lines.pop();
    for (const line of lines) {
      if (line === '') {
        if (data !== null) yield data;
        data = null;
        continue;
      }
      const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      // Comments have an empty field name; event:, id: and retry: mean nothing here.
      if (field === 'data') data = data === null ? value : `${data}\n${value}`;
    }
    const size = partialLine.length + (data?.length ?? 0);
    if (size > MAX_EVENT) throw new NenError('ISO-7002', 'event too long');
  }
}

class Ambiguous extends Error {}

/** Throws for a member named twice, a lone surrogate, too deep nesting, too many digits. `source` is JSON. */
function refuseAmbiguous(source) {
  const open = []; // for each open object the names of its members, for each open array null
  let before = ''; // the last of { [ , : that came: a text after { or , in an object is a name
  for (let i = 0; i < source.length; i++) {
    const char = source[i];
    if (char === '"') {
      const end = endOfText(source, i);
      const value = JSON.parse(source.slice(i, end + 1));
      if (!value.isWellFormed()) throw new Ambiguous('a lone surrogate');
      if (open.at(-1) && before !== ':') addName(open.at(-1), value);
      i = end;
    } else if (char === '{' || char === '[') {
      if (open.push(char === '{' ? new Set() : null) > MAX_DEPTH) throw new Ambiguous('nested too deeply');
      before = char;
    } else if (char === '}' || char === ']') {
      open.pop();
    } else if (char === ',' || char === ':') {
      before = char;
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      i = endOfNumber(source, i);
    }
  }
}

function addName(names, name) {
  if (names.has(name)) throw new Ambiguous('a member is named twice');
  names.add(name);
}

function endOfText(source, start) {
  let i = start + 1;
  while (source[i] !== '"') i += source[i] === '\\' ? 2 : 1;
  return i;
}

/** The index of the number's last character. */
function endOfNumber(source, start) {
  let digits = 0;
  let i = start;
  for (; i < source.length && '0123456789+-.eE'.includes(source[i]); i++) {
    if (source[i] >= '0' && source[i] <= '9') digits += 1;
  }
  if (digits > MAX_DIGITS) throw new Ambiguous('a number of too many digits');
  return i - 1;
}

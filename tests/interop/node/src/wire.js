// What goes over the wire: strict base64, strict JSON, the sealed object {"ct","n"}, server-sent events.

import { NenError } from './errors.js';

export const NONCE_BYTES = 12;

// RFC 8259 section 9 allows a depth limit. JSON.parse takes any depth, JSON.stringify overflows the stack.
const MAX_DEPTH = 512;

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

/** Bytes as UTF-8 text; throws TypeError for ill-formed UTF-8. A byte order mark stays and is no JSON. */
export function text(bytes) {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Any JSON value from bytes; throws `code`. */
export function parseJson(bytes, code) {
  try {
    const source = text(bytes);
    if (isTooDeep(source)) throw new SyntaxError('nested too deeply');
    return JSON.parse(source);
  } catch (cause) {
    // Not the message of JSON.parse: it quotes the text, which may be a decrypted payload.
    throw new NenError(code, `not JSON (${cause.name})`);
  }
}

/** A JSON object from bytes; throws `code` for other bytes and other JSON values. */
export function parseObject(bytes, code) {
  const value = parseJson(bytes, code);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new NenError(code, 'not a JSON object');
  }
  return value;
}

/** The sealed object {"ct","n"}: `n` as text (it is signed that way) and both decoded. Throws 6001, 6002. */
export function parseSealed(bytes) {
  const { ct, n } = parseObject(bytes, 'ISO-6001');
  if (typeof ct !== 'string' || typeof n !== 'string') throw new NenError('ISO-6001', 'ct or n is not text');
  const sealed = { nonceText: n, ct: fromBase64(ct), nonce: fromBase64(n) };
  if (sealed.nonce.length !== NONCE_BYTES) throw new NenError('ISO-6001', 'n is not 12 bytes');
  return sealed;
}

/** The `data` of each server-sent event in an async iterable of byte chunks, cut anywhere.
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

function isTooDeep(source) {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < source.length; i++) {
    switch (source[i]) {
      case '"': inString = !inString; break;
      case '\\': i++; break;
      case '[': case '{': if (!inString && ++depth > MAX_DEPTH) return true; break;
      case ']': case '}': if (!inString) depth--; break;
    }
  }
  return false;
}

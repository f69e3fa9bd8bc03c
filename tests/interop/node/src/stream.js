// Encrypted streams: events out of chunks, and chunks out of whatever arrives.

import * as crypto from './crypto.js';
import { NenError } from './errors.js';
import { NONCE_BYTES, fromBase64, sseData, toBase64, utf8 } from './wire.js';

const MAX_EVENTS = 2 ** 32;
const FIN_BYTES = Buffer.from(crypto.FIN);

/** Seals the chunks of one stream, from the event `next` on. */
export class StreamSealer {
  #ss;
  #base;
  #next;

  constructor(ss, base, next = 0) {
    this.#ss = ss;
    this.#base = base;
    this.#next = next;
  }

  /** The event of a chunk, or two for the one that reads like the final event. Throws 4002 when only that is left,
   *  or for text that has no UTF-8 form. */
  seal(chunk) {
    if (!chunk.isWellFormed()) throw new NenError('ISO-4002', 'a lone surrogate');
    const parts = chunk === crypto.FIN ? ['__FI', 'N__'] : [chunk];
    if (this.#next + parts.length >= MAX_EVENTS) throw new NenError('ISO-4002', 'the stream is full');
    return parts.map((part) => this.#event(part)).join('');
  }

  finish() {
    return this.#event(crypto.FIN);
  }

  #event(chunk) {
    const nonce = crypto.streamNonce(this.#base, this.#next++);
    return `data: ${toBase64(crypto.seal(this.#ss, nonce, utf8(chunk)))}\n\n`;
  }
}

/** Every event of a stream, each as soon as its chunk is there. */
export async function* eventsOf(chunks, ss, base) {
  const sealer = new StreamSealer(ss, base);
  for await (const chunk of chunks) yield sealer.seal(chunk);
  yield sealer.finish();
}

/** The base nonce of a stream's answer. Throws 7002, 7001. `headers`: names in lower case. */
export function baseNonceOf(headers) {
  if (mediaType(headers) !== 'text/event-stream') throw new NenError('ISO-7002', 'not an event stream');
  const base = fromBase64(headers['x-nen-stream-nonce'], 'ISO-7001');
  if (base.length !== NONCE_BYTES) throw new NenError('ISO-7001', 'not 12 bytes');
  return base;
}

export const mediaType = (headers) => (headers['content-type'] ?? '').split(';', 1)[0].trim().toLowerCase();

/** The chunks of a stream whose body is an iterable of bytes, cut anywhere. Ends normally only after the final event;
 *  throws 4001 and 7002. A character that is cut in two comes with the second chunk. */
export async function* chunksOf(body, ss, base) {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let i = 0;
  try {
    for await (const data of sseData(body)) {
      const plaintext = crypto.open(ss, crypto.streamNonce(base, i++), fromBase64(data, 'ISO-4001'));
      if (FIN_BYTES.equals(plaintext)) {
        const rest = decoder.decode();
        if (rest !== '') yield rest;
        return;
      }
      yield decoder.decode(plaintext, { stream: true });
    }
  } catch (cause) {
    if (cause instanceof NenError) throw cause;
    throw new NenError('ISO-7002', 'the stream broke off', { cause });
  }
  throw new NenError('ISO-7002', 'the stream ended without its final event');
}

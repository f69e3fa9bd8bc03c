// A Nen V1 client over the global fetch.

import * as crypto from './crypto.js';
import { NenError, codeIn } from './errors.js';
import {
  NONCE_BYTES, fromBase64, parseJson, parseObject, parseSealed, sseData, text, toBase64, utf8,
} from './wire.js';

export class NenClient {
  #base;
  #identity;
  #session = null;
  #recovering = null;

  /** @param {string} baseUrl  @param {{identity?: ReturnType<typeof crypto.newIdentity>}} [options] */
  constructor(baseUrl, { identity } = {}) {
    this.#base = new URL(baseUrl);
    this.#identity = identity;
  }

  /** The session id, null without a session. */
  get sid() {
    return this.#session?.sid ?? null;
  }

  async handshake() {
    this.#session = await this.#establish('/api/nen/handshake', {});
  }

  /** Ends the session on the server and begins another in the same exchange. */
  async rotate() {
    this.#session = await this.#establish('/api/nen/rotate', { 'X-Nen-Session': this.#current().sid });
  }

  /** Ends the session; the keys are gone here even if the server cannot be reached. */
  async terminate() {
    const { sid } = this.#current();
    this.#session = null;
    const res = await this.#fetch('ISO-9000', 'POST', '/api/nen/terminate', { 'X-Nen-Session': sid });
    if (!res.ok) throw new NenError('ISO-9000', 'terminate refused', { httpStatus: res.status });
    const { success } = parseObject(await bytesOf(res, 'ISO-9000'), 'ISO-6001');
    return success === true;
  }

  /** True while the server knows the session. */
  async status() {
    if (this.#session === null) return false;
    const res = await this.#fetch('ISO-9000', 'GET', '/api/nen/status', { 'X-Nen-Session': this.sid });
    const { valid } = parseObject(await bytesOf(res, 'ISO-9000'), 'ISO-6001');
    if (res.status === 200 && valid === true) return true;
    if (res.status === 401 && valid === false) return false;
    throw new NenError('ISO-9000', 'status answered neither way', { httpStatus: res.status });
  }

  /** Sends `body` (any JSON value, undefined for none) sealed, returns the opened answer; null for HEAD. */
  async request(method, path, body) {
    const { res, session } = await this.#send('ISO-9000', method, path, body);
    if (res.ok && method.toUpperCase() === 'HEAD') return null;
    const bytes = await bytesOf(res, 'ISO-9000');
    if (!res.ok) {
      const serverCode = codeInBytes(bytes);
      const more = { serverCode, httpStatus: res.status };
      throw new NenError(serverCode ?? 'ISO-9000', 'the server refused', more);
    }
    // Plaintext in place of a sealed answer would be a downgrade: 6001, whatever it says.
    const sealed = parseSealed(bytes);
    session.refuseKnownNonce(sealed.nonceText);
    const plaintext = crypto.open(session.ss, sealed.nonce, sealed.ct);
    session.nonces.add(sealed.nonceText);
    return parseJson(plaintext, 'ISO-4003');
  }

  /** Yields the chunks of an encrypted stream. Ends normally only after the final event. */
  async *stream(method, path, body) {
    const { res, session } = await this.#send('ISO-7002', method, path, body);
    if (!res.ok || res.body === null) {
      const serverCode = codeInBytes(await bytesOf(res, 'ISO-7002'));
      throw new NenError('ISO-7002', 'no stream', { serverCode, httpStatus: res.status });
    }
    try {
      const nonceText = res.headers.get('x-nen-stream-nonce');
      if (nonceText === null) throw new NenError('ISO-7001');
      const base = fromBase64(nonceText, 'ISO-7001');
      if (base.length !== NONCE_BYTES) throw new NenError('ISO-7001', 'not 12 bytes');
      session.refuseKnownNonce(nonceText);
      session.nonces.add(nonceText);
      yield* chunksOf(res.body, session.ss, base);
    } finally {
      // Stops the sender when the nonce was refused; after that the reading loop has done it already.
      await res.body.cancel().catch(() => {});
    }
  }

  async #establish(path, headers) {
    const { ek, dk } = crypto.kemKeygen();
    try {
      const body = { pk: toBase64(ek) };
      if (this.#identity) {
        body.sigPk = toBase64(this.#identity.spki);
        body.sigOfPk = toBase64(crypto.sign(ek, this.#identity.secretKey));
      }
      const res = await this.#fetch('ISO-1003', 'POST', path, headers, JSON.stringify(body));
      const bytes = await bytesOf(res, 'ISO-1003');
      if (!res.ok) {
        const more = { serverCode: codeInBytes(bytes), httpStatus: res.status };
        throw new NenError('ISO-1004', 'the server refused', more);
      }
      const { sid, ct, hmac } = parseObject(bytes, 'ISO-1004');
      // The sid goes into a header: visible ASCII only.
      if (typeof sid !== 'string' || !/^[!-~]+$/.test(sid)) throw new NenError('ISO-1004', 'no usable sid');
      const hmacKey = fromBase64(hmac, 'ISO-1004');
      if (hmacKey.length !== crypto.KEY_BYTES) throw new NenError('ISO-1004', 'hmac is not 32 bytes');
      return new Session(sid, crypto.decapsulate(fromBase64(ct, 'ISO-1004'), dk), hmacKey);
    } finally {
      dk.fill(0);
    }
  }

  /** Signs, seals and sends; on a 401 handshakes again and retries once. */
  async #send(networkCode, method, path, body) {
    const session = this.#current();
    const first = await this.#sendOnce(networkCode, session, method, path, body);
    if (first.res.status !== 401) return first;
    await first.res.body?.cancel();
    await this.#recover(session);
    return this.#sendOnce(networkCode, this.#current(), method, path, body);
  }

  async #sendOnce(networkCode, session, method, path, body) {
    const url = this.#url(path);
    let nonceText = '';
    let content;
    if (body !== undefined) {
      const nonce = crypto.randomNonce();
      const ct = crypto.seal(session.ss, nonce, utf8(JSON.stringify(body)));
      nonceText = toBase64(nonce);
      session.nonces.add(nonceText);
      content = JSON.stringify({ ct: toBase64(ct), n: nonceText });
    }
    const timestamp = String(Date.now());
    const message = crypto.canonical(method, url.pathname, timestamp, nonceText);
    const headers = {
      'X-Nen-Session': session.sid,
      'X-Nen-Timestamp': timestamp,
      'X-Nen-Signature': toBase64(crypto.hmacSha256(session.hmacKey, message)),
    };
    return { res: await this.#fetch(networkCode, method, path, headers, content), session };
  }

  /** Requests refused together share one handshake; one refused under an older session needs none. */
  async #recover(refused) {
    if (this.#session !== refused) return;
    this.#recovering ??= this.handshake().finally(() => { this.#recovering = null; });
    await this.#recovering;
  }

  #current() {
    if (this.#session === null) throw new NenError('ISO-2001');
    return this.#session;
  }

  #url(path) {
    const url = new URL(path, this.#base);
    // "//host/x" is a path to some eyes and another host to URL.
    if (url.origin !== this.#base.origin) throw new TypeError('path leaves the server');
    return url;
  }

  async #fetch(networkCode, method, path, headers, content) {
    if (content !== undefined) headers = { ...headers, 'Content-Type': 'application/json' };
    const url = this.#url(path);
    // A redirect would carry a signature for one path to another: it stays a refusal.
    const init = { method: method.toUpperCase(), headers, body: content, redirect: 'manual' };
    try {
      return await fetch(url, init);
    } catch (cause) {
      throw new NenError(networkCode, 'the server could not be reached', { cause });
    }
  }
}

class Session {
  constructor(sid, ss, hmacKey) {
    this.sid = sid;
    this.ss = ss;
    this.hmacKey = hmacKey;
    // Every nonce sent or seen. Both directions share a key, so an answer under any nonce of ours is an
    // old request reflected, not only under the last one.
    this.nonces = new Set();
  }

  refuseKnownNonce(nonceText) {
    if (this.nonces.has(nonceText)) throw new NenError('ISO-4001', 'nonce sent or seen before');
  }
}

async function* chunksOf(body, ss, base) {
  let i = 0;
  try {
    for await (const data of sseData(body)) {
      const chunk = openChunk(ss, crypto.streamNonce(base, i++), data);
      if (chunk === crypto.FIN) return;
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof NenError) throw cause;
    throw new NenError('ISO-7002', 'the stream broke off', { cause });
  }
  throw new NenError('ISO-7002', 'the stream ended without its final event');
}

function openChunk(ss, nonce, data) {
  const plaintext = crypto.open(ss, nonce, fromBase64(data, 'ISO-4001'));
  try {
    return text(plaintext);
  } catch (cause) {
    throw new NenError('ISO-4001', 'a chunk is not UTF-8', { cause });
  }
}

async function bytesOf(res, networkCode) {
  try {
    return new Uint8Array(await res.arrayBuffer());
  } catch (cause) {
    throw new NenError(networkCode, 'the answer broke off', { cause });
  }
}

function codeInBytes(bytes) {
  try {
    return codeIn(parseJson(bytes, 'ISO-6001'));
  } catch {
    return undefined;
  }
}

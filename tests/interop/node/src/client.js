// A Nen client over node:http and node:https.
//
// Not over fetch: that normalises the path (dot segments, escapes), sends no body with GET, and is silent about both.
// Here what is signed is what goes on the wire.

import http from 'node:http';
import https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import * as crypto from './crypto.js';
import { NenError, codeInBytes } from './errors.js';
import { HYBRID } from './hybrid.js';
import { ratchet } from './keys.js';
import { MAX_NONCES, sealRequest, signedHeaders } from './message.js';
import { baseNonceOf, chunksOf, mediaType } from './stream.js';
import { finishResume, resumeHello } from './tickets.js';
import { noTrace } from './trace.js';
import { versionNamed } from './versions.js';
import { parseJson, parseObject, parseSealed, toBase64 } from './wire.js';

const ANSWER_LIMIT = 64 * 1024 * 1024;

export class NenClient {
  #base;
  #options;
  #version;
  #session = null;
  #renewing = null; // the handshake or rekey under way that requests wait for

  /** @param {string} baseUrl
   *  @param {object} [options]
   *  protocol: v1, v2 or v3; never another than this one is spoken
   *  identity: from newIdentity, proven in every handshake (V3 has none)
   *  securityMode: hybrid, or pqc-only (V3)
   *  trust: what a V3 server has to prove: {pinned, its ML-DSA-65 key; bound, see proof.js}
   *  timeoutMs: how long the server may say nothing, five seconds
   *  trace: see trace.js */
  constructor(baseUrl, options = {}) {
    this.#base = new URL(baseUrl);
    this.#options = {
      protocol: 'v1', identity: undefined, securityMode: HYBRID, trust: {}, timeoutMs: 5000, trace: noTrace, ...options,
    };
    this.#version = versionNamed(this.#options.protocol);
    refuseWhatIsNotIn(this.#version, this.#options);
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

  /** Ratchets both keys, here and on the server. Where the server refuses, or says nothing, nobody knows which keys it
   *  has: the session is rotated instead. True if it was ratcheted. */
  async rekey() {
    if (!this.#version.ratchets) throw new TypeError(`${this.#version.name} has no rekey`);
    await this.#renewing;
    const session = this.#current();
    let ratcheted = false;
    this.#renewing = this.#ratchet(session)
      .then((done) => { ratcheted = done; return done || this.rotate(); })
      .finally(() => { this.#renewing = null; });
    await this.#renewing;
    return ratcheted;
  }

  async #ratchet(session) {
    try {
      const { res } = await this.#sendOnce('ISO-9000', session, 'POST', this.#wire('/api/nen/rekey'), undefined);
      if (res.status !== 200 || parseObject(await bytesOf(res, 'ISO-9000'), 'ISO-6001').ok !== true) return false;
    } catch (error) {
      if (!(error instanceof NenError)) throw error;
      return false;
    }
    if (this.#session === session) this.#session = session.ratcheted();
    return true;
  }

  /** A new session out of the ticket of this one; by a full handshake where there is no ticket, or the server does not
   *  take it. True if it was resumed. */
  async resume() {
    if (!this.#version.resumes) throw new TypeError(`${this.#version.name} has no tickets`);
    const { ticket, psk } = this.#current();
    if (ticket !== undefined) {
      const rn = crypto.randomKey();
      const body = resumeHello(ticket, rn, this.#options.securityMode);
      const res = await this.#exchange('ISO-1003', 'POST', '/api/nen/handshake', {}, body);
      const bytes = await bytesOf(res, 'ISO-1003', 'ISO-1004');
      const keys = finishResume(res.status, bytes, psk, rn, this.#options.trace);
      if (keys !== null) {
        this.#session = new Session(keys);
        return true;
      }
    }
    await this.handshake();
    return false;
  }

  /** Ends the session; the keys are gone here even if the server cannot be reached. */
  async terminate() {
    const session = this.#current();
    this.#session = null;
    session.wipe();
    const res = await this.#exchange('ISO-9000', 'POST', '/api/nen/terminate', { 'X-Nen-Session': session.sid });
    const bytes = await bytesOf(res, 'ISO-9000');
    if (!res.ok) throw new NenError('ISO-9000', 'terminate refused', { httpStatus: res.status });
    return parseObject(bytes, 'ISO-6001').success === true;
  }

  /** True while the server knows the session. */
  async status() {
    const { sid } = this.#current();
    const res = await this.#exchange('ISO-9000', 'GET', '/api/nen/status', { 'X-Nen-Session': sid });
    const bytes = await bytesOf(res, 'ISO-9000');
    const { valid } = parseObject(bytes, 'ISO-6001');
    if (res.status === 200 && valid === true) return true;
    if (res.status === 401 && valid === false) return false;
    throw new NenError('ISO-9000', 'status answered neither way', { httpStatus: res.status });
  }

  /** Sends `body` (any JSON value, undefined for none) sealed. Gives {status, payload}: the opened answer, undefined
   *  where the handler answered nothing, and to HEAD. A handler's refusal is an answer like every other; a refusal
   *  that is not sealed is thrown.
   *  @param {string} target  path and query; they go on the wire as they are, but for what has no place in HTTP */
  async request(method, target, body) {
    const { res, session } = await this.#send('ISO-9000', method, target, body);
    if (method.toUpperCase() === 'HEAD') {
      res.message.resume();
      return { status: res.status };
    }
    const bytes = await bytesOf(res, 'ISO-9000');
    if (!res.ok && !looksSealed(bytes)) throw refusal(res, bytes);
    // Plaintext in place of a sealed answer would be a downgrade: 6001, whatever it says.
    if (mediaType(res.headers) !== 'application/json') throw new NenError('ISO-6001', 'not JSON, so not sealed');
    const sealed = parseSealed(bytes);
    session.refuseKnownAnswer(sealed.nonce);
    const plaintext = crypto.open(session.ss, sealed.nonce, sealed.ct);
    session.remember(sealed.nonce);
    return { status: res.status, payload: plaintext.length === 0 ? undefined : parseJson(plaintext, 'ISO-4003') };
  }

  /** Yields the chunks of an encrypted stream. Ends normally only after the final event. */
  async *stream(method, target, body) {
    const { res, session } = await this.#send('ISO-7002', method, target, body);
    try {
      if (!res.ok) {
        const serverCode = codeInBytes(await bytesOf(res, 'ISO-7002'));
        throw new NenError('ISO-7002', 'no stream', { serverCode, httpStatus: res.status });
      }
      const base = baseNonceOf(res.headers);
      this.#options.trace('base_nonce', base);
      session.takeBaseNonce(base);
      yield* chunksOf(res.message, session.ss, base);
    } finally {
      // Stops the sender, whether the stream is complete, was refused, or is not wanted any more.
      res.message.destroy();
    }
  }

  async #establish(path, headers) {
    const handshake = this.#version.handshake.begin(this.#options, this.#options.trace);
    try {
      const res = await this.#exchange('ISO-1003', 'POST', path, headers, handshake.body);
      return new Session(handshake.finish(res.status, await bytesOf(res, 'ISO-1003', 'ISO-1004')));
    } finally {
      handshake.wipe();
    }
  }

  /** Signs, seals and sends; on a 401 of the server (not a handler's, which is sealed) handshakes again and retries
   *  once. */
  async #send(networkCode, method, target, body) {
    const path = this.#wire(target);
    if (this.#current().wornOut) await this.#recover(this.#session);
    const session = this.#current();
    const first = await this.#sendOnce(networkCode, session, method, path, body);
    if (first.res.status !== 401) return first;
    const bytes = await bytesOf(first.res, networkCode);
    if (looksSealed(bytes)) return first;
    await this.#recover(session);
    return this.#sendOnce(networkCode, this.#current(), method, path, body);
  }

  async #sendOnce(networkCode, session, method, target, body) {
    const { trace } = this.#options;
    let nonce = null;
    if (body !== undefined || this.#version.needsNonce) {
      nonce = crypto.randomNonce();
      trace('nonce', nonce);
      session.remember(nonce);
    }
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const sealed = sealRequest(this.#version, session.ss, nonce, payload);
    const { nonceText } = sealed;
    const headers = {
      ...signedHeaders(session, { method, target, timestamp: String(Date.now()), nonceText }, trace),
      ...sealed.headers,
    };
    return { res: await this.#exchange(networkCode, method, target, headers, sealed.body), session };
  }

  /** Requests refused together share one handshake; one refused under an older session needs none. */
  async #recover(refused) {
    if (this.#session !== refused) return;
    this.#renewing ??= this.handshake().finally(() => { this.#renewing = null; });
    await this.#renewing;
  }

  #current() {
    if (this.#session === null) throw new NenError('ISO-2001');
    return this.#session;
  }

  /** The target as it goes on the wire: below the path of the base URL, without fragment, and with what HTTP cannot
   *  carry (spaces, control characters, other than ASCII) escaped. Nothing else changes. */
  #wire(target) {
    if (!target.startsWith('/')) throw new TypeError('a target begins with a slash');
    const escaped = target.split('#', 1)[0].replace(/[^!-~]+/g, encodeURIComponent);
    return this.#base.pathname.replace(/\/$/, '') + escaped;
  }

  async #exchange(networkCode, method, target, headers, content) {
    try {
      return await exchange(this.#base, this.#options.timeoutMs, method, target, headers, content);
    } catch (cause) {
      if (cause instanceof TypeError) throw cause; // a method that is none
      throw new NenError(networkCode, `the server could not be reached: ${cause.code ?? cause.message}`, { cause });
    }
  }
}

/** Nobody believes himself safer than he is: an identity or a pin that the version does not have is a mistake. */
function refuseWhatIsNotIn({ name, proves }, { identity, trust: { pinned = null, bound = false } }) {
  if (identity !== undefined && proves !== 'client') throw new TypeError(`${name} has no identity of the client`);
  if ((pinned !== null || bound) && proves !== 'server') throw new TypeError(`${name} has no identity of the server`);
  if (pinned !== null && pinned.length !== crypto.PK_BYTES) throw new TypeError('pinned is not an ML-DSA-65 key');
}

/** One session: its keys, and every nonce sent or seen. Both directions share a key, so an answer under any nonce of
 *  ours is an old request reflected, not only under the last one. */
class Session {
  #nonces = new Set();
  #heads = new Set(); // their first eight bytes, and those of base nonces
  #streamHeads = new Set(); // of base nonces: all nonces of a stream begin with them

  constructor({ sid, ss, hmacKey, ticket, psk }) {
    this.sid = sid;
    this.ss = ss;
    this.hmacKey = hmacKey;
    this.ticket = ticket;
    this.psk = psk;
  }

  /** The same session under the next keys, all nonces still known. Answers under way still open with this one. */
  ratcheted() {
    const next = new Session({ ...this, ...ratchet(this) });
    next.#nonces = this.#nonces;
    next.#heads = this.#heads;
    next.#streamHeads = this.#streamHeads;
    return next;
  }

  get wornOut() {
    return this.#heads.size >= MAX_NONCES;
  }

  remember(nonce) {
    this.#nonces.add(toBase64(nonce));
    this.#heads.add(headOf(nonce));
  }

  refuseKnownAnswer(nonce) {
    if (this.#nonces.has(toBase64(nonce)) || this.#streamHeads.has(headOf(nonce))) {
      throw new NenError('ISO-4001', 'nonce sent or seen before');
    }
  }

  takeBaseNonce(base) {
    const head = headOf(base);
    if (this.#heads.has(head)) throw new NenError('ISO-4001', 'base nonce sent or seen before');
    this.#heads.add(head);
    this.#streamHeads.add(head);
  }

  wipe() {
    this.ss.fill(0);
    this.hmacKey.fill(0);
    this.psk?.fill(0);
  }
}

const headOf = (nonce) => toBase64(nonce.subarray(0, 8));

/** One HTTP exchange, its body not read yet: {status, ok, headers, message}. A redirect would carry a signature for
 *  one path to another: none is followed. */
function exchange(base, timeout, method, target, headers, content) {
  return new Promise((resolve, reject) => {
    const transport = base.protocol === 'https:' ? https : http;
    const framing = content === undefined ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(content) };
    const req = transport.request({
      ...urlToHttpOptions(base), method, path: target, headers: { ...headers, ...framing }, agent: false, timeout,
    });
    req.on('response', (message) => {
      const { statusCode: status } = message;
      resolve({ status, ok: status >= 200 && status < 300, headers: message.headers, message });
    });
    req.on('timeout', () => req.destroy(new Error('no word from the server in time')));
    req.on('error', reject);
    req.on('close', () => reject(new Error('the connection closed')));
    req.end(content);
  });
}

/** The body of an answer, up to a limit; once read it stays with the answer. */
async function bytesOf(res, networkCode, tooLongCode = 'ISO-6001') {
  if (res.bytes) return res.bytes;
  const pieces = [];
  let size = 0;
  try {
    for await (const piece of res.message) {
      size += piece.length;
      if (size > ANSWER_LIMIT) throw new NenError(tooLongCode, 'the answer is too long');
      pieces.push(piece);
    }
  } catch (cause) {
    if (cause instanceof NenError) throw cause;
    throw new NenError(networkCode, 'the answer broke off', { cause });
  }
  res.bytes = new Uint8Array(Buffer.concat(pieces));
  return res.bytes;
}

/** Whether a refusal is a handler's: those are sealed, the server's own are not. */
function looksSealed(bytes) {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString());
    return value !== null && typeof value === 'object' && 'ct' in value;
  } catch {
    return false;
  }
}

function refusal(res, bytes) {
  const serverCode = codeInBytes(bytes);
  return new NenError(serverCode ?? 'ISO-9000', 'the server refused', { serverCode, httpStatus: res.status });
}

// A Nen V1 server over node:http with the two demonstration routes.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import * as crypto from './crypto.js';
import { NenError } from './errors.js';
import { fromBase64, parseJson, parseObject, parseSealed, toBase64, utf8 } from './wire.js';

export const WINDOW_MS = 30_000;
export const BODY_LIMIT = 10 * 1024 * 1024;

/** Handlers take {method, body}, body undefined when none came, and return {json} or {chunks}. */
const DEMONSTRATION = new Map([
  ['/api/echo', ({ method, body }) => ({ json: { method, body: body ?? null } })],
  ['/api/stream', ({ body }) => ({ chunks: body === undefined ? ['a', 'b', 'c'] : chunksOf(body) })],
]);

export class NenServer {
  #options;
  #pinned;
  #http;

  /** @param {object} [options]
   *  requireIdentity: refuse handshakes without an ML-DSA-65 identity
   *  pinned: identity keys (SPKI or bare bytes); only these may handshake, so it implies requireIdentity
   *  sessionTtlMs: life of a session, one hour
   *  strict: false takes unsigned requests of legacy clients, logging each; a wrong signature never passes
   *  now: clock in ms;  log: receives the diagnoses that are never sent */
  constructor(options = {}) {
    this.#options = {
      requireIdentity: false,
      pinned: [],
      sessionTtlMs: 3_600_000,
      strict: true,
      now: Date.now,
      log: () => {},
      ...options,
    };
    this.#pinned = this.#options.pinned.map((key) => {
      const bare = crypto.identityKey(key);
      if (bare === null) throw new TypeError('pinned: not an ML-DSA-65 public key');
      return toBase64(bare);
    });
    this.sessions = new SessionStore(this.#options.sessionTtlMs, this.#options.now);
    this.#http = http.createServer((req, res) => this.#serve(req, res));
  }

  /** Listens on 127.0.0.1 and returns the base URL. */
  async listen(port = 0) {
    this.#http.listen(port, '127.0.0.1');
    await once(this.#http, 'listening');
    return `http://127.0.0.1:${this.#http.address().port}`;
  }

  async close() {
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }

  async #serve(req, res) {
    try {
      await this.#route(req, res);
    } catch (error) {
      // The peer has gone: nobody is left to answer.
      if (req.errored || res.destroyed) return;
      const known = error instanceof NenError ? error : new NenError('ISO-9000', error.stack);
      this.#options.log(`${req.method} ${pathOf(req.url)}: ${known.code} ${known.detail}`);
      if (res.headersSent) res.destroy();
      else if (error instanceof BodyTooLarge) await refuseAndClose(req, res, known);
      else sendJson(res, known.status, known.body());
    }
  }

  async #route(req, res) {
    const path = pathOf(req.url);
    const sid = req.headers['x-nen-session'];
    switch (`${req.method} ${path}`) {
      case 'POST /api/nen/rotate':
        this.sessions.delete(sid);
        // falls through: the rest is a handshake
      case 'POST /api/nen/handshake':
        return sendJson(res, 200, this.#handshake(await readBody(req)));
      case 'POST /api/nen/terminate':
        this.sessions.delete(sid);
        return sendJson(res, 200, { success: true });
      case 'GET /api/nen/status': {
        const valid = this.sessions.get(sid) !== undefined;
        return sendJson(res, valid ? 200 : 401, { valid });
      }
    }
    // Routed by the decoded path; signed is the raw one.
    const handler = DEMONSTRATION.get(decoded(path));
    if (!handler) return sendJson(res, 404, { message: 'no such route' });

    this.#session(sid); // before the body is read: strangers need not upload anything
    const bytes = await readBody(req);
    const session = this.#session(sid); // and again: it may have ended meanwhile
    const body = this.#authenticate(session, req, path, bytes);
    const answer = handler({ method: req.method, body });
    if (answer.chunks) await sendStream(res, session, answer.chunks);
    else sendJson(res, 200, sealJson(session, answer.json));
  }

  #handshake(bytes) {
    const { pk, sigPk, sigOfPk } = parseObject(bytes, 'ISO-1001');
    if (typeof pk !== 'string') throw new NenError('ISO-1001', 'pk is not text');
    const ek = fromBase64(pk);
    this.#checkIdentity(ek, sigPk, sigOfPk);
    const { ct, ss } = crypto.encapsulate(ek);
    const hmacKey = crypto.randomKey();
    const sid = randomUUID();
    this.sessions.set(sid, { ss, hmacKey });
    return { sid, ct: toBase64(ct), hmac: toBase64(hmacKey) };
  }

  #checkIdentity(ek, sigPk, sigOfPk) {
    if (sigPk === undefined && sigOfPk === undefined) {
      if (!this.#options.requireIdentity && this.#pinned.length === 0) return;
      throw new NenError('ISO-3004', 'identity required');
    }
    const key = crypto.identityKey(fromBase64(sigPk, 'ISO-3004'));
    if (key === null) throw new NenError('ISO-3004', 'sigPk is not an ML-DSA-65 key');
    if (this.#pinned.length > 0 && !this.#pinned.includes(toBase64(key))) {
      throw new NenError('ISO-3004', 'identity not pinned');
    }
    if (!crypto.verify(fromBase64(sigOfPk, 'ISO-3004'), ek, key)) {
      throw new NenError('ISO-3004', 'signature does not verify');
    }
  }

  #session(sid) {
    if (!sid) throw new NenError('ISO-2003');
    const session = this.sessions.get(sid);
    if (!session) throw new NenError('ISO-2002');
    return session;
  }

  /** The server order from the shape on. Synchronous, so that nothing comes between check and record.
   *  Returns the decrypted JSON value, or undefined for a request without a body. */
  #authenticate(session, req, path, bytes) {
    const sealed = bytes.length === 0 ? null : parseSealed(bytes); // shape: 6001, 6002
    const signed = this.#checkSignature(session, req, path, sealed); // 3001, 3002
    const timestamp = req.headers['x-nen-timestamp'] ?? '';
    const sentAt = /^[0-9]+$/.test(timestamp) ? Number(timestamp) : NaN;
    const now = this.#options.now();
    // Written so that NaN fails. The timestamp of an unsigned request proves nothing.
    if (signed && !(Math.abs(now - sentAt) <= WINDOW_MS)) throw new NenError('ISO-3003');
    if (sealed === null) return undefined;
    // A server that takes unsigned requests could be sent any nonce again without its timestamp.
    const forgetAfter = this.#options.strict ? sentAt + WINDOW_MS : session.expiresAt;
    if (!spendNonce(session, sealed.nonceText, now, forgetAfter)) throw new NenError('ISO-5001');
    return parseJson(crypto.open(session.ss, sealed.nonce, sealed.ct), 'ISO-4003'); // 4001, 4003
  }

  #checkSignature(session, req, path, sealed) {
    const signature = req.headers['x-nen-signature'];
    if (!signature) {
      // Without signature and without a tag nothing at all would prove who asks.
      if (this.#options.strict || sealed === null) throw new NenError('ISO-3001');
      this.#options.log(`${req.method} ${path}: unsigned request accepted, strict is off`);
      return false;
    }
    const timestamp = req.headers['x-nen-timestamp'] ?? '';
    const message = crypto.canonical(req.method, path, timestamp, sealed?.nonceText ?? '');
    if (!crypto.checkHmac(signature, session.hmacKey, message)) throw new NenError('ISO-3002');
    return true;
  }
}

/** Sessions in memory. All live equally long, so the Map's insertion order is the order of expiry. */
class SessionStore {
  #sessions = new Map();
  #ttl;
  #now;

  constructor(ttl, now) {
    this.#ttl = ttl;
    this.#now = now;
  }

  set(sid, { ss, hmacKey }) {
    this.#expire();
    this.#sessions.set(sid, { ss, hmacKey, expiresAt: this.#now() + this.#ttl, nonces: new Map() });
  }

  get(sid) {
    this.#expire();
    return this.#sessions.get(sid);
  }

  delete(sid) {
    this.#sessions.delete(sid);
  }

  #expire() {
    for (const [sid, session] of this.#sessions) {
      if (session.expiresAt > this.#now()) break;
      this.#sessions.delete(sid);
    }
  }
}

/** Check and record in one step: false if the nonce was used. */
function spendNonce(session, nonce, now, forgetAfter) {
  for (const [old, until] of session.nonces) {
    // Insertion order is nearly the order of forgetting: a nonce from the future delays others by a window.
    if (until >= now) break;
    session.nonces.delete(old);
  }
  if (session.nonces.has(nonce)) return false;
  session.nonces.set(nonce, forgetAfter);
  return true;
}

function sealJson(session, value) {
  try {
    const nonce = crypto.randomNonce();
    return { ct: toBase64(crypto.seal(session.ss, nonce, utf8(JSON.stringify(value)))), n: toBase64(nonce) };
  } catch (cause) {
    throw new NenError('ISO-4002', cause.message, { cause });
  }
}

/** The chunks a stream request asks for; text without a UTF-8 form (a lone surrogate) cannot be sent. */
function chunksOf(body) {
  const chunks = body?.chunks;
  if (!Array.isArray(chunks) || !chunks.every((chunk) => typeof chunk === 'string' && chunk.isWellFormed())) {
    throw new NenError('ISO-6001', 'chunks is not a list of strings');
  }
  // Data that reads like the final event is sent in two pieces.
  return chunks.flatMap((chunk) => (chunk === crypto.FIN ? ['__FI', 'N__'] : [chunk]));
}

async function sendStream(res, session, chunks) {
  const base = crypto.randomNonce();
  res.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache',
    'X-Nen-Stream-Nonce': toBase64(base),
  });
  function* events() {
    let i = 0;
    for (const chunk of [...chunks, crypto.FIN]) {
      const ct = crypto.seal(session.ss, crypto.streamNonce(base, i++), utf8(chunk));
      yield `data: ${toBase64(ct)}\n\n`;
    }
  }
  await pipeline(events, res);
}

/** Node leaves the body of an answer to HEAD away and keeps its Content-Length. */
function sendJson(res, status, value) {
  const body = JSON.stringify(value);
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  res.end(body);
}

class BodyTooLarge extends NenError {}

function readBody(req) {
  return new Promise((resolve, reject) => {
    let chunks = [];
    let size = 0;
    // Not `for await`: leaving that loop early destroys the socket before the refusal is sent.
    req.on('data', (chunk) => {
      size += chunk.length;
      if (size <= BODY_LIMIT) return chunks.push(chunk);
      chunks = [];
      reject(new BodyTooLarge('ISO-6001', 'body over the limit'));
    });
    req.on('end', () => resolve(Buffer.concat(chunks)));
    req.on('error', reject);
  });
}

/** Answers, then closes once the sender is done or has had a second: closing over unread bytes resets the
 *  connection, and the sender may never see the answer. */
async function refuseAndClose(req, res, error) {
  const body = JSON.stringify(error.body());
  res.writeHead(error.status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  res.write(body);
  await Promise.race([once(req, 'end'), once(req, 'close'), sleep(1000)]).catch(() => {});
  res.end();
}

/** The path as it stands on the wire: no query, no fragment, and no origin in the absolute form. */
function pathOf(target) {
  return target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0] || '/';
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

// A Nen server over node:http with the demonstration routes.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import * as crypto from './crypto.js';
import { NenError } from './errors.js';
import { ratchet } from './keys.js';
import { sealAnswer, sessionOf, verifyRequest } from './message.js';
import { handlerOf } from './routes.js';
import { SessionStore } from './sessions.js';
import { eventsOf } from './stream.js';
import { TICKET_LIFE_MS } from './tickets.js';
import { answering, versionNamed } from './versions.js';
import { parseObject, pathOf, toBase64 } from './wire.js';

export const BODY_LIMIT = 10 * 1024 * 1024;
export const HANDSHAKE_LIMIT = 64 * 1024;
const REKEY_PATH = '/api/nen/rekey';

export class NenServer {
  #options;
  #versions;
  #policy;
  #unsigned;
  #http;

  /** @param {object} [options]
   *  protocols: the versions it speaks, of v1, v2, v3; only V1 unless told otherwise
   *  requireIdentity: refuse handshakes without an ML-DSA-65 identity
   *  pinned: identity keys (SPKI or bare bytes); only these may handshake, so it implies requireIdentity
   *  unsigned: identity keys of legacy clients whose requests need no signature; each is logged, and a wrong
   *    signature never passes
   *  serverIdentity: from newIdentity, proven in the handshakes of V3
   *  ticketKeys: for the tickets of V3, 32 bytes each: the first seals, all of them open; a fresh one unless given
   *  ticketLifeMs: how long a ticket is good, ten minutes
   *  sessionTtlMs: life of a session, one hour
   *  failingRoutes: routes whose handlers fail, for tests
   *  now: clock in ms;  log: receives the diagnoses that are never sent */
  constructor(options = {}) {
    this.#options = {
      protocols: ['v1'],
      requireIdentity: false,
      serverIdentity: undefined,
      ticketKeys: [crypto.randomKey()],
      ticketLifeMs: TICKET_LIFE_MS,
      pinned: null,
      unsigned: [],
      sessionTtlMs: 3_600_000,
      failingRoutes: false,
      now: Date.now,
      log: () => {},
      ...options,
    };
    const { protocols, requireIdentity, pinned, unsigned } = this.#options;
    this.#versions = protocols.map((name) => versionNamed(name));
    this.#policy = { requireIdentity, pinned: pinned && keysIn('pinned', pinned) };
    this.#unsigned = new Set(keysIn('unsigned', unsigned));
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
      else sendJson(res, known.status, JSON.stringify(known.body()));
    }
  }

  async #route(req, res) {
    const path = pathOf(req.url);
    const sid = req.headers['x-nen-session'];
    switch (`${req.method} ${path}`) {
      case 'POST /api/nen/handshake':
        return this.#handshake(res, await readBody(req, HANDSHAKE_LIMIT));
      case 'POST /api/nen/rotate':
        return this.#handshake(res, await readBody(req, HANDSHAKE_LIMIT), sid);
      case 'POST /api/nen/terminate':
        this.sessions.delete(sid);
        return sendJson(res, 200, '{"success":true}');
      case 'GET /api/nen/status': {
        const valid = this.sessions.get(sid) !== undefined;
        return sendJson(res, valid ? 200 : 401, JSON.stringify({ valid }));
      }
    }
    // Routed by the decoded path; signed is the raw one.
    const handler = handlerOf(decoded(path), { failing: this.#options.failingRoutes });

    sessionOf(req.headers, this.sessions); // before the body is read: strangers need not upload anything
    const bytes = await readBody(req, BODY_LIMIT);
    const request = { method: req.method, target: req.url, headers: req.headers, bytes };
    const { now, log } = this.#options;
    const context = { store: this.sessions, now: now(), versions: this.#versions, unsigned: this.#unsigned, log };
    const verified = verifyRequest(request, context);
    const rekeys = verified.version.ratchets && req.method === 'POST' && path === REKEY_PATH;
    if (rekeys) return this.#rekey(res, sid, verified);
    const answer = await handler({ method: req.method, body: verified.body });
    const { ss } = verified; // not the session's: that may have been rekeyed meanwhile
    if (answer.chunks) return sendStream(res, ss, answer.chunks);
    const body = sealAnswer(ss, verified.nonce, crypto.randomNonce(), JSON.stringify(answer.json));
    sendJson(res, answer.status ?? 200, body);
  }

  /** `old`: the session that goes when another has been made, not before. */
  #handshake(res, bytes, old = undefined) {
    const sid = randomUUID();
    const hmacKey = crypto.randomKey();
    const message = parseObject(bytes, 'ISO-1001');
    const now = this.#options.now();
    const x = crypto.randomKey();
    const { status, answer, session } = answering(this.#versions, message).handshake.respond(message, {
      sid,
      hmacKey,
      policy: this.#policy,
      x,
      identity: this.#options.serverIdentity,
      ticketKeys: this.#options.ticketKeys,
      ticketNonce: crypto.randomNonce(),
      ticketExpires: now + this.#options.ticketLifeMs,
      srn: crypto.randomKey(),
      now,
    });
    x.fill(0);
    if (session !== null) {
      this.sessions.set(sid, session);
      this.sessions.delete(old);
    }
    sendJson(res, status, JSON.stringify(answer));
  }

  /** Synchronous from the verification on. Of two under the same keys, the second does not verify any more. */
  #rekey(res, sid, { session, ss }) {
    if (!this.sessions.replaceKeys(sid, ss, ratchet(session))) throw new NenError('ISO-3002', 'the keys have changed');
    sendJson(res, 200, '{"ok":true}');
  }
}

/** Identity keys as base64 text of the bare key. */
function keysIn(option, keys) {
  return keys.map((key) => {
    const bare = crypto.identityKey(key);
    if (bare === null) throw new TypeError(`${option}: not an ML-DSA-65 public key`);
    return toBase64(bare);
  });
}

async function sendStream(res, ss, chunks) {
  const base = crypto.randomNonce();
  res.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    'X-Nen-Stream-Nonce': toBase64(base),
  });
  await pipeline(eventsOf(chunks, ss, base), res);
}

/** Node leaves the body of an answer to HEAD away and keeps its Content-Length. */
function sendJson(res, status, body) {
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  res.end(body);
}

class BodyTooLarge extends NenError {}

function readBody(req, limit) {
  return new Promise((resolve, reject) => {
    let chunks = [];
    let size = 0;
    // Not `for await`: leaving that loop early destroys the socket before the refusal is sent.
    req.on('data', (chunk) => {
      size += chunk.length;
      if (size <= limit) return chunks.push(chunk);
      chunks = [];
      reject(new BodyTooLarge('ISO-6001', 'body over the limit'));
    });
    req.on('end', () => resolve(Buffer.concat(chunks)));
    req.on('error', reject);
  });
}

/** Answers, then closes once the sender is done or has had five seconds: closing over unread bytes resets the
 *  connection, and the sender may never see the answer. */
async function refuseAndClose(req, res, error) {
  const body = JSON.stringify(error.body());
  res.writeHead(error.status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  res.write(body);
  await Promise.race([once(req, 'end'), once(req, 'close'), sleep(5000)]).catch(() => {});
  res.end();
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

// The sessions of a server, in memory.

const MAX_SESSIONS = 10_000;

/** All sessions live equally long, so that the Map's insertion order is the order of expiry; when it is full the
 *  oldest goes first. */
export class SessionStore {
  #sessions = new Map();
  #ttl;
  #now;

  constructor(ttl, now) {
    this.#ttl = ttl;
    this.#now = now;
  }

  set(sid, { family = 'v1', ss, hmacKey, identity = null }) {
    this.#expire();
    if (this.#sessions.size >= MAX_SESSIONS) this.delete(this.#sessions.keys().next().value);
    const expiresAt = this.#now() + this.#ttl;
    this.#sessions.set(sid, { family, ss, hmacKey, identity, expiresAt, nonces: new Map(), last: null });
  }

  get(sid) {
    this.#expire();
    return this.#sessions.get(sid);
  }

  /** Other keys for a session that still has the key `ss`: false if it does not. Its nonces and its life stay: a
   *  ratchet must not make an old request new. */
  replaceKeys(sid, ss, keys) {
    const session = this.get(sid);
    if (session?.ss !== ss) return false;
    Object.assign(session, keys);
    return true;
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

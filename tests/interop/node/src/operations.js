// The operations of the harness protocol, each on top of this implementation.

import { NenClient } from './client.js';
import * as crypto from './crypto.js';
import { NenError, codeInBytes, statusOf } from './errors.js';
import { finish, hello, respond } from './handshake.js';
import { openPayload, sealAnswer, sealBody, sealRequest, signedHeaders, verifyRequest } from './message.js';
import { DETERMINISTIC, bytes, identityOf, optional, seedOf } from './arguments.js';
import { NenServer } from './server.js';
import { SEAL_SEEDED_STEPS, SEAL_STEPS } from './operations-seal.js';
import { V3_PRIMITIVES, V3_SEEDED_STEPS, V3_STEPS } from './operations-v3.js';
import { StreamSealer, chunksOf, eventsOf } from './stream.js';
import { VERSIONS } from './versions.js';
import { fromBase64, lowerCase, parseObject, parseSealed, pathOf, text, toBase64, utf8 } from './wire.js';

export const OPTIONS = [
  'identity_seed', 'protocol', 'security_mode', 'server_identity', 'bound', 'session_life_ms', 'require_identity',
  'pinned_identities', 'unsigned_clients', 'failing_routes', 'protocols', 'server_identity_seed', 'ticket_keys',
  'ticket_life_ms',
];

/** Every operation. `log` takes what a server logs. */
export function operations({ log = () => {} } = {}) {
  return { ...unseededOperations({ log }), ...SEEDED, ...SEEDED_STEPS, ...V3_SEEDED_STEPS, ...SEAL_SEEDED_STEPS };
}

/** Those that need no seed and no given randomness. */
export function unseededOperations({ log = () => {} } = {}) {
  return { ...PRIMITIVES, ...V3_PRIMITIVES, ...STEPS, ...V3_STEPS, ...SEAL_STEPS, ...clients(), ...servers(log) };
}

const PRIMITIVES = {
  hmac_sha256: ({ key, message }) => ({ mac: crypto.hmacSha256(bytes(key), bytes(message)) }),
  'aead.seal': ({ key, nonce, plaintext }) => (
    { ciphertext: crypto.seal(bytes(key), bytes(nonce), bytes(plaintext)) }),
  'aead.open': ({ key, nonce, ciphertext }) => (
    { plaintext: crypto.open(bytes(key), bytes(nonce), bytes(ciphertext)) }),
  'ml_kem_768.decaps': ({ dk, c }) => ({ K: crypto.decapsulate(bytes(c), bytes(dk)) }),
  'ml_kem_768.new_key_pair': () => crypto.kemKeygen(),
  'ml_kem_768.encapsulate': ({ ek }) => encapsulated(bytes(ek)),
  'ml_dsa_65.new_key_pair': () => crypto.dsaKeygen(),
  'ml_dsa_65.sign_hedged': ({ sk, message }) => ({ signature: crypto.sign(bytes(message), bytes(sk)) }),
  'ml_dsa_65.verify': ({ pk, message, signature }) => (
    { valid: crypto.verify(bytes(signature), bytes(message), bytes(pk)) }),
};

const SEEDED = {
  'ml_kem_768.keygen': (args) => crypto.kemKeygen(seedOf(args)),
  'ml_kem_768.encaps': ({ ek, m }) => encapsulated(bytes(ek), bytes(m)),
  'ml_dsa_65.keygen': ({ xi }) => crypto.dsaKeygen(bytes(xi)),
  'ml_dsa_65.sign': ({ sk, message, rnd }) => ({ signature: crypto.sign(bytes(message), bytes(sk), bytes(rnd)) }),
};

function encapsulated(ek, m) {
  const { ct, ss } = crypto.encapsulate(ek, m);
  return { K: ss, c: ct };
}

const STEPS = {
  'base64.encode': (args) => ({ text: toBase64(bytes(args.bytes)) }),
  'base64.decode': (args) => ({ bytes: fromBase64(args.text) }),
  'spki.encode': ({ pk }) => ({ spki: crypto.spkiOf(bytes(pk)) }),
  'spki.decode'({ spki }) {
    const pk = crypto.keyInSpki(bytes(spki));
    if (pk === null) throw new NenError('ISO-3004', 'not the encoding of an ML-DSA-65 key');
    return { pk };
  },
  canonical_string: ({ method, target, timestamp, nonce }) => (
    { canonical_string: crypto.canonical(method, pathOf(target), timestamp, nonce) }),
  'request.sign'({ hmac_key: hmacKey, method, target, timestamp, nonce }, trace) {
    const request = { method, target, timestamp, nonceText: nonce };
    const onlyOfTheRequest = (name, value) => { if (name !== 'secret') trace(name, value); };
    const session = { sid: '', ss: new Uint8Array(0), hmacKey: bytes(hmacKey) };
    return { signature: signedHeaders(session, request, onlyOfTheRequest)['X-Nen-Signature'] };
  },
  'request.verify'({ session, now, used_nonces: used, request, protocol = 'v1' }, trace) {
    const { method, target, headers, body } = request;
    const version = VERSIONS[protocol];
    const context = { store: storeOf(session, used, version), now, versions: [version], trace };
    const sent = { method, target, headers: lowerCase(headers), bytes: utf8(body ?? '') };
    const { plaintext } = verifyRequest(sent, context);
    return { payload: plaintext === null ? null : text(plaintext) };
  },
  'payload.seal'({ secret, n, payload }, trace) {
    trace('secret', bytes(secret));
    trace('nonce', bytes(n));
    return { body: sealBody(bytes(secret), bytes(n), payload) };
  },
  'response.seal'({ secret, request_n: requestNonce, n, payload }, trace) {
    trace('secret', bytes(secret));
    trace('nonce', bytes(n));
    return { body: sealAnswer(bytes(secret), bytes(requestNonce), bytes(n), payload) };
  },
  'payload.open'({ secret, body }, trace) {
    trace('secret', bytes(secret));
    const sealed = parseSealed(utf8(body));
    trace('nonce', sealed.nonce);
    return { payload: text(openPayload(bytes(secret), sealed).plaintext) };
  },
  'payload.seal_v2'({ secret, n, payload }, trace) {
    trace('secret', bytes(secret));
    trace('nonce', bytes(n));
    return { body: sealRequest(VERSIONS.v2, bytes(secret), bytes(n), payload).body };
  },
  'payload.open_v2'({ secret, nonce_header: nonceText, body }, trace) {
    trace('secret', bytes(secret));
    const sealed = VERSIONS.v2.read({ headers: { 'x-nen-nonce': nonceText }, bytes: utf8(body) });
    trace('nonce', sealed.nonce);
    return { payload: text(openPayload(bytes(secret), sealed).plaintext) };
  },
  'stream.nonce': ({ base_nonce: base, index }) => ({ nonce: crypto.streamNonce(bytes(base), index) }),
  async 'stream.seal'({ secret, base_nonce: base, chunks }) {
    let body = '';
    for await (const event of eventsOf(chunks, bytes(secret), bytes(base))) body += event;
    return { body };
  },
  'stream.seal_at': ({ secret, base_nonce: base, index, chunk }) => (
    { body: new StreamSealer(bytes(secret), bytes(base), index).seal(chunk) }),
  'stream.open': async ({ secret, base_nonce: base, pieces }) => (
    { text: await drained(chunksOf(pieces.map(bytes), bytes(secret), bytes(base))) }),
  'error.status'({ code }) {
    const status = statusOf(code);
    if (status === undefined) throw new RangeError('no such code');
    return { status };
  },
  'error.read': ({ body }) => ({ code: codeInBytes(utf8(body)) ?? null }),
};

const SEEDED_STEPS = {
  'handshake.hello'({ d, z, identity_seed: seed }, trace) {
    return { body: hello(crypto.kemKeygen(seedOf({ d, z })).ek, identityOf(seed), trace, DETERMINISTIC) };
  },
  'handshake.respond'({ body, m, hmac_key: hmacKey, sid }, trace) {
    const given = { sid, hmacKey: bytes(hmacKey), m: bytes(m), trace };
    const { answer, session } = respond(parseObject(utf8(body), 'ISO-1001'), given);
    return { body: JSON.stringify(answer), secret: session.ss };
  },
  'handshake.finish'({ d, z, status, body }, trace) {
    const { ek, dk } = crypto.kemKeygen(seedOf({ d, z }));
    trace('ek', ek);
    const { sid, ss, hmacKey } = finish(status, utf8(body), dk, trace);
    return { sid, secret: ss, hmac_key: hmacKey };
  },
};

/** What a stream yields, as one text; the error of one that fails carries what it `released` before. */
async function drained(stream) {
  let whole = '';
  try {
    for await (const chunk of stream) whole += chunk;
  } catch (error) {
    if (error instanceof NenError) error.released = whole;
    throw error;
  }
  return whole;
}

/** A store of at most one session, whose used nonces are never forgotten. */
function storeOf(session, used, { family }) {
  const known = session && {
    family,
    ss: bytes(session.secret),
    hmacKey: bytes(session.hmac_key),
    identity: null,
    expiresAt: Infinity,
    nonces: new Map(used.map((nonce) => [toBase64(bytes(nonce)), Infinity])),
  };
  return { get: (sid) => (session?.sid === sid ? known : undefined), delete() {} };
}

/** One operation of a client each: the trace of an operation is set while it runs. */
function clients() {
  const known = new Map();
  let count = 0;
  let current = () => {};

  const on = (operation) => async (args, trace) => {
    const client = known.get(args.client);
    if (!client) throw new Error(`no such client: ${args.client}`);
    current = trace;
    try {
      return await operation(client, args);
    } finally {
      current = () => {};
    }
  };
  const untraced = (operation) => {
    const run = on(operation);
    return (args) => run(args, () => {});
  };

  return {
    'client.new'(args) {
      const { protocol, security_mode: securityMode, server_identity: pin, bound } = args;
      const name = `client-${++count}`;
      known.set(name, new NenClient(args.base_url, {
        ...optional('protocol', protocol),
        ...optional('securityMode', securityMode),
        identity: identityOf(args.identity_seed),
        trust: { pinned: pin === undefined ? null : bytes(pin), bound },
        trace: (key, value) => current(key, value),
      }));
      return { client: name };
    },
    'client.handshake': on(async (client) => {
      await client.handshake();
      return {};
    }),
    'client.request': on((client, { method, target, payload }) => client.request(method, target, payload)),
    'client.stream': on(async (client, { method, target, payload }) => (
      { text: await drained(client.stream(method, target, payload)) })),
    'client.status': on(async (client) => ({ valid: await client.status() })),
    // Untraced: its keys are of another session than the one that its request names.
    'client.rotate': untraced(async (client) => {
      await client.rotate();
      return {};
    }),
    'client.rekey': untraced(async (client) => {
      await client.rekey();
      return {};
    }),
    'client.resume': on(async (client) => ({ resumed: await client.resume() })),
    'client.terminate': on(async (client) => {
      await client.terminate();
      return {};
    }),
    'client.close'({ client }) {
      known.delete(client);
      return {};
    },
  };
}

function servers(log) {
  const running = new Map();
  let count = 0;

  function serverOf(name) {
    const server = running.get(name);
    if (!server) throw new Error(`no such server: ${name}`);
    return server;
  }

  return {
    async 'server.start'(args) {
      const server = new NenServer({
        ...optional('sessionTtlMs', args.session_life_ms),
        ...optional('protocols', args.protocols),
        ...optional('ticketKeys', args.ticket_keys?.map(bytes)),
        ...optional('ticketLifeMs', args.ticket_life_ms),
        serverIdentity: identityOf(args.server_identity_seed),
        requireIdentity: args.require_identity ?? false,
        pinned: args.pinned_identities?.map(bytes) ?? null,
        unsigned: args.unsigned_clients?.map(bytes) ?? [],
        failingRoutes: args.failing_routes ?? false,
        log,
      });
      const name = `server-${++count}`;
      const url = await server.listen();
      running.set(name, server);
      return { server: name, url };
    },
    async 'server.stop'({ server }) {
      await serverOf(server).close();
      running.delete(server);
      return {};
    },
    'server.session'({ server, sid }) {
      const session = serverOf(server).sessions.get(sid);
      if (!session) throw new NenError('ISO-2002');
      const { ss, hmacKey, last } = session;
      const signed = last && { canonical_string: last.canonicalString, signature: last.signature };
      return { secret: ss, hmac_key: hmacKey, ...signed };
    },
  };
}

// The recorded exchanges of independent clients and servers, of every version: all of it opens and reproduces.

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { attest, attestationText, verifiedAttestation } from '../src/attestation.js';
import * as crypto from '../src/crypto.js';
import * as hybrid from '../src/hybrid.js';
import { combine, derive, derivePsk, ratchet, resumedSecret } from '../src/keys.js';
import { sealBody, sealRequest, signedHeaders } from '../src/message.js';
import { noble } from '../src/noble.js';
import { transcriptHash } from '../src/proof.js';
import { NenServer } from '../src/server.js';
import { chunksOf, eventsOf } from '../src/stream.js';
import { finishResume, openTicket, respondToResume, resumeHello, sealTicket } from '../src/tickets.js';
import { VERSIONS } from '../src/versions.js';
import { fromBase64, parseObject, parseSealed, text, toBase64, utf8 } from '../src/wire.js';
import { transcripts } from '../testing/recorded.js';

crypto.use(noble);

const header = (headers, name) => headers.find(([key]) => key.toLowerCase() === name)?.[1];
const keysOf = (keys) => ({ ss: fromBase64(keys.k_enc ?? keys.ss), hmacKey: fromBase64(keys.k_mac ?? keys.hmac_key) });
/** PKCS #8 with the seed alone ends in the seed (RFC 9881); the public key follows from it. */
const identityIn = (pkcs8) => crypto.newIdentity(crypto.dsaKeygen(fromBase64(pkcs8).subarray(-32)));

/** Canonical string, signature, headers and sealed body of a recorded request, made again. */
function assertRequest(version, sid, { method, path, canonical, request, keys }) {
  const { ss, hmacKey } = keysOf(keys);
  const timestamp = header(request.headers, 'x-nen-timestamp');
  const nonceText = header(request.headers, 'x-nen-nonce') ?? (request.body && JSON.parse(request.body).n);
  const nonce = nonceText === '' ? null : fromBase64(nonceText);
  const sealed = sealRequest(version, ss, nonce, request.plaintext ?? undefined);
  // Old clients repeat the session id.
  assert.equal(sealed.body ?? '', request.body.replace(/^{"sessionId":"[^"]*",/, '{'));
  assert.equal(crypto.canonical(method, path.split('?')[0], timestamp, nonceText), canonical);
  const all = {
    ...signedHeaders({ sid, ss, hmacKey }, { method, target: path, timestamp, nonceText: sealed.nonceText }),
    ...sealed.headers,
  };
  const recorded = request.headers.filter(([name]) => name.toLowerCase().startsWith('x-nen-'));
  assert.deepEqual(all, Object.fromEntries(recorded));
  assert.equal(crypto.checkHmac(all['X-Nen-Signature'], hmacKey, canonical), true);
  // It opens too.
  const { ct } = version.read({ headers: lowerCase(request.headers), bytes: utf8(request.body) });
  assert.equal(ct === null ? null : text(crypto.open(ss, nonce, ct)), request.plaintext);
}

const lowerCase = (headers) => Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));

function assertAnswer({ keys, method, response, client_result: result }) {
  const { ss } = keysOf(keys);
  const made = sealBody(ss, fromBase64(response.nonce), response.plaintext);
  if (method === 'HEAD') {
    assert.deepEqual([response.body, String(made.length)], ['', response.headers['content-length']]);
    return;
  }
  assert.equal(made, response.body);
  const { ct, nonce } = parseSealed(utf8(response.body));
  assert.equal(text(crypto.open(ss, nonce, ct)), response.plaintext);
  assert.deepEqual(JSON.parse(response.plaintext), result);
}

async function assertStream({ keys, response, frames, chunks }) {
  const { ss } = keysOf(keys);
  const base = fromBase64(response.headers['x-nen-stream-nonce']);
  let body = '';
  for await (const event of eventsOf(chunks, ss, base)) body += event;
  assert.equal(body, response.body);
  const opened = [];
  for await (const chunk of chunksOf([utf8(response.body)], ss, base)) opened.push(chunk);
  assert.deepEqual(opened, chunks);
  for (const { index, nonce } of frames) assert.equal(toBase64(crypto.streamNonce(base, index)), nonce);
  assert.equal(frames.at(-1).plaintext, crypto.FIN);
}

for (const name of ['v1', 'v2', 'v3']) {
  const version = VERSIONS[name];
  const { skip, recorded: { runs } } = transcripts(name);

  test(`${name}: there is something recorded`, { skip }, () => {
    assert.ok(runs.length >= 6);
    for (const run of runs) assert.ok(run.requests.length >= 4 && run.streams.length > 0);
    assert.ok(runs.some(({ identity }) => identity));
    assert.equal(runs.some(({ requests }) => requests.some(({ method }) => method === 'HEAD')), name !== 'v1');
  });

  for (const [index, run] of runs.entries()) {
    for (const exchange of run.requests) {
      test(`${name} run ${index}: ${exchange.method} ${exchange.path}`, () => {
        assertRequest(version, run.sid, exchange);
        assertAnswer(exchange);
      });
    }
    for (const stream of run.streams) {
      test(`${name} run ${index}: stream ${stream.method}`, async () => {
        assertRequest(version, run.sid, stream);
        await assertStream(stream);
      });
    }
    if (name !== 'v3') testClassicHandshake(name, index, run);
    testServer(name, index, run);
  }
}

function testClassicHandshake(name, index, run) {
  test(`${name} run ${index} (${run.kind}): handshake`, () => {
    const sent = parseObject(utf8(run.handshake.request.body));
    const answer = parseObject(utf8(run.handshake.response.body));
    const { ss } = keysOf(run.keys);
    assert.deepEqual(crypto.decapsulate(fromBase64(answer.ct), fromBase64(run.kem.client_sk)), ss);
    assert.deepEqual([sent.pk, answer.sid, answer.hmac], [run.kem.client_pk, run.sid, run.keys.hmac_key]);
    assert.equal(sent.sigPk === undefined, run.identity === undefined);
    if (!run.identity) return;
    const key = crypto.identityKey(fromBase64(sent.sigPk));
    assert.equal(crypto.verify(fromBase64(sent.sigOfPk), fromBase64(sent.pk), key), true);
    const otherKey = fromBase64(sent.pk);
    otherKey[0] ^= 1;
    assert.equal(crypto.verify(fromBase64(sent.sigOfPk), otherKey, key), false);
    assert.equal(toBase64(identityIn(run.identity.sigSk_pkcs8).spki), sent.sigPk);
  });
}

/** The server takes everything that was recorded of a session byte for byte, in its order. */
function testServer(name, index, run) {
  test(`${name} run ${index}: the server takes the recorded requests byte for byte`, async (t) => {
    let clock = 0;
    const server = new NenServer({ protocols: [name], now: () => clock });
    t.after(() => server.close());
    const base = await server.listen();
    const take = async (request) => {
      clock = Number(header(request.headers, 'x-nen-timestamp'));
      const res = await replay(base, request);
      assert.equal(res.status, 200, res.body);
      return res;
    };
    const answered = async ({ request, response, keys }) => {
      const res = await take(request);
      if (request.method === 'HEAD') {
        assert.deepEqual([res.body, res.headers['content-length']], ['', response.headers['content-length']]);
        return;
      }
      const { ct, nonce } = parseSealed(utf8(res.body));
      assert.equal(text(crypto.open(keysOf(keys).ss, nonce, ct)), response.plaintext);
    };
    const streamed = async ({ request, chunks, keys }) => {
      const res = await take(request);
      assert.equal(res.headers['content-type'], 'text/event-stream');
      const nonce = fromBase64(res.headers['x-nen-stream-nonce']);
      const opened = [];
      for await (const chunk of chunksOf([utf8(res.body)], keysOf(keys).ss, nonce)) opened.push(chunk);
      assert.deepEqual(opened, chunks);
    };
    const family = VERSIONS[name].family;
    clock = Number(header(run.requests[0].request.headers, 'x-nen-timestamp'));
    server.sessions.set(run.sid, { family, ...keysOf(run.keys) });
    for (const exchange of run.requests) await answered(exchange);
    for (const stream of run.streams) await streamed(stream);
    for (const step of run.ratchet ?? []) {
      assert.equal((await take(step.wire.request)).body, step.wire.response.body);
      await answered(step.request_after);
    }
    for (const resumed of run.resume ?? []) {
      server.sessions.set(resumed.sid, { family, ...keysOf(resumed) });
      await answered(resumed.request_after);
      await streamed(resumed.stream_after);
    }
  });
}

const { skip: skipV3, recorded: v3 } = transcripts('v3');

/** The provider, its random results being those recorded. */
function drawing({ encapsulation, signature }) {
  crypto.use({
    ...noble,
    kem: { ...noble.kem, encapsulate: () => encapsulation },
    dsa: { ...noble.dsa, sign: () => signature },
  });
}

for (const [index, run] of v3.runs.entries()) {
  const sid = run.sid;
  const secretOf = (name) => run.x25519 && fromBase64(run.x25519[name]);
  const [x, xServer] = [secretOf('client_sk') ?? null, secretOf('server_sk')];
  const ek = fromBase64(run.kem.client_pk);
  const { ticket } = run;
  const expires = (plaintext) => JSON.parse(plaintext).exp;

  test(`v3 run ${index} (${run.kind}): handshake`, () => {
    assert.equal(hybrid.hello(ek, x), run.handshake.request.body);
    const kemSs = crypto.decapsulate(fromBase64(run.kem.ct), fromBase64(run.kem.client_sk));
    assert.equal(toBase64(kemSs), run.kem.ss);
    const ss = x === null ? kemSs : combine(crypto.x25519(x, fromBase64(run.x25519.server_pk)), kemSs);
    if (x !== null) assert.equal(toBase64(crypto.x25519(x, fromBase64(run.x25519.server_pk))), run.x25519.ss);
    assert.equal(toBase64(ss), run.derived.ss);
    assert.deepEqual(derive(ss), keysOf(run.keys));
    assert.equal(toBase64(derivePsk(ss)), run.derived.psk);

    const identity = run.identity && identityIn(run.identity.server_id_sk_pkcs8);
    const trust = { pinned: identity?.publicKey ?? null };
    const client = { ek, dk: fromBase64(run.kem.client_sk), x, trust };
    const answer = utf8(run.handshake.response.body);
    const { psk, ticket: given, ...keys } = hybrid.finish(200, answer, client);
    assert.deepEqual(keys, { sid, ...keysOf(run.keys) });
    assert.deepEqual([toBase64(psk), given], [run.derived.psk_client, ticket.ticket]);
    if (identity) {
      assert.throws(() => hybrid.finish(200, answer, { ...client, trust: { pinned: new Uint8Array(1952) } }),
        { code: 'ISO-3006' });
      assert.throws(() => hybrid.finish(200, answer, { ...client, trust: { ...trust, bound: true } }),
        { code: 'ISO-3007' });
      const another = utf8(run.handshake.response.body.replace(sid, `x${sid.slice(1)}`));
      assert.throws(() => hybrid.finish(200, another, client), { code: 'ISO-3007' });
    } else {
      assert.throws(() => hybrid.finish(200, answer, { ...client, trust: { pinned: new Uint8Array(1952) } }),
        { code: 'ISO-3006' });
    }
  });

  test(`v3 run ${index}: the server's answer to the handshake, its random values being those recorded`, (t) => {
    const { identity } = run;
    t.after(() => crypto.use(noble));
    const made = identity && identityIn(identity.server_id_sk_pkcs8);
    drawing({
      encapsulation: { ct: fromBase64(run.kem.ct), ss: fromBase64(run.kem.ss) },
      signature: identity && fromBase64(identity.server_sig),
    });
    const { status, answer, session } = hybrid.respond(parseObject(utf8(run.handshake.request.body)), {
      sid,
      x: xServer,
      identity: made,
      serverNonce: identity && fromBase64(identity.server_nonce),
      ticketKeys: [fromBase64(ticket.ticket_key)],
      ticketNonce: fromBase64(ticket.nonce),
      ticketExpires: expires(ticket.plaintext),
    });
    assert.equal(status, 200);
    assert.equal(JSON.stringify(answer), run.handshake.response.body);
    assert.deepEqual(session, { family: 'v3', ...keysOf(run.keys), identity: null });
    if (!identity) return;
    const pkX = x === null ? null : crypto.x25519Public(x);
    const hash = transcriptHash({ pkKem: ek, pkX, serverNonce: fromBase64(identity.server_nonce), sid });
    assert.equal(toBase64(hash), identity.transcript_hash);
    assert.equal(noble.dsa.verify(fromBase64(identity.server_sig), hash, made.publicKey), true);
  });

  for (const [step, { before, after, wire, canonical, request_after: next }] of run.ratchet.entries()) {
    test(`v3 run ${index}: ratchet ${step}`, () => {
      const { method, path } = wire.request;
      const request = { ...wire.request, plaintext: null };
      assertRequest(VERSIONS.v3, sid, { method, path, canonical, request, keys: before });
      assert.deepEqual(ratchet(keysOf(before)), keysOf(after));
      assertRequest(VERSIONS.v3, sid, next);
      assertAnswer(next);
    });
  }

  for (const [step, resumed] of run.resume.entries()) {
    test(`v3 run ${index}: resumption ${step}`, async () => {
      const { before, wire, new_ticket: fresh, request_after: next, stream_after: stream } = resumed;
      const key = fromBase64(fresh.ticket_key);
      const [rn, srn, psk] = [resumed.rn, resumed.srn, before.psk].map((value) => fromBase64(value));
      const ss = resumedSecret(psk, rn, srn);
      assert.equal(toBase64(ss), resumed.ss);
      assert.deepEqual(derive(ss), keysOf(resumed));
      const now = Number(header(next.request.headers, 'x-nen-timestamp'));
      assert.deepEqual(openTicket(resumed.ticket, [crypto.randomKey(), key], now), psk);
      assert.equal(openTicket(resumed.ticket, [key], expires(fresh.plaintext) + 1), null);

      const { status, answer } = respondToResume(parseObject(utf8(wire.request.body)), {
        ticketKeys: [key],
        now,
        srn,
        sid: resumed.sid,
        ticketNonce: fromBase64(fresh.nonce),
        ticketExpires: expires(fresh.plaintext),
      });
      assert.deepEqual([status, JSON.stringify(answer)], [wire.response.status, wire.response.body]);
      assert.equal(resumeHello(resumed.ticket, rn, run.derived.security_mode), wire.request.body);
      const keys = finishResume(status, utf8(wire.response.body), psk, rn);
      assert.deepEqual(keys, { sid: resumed.sid, ...keysOf(resumed), psk, ticket: fresh.ticket });
      assertRequest(VERSIONS.v3, resumed.sid, next);
      assertAnswer(next);
      assertRequest(VERSIONS.v3, resumed.sid, { ...stream, request: { ...stream.request } });
      await assertStream(stream);
    });
  }

  test(`v3 run ${index}: the ticket`, () => {
    const key = fromBase64(ticket.ticket_key);
    const psk = fromBase64(run.derived.psk);
    assert.equal(sealTicket(psk, expires(ticket.plaintext), key, fromBase64(ticket.nonce)), ticket.ticket);
    assert.deepEqual(openTicket(ticket.ticket, [key], expires(ticket.plaintext) - 1), psk);
    assert.equal(openTicket(ticket.ticket, [key], expires(ticket.plaintext)), null);
  });
}

test('v3: attestations', { skip: skipV3 }, () => {
  assert.ok(v3.attestations.length > 0);
  for (const { attestation, publicKey, signed_message: message, options, ...more } of v3.attestations) {
    const signature = fromBase64(more.signature);
    assert.equal(attestationText(attestation), message);
    const identity = identityIn(more.secret_key_pkcs8);
    assert.equal(toBase64(identity.spki), publicKey);
    const verified = (value) => verifiedAttestation(utf8(JSON.stringify(value)), signature, identity.publicKey);
    assert.deepEqual(verified(attestation), attestation);
    assert.deepEqual(verified({ further: 1, ...attestation }), attestation);
    assert.equal(verified({ ...attestation, endpoint: '/' }), null);
    assert.equal(verified({ ...attestation, suite: 'none' }), null);
    const again = attest(identity, { ...options, issuedAt: attestation.issuedAt });
    assert.deepEqual([again.attestation, toBase64(again.publicKey)], [message, publicKey]);
  }
});

function replay(base, { method, path: url, headers, body }) {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const options = { hostname, port, method, path: url, headers: Object.fromEntries(headers), agent: false };
    const req = http.request(options, async (res) => {
      const chunks = [];
      for await (const chunk of res) chunks.push(chunk);
      resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks).toString() });
    });
    req.on('error', reject);
    req.end(body);
  });
}

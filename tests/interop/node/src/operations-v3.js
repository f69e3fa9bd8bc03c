// The operations of the harness protocol that V3 adds.

import { DETERMINISTIC, bytes, identityOf, optional, seedOf } from './arguments.js';
import { attest, verifiedAttestation } from './attestation.js';
import * as crypto from './crypto.js';
import { HYBRID, finish, hello, respondToHello } from './hybrid.js';
import { combine, derive, derivePsk, ratchet } from './keys.js';
import { boundNonce, transcriptHash } from './proof.js';
import { finishResume, openTicket, respondToResume, resumeHello, sealTicket } from './tickets.js';
import { parseObject, utf8 } from './wire.js';

const keysOut = ({ ss, hmacKey }) => ({ enc: ss, mac: hmacKey });
const orNull = (hex) => (hex === undefined || hex === '' ? null : bytes(hex));

export const V3_PRIMITIVES = {
  hkdf_sha256: ({ ikm, info, length }) => ({ okm: crypto.hkdfSha256(bytes(ikm), bytes(info), length) }),
  x25519: ({ k, u }) => ({ shared: crypto.x25519Raw(bytes(k), bytes(u)) }),
};

export const V3_STEPS = {
  'v3.combine': ({ x_ss: xSs, kem_ss: kemSs }) => ({ ss: combine(bytes(xSs), bytes(kemSs)) }),
  'v3.derive': ({ ss }) => ({ ...keysOut(derive(bytes(ss))), psk: derivePsk(bytes(ss)) }),
  'v3.ratchet': ({ enc, mac }) => keysOut(ratchet({ ss: bytes(enc), hmacKey: bytes(mac) })),
  'v3.transcript_hash': ({ pk_kem: pkKem, pk_x: pkX, server_nonce: serverNonce, sid }) => (
    { hash: transcriptHash({ pkKem: bytes(pkKem), pkX: orNull(pkX), serverNonce: bytes(serverNonce), sid }) }),
  'v3.bound_nonce': ({ ct, pk_x_server: pkXServer }) => (
    { server_nonce: boundNonce(bytes(ct), orNull(pkXServer)) }),
  'v3.ticket_seal': ({ psk, expires, key, nonce }) => (
    { ticket: sealTicket(bytes(psk), expires, bytes(key), bytes(nonce)) }),
  'v3.ticket_open': ({ ticket, keys, now }) => {
    const psk = openTicket(ticket, keys.map(bytes), now);
    return { psk: psk && Buffer.from(psk).toString('hex') };
  },
  'v3.resume_hello': ({ ticket, rn, security_mode: mode = HYBRID }) => (
    { body: resumeHello(ticket, bytes(rn), mode) }),
  'v3.resume_respond'({ body, keys, now, srn, sid, ticket_nonce: nonce, ticket_expires: expires }, trace) {
    const given = {
      ticketKeys: keys.map(bytes), now, srn: bytes(srn), sid, ticketNonce: bytes(nonce), ticketExpires: expires, trace,
    };
    const { status, answer, session } = respondToResume(parseObject(utf8(body), 'ISO-1001'), given);
    return { status, body: JSON.stringify(answer), ...(session && keysOut(session)) };
  },
  'v3.resume_finish'({ psk, rn, status, body }, trace) {
    const made = finishResume(status, utf8(body), bytes(psk), bytes(rn), trace);
    if (made === null) return { resumed: false };
    return { resumed: true, sid: made.sid, ...keysOut(made), ...optional('ticket', made.ticket) };
  },
  'v3.attest_verify'({ attestation, signature, public_key: key }) {
    return { valid: verifiedAttestation(utf8(attestation), bytes(signature), bytes(key)) !== null };
  },
};

export const V3_SEEDED_STEPS = {
  'v3.hello'({ d, z, x }, trace) {
    return { body: hello(crypto.kemKeygen(seedOf({ d, z })).ek, orNull(x), trace) };
  },
  'v3.respond'(args, trace) {
    const { answer, session, psk } = respondToHello(parseObject(utf8(args.body), 'ISO-1001'), {
      m: bytes(args.m),
      x: bytes(args.x),
      sid: args.sid,
      ticketKeys: [bytes(args.ticket_key)],
      ticketNonce: bytes(args.ticket_nonce),
      ticketExpires: args.ticket_expires,
      identity: identityOf(args.identity_seed),
      rnd: DETERMINISTIC,
      ...optional('serverNonce', args.server_nonce && bytes(args.server_nonce)),
      trace,
    });
    return { body: JSON.stringify(answer), ...keysOut(session), psk };
  },
  'v3.finish'({ d, z, x, status, body, pinned, bound }, trace) {
    const { ek, dk } = crypto.kemKeygen(seedOf({ d, z }));
    trace('ek', ek);
    const trust = { pinned: orNull(pinned), bound };
    const { sid, psk, ticket, ...keys } = finish(status, utf8(body), { ek, dk, x: orNull(x), trust }, trace);
    return { sid, ...keysOut(keys), ...(ticket && { psk, ticket }) };
  },
  'v3.attest'({ seed, endpoint, security_mode: securityMode, from, to, issued_at: issuedAt }) {
    const statement = { endpoint, from, to, issuedAt, ...optional('securityMode', securityMode) };
    const { attestation, signature, publicKey } = attest(identityOf(seed), statement, DETERMINISTIC);
    return { attestation, signature, public_key: publicKey };
  },
};

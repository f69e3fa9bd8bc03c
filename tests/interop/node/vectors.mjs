// node vectors.mjs READER FOLDER: the reader of vectors/README.md, as JavaScript, asks this implementation everything.
//
// The operations are those of the harness. What the harness protocol has no operation for comes straight from noble.

import { createCipheriv } from 'node:crypto';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { poly1305 } from '@noble/ciphers/_poly1305.js';
import { chacha20 } from '@noble/ciphers/chacha.js';
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import * as crypto from './src/crypto.js';
import { NenError } from './src/errors.js';
import { noble } from './src/noble.js';
import { operations } from './src/operations.js';
import { noTrace } from './src/trace.js';
import { fromBase64, toBase64 } from './src/wire.js';

crypto.use(noble);

const LAST_COUNTER = 2 ** 32 - 1;
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, 'hex'));

/** An argument that noble refuses by an exception is a refusal. */
function orRefused(compute) {
  try {
    return compute();
  } catch (cause) {
    throw new NenError('ISO-9000', cause.message, { cause });
  }
}

/** noble stops before the last counter, so that it never wraps; the block itself is defined, and OpenSSL gives it. */
function block(key, counter, nonce) {
  if (counter < LAST_COUNTER) return chacha20(key, nonce, new Uint8Array(64), undefined, counter);
  const start = new Uint8Array(16);
  new DataView(start.buffer).setUint32(0, counter, true);
  start.set(nonce, 4);
  return createCipheriv('chacha20', key, start).update(new Uint8Array(64));
}

/** This client signs hedged, which no vector can foretell: its signature has to verify, the other kind is compared. */
function deterministic({ body }, seed) {
  const hello = JSON.parse(body);
  const ek = fromBase64(hello.pk);
  if (!crypto.verify(fromBase64(hello.sigOfPk), ek, crypto.keyInSpki(fromBase64(hello.sigPk)))) {
    throw new Error('the own signature does not verify');
  }
  const signature = crypto.sign(ek, crypto.dsaKeygen(bytes(seed)).sk, new Uint8Array(32));
  return { body: JSON.stringify({ ...hello, sigOfPk: toBase64(signature) }) };
}

const harness = operations();
const all = {
  ...harness,
  'handshake.hello'(args) {
    const hello = harness['handshake.hello'](args, noTrace);
    return args.identity_seed === undefined ? hello : deterministic(hello, args.identity_seed);
  },
  'chacha20.block': ({ key, counter, nonce }) => ({ block: block(bytes(key), counter, bytes(nonce)) }),
  'poly1305.mac': ({ key, message }) => ({ tag: poly1305(bytes(message), bytes(key)) }),
  'ml_kem_768.check_ek'({ ek }) {
    crypto.encapsulate(bytes(ek), new Uint8Array(32));
    return {};
  },
  'ml_kem_768.check_dk'({ dk }) {
    crypto.decapsulate(new Uint8Array(crypto.CT_BYTES), bytes(dk));
    return {};
  },
  'ml_dsa_65.sign'({ sk, message, rnd, ctx = '' }) {
    const options = { extraEntropy: bytes(rnd), context: bytes(ctx) };
    return { signature: orRefused(() => ml_dsa65.sign(bytes(message), bytes(sk), options)) };
  },
  'v3.attest_verify'(args) {
    if (!harness['v3.attest_verify'](args).valid) throw new NenError('ISO-9000', 'not an attestation of this key');
    return {};
  },
  'ml_dsa_65.verify'({ pk, message, signature, ctx = '' }) {
    const options = { context: bytes(ctx) };
    if (!orRefused(() => ml_dsa65.verify(bytes(signature), bytes(message), bytes(pk), options))) {
      throw new NenError('ISO-9000', 'the signature does not verify');
    }
    return {};
  },
};

/** What the reader asks. Anything but a refusal is thrown, and so a failure. */
async function implementation(operation, input) {
  if (!Object.hasOwn(all, operation)) return null;
  try {
    const values = Object.entries(await all[operation](input, noTrace));
    return Object.fromEntries(values.map(([name, value]) => (
      [name, value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value])));
  } catch (error) {
    if (!(error instanceof NenError)) throw error;
    return { error: error.code, ...(error.released === undefined ? {} : { released: error.released }) };
  }
}

const [reader, folder] = process.argv.slice(2);
const { check } = await import(pathToFileURL(resolve(reader)));
process.exit(await check(folder, implementation) ? 0 : 1);

// node harness.mjs: Nen V1 over a WebAssembly core, behind the harness protocol of nen-ref.

import { readFileSync } from 'node:fs';
import * as crypto from '../node/src/crypto.js';
import { serve } from '../node/src/harness.js';
import { noble } from '../node/src/noble.js';
import { SERVER_OPTIONS, unseededOperations } from '../node/src/operations.js';
import { liboqs } from './liboqs.js';

/** The identity of a seed (FIPS 204, algorithm 6). liboqs has no way from a seed to a key: the expansion is @noble's, and
 *  the expanded key is imported into liboqs, which makes and checks every signature. */
function identityOf(seed) {
  return seed === undefined ? undefined : crypto.newIdentity(noble.dsa.keygen(Uint8Array.from(Buffer.from(seed, 'hex'))));
}

const provider = await liboqs();
crypto.use(provider);
const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const about = {
  name: 'nen-interop-wasm',
  implementation_version: `${version} (${provider.name} ${provider.version})`,
  language: 'WebAssembly',
};
process.exit(await serve(about, unseededOperations({ identityOf }), SERVER_OPTIONS));

// node harness.mjs: Nen over a WebAssembly core, behind the harness protocol of nen-ref.

import { readFileSync } from 'node:fs';
import * as crypto from '../node/src/crypto.js';
import { serve } from '../node/src/harness.js';
import { OPTIONS, unseededOperations } from '../node/src/operations.js';
import { liboqs } from './liboqs.js';

const provider = await liboqs();
crypto.use(provider);
const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const about = {
  name: 'nen-interop-wasm',
  implementation_version: `${version} (${provider.name} ${provider.version})`,
  language: 'WebAssembly',
};
// The operations that the package's own interface can do; it has no parameter for seeds (see drawing in liboqs.js).
process.exit(await serve(about, unseededOperations(), OPTIONS));

// node harness.mjs: this implementation behind the harness protocol of nen-ref. See src/harness.js.

import { readFileSync } from 'node:fs';
import * as crypto from './src/crypto.js';
import { serve } from './src/harness.js';
import { noble } from './src/noble.js';
import { OPTIONS, operations } from './src/operations.js';

crypto.use(noble);
const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const about = { name: 'nen-interop-node', implementation_version: version, language: 'JavaScript' };
process.exit(await serve(about, operations(), OPTIONS));

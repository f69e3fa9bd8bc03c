// node server.mjs [--port N] [--protocol v1] [--protocol v2] [--protocol v3] [--require-identity]
//   [--identity-seed HEX]
//
// --protocol: a version to offer, several times for several; V1 without it. --identity-seed: the
// ML-DSA-65 seed of the server's own identity (V3), 32 bytes.

import { parseArgs } from 'node:util';
import { identityOf } from './src/arguments.js';
import * as crypto from './src/crypto.js';
import { noble } from './src/noble.js';
import { NenServer } from './src/server.js';

crypto.use(noble);
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    protocol: { type: 'string', multiple: true, default: ['v1'] },
    'require-identity': { type: 'boolean', default: false },
    'identity-seed': { type: 'string' },
  },
});

const server = new NenServer({
  protocols: values.protocol,
  requireIdentity: values['require-identity'],
  serverIdentity: identityOf(values['identity-seed']),
  log: console.error,
});
console.log(`listening ${await server.listen(Number(values.port))}`);
process.on('SIGTERM', () => server.close());

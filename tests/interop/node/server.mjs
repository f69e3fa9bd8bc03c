// node server.mjs [--port N] [--protocol v1] [--protocol v2] [--protocol v3] [--require-identity] [--identity]
//
// --protocol: a version to offer, several times for several; V1 without it. --identity: with an identity of its own,
// for V3.

import { parseArgs } from 'node:util';
import * as crypto from './src/crypto.js';
import { noble } from './src/noble.js';
import { NenServer } from './src/server.js';

crypto.use(noble);
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    protocol: { type: 'string', multiple: true, default: ['v1'] },
    'require-identity': { type: 'boolean', default: false },
    identity: { type: 'boolean', default: false },
  },
});

const server = new NenServer({
  protocols: values.protocol,
  requireIdentity: values['require-identity'],
  serverIdentity: values.identity ? crypto.newIdentity() : undefined,
  log: console.error,
});
console.log(`listening ${await server.listen(Number(values.port))}`);
process.on('SIGTERM', () => server.close());

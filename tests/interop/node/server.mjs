// node server.mjs [--port N] [--require-identity]

import { parseArgs } from 'node:util';
import * as crypto from './src/crypto.js';
import { noble } from './src/noble.js';
import { NenServer } from './src/server.js';

crypto.use(noble);
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'require-identity': { type: 'boolean', default: false },
  },
});

const server = new NenServer({ requireIdentity: values['require-identity'], log: console.error });
console.log(`listening ${await server.listen(Number(values.port))}`);
process.on('SIGTERM', () => server.close());

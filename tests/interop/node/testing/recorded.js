// For tests: the recorded exchanges of independent clients and servers, from $NEN_EXTERNAL or beside the project.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const beside = fileURLToPath(new URL('../../../../../shared', import.meta.url));

/** {skip, recorded}: why there is nothing to test (false if there is), and what was recorded of a version. */
export function transcripts(version) {
  const file = path.join(process.env.NEN_EXTERNAL ?? beside, `protocol/transcripts/${version}.json`);
  if (!existsSync(file)) return { skip: `no recorded transcripts at ${file}`, recorded: { runs: [] } };
  return { skip: false, recorded: JSON.parse(readFileSync(file, 'utf8')) };
}

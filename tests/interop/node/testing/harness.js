// For tests: a harness as a child process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import readline from 'node:readline';

/** Makes harnesses of the program harness.mjs in `folder`; `flags` are for Node. ask(command) gives the next line that
 *  it says, run(op, args) the answer to an operation. */
export const harnessIn = (folder, flags = []) => (t) => {
  const child = spawn(process.execPath, [...flags, 'harness.mjs'], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => child.kill());
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const errors = [];
  child.stderr.on('data', (piece) => errors.push(piece.toString()));
  let seq = 0;
  const say = (line) => child.stdin.write(`${line}\n`);
  async function ask(command) {
    say(JSON.stringify(command));
    return JSON.parse((await lines.next()).value);
  }
  async function run(op, args = {}) {
    seq += 1;
    const { seq: answered, ...answer } = await ask({ cmd: 'run', seq, op, args });
    assert.equal(answered, seq);
    return answer;
  }
  return { child, say, ask, run, errors, ended: once(child, 'close') };
};

// The harness protocol of nen-ref, version 1: JSON lines on stdin and stdout.
//
//   {"cmd":"start","version":1}                     -> what this is, and what it can do
//   {"cmd":"run","seq":1,"op":"...","args":{...}}   -> {"seq":1,"ok":{...}}, or "error" with an ISO code, or "errored"
//   {"cmd":"stop"}                                  -> it ends
//
// Commands are handled one at a time, in order. An ISO code that the implementation throws is "error"; any other
// exception is "errored", and the harness lives on. A line that is no command at all ends it with exit code 1: whoever
// sent that is not a suite, and no answer would reach the right question.

import readline from 'node:readline';
import { NenError } from './errors.js';
import { into } from './trace.js';
import { VERSIONS } from './versions.js';

const VERSION = 1;

/** Answers commands until stop, or the end of the input.
 *  `about`: name, implementation_version, language, homepage; `operations`: name -> function of the decoded arguments
 *  and a trace, giving the members of ok; bytes in it become hexadecimal. */
export async function serve(about, operations, options, input = process.stdin, output = process.stdout) {
  const say = (message) => output.write(`${JSON.stringify(message)}\n`);
  for await (const line of readline.createInterface({ input, crlfDelay: Infinity })) {
    const command = commandIn(line);
    if (command === null) return complain(`not a command: ${line.slice(0, 120)}`);
    if (command.cmd === 'stop') return 0;
    if (command.cmd === 'run') {
      say({ seq: command.seq, ...await run(operations, command) });
      continue;
    }
    if (command.version !== VERSION) return complain(`this harness speaks version ${VERSION} of the protocol`);
    say({
      version: VERSION, ...about, protocols: Object.keys(VERSIONS),
      operations: Object.keys(operations), options,
    });
  }
  return 0;
}

function commandIn(line) {
  try {
    const command = JSON.parse(line);
    return ['start', 'run', 'stop'].includes(command?.cmd) ? command : null;
  } catch {
    return null;
  }
}

function complain(message) {
  console.error(message);
  return 1;
}

async function run(operations, { op, args }) {
  if (!Object.hasOwn(operations, op)) return errored(new Error('this harness does not offer the operation'), { op });
  const values = {};
  const withTrace = (answer) => (Object.keys(values).length === 0 ? answer : { ...answer, trace: values });
  try {
    return withTrace({ ok: hexed(await operations[op](args, into(values))) });
  } catch (error) {
    if (!(error instanceof NenError)) return errored(error, { op });
    return withTrace({ error: refusal(error) });
  }
}

/** `released` is what a stream handed out before it failed. */
function refusal({ code, detail, serverCode, httpStatus, released }) {
  const said = [detail, httpStatus && `status ${httpStatus}`, serverCode !== code && serverCode].filter(Boolean);
  return { code, detail: said.join(', '), ...(released === undefined ? {} : { released }) };
}

function errored(error, context) {
  const place = error.stack?.split('\n').slice(1, 4).map((line) => line.trim()) ?? [];
  return { errored: { message: `${error.name}: ${error.message}`, context: { ...context, place } } };
}

const hexed = (values) => Object.fromEntries(
  Object.entries(values).map(([name, value]) => [name, value instanceof Uint8Array ? hex(value) : value]),
);

const hex = (bytes) => Buffer.from(bytes).toString('hex');

// The demonstration routes. A handler takes {method, body}, body undefined when none came, and returns {json, status?}
// or {chunks}, an iterable of texts.

import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

const ROUTES = new Map([
  ['/api/echo', ({ method, body }) => ({ json: { method, body: body ?? null } })],
  ['/api/stream', ({ body }) => streamed(body === undefined ? ['a', 'b', 'c'] : body?.chunks)],
]);

const FAILING = new Map([
  ['/api/fail', () => { throw new Error('this handler fails'); }],
  ['/api/fail-stream', () => ({ chunks: failsAfterOne() })],
  ['/api/slow-stream', () => ({ chunks: slowly() })],
]);

/** The handler of a decoded path, one that answers 404 where there is none. Echo answers every path below its own too,
 *  so that clients can try escapes and odd paths. */
export function handlerOf(path, { failing }) {
  if (path.startsWith('/api/echo/')) return ROUTES.get('/api/echo');
  return ROUTES.get(path) ?? (failing ? FAILING.get(path) : undefined) ?? noRoute;
}

const noRoute = () => ({ status: 404, json: { detail: 'no such route' } });

/** Text without a UTF-8 form (a lone surrogate) cannot be sent. */
function streamed(chunks) {
  const good = Array.isArray(chunks) && chunks.every((chunk) => typeof chunk === 'string' && chunk.isWellFormed());
  return good ? { chunks } : { status: 422, json: { detail: 'chunks is not a list of texts' } };
}

async function* failsAfterOne() {
  yield 'a';
  await setImmediate(); // the chunk is on its way
  throw new Error('this stream fails');
}

async function* slowly() {
  yield 'a';
  await sleep(700);
  yield 'b';
}

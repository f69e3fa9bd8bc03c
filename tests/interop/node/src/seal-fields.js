// Sealed fields: values within a JSON value, each an envelope of its own in the context of its path.

import { NenError } from './errors.js';
import { open, seal } from './seal.js';
import { isObject, parseJson, utf8 } from './wire.js';

const MARK = '$nenSealed';
const fieldContext = (path) => `field:${path}`;
const malformed = (detail) => new NenError('ISO-6001', detail);
const isSealed = (value) => isObject(value) && value[MARK] === true;

/** The value with what stands at these paths sealed. `given`: for each path the randomness {m, n}. */
export function sealFields(ek, value, paths, given = []) {
  const copy = structuredClone(value);
  const places = placesOf(copy, paths);
  for (const [i, [holder, name]] of places.entries()) {
    const data = utf8(JSON.stringify(holder[name]));
    holder[name] = { [MARK]: true, ...seal(ek, data, fieldContext(paths[i]), given[i]) };
  }
  return copy;
}

/** The value with what is sealed at these paths opened; all of them have to be. Throws 6001, 6002, 4001, 4003. */
export function openFields(dk, value, paths) {
  const copy = structuredClone(value);
  const places = placesOf(copy, paths);
  for (const [holder, name] of places) {
    if (!isSealed(holder[name])) throw malformed('a field is not sealed');
  }
  for (const [i, [holder, name]] of places.entries()) {
    holder[name] = parseJson(open(dk, holder[name], fieldContext(paths[i])), 'ISO-4003');
  }
  return copy;
}

/** For each path what holds the value, an object or an array, and its name there. Throws 6001 for paths that lead
 *  nowhere, into a sealed field, or into one another. */
function placesOf(value, paths) {
  const split = paths.map((path) => path.split('.'));
  if (split.flat().includes('')) throw malformed('a path has an empty name');
  for (const [i, path] of split.entries()) {
    if (split.some((other, j) => i !== j && other.every((name, k) => name === path[k]))) {
      throw malformed('two paths lead into one another');
    }
  }
  return split.map((names) => placeOf(value, names));
}

function placeOf(value, names) {
  let holder = value;
  for (const name of names.slice(0, -1)) {
    if (isSealed(holder) || !leads(holder, name)) throw malformed('a path leads nowhere');
    holder = holder[name];
  }
  const last = names.at(-1);
  if (isSealed(holder) || !leads(holder, last)) throw malformed('a path leads nowhere');
  return [holder, last];
}

/** Whether `name` is an element, by its index in plain digits, or a member of its own. */
function leads(holder, name) {
  if (Array.isArray(holder)) return /^(0|[1-9][0-9]*)$/.test(name) && Number(name) < holder.length;
  return isObject(holder) && Object.hasOwn(holder, name);
}

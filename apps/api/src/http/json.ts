import { isUtf8 } from 'node:buffer';
import { IncumbentError } from '#core';

/** Deeper nesting than this is nobody's metadata; it bounds every later walk over the value. */
const DEEPEST_NESTING = 32;

/**
 * Reads a JSON body more strictly than JSON.parse: it must be UTF-8 without a byte order mark, name no key
 * twice, nest at most 32 levels, and not carry keys that poison prototypes. Two readers of a body must never see
 * different values, and with a doubled key they would.
 * @throws IncumbentError request.malformed_json
 */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw malformed('It is not UTF-8.');
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed('It is not valid JSON; check commas, quotes and brackets.');
  }
  if (membersIn(text) !== membersOf(value)) throw malformed('An object in it names a key twice.');
  return value;
}

/** Counts the members written in valid JSON text: outside strings, each has exactly one colon. */
function membersIn(text: string): number {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x3a) members += 1;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > DEEPEST_NESTING) throw malformed(`It nests deeper than ${DEEPEST_NESTING} levels.`);
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return members;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}

/** Counts the members that survived parsing; a doubled key is lost. Depth is bounded by `membersIn`. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + membersOf(item), 0);
  let members = 0;
  for (const [key, item] of Object.entries(value as Record<string, unknown>)) {
    if (key === '__proto__') throw malformed('The key "__proto__" is not allowed.');
    if (
      key === 'constructor' &&
      typeof item === 'object' &&
      item !== null &&
      Object.hasOwn(item, 'prototype')
    ) {
      throw malformed('The key "constructor" with a "prototype" is not allowed.');
    }
    members += 1 + membersOf(item);
  }
  return members;
}

function malformed(detail: string): IncumbentError {
  return new IncumbentError('request.malformed_json', detail);
}

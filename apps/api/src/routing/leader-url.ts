/**
 * Where a caller is sent that asks for the leader: the leader's address joined with what follows `redirect` in the
 * request target. The answer is always on the host, and below the path, that the leader's address names.
 */
import { type ErrorCode, IncumbentError } from '#core';

/**
 * An absolute http(s) URL without credentials, query or fragment. Backslashes and control characters are refused:
 * URL parsers read the first as slashes and skip some of the others.
 */
const BASE = /^https?:\/\/[^\s\\/?#@\p{Cc}]+(?:\/[^\s\\?#\p{Cc}]*)?$/iu;
/** What a request target may be made of: visible ASCII but the fragment's mark. Everything else has an escape. */
const TARGET = /^[\x21\x22\x24-\x7e]*$/;
/** `/v1/elections/{name}/leader/redirect` before the rest: the empty text before the first slash counts. */
const SEGMENTS_BEFORE_REST = 6;

/** The URL that a leader's address names, or undefined where callers cannot be sent to it. */
export function baseOf(address: string | undefined): URL | undefined {
  if (address === undefined || !BASE.test(address)) return undefined;
  try {
    return new URL(address);
  } catch {
    return undefined;
  }
}

/**
 * The path and query that follow `redirect` in a request target, as they were sent.
 * @throws IncumbentError request.invalid_path, request.invalid_query for what two readers could read differently
 */
export function restOf(target: string): { path: string; query: string } {
  const mark = target.indexOf('?');
  const whole = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark);
  if (!TARGET.test(query))
    throw refused('request.invalid_query', 'Percent-encode what is not visible ASCII.');
  const segments = whole.split('/').slice(SEGMENTS_BEFORE_REST);
  if (segments.length === 0) return { path: '', query };
  const path = `/${segments.join('/')}`;
  checkPath(path);
  return { path, query };
}

/** Joins the two. The path of `base` stays in front, with or without a slash at its end. */
export function joined(base: URL, { path, query }: { path: string; query: string }): string {
  const below = base.origin + base.pathname.replace(/\/$/, '');
  const url = new URL(below + path + query);
  // What was let through above cannot lead elsewhere; if a rule is missing there, nobody is sent away by it.
  if (!url.href.startsWith(below)) throw badPath('It leads out of the address of the leader.');
  return url.href;
}

/** Dot segments and doubled slashes are refused in their escaped forms as well: some servers unescape first. */
function checkPath(path: string): void {
  if (!TARGET.test(path)) throw badPath('Percent-encode what is not visible ASCII.');
  const segments = unescaped(path).split('/').slice(1);
  segments.forEach((segment, at) => {
    if (segment === '.' || segment === '..') throw badPath('Leave out the segments "." and "..".');
    if (segment === '' && at < segments.length - 1) throw badPath('Leave out doubled slashes.');
  });
}

function unescaped(path: string): string {
  let text: string;
  try {
    text = decodeURIComponent(path);
  } catch {
    throw badPath('Its percent-encoding is malformed.');
  }
  if (/[\\\p{Cc}]/u.test(text)) throw badPath('Leave out backslashes and control characters.');
  return text;
}

function badPath(message: string): IncumbentError {
  return refused('request.invalid_path', message);
}

function refused(code: ErrorCode, message: string): IncumbentError {
  const pointer = code === 'request.invalid_path' ? 'path' : 'query';
  return new IncumbentError(code, `What follows "redirect" cannot be passed on. ${message}`, {
    errors: [{ pointer, code: 'invalid', message }],
  });
}

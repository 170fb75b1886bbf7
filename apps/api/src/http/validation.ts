import { type ErrorCode, type FieldError, IncumbentError } from '#core';
import type { z } from 'zod';
import { wordingOf } from './wording.js';

/** At most this many field errors are told; a body with more is not helped by a longer list. */
const MOST_ERRORS = 20;

/** What is looked at of an issue, whatever kind it is. */
interface Issue {
  readonly message: string;
  readonly path?: readonly PropertyKey[];
  readonly code?: string;
  readonly keys?: readonly string[];
  /** Of a key that does not fit: why. */
  readonly issues?: readonly { readonly message: string }[];
  /** Of what may have one of several shapes: why it has none of them. */
  readonly errors?: readonly (readonly Issue[])[];
}

/**
 * Checks one part of a request against its schema. Nothing is coerced. What the schema does not word itself is worded
 * by `wording.ts`, so that no text of the library is told.
 * @throws IncumbentError `code`, naming every field that does not fit
 */
export function parse<T extends z.ZodType>(schema: T, value: unknown, code: ErrorCode): z.output<T> {
  const result = schema.safeParse(value, { error: wordingOf });
  const place = code === 'request.invalid_body' ? bodyPointer : parameterName;
  const issues: readonly Issue[] = result.error?.issues ?? illegible(value, []);
  if (result.success && issues.length === 0) return result.data;
  const errors = issues.flatMap((issue) => fieldErrors(issue, place));
  throw new IncumbentError(code, summaryOf(errors), { errors: errors.slice(0, MOST_ERRORS) });
}

/** Text that JSON can spell and neither Postgres nor a canonical form can hold: NUL, and halves of surrogate pairs. */
function illegible(value: unknown, path: string[]): Issue[] {
  if (typeof value === 'string') return isLegible(value) ? [] : [{ ...ILLEGIBLE, path }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    const inner = [...path, name];
    return isLegible(name) ? illegible(item, inner) : [{ ...ILLEGIBLE, path: inner }];
  });
}

const ILLEGIBLE = { code: 'invalid_text', message: 'Must not hold NUL or half of a surrogate pair.' };

function isLegible(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function fieldErrors(issue: Issue, place: (parts: string[]) => string): FieldError[] {
  const meant = issue.path?.length ? undefined : closest(issue.errors ?? [], place);
  if (meant) return meant;
  const parts = (issue.path ?? []).map(String);
  if (issue.code === 'unrecognized_keys' && issue.keys !== undefined) {
    return issue.keys.map((key) => ({
      pointer: place([...parts, key]),
      code: 'unknown_field',
      message: issue.message,
    }));
  }
  const message = issue.issues?.[0]?.message ?? issue.message;
  return [{ pointer: place(parts), code: issue.code ?? 'invalid', message }];
}

/** Of a body that may have one of several shapes: the errors against the one that was meant, if fewer of them say which. */
function closest(
  shapes: readonly (readonly Issue[])[],
  place: (parts: string[]) => string,
): FieldError[] | undefined {
  const told = shapes.map((issues) => issues.flatMap((issue) => fieldErrors(issue, place)));
  const [best, second] = told.toSorted((a, b) => a.length - b.length);
  return best && second && best.length < second.length ? best : undefined;
}

/** RFC 6901. */
function bodyPointer(parts: string[]): string {
  return parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function parameterName(parts: string[]): string {
  return parts.join('.');
}

function summaryOf(errors: readonly FieldError[]): string {
  const [first] = errors;
  if (first === undefined) return 'The request does not fit the schema.';
  const where = first.pointer === '' ? '' : `${first.pointer}: `;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : '';
  return `${where}${first.message}${more}`;
}

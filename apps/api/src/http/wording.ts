import { z } from 'zod';

/**
 * What a caller is told of a field that does not fit, where its schema says nothing itself: what the field has to be,
 * in the words of JSON, and what was sent in its place.
 */
export function wordingOf(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return 'Is required.';
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue);
    case 'invalid_value':
      return `Must be ${listed(issue.values)}.`;
    case 'too_small':
      return outOfBounds('at least', issue.minimum, issue.origin);
    case 'too_big':
      return outOfBounds('at most', issue.maximum, issue.origin);
    case 'unrecognized_keys':
      return 'This is not known here; check its spelling or leave it out.';
    case 'not_multiple_of':
      return `Must be a multiple of ${issue.divisor}.`;
    default:
      return 'Does not have the form that it needs; compare it with the description of the call.';
  }
}

type IssueOf<C extends z.core.$ZodRawIssue['code']> = Extract<z.core.$ZodRawIssue, { code: C }>;

/** As JSON calls what a schema expects. */
const NAMES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function wrongType({ expected, input, inst }: IssueOf<'invalid_type'>): string {
  const wanted = NAMES[inst instanceof z.ZodNumberFormat ? 'int' : expected] ?? expected;
  return `Must be ${wanted}, not ${kindOf(input)}.`;
}

function kindOf(input: unknown): string {
  if (input === null) return 'null';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'string') return 'a string';
  if (typeof input === 'number') return Number.isInteger(input) ? 'a number' : 'a fraction';
  return typeof input === 'boolean' ? 'true or false' : 'an object';
}

const UNITS: Readonly<Record<string, readonly [one: string, many: string]>> = {
  string: ['character', 'characters'],
  array: ['item', 'items'],
};

function outOfBounds(side: 'at least' | 'at most', bound: number | bigint, origin: string): string {
  const units = UNITS[origin];
  if (!units) return `Must be ${side} ${bound}.`;
  return `Must have ${side} ${bound} ${bound === 1 ? units[0] : units[1]}.`;
}

function listed(values: readonly unknown[]): string {
  const all = values.map((value) => JSON.stringify(value));
  return all.length === 1 ? String(all[0]) : `one of ${all.join(', ')}`;
}

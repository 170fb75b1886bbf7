import { crc32 } from 'node:zlib';
import { badCursor, toTimestamp } from '#core';
import { CANDIDATE_NAME, ELECTION_NAME } from '#election';
import { z } from 'zod';

/** Fields that several calls share, with the bounds of the contract. */

export const SHORTEST_TTL_MS = 1_000;
export const LONGEST_TTL_MS = 15 * 60 * 1_000;
/** Below the 60 s after which common proxies give up on an answer. */
export const LONGEST_WAIT_MS = 55_000;
const MOST_METADATA_BYTES = 2_048;

export const electionName = z
  .string()
  .regex(
    ELECTION_NAME,
    'Must be 1 to 128 letters, digits, ".", "_" or "-", and begin with a letter or digit.',
  )
  .meta({
    id: 'ElectionName',
    description: 'Name of an election, unique within the tenant; it never changes.',
    examples: ['billing'],
  });

export const candidateName = z
  .string()
  .regex(CANDIDATE_NAME, 'Must be 1 to 253 letters, digits or "._:@-", and begin with a letter or digit.')
  .meta({
    id: 'CandidateName',
    description: 'Name under which a participant stands, unique among the live candidates of an election.',
    examples: ['billing-7f9c-1'],
  });

export const ttlMs = z.int().min(SHORTEST_TTL_MS).max(LONGEST_TTL_MS);

export const metadata = z
  .record(z.string(), z.unknown())
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= MOST_METADATA_BYTES, {
    message: `Must be at most ${MOST_METADATA_BYTES} bytes as JSON.`,
  })
  .meta({
    id: 'Metadata',
    description:
      'Free JSON object of the candidate, at most 2 kB, shown to everybody who may read the election.',
    examples: [{ zone: 'eu-west-1a', version: '2.4.1' }],
  });

export const timestamp = z.string().meta({
  id: 'Timestamp',
  format: 'date-time',
  description: 'RFC 3339 in UTC with milliseconds. For people: no decision of the service looks at it.',
  examples: ['2026-11-21T09:30:00.000Z'],
});

/** A moment that a caller names; whatever its offset, it goes on in UTC. */
export const moment = z.iso
  .datetime({ offset: true, error: unlessMissing('Must be RFC 3339, like 2031-01-01T00:00:00Z.') })
  .transform((text) => toTimestamp(Date.parse(text)));

/** The words of a schema for what was sent and does not fit; what was not sent is told to be required. */
export function unlessMissing(message: string): z.core.$ZodErrorMap {
  return ({ input }) => (input === undefined ? undefined : message);
}

/** A number in a query: written in digits and nothing else. */
export function digits(bounds: { min: number; max: number; description: string }) {
  const { min, max, description } = bounds;
  return z
    .string()
    .regex(/^\d{1,16}$/, 'Must be a whole number written in digits.')
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ description, wire: { type: 'integer', minimum: min, maximum: max } });
}

export const page = z.strictObject({
  limit: digits({ min: 1, max: 100, description: 'How many to return at most; 20 if absent.' }).optional(),
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,512}$/, 'Must be the nextCursor of an earlier page.')
    .optional()
    .meta({ description: 'The `nextCursor` of the page before.' }),
});

const DEFAULT_PAGE = 20;

/**
 * A page as the libraries take it. A cursor only spells a place in the caller's own list, so it needs no seal; the
 * checksum tells one that was cut or made up from one of ours.
 * @throws IncumbentError request.invalid_query
 */
export function toPage(query: z.output<typeof page>): { limit: number; after?: string } {
  const limit = query.limit ?? DEFAULT_PAGE;
  if (query.cursor === undefined) return { limit };
  return { limit, after: placeOf(query.cursor) };
}

export function toCursor(next: string | undefined): string | null {
  return next === undefined ? null : Buffer.from(checksumOf(next) + next, 'utf8').toString('base64url');
}

const CHECKSUM_LENGTH = 8;

function checksumOf(place: string): string {
  return crc32(place).toString(16).padStart(CHECKSUM_LENGTH, '0');
}

function placeOf(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const place = text.slice(CHECKSUM_LENGTH);
  if (place !== '' && toCursor(place) === cursor) return place;
  throw badCursor();
}

export const nextCursor = z
  .string()
  .nullable()
  .meta({ description: 'Pass it as `cursor` for the next page; null on the last.' });

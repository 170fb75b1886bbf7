import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Act } from '#core';

/** The chain of what concerns no tenant. No tenant has this id: theirs begin with `ten_`. */
export const PLATFORM_CHAIN = 'platform';

/** Before the first event of a chain, as hex. */
export const NO_HASH = '0'.repeat(64);

/** A place in a chain: the number of an event and the hash that stands for everything up to it. */
export interface ChainLink {
  sequence: number;
  /** Hex. */
  hash: string;
}

/** An act with its place: what is hashed, and what is shown. */
export type AuditRecord = Omit<Act, 'tenantId'> & { tenant: string; sequence: number };

export function chainOf(tenantId: string | null): string {
  return tenantId ?? PLATFORM_CHAIN;
}

/**
 * The one spelling of an event (RFC 8785). What JSON cannot say is left out or made sayable first: a stray half of
 * a surrogate pair, which a caller may put into any name, becomes U+FFFD, as it does in the rest of the database.
 */
export function canonicalText(record: AuditRecord): string {
  const plain: unknown = JSON.parse(JSON.stringify(record), (_, value: unknown) => wellFormed(value));
  const text = canonicalize(plain);
  if (text === undefined) throw new TypeError('An audit event must be an object');
  return text;
}

/** SHA-256 of the 32 bytes of the hash before, followed by the UTF-8 of the event; hex. */
export function hashOf(previousHash: string, canonical: string): string {
  return createHash('sha256').update(previousHash, 'hex').update(canonical, 'utf8').digest('hex');
}

/** Ids and names of the targets, as the column for filters holds them. Postgres stores no NUL. */
export function targetIdsOf(record: Pick<AuditRecord, 'targets'>): string[] {
  const ids = record.targets.flatMap(({ id, name }) => (name === undefined ? [id] : [id, name]));
  return [...new Set(ids)].map(storable);
}

/** As a text column can hold it. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  if (entries.every(([key]) => key.isWellFormed())) return value;
  return Object.fromEntries(entries.map(([key, item]): [string, unknown] => [key.toWellFormed(), item]));
}

/** Text that Postgres cannot hold: NUL, and halves of surrogate pairs. JSON spells them so. */
const SUSPECT = /\\u(0000|d[89a-f])/i;
const NUL = /\0/g;

/**
 * Reads a record of the outbox as Postgres can keep it: what it cannot hold becomes U+FFFD. Participants choose their
 * metadata, and one who sends such a text must not hold up the record of anybody.
 */
export function readLegibly<T extends object>(value: string): T {
  const record = JSON.parse(value) as T;
  return SUSPECT.test(value) ? (legible(record) as T) : record;
}

function legible(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replace(NUL, '\ufffd');
  if (Array.isArray(value)) return value.map(legible);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [legible(name) as string, legible(inner)]),
  );
}

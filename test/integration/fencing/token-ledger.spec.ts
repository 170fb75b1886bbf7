import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  FENCING_ENTITIES,
  type LedgerEntry,
  TokenLedger,
  audienceOf,
  ledgerEntryOf,
  ledgerEntrySchema,
} from '#fencing';
import type { Database } from '#postgres';
import { type FreshDatabase, connectedDatabase, freshDatabase } from '../postgres/fresh-database.js';

let fresh: FreshDatabase;
let database: Database;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = await connectedDatabase(fresh.url, FENCING_ENTITIES);
});
afterAll(async () => {
  await database.close();
  await fresh.drop();
});

function entry(jti: string): LedgerEntry {
  const election = { tenant: 'ten_a', election: 'billing', aud: audienceOf('ten_a', 'billing') };
  const numbers = { seat: 0, term: 3, fence: 2 ** 52 + 3, epoch: 2 ** 20 };
  return ledgerEntryOf(
    { iss: 'test', sub: 'worker-1', jti, iat: 1_795_000_000, exp: 1_795_003_600, ...election, ...numbers },
    'kid',
  );
}

describe('token ledger', () => {
  it('writes each entry once, however often it is delivered', async () => {
    const ledger = new TokenLedger(database);
    expect(await ledger.write([entry('tok_a'), entry('tok_b')])).toBe(2);
    expect(await ledger.write([entry('tok_b'), entry('tok_c'), entry('tok_c')])).toBe(1);
    const rows = await fresh.ask<{ jti: string; fence: string; issued_at: Date }>(
      'SELECT * FROM fencing_tokens ORDER BY jti',
    );
    expect(rows.map((row) => row.jti)).toEqual(['tok_a', 'tok_b', 'tok_c']);
    expect(rows[0]).toMatchObject({ fence: `${2 ** 52 + 3}`, issued_at: new Date(1_795_000_000_000) });
  });

  it('reads back what travelled as JSON, and refuses what did not', () => {
    const travelled: unknown = JSON.parse(JSON.stringify(entry('tok_d')));
    expect(ledgerEntrySchema.parse(travelled)).toEqual(entry('tok_d'));
    expect(ledgerEntrySchema.safeParse({ ...entry('tok_d'), issuedAt: 'yesterday' }).success).toBe(false);
  });
});

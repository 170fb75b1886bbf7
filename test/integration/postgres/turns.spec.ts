import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Database } from '#postgres';
import { waitUntil } from '#testing';
import { connectedDatabase, type FreshDatabase, freshDatabase } from './fresh-database.js';

let fresh: FreshDatabase;
let database: Database;
let holder: pg.Client;

beforeAll(async () => {
  fresh = await freshDatabase();
  for (const id of ['ten_loud', 'ten_quiet']) {
    await fresh.ask(
      `INSERT INTO tenants (id, name, max_elections, max_candidates_per_election, max_api_keys)
       VALUES ($1, $1, 1, 1, 1)`,
      [id],
    );
  }
});
afterAll(() => fresh.drop());

beforeEach(async () => {
  database = await connectedDatabase(fresh.url);
  holder = new pg.Client({ connectionString: fresh.url });
  await holder.connect();
});
afterEach(async () => {
  await holder.end();
  await database.close();
});

const LOCK = 'SELECT id FROM tenants FOR UPDATE';

/** The row of the loud tenant is held; so many of its calls wait for it. */
async function loudCalls(count: number): Promise<Promise<unknown>[]> {
  await holder.query('BEGIN');
  await holder.query("SELECT FROM tenants WHERE id = 'ten_loud' FOR UPDATE");
  const calls = Array.from({ length: count }, () =>
    database.forTenant('ten_loud', (rows) => rows.query(LOCK)).catch((error: unknown) => error),
  );
  const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query = $1";
  await waitUntil(async () => (await fresh.ask(waiting, [LOCK])).length > 0, { what: 'a call that waits' });
  return calls;
}

describe('a tenant whose calls wait for each other', () => {
  it('leaves the connections that others need', async () => {
    const loud = await loudCalls(60);
    const quiet = Array.from({ length: 10 }, () =>
      database.forTenant('ten_quiet', (rows) => rows.query(LOCK)),
    );
    expect(await Promise.all(quiet)).toEqual(Array.from({ length: 10 }, () => [{ id: 'ten_quiet' }]));
    expect(await database.run((rows) => rows.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
    await holder.query('COMMIT');
    expect(new Set((await Promise.all(loud)).map((answer) => JSON.stringify(answer)))).toEqual(
      new Set(['[{"id":"ten_loud"}]']),
    );
  });

  it('is told to come back when its turn does not come, and nobody takes that for an outage', async () => {
    const loud = await loudCalls(60);
    const first = await Promise.race(loud);
    expect(first).toMatchObject({ code: 'database.unavailable', extras: { retryAfterMs: 1_000 } });
    expect(database.available()).toBe(true);
    expect(await database.forTenant('ten_quiet', (rows) => rows.query(LOCK))).toEqual([{ id: 'ten_quiet' }]);
    await holder.query('COMMIT');
    await Promise.all(loud);
  });
});

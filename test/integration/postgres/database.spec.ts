import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { hasCode, systemClock } from '#core';
import { Database } from '#postgres';
import { FaultProxy, waitUntil } from '#testing';
import { type FreshDatabase, freshDatabase, silent } from './fresh-database.js';

let fresh: FreshDatabase;
let proxy: FaultProxy;
let database: Database;

beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

beforeEach(async () => {
  const server = new URL(fresh.url);
  proxy = await FaultProxy.start(`${server.hostname}:${server.port}`);
  const url = Object.assign(new URL(server), { port: `${proxy.port}` }).href;
  database = new Database({ url, applicationName: 'test' }, silent, systemClock);
});
afterEach(async () => {
  await database.close();
  await proxy.close();
});

const select = (): Promise<unknown> => database.run((rows) => rows.query('SELECT 1 AS one'));
const connected = (): Promise<unknown> => waitUntil(() => database.available(), { what: 'a connection' });

async function failureOf(work: Promise<unknown>): Promise<{ unavailable: boolean; tookMs: number }> {
  const beginMs = performance.now();
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { unavailable: hasCode(error, 'database.unavailable'), tookMs: performance.now() - beginMs };
}

describe('database', () => {
  it('starts while Postgres is down, refuses at once, and serves when it comes up', async () => {
    proxy.cut();
    database.start();
    await waitUntil(() => proxy.accepted > 0, { what: 'an attempt to connect' });
    expect(database.available()).toBe(false);
    const refused = await failureOf(select());
    expect(refused.unavailable).toBe(true);
    expect(refused.tookMs).toBeLessThan(50);
    proxy.pass();
    await connected();
    expect(await select()).toEqual([{ one: 1 }]);
  });

  it('notices a loss with the first call, refuses the next at once, and comes back by itself', async () => {
    database.start();
    await connected();
    await select();
    proxy.cut();
    await waitUntil(async () => (await failureOf(select())).unavailable, { what: 'the loss to be noticed' });
    expect((await failureOf(select())).tookMs).toBeLessThan(50);
    proxy.pass();
    await connected();
    expect(await select()).toEqual([{ one: 1 }]);
  });

  it('gives up on a server that takes the question and never answers', async () => {
    database.start();
    await connected();
    proxy.blackhole();
    const first = await failureOf(select());
    expect(first.unavailable).toBe(true);
    expect(first.tookMs).toBeLessThan(6_000);
    expect((await failureOf(select())).tookMs).toBeLessThan(50);
    // The held bytes belong to connections that were given up.
    proxy.disconnect();
    proxy.pass();
    await connected();
    expect(await select()).toEqual([{ one: 1 }]);
  });

  it('ends a statement that runs for too long, and goes on serving', async () => {
    database.start();
    await connected();
    const slow = await failureOf(database.run((rows) => rows.query('SELECT pg_sleep(20)')));
    expect(slow.unavailable).toBe(true);
    expect(slow.tookMs).toBeLessThan(5_000);
    expect(await select()).toEqual([{ one: 1 }]);
  });

  it('rolls a transaction back when its work throws, and passes the reason on unchanged', async () => {
    database.start();
    await connected();
    const reason = new Error('no');
    const work = database.transaction(async (rows) => {
      await rows.query(
        "INSERT INTO tenants (id, name, max_elections, max_candidates_per_election, max_api_keys) VALUES ('ten_x', 'x', 1, 1, 1)",
      );
      throw reason;
    });
    await expect(work).rejects.toBe(reason);
    expect(await fresh.ask("SELECT id FROM tenants WHERE id = 'ten_x'")).toEqual([]);
  });

  it('passes a mistake in the work on as it is: it is no outage', async () => {
    database.start();
    await connected();
    await expect(database.run((rows) => rows.query('SELECT nothing_of_the_kind'))).rejects.toThrow(
      /does not exist/,
    );
    expect(database.available()).toBe(true);
  });

  it('refuses everything after it was closed', async () => {
    database.start();
    await connected();
    await database.close();
    expect((await failureOf(select())).unavailable).toBe(true);
    await waitUntil(() => proxy.connections === 0, { what: 'its connections to be closed' });
  });
});

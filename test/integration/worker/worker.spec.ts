import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HealthServer } from '../../../apps/worker/src/health-server.js';
import { WorkerModule } from '../../../apps/worker/src/worker.module.js';
import { parseConfig } from '#config';
import { systemClock } from '#core';
import { RedisLink, type TokenLedgerEntry, TokenLedgerQueue } from '#queue';
import { FaultProxy, waitUntil } from '#testing';
import { type FreshDatabase, freshDatabase, silent } from '../postgres/fresh-database.js';

/** A database of Redis of its own: the worker of another test would take the jobs. */
const REDIS_DATABASE = 9;

let fresh: FreshDatabase;
let toPostgres: FaultProxy;
let toRedis: FaultProxy;
let worker: INestApplicationContext | undefined;
let url: string;
let link: RedisLink;
let queue: TokenLedgerQueue;

beforeEach(async () => {
  const redis = process.env['TEST_REDIS_URL'] ?? '';
  fresh = await freshDatabase();
  toPostgres = await FaultProxy.start(fresh.url);
  toRedis = await FaultProxy.start(redis);
  link = new RedisLink(`${redis}/${REDIS_DATABASE}`, 'producer', silent);
  await waitUntil(() => link.available(), { what: 'Redis' });
  await link.redis.flushdb();
  queue = new TokenLedgerQueue(link, {}, silent, systemClock);
});
afterEach(async () => {
  await worker?.close();
  worker = undefined;
  await queue.close();
  await link.close();
  await toRedis.close();
  await toPostgres.close();
  await fresh.drop();
});

async function startWorker(): Promise<void> {
  const config = parseConfig({
    NODE_ENV: 'test',
    DATABASE_URL: Object.assign(new URL(fresh.url), { port: `${toPostgres.port}` }).href,
    REDIS_URL: `redis://127.0.0.1:${toRedis.port}/${REDIS_DATABASE}`,
    ETCD_ENDPOINTS: process.env['TEST_ETCD_ENDPOINTS'] ?? '',
    ETCD_PREFIX: `worker-${randomUUID()}/`,
    ADMIN_TOKEN: 'x'.repeat(32),
    MASTER_KEY: '8b'.repeat(32),
  });
  worker = await NestFactory.createApplicationContext(WorkerModule.with(config, silent), { logger: false });
  url = `http://127.0.0.1:${await worker.get(HealthServer).listen(0, '127.0.0.1')}`;
}

function entry(jti: string): TokenLedgerEntry {
  return {
    tenantId: 'ten_a',
    jti,
    election: 'billing',
    seat: 0,
    epoch: 0,
    term: 1,
    fence: 1,
    candidate: 'worker-1',
    kid: 'kid',
    issuedAt: '2026-11-21T00:00:00.000Z',
    expiresAt: '2026-11-21T01:00:00.000Z',
  };
}

const ledger = async (): Promise<string[]> =>
  (await fresh.ask<{ jti: string }>('SELECT jti FROM fencing_tokens ORDER BY jti')).map((row) => row.jti);
const written = (...jtis: string[]): Promise<unknown> =>
  waitUntil(async () => (await ledger()).join() === jtis.join(), {
    what: `the ledger ${jtis.join()}`,
    withinMs: 15_000,
  });
const ready = async (): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(`${url}/health/ready`);
  return { status: response.status, body: await response.json() };
};
const dependencies = (postgres: string, redis: string): Promise<unknown> =>
  waitUntil(
    async () =>
      JSON.stringify((await ready()).body) ===
      JSON.stringify({ status: 'ready', dependencies: { etcd: 'up', postgres, redis } }),
    { what: `postgres ${postgres}, redis ${redis}`, withinMs: 15_000 },
  );

describe('worker', () => {
  it('writes every issued token into the ledger, and says so in its metrics', async () => {
    await startWorker();
    queue.record(entry('tok_a'));
    queue.record(entry('tok_b'));
    await written('tok_a', 'tok_b');
    queue.record(entry('tok_b'));
    queue.record(entry('tok_c'));
    await written('tok_a', 'tok_b', 'tok_c');
    const metrics = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();
    await waitUntil(async () => /^incumbent_ledger_written_total 3$/m.test(await metrics()), {
      what: 'the count',
    });
    expect(await metrics()).toMatch(/^incumbent_dependency_up{dependency="postgres"} 1$/m);
  });

  it('starts while Postgres and Redis are down, is live and ready, and does its work when they come', async () => {
    toPostgres.cut();
    toRedis.cut();
    queue.record(entry('tok_a'));
    await startWorker();
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect((await ready()).status).toBe(200);
    await dependencies('down', 'down');
    toPostgres.pass();
    await dependencies('up', 'down');
    toRedis.pass();
    await written('tok_a');
  });

  it('leaves out an entry that it cannot read, and writes the others', async () => {
    await startWorker();
    queue.record({ ...entry('tok_bad'), issuedAt: 'yesterday' });
    queue.record(entry('tok_good'));
    await written('tok_good');
  });

  it('answers only what it offers', async () => {
    await startWorker();
    expect((await fetch(`${url}/`)).status).toBe(404);
    expect((await fetch(`${url}/health/live`, { method: 'POST' })).status).toBe(405);
  });

  it('ends in order within a few seconds, also while everything it needs is away', async () => {
    await startWorker();
    await dependencies('up', 'up');
    toPostgres.cut();
    toRedis.cut();
    const beginMs = performance.now();
    await worker?.close();
    worker = undefined;
    expect(performance.now() - beginMs).toBeLessThan(13_000);
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
  });
});

import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
import {
  RedisLink,
  type TokenLedgerEntry,
  TokenLedgerConsumer,
  type TokenLedgerJob,
  TokenLedgerQueue,
} from '#queue';
import { FaultProxy, waitUntil } from '#testing';
import { silent } from '../postgres/fresh-database.js';

let proxy: FaultProxy;
let prefix: string;
let written: string[];
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  proxy = await FaultProxy.start(process.env['TEST_REDIS_URL'] ?? '');
  prefix = `test_${randomBytes(6).toString('hex')}`;
  written = [];
});
afterEach(async () => {
  proxy.pass();
  for (const close of closers.splice(0).reverse()) await close();
  await proxy.close();
});

const url = (): string => `redis://127.0.0.1:${proxy.port}`;

function newLink(role: 'producer' | 'consumer'): RedisLink {
  const link = new RedisLink(url(), role, silent);
  closers.push(() => link.close());
  return link;
}

function newQueue(options: { capacity?: number; onDropped?: (entries: number) => void } = {}) {
  const link = newLink('producer');
  const queue = new TokenLedgerQueue(link, { prefix, ...options }, silent, systemClock);
  closers.push(() => queue.close());
  return { link, queue };
}

function startConsumer(write?: (job: TokenLedgerJob) => Promise<void>): TokenLedgerConsumer {
  const keep = async (job: TokenLedgerJob): Promise<void> =>
    void written.push(...job.entries.map((entry) => entry.jti));
  const consumer = new TokenLedgerConsumer(
    newLink('consumer'),
    write ?? keep,
    { prefix },
    silent,
    systemClock,
  );
  consumer.start();
  closers.push(() => consumer.close(2_000));
  return consumer;
}

function entry(number: number): TokenLedgerEntry {
  return {
    tenantId: 'ten_a',
    jti: `tok_${number}`,
    election: 'billing',
    seat: 0,
    epoch: 0,
    term: number,
    fence: number,
    candidate: 'worker-1',
    kid: 'kid',
    issuedAt: '2026-11-21T00:00:00.000Z',
    expiresAt: '2026-11-21T01:00:00.000Z',
  };
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);
const recordAll = (queue: TokenLedgerQueue, from: number, to: number): void => {
  for (const number of numbers(from, to)) queue.record(entry(number));
};
const arrived = (from: number, to: number): Promise<unknown> =>
  waitUntil(() => numbers(from, to).every((number) => written.includes(`tok_${number}`)), {
    what: `entries ${from} to ${to}`,
    withinMs: 15_000,
  });

describe('token ledger queue', () => {
  it('delivers every entry that was recorded', async () => {
    const { queue } = newQueue();
    startConsumer();
    recordAll(queue, 0, 3_000);
    await arrived(0, 3_000);
    expect(written).toHaveLength(3_000);
    expect(queue.backlog).toBe(0);
  });

  it('starts while Redis is down on both sides, keeps the entries, and delivers when it is up', async () => {
    proxy.cut();
    const { link, queue } = newQueue();
    startConsumer();
    const beginMs = performance.now();
    recordAll(queue, 0, 1_000);
    expect(performance.now() - beginMs).toBeLessThan(200);
    await waitUntil(() => proxy.accepted >= 4, { what: 'attempts to connect' });
    expect(link.available()).toBe(false);
    expect(await link.ping()).toBe(false);
    proxy.pass();
    await arrived(0, 1_000);
  });

  it('goes on after Redis went away and came back, with nothing lost that was recorded meanwhile', async () => {
    const { queue, link } = newQueue();
    startConsumer();
    recordAll(queue, 0, 10);
    await arrived(0, 10);
    proxy.cut();
    await waitUntil(() => !link.available(), { what: 'the loss to be noticed' });
    recordAll(queue, 10, 500);
    proxy.pass();
    await arrived(0, 500);
  });

  it('repeats an addition whose answer was lost: delivered again rather than not at all', async () => {
    const { queue, link } = newQueue();
    await waitUntil(() => link.available(), { what: 'a connection' });
    queue.record(entry(0));
    await waitUntil(() => queue.backlog === 0, { what: 'the first entry to be taken' });
    startConsumer();
    await arrived(0, 1);
    proxy.holdReplies();
    queue.record(entry(1));
    await waitUntil(() => proxy.heldReplyBytes > 0, { what: 'Redis to have answered' });
    proxy.disconnect();
    proxy.release();
    await arrived(1, 2);
  });

  it('drops the oldest entries beyond its capacity, and says how many', async () => {
    proxy.cut();
    let dropped = 0;
    const { queue } = newQueue({ capacity: 100, onDropped: (entries) => (dropped += entries) });
    recordAll(queue, 0, 250);
    expect(queue.backlog).toBe(100);
    expect(dropped).toBe(150);
    proxy.pass();
    startConsumer();
    await arrived(150, 250);
    expect(written).not.toContain('tok_149');
  });

  it('hands over what waits when it is closed, and gives up soon when Redis is away', async () => {
    const { queue, link } = newQueue();
    await waitUntil(() => link.available(), { what: 'a connection' });
    recordAll(queue, 0, 2_500);
    await queue.close();
    startConsumer();
    await arrived(0, 2_500);

    let dropped = 0;
    const away = newQueue({ onDropped: (entries) => (dropped += entries) });
    proxy.cut();
    await waitUntil(() => !away.link.available(), { what: 'the loss to be noticed' });
    recordAll(away.queue, 0, 10);
    const beginMs = performance.now();
    await away.queue.close();
    expect(performance.now() - beginMs).toBeLessThan(7_000);
    expect(dropped).toBe(10);
  });
});

describe('token ledger consumer', () => {
  it('tries a job again that could not be written', async () => {
    const { queue } = newQueue();
    let failures = 0;
    startConsumer(async (job) => {
      if (failures < 1) {
        failures += 1;
        throw new Error('postgres is away');
      }
      written.push(...job.entries.map((one) => one.jti));
    });
    recordAll(queue, 0, 5);
    await arrived(0, 5);
    expect(failures).toBe(1);
  });

  it('lets the job under way end before it closes', async () => {
    const { queue } = newQueue();
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const consumer = startConsumer(async (job) => {
      begun.resolve();
      await go.promise;
      written.push(...job.entries.map((one) => one.jti));
    });
    queue.record(entry(0));
    await begun.promise;
    const closed = consumer.close(5_000);
    go.resolve();
    await closed;
    expect(written).toEqual(['tok_0']);
  });

  it('closes within its deadline although a job hangs or Redis is away', async () => {
    const { queue } = newQueue();
    const begun = Promise.withResolvers<void>();
    const consumer = startConsumer(() => {
      begun.resolve();
      return new Promise(() => undefined);
    });
    queue.record(entry(0));
    await begun.promise;
    const beginMs = performance.now();
    await consumer.close(300);
    expect(performance.now() - beginMs).toBeLessThan(3_000);
    const other = startConsumer();
    proxy.cut();
    await other.close(300);
    expect(performance.now() - beginMs).toBeLessThan(6_000);
  });
});

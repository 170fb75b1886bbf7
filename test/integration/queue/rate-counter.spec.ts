import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RateCounter, RedisLink } from '#queue';
import { createLogger } from '#telemetry';
import { FaultProxy, waitUntil } from '#testing';

const silent = createLogger({ service: 'test', level: 'silent' });
let proxy: FaultProxy;
const links: RedisLink[] = [];
const prefix = `rates-${randomUUID()}`;

async function newCounter(): Promise<RateCounter> {
  const url = Object.assign(new URL(process.env['TEST_REDIS_URL'] ?? ''), {
    host: `127.0.0.1:${proxy.port}`,
  });
  const link = new RedisLink(url.href, 'counter', silent);
  links.push(link);
  const counter = new RateCounter(link, { windowSeconds: 1, prefix });
  await waitUntil(() => counter.available(), { what: 'the connection' });
  return counter;
}

beforeAll(async () => {
  proxy = await FaultProxy.start(process.env['TEST_REDIS_URL'] ?? '');
});

afterAll(async () => {
  proxy.pass();
  await waitUntil(() => links.every((link) => link.available()), { what: 'all connections' });
  await Promise.all(links.map((link) => link.close()));
  await proxy.close();
});

describe('the counter of rates', () => {
  it('adds what several replicas count, and begins anew when the window is over', async () => {
    const [one, two] = [await newCounter(), await newCounter()];
    const first = await one.add('a', 5);
    expect(first.total).toBe(5);
    expect(first.endsInMs).toBeGreaterThan(0);
    expect(first.endsInMs).toBeLessThanOrEqual(1_000);
    expect((await two.add('a', 7)).total).toBe(12);
    expect((await two.add('b', 1)).total).toBe(1);
    await waitUntil(async () => (await one.add('a', 1)).total === 1, { what: 'the next window' });
  });

  it('counts on where a limit would have been hit: judging is not its business', async () => {
    const counter = await newCounter();
    expect((await counter.add('many', 1_000_000)).total).toBe(1_000_000);
    expect((await counter.add('many', 1)).total).toBe(1_000_001);
  });

  it('fails with an Error, soon, when Redis does not answer', async () => {
    const counter = await newCounter();
    proxy.blackhole();
    const startMs = performance.now();
    await expect(counter.add('a', 1)).rejects.toBeInstanceOf(Error);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    proxy.pass();
  });

  it('fails at once when there is no connection', async () => {
    const counter = await newCounter();
    proxy.cut();
    await waitUntil(() => !counter.available(), { what: 'the loss to be noticed' });
    const startMs = performance.now();
    await expect(counter.add('a', 1)).rejects.toBeInstanceOf(Error);
    expect(performance.now() - startMs).toBeLessThan(90);
    proxy.pass();
  });
});

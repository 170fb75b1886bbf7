import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
import { RedisLink, WebhookWakeConsumer, type WebhookWakeJob, WebhookWakeQueue } from '#queue';
import { FaultProxy, waitUntil } from '#testing';
import { silent } from '../postgres/fresh-database.js';

let proxy: FaultProxy;
let prefix: string;
let heard: string[];
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  proxy = await FaultProxy.start(process.env['TEST_REDIS_URL'] ?? '');
  prefix = `test_${randomBytes(6).toString('hex')}`;
  heard = [];
});
afterEach(async () => {
  proxy.pass();
  for (const close of closers.splice(0).reverse()) await close();
  await proxy.close();
});

async function newLink(role: 'producer' | 'consumer'): Promise<RedisLink> {
  const link = new RedisLink(`redis://127.0.0.1:${proxy.port}`, role, silent);
  closers.push(() => link.close());
  await waitUntil(() => link.available(), { what: 'Redis' });
  return link;
}

async function newQueue(): Promise<{ link: RedisLink; queue: WebhookWakeQueue }> {
  const link = await newLink('producer');
  const queue = new WebhookWakeQueue(link, { prefix }, silent, systemClock);
  closers.push(() => queue.close());
  return { link, queue };
}

async function listen(): Promise<void> {
  const hear = (job: WebhookWakeJob): void => void heard.push(`${job.tenantId} ${job.endpointId}`);
  const consumer = new WebhookWakeConsumer(await newLink('consumer'), hear, { prefix }, silent, systemClock);
  consumer.start();
  closers.push(() => consumer.close(2_000));
}

const endpoint = (number: number): WebhookWakeJob => ({ tenantId: 'ten_a', endpointId: `whe_${number}` });

describe('webhook wake queue', () => {
  it('tells one worker of every endpoint that was woken', async () => {
    const { queue } = await newQueue();
    await listen();
    await listen();
    queue.wake(Array.from({ length: 1_200 }, (_, number) => endpoint(number)));
    await waitUntil(() => heard.length >= 1_200, { what: 'every word', withinMs: 15_000 });
    expect(new Set(heard).size).toBe(1_200);
    expect(heard).toHaveLength(1_200);
  });

  it('keeps one word per endpoint, however often it is woken before somebody listens', async () => {
    const { queue, link } = await newQueue();
    for (let times = 0; times < 50; times++) {
      queue.wake([endpoint(1), endpoint(2)]);
      await queue.idle();
    }
    expect(await link.redis.llen(`${prefix}:webhook-wake:wait`)).toBe(2);
    await listen();
    await waitUntil(() => heard.length >= 2, { what: 'both words' });
    expect(heard.sort()).toEqual(['ten_a whe_1', 'ten_a whe_2']);
  });

  it('drops words while Redis is away, costs the caller nothing, and speaks again afterwards', async () => {
    const { queue, link } = await newQueue();
    await listen();
    proxy.cut();
    await waitUntil(() => !link.available(), { what: 'the loss to be noticed' });
    const beginMs = performance.now();
    queue.wake([endpoint(1)]);
    await queue.idle();
    expect(performance.now() - beginMs).toBeLessThan(100);
    proxy.pass();
    await waitUntil(() => link.available(), { what: 'Redis to be back' });
    queue.wake([endpoint(2)]);
    await waitUntil(() => heard.includes('ten_a whe_2'), { what: 'the second word', withinMs: 15_000 });
    expect(heard).not.toContain('ten_a whe_1');
  });
});

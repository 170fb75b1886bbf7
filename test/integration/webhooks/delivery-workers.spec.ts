/** Real workers, killed, and a Redis that forgets: nothing is lost, and the order stays. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPrivateRedis } from '#local-stack';
import { systemClock } from '#core';
import { RedisLink, WebhookWakeQueue } from '#queue';
import { OwnedProcess, temporaryFolder, waitUntil, type WebhookSink } from '#testing';
import { silent } from '../postgres/fresh-database.js';
import { anEvent } from './management-scene.js';
import { type DeliveryScene, newDeliveryScene } from './delivery-scene.js';

/** Of the endpoint: 5 s, its claim lasts 10 s longer, and a sweep finds it within a second. */
const TAKEN_OVER_WITHIN_MS = 30_000;

interface Body {
  data: { election: string; sequence: number };
}

let scene: DeliveryScene;
let redis: Awaited<ReturnType<typeof startPrivateRedis>>;
let link: RedisLink;
let queue: WebhookWakeQueue;
let sink: WebhookSink;
let tenantId: string;
const workers: OwnedProcess[] = [];

beforeAll(async () => {
  [scene, redis] = await Promise.all([newDeliveryScene(), startPrivateRedis()]);
  link = new RedisLink(redis.url, 'producer', silent);
  queue = new WebhookWakeQueue(link, {}, silent, systemClock);
  await waitUntil(() => link.available(), { what: 'Redis' });
});
beforeEach(async () => {
  sink = await scene.sink();
  tenantId = await scene.tenant();
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop(15_000);
  await scene.reset();
});
afterAll(async () => {
  await queue.close();
  await link.close();
  await redis.stop();
  await scene.end();
});

async function startWorker(): Promise<OwnedProcess> {
  const logFile = `${temporaryFolder()}/worker.log`;
  const worker = await OwnedProcess.launch({
    name: 'worker',
    command: process.execPath,
    args: ['--enable-source-maps', 'dist/apps/worker/src/main.js'],
    env: {
      PATH: process.env['PATH'] ?? '',
      WORKER_PORT: '0',
      ADMIN_TOKEN: 'x'.repeat(32),
      MASTER_KEY: '7a'.repeat(32),
      DATABASE_URL: scene.fresh.url,
      REDIS_URL: redis.url,
      ETCD_ENDPOINTS: process.env['TEST_ETCD_ENDPOINTS'] ?? '',
      ETCD_PREFIX: `deliveries-${randomUUID()}/`,
      WEBHOOK_ALLOW_HTTP: 'true',
      WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8',
    },
    cwd: process.cwd(),
    logFile,
  });
  workers.push(worker);
  await worker.untilReady(async () => worker.lastLines().includes('"msg":"listening"'), 20_000);
  return worker;
}

/** As the relay does: rows in one transaction, then the word. */
async function tellAll(elections: readonly string[], sequence: number): Promise<void> {
  queue.wake(await scene.append(...elections.map((name) => anEvent(tenantId, name, { sequence }))));
}

const sequencesOf = (election: string): number[] =>
  sink
    .bodies<Body>()
    .filter(({ data }) => data.election === election)
    .map(({ data }) => data.sequence);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const allDelivered = (withinMs: number): Promise<unknown> =>
  waitUntil(
    async () =>
      (await scene.fresh.ask("SELECT FROM webhook_deliveries WHERE state <> 'succeeded' LIMIT 1")).length ===
      0,
    { what: 'every delivery', withinMs },
  );

describe('a worker that is killed', () => {
  it('between request and answer, delays its lane until the claim lapses; the event comes again under the same id', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId, {
      events: ['leadership.acquired'],
      timeoutMs: 5_000,
    });
    sink.answer((_, index) => (index === 0 ? 'never' : { status: 204 }));
    const victim = await startWorker();
    for (const sequence of upTo(3)) await tellAll(['billing'], sequence);
    await waitUntil(() => sink.received.length === 1, { what: 'the first request' });
    await startWorker();
    await victim.kill();
    await allDelivered(TAKEN_OVER_WITHIN_MS);
    expect(sequencesOf('billing')).toEqual([1, 1, 2, 3]);
    const [first, again, next] = sink.received;
    expect(again?.id).toBe(first?.id);
    expect(next?.id).not.toBe(first?.id);
    // What the dead one began was never answered: only the second attempt is on record.
    expect((await scene.deliveriesOf(endpoint)).map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
  }, 90_000);

  it('again and again in the midst of work, loses nothing and puts nothing out of order', async () => {
    const elections = ['a', 'b', 'c', 'd'];
    await scene.endpointAt(sink, tenantId, { events: ['leadership.acquired'], timeoutMs: 5_000 });
    for (const sequence of upTo(40)) await tellAll(elections, sequence);
    await startWorker();
    for (const kills of [30, 90]) {
      await startWorker();
      await waitUntil(() => sink.received.length >= kills, {
        what: `${kills} deliveries`,
        withinMs: TAKEN_OVER_WITHIN_MS,
      });
      // The older of the two: lanes of both are in flight.
      await workers.shift()?.kill();
    }
    await allDelivered(TAKEN_OVER_WITHIN_MS);
    for (const election of elections) {
      const came = sequencesOf(election);
      // At least once: a repetition comes right after what it repeats.
      expect(came.filter((sequence, index) => sequence !== came[index - 1])).toEqual(upTo(40));
    }
  }, 120_000);
});

describe('a Redis that forgets', () => {
  it('by FLUSHALL in the midst of a run, or by being gone, loses nothing and delays by seconds at most', async () => {
    await scene.endpointAt(sink, tenantId, { events: ['leadership.acquired'] });
    await startWorker();
    for (const sequence of upTo(60)) {
      await tellAll(['a', 'b'], sequence);
      if (sequence % 20 === 10) await link.redis.flushall();
    }
    await allDelivered(10_000);
    await redis.process.kill();
    await waitUntil(() => !link.available(), { what: 'the loss of Redis' });
    await tellAll(['a', 'b'], 61);
    await allDelivered(10_000);
    for (const election of ['a', 'b']) expect(sequencesOf(election)).toEqual(upTo(61));
  }, 60_000);
});

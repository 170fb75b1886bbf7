/** Looks for what is due that fail: what operators are told, and what becomes of the deliveries. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createLogger, type Logger } from '#telemetry';
import { FaultProxy, waitUntil, type WebhookSink } from '#testing';
import { connectedDatabase } from '../postgres/fresh-database.js';
import { type DeliveryScene, newDeliveryScene } from './delivery-scene.js';

const STUCK = 'what is due could not be looked through; trying on';
const AGAIN = 'what is due was looked through again';

let scene: DeliveryScene;
let sink: WebhookSink;
let tenantId: string;
let said: string[];
let logger: Logger;

beforeAll(async () => {
  scene = await newDeliveryScene();
});
beforeEach(async () => {
  sink = await scene.sink();
  tenantId = await scene.tenant();
  await scene.endpointAt(sink, tenantId);
  said = [];
  const stream = { write: (line: string) => void said.push((JSON.parse(line) as { msg: string }).msg) };
  logger = createLogger({ service: 'test', level: 'info', stream });
});
afterEach(() => scene.reset());
afterAll(() => scene.end());

const came = (count: number): Promise<unknown> =>
  waitUntil(() => sink.received.length === count, { what: `${count} deliveries`, withinMs: 10_000 });

/** Keeps everybody else from the deliveries until the answer is called. */
async function lockDeliveries(): Promise<() => Promise<void>> {
  const holder = new pg.Client({ connectionString: scene.fresh.url });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('LOCK TABLE webhook_deliveries IN ACCESS EXCLUSIVE MODE');
  return () => holder.end();
}

describe('a look for what is due that takes too long', () => {
  it('is counted each time and said once, until everything was looked through again; then all is delivered', async () => {
    await scene.tell(tenantId, 'billing', 1);
    const unlock = await lockDeliveries();
    const worker = scene.worker({ logger });
    try {
      worker.dispatcher.start();
      await waitUntil(() => worker.looksFailed() >= 2, { what: 'two failed looks', withinMs: 15_000 });
      expect(said).toEqual([STUCK]);
    } finally {
      await unlock();
    }
    await came(1);
    await waitUntil(() => said.length > 1, { what: 'word of the end' });
    expect(said).toEqual([STUCK, AGAIN]);
    const unlockAgain = await lockDeliveries();
    try {
      await waitUntil(() => said.length > 2, { what: 'word of the next time', withinMs: 10_000 });
    } finally {
      await unlockAgain();
    }
    expect(said).toEqual([STUCK, AGAIN, STUCK]);
  }, 60_000);
});

describe('an outage of Postgres', () => {
  it('is neither said nor counted by those who look: the connection tells it', async () => {
    const proxy = await FaultProxy.start(scene.fresh.url);
    const url = Object.assign(new URL(scene.fresh.url), { port: `${proxy.port}` }).href;
    const database = await connectedDatabase(url);
    const worker = scene.worker({ database, logger });
    try {
      worker.dispatcher.start();
      proxy.cut();
      await waitUntil(() => !database.available(), { what: 'the loss of the database' });
      await scene.tell(tenantId, 'billing', 1);
      proxy.pass();
      await came(1);
      expect(worker.looksFailed()).toBe(0);
      expect(said).toEqual([]);
    } finally {
      await worker.close();
      await database.close();
      await proxy.close();
    }
  }, 30_000);
});

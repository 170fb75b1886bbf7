/** However much is owed to one endpoint, the deliveries of all others are looked for and made in time. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil, type WebhookSink } from '#testing';
import { type DeliveryScene, newDeliveryScene } from './delivery-scene.js';
import { anEvent } from './management-scene.js';

const PER_LANE = 1_000;
const ROOM = {
  slots: 128,
  failingSlots: 48,
  perTenant: 32,
  perEndpoint: 8,
  flights: new Map<string, number>(),
};

let scene: DeliveryScene;
let sink: WebhookSink;
let tenantId: string;

beforeAll(async () => {
  scene = await newDeliveryScene();
});
beforeEach(async () => {
  sink = await scene.sink();
  tenantId = await scene.tenant();
});
afterEach(() => scene.reset());
afterAll(() => scene.end());

/** What has gathered in `lanes` elections, a thousand changes in each. */
async function gather(endpointId: string, lanes: number): Promise<void> {
  const numbers = `generate_series(1, ${lanes}) AS lane, generate_series(1, ${PER_LANE}) AS n`;
  await scene.fresh.ask(
    `INSERT INTO webhook_messages
       (tenant_id, id, election_id, election, epoch, sequence, type, payload, occurred_at)
     SELECT $1, 'evt_' || lane || '_' || n, 'elc_' || lane, 'many', 0, n, 'leadership.acquired',
            jsonb_build_object('type', 'leadership.acquired', 'timestamp', now(), 'data',
                               jsonb_build_object('seat', 0, 'sequence', n)), now()
       FROM ${numbers}`,
    [tenantId],
  );
  await scene.fresh.ask(
    `INSERT INTO webhook_deliveries (tenant_id, id, endpoint_id, message_id, election_id, place, due_at)
     SELECT $1, 'dlv_' || lane || '_' || n, $2, 'evt_' || lane || '_' || n, 'elc_' || lane, n * 2, now()
       FROM ${numbers}`,
    [tenantId, endpointId],
  );
  await scene.fresh.ask('ANALYZE webhook_messages, webhook_deliveries');
}

const count = async (state: string, endpointId: string): Promise<number> => {
  const [row] = await scene.fresh.ask<{ count: number }>(
    'SELECT count(*)::int AS count FROM webhook_deliveries WHERE state = $1 AND endpoint_id = $2',
    [state, endpointId],
  );
  return row?.count ?? 0;
};

describe('an endpoint in mode latest that was paused for long', () => {
  it('leaves its mountain behind in steps that hold nobody up, and hears of the newest truth alone', async () => {
    const own = await scene.sink();
    const endpoint = await scene.endpointAt(own, tenantId, { mode: 'latest' });
    await gather(endpoint, 20);
    const other = await scene.tenant();
    await scene.endpointAt(sink, other);
    await scene.tell(other, 'billing', 1);
    const worker = scene.worker();
    const claimed = await worker.claims.take(undefined, ROOM);
    expect(claimed.map((one) => one.tenantId)).toContain(other);
    expect(await count('superseded', endpoint)).toBeLessThan(10_000);
    await worker.claims.release();
    worker.dispatcher.start();
    await waitUntil(() => sink.received.length > 0, { what: 'the delivery of the other', withinMs: 5_000 });
    await waitUntil(async () => (await count('succeeded', endpoint)) === 20, {
      what: 'the newest truths',
      withinMs: 60_000,
    });
    const told = own.bodies<{ data: { sequence: number } }>().map(({ data }) => data.sequence);
    expect(told).toEqual(Array.from({ length: 20 }, () => PER_LANE));
    expect(await count('superseded', endpoint)).toBe(20 * (PER_LANE - 1));
  }, 120_000);
});

describe('the backlog', () => {
  it('shows what is owed to active endpoints, whatever paused and disabled ones have gathered', async () => {
    const paused = await scene.endpointAt(sink, tenantId);
    await scene.tell(tenantId, 'billing', 1);
    await scene.fresh.ask(
      `INSERT INTO webhook_deliveries
         (tenant_id, id, endpoint_id, message_id, redelivery, election_id, place, due_at)
       SELECT tenant_id, 'dlv_' || n, endpoint_id, message_id, n, election_id, place, now()
         FROM webhook_deliveries, generate_series(1, 100000) AS n`,
    );
    await scene.fresh.ask("UPDATE webhook_endpoints SET status = 'paused'");
    await scene.endpointAt(sink, tenantId);
    await scene.tell(tenantId, 'billing', 2, { term: 1 });
    await scene.fresh.ask('DELETE FROM webhook_deliveries WHERE endpoint_id = $1 AND place = $2', [
      paused,
      4,
    ]);
    await scene.fresh.ask(
      "UPDATE webhook_deliveries SET created_at = now() - interval '1 minute' WHERE endpoint_id <> $1",
      [paused],
    );
    const { pending, oldestMs } = await scene.worker().claims.backlog();
    expect(pending).toBe(1);
    expect(oldestMs).toBeGreaterThanOrEqual(60_000);
  }, 60_000);
});

describe('a batch of changes that many endpoints subscribe to', () => {
  it('is owed to all of them, also where that takes longer than one statement may', async () => {
    const [first = ''] = await Promise.all(Array.from({ length: 100 }, () => scene.endpoint(tenantId)));
    const events = Array.from({ length: 500 }, (_, index) =>
      anEvent(tenantId, `election-${index % 50}`, { sequence: Math.floor(index / 50) + 1, term: 1 }),
    );
    await scene.append(...events);
    expect(await count('pending', first)).toBe(500);
  }, 60_000);
});

/** However much is owed to one endpoint, the deliveries of all others are looked for and made in time. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil, type WebhookSink } from '#testing';
import { type DeliveryScene, newDeliveryScene } from './delivery-scene.js';

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
    await gather(endpoint, 60);
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
    await waitUntil(async () => (await count('succeeded', endpoint)) === 60, {
      what: 'the newest truths',
      withinMs: 60_000,
    });
    const told = own.bodies<{ data: { sequence: number } }>().map(({ data }) => data.sequence);
    expect(told).toEqual(Array.from({ length: 60 }, () => PER_LANE));
    expect(await count('superseded', endpoint)).toBe(60 * (PER_LANE - 1));
  }, 120_000);
});

/** Nobody waits for somebody else's receiver, and several workers never step on each other. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FaultProxy, waitUntil, type WebhookSink } from '#testing';
import { connectedDatabase } from '../postgres/fresh-database.js';
import { anEvent } from './management-scene.js';
import { type DeliveryScene, newDeliveryScene } from './delivery-scene.js';

interface Body {
  data: { election: string; sequence: number };
}

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

const came = (count: number, at: WebhookSink = sink): Promise<unknown> =>
  waitUntil(() => at.received.length >= count, { what: `${count} deliveries`, withinMs: 15_000 });
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `election-${index}`);
const tellAll = (tenant: string, elections: readonly string[], sequences = [1]): Promise<unknown> =>
  scene.append(
    ...sequences.flatMap((sequence) => elections.map((name) => anEvent(tenant, name, { sequence }))),
  );
const ROOM = {
  slots: 100,
  failingSlots: 100,
  perTenant: 100,
  perEndpoint: 100,
  flights: new Map<string, number>(),
};

describe('fairness', () => {
  it('lets a receiver that never answers delay nobody: not its own tenant, not another', async () => {
    const [dead, neighbour] = [await scene.sink(), await scene.sink()];
    dead.answer('never');
    const other = await scene.tenant();
    await scene.endpointAt(dead, tenantId);
    await scene.endpointAt(sink, tenantId);
    await scene.endpointAt(neighbour, other);
    const worker = scene.worker({ limits: { slots: 16, failingSlots: 8, perTenant: 12, perEndpoint: 4 } });
    worker.dispatcher.start();
    await tellAll(tenantId, names(30));
    await tellAll(other, names(30));
    await came(30);
    await came(30, neighbour);
    expect(dead.received.length).toBeLessThanOrEqual(4);
  });

  it('gives slots in turn: a tenant with a mountain of deliveries leaves room for one with a few', async () => {
    const slow = await scene.sink();
    const gate = Promise.withResolvers<void>();
    slow.answer({ status: 204, after: gate.promise });
    for (let count = 0; count < 5; count++) await scene.endpointAt(slow, tenantId);
    await tellAll(tenantId, names(40));
    const worker = scene.worker({ limits: { slots: 10, perTenant: 6, perEndpoint: 2 } });
    worker.dispatcher.start();
    await came(6, slow);
    const other = await scene.tenant();
    await scene.endpointAt(sink, other);
    await tellAll(other, names(20));
    await came(20);
    expect(slow.received).toHaveLength(6);
    gate.resolve();
    await came(200, slow);
  });

  it('shares the turns of a tenant among its endpoints', async () => {
    const [big, small] = [await scene.endpointAt(sink, tenantId), await scene.endpointAt(sink, tenantId)];
    await scene.fresh.ask("UPDATE webhook_endpoints SET elections = '{election-0}' WHERE id = $1", [small]);
    await tellAll(tenantId, names(50));
    const worker = scene.worker();
    const claimed = await worker.claims.take(undefined, { ...ROOM, perTenant: 4 });
    const of = (id: string): number => claimed.filter(({ endpoint }) => endpoint.id === id).length;
    expect([of(big), of(small)]).toEqual([3, 1]);
  });

  it('keeps a part of the slots for receivers that answer', async () => {
    const [failing, well] = [await scene.endpointAt(sink, tenantId), await scene.endpointAt(sink, tenantId)];
    await scene.fresh.ask('UPDATE webhook_endpoints SET first_failure_at = now() WHERE id = $1', [failing]);
    await tellAll(tenantId, names(10));
    const claimed = await scene.worker().claims.take(undefined, { ...ROOM, failingSlots: 2 });
    const of = (id: string): number => claimed.filter(({ endpoint }) => endpoint.id === id).length;
    expect([of(failing), of(well)]).toEqual([2, 10]);
  });

  it('finds what is due among 20000 deliveries behind one head that is not', async () => {
    const clogged = await scene.endpointAt(await scene.sink(), tenantId);
    await scene.tell(tenantId, 'billing', 1);
    await scene.fresh.ask(
      `INSERT INTO webhook_deliveries (tenant_id, id, endpoint_id, message_id, redelivery, election_id, place, due_at)
       SELECT tenant_id, 'dlv_' || n, endpoint_id, message_id, n, election_id, place + n, now()
         FROM webhook_deliveries, generate_series(1, 20000) n WHERE endpoint_id = $1`,
      [clogged],
    );
    await scene.fresh.ask(
      "UPDATE webhook_deliveries SET due_at = now() + interval '1 hour' WHERE redelivery = 0",
    );
    await scene.fresh.ask('ANALYZE webhook_deliveries');
    const well = await scene.endpointAt(sink, tenantId);
    await tellAll(tenantId, ['other']);
    const worker = scene.worker();
    await scene.fresh.ask(
      "DELETE FROM webhook_deliveries WHERE endpoint_id = $1 AND election_id <> (SELECT election_id FROM webhook_deliveries WHERE id = 'dlv_1')",
      [clogged],
    );
    const beginMs = performance.now();
    const claimed = await worker.claims.take(undefined, ROOM);
    expect(performance.now() - beginMs).toBeLessThan(250);
    expect(claimed.map(({ endpoint }) => endpoint.id)).toEqual([well]);
  });
});

describe('several workers', () => {
  it('never have two deliveries of a lane in flight, and make each once', async () => {
    await scene.endpointAt(sink, tenantId, { events: ['leadership.acquired'] });
    const elections = names(10);
    const flying = new Map<string, number>();
    let most = 0;
    sink.answer((received) => {
      const { election } = (JSON.parse(received.body) as Body).data;
      flying.set(election, (flying.get(election) ?? 0) + 1);
      most = Math.max(most, flying.get(election) ?? 0);
      const after = new Promise<void>((resolve) => setTimeout(resolve, 3)).then(() => {
        flying.set(election, (flying.get(election) ?? 0) - 1);
      });
      return { status: 204, after };
    });
    const workers = [scene.worker(), scene.worker(), scene.worker()];
    for (const { dispatcher } of workers) dispatcher.start();
    const sequences = Array.from({ length: 30 }, (_, index) => index + 1);
    for (const sequence of sequences) await tellAll(tenantId, elections, [sequence]);
    await came(300);
    await Promise.all(workers.map(({ close }) => close()));
    expect(workers.flatMap(({ recorded }) => recorded.filter(({ ended }) => ended !== 'succeeded'))).toEqual(
      [],
    );
    expect(most).toBe(1);
    expect(sink.received).toHaveLength(300);
    for (const election of elections) {
      const bodies = sink.bodies<Body>().filter(({ data }) => data.election === election);
      expect(bodies.map(({ data }) => data.sequence)).toEqual(sequences);
    }
    expect(workers.filter(({ recorded }) => recorded.length > 0).length).toBeGreaterThan(1);
  });

  it('take over what a dead one held once its claim lapses, and ignore what it writes later', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId);
    await scene.tell(tenantId, 'billing', 1);
    const dead = scene.worker();
    const [claimed] = await dead.claims.take(undefined, ROOM);
    expect(claimed).toBeDefined();
    const heir = scene.worker();
    expect(await heir.claims.take(undefined, ROOM)).toEqual([]);
    await scene.fresh.ask('UPDATE webhook_deliveries SET claimed_until = now()');
    heir.dispatcher.start();
    await came(1);
    await waitUntil(() => heir.recorded.length === 1, { what: 'the outcome' });
    const answer = { status: 500, headers: {}, body: '', error: null, connectMs: 1, durationMs: 1 };
    if (claimed) {
      const late = await dead.outcomes.record(claimed, { startedAt: new Date(), answer });
      expect(late.ended).toBe('lost');
    }
    expect(await scene.deliveriesOf(endpoint)).toMatchObject([
      { state: 'succeeded', attempts: 1, lastStatus: 204 },
    ]);
    expect(await scene.endpointNow(endpoint)).toMatchObject({ failing: false });
  });

  it('take back at once what they claimed without hearing of it', async () => {
    await scene.endpointAt(sink, tenantId);
    await scene.tell(tenantId, 'billing', 1);
    const proxy = await FaultProxy.start(scene.fresh.url);
    const url = Object.assign(new URL(scene.fresh.url), { port: `${proxy.port}` }).href;
    const database = await connectedDatabase(url);
    const worker = scene.worker({ database });
    try {
      proxy.holdReplies();
      const [owed] = await scene.fresh.ask<{ endpointId: string }>(
        'SELECT endpoint_id AS "endpointId" FROM webhook_deliveries',
      );
      worker.dispatcher.wake([{ tenantId, endpointId: owed?.endpointId ?? '' }]);
      const claimed = async (): Promise<boolean> =>
        (await scene.fresh.ask('SELECT FROM webhook_deliveries WHERE claimed_by = $1', [worker.id]))
          .length === 1;
      await waitUntil(claimed, { what: 'the claim' });
      proxy.disconnect();
      proxy.release();
      await waitUntil(() => database.available(), { what: 'the database to be back' });
      worker.dispatcher.start();
      // The claim would last for 20 s.
      await waitUntil(() => sink.received.length === 1, { what: 'the delivery', withinMs: 8_000 });
    } finally {
      await worker.close();
      await database.close();
      await proxy.close();
    }
  });

  it('send nothing under a claim that is about to lapse: they may have stood still since', async () => {
    await scene.endpointAt(sink, tenantId);
    await scene.tell(tenantId, 'billing', 1);
    const worker = scene.worker();
    const [claimed] = await worker.claims.take(undefined, ROOM);
    const signal = new AbortController().signal;
    if (claimed)
      expect(await worker.sender.send({ ...claimed, claimedMs: claimed.claimedMs - 3_001 }, signal)).toBe(
        'unsent',
      );
    expect(sink.received).toEqual([]);
  });

  it('send nothing to an endpoint that is deleted while they claim: no secret is left to sign with', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId);
    await scene.tell(tenantId, 'billing', 1);
    await scene.fresh.ask(`
      CREATE FUNCTION delete_endpoint() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE webhook_endpoints SET status = 'deleted' WHERE id = NEW.endpoint_id;
        DELETE FROM webhook_secrets WHERE endpoint_id = NEW.endpoint_id;
        RETURN NULL;
      END $$`);
    await scene.fresh.ask(`
      CREATE TRIGGER delete_when_claimed AFTER UPDATE ON webhook_deliveries
        FOR EACH ROW WHEN (NEW.claimed_by IS NOT NULL) EXECUTE FUNCTION delete_endpoint()`);
    try {
      expect(await scene.worker().claims.take(undefined, ROOM)).toEqual([]);
    } finally {
      await scene.fresh.ask('DROP FUNCTION delete_endpoint() CASCADE');
    }
    expect(await scene.deliveriesOf(endpoint)).toMatchObject([{ state: 'pending', attempts: 0 }]);
  });

  it('end what is in flight when they are told to stop, and give the rest back at once', async () => {
    const stuck = await scene.sink();
    stuck.answer('never');
    const gate = Promise.withResolvers<void>();
    sink.answer({ status: 204, after: gate.promise });
    const [ending, hanging] = [
      await scene.endpointAt(sink, tenantId),
      await scene.endpointAt(stuck, tenantId),
    ];
    await scene.tell(tenantId, 'billing', 1);
    const worker = scene.worker();
    worker.dispatcher.start();
    await came(1);
    await came(1, stuck);
    const closed = worker.close(500);
    gate.resolve();
    await closed;
    expect(await scene.deliveriesOf(ending)).toMatchObject([{ state: 'succeeded' }]);
    expect(await scene.deliveriesOf(hanging)).toMatchObject([
      { state: 'pending', attempts: 0, claimedBy: null },
    ]);
    stuck.answer({ status: 204 });
    scene.worker().dispatcher.start();
    await came(2, stuck);
  });
});

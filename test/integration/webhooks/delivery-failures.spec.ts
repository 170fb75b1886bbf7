/** Receivers that misbehave: what becomes of the delivery, of its endpoint, and of everybody else. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil, type WebhookSink } from '#testing';
import { ABOUT_ELECTIONS, BY } from './management-scene.js';
import { type DeliveryScene, newDeliveryScene } from './delivery-scene.js';

interface Body {
  type: string;
  data: { election: string; sequence: number; endpoint?: string; reason?: string };
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
  waitUntil(() => at.received.length >= count, { what: `${count} deliveries`, withinMs: 10_000 });
const status = (endpointId: string, wanted: string): Promise<unknown> =>
  waitUntil(async () => (await scene.endpointNow(endpointId)).status === wanted, {
    what: `status ${wanted}`,
  });
const tried = (endpointId: string, attempts = 1): Promise<unknown> =>
  waitUntil(async () => (await scene.deliveriesOf(endpointId))[0]?.attempts === attempts, {
    what: `${attempts} attempts`,
    withinMs: 10_000,
  });
const lastAttempt = async (): Promise<Record<string, unknown> | undefined> =>
  (
    await scene.fresh.ask<Record<string, unknown>>(
      'SELECT status, error, response_body, duration_ms FROM webhook_attempts ORDER BY started_at DESC LIMIT 1',
    )
  )[0];
const set = (endpointId: string, fields: string): Promise<unknown> =>
  scene.fresh.ask(`UPDATE webhook_endpoints SET ${fields} WHERE id = $1`, [endpointId]);

describe('a failed attempt', () => {
  it.each([
    ['500', { status: 500, body: 'broken' } as const, { status: 500, error: null, response_body: 'broken' }],
    [
      'a redirect to a private address',
      { status: 302, headers: { location: 'http://169.254.169.254/' } } as const,
      { status: 302, error: 'Redirects are not followed.' },
    ],
    [
      'a connection that is reset',
      'reset' as const,
      { status: null, error: 'The connection was closed before an answer came.' },
    ],
    [
      '500 with 10 MB',
      { status: 500, bodyBytes: 10_000_000 } as const,
      { status: 500, response_body: 'x'.repeat(4_096) },
    ],
  ])('is recorded and tried again by the schedule: %s', async (_, answer, recorded) => {
    const endpoint = await scene.endpointAt(sink, tenantId);
    sink.answer(answer);
    await scene.tell(tenantId, 'billing', 1);
    scene.worker().dispatcher.start();
    await tried(endpoint);
    expect(await lastAttempt()).toMatchObject(recorded);
    const [delivery] = await scene.deliveriesOf(endpoint);
    expect(delivery).toMatchObject({ state: 'pending', claimedBy: null });
    expect(delivery?.dueInMs).toBeLessThanOrEqual(800);
    expect(await scene.endpointNow(endpoint)).toMatchObject({
      status: 'active',
      failing: true,
      throttledForMs: 0,
    });
  });

  it('of a test holds up no later test', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId);
    sink.answer({ status: 500 });
    const { deliveryId: first } = await scene.control.test({ tenantId }, endpoint, BY);
    const { dispatcher } = scene.worker();
    dispatcher.start();
    await tried(endpoint);
    await scene.fresh.ask("UPDATE webhook_deliveries SET due_at = now() + interval '1 hour' WHERE id = $1", [
      first,
    ]);
    sink.answer({ status: 204 });
    const { deliveryId: second } = await scene.control.test({ tenantId }, endpoint, BY);
    dispatcher.wake([{ tenantId, endpointId: endpoint }]);
    await waitUntil(
      async () =>
        (await scene.deliveriesOf(endpoint)).some(({ id, state }) => id === second && state === 'succeeded'),
      { what: 'the second test to arrive', withinMs: 10_000 },
    );
  });

  it('ends at the timeout of the endpoint when no answer comes, or only the beginning of one', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId, { timeoutMs: 5_000 });
    const slow = await scene.endpointAt(await scene.sink(), tenantId, { timeoutMs: 5_000 });
    const dripping = await scene.sink();
    await set(slow, `url = '${dripping.url()}'`);
    sink.answer('never');
    dripping.answer({ status: 200, drip: 'headers' });
    await scene.tell(tenantId, 'billing', 1);
    scene.worker().dispatcher.start();
    await tried(endpoint);
    await tried(slow);
    const attempts = await scene.fresh.ask<{ error: string; duration: number }>(
      'SELECT error, duration_ms AS duration FROM webhook_attempts',
    );
    expect(attempts.map(({ error }) => error)).toEqual(Array(2).fill('No answer came within 5 seconds.'));
    for (const { duration } of attempts) expect(duration).toBeLessThan(6_500);
  });

  it('lets the whole endpoint rest after 429, as long as Retry-After asks but at most twice the schedule', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId);
    sink.answer({ status: 429, headers: { 'retry-after': '1000000000' } });
    await scene.tell(tenantId, 'billing', 1);
    const worker = scene.worker();
    worker.dispatcher.start();
    await tried(endpoint);
    await scene.tell(tenantId, 'payments', 1);
    worker.dispatcher.wake([{ tenantId, endpointId: endpoint }]);
    const { throttledForMs } = await scene.endpointNow(endpoint);
    expect(throttledForMs).toBeGreaterThan(1_000);
    expect(throttledForMs).toBeLessThanOrEqual(2_000);
    sink.answer({ status: 204 });
    await came(3);
    const [first, ...later] = sink.received;
    for (const one of later) expect(one.atMs - (first?.atMs ?? 0)).toBeGreaterThan(1_900);
  });

  it('gives a delivery up after the last attempt of the schedule, and goes on with the lane', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId);
    sink.answer((received) => ({
      status: (JSON.parse(received.body) as Body).data.sequence === 1 ? 500 : 204,
    }));
    await scene.tell(tenantId, 'billing', 1);
    await scene.tell(tenantId, 'billing', 2);
    await scene.fresh.ask('UPDATE webhook_deliveries SET attempts = 13 WHERE place = 2');
    scene.worker().dispatcher.start();
    await came(2);
    await waitUntil(
      async () => (await scene.deliveriesOf(endpoint)).every(({ state }) => state !== 'pending'),
      { what: 'the end' },
    );
    expect(await scene.deliveriesOf(endpoint)).toMatchObject([
      { state: 'failed', attempts: 14, lastStatus: 500 },
      { state: 'succeeded', attempts: 1 },
    ]);
  });
});

describe('an endpoint that is disabled', () => {
  const subscribed = { events: [...ABOUT_ELECTIONS, 'endpoint.disabled'] };
  const acts = (): Promise<{ action: string }[]> =>
    scene.fresh.ask(
      "SELECT canonical::json ->> 'action' AS action FROM audit_events WHERE tenant_id = $1 AND canonical LIKE '%webhook_endpoint.disabled%'",
      [tenantId],
    );

  it('is so at once by 410: others are told, it is on record, and nothing is sent to it any more', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId, subscribed);
    const other = await scene.sink();
    await scene.endpointAt(other, tenantId, { events: ['endpoint.disabled'] });
    sink.answer({ status: 410 });
    await scene.tell(tenantId, 'billing', 1);
    await scene.tell(tenantId, 'billing', 2);
    scene.worker().dispatcher.start();
    await status(endpoint, 'disabled');
    await came(1, other);
    expect(other.bodies<Body>()).toMatchObject([
      { type: 'endpoint.disabled', data: { endpoint, reason: 'The endpoint answered 410 Gone.' } },
    ]);
    expect(await scene.deliveriesOf(endpoint)).toMatchObject([
      { state: 'failed' },
      { state: 'pending', attempts: 0 },
    ]);
    expect(sink.received).toHaveLength(1);
    expect(await acts()).toHaveLength(1);
  });

  it('is so after five days without a success if its failures are not all of one burst', async () => {
    const [quiet, dead] = [await scene.endpointAt(sink, tenantId), await scene.endpointAt(sink, tenantId)];
    await set(
      quiet,
      "last_success_at = now() - interval '6 days', first_failure_at = now() - interval '11 hours'",
    );
    await set(
      dead,
      "last_success_at = now() - interval '5 days', first_failure_at = now() - interval '13 hours'",
    );
    sink.answer({ status: 500 });
    await scene.tell(tenantId, 'billing', 1);
    scene.worker().dispatcher.start();
    await status(dead, 'disabled');
    await tried(quiet);
    expect((await scene.endpointNow(dead)).disabledReason).toBe('No delivery succeeded for 5 days.');
    expect((await scene.endpointNow(quiet)).status).toBe('active');
  });

  it('is tried with one delivery when it is enabled again, rests five minutes when that fails, and opens up on success', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId);
    for (const election of ['a', 'b', 'c', 'd']) await scene.tell(tenantId, election, 1);
    await set(endpoint, "status = 'disabled', disabled_at = now()");
    await scene.control.enable({ tenantId }, endpoint, BY);
    const answered = Promise.withResolvers<void>();
    sink.answer({ status: 500, after: answered.promise });
    const worker = scene.worker();
    worker.dispatcher.start();
    await came(1);
    // Several sweeps go by while the probe is out.
    await waitUntil(async () => (await worker.claims.take(undefined, ROOM)).length === 0, {
      what: 'nothing to claim',
    });
    expect(sink.received).toHaveLength(1);
    answered.resolve();
    await waitUntil(async () => (await scene.endpointNow(endpoint)).throttledForMs > 290_000, {
      what: 'the rest',
    });
    expect(await scene.endpointNow(endpoint)).toMatchObject({ status: 'active', probing: true });
    sink.answer({ status: 204 });
    await set(endpoint, 'throttled_until = NULL');
    await came(5);
    await waitUntil(async () => !(await scene.endpointNow(endpoint)).probing, {
      what: 'the end of the probe',
    });
  });
});

const ROOM = {
  slots: 10,
  failingSlots: 10,
  perTenant: 10,
  perEndpoint: 10,
  flights: new Map<string, number>(),
};

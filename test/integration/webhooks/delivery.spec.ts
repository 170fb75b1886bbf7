/** What is owed to endpoints reaches them: signed, at least once, in order, and as their settings ask. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { EventRecord } from '#election';
import { waitUntil, type WebhookSink } from '#testing';
import { anEvent, BY } from './management-scene.js';
import { type DeliveryScene, newDeliveryScene } from './delivery-scene.js';

interface Body {
  type: string;
  timestamp: string;
  data: { election: string; sequence: number; fence: number; fencingToken?: string; endpoint?: string };
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
const settled = (endpointId: string, ...states: string[]): Promise<unknown> =>
  waitUntil(
    async () => (await scene.deliveriesOf(endpointId)).map(({ state }) => state).join() === states.join(),
    {
      what: `deliveries ${states.join()}`,
      withinMs: 10_000,
    },
  );
const sequences = (at: WebhookSink = sink): number[] => at.bodies<Body>().map(({ data }) => data.sequence);

describe('delivery', () => {
  it('brings every event in order, signed, and keeps each attempt on record', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId, { path: '/hook', headers: { 'x-team': 'red' } });
    const ids = [1, 2, 3].map((sequence) => scene.tell(tenantId, 'billing', sequence));
    const eventIds = await Promise.all(ids);
    sink.answer({ status: 200, headers: { 'x-server': 'sink' }, body: 'ok' });
    scene.worker().dispatcher.start();
    await settled(endpoint, 'succeeded', 'succeeded', 'succeeded');
    expect(sequences()).toEqual([1, 2, 3]);
    expect(sink.received.map(({ id }) => id)).toEqual(eventIds);
    const [secret = ''] = await scene.secretsOf(endpoint);
    for (const { body, headers, path } of sink.received) {
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
      expect(path).toBe('/hook');
      expect(headers).toMatchObject({ 'x-team': 'red', 'content-type': 'application/json' });
    }
    const [delivery] = await scene.deliveriesOf(endpoint);
    const attempts = await scene.fresh.ask<Record<string, unknown>>(
      'SELECT number, status, error, response_body, response_headers FROM webhook_attempts WHERE delivery_id = $1',
      [delivery?.id],
    );
    expect(attempts).toMatchObject([
      { number: 1, status: 200, error: null, response_body: 'ok', response_headers: { 'x-server': 'sink' } },
    ]);
  });

  it('tries again with the same webhook-id and a fresh signature, and lets nothing of the lane pass by', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId);
    sink.answer((_, index) => ({ status: index === 0 ? 500 : 204 }));
    await scene.tell(tenantId, 'billing', 1);
    await scene.tell(tenantId, 'billing', 2);
    const worker = scene.worker();
    worker.dispatcher.start();
    await settled(endpoint, 'succeeded', 'succeeded');
    expect(sequences()).toEqual([1, 1, 2]);
    const [first, again] = sink.received;
    expect(again?.id).toBe(first?.id);
    expect(Number(again?.headers['webhook-timestamp'])).toBeGreaterThanOrEqual(
      Number(first?.headers['webhook-timestamp']),
    );
    // The schedule says 1 s; the jitter takes off a fifth at most.
    expect((again?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(750);
    expect(worker.recorded.map(({ ended }) => ended)).toEqual(['retrying', 'succeeded', 'succeeded']);
  });

  it('signs with the old and the new secret while a rotation lasts', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId);
    await scene.control.rotate({ tenantId }, endpoint, { kind: 'v1', overlapMs: 60_000 }, BY);
    await scene.tell(tenantId, 'billing', 1);
    scene.worker().dispatcher.start();
    await came(1);
    const secrets = await scene.secretsOf(endpoint);
    expect(secrets).toHaveLength(2);
    const [received] = sink.received;
    for (const secret of secrets)
      expect(() => new Webhook(secret).verify(received?.body ?? '', received?.headers ?? {})).not.toThrow();
  });

  it('adds the fencing token for a fresh term to those who asked for it, and to nobody else', async () => {
    const [withToken, without] = [await scene.sink(), await scene.sink()];
    await scene.endpointAt(withToken, tenantId, { includeFencingToken: true });
    await scene.endpointAt(without, tenantId);
    const asked: unknown[] = [];
    const now = new Date(Date.now()).toISOString();
    await scene.tell(tenantId, 'billing', 1, { occurredAt: now });
    await scene.tell(tenantId, 'billing', 2, { occurredAt: now, type: 'leadership.lost' });
    await scene.tell(tenantId, 'billing', 3, { occurredAt: '2020-01-01T00:00:00.000Z' });
    const signTerm = async (term: { fence: number }): Promise<string> => {
      asked.push(term);
      return `signed ${term.fence}`;
    };
    scene.worker({ signTerm }).dispatcher.start();
    await came(3, withToken);
    await came(3, without);
    expect(withToken.bodies<Body>().map(({ data }) => data.fencingToken)).toEqual([
      'signed 1',
      undefined,
      undefined,
    ]);
    expect(without.bodies<Body>().some(({ data }) => data.fencingToken !== undefined)).toBe(false);
    expect(asked).toEqual([
      expect.objectContaining({
        tenantId,
        election: 'billing',
        candidate: 'a',
        candidateId: 'cnd_a',
        seat: 0,
        fence: 1,
      }),
    ]);
  });

  it('gives the newest truth alone to an endpoint in mode latest, also past one that is waiting to be tried again', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId, { mode: 'latest' });
    sink.answer((received) => ({
      status: (JSON.parse(received.body) as Body).data.sequence === 1 ? 500 : 204,
    }));
    await scene.tell(tenantId, 'billing', 1);
    scene.worker().dispatcher.start();
    await came(1);
    await scene.fresh.ask(
      "UPDATE webhook_deliveries SET due_at = now() + interval '1 day' WHERE attempts > 0",
    );
    await scene.append(
      ...[2, 3].map((sequence) => ({ ...eventOf('billing', sequence), type: 'leadership.lost' as const })),
      eventOf('billing', 4),
    );
    await settled(endpoint, 'superseded', 'superseded', 'superseded', 'succeeded');
    expect(sequences()).toEqual([1, 4]);
  });

  it('overtakes seat by seat, and never an event that tells of something else', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId, { mode: 'latest' });
    await scene.append(
      eventOf('billing', 1, { seat: 0 }),
      eventOf('billing', 2, { seat: 1 }),
      eventOf('billing', 3, { seat: 1 }),
    );
    await scene.control.test({ tenantId }, endpoint, BY);
    scene.worker().dispatcher.start();
    await came(3);
    expect(
      sink
        .bodies<Body>()
        .map(({ type, data }) => `${type} ${data.sequence ?? ''}`)
        .sort(),
    ).toEqual(['endpoint.test ', 'leadership.acquired 1', 'leadership.acquired 3']);
  });

  it('waits while an endpoint is paused, and goes on in order', async () => {
    const endpoint = await scene.endpointAt(sink, tenantId);
    await scene.fresh.ask("UPDATE webhook_endpoints SET status = 'paused' WHERE id = $1", [endpoint]);
    await scene.tell(tenantId, 'billing', 1);
    const other = await scene.sink();
    await scene.endpointAt(other, tenantId);
    await scene.tell(tenantId, 'billing', 2);
    scene.worker().dispatcher.start();
    await came(1, other);
    expect(sink.received).toEqual([]);
    await scene.fresh.ask("UPDATE webhook_endpoints SET status = 'active' WHERE id = $1", [endpoint]);
    await came(2);
    expect(sequences()).toEqual([1, 2]);
  });
});

function eventOf(election: string, sequence: number, own: Partial<EventRecord> = {}): EventRecord {
  return anEvent(tenantId, election, { sequence, ...own });
}

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasCode } from '#core';
import type { EventRecord } from '#election';
import { Fanout } from '#webhooks';
import { anEvent, newScene, type Scene } from './management-scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await newScene();
});
afterAll(() => scene.end());

interface OwedRow {
  endpoint: string;
  type: string;
  election: string;
  sequence: string;
  place: string;
}

/** What is owed to the endpoints of the tenant, in the order of lanes. */
const owedTo = (tenantId: string): Promise<OwedRow[]> =>
  scene.fresh.ask<OwedRow>(
    `SELECT d.endpoint_id AS endpoint, m.type, m.election, m.sequence, d.place
       FROM webhook_deliveries d JOIN webhook_messages m ON m.tenant_id = d.tenant_id AND m.id = d.message_id
      WHERE d.tenant_id = $1 ORDER BY d.endpoint_id, m.election, d.place, d.id`,
    [tenantId],
  );
const countOf = async (table: string, tenantId: string): Promise<number> =>
  Number(
    (
      await scene.fresh.ask<{ n: string }>(`SELECT count(*) AS n FROM ${table} WHERE tenant_id = $1`, [
        tenantId,
      ])
    )[0]?.n,
  );

const minutes = (sequence: number, minute: number): Partial<EventRecord> => ({
  sequence,
  occurredAt: new Date(Date.UTC(2026, 10, 21, 9, minute)).toISOString(),
});

describe('fan-out', () => {
  it('owes an event to the endpoints that subscribe to its type and its election, and to no other', async () => {
    const tenantId = await scene.tenant();
    const [all, named, prefixed, otherType] = [
      await scene.endpoint(tenantId),
      await scene.endpoint(tenantId, { elections: ['billing'] }),
      await scene.endpoint(tenantId, { elections: ['bill*'] }),
      await scene.endpoint(tenantId, { events: ['leadership.lost'] }),
    ];
    const woken = await scene.append(anEvent(tenantId, 'billing'), anEvent(tenantId, 'bills'));
    const owed = await owedTo(tenantId);
    const to = (election: string) =>
      owed.filter((row) => row.election === election).map((row) => row.endpoint);
    expect(to('billing').sort()).toEqual([all, named, prefixed].sort());
    expect(to('bills').sort()).toEqual([all, prefixed].sort());
    expect(woken.map((ref) => ref.endpointId).sort()).toEqual([all, named, prefixed].sort());
    expect(owed.map((row) => row.endpoint)).not.toContain(otherType);
  });

  it('of a batch that is repeated, partly or whole, changes nothing', async () => {
    const tenantId = await scene.tenant();
    await scene.endpoint(tenantId, { unstableThreshold: 2 });
    const events = [1, 2, 3, 4, 5, 6].map((sequence) => anEvent(tenantId, 'e', { sequence }));
    await scene.append(...events.slice(0, 4));
    await scene.append(...events);
    const once = await owedTo(tenantId);
    await scene.append(...events);
    await scene.append(...events.slice(2, 3));
    expect(await owedTo(tenantId)).toEqual(once);
    expect(once.filter((row) => row.type === 'leadership.acquired')).toHaveLength(6);
    expect(once.filter((row) => row.type === 'election.unstable')).toHaveLength(1);
  });

  it('is undone with the transaction that it belongs to', async () => {
    const tenantId = await scene.tenant();
    await scene.endpoint(tenantId);
    const failing = scene.database.transaction(async (rows) => {
      await new Fanout().append(rows, [anEvent(tenantId, 'e')]);
      throw new Error('history refused');
    });
    await expect(failing).rejects.toThrow('history refused');
    expect([
      await countOf('webhook_messages', tenantId),
      await countOf('webhook_deliveries', tenantId),
    ]).toEqual([0, 0]);
  });

  it('keeps the order of the election across epochs, whenever it was written down', async () => {
    const tenantId = await scene.tenant();
    await scene.endpoint(tenantId);
    const at = (epoch: number, sequence: number) => anEvent(tenantId, 'e', { epoch, sequence });
    await scene.append(at(1, 4), at(1, 5));
    await scene.append(at(0, 1), at(0, 2));
    const places = (await owedTo(tenantId)).map((row) => row.sequence);
    expect(places).toEqual(['1', '2', '4', '5']);
  });

  it('collects for a paused endpoint, and not for one that is disabled or deleted', async () => {
    const tenantId = await scene.tenant();
    const paused = await scene.endpoint(tenantId, { status: 'paused' });
    const disabled = await scene.endpoint(tenantId);
    const deleted = await scene.endpoint(tenantId);
    await scene.fresh.ask("UPDATE webhook_endpoints SET status = 'disabled' WHERE id = $1", [disabled]);
    await scene.fresh.ask("UPDATE webhook_endpoints SET status = 'deleted' WHERE id = $1", [deleted]);
    await scene.append(anEvent(tenantId, 'e'));
    expect((await owedTo(tenantId)).map((row) => row.endpoint)).toEqual([paused]);
  });

  it('never mixes tenants, though everything has the same names', async () => {
    const [one, two] = [await scene.tenant(), await scene.tenant()];
    const [ofOne, ofTwo] = [await scene.endpoint(one), await scene.endpoint(two)];
    await scene.append(anEvent(one, 'same'));
    expect((await owedTo(one)).map((row) => row.endpoint)).toEqual([ofOne]);
    expect(await owedTo(two)).toEqual([]);
    await scene.append(anEvent(one, 'same'), anEvent(two, 'same'));
    expect((await owedTo(two)).map((row) => row.endpoint)).toEqual([ofTwo]);
  });

  it('writes nothing down for a tenant to whom nothing is owed', async () => {
    const [none, other] = [await scene.tenant(), await scene.tenant()];
    await scene.endpoint(other, { events: ['leadership.lost'] });
    expect(await scene.append(anEvent(none, 'e'), anEvent(other, 'e'))).toEqual([]);
    expect(await countOf('webhook_messages', other)).toBe(0);
  });

  it('tells what happened in less than 4 kB, whatever a participant says of itself', async () => {
    const tenantId = await scene.tenant();
    await scene.endpoint(tenantId);
    const metadata = { 'a\0key': 'NUL \0 and a lone \ud800', pad: '\u20ac'.repeat(650) };
    const leader = { name: 'a', candidateId: 'cnd_a', address: '\u20ac'.repeat(512), metadata };
    await scene.append(
      anEvent(tenantId, 'e', { leader }),
      anEvent(tenantId, 'f', { leader: { ...leader, address: 'a:1' } }),
    );
    const stored = await scene.fresh.ask<{ payload: { data: Record<string, unknown> } }>(
      'SELECT payload FROM webhook_messages WHERE tenant_id = $1 ORDER BY election',
      [tenantId],
    );
    for (const { payload } of stored) expect(Buffer.byteLength(JSON.stringify(payload))).toBeLessThan(4_096);
    expect(stored[0]?.payload.data['leader']).not.toHaveProperty('metadata');
    expect(stored[1]?.payload).toMatchObject({
      type: 'leadership.acquired',
      timestamp: '2026-11-21T09:00:01.000Z',
      data: {
        tenant: tenantId,
        election: 'f',
        term: 1,
        fence: 1,
        sequence: 1,
        leader: {
          candidate: 'a',
          candidateId: 'cnd_a',
          metadata: { 'a\ufffdkey': 'NUL \ufffd and a lone \ufffd' },
        },
        previousLeader: null,
        occurredAt: '2026-11-21T09:00:01.000Z',
      },
    });
  });

  it('takes 500 events of as many elections for 20 endpoints in one go', async () => {
    const tenantId = await scene.tenant();
    for (let one = 0; one < 20; one++) await scene.endpoint(tenantId, { events: ['leadership.acquired'] });
    const events = Array.from({ length: 500 }, (_, one) => anEvent(tenantId, `e-${one}`));
    const startMs = performance.now();
    const refs = await scene.append(...events);
    expect(performance.now() - startMs).toBeLessThan(2_500);
    expect(refs).toHaveLength(20);
    expect(await countOf('webhook_deliveries', tenantId)).toBe(10_000);
  });
});

describe('an unstable election', () => {
  const alarms = async (tenantId: string): Promise<[string, string][]> =>
    (await owedTo(tenantId))
      .filter((row) => row.type === 'election.unstable')
      .map((row) => [row.endpoint, row.sequence]);

  it('is told of once it changed its leader more often within an hour than the endpoint bears', async () => {
    const tenantId = await scene.tenant();
    const two = await scene.endpoint(tenantId, { unstableThreshold: 2 });
    const four = await scene.endpoint(tenantId, { unstableThreshold: 4, events: ['election.unstable'] });
    // The first term of an election is no change.
    for (const [sequence, minute] of [
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 3],
      [5, 4],
    ] as const)
      await scene.append(anEvent(tenantId, 'e', minutes(sequence, minute)));
    expect(await alarms(tenantId)).toEqual([[two, '4']]);
    await scene.append(anEvent(tenantId, 'e', minutes(6, 5)));
    expect((await alarms(tenantId)).sort()).toEqual(
      [
        [two, '4'],
        [four, '6'],
      ].sort(),
    );
    const [told] = await scene.fresh.ask<{ payload: unknown }>(
      "SELECT payload FROM webhook_messages WHERE tenant_id = $1 AND type = 'election.unstable' AND sequence = 6",
      [tenantId],
    );
    expect(told?.payload).toMatchObject({
      type: 'election.unstable',
      data: { election: 'e', changes: 5, threshold: 4, windowMs: 3_600_000, sequence: 6, fence: 6 },
    });
  });

  it('is told of at most once an hour, and again when it goes on', async () => {
    const tenantId = await scene.tenant();
    await scene.endpoint(tenantId, { unstableThreshold: 2 });
    const every20Minutes = Array.from({ length: 12 }, (_, one) =>
      anEvent(tenantId, 'e', minutes(one + 2, one * 20)),
    );
    await scene.append(...every20Minutes.slice(0, 5));
    await scene.append(...every20Minutes.slice(5));
    // Within any hour there are three changes, more than two: at minute 40, 100, 160, 220.
    expect((await alarms(tenantId)).map(([, sequence]) => sequence)).toEqual(['4', '7', '10', '13']);
  });

  it('is one whose changes are near each other: three in two hours are none', async () => {
    const tenantId = await scene.tenant();
    await scene.endpoint(tenantId, { unstableThreshold: 2 });
    for (const [sequence, minute] of [
      [2, 0],
      [3, 45],
      [4, 90],
      [5, 135],
    ] as const)
      await scene.append(anEvent(tenantId, 'e', minutes(sequence, minute)));
    expect(await alarms(tenantId)).toEqual([]);
  });

  it('stands right after the change that made it one, before the next', async () => {
    const tenantId = await scene.tenant();
    await scene.endpoint(tenantId, { unstableThreshold: 1 });
    await scene.append(...[2, 3, 4].map((sequence) => anEvent(tenantId, 'e', { sequence })));
    expect((await owedTo(tenantId)).map((row) => `${row.sequence} ${row.type}`)).toEqual([
      '2 leadership.acquired',
      '3 leadership.acquired',
      '3 election.unstable',
      '4 leadership.acquired',
    ]);
  });
});

describe('operational messages', () => {
  it('go to the endpoints that subscribe to them, once, whatever their elections', async () => {
    const tenantId = await scene.tenant();
    const listening = await scene.endpoint(tenantId, {
      events: ['quota.exceeded'],
      elections: ['only-this'],
    });
    await scene.endpoint(tenantId);
    const details = { quota: 'maxElections', limit: 5 };
    const message = { tenantId, type: 'quota.exceeded', key: 'maxElections 2026-11-21', details } as const;
    const tell = () => scene.database.transaction((rows) => scene.operational.tell(rows, message));
    expect(await tell()).toEqual([{ tenantId, endpointId: listening }]);
    expect(await tell()).toEqual([]);
    const owed = await owedTo(tenantId);
    expect(owed).toMatchObject([{ endpoint: listening, type: 'quota.exceeded', election: '' }]);
  });
});

describe('the tables of webhooks', () => {
  it('show a tenant nothing of another, although the query names no tenant', async () => {
    const [one, two] = [await scene.tenant(), await scene.tenant()];
    await scene.endpoint(two);
    await scene.append(anEvent(two, 'e'));
    for (const table of ['endpoints', 'secrets', 'messages', 'deliveries', 'attempts']) {
      const seen = await scene.database.forTenant(one, (rows) =>
        rows.query<unknown[]>(`SELECT 1 FROM webhook_${table}`),
      );
      expect(seen).toEqual([]);
    }
    const taken = scene.database.forTenant(one, (rows) =>
      rows.query<unknown>("UPDATE webhook_endpoints SET url = 'https://evil.example.com/' RETURNING 1"),
    );
    expect(await taken).toEqual([[], 0]);
    const unavailable = await scene.database
      .forTenant(one, (rows) => rows.query<unknown>('DELETE FROM webhook_deliveries'))
      .catch((error: unknown) => error);
    expect(hasCode(unavailable, 'database.unavailable')).toBe(false);
    expect(String(unavailable)).toMatch(/permission denied/);
  });
});

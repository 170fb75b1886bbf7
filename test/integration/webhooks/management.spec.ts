import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasCode, IncumbentError } from '#core';
import { type Delivery, EndpointSeal, type Viewer } from '#webhooks';
import { FakeClock } from '#testing';
import { anEvent, BY, newScene, type Scene } from './management-scene.js';

let scene: Scene;
const clock = new FakeClock(1_000, Date.UTC(2026, 10, 21, 12));
beforeAll(async () => {
  scene = await newScene(clock);
});
afterAll(() => scene.end());

const ALL = { limit: 100 };
const SEQUENCES = [1, 2, 3, 4, 5];

/** An endpoint that five events are owed to. */
async function owedFive(): Promise<{ tenantId: string; endpointId: string; owed: Delivery[] }> {
  const tenantId = await scene.tenant();
  const endpointId = await scene.endpoint(tenantId, { unstableThreshold: 100 });
  await scene.append(...SEQUENCES.map((sequence) => anEvent(tenantId, 'e', { sequence })));
  const { data } = await scene.deliveries.list({ tenantId }, {}, ALL);
  return { tenantId, endpointId, owed: data };
}

const end = (state: string, ids: string[]): Promise<unknown> =>
  scene.fresh.ask('UPDATE webhook_deliveries SET state = $1, finished_at = now() WHERE id = ANY($2)', [
    state,
    ids,
  ]);

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof IncumbentError ? error.code : `${String(error)}`;
}

describe('deliveries', () => {
  it('are listed newest first, page by page, each exactly once', async () => {
    const { tenantId, owed } = await owedFive();
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await scene.deliveries.list({ tenantId }, {}, { limit: 2, cursor });
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined && seen.length < 20);
    expect(seen).toEqual(owed.map(({ id }) => id));
    expect(new Set(seen).size).toBe(5);
  });

  it('are filtered by endpoint, state, election and time, all of them together', async () => {
    const { tenantId, endpointId, owed } = await owedFive();
    const other = await scene.endpoint(tenantId, { elections: ['f'] });
    await scene.append(anEvent(tenantId, 'f'));
    const [first] = owed;
    await end('failed', [first?.id ?? '']);
    const count = async (filter: object) =>
      (await scene.deliveries.list({ tenantId }, filter, ALL)).data.length;
    expect(await count({})).toBe(7);
    expect(await count({ endpointId: other })).toBe(1);
    expect(await count({ endpointId, election: 'f' })).toBe(1);
    expect(await count({ election: 'e' })).toBe(5);
    expect(await count({ state: 'failed' })).toBe(1);
    expect(await count({ state: 'failed', election: 'f' })).toBe(0);
    const at = first?.createdAt ?? new Date(0);
    expect(await count({ from: at, election: 'e' })).toBe(5);
    expect(await count({ to: at, election: 'e' })).toBe(0);
    expect(await count({ to: new Date(at.getTime() + 60_000) })).toBe(7);
  });

  it('are shown with every attempt, in order', async () => {
    const { tenantId, owed } = await owedFive();
    const id = owed[0]?.id ?? '';
    for (const number of [2, 1]) {
      await scene.fresh.ask(
        `INSERT INTO webhook_attempts (tenant_id, delivery_id, number, started_at, duration_ms, status, response_body)
         VALUES ($1, $2, $3, now(), 12, 500, 'broken')`,
        [tenantId, id, number],
      );
    }
    const shown = await scene.deliveries.get({ tenantId }, id);
    expect(shown.attemptList).toMatchObject([
      { number: 1, status: 500, durationMs: 12, connectMs: null, responseBody: 'broken' },
      { number: 2 },
    ]);
    expect(shown.payload.data).toMatchObject({ election: 'e', tenant: tenantId });
  });

  it('of elections beyond its prefix are hidden from a key, also where the endpoint lay elsewhere before', async () => {
    const tenantId = await scene.tenant();
    const endpointId = await scene.endpoint(tenantId);
    await scene.append(anEvent(tenantId, 'team-a'), anEvent(tenantId, 'other'));
    const viewer: Viewer = { tenantId, electionPrefix: 'team-' };
    expect((await scene.deliveries.list(viewer, {}, ALL)).data).toEqual([]);
    await scene.endpoints.change({ tenantId }, endpointId, { fields: { elections: ['team-*'] } }, BY);
    const { data } = await scene.deliveries.list(viewer, {}, ALL);
    expect(data.map(({ election }) => election)).toEqual(['team-a']);
    const hidden = (await scene.deliveries.list({ tenantId }, { election: 'other' }, ALL)).data[0]?.id ?? '';
    expect(await codeOf(scene.deliveries.get(viewer, hidden))).toBe('webhook_delivery.not_found');
    expect(await codeOf(scene.redelivery.redeliver(viewer, hidden, BY))).toBe('webhook_delivery.not_found');
  });

  it('of a deleted endpoint are gone', async () => {
    const { tenantId, endpointId, owed } = await owedFive();
    await scene.endpoints.remove({ tenantId }, endpointId, {}, BY);
    expect((await scene.deliveries.list({ tenantId }, {}, ALL)).data).toEqual([]);
    expect(await codeOf(scene.deliveries.get({ tenantId }, owed[0]?.id ?? ''))).toBe(
      'webhook_delivery.not_found',
    );
    expect(
      await scene.fresh.ask('SELECT 1 FROM webhook_secrets WHERE endpoint_id = $1', [endpointId]),
    ).toEqual([]);
  });
});

describe('redelivery', () => {
  it('makes now what waits for a later attempt, and leaves alone what is in flight', async () => {
    const { tenantId, endpointId, owed } = await owedFive();
    const [waiting = '', flying = ''] = owed.map(({ id }) => id);
    const later = "due_at = now() + interval '5 hours', attempts = 9";
    await scene.fresh.ask(`UPDATE webhook_deliveries SET ${later} WHERE id = $1`, [waiting]);
    const claimed = `${later}, claimed_by = 'w', claimed_until = now() + interval '20 s'`;
    await scene.fresh.ask(`UPDATE webhook_deliveries SET ${claimed} WHERE id = $1`, [flying]);
    scene.woken.length = 0;
    expect(await scene.redelivery.redeliver({ tenantId }, waiting, BY)).toBe(waiting);
    expect(await codeOf(scene.redelivery.redeliver({ tenantId }, flying, BY))).toBe(
      'webhook_delivery.pending',
    );
    expect(scene.woken).toEqual([{ tenantId, endpointId }]);
    await scene.fresh.ask(`UPDATE webhook_deliveries SET ${later} WHERE id = $1`, [waiting]);
    const since = new Date(Date.now() - 60_000);
    const recovery = await scene.redelivery.recover({ tenantId }, endpointId, since, BY);
    expect(recovery).toEqual({ recovered: 1, more: false });
    const due = await scene.fresh.ask<{ id: string }>(
      'SELECT id FROM webhook_deliveries WHERE attempts = 9 AND due_at <= now()',
    );
    expect(due).toEqual([{ id: waiting }]);
  });

  it('makes one new delivery of the same message at its place, however many ask at the same moment', async () => {
    const { tenantId, endpointId, owed } = await owedFive();
    const old = owed[2]?.id ?? '';
    expect(await codeOf(scene.redelivery.redeliver({ tenantId }, old, BY))).toBe('webhook_delivery.pending');
    await end('succeeded', [old]);
    scene.woken.length = 0;
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, () => scene.redelivery.redeliver({ tenantId }, old, BY)),
    );
    const made = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(made).toHaveLength(1);
    const refused = tries.filter((one) => one.status === 'rejected');
    expect(refused.every(({ reason }) => hasCode(reason, 'webhook_delivery.pending'))).toBe(true);
    expect(scene.woken).toEqual([{ tenantId, endpointId }]);
    const rows = await scene.fresh.ask<{
      place: string;
      message_id: string;
      redelivery: number;
      state: string;
    }>(
      'SELECT place, message_id, redelivery, state FROM webhook_deliveries WHERE id = ANY($1) ORDER BY redelivery',
      [[old, ...made]],
    );
    expect(rows[1]).toEqual({ ...rows[0], redelivery: 1, state: 'pending' });
  });

  it('of everything that failed since then makes each again once, and leaves the rest alone', async () => {
    const { tenantId, endpointId, owed } = await owedFive();
    const ids = owed.map(({ id }) => id);
    await end('failed', ids.slice(0, 3));
    await end('succeeded', ids.slice(3, 4));
    const acts = () =>
      scene.fresh.ask(
        "SELECT 1 FROM audit_events WHERE action = 'webhook_endpoint.recovered' AND tenant_id = $1",
        [tenantId],
      );
    // Rows carry the time of the server, the call that of the clock: both are asked with room to spare.
    const since = new Date(Math.min(clock.wallTimeMs(), owed[0]?.createdAt.getTime() ?? 0) - 3_600_000);
    const recover = () => scene.redelivery.recover({ tenantId }, endpointId, since, BY);
    expect(await recover()).toEqual({ recovered: 3, more: false });
    expect(await recover()).toEqual({ recovered: 0, more: false });
    expect(await acts()).toHaveLength(2);
    const again = await scene.fresh.ask<{ message_id: string }>(
      'SELECT message_id FROM webhook_deliveries WHERE tenant_id = $1 AND redelivery = 1',
      [tenantId],
    );
    expect(again.map((row) => row.message_id).sort()).toEqual(
      owed
        .slice(0, 3)
        .map((row) => row.messageId)
        .sort(),
    );
    await scene.fresh.ask(
      "UPDATE webhook_deliveries SET state = 'failed' WHERE tenant_id = $1 AND redelivery = 1",
      [tenantId],
    );
    expect(await recover()).toEqual({ recovered: 3, more: false });
    const tooOld = new Date(clock.wallTimeMs() - 15 * 86_400_000);
    expect(await codeOf(scene.redelivery.recover({ tenantId }, endpointId, tooOld, BY))).toBe(
      'request.invalid_body',
    );
  });

  it('of everything that failed leaves alone what lies beyond the prefix of a key', async () => {
    const tenantId = await scene.tenant();
    const endpointId = await scene.endpoint(tenantId);
    await scene.append(anEvent(tenantId, 'team-a'), anEvent(tenantId, 'other'));
    await scene.endpoints.change({ tenantId }, endpointId, { fields: { elections: ['team-*'] } }, BY);
    await scene.fresh.ask("UPDATE webhook_deliveries SET state = 'failed' WHERE tenant_id = $1", [tenantId]);
    const viewer: Viewer = { tenantId, electionPrefix: 'team-' };
    const since = new Date(clock.wallTimeMs() - 13 * 86_400_000);
    expect(await scene.redelivery.recover(viewer, endpointId, since, BY)).toEqual({
      recovered: 1,
      more: false,
    });
    const owed = await scene.deliveries.list({ tenantId }, { state: 'pending' }, ALL);
    expect(owed.data.map(({ election }) => election)).toEqual(['team-a']);
  });

  it('goes on where one call stopped', async () => {
    const tenantId = await scene.tenant();
    const endpointId = await scene.endpoint(tenantId, { unstableThreshold: 100 });
    const events = Array.from({ length: 2_100 }, (_, one) => anEvent(tenantId, `e-${one}`));
    await scene.append(...events);
    await scene.fresh.ask("UPDATE webhook_deliveries SET state = 'failed' WHERE tenant_id = $1", [tenantId]);
    const since = new Date(clock.wallTimeMs() - 13 * 86_400_000);
    const recover = () => scene.redelivery.recover({ tenantId }, endpointId, since, BY);
    expect(await recover()).toEqual({ recovered: 2_000, more: true });
    expect(await recover()).toEqual({ recovered: 100, more: false });
  });
});

describe('the headers of an endpoint', () => {
  it('are not sent to another host than the one they were given for', async () => {
    const tenantId = await scene.tenant();
    const id = await scene.endpoint(tenantId, { headers: { authorization: 'Bearer for-the-first-host' } });
    const change = (fields: object) => scene.endpoints.change({ tenantId }, id, { fields }, BY);
    const elsewhere = { url: 'https://elsewhere.example.com/in' };
    expect(await codeOf(change(elsewhere))).toBe('request.invalid_body');
    expect((await scene.endpoints.get({ tenantId }, id)).url).toBe('https://hooks.example.com/in');
    expect((await change({ url: 'https://hooks.example.com/other' })).headerNames).toEqual(['authorization']);
    expect((await change({ ...elsewhere, headers: {} })).headerNames).toEqual([]);
    expect((await change({ url: 'https://third.example.com/' })).url).toBe('https://third.example.com/');
  });
});

describe('a disabled endpoint', () => {
  it('takes neither tests nor redeliveries nor a status until it is enabled, and collects again from then on', async () => {
    const { tenantId, endpointId, owed } = await owedFive();
    const id = owed[0]?.id ?? '';
    await end('failed', [id]);
    await scene.fresh.ask(
      "UPDATE webhook_endpoints SET status = 'disabled', disabled_reason = 'gone', disabled_at = now(), first_failure_at = now() WHERE id = $1",
      [endpointId],
    );
    const viewer = { tenantId };
    const refusals = [
      scene.control.test(viewer, endpointId, BY),
      scene.redelivery.redeliver(viewer, id, BY),
      scene.redelivery.recover(viewer, endpointId, new Date(clock.wallTimeMs()), BY),
      scene.endpoints.change(viewer, endpointId, { fields: { status: 'active' } }, BY),
    ];
    for (const refused of refusals) expect(await codeOf(refused)).toBe('webhook_endpoint.disabled');
    expect(await scene.append(anEvent(tenantId, 'e', { sequence: 6 }))).toEqual([]);
    const enabled = await scene.control.enable(viewer, endpointId, BY);
    expect(enabled).toMatchObject({
      status: 'active',
      disabledReason: null,
      firstFailureAt: null,
      version: 2,
    });
    expect(await scene.append(anEvent(tenantId, 'e', { sequence: 7 }))).toHaveLength(1);
  });
});

describe('secrets', () => {
  it('of an endpoint are at most ten of a kind: the oldest ends first, and the newest stays current', async () => {
    const tenantId = await scene.tenant();
    const endpointId = await scene.endpoint(tenantId);
    const made: (string | undefined)[] = [];
    for (let rotation = 0; rotation < 12; rotation++) {
      await clock.advance(1_000);
      const rotated = await scene.control.rotate(
        { tenantId },
        endpointId,
        { kind: 'v1', overlapMs: 86_400_000 },
        BY,
      );
      made.push(rotated.secret);
    }
    const rows = await scene.fresh.ask<{ id: string; sealed_secret: string; expires_at: Date | null }>(
      'SELECT id, sealed_secret, expires_at FROM webhook_secrets WHERE endpoint_id = $1 ORDER BY created_at',
      [endpointId],
    );
    const opened = rows.map((row) =>
      scene.seal.openSecret({ tenantId, endpointId, id: row.id, sealedSecret: row.sealed_secret }),
    );
    expect(opened).toEqual(made.slice(-10));
    expect(rows.map((row) => row.expires_at === null)).toEqual([...Array<boolean>(9).fill(false), true]);
  });

  it('that are over are removed with the next rotation, and without overlap at once', async () => {
    const tenantId = await scene.tenant();
    const endpointId = await scene.endpoint(tenantId);
    const rotate = (overlapMs: number) =>
      scene.control.rotate({ tenantId }, endpointId, { kind: 'v1', overlapMs }, BY);
    const count = async () =>
      (await scene.fresh.ask('SELECT 1 FROM webhook_secrets WHERE endpoint_id = $1', [endpointId])).length;
    await rotate(60_000);
    expect(await count()).toBe(2);
    await clock.advance(61_000);
    await rotate(60_000);
    expect(await count()).toBe(2);
    await rotate(0);
    expect(await count()).toBe(2);
  });

  it('are rotated by many at the same moment without losing the current one', async () => {
    const tenantId = await scene.tenant();
    const endpointId = await scene.endpoint(tenantId);
    const rotation = { kind: 'v1', overlapMs: 60_000 } as const;
    await Promise.all(
      Array.from({ length: 6 }, () => scene.control.rotate({ tenantId }, endpointId, rotation, BY)),
    );
    const current = await scene.fresh.ask(
      'SELECT 1 FROM webhook_secrets WHERE endpoint_id = $1 AND expires_at IS NULL',
      [endpointId],
    );
    expect(current).toHaveLength(1);
  });

  it('and headers do not open in the place of another', async () => {
    const seal = new EndpointSeal('7a'.repeat(32));
    const one = { tenantId: 'ten_1', id: 'whe_1' };
    const headers = seal.sealHeaders(one, { a: 'x', b: 'y' });
    expect(seal.openHeaders({ ...one, headers })).toEqual({ a: 'x', b: 'y' });
    const { a = '', b = '' } = headers;
    expect(() => seal.openHeaders({ ...one, headers: { a: b, b: a } })).toThrow(/MASTER_KEY/);
    expect(() => seal.openHeaders({ ...one, id: 'whe_2', headers })).toThrow(/MASTER_KEY/);
  });
});

describe('an endpoint whose creation is repeated under the same id', () => {
  it('is made once, and whoever repeats gets the very secret that nobody was told', async () => {
    const tenantId = await scene.tenant();
    const wanted = {
      url: 'https://hooks.example.com/in',
      events: ['leadership.lost'],
      id: 'whe_once000000000',
    };
    const first = await scene.endpoints.create({ tenantId }, wanted, BY);
    const second = await scene.endpoints.create({ tenantId }, wanted, BY);
    expect(second).toEqual(first);
    expect((await scene.endpoints.list({ tenantId }, ALL)).data).toHaveLength(1);
  });
});

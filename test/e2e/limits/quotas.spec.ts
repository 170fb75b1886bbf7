import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import type { Answer, Caller } from '../caller.js';
import { EventReader } from '../events/event-reader.js';
import { Service, type Tenant } from '../service.js';

let one: Service;
let two: Service;

beforeAll(async () => {
  one = await Service.start();
  two = await Service.start({ beside: one });
}, 60_000);

afterAll(async () => {
  await two?.stop();
  await one?.stop();
});

const RACERS = 50;

/** So many calls at the same moment, half of them on each replica. */
function race(caller: Caller, ask: (caller: Caller, index: number) => Promise<Answer>): Promise<Answer[]> {
  const other = caller.with({ url: two.url });
  return Promise.all(Array.from({ length: RACERS }, (_, at) => ask(at % 2 === 0 ? caller : other, at)));
}

function tally(answers: readonly Answer[]): { made: number; refused: number } {
  const refused = answers.filter(({ body }) => body['code'] === 'limit.quota_exceeded');
  return { made: answers.filter(({ status }) => status <= 202).length, refused: refused.length };
}

const usageOf = async (caller: Caller): Promise<Record<string, { limit: number; used: number }>> =>
  (await caller.get('/v1/usage')).body['quotas'] as Record<string, { limit: number; used: number }>;

describe(`a quota raced by ${RACERS} calls on two replicas`, () => {
  it('is exact for elections', async () => {
    const { caller } = await one.tenant({}, { maxElections: 7 });
    const answers = await race(caller, (who, at) => who.post('/v1/elections', { name: `e${at}` }));
    expect(tally(answers)).toEqual({ made: 7, refused: RACERS - 7 });
    expect((await usageOf(caller))['maxElections']).toEqual({ limit: 7, used: 7 });
  });

  it('is exact for API keys', async () => {
    const { caller } = await one.tenant({}, { maxApiKeys: 6 });
    const answers = await race(caller, (who, at) => who.post('/v1/api-keys', { name: `k${at}` }));
    // The calling key is one of the six.
    expect(tally(answers)).toEqual({ made: 5, refused: RACERS - 5 });
    expect((await usageOf(caller))['maxApiKeys']).toEqual({ limit: 6, used: 6 });
  });

  it('is overrun for sessions at most by what the other replica has under way, and for one replica not at all', async () => {
    const { caller } = await one.tenant({}, { maxSessions: 10 });
    const names = await Promise.all(Array.from({ length: RACERS }, () => caller.election({ ttlMs: 30_000 })));
    const answers = await race(caller, (who, at) => who.campaign(names[at] ?? '', { candidate: 'c' }));
    const { made, refused } = tally(answers);
    expect(made + refused).toBe(RACERS);
    expect(made).toBeGreaterThanOrEqual(10);
    // Each replica alone keeps to ten, whatever the other does meanwhile.
    expect(made).toBeLessThanOrEqual(20);
    const [held] = answers.filter(({ body }) => body['state'] === 'leader');
    expect((await caller.renew(String(held?.body['election']), held?.body['session'])).status).toBe(200);

    const alone = await one.tenant({}, { maxSessions: 10 });
    const rows = await Promise.all(Array.from({ length: RACERS }, () => alone.caller.election()));
    const atOnce = await Promise.all(rows.map((name) => alone.caller.campaign(name, { candidate: 'c' })));
    expect(tally(atOnce)).toEqual({ made: 10, refused: RACERS - 10 });
  });

  it('is overrun for candidates by nobody who waits behind one election', async () => {
    const { caller } = await one.tenant({}, { maxCandidatesPerElection: 8 });
    const election = await caller.election();
    const answers = await race(caller, (who, at) => who.campaign(election, { candidate: `c${at}` }));
    const { made, refused } = tally(answers);
    expect(made + refused).toBe(RACERS);
    expect(made).toBeGreaterThanOrEqual(8);
    // At most those of the other replica's transition that was under way.
    expect(made).toBeLessThanOrEqual(8 + RACERS / 2);
  });
});

describe('a quota that is met', () => {
  it('never stands in the way of a repeated campaign', async () => {
    const { caller } = await one.tenant({}, { maxSessions: 1 });
    const election = await caller.election();
    const headers = { 'idempotency-key': 'process-1' };
    const first = await caller.campaign(election, { candidate: 'a' }, headers);
    const repeated = await caller.with({ url: two.url }).campaign(election, { candidate: 'a' }, headers);
    expect(repeated.body).toMatchObject({ state: 'leader', candidateId: first.body['candidateId'] });
    const { body } = await caller.campaign(election, { candidate: 'b' });
    expect(body).toMatchObject({
      code: 'limit.quota_exceeded',
      limit: { name: 'maxSessions', value: 1 },
      executed: false,
    });
  });

  it('makes room again when a session ends', async () => {
    const { caller } = await one.tenant({}, { maxSessions: 1 });
    const election = await caller.election();
    const { body: first } = await caller.campaign(election, { candidate: 'a' });
    await caller.resign(election, first);
    await waitUntil(async () => (await caller.campaign(election, { candidate: 'b' })).status === 200, {
      what: 'the place of the session that has ended',
    });
  });

  it('is shared out among replicas for event streams', async () => {
    const { caller } = await one.tenant({}, { maxStreams: 4 });
    const election = await caller.election();
    const streams = await Promise.all([
      EventReader.open(caller, election),
      EventReader.open(caller, election),
    ]);
    const refused = await caller.get(`/v1/elections/${election}/events`);
    expect(refused.body).toMatchObject({
      code: 'limit.quota_exceeded',
      limit: { name: 'maxStreams', value: 4 },
    });
    streams.push(await EventReader.open(caller.with({ url: two.url }), election));
    expect((await usageOf(caller))['maxStreams']).toEqual({ limit: 4, used: 2 });
    for (const stream of streams) stream.close();
  });

  it('is a smallest ttlMs for elections, for their changes and for sessions', async () => {
    const tenant = await one.tenant({}, { minTtlMs: 5_000 });
    const { caller } = tenant;
    const small = { code: 'limit.quota_exceeded', limit: { name: 'minTtlMs', value: 5_000 } };
    expect((await caller.post('/v1/elections', { name: 'x', ttlMs: 4_999 })).body).toMatchObject(small);
    expect((await caller.get('/v1/elections/x')).status).toBe(404);
    const election = await caller.election({ ttlMs: 5_000 });
    expect((await caller.patch(`/v1/elections/${election}`, { ttlMs: 1_000 })).body).toMatchObject(small);
    expect((await caller.campaign(election, { candidate: 'a', ttlMs: 2_000 })).body).toMatchObject(small);
    expect((await caller.campaign(election, { candidate: 'a', ttlMs: 6_000 })).status).toBe(200);
    // A minimum that rises leaves elections as they are and lengthens the sessions that they give.
    await one.operator.patch(`/admin/v1/tenants/${tenant.id}`, { quota: { minTtlMs: 8_000 } });
    const { body } = await caller.campaign(election, { candidate: 'b' });
    expect(body['ttlMs']).toBe(8_000);
  });
});

describe('plans', () => {
  it('give a tenant its quotas, and a change holds at once on every replica', async () => {
    const made = await one.operator.post('/admin/v1/tenants', { name: 'Plans', plan: 'free' });
    expect(made.body).toMatchObject({ plan: 'free', quota: { maxElections: 20 }, quotaOverrides: {} });
    const id = String(made.body['id']);
    const { caller } = await one.key(id);
    expect((await caller.get('/v1/usage')).body).toMatchObject({
      tenantId: id,
      plan: 'free',
      minTtlMs: 5_000,
      quotas: { maxElections: { limit: 20, used: 0 } },
    });
    const changed = await one.operator.patch(`/admin/v1/tenants/${id}`, {
      plan: 'team',
      quota: { requestsPerSecond: 77 },
    });
    expect(changed.body).toMatchObject({
      plan: 'team',
      quota: { maxElections: 1_000, requestsPerSecond: 77 },
    });
    expect((await caller.get('/v1/elections')).headers.get('ratelimit-policy')).toBe('"tenant";q=77;w=1');
    await waitUntil(
      async () => {
        const { headers } = await caller.with({ url: two.url }).get('/v1/elections');
        return headers.get('ratelimit-policy') === '"tenant";q=77;w=1';
      },
      { what: 'the other replica to see the quota' },
    );
  });

  it('are refused by another name, with what is possible', async () => {
    const { status, body } = await one.operator.post('/admin/v1/tenants', { name: 'X', plan: 'gold' });
    expect([status, body['code']]).toEqual([400, 'request.invalid_body']);
    expect(JSON.stringify(body['errors'])).toContain('enterprise');
  });
});

describe('usage', () => {
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await one.tenant();
    const election = await tenant.caller.election();
    await tenant.caller.campaign(election, { candidate: 'a' });
    await tenant.caller.campaign(election, { candidate: 'b' });
  });

  it('is what there is', async () => {
    await waitUntil(async () => (await usageOf(tenant.caller))['maxSessions']?.used === 2, {
      what: 'the sessions to be seen',
    });
    expect(await usageOf(tenant.caller)).toMatchObject({
      maxElections: { limit: 1_000, used: 1 },
      maxCandidatesPerElection: { limit: 1_000, used: 2 },
      maxApiKeys: { limit: 50, used: 1 },
      maxWebhookEndpoints: { limit: 20, used: 0 },
      maxStreams: { limit: 1_000, used: 0 },
      requestsPerSecond: { limit: 500 },
    });
  });

  it('is the same for the operator, who sees that of all', async () => {
    const path = `/admin/v1/tenants/${tenant.id}/usage`;
    const { body } = await one.operator.get(path);
    expect(body).toMatchObject({ tenantId: tenant.id, quotas: { maxElections: { limit: 1_000, used: 1 } } });
    const page = await one.operator.get('/admin/v1/usage?limit=1');
    expect(page.body['data']).toHaveLength(1);
    expect(page.body['nextCursor']).toEqual(expect.any(String));
    expect((await one.operator.get('/admin/v1/tenants/ten_000000000000/usage')).status).toBe(404);
    expect((await tenant.caller.get(path)).status).toBe(401);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import type { Answer, Caller } from '../caller.js';
import { Service } from '../service.js';

let service: Service;

beforeAll(async () => {
  service = await Service.start();
}, 60_000);

afterAll(() => service?.stop());

/** Many calls at once that need no store. */
const burst = (caller: Caller, count: number): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, () => caller.get('/v1/elections')));

const refusedOf = (answers: readonly Answer[]): Answer[] => answers.filter(({ status }) => status === 429);

describe('the rate of a tenant', () => {
  it('is told with every answer, and what is left of it', async () => {
    const { caller } = await service.tenant({}, { requestsPerSecond: 50 });
    const { status, headers } = await caller.get('/v1/elections');
    expect([status, headers.get('ratelimit-policy')]).toEqual([200, '"tenant";q=50;w=1']);
    expect(headers.get('ratelimit')).toMatch(/^"tenant";r=\d+;t=1$/);
  });

  it('refuses what comes beyond it, and says which limit was hit and when to come again', async () => {
    const { caller } = await service.tenant({}, { requestsPerSecond: 5 });
    const [refused] = refusedOf(await burst(caller, 30));
    expect(refused?.body).toMatchObject({
      code: 'limit.rate_exceeded',
      limit: { name: 'tenant', value: 5 },
      executed: false,
    });
    expect(refused?.headers.get('retry-after')).toBe('1');
    expect(refused?.headers.get('ratelimit')).toMatch(/^"tenant";r=0;t=1$/);
    await waitUntil(async () => (await caller.get('/v1/elections')).status === 200, {
      what: 'the next window',
    });
  });

  it('refuses before it looks at the body', async () => {
    const { caller } = await service.tenant({}, { requestsPerSecond: 1 });
    const spoilt = () =>
      caller.send('POST', '/v1/elections', { headers: { 'content-type': 'application/json' }, body: '{' });
    const answers = await Promise.all(Array.from({ length: 20 }, spoilt));
    const codes = new Set(answers.map(({ body }) => body['code']));
    expect(codes).toEqual(new Set(['request.malformed_json', 'limit.rate_exceeded']));
  });

  it('counts calls that are refused for their scope', async () => {
    const { caller } = await service.tenant({ scopes: ['elections:campaign'] }, { requestsPerSecond: 3 });
    const codes = (await burst(caller, 20)).map(({ body }) => body['code']);
    expect(new Set(codes)).toEqual(new Set(['identity.scope_missing', 'limit.rate_exceeded']));
  });

  it('may be smaller for one of its keys', async () => {
    const tenant = await service.tenant({}, { requestsPerSecond: 1_000 });
    const { caller } = await service.key(tenant.id, { requestsPerSecond: 4 });
    const [refused] = refusedOf(await burst(caller, 20));
    expect(refused?.body['limit']).toEqual({ name: 'key', value: 4 });
    expect(refused?.headers.get('ratelimit-policy')).toBe('"key";q=4;w=1, "tenant";q=1000;w=1');
    expect(refusedOf(await burst(tenant.caller, 20))).toEqual([]);
  });

  it('counts the step-downs that operators ask for, and not those of leaders', async () => {
    const { caller } = await service.tenant({}, { requestsPerSecond: 10 });
    const election = await caller.election();
    const { body: standing } = await caller.campaign(election, { candidate: 'one' });
    const { session, candidateId } = standing;
    const path = `/v1/elections/${election}/step-down`;
    const wish = { mode: 'graceful', expectedTerm: 1, dryRun: true };
    const asked = await Promise.all(Array.from({ length: 60 }, () => caller.post(path, wish)));
    expect(refusedOf(asked)[0]?.body['limit']).toEqual({ name: 'tenant', value: 10 });
    const own = await Promise.all(
      Array.from({ length: 40 }, () => caller.post(path, { session, candidateId })),
    );
    expect(refusedOf(own)).toEqual([]);
  });

  it('says nothing about renewals and resignations: these go on when it is used up', async () => {
    const { caller } = await service.tenant({}, { requestsPerSecond: 10 });
    const election = await caller.election();
    const { body: standing } = await caller.campaign(election, { candidate: 'one' });
    const [answers, renewed] = await Promise.all([
      burst(caller, 60),
      Promise.all(Array.from({ length: 40 }, () => caller.renew(election, standing['session']))),
    ]);
    expect(refusedOf(answers).length).toBeGreaterThan(0);
    expect(new Set(renewed.map(({ status, body }) => `${status} ${String(body['state'])}`))).toEqual(
      new Set(['200 leader']),
    );
    expect((await caller.resign(election, standing)).status).toBe(200);
  });

  it('is all that calls to renew can use up which a key has no right to: renewals of others go on', async () => {
    const tenant = await service.tenant({}, { requestsPerSecond: 20 });
    const { caller: weak } = await service.key(tenant.id, { scopes: ['elections:read'] });
    const election = await tenant.caller.election();
    const { body: standing } = await tenant.caller.campaign(election, { candidate: 'one' });
    const flood = Array.from({ length: 500 }, () => weak.renew(election, standing['session']));
    const renewed = Array.from({ length: 50 }, () => tenant.caller.renew(election, standing['session']));
    expect(new Set((await Promise.all(renewed)).map(({ status }) => status))).toEqual(new Set([200]));
    const refused = (await Promise.all(flood)).map(({ body }) => body['code']);
    expect(new Set(refused)).toEqual(new Set(['identity.scope_missing', 'limit.rate_exceeded']));
  });

  it('leaves other tenants alone', async () => {
    const [loud, quiet] = [await service.tenant({}, { requestsPerSecond: 2 }), await service.tenant()];
    const [refused, answered] = await Promise.all([burst(loud.caller, 40), burst(quiet.caller, 40)]);
    expect(refusedOf(refused).length).toBeGreaterThan(0);
    expect(refusedOf(answered)).toEqual([]);
  });
});

describe('calls without valid credentials', () => {
  it('are refused by address when there are very many, but never those with a good key', async () => {
    const own = await Service.start();
    try {
      const { caller } = await own.tenant();
      const stranger = caller.with({ key: 'no-key-at-all' });
      const statuses: number[] = [];
      for (let round = 0; round < 8; round += 1)
        statuses.push(...(await burst(stranger, 50)).map(({ status }) => status));
      expect(statuses.filter((status) => status === 401)).toHaveLength(300);
      const refused = await stranger.get('/v1/elections');
      expect(refused.body).toMatchObject({
        code: 'limit.rate_exceeded',
        limit: { name: 'failedAuthentication' },
      });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await own.operator.get('/admin/v1/tenants')).status).toBe(200);
      expect((await caller.get('/v1/elections')).status).toBe(200);
      expect((await caller.with({ key: 'wrong' }).get('/admin/v1/tenants')).status).toBe(429);
    } finally {
      await own.stop();
    }
  }, 60_000);
});

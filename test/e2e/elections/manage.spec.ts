import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';

let service: Service;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  ({ caller } = await service.tenant());
}, 60_000);

afterAll(() => service?.stop());

const path = (election: string) => `/v1/elections/${election}`;

describe('creating an election', () => {
  it('answers 201 with the settings, their defaults, an ETag and where it is', async () => {
    const { status, body, headers } = await caller.post('/v1/elections', {
      name: 'billing',
      description: 'Cards',
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^elc_/),
      name: 'billing',
      description: 'Cards',
      state: 'open',
      policy: 'fifo',
      ttlMs: 10_000,
      maxTtlMs: 60_000,
      seats: 1,
      preemption: false,
      maxTermMs: 0,
      minTermMs: 0,
      graceMs: 10_000,
      takeoverDelayMs: 0,
      shortTermMs: 0,
      backoffMs: 0,
      quarantineAfter: 0,
      healthFloor: 0,
      maxCandidates: 1_000,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect(headers.get('etag')).toMatch(/^"[^"]+"$/);
    expect(headers.get('location')).toBe('/v1/elections/billing');
    const read = await caller.get('/v1/elections/billing');
    expect(read.body).toEqual(body);
    expect(read.headers.get('etag')).toBe(headers.get('etag'));
  });

  it('lets maxTtlMs follow a larger ttlMs, and refuses one that is smaller', async () => {
    const name = await caller.election({ ttlMs: 120_000 });
    expect((await caller.get(path(name))).body).toMatchObject({ ttlMs: 120_000, maxTtlMs: 120_000 });
    const refused = await caller.post('/v1/elections', { name: 'x', ttlMs: 20_000, maxTtlMs: 10_000 });
    expect([refused.status, refused.body['code']]).toEqual([400, 'request.invalid_body']);
    expect(refused.body['errors']).toMatchObject([{ pointer: '/maxTtlMs' }]);
  });

  it('refuses a name that is taken, also when many ask at once', async () => {
    const name = `race-${crypto.randomUUID()}`;
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => caller.post('/v1/elections', { name })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(7);
    expect(refused[0]?.body['code']).toBe('election.name_taken');
  });

  it('counts the quota exactly, also when many ask at once, and gives room back', async () => {
    const small = await service.tenant({}, { maxElections: 3 });
    const ask = (at: number) => small.caller.post('/v1/elections', { name: `q${at}` });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, at) => ask(at)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body).toMatchObject({
      code: 'limit.quota_exceeded',
      limit: { name: 'maxElections', value: 3 },
    });
    const { body } = await small.caller.get('/v1/elections');
    const [first] = body['data'] as { name: string }[];
    expect((await small.caller.delete(path(first?.name ?? ''))).status).toBe(204);
    expect((await ask(99)).status).toBe(201);
  });
});

describe('listing elections', () => {
  it('goes through them by name, page by page', async () => {
    const { caller: own } = await service.tenant();
    for (const name of ['delta', 'alpha', 'charlie', 'bravo', 'echo']) await own.election({ name });
    const first = await own.get('/v1/elections?limit=3');
    expect(names(first.body)).toEqual(['alpha', 'bravo', 'charlie']);
    const second = await own.get(`/v1/elections?limit=3&cursor=${String(first.body['nextCursor'])}`);
    expect(names(second.body)).toEqual(['delta', 'echo']);
    expect(second.body['nextCursor']).toBeNull();
  });
});

function names(body: Record<string, unknown>): string[] {
  return (body['data'] as { name: string }[]).map(({ name }) => name);
}

describe('changing an election', () => {
  it('changes what is given, leaves the rest, and gives it a new ETag', async () => {
    const name = await caller.election({ ttlMs: 5_000, description: 'old' });
    const before = await caller.get(path(name));
    const { status, body, headers } = await caller.patch(path(name), { description: 'new' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ description: 'new', ttlMs: 5_000, maxTtlMs: 60_000 });
    expect(headers.get('etag')).not.toBe(before.headers.get('etag'));
    expect((await caller.get(path(name))).body).toEqual(body);
  });

  it('with If-Match changes only what the caller has read', async () => {
    const name = await caller.election();
    const etag = (await caller.get(path(name))).headers.get('etag') ?? '';
    const good = await caller.patch(path(name), { maxTtlMs: 90_000 }, { 'if-match': etag });
    expect(good.status).toBe(200);
    const stale = await caller.patch(path(name), { maxTtlMs: 30_000 }, { 'if-match': etag });
    expect([stale.status, stale.body['code']]).toEqual([412, 'request.precondition_failed']);
    expect((await caller.get(path(name))).body['maxTtlMs']).toBe(90_000);
    expect((await caller.delete(path(name), { 'if-match': etag })).status).toBe(412);
    expect((await caller.patch(path(name), { ttlMs: 2_000 }, { 'if-match': '*' })).status).toBe(200);
  });

  it('refuses a ttlMs above maxTtlMs, whichever of the two is changed', async () => {
    const name = await caller.election({ ttlMs: 5_000, maxTtlMs: 10_000 });
    for (const change of [{ ttlMs: 10_001 }, { maxTtlMs: 4_999 }]) {
      const { status, body } = await caller.patch(path(name), change);
      expect([status, body['code']]).toEqual([400, 'request.invalid_body']);
    }
  });

  it('pauses: the leader must yield, nobody follows, and campaigns wait until it is open again', async () => {
    const name = await caller.election({ ttlMs: 1_500 });
    const { body: leader } = await caller.campaign(name, { candidate: 'one' });
    await caller.patch(path(name), { state: 'paused' });
    const told = await caller.renew(name, leader['session']);
    expect(told.body).toMatchObject({ state: 'yielding', reason: 'paused' });
    expect(told.body).not.toHaveProperty('fencingToken');
    const late = await caller.campaign(name, { candidate: 'two', ttlMs: 30_000 });
    expect([late.status, late.body['state']]).toEqual([202, 'waiting']);
    const vacant = async () => (await caller.get(`${path(name)}/leader`)).body['leader'] === null;
    await waitUntil(vacant, { what: 'the paused term to end', withinMs: 8_000 });
    expect((await caller.renew(name, late.body['session'])).body['state']).toBe('waiting');
    await caller.patch(path(name), { state: 'open' });
    const led = async () => (await caller.renew(name, late.body['session'])).body['state'] === 'leader';
    await waitUntil(led, { what: 'a leader after opening' });
  });
});

describe('deleting an election', () => {
  it('answers 204 when nobody leads, and the name is absent and free', async () => {
    const name = await caller.election();
    expect(await caller.delete(path(name))).toMatchObject({ status: 204, text: '' });
    expect((await caller.get(path(name))).status).toBe(404);
    expect((await caller.delete(path(name))).status).toBe(404);
    await caller.election({ name });
  });

  it('answers 202 while grants run out, keeps the name until then, and the fence goes on', async () => {
    const name = await caller.election({ ttlMs: 1_500 });
    const { body: leader } = await caller.campaign(name, { candidate: 'one' });
    const deleted = await caller.delete(path(name));
    expect([deleted.status, deleted.body['state']]).toEqual([202, 'closing']);
    const early = await caller.post('/v1/elections', { name });
    expect([early.status, early.body['code']]).toEqual([409, 'election.closing']);
    const told = await caller.renew(name, leader['session']);
    expect(['yielding', 'out']).toContain(told.body['state']);
    const again = await waitUntil(
      async () => {
        const made = await caller.post('/v1/elections', { name });
        return made.status === 201 && made;
      },
      { what: 'the name to be free', withinMs: 8_000, everyMs: 100 },
    );
    expect(again.body['name']).toBe(name);
    const { body } = await caller.campaign(name, { candidate: 'two' });
    expect(body).toMatchObject({ state: 'leader', term: 2, fence: 2 });
  });
});

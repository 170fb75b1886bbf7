import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import type { Answer, Caller } from '../caller.js';
import { Service, type Tenant } from '../service.js';

let one: Service;
let two: Service;
let tenant: Tenant;
let caller: Caller;

beforeAll(async () => {
  one = await Service.start();
  two = await Service.start({ beside: one });
  tenant = await one.tenant();
  ({ caller } = tenant);
}, 60_000);

afterAll(async () => {
  await two?.stop();
  await one?.stop();
});

const open = async (body: object = {}, headers: Record<string, string> = {}): Promise<string> => {
  const made = await caller.post('/v1/sessions', body, headers);
  if (made.status !== 201) throw new Error(`No session was made: ${made.text}`);
  return String(made.body['session']);
};
const renew = (session: unknown, by = caller): Promise<Answer> => by.post('/v1/sessions/renew', { session });
const end = (session: unknown, by = caller): Promise<Answer> => by.post('/v1/sessions/end', { session });
const termsOf = ({ body }: Answer) => body['terms'] as Record<string, unknown>[];
/** What a renewal tells once its replica has seen so many candidacies. */
const whenStanding = (session: unknown, count: number, by = caller): Promise<Answer> =>
  waitUntil(
    async () => {
      const renewed = await renew(session, by);
      return renewed.body['candidacies'] === count && renewed;
    },
    { what: `${count} candidacies to be seen`, everyMs: 10 },
  );
const leaderOf = async (election: string): Promise<unknown> =>
  (await caller.get(`/v1/elections/${election}/leader`)).body['leader'];

describe('POST /v1/sessions', () => {
  it('answers 201 with a session that can stand at once in any number of elections', async () => {
    const made = await caller.post('/v1/sessions', { ttlMs: 20_000 });
    expect([made.status, made.body]).toEqual([
      201,
      {
        session: expect.stringMatching(/^ses_/),
        ttlMs: 20_000,
        renewAfterMs: expect.any(Number),
        validForMs: 19_600,
        serverTime: expect.any(String),
      },
    ]);
    const { session } = made.body;
    const names = await Promise.all(Array.from({ length: 60 }, () => caller.election()));
    const stands = await Promise.all(names.map((name) => caller.campaign(name, { candidate: 'p', session })));
    expect(new Set(stands.map(({ body }) => body['state']))).toEqual(new Set(['leader']));
    expect(new Set(stands.map(({ body }) => body['session']))).toEqual(new Set([session]));
    const renewed = await whenStanding(session, 60);
    expect(
      termsOf(renewed)
        .map(({ election }) => election)
        .sort(),
    ).toEqual([...names].sort());
  });

  it('needs no body, and has 10 s of ttlMs then', async () => {
    const made = await caller.send('POST', '/v1/sessions');
    expect([made.status, made.body['ttlMs']]).toEqual([201, 10_000]);
  });

  it('repeated with its Idempotency-Key finds the session, at any replica, and no other', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const session = await open({ ttlMs: 20_000 }, headers);
    const elsewhere = await caller.with({ url: two.url }).post('/v1/sessions', { ttlMs: 20_000 }, headers);
    expect([elsewhere.status, elsewhere.body['session']]).toEqual([201, session]);
    const racing = await Promise.all(
      Array.from({ length: 10 }, () =>
        caller.post('/v1/sessions', {}, { 'idempotency-key': headers['idempotency-key'] + '-racing' }),
      ),
    );
    expect(new Set(racing.map(({ body }) => body['session'])).size).toBe(1);
    const other = await caller.post('/v1/sessions', { ttlMs: 30_000 }, headers);
    expect([other.status, other.body['code']]).toEqual([409, 'session.ttl_fixed']);
    expect((await renew(session)).body['ttlMs']).toBe(20_000);
  });

  it.each([
    ['a ttlMs below 1 s', { ttlMs: 999 }, '/ttlMs'],
    ['a ttlMs above 15 min', { ttlMs: 900_001 }, '/ttlMs'],
    ['a ttlMs that is a string', { ttlMs: '5000' }, '/ttlMs'],
    ['a field that it does not know', { session: 'ses_x' }, '/session'],
  ])('refuses %s', async (_, body, pointer) => {
    const refused = await caller.post('/v1/sessions', body);
    expect([refused.status, refused.body['code']]).toEqual([400, 'request.invalid_body']);
    expect(refused.body['errors']).toMatchObject([{ pointer }]);
  });

  it('refuses a key of control characters, a key without the scope, and nobody', async () => {
    const long = await caller.post('/v1/sessions', {}, { 'idempotency-key': 'x'.repeat(256) });
    expect([long.status, long.body['code']]).toEqual([400, 'request.invalid_header']);
    const { caller: reader } = await one.key(tenant.id, { scopes: ['elections:read'] });
    expect((await reader.post('/v1/sessions', {})).status).toBe(403);
    expect((await one.stranger.post('/v1/sessions', {})).status).toBe(401);
  });

  it('keeps to the quotas of the tenant', async () => {
    const quota = { maxSessions: 2, minTtlMs: 5_000, maxCandidaciesPerSession: 2 };
    const small = await one.tenant({}, quota);
    const short = await small.caller.post('/v1/sessions', { ttlMs: 1_000 });
    expect([short.status, short.body['limit']]).toEqual([429, { name: 'minTtlMs', value: 5_000 }]);
    const made = await small.caller.post('/v1/sessions', {});
    await small.caller.post('/v1/sessions', {});
    const third = await small.caller.post('/v1/sessions', {});
    expect(third.body).toMatchObject({
      code: 'limit.quota_exceeded',
      limit: { name: 'maxSessions', value: 2 },
    });
    const { session } = made.body;
    const names = [
      await small.caller.election(),
      await small.caller.election(),
      await small.caller.election(),
    ];
    const stand = (at: number) => small.caller.campaign(names[at] ?? '', { candidate: 'p', session });
    const stands = [await stand(0), await stand(1)];
    await whenStanding(session, 2, small.caller);
    stands.push(await stand(2));
    expect(stands.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(stands[2]?.body['limit']).toEqual({ name: 'maxCandidaciesPerSession', value: 2 });
    expect((await stand(0)).status).toBe(200);
    const { body: usage } = await small.caller.get('/v1/usage');
    expect(usage['quotas']).toMatchObject({ maxCandidaciesPerSession: { limit: 2, used: 2 } });
  });
});

describe('POST /v1/sessions/renew', () => {
  it('tells each term with the fence and the token that its campaign told, and none that others lead', async () => {
    const [led, waited] = [await caller.election(), await caller.election()];
    const { body: other } = await caller.campaign(waited, { candidate: 'other' });
    const session = await open();
    const { body: first } = await caller.campaign(led, { candidate: 'me', session });
    await caller.campaign(waited, { candidate: 'me', session });
    const renewed = await renew(session, caller.with({ url: two.url }));
    const { candidateId, term, fence, fencingToken } = first;
    const common = { candidate: 'me', seat: 0, state: 'leader', validForMs: 9_800 };
    expect(termsOf(await whenStanding(session, 2))).toEqual([
      { ...common, election: led, candidateId, term, fence, fencingToken },
    ]);
    expect(renewed.body).toMatchObject({ session, ttlMs: 10_000, validForMs: 9_800 });
    await caller.resign(waited, other);
    await waitUntil(async () => termsOf(await renew(session)).length === 2, { what: 'the second term' });
    expect(termsOf(await renew(session)).find(({ election }) => election === waited)).toMatchObject({
      ...common,
      term: 2,
      fence: 2,
      fencingToken: expect.any(String),
    });
  });

  it('alone keeps every term of a session alive, and they end together when it stops', async () => {
    const names = await Promise.all(Array.from({ length: 3 }, () => caller.election({ ttlMs: 1_000 })));
    const session = await open({ ttlMs: 1_000 });
    for (const name of names) await caller.campaign(name, { candidate: 'me', session });
    await whenStanding(session, 3);
    const endMs = performance.now() + 2_500;
    await waitUntil(
      async () => {
        expect(termsOf(await renew(session))).toHaveLength(3);
        return performance.now() > endMs;
      },
      { what: 'two and a half ttlMs', everyMs: 200 },
    );
    await waitUntil(async () => (await Promise.all(names.map(leaderOf))).every((leader) => leader === null), {
      what: 'every election to be vacant',
    });
    const late = await renew(session);
    expect([late.status, late.body['code']]).toEqual([410, 'session.expired']);
    for (const name of names) {
      const { body } = await caller.get(`/v1/elections/${name}/status`);
      expect([body['candidateCount'], (body['lastTerm'] as Record<string, unknown>)['reason']]).toEqual([
        0,
        'expired',
      ]);
    }
  });

  it('says that a term of a paused election yields, and that of its election why it went', async () => {
    const election = await caller.election({ ttlMs: 1_000 });
    const session = await open({ ttlMs: 1_000 });
    await caller.campaign(election, { candidate: 'me', session });
    await caller.patch(`/v1/elections/${election}`, { state: 'paused' });
    expect(termsOf(await whenStanding(session, 1))).toMatchObject([
      { election, state: 'yielding', term: 1, fence: 1, reason: 'paused' },
    ]);
    await waitUntil(async () => termsOf(await renew(session)).length === 0, {
      what: 'the end of the term',
      everyMs: 100,
    });
    expect((await caller.renew(election, session)).body).toMatchObject({ state: 'out', reason: 'paused' });
  });

  it('tells nothing of elections outside the prefix of the key, and keeps them all the same', async () => {
    const prefix = `p-${randomUUID()}-`;
    const [inside, outside] = [
      await caller.election({ name: `${prefix}a` }),
      await caller.election({ name: `q${prefix}` }),
    ];
    const session = await open();
    for (const election of [inside, outside]) await caller.campaign(election, { candidate: 'me', session });
    const { caller: narrow } = await one.key(tenant.id, { electionPrefix: prefix });
    await whenStanding(session, 2);
    const seen = await renew(session, narrow);
    expect(seen.text).not.toContain(outside);
    expect([termsOf(seen).map(({ election }) => election), seen.body['candidacies']]).toEqual([[inside], 1]);
    expect((await caller.renew(outside, session)).body['state']).toBe('leader');
  });

  it('answers one and the same 404 to a forged session and to one of another tenant', async () => {
    const session = await open();
    const { caller: other } = await one.tenant();
    const forged = `${session.slice(0, -2)}${session.endsWith('AA') ? 'BB' : 'AA'}`;
    const answers = [await renew(forged), await renew('ses_x'), await renew(session, other)];
    answers.push(await end(forged), await end(session, other));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
    expect(new Set(answers.map(({ body: { requestId: _, ...rest } }) => JSON.stringify(rest))).size).toBe(1);
    expect((await renew(session)).status).toBe(200);
  });

  it('renews the session of a campaign, too', async () => {
    const election = await caller.election();
    const { body } = await caller.campaign(election, { candidate: 'me' });
    expect(termsOf(await whenStanding(body['session'], 1))).toMatchObject([{ election, fence: 1 }]);
  });
});

describe('POST /v1/sessions/end', () => {
  it('hands every term over at once, with the reason, and leaves nothing standing', async () => {
    const names = await Promise.all(Array.from({ length: 5 }, () => caller.election()));
    const session = await open({ ttlMs: 60_000 });
    for (const name of names) await caller.campaign(name, { candidate: 'me', session });
    await caller.campaign(names[0] ?? '', { candidate: 'next' });
    const ended = await end(session, caller.with({ url: two.url }));
    expect([ended.status, ended.body]).toEqual([200, { state: 'ended', serverTime: expect.any(String) }]);
    await waitUntil(
      async () => (await Promise.all(names.slice(1).map(leaderOf))).every((one) => one === null),
      {
        what: 'vacancies',
      },
    );
    expect(await leaderOf(names[0] ?? '')).toMatchObject({ candidate: 'next', term: 2 });
    const { body } = await caller.get(`/v1/elections/${names[1]}/status`);
    expect(body).toMatchObject({ candidateCount: 0, lastTerm: { reason: 'resigned' } });
  });

  it('is harmless when repeated, and the session stands and renews no more', async () => {
    const election = await caller.election();
    const session = await open();
    await caller.campaign(election, { candidate: 'me', session });
    const answers = [await end(session), await end(session), await renew(session)];
    answers.push(
      await caller.renew(election, session),
      await caller.campaign(election, { candidate: 'me', session }),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 410, 410, 410]);
    const { status } = await caller.campaign(election, { candidate: 'me' });
    expect(status).toBe(200);
  });

  it('is not what the last resignation does: a session of its own goes on', async () => {
    const election = await caller.election();
    const session = await open();
    const { body } = await caller.campaign(election, { candidate: 'me', session });
    await caller.resign(election, body);
    expect(termsOf(await whenStanding(session, 0))).toEqual([]);
    expect((await caller.campaign(election, { candidate: 'me', session })).body).toMatchObject({ term: 2 });
  });
});

describe('a suspended tenant', () => {
  it('makes no session; those it has are told to yield, and can be ended', async () => {
    const own = await one.tenant();
    const election = await own.caller.election({ ttlMs: 1_000 });
    const { body: made } = await own.caller.post('/v1/sessions', { ttlMs: 1_000 });
    const { session } = made;
    await own.caller.campaign(election, { candidate: 'me', session });
    await one.operator.patch(`/admin/v1/tenants/${own.id}`, { status: 'suspended' });
    const refused = await own.caller.post('/v1/sessions', {});
    expect([refused.status, refused.body['code']]).toEqual([403, 'tenant.suspended']);
    const seen = new Set<unknown>();
    await waitUntil(
      async () => {
        const answer = await renew(session, own.caller);
        expect(answer.status).toBe(200);
        for (const { state, reason } of termsOf(answer)) seen.add(`${String(state)} ${String(reason)}`);
        return termsOf(answer).length === 0;
      },
      { what: 'the end of the term', everyMs: 50 },
    );
    expect([...seen].filter((one) => one !== 'leader undefined')).toEqual(['yielding suspended']);
    expect((await end(session, own.caller)).status).toBe(200);
  });
});

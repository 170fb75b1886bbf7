import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';

let service: Service;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  ({ caller } = await service.tenant());
}, 60_000);

afterAll(() => service?.stop());

describe('campaign', () => {
  it('answers 200 with a grant, its fence and a token to the first candidate', async () => {
    const election = await caller.election();
    const metadata = { zone: 'a', nested: { deep: [1, null, 'x'] } };
    const { status, body } = await caller.campaign(election, {
      candidate: 'one',
      address: 'http://one',
      metadata,
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      election,
      candidate: 'one',
      candidateId: expect.stringMatching(/^cnd_/),
      session: expect.stringMatching(/^ses_/),
      state: 'leader',
      leader: {
        candidate: 'one',
        candidateId: body['candidateId'],
        address: 'http://one',
        metadata,
        seat: 0,
        term: 1,
        fence: 1,
        electedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
      sequence: 1,
      seat: 0,
      term: 1,
      fence: 1,
      fencingToken: expect.stringMatching(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/),
      ttlMs: 10_000,
      validForMs: 9_800,
      renewAfterMs: expect.any(Number),
      serverTime: expect.any(String),
    });
  });

  it('answers 202 with a place in the queue, and nothing that grants, to the others', async () => {
    const election = await caller.election();
    await caller.campaign(election, { candidate: 'one' });
    const second = await caller.campaign(election, { candidate: 'two' });
    const third = await caller.campaign(election, { candidate: 'three' });
    expect([second.status, third.status]).toEqual([202, 202]);
    expect(second.body).toMatchObject({
      state: 'waiting',
      position: 1,
      leader: { candidate: 'one', fence: 1 },
    });
    expect(third.body).toMatchObject({ state: 'waiting', position: 2 });
    for (const key of ['term', 'fence', 'fencingToken', 'validForMs'])
      expect(third.body).not.toHaveProperty(key);
  });

  it.each([{ by: 'Idempotency-Key' }, { by: 'session' }])(
    'finds its candidacy again by $by and is answered afresh',
    async ({ by }) => {
      const election = await caller.election();
      const headers = { 'idempotency-key': 'pod-7/start 1'.replaceAll(' ', '-') };
      const first = await caller.campaign(election, { candidate: 'one' }, headers);
      const again =
        by === 'session'
          ? await caller.campaign(election, { candidate: 'one', session: first.body['session'] })
          : await caller.campaign(election, { candidate: 'one' }, headers);
      expect(again.status).toBe(200);
      const { candidateId, session, term, fencingToken } = first.body;
      expect(again.body).toMatchObject({ candidateId, session, term, fencingToken });
      const { body: queue } = await caller.get(`/v1/elections/${election}/candidates`);
      expect(queue['data']).toHaveLength(1);
    },
  );

  it('makes one candidacy of many repeats at the same moment on two replicas', async () => {
    const beside = await Service.start({ beside: service });
    try {
      const election = await caller.election();
      const other = caller.with({ url: beside.url });
      const repeats = Array.from({ length: 12 }, (_, at) =>
        (at % 2 ? caller : other).campaign(election, { candidate: 'one' }, { 'idempotency-key': 'same' }),
      );
      const answers = await Promise.all(repeats);
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      expect(new Set(answers.map(({ body }) => body['candidateId'])).size).toBe(1);
      expect(new Set(answers.map(({ body }) => body['term']))).toEqual(new Set([1]));
    } finally {
      await beside.stop();
    }
  });

  it('refuses a live name without its session or key, with advice', async () => {
    const election = await caller.election();
    await caller.campaign(election, { candidate: 'one' });
    const taken = await caller.campaign(election, { candidate: 'one' });
    expect(taken.status).toBe(409);
    expect(taken.body).toMatchObject({
      code: 'election.candidate_taken',
      detail: expect.stringContaining('Idempotency-Key'),
    });
  });

  it('holds one candidacy per session: another name or another ttlMs is refused', async () => {
    const election = await caller.election();
    const { body } = await caller.campaign(election, { candidate: 'one', ttlMs: 5_000 });
    const { session } = body;
    const renamed = await caller.campaign(election, { candidate: 'two', session });
    expect([renamed.status, renamed.body['code']]).toEqual([409, 'session.already_standing']);
    const stretched = await caller.campaign(election, { candidate: 'one', session, ttlMs: 6_000 });
    expect([stretched.status, stretched.body['code']]).toEqual([409, 'session.ttl_fixed']);
  });

  it("gives the election's ttlMs unless asked for another up to its maxTtlMs", async () => {
    const election = await caller.election({ ttlMs: 2_000, maxTtlMs: 4_000 });
    const usual = await caller.campaign(election, { candidate: 'one' });
    const longest = await caller.campaign(election, { candidate: 'two', ttlMs: 4_000 });
    const beyond = await caller.campaign(election, { candidate: 'three', ttlMs: 4_001 });
    expect(usual.body).toMatchObject({ ttlMs: 2_000, validForMs: 1_960 });
    expect(longest.body).toMatchObject({ ttlMs: 4_000 });
    expect([beyond.status, beyond.body['code']]).toEqual([400, 'request.invalid_body']);
    expect(beyond.body['errors']).toMatchObject([{ pointer: '/ttlMs' }]);
  });

  it('held with waitMs is answered as soon as the caller leads, from a fresh transition', async () => {
    const election = await caller.election();
    const leader = await caller.campaign(election, { candidate: 'one' });
    const startMs = performance.now();
    const held = caller.campaign(election, { candidate: 'two', waitMs: 5_000 });
    await caller.untilStanding(election, 2);
    await caller.resign(election, leader.body);
    const { status, body } = await held;
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: 'leader', term: 2, fence: 2, fencingToken: expect.any(String) });
    // Counted from the send: what was spent waiting is no longer granted.
    expect(Number(body['validForMs'])).toBeLessThanOrEqual(9_800);
    expect(performance.now() - startMs).toBeLessThan(4_000);
  });

  it('held with waitMs is answered "waiting" when the time is over', async () => {
    const election = await caller.election();
    await caller.campaign(election, { candidate: 'one' });
    const startMs = performance.now();
    const { status, body } = await caller.campaign(election, { candidate: 'two', waitMs: 300 });
    expect([status, body['state']]).toEqual([202, 'waiting']);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(295);
  });

  it('refuses to hold longer than half of the ttlMs', async () => {
    const election = await caller.election({ ttlMs: 2_000 });
    const { status, body } = await caller.campaign(election, { candidate: 'one', waitMs: 1_001 });
    expect([status, body['code']]).toEqual([400, 'request.invalid_body']);
    expect(body['errors']).toMatchObject([{ pointer: '/waitMs' }]);
  });

  it('refuses more candidates than the quota allows', async () => {
    const small = await service.tenant({}, { maxCandidatesPerElection: 2 });
    const election = await small.caller.election();
    await small.caller.campaign(election, { candidate: 'one' });
    await small.caller.campaign(election, { candidate: 'two' });
    const third = await small.caller.campaign(election, { candidate: 'three' });
    expect(third.status).toBe(429);
    expect(third.body).toMatchObject({ code: 'limit.quota_exceeded', limit: { value: 2 } });
  });
});

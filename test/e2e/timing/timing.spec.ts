import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import type { Answer, Caller } from '../caller.js';
import { Service } from '../service.js';

let service: Service;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  ({ caller } = await service.tenant());
}, 60_000);

afterAll(() => service?.stop());

/** More than the service wants to see before it calls a ttlMs too short. */
const ENOUGH = 24;
const HEADER = 'incumbent-advice';

type Renew = (more: Record<string, unknown>) => Promise<Answer>;

async function leaderOf(ttlMs: number): Promise<{ renew: Renew; session: unknown; election: string }> {
  const election = await caller.election({ ttlMs });
  const { body } = await caller.campaign(election, { candidate: 'one' });
  expect(body['state']).toBe('leader');
  const { session } = body;
  return { renew: (more) => caller.renew(election, session, more), session, election };
}

/** The view of the service has to know the session before it watches it. */
async function untilWatched(renew: Renew): Promise<void> {
  const isWatched = async (): Promise<boolean> => 'timing' in (await renew({ timing: true })).body;
  await waitUntil(isWatched, { what: 'the session to be watched' });
}

/** Renews as one whose renewals take this long. */
async function report(renew: Renew, previousRttMs: number, times = ENOUGH): Promise<Answer> {
  let answer = await renew({ previousRttMs });
  for (let time = 1; time < times; time += 1) answer = await renew({ previousRttMs });
  return answer;
}

describe('the advice on timing', () => {
  it('is given where it is asked for, and nowhere else', async () => {
    const { renew } = await leaderOf(10_000);
    await untilWatched(renew);
    for (const previousRttMs of [10, 20, 30.5]) {
      const { status, body } = await renew({ previousRttMs });
      expect(status).toBe(200);
      expect(body).not.toHaveProperty('timing');
    }
    const { body, headers } = await renew({ previousRttMs: 10, timing: true });
    expect(body['state']).toBe('leader');
    expect(body['timing']).toMatchObject({
      roundTripMs: { p50: expect.any(Number), p95: expect.any(Number), p99: expect.any(Number) },
      samples: 4,
      tooShort: false,
    });
    const { roundTripMs } = body['timing'] as { roundTripMs: Record<string, number> };
    expect(roundTripMs['p50']).toBeGreaterThanOrEqual(10);
    expect(roundTripMs['p50']).toBeLessThanOrEqual(12);
    expect(roundTripMs['p99']).toBeGreaterThanOrEqual(30.5);
    expect(roundTripMs['p99']).toBeLessThanOrEqual(34);
    expect(headers.get(HEADER)).toBeNull();
  });

  it('warns in the head of each answer, and counts the session, while its ttlMs is too short', async () => {
    const { renew } = await leaderOf(1_500);
    await untilWatched(renew);
    const { headers } = await report(renew, 400);
    const recommended = Number(/^ttl-too-short; recommended=(\d+)$/.exec(headers.get(HEADER) ?? '')?.[1]);
    // Three tries of 400 ms, each after a pause of a third of the ttlMs, need four round trips in what the pause leaves.
    expect(recommended).toBeGreaterThanOrEqual((4 * 400) / 0.614);
    expect(recommended).toBeLessThanOrEqual(((4 * 400) / 0.613) * 1.06 + 100);
    const { body } = await renew({ timing: true });
    expect(body['timing']).toMatchObject({ recommendedTtlMs: recommended, tooShort: true });
    const metrics = (await service.stranger.get('/metrics')).text;
    expect(metrics).toMatch(/^incumbent_sessions_ttl_too_short 1$/m);
    expect(metrics).toMatch(/^incumbent_renewal_round_trip_seconds_count [1-9]/m);
    const better = await report(renew, 5, 64);
    expect(better.headers.get(HEADER)).toBeNull();
    expect((await service.stranger.get('/metrics')).text).toMatch(/^incumbent_sessions_ttl_too_short 0$/m);
  });

  it('is written into the log once, without the token of the session', async () => {
    const { renew, session, election } = await leaderOf(1_500);
    await untilWatched(renew);
    await report(renew, 400, 2 * ENOUGH);
    const lines = service
      .log()
      .split('\n')
      .filter((line) => line.includes(election) && line.includes('too short'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"recommendedTtlMs"');
    expect(service.log()).not.toContain(String(session));
  });

  it('is the same for a session that stands in many elections', async () => {
    const { body: opened } = await caller.post('/v1/sessions', { ttlMs: 1_500 });
    const { session } = opened;
    const renew: Renew = (more) => caller.post('/v1/sessions/renew', { session, ...more });
    await untilWatched(renew);
    const { headers, body } = await report(renew, 400);
    expect(headers.get(HEADER)).toMatch(/^ttl-too-short; recommended=\d+$/);
    expect(body).not.toHaveProperty('timing');
    expect((await renew({ timing: true })).body['timing']).toMatchObject({ tooShort: true });
  });

  it('does not count the time for which an answer was held', async () => {
    const { renew, election, session } = await leaderOf(1_000);
    await untilWatched(renew);
    const { body: waiting } = await caller.campaign(election, { candidate: 'two' });
    const held = (more: Record<string, unknown>) =>
      caller.renew(election, waiting['session'], { waitMs: 200, ...more });
    await held({});
    await held({});
    await caller.renew(election, session);
    const { body } = await held({ previousRttMs: 205, timing: true });
    const { roundTripMs } = body['timing'] as { roundTripMs: Record<string, number> };
    expect(roundTripMs['p99']).toBeLessThan(100);
  });

  it.each([
    { previousRttMs: -1 },
    { previousRttMs: '12' },
    { previousRttMs: 900_001 },
    { previousRttMs: null },
    { timing: 'yes' },
    { timing: 1 },
    { previousRtt: 12 },
  ])('refuses %j with 400, and neither renews nor counts', async (bad) => {
    const { renew, session } = await leaderOf(10_000);
    await untilWatched(renew);
    for (const answer of [await renew(bad), await caller.post('/v1/sessions/renew', { session, ...bad })])
      expect([answer.status, answer.body['code']]).toEqual([400, 'request.invalid_body']);
    expect((await renew({ timing: true })).body['timing']).toMatchObject({ samples: 0 });
  });

  it('is given to nobody whose session is forged or has ended', async () => {
    const forged = await caller.post('/v1/sessions/renew', { session: 'ses_x.y', previousRttMs: 5 });
    expect([forged.status, forged.body['code']]).toEqual([404, 'session.unknown']);
    const { body: opened } = await caller.post('/v1/sessions', {});
    await caller.post('/v1/sessions/end', { session: opened['session'] });
    const gone = await caller.post('/v1/sessions/renew', { session: opened['session'], timing: true });
    expect([gone.status, gone.body['code']]).toEqual([410, 'session.expired']);
  });

  it('is an event of the election as well, once, when a leader is concerned', async () => {
    const { renew, election } = await leaderOf(1_000);
    await untilWatched(renew);
    const events = async (): Promise<unknown> =>
      (await caller.get(`/v1/elections/${election}/status`)).body['sequence'];
    expect(await events()).toBe(1);
    const told = async (): Promise<boolean> => {
      await report(renew, 400);
      return (await events()) === 2;
    };
    await waitUntil(told, { what: 'an event of the election' });
    await report(renew, 400);
    expect(await events()).toBe(2);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FaultProxy, waitUntil } from '#testing';
import type { Answer, Caller } from '../caller.js';
import { EventReader } from '../events/event-reader.js';
import { Service } from '../service.js';

let proxy: FaultProxy;
let service: Service;
let caller: Caller;

beforeAll(async () => {
  proxy = await FaultProxy.start(process.env['TEST_ETCD_ENDPOINTS']?.split(',')[0] ?? '');
  service = await Service.start({ settings: { ETCD_ENDPOINTS: proxy.url } });
  ({ caller } = await service.tenant());
}, 60_000);

afterAll(async () => {
  await service?.stop();
  await proxy?.close();
});

interface Timed {
  answer: Answer;
  tookMs: number;
}

async function timed(call: () => Promise<Answer>): Promise<Timed> {
  const startMs = performance.now();
  const answer = await call();
  return { answer, tookMs: performance.now() - startMs };
}

function expectOutage({ answer, tookMs }: Timed): void {
  expect([answer.status, answer.body['code']]).toEqual([503, 'store.unavailable']);
  expect([false, 'unknown']).toContain(answer.body['executed']);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(tookMs).toBeLessThan(2_000);
}

/** Every kind of call that needs the store. */
function calls(election: string, standing: Record<string, unknown>): (() => Promise<Answer>)[] {
  return [
    () => caller.renew(election, standing['session']),
    () => caller.campaign(election, { candidate: 'late' }),
    () => caller.get(`/v1/elections/${election}/leader`),
    () => caller.get(`/v1/elections/${election}/status`),
    () => caller.post('/v1/fencing-tokens/validate', { token: standing['fencingToken'] }),
    () => caller.patch(`/v1/elections/${election}`, { description: 'x' }),
    () => caller.resign(election, { ...standing, candidateId: 'cnd_000000000000000000000000' }),
  ];
}

describe.each([
  ['cut off', () => proxy.cut(), () => proxy.pass()],
  ['silent', () => proxy.blackhole(), () => proxy.pass()],
])('with etcd %s', (_how, breakIt, heal) => {
  it('every call is answered 503 within 2 s and says whether it took effect; after it the service is back within 1 s', async () => {
    const election = await caller.election({ ttlMs: 60_000 });
    const { body: standing } = await caller.campaign(election, { candidate: 'one' });
    const stream = await EventReader.open(caller, election);
    await stream.until(1);
    breakIt();
    try {
      const first = await Promise.all(calls(election, standing).map(timed));
      for (const outcome of first) expectOutage(outcome);
      await waitUntil(async () => !(await service.isReady()), { what: 'the replica to say it is not ready' });
      const later = await Promise.all(calls(election, standing).map(timed));
      for (const outcome of later) expectOutage(outcome);
      expect((await service.stranger.get('/health/live')).status).toBe(200);
    } finally {
      heal();
    }
    const startMs = performance.now();
    const renewed = await waitUntil(
      async () => {
        const { status, body } = await caller.renew(election, standing['session']);
        return status === 200 && body;
      },
      { what: 'the service to be back', everyMs: 10 },
    );
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(renewed).toMatchObject({ state: 'leader', term: 1 });
    await waitUntil(() => service.isReady(), { what: 'the replica to be ready again' });
    await caller.resign(election, renewed);
    await waitUntil(() => stream.events.some(({ data }) => data['reason'] === 'resigned'), {
      what: 'the stream to go on',
    });
    stream.close();
  }, 40_000);
});

describe('with etcd away while a replica starts', () => {
  it('it stays up, is not ready, answers 503, and serves once etcd is there', async () => {
    const gate = await FaultProxy.start(process.env['TEST_ETCD_ENDPOINTS']?.split(',')[0] ?? '');
    gate.cut();
    const settings = { ETCD_ENDPOINTS: gate.url };
    const late = await Service.start({ beside: service, settings, ready: false });
    try {
      const there = caller.with({ url: late.url });
      expect((await late.stranger.get('/health/live')).status).toBe(200);
      expect((await late.stranger.get('/health/ready')).status).toBe(503);
      const { status, body } = await there.get('/v1/elections');
      expect([status, body['code'], body['executed']]).toEqual([503, 'store.unavailable', false]);
      gate.pass();
      await waitUntil(() => late.isReady(), { what: 'the replica to be ready', withinMs: 15_000 });
      expect((await there.get('/v1/elections')).status).toBe(200);
    } finally {
      gate.pass();
      await late.stop();
      await gate.close();
    }
  }, 40_000);
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FaultProxy, waitUntil } from '#testing';
import { Service } from '../service.js';

let redis: FaultProxy;
let service: Service;

beforeAll(async () => {
  redis = await FaultProxy.start(process.env['TEST_REDIS_URL'] ?? '');
  const url = Object.assign(new URL(process.env['TEST_REDIS_URL'] ?? ''), {
    host: `127.0.0.1:${redis.port}`,
  });
  service = await Service.start({ settings: { REDIS_URL: url.href } });
}, 60_000);

afterAll(async () => {
  redis?.pass();
  await service?.stop();
  await redis?.close();
});

async function degraded(): Promise<boolean> {
  return /^incumbent_rate_limits_degraded 1$/m.test((await service.stranger.get('/metrics')).text);
}

describe.each(['blackhole', 'cut'] as const)('with a Redis that is away (%s)', (fault) => {
  it('nothing waits for it, renewals go on, and rates are limited all the same', async () => {
    const { caller } = await service.tenant({}, { requestsPerSecond: 20 });
    const election = await caller.election();
    redis[fault]();
    const startMs = performance.now();
    const { body: standing } = await caller.campaign(election, { candidate: 'one' });
    expect(standing['state']).toBe('leader');
    expect((await caller.get(`/v1/elections/${election}/leader`)).status).toBe(200);
    for (let turn = 0; turn < 20; turn += 1)
      expect((await caller.renew(election, standing['session'])).body['state']).toBe('leader');
    // 22 calls, none of which waits the tenth of a second that Redis would be given.
    expect(performance.now() - startMs).toBeLessThan(2_000);
    await waitUntil(
      async () => {
        await caller.get('/v1/elections');
        return degraded();
      },
      { what: 'limits that each replica keeps by itself' },
    );
    const answers = await Promise.all(Array.from({ length: 100 }, () => caller.get('/v1/elections')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map(({ body }) => body['code']))).toEqual(new Set(['limit.rate_exceeded']));
    expect((await caller.resign(election, standing)).status).toBe(200);
    redis.pass();
    await waitUntil(
      async () => {
        await caller.get('/v1/elections');
        return !(await degraded());
      },
      { what: 'limits that all replicas keep together' },
    );
  }, 40_000);
});

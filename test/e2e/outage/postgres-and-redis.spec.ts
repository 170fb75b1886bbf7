import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FaultProxy, waitUntil } from '#testing';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';

let database: FaultProxy;
let redis: FaultProxy;
let service: Service;
let caller: Caller;

beforeAll(async () => {
  const started = await Service.start();
  ({ caller } = await started.tenant());
  database = await FaultProxy.start(started.settings['DATABASE_URL'] ?? '');
  redis = await FaultProxy.start(started.settings['REDIS_URL'] ?? '');
  await started.stop();
  service = await Service.start({ beside: started, settings: through(started.settings) });
  caller = caller.with({ url: service.url });
}, 60_000);

afterAll(async () => {
  database?.pass();
  redis?.pass();
  await service?.stop();
  await database?.close();
  await redis?.close();
});

function through(settings: Readonly<Record<string, string>>): Record<string, string> {
  const at = (url: string | undefined, proxy: FaultProxy) =>
    Object.assign(new URL(url ?? ''), { host: `127.0.0.1:${proxy.port}` }).href;
  return {
    DATABASE_URL: at(settings['DATABASE_URL'], database),
    REDIS_URL: at(settings['REDIS_URL'], redis),
  };
}

/** A term, a hand-over and everything a participant does meanwhile. */
async function wholeStory(who: Caller, election: string): Promise<void> {
  const { body: one } = await who.campaign(election, { candidate: 'one' });
  const { body: two } = await who.campaign(election, { candidate: 'two' });
  expect([one['state'], two['state']]).toEqual(['leader', 'waiting']);
  expect((await who.renew(election, one['session'])).body).toMatchObject({
    state: 'leader',
    term: one['term'],
  });
  expect((await who.get(`/v1/elections/${election}/leader`)).body).toMatchObject({
    leader: { candidate: 'one' },
  });
  expect((await who.resign(election, one)).body).toMatchObject({ successor: { candidate: 'two' } });
  const promoted = await who.renew(election, two['session']);
  expect(promoted.body).toMatchObject({ state: 'leader', term: Number(one['term']) + 1 });
  await who.resign(election, two);
}

describe.each([
  ['cut off', () => (database.cut(), redis.cut())],
  ['silent', () => (database.blackhole(), redis.blackhole())],
])('with Postgres and Redis %s', (_how, breakIt) => {
  it('elections go on, management says so, and both are back by themselves', async () => {
    const election = await caller.election();
    breakIt();
    try {
      await wholeStory(caller, election);
      expect((await caller.get(`/v1/elections/${election}`)).status).toBe(200);
      const create = await caller.post('/v1/elections', { name: 'during' });
      expect([create.status, create.body['code']]).toEqual([503, 'database.unavailable']);
      expect(create.headers.get('retry-after')).toMatch(/^\d+$/);
      await waitUntil(
        async () => {
          const { body } = await service.stranger.get('/health/ready');
          return (
            (body['dependencies'] as { postgres: string }).postgres === 'down' && body['status'] === 'ready'
          );
        },
        {
          what: 'Postgres to be reported as down, and the replica to be ready all the same',
          withinMs: 15_000,
        },
      );
      expect((await caller.patch(`/v1/elections/${election}`, { ttlMs: 5_000 })).status).toBe(200);
    } finally {
      database.pass();
      redis.pass();
    }
    const made = async () =>
      (await caller.post('/v1/elections', { name: `after-${_how.replace(' ', '-')}` })).status === 201;
    await waitUntil(made, { what: 'Postgres to be back', withinMs: 15_000, everyMs: 100 });
  }, 60_000);
});

describe('a replica that is started while both are away', () => {
  it('authenticates, elects and hands over; only tokens wait for the keys', async () => {
    const election = await caller.election();
    database.cut();
    redis.cut();
    const late = await Service.start({ beside: service });
    try {
      const there = caller.with({ url: late.url });
      await wholeStory(there, election);
      expect((await there.with({ key: 'inc_live_wrong' }).get('/v1/elections')).status).toBe(401);
      const { body } = await there.campaign(election, { candidate: 'three' });
      expect(body).toMatchObject({ state: 'leader' });
      expect(body).not.toHaveProperty('fencingToken');
      database.pass();
      const followed = async () => (await there.renew(election, body['session'])).body['fencingToken'];
      expect(await waitUntil(followed, { what: 'the token to follow', withinMs: 15_000 })).toEqual(
        expect.any(String),
      );
    } finally {
      database.pass();
      redis.pass();
      await late.stop();
    }
  }, 60_000);
});

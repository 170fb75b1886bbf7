import { afterEach, describe, expect, it } from '@jest/globals';
import { flush } from '../test/fake-clock.js';
import { closeClients, scene } from '../test/scene.js';
import { TTL_MS } from '../test/scripted-service.js';

afterEach(closeClients);

describe.each(['shared', 'own'] as const)('a candidate with a session of kind %s', (session) => {
  it('reports its health once for each change, and begins its next stand with the last', async () => {
    const { clock, state, service, stand } = scene();
    const a = stand('a', { health: 90 }, { session });
    await flush();
    for (const health of [40, 70]) {
      a.reportHealth(health);
      await clock.pass(TTL_MS);
    }
    const told = service.seen.map(({ body }) => body['health']).filter((health) => health !== undefined);
    expect(told).toEqual([90, 40, 70]);
    state.putOut('a', 'deposed');
    for (const each of [...state.sessions]) state.expire(each);
    await clock.pass(TTL_MS);
    expect(service.asked('campaign').map(({ body }) => body['health'])).toEqual([90, 70]);
    expect(a.isLeader()).toBe(true);
  });

  it('says so when it resigns because it could not do the work, and only then', async () => {
    const { clock, service, stand } = scene();
    const [a, b] = [stand('a', {}, { session }), stand('b', {}, { session })];
    await flush();
    await Promise.all([a.resign({ failed: true }), b.resign(), clock.pass(TTL_MS)]);
    const resigned = service.asked('resign').map(({ path, body }) => [path.split('/')[3], body['failed']]);
    expect(resigned.sort()).toEqual([
      ['a', true],
      ['b', undefined],
    ]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { FakeClock, flush } from '../test/fake-clock.js';
import { ScriptedService, TTL_MS } from '../test/scripted-service.js';
import { SessionsService } from '../test/sessions-service.js';
import { Http } from './http.js';
import { SharedSession } from './shared-session.js';
import { SharedStand } from './shared-stand.js';
import type { Transport } from './transport.js';
import type { StandAnswer } from './wire.js';

/** A way to the service that brings news by itself, as a socket does. */
function scene() {
  const clock = new FakeClock();
  const state = new SessionsService();
  const service = new ScriptedService(state.script);
  const http = new Http(['http://a'], 'key', service.fetch, clock);
  const listeners = new Set<(election?: string) => void>();
  const transport: Transport = {
    clock,
    replicas: 1,
    pushes: true,
    send: (call, signal) => http.send(call, signal),
    avoid: () => http.avoid(),
    onNews: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const shared = new SharedSession(transport, TTL_MS, () => 0.5);
  const told: StandAnswer['state'][] = [];
  const stand = new SharedStand(transport, shared, {
    election: 'a',
    request: { candidate: 'me' },
    waitForName: false,
    random: () => 0.5,
    onAnswer: ({ state: said }) => told.push(said),
    onTrouble: () => undefined,
  });
  const push = (election?: string): void => {
    for (const listener of [...listeners]) listener(election);
  };
  return { clock, state, service, shared, stand, told, push, listeners };
}

describe('a stand whose transport brings news', () => {
  it('has no answer held, and asks as soon as there is news of its election', async () => {
    const { clock, state, service, shared, stand, told, push } = scene();
    state.taken.add('a');
    void stand.run();
    await clock.pass(TTL_MS);
    expect(told).toEqual(['waiting']);
    const asked = service.seen.length;
    expect(service.seen.some(({ body }) => body['waitMs'] !== undefined)).toBe(false);
    Object.assign(state.contests.get('a') ?? {}, { state: 'leader' });
    push('a');
    await flush();
    expect(told.at(-1)).toBe('leader');
    expect(service.seen.length).toBeGreaterThan(asked);
    await shared.close();
  });

  it('renews at once for news of another election, and asks its own only for its own', async () => {
    const { clock, service, shared, stand, push } = scene();
    void stand.run();
    await clock.pass(0);
    push('b');
    await flush();
    expect(service.seen.slice(2).map(({ path }) => path)).toEqual(['/v1/sessions/renew']);
    push();
    await flush();
    expect(
      service.seen
        .slice(3)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['/v1/elections/a/renew', '/v1/sessions/renew']);
    await shared.close();
  });

  it('asks now and then all the same, for news may be lost', async () => {
    const { clock, state, shared, stand, told } = scene();
    state.taken.add('a');
    const ended = stand.run();
    await clock.pass(TTL_MS);
    state.putOut('a', 'deleted');
    await clock.pass(31_000);
    expect(await ended).toBe('deleted');
    expect(told).toEqual(['waiting', 'out']);
    await shared.close();
  });

  it('asks when its session leads as another candidacy than it knows, although no news told so', async () => {
    const { clock, state, shared, stand, told } = scene();
    state.taken.add('a');
    void stand.run();
    await clock.pass(0);
    Object.assign(state.contests.get('a') ?? {}, { state: 'leader', candidateId: 'cnd_9', term: 9 });
    await clock.pass(TTL_MS / 2);
    expect([told.at(-1), stand.candidateId]).toEqual(['leader', 'cnd_9']);
    await shared.close();
  });

  it('listens no longer than its session lives', async () => {
    const { clock, shared, stand, listeners } = scene();
    const ended = stand.run();
    await clock.pass(0);
    expect(listeners.size).toBe(1);
    await shared.close();
    expect([listeners.size, await ended]).toEqual([0, 'expired']);
  });
});

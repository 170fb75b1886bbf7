import { afterEach, describe, expect, it } from '@jest/globals';
import { flush } from '../test/fake-clock.js';
import { closeClients, scene } from '../test/scene.js';
import { TTL_MS } from '../test/scripted-service.js';

afterEach(closeClients);

describe('a leader that the service replaces', () => {
  it('is told why, waits as a new candidacy, and may lead again', async () => {
    const { clock, state, stand, told } = scene();
    const a = stand('a');
    await flush();
    const contest = state.contests.get('a') ?? {};
    Object.assign(contest, { state: 'yielding', reason: 'transferred' });
    await clock.pass(TTL_MS / 2);
    expect(a.isLeader()).toBe(true);
    Object.assign(contest, { state: 'waiting', candidateId: 'cnd_9' });
    await clock.pass(TTL_MS / 2);
    expect([told, a.state]).toEqual([['a elected 1', 'a lost 1 transferred'], 'waiting']);
    Object.assign(contest, { state: 'leader', term: 3, reason: undefined });
    await clock.pass(TTL_MS);
    expect([told.at(-1), a.isLeader()]).toEqual(['a elected 3', true]);
  });

  it.each([
    ['asked to step down', { yieldByMs: 30_000 }],
    ['granted nothing any more', { state: 'yielding' }],
  ])('is told why if it was %s, although it leads again at once', async (_, asked) => {
    const { clock, state, stand, told } = scene();
    const a = stand('a');
    await flush();
    const contest = state.contests.get('a') ?? {};
    Object.assign(contest, { reason: 'transferred', ...asked });
    await clock.pass(TTL_MS / 2);
    const anew = { state: 'leader', candidateId: 'cnd_9', term: 2 };
    Object.assign(contest, { ...anew, reason: undefined, yieldByMs: undefined });
    await clock.pass(TTL_MS / 2);
    expect(told).toEqual(['a elected 1', 'a lost 1 transferred', 'a elected 2']);
    expect(a.isLeader()).toBe(true);
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import { flush } from '../test/fake-clock.js';
import { closeClients, scene } from '../test/scene.js';
import { problem, TTL_MS } from '../test/scripted-service.js';

afterEach(closeClients);

describe('leaving', () => {
  it('one election leaves the others and their session alone', async () => {
    const { clock, state, service, stand, told } = scene();
    const [a, b] = [stand('a'), stand('b')];
    await flush();
    expect(await a.resign()).toMatchObject({ outcome: 'resigned' });
    await clock.pass(3 * TTL_MS);
    expect([a.isLeader(), b.isLeader()]).toEqual([false, true]);
    expect(told).toEqual(['a elected 1', 'b elected 2', 'a lost 1 resigned']);
    expect([state.sessions.size, service.asked('end').length]).toEqual([1, 0]);
  });

  it('the last election ends the session, and the next campaign makes another', async () => {
    const { clock, state, service, stand } = scene();
    const only = stand('a');
    await flush();
    await only.close();
    await flush();
    expect(service.asked('end').map(({ body }) => body)).toEqual([{ session: 'ses_1' }]);
    const sent = service.seen.length;
    await clock.pass(5 * TTL_MS);
    expect(service.seen).toHaveLength(sent);
    const next = stand('a');
    await flush();
    expect([next.isLeader(), ...state.sessions]).toEqual([true, 'ses_2']);
  });

  it('against its will gives its place in the session to the next candidacy of the election', async () => {
    const { clock, state, service, stand, told } = scene();
    stand('b');
    service.script = (request) =>
      request.path === '/v1/elections/a/campaign'
        ? problem(409, 'election.candidate_taken')
        : state.script(request);
    stand('a');
    await clock.pass(TTL_MS);
    expect(told).toEqual(['b elected 1', 'a error election.candidate_taken']);
    service.script = state.script;
    const again = stand('a');
    await flush();
    expect([again.isLeader(), service.asked('sessions').length]).toEqual([true, 1]);
    expect(service.asked('campaign').every(({ body }) => body['session'] === 'ses_1')).toBe(true);
  });

  it('by closing the client ends every belief before the one request that ends the session', async () => {
    const { clock, service, client, stand, told } = scene();
    const [a, b] = [stand('a'), stand('b')];
    await flush();
    let believed: boolean | undefined;
    const { script } = service;
    service.script = (request) => {
      if (request.verb === 'end') believed = a.isLeader() || b.isLeader();
      return script(request);
    };
    await client.close();
    expect(believed).toBe(false);
    expect(told.slice(2)).toEqual(['a lost 1 resigned', 'b lost 2 resigned']);
    expect([service.asked('end').length, service.asked('resign').length]).toEqual([1, 0]);
    const sent = service.seen.length;
    await clock.pass(5 * TTL_MS);
    expect(service.seen).toHaveLength(sent);
    expect(() => client.election('a').campaign({ candidate: 'me' })).toThrow(TypeError);
  });

  it('by closing the client takes no longer than two seconds when nobody answers', async () => {
    const { clock, service, client, stand } = scene();
    stand('a');
    await flush();
    service.script = () => 'silent';
    let closed = false;
    void client.close().then(() => (closed = true));
    await clock.pass(2_001);
    expect(closed).toBe(true);
  });

  it('never lets a later candidacy believe what an unheard resignation may still end', async () => {
    const { clock, state, service, stand, told } = scene();
    stand('b');
    const first = stand('a');
    await flush();
    service.script = (request) => (request.verb === 'resign' ? 'lost' : state.script(request));
    const closing = first.close();
    await clock.pass(2_001);
    await closing;
    const second = stand('a');
    await clock.pass(TTL_MS / 6);
    expect([state.contests.get('a')?.candidateId, second.isLeader()]).toEqual(['cnd_2', false]);
    service.script = state.script;
    await clock.pass(TTL_MS);
    expect(second.isLeader()).toBe(true);
    expect(state.contests.get('a')?.candidateId).not.toBe('cnd_2');
    expect(told.filter((line) => line.startsWith('a elected'))).toHaveLength(2);
  });

  it('while the session is still being made waits for nobody, although others wait for it', async () => {
    const { clock, state, service, stand } = scene();
    service.script = () => 'silent';
    const [a, b] = [stand('a'), stand('b')];
    await clock.pass(TTL_MS);
    let closed = false;
    void a.close().then(() => (closed = true));
    await clock.pass(2_001);
    expect(closed).toBe(true);
    service.script = state.script;
    await clock.pass(TTL_MS);
    expect([a.isLeader(), b.isLeader(), [...state.contests.keys()]]).toEqual([false, true, ['b']]);
  });
});

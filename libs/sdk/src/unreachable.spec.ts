import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeClock, flush } from '../test/fake-clock.js';
import { closeClients, scene } from '../test/scene.js';
import { problem, ScriptedService, TTL_MS } from '../test/scripted-service.js';
import { ScriptedSockets } from '../test/scripted-socket.js';
import { closeAll, stand } from '../test/stand.js';
import { Incumbent } from './incumbent.js';

afterEach(closeClients);
afterEach(closeAll);

/** A leader over sockets with a session of 300 ms; `tries` counts handshakes and requests. */
async function attachedLeader() {
  const clock = new FakeClock();
  const leads = { candidateId: 'cnd_1', state: 'leader', term: 1, fence: 1, validForMs: 300 };
  const opened = { session: 'ses_1', ttlMs: 300, terms: [{ ...leads, election: 'a' }] };
  const sockets = new ScriptedSockets(({ op }) => ({ body: { ...opened, ...(op === 'campaign' && leads) } }));
  const service = new ScriptedService(() => 'lost');
  let handshakes = 0;
  const webSocket: typeof sockets.connect = (url, options) => {
    handshakes += 1;
    return sockets.connect(url, options);
  };
  const given = { baseUrls: ['http://a', 'http://b'], apiKey: 'key', ttlMs: 300, attached: true };
  const client = new Incumbent({ ...given, clock, webSocket, fetch: service.fetch, random: () => 0.5 });
  const candidacy = client.election('a').campaign({ candidate: 'me' });
  const told: string[] = [];
  candidacy.on('jeopardy', () => told.push('jeopardy'));
  candidacy.on('lost', ({ reason }) => told.push(`lost ${reason}`));
  await flush();
  return { clock, sockets, client, candidacy, told, tries: () => handshakes + service.seen.length };
}

describe('while no replica can be reached', () => {
  it('a short session is tried for densely to its end, and then at a pace that slows down', async () => {
    const { clock, sockets, client, candidacy, told, tries } = await attachedLeader();
    expect(candidacy.isLeader()).toBe(true);
    for (const host of ['a', 'b']) sockets.kill(host);
    await clock.pass(300);
    expect([candidacy.isLeader(), told]).toEqual([false, ['jeopardy', 'lost unreachable']]);
    expect(tries()).toBeGreaterThan(6);
    await clock.pass(2_000);
    const before = tries();
    await clock.pass(10_000);
    expect(tries() - before).toBeLessThan(80);
    expect(tries() - before).toBeGreaterThan(10);
    expect(told).toEqual(['jeopardy', 'lost unreachable']);
    await Promise.race([client.close(), clock.pass(5_000)]);
  });

  it('a session of its own is tried for at pauses that grow to seconds once it is over', async () => {
    const { clock, service } = stand(({ verb }) => (verb === 'campaign' ? waitingOn : 'lost'));
    await clock.pass(2 * TTL_MS);
    const before = service.seen.length;
    await clock.pass(50_000);
    expect(service.seen.length - before).toBeLessThanOrEqual(21);
    expect(service.seen.length - before).toBeGreaterThanOrEqual(10);
  });

  it('a try of a term that is held follows a failed one within a sixth of the ttlMs', async () => {
    const { clock, service, stand: campaign } = scene();
    campaign('a');
    await flush();
    service.script = () => problem(503, 'store.unavailable', { 'retry-after': '30' });
    await clock.pass(TTL_MS / 3);
    const before = service.seen.length;
    await clock.pass(TTL_MS / 2);
    expect(service.seen.length - before).toBeGreaterThanOrEqual(3);
  });
});

describe('jeopardy', () => {
  it('is told once for each time in which a term is in danger', async () => {
    const { clock, state, service, stand: campaign, told } = scene();
    const a = campaign('a');
    a.on('jeopardy', ({ remainingMs, until }) => told.push(`jeopardy ${remainingMs} ${+until}`));
    await flush();
    const danger = async () => {
      const endsMs = clock.wallTimeMs() + a.remainingMs();
      service.script = () => 'lost';
      await clock.pass(TTL_MS * 0.6);
      expect(told.splice(0)).toEqual([expect.stringMatching(new RegExp(`^jeopardy \\d+ ${endsMs}$`))]);
      service.script = state.script;
      await clock.pass(TTL_MS);
    };
    expect(told.splice(0)).toEqual(['a elected 1']);
    await danger();
    await danger();
    expect([a.isLeader(), told]).toEqual([true, []]);
  });

  it('is not told to one that joins, waits or has lost; what went wrong is in `trouble` until an answer comes', async () => {
    const { clock, state, service, stand: campaign, told } = scene();
    const script = state.script;
    service.script = () => 'lost';
    state.taken.add('b');
    const [a, b] = [campaign('a'), campaign('b')];
    for (const one of [a, b]) one.on('jeopardy', () => told.push('jeopardy'));
    await clock.pass(TTL_MS);
    expect([a.trouble?.name, told]).toEqual(['Unreachable', []]);
    service.script = script;
    await clock.pass(2 * TTL_MS);
    expect([a.isLeader(), b.state, a.trouble]).toEqual([true, 'waiting', undefined]);
    told.length = 0;
    service.script = () => 'lost';
    await clock.pass(5 * TTL_MS);
    expect(told).toEqual(['jeopardy', 'a lost 1 unreachable']);
    expect([a.trouble?.name, b.trouble?.name]).toEqual(['Unreachable', 'Unreachable']);
  });
});

it('what is left of a grant is told in whole milliseconds, never more than there is', async () => {
  const { clock, stand: campaign } = scene();
  const a = campaign('a');
  const told: number[] = [];
  a.on('jeopardy', ({ remainingMs }) => told.push(remainingMs));
  await flush();
  clock.freeze(0.4);
  expect(a.remainingMs()).toBe(TTL_MS - 1);
});

const waitingOn = {
  status: 202,
  body: { state: 'waiting', candidateId: 'cnd_1', session: 'ses_1', position: 1, ttlMs: TTL_MS },
};

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Candidacy, ElectionOptions, Incumbent, IncumbentOptions } from '#sdk';
import { waitUntil } from '#testing';
import { Deployment } from './deployment.js';

const TTL_MS = 1_500;

let deployment: Deployment;
const clients: Incumbent[] = [];

beforeAll(async () => {
  deployment = await Deployment.start(2);
}, 60_000);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

afterAll(() => deployment?.stop());

const KINDS: [string, Partial<IncumbentOptions>, ElectionOptions][] = [
  ['a shared session', {}, {}],
  ['a session of its own', {}, { session: 'own' }],
  ['a socket', { attached: true }, {}],
];

/** `first` leads, `second` waits. What they tell, in words, and how many believed at once at most. */
async function scene(over: Partial<IncumbentOptions>, options: ElectionOptions) {
  const election = await deployment.election({ ttlMs: TTL_MS });
  const told: string[] = [];
  const all: Candidacy[] = [];
  let most = 0;
  const look = (): void => void (most = Math.max(most, all.filter((one) => one.isLeader()).length));
  const stand = (candidate: string): Candidacy => {
    const client = deployment.client({ ttlMs: TTL_MS, ...over });
    clients.push(client);
    const candidacy = client.election(election, options).campaign({ candidate });
    all.push(candidacy);
    candidacy.on('elected', ({ term }) => told.push(`${candidate} elected ${term}`));
    candidacy.on('elected', look);
    candidacy.on('lost', ({ term, reason }) => told.push(`${candidate} lost ${term} ${reason}`));
    return candidacy;
  };
  const first = stand('first');
  await first.whenElected();
  const second = stand('second');
  await waitUntil(() => second.state === 'waiting', { what: 'a place in the queue' });
  const timer = setInterval(look, 1).unref();
  const mostAtOnce = (): number => (clearInterval(timer), most);
  const ask = (graceMs: number) =>
    deployment.tenant.caller.post(`/v1/elections/${election}/transfer`, {
      ...{ mode: 'graceful', to: 'second', expectedTerm: 1, graceMs },
    });
  return { election, first, second, told, mostAtOnce, ask };
}

describe.each(KINDS)('stepping down, over %s', (_, over, options) => {
  it('makes the next candidate leader at once, and has the old one back in the queue as another', async () => {
    const { first, second, told, mostAtOnce } = await scene(over, options);
    const startedMs = performance.now();
    const elected = second.whenElected();
    const done = await first.stepDown();
    await elected;
    expect(performance.now() - startedMs).toBeLessThan(TTL_MS / 2);
    expect(done).toMatchObject({ outcome: 'stepped_down', leader: { candidate: 'second', term: 2 } });
    expect([first.isLeader(), first.state]).toEqual([false, 'waiting']);
    await second.stepDown();
    expect(await first.whenElected()).toMatchObject({ term: 3, fence: 3 });
    expect(told).toEqual([
      'first elected 1',
      'first lost 1 stepped_down',
      'second elected 2',
      'second lost 2 stepped_down',
      'first elected 3',
    ]);
    expect(mostAtOnce()).toBe(1);
  });

  it('when it is asked for leaves no gap, and is told with the reason', async () => {
    const { election, first, second, told, mostAtOnce, ask } = await scene(over, options);
    const graces: unknown[] = [];
    first.on('yielding', ({ yieldByMs, reason }) => {
      graces.push([reason, (yieldByMs ?? 0) > 10_000]);
      void first.stepDown();
    });
    const asked = await ask(20_000);
    await second.whenElected();
    const path = `/v1/elections/${election}/hand-overs/${String(asked.body['id'])}`;
    const { body } = await deployment.tenant.caller.get(path);
    expect(body).toMatchObject({ state: 'done', acknowledged: true, gapMs: 0 });
    expect(graces).toEqual([['transferred', true]]);
    await waitUntil(() => first.state === 'waiting', { what: 'its place in the queue' });
    expect(told).toEqual(['first elected 1', 'first lost 1 transferred', 'second elected 2']);
    expect(mostAtOnce()).toBe(1);
  });

  it('that never comes costs the term all the same: its end is told with the reason, and the candidacy goes on', async () => {
    const { first, second, told, mostAtOnce, ask } = await scene(over, options);
    await ask(200);
    await second.whenElected();
    await waitUntil(() => first.state === 'waiting', { what: 'its place in the queue' });
    expect(told).toEqual(['first elected 1', 'first lost 1 transferred', 'second elected 2']);
    await second.close();
    expect(await first.whenElected()).toMatchObject({ term: 3 });
    expect(mostAtOnce()).toBe(1);
  });
});

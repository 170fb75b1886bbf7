import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { CampaignOptions, Candidacy } from '#sdk';
import { waitUntil } from '#testing';
import { Candidate } from './candidate.js';
import { Deployment } from './deployment.js';

const TTL_MS = 1_500;
/** Beyond the TTL: the commit, the answer to the held renewal, and a machine with two busy cores. */
const SLACK_MS = 1_000;

let deployment: Deployment;
const candidacies: Candidacy[] = [];
const processes: Candidate[] = [];

beforeAll(async () => {
  deployment = await Deployment.start(2);
}, 60_000);

afterEach(async () => {
  await Promise.all([
    ...candidacies.splice(0).map((one) => one.close()),
    ...processes.splice(0).map((one) => one.kill()),
  ]);
});

afterAll(() => deployment?.stop());

function campaign(election: string, candidate: string, over: Partial<CampaignOptions> = {}): Candidacy {
  const candidacy = deployment
    .client()
    .election(election)
    .campaign({ candidate, ttlMs: TTL_MS, ...over });
  candidacies.push(candidacy);
  return candidacy;
}

function spawn(election: string, candidate: string): Candidate {
  const client = { baseUrls: deployment.baseUrls, apiKey: deployment.apiKey };
  const started = new Candidate({ client, election, campaign: { candidate, ttlMs: TTL_MS } });
  processes.push(started);
  return started;
}

async function waiting(candidacy: Candidacy): Promise<Candidacy> {
  await waitUntil(() => candidacy.state === 'waiting', { what: 'a place in the queue' });
  return candidacy;
}

describe('hand-over', () => {
  it('makes the next candidate leader within its TTL when the leader is killed, under a higher fence', async () => {
    const election = await deployment.election();
    const first = spawn(election, 'first');
    const before = await first.until('elected');
    const second = await waiting(campaign(election, 'second'));
    await first.kill();
    const killedMs = performance.now();
    const after = await second.whenElected();
    expect(performance.now() - killedMs).toBeLessThan(TTL_MS + SLACK_MS);
    expect(after.fence).toBeGreaterThan(before.fence);
  });

  it('never lets a thawed leader believe, and has it back in the queue', async () => {
    const election = await deployment.election();
    const first = spawn(election, 'first');
    await first.until('leads');
    const second = await waiting(campaign(election, 'second'));
    first.signal('SIGSTOP');
    await second.whenElected();
    first.signal('SIGCONT');
    await first.until('lost');
    await first.until('waiting');
    expect(first.news.filter(({ kind }) => kind === 'leads')).toEqual([
      { kind: 'leads', leads: true },
      { kind: 'leads', leads: false },
    ]);
    await second.resign();
    await waitUntil(() => first.news.filter(({ kind }) => kind === 'elected').length === 2, {
      what: 'its second term',
    });
  });

  it('hands over at once when the leader resigns', async () => {
    const election = await deployment.election();
    const first = campaign(election, 'first');
    const before = await first.whenElected();
    const second = await waiting(campaign(election, 'second'));
    const elected = second.whenElected();
    const startedMs = performance.now();
    expect(await first.resign()).toMatchObject({ outcome: 'resigned', successor: { candidate: 'second' } });
    const after = await elected;
    expect(performance.now() - startedMs).toBeLessThan(TTL_MS / 2);
    expect(after.fence).toBeGreaterThan(before.fence);
    expect(first.isLeader()).toBe(false);
  });

  it('hands over at once when the leader aborts', async () => {
    const election = await deployment.election();
    const abort = new AbortController();
    const first = campaign(election, 'first', { signal: abort.signal });
    await first.whenElected();
    const second = await waiting(campaign(election, 'second'));
    const elected = second.whenElected();
    const startedMs = performance.now();
    abort.abort();
    expect(first.isLeader()).toBe(false);
    await elected;
    expect(performance.now() - startedMs).toBeLessThan(TTL_MS / 2);
  });

  it('tells a candidate at once that was promoted between its last answer and its held renewal', async () => {
    const { caller } = deployment.tenant;
    const election = await deployment.election({ ttlMs: 20_000 });
    const leader = await caller.campaign(election, { candidate: 'first' });
    const next = await caller.campaign(election, { candidate: 'second' });
    await caller.resign(election, leader.body);
    const startedMs = performance.now();
    const answer = await caller.renew(election, next.body['session'], { waitMs: 10_000 });
    expect(answer.body['state']).toBe('leader');
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  it('passes over a candidate that left the queue', async () => {
    const election = await deployment.election();
    const first = campaign(election, 'first');
    await first.whenElected();
    const second = await waiting(campaign(election, 'second'));
    const third = await waiting(campaign(election, 'third'));
    await second.resign();
    await first.resign();
    await third.whenElected();
    expect(second.isLeader()).toBe(false);
  });

  it('lets exactly one of many lead at any moment while leaders resign one after the other', async () => {
    const election = await deployment.election();
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) => campaign(election, name));
    const fences: number[] = [];
    let most = 0;
    const look = setInterval(() => (most = Math.max(most, all.filter((one) => one.isLeader()).length)), 1);
    for (const _ of all) {
      const leader = await waitUntil(() => all.find((one) => one.isLeader()), { what: 'a leader' });
      fences.push(leader.fence ?? 0);
      await leader.resign();
    }
    clearInterval(look);
    expect(most).toBe(1);
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
  });
});

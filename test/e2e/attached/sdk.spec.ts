import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { CampaignOptions, Candidacy, Incumbent } from '#sdk';
import { waitUntil } from '#testing';
import { Candidate } from '../sdk/candidate.js';
import { Deployment } from '../sdk/deployment.js';

const TTL_MS = 500;

let shared: Deployment;
/** Of the test that runs; those that end replicas have one of their own. */
let deployment: Deployment;
const clients: Incumbent[] = [];
const processes: Candidate[] = [];

beforeAll(async () => {
  deployment = shared = await Deployment.start(2);
}, 60_000);

afterEach(async () => {
  await Promise.all([
    ...clients.splice(0).map((client) => client.close()),
    ...processes.splice(0).map((one) => one.kill()),
  ]);
  if (deployment === shared) return;
  await Promise.all(deployment.replicas.map((replica) => replica.process.stop()));
  deployment = shared;
}, 60_000);

afterAll(() => shared?.stop());

/** @param replica the one that it prefers */
function attached(replica = 0, ttlMs = TTL_MS): Incumbent {
  const urls = deployment.baseUrls;
  const baseUrls = [...urls.slice(replica), ...urls.slice(0, replica)];
  const client = deployment.client({ attached: true, ttlMs, baseUrls });
  clients.push(client);
  return client;
}

function campaign(client: Incumbent, election: string, over: Partial<CampaignOptions> = {}): Candidacy {
  return client.election(election).campaign({ candidate: crypto.randomUUID(), ...over });
}

async function waiting(candidacy: Candidacy): Promise<Candidacy> {
  await waitUntil(() => candidacy.state === 'waiting', { what: 'a place in the queue' });
  return candidacy;
}

describe('an attached client', () => {
  it('holds sessions shorter than HTTP allows, and is elected at once when the leader resigns', async () => {
    const election = await deployment.election();
    const first = campaign(attached(0, 300), election);
    const before = await first.whenElected();
    const second = await waiting(campaign(attached(1, 300), election));
    const elected = second.whenElected();
    await first.resign();
    const after = await elected;
    expect(after.fence).toBeGreaterThan(before.fence);
    expect(first.isLeader()).toBe(false);
  }, 60_000);

  it('succeeds a leader whose process was killed, and never while that one could believe', async () => {
    const election = await deployment.election();
    const client = {
      baseUrls: deployment.baseUrls,
      apiKey: deployment.apiKey,
      attached: true,
      ttlMs: TTL_MS,
    };
    const leader = new Candidate({ client, election, campaign: { candidate: 'leader' } });
    processes.push(leader);
    const before = await leader.until('elected');
    const second = await waiting(campaign(attached(1), election));
    const lastMs = performance.now();
    await leader.kill();
    const after = await second.whenElected();
    expect(performance.now() - lastMs).toBeLessThan(TTL_MS + 1_500);
    expect(after.fence).toBeGreaterThan(before.fence);
  }, 60_000);

  it('keeps its terms in every election when its replica is killed', async () => {
    deployment = await Deployment.start(2);
    const elections = await Promise.all([deployment.election(), deployment.election()]);
    // Long enough for a machine that has a process to bury.
    const client = attached(0, 3_000);
    const candidacies = elections.map((election) => campaign(client, election));
    const terms = await Promise.all(candidacies.map((candidacy) => candidacy.whenElected()));
    const lost: unknown[] = [];
    for (const candidacy of candidacies) candidacy.on('lost', (loss) => lost.push(loss));
    deployment.replicas[0]?.process.signal('SIGKILL');
    await deployment.replicas[0]?.process.exited;
    const killedMs = performance.now();
    await waitUntil(() => performance.now() - killedMs > 6_000, {
      what: 'two lives of the session',
      withinMs: 8_000,
    });
    expect(lost).toEqual([]);
    expect(candidacies.map((candidacy) => candidacy.term)).toEqual(terms.map(({ term }) => term));
    expect(candidacies.every((candidacy) => candidacy.isLeader())).toBe(true);
  }, 60_000);

  it('moves before its replica stops, and is told of its promotion at the other one', async () => {
    deployment = await Deployment.start(2);
    const [mine, theirs] = await Promise.all([deployment.election(), deployment.election()]);
    const client = attached(0, 3_000);
    const leads = campaign(client, mine);
    const { term } = await leads.whenElected();
    const other = campaign(attached(1, 3_000), theirs);
    await other.whenElected();
    const waits = await waiting(campaign(client, theirs));
    const lost: unknown[] = [];
    leads.on('lost', (loss) => lost.push(loss));
    const [stopping] = deployment.replicas;
    stopping?.process.signal('SIGTERM');
    expect(await stopping?.process.exited).toEqual({ code: 0, signal: null });
    const elected = waits.whenElected();
    await other.resign();
    await elected;
    expect([leads.isLeader(), leads.term, lost]).toEqual([true, term, []]);
  }, 60_000);

  it('is refused for good with a key that is not valid', async () => {
    const election = await deployment.election();
    const client = deployment.client({ attached: true, apiKey: `${deployment.apiKey.slice(0, -4)}xxxx` });
    clients.push(client);
    const candidacy = campaign(client, election);
    candidacy.on('error', () => undefined);
    await expect(candidacy.whenElected()).rejects.toMatchObject({ code: 'identity.unauthenticated' });
  }, 60_000);

  it('ends its session at once when it is closed, and lets the process end', async () => {
    const election = await deployment.election();
    const client = attached(0, 60_000);
    await campaign(client, election).whenElected();
    const second = await waiting(campaign(attached(1, 60_000), election));
    const elected = second.whenElected();
    await client.close();
    await elected;
    expect(second.isLeader()).toBe(true);
  }, 60_000);
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { CampaignOptions, Candidacy, FetchLike, IncumbentOptions } from '#sdk';
import { waitUntil } from '#testing';
import { Deployment } from './deployment.js';

const TTL_MS = 1_500;

let deployment: Deployment;
const candidacies: Candidacy[] = [];

beforeAll(async () => {
  deployment = await Deployment.start(2);
}, 60_000);

afterEach(async () => {
  await Promise.all(candidacies.splice(0).map((one) => one.close()));
});

afterAll(() => deployment?.stop());

function campaign(
  election: string,
  over: Partial<CampaignOptions> = {},
  client: Partial<IncumbentOptions> = {},
): Candidacy {
  const candidacy = deployment
    .client(client)
    .election(election)
    .campaign({ candidate: 'me', ttlMs: TTL_MS, ...over });
  candidacies.push(candidacy);
  return candidacy;
}

/** Sends every request and loses the answers that `lose` picks. */
function losing(lose: (url: string) => boolean): FetchLike {
  return async (url, init) => {
    const response = await fetch(url, init);
    if (!lose(url)) return response;
    await response.body?.cancel();
    throw new TypeError('fetch failed', { cause: new Error('the answer was lost') });
  };
}

describe('a candidacy against the real service', () => {
  it('holds a token that the service calls valid while it leads and superseded after', async () => {
    const election = await deployment.election();
    const candidacy = campaign(election);
    await candidacy.whenElected();
    const token = await waitUntil(() => candidacy.fencingToken, { what: 'a fencing token' });
    const client = deployment.client();
    expect(await client.validate(token)).toMatchObject({ valid: true, election, fence: candidacy.fence });
    const next = campaign(election, { candidate: 'next' });
    await candidacy.resign();
    await next.whenElected();
    expect(await client.validate(token)).toMatchObject({ valid: false, reason: 'superseded' });
  });

  it('keeps one term over many renewals', async () => {
    const candidacy = campaign(await deployment.election(), { ttlMs: 1_000 });
    const lost: unknown[] = [];
    candidacy.on('lost', (loss) => lost.push(loss));
    const { term } = await candidacy.whenElected();
    const endMs = performance.now() + 4_000;
    await waitUntil(() => performance.now() > endMs, { what: 'four TTLs' });
    expect(lost).toEqual([]);
    expect(candidacy.term).toBe(term);
  });

  it('makes one candidacy although the answer to its campaign is lost', async () => {
    const election = await deployment.election();
    let left = 2;
    const candidacy = campaign(
      election,
      {},
      { fetch: losing((url) => url.endsWith('/campaign') && left-- > 0) },
    );
    const { term } = await candidacy.whenElected();
    expect(term).toBe(1);
    const { body } = await deployment
      .client()
      .request({ method: 'GET', path: `/v1/elections/${election}/candidates` });
    expect((body as { data: unknown[] }).data).toHaveLength(1);
  });

  it('is refused a name that a live candidate holds, and takes it when that one is gone, if told to wait', async () => {
    const election = await deployment.election();
    const holder = campaign(election);
    await holder.whenElected();
    await expect(campaign(election).whenElected()).rejects.toMatchObject({
      code: 'election.candidate_taken',
    });
    const patient = campaign(election, { waitForName: true });
    await holder.resign();
    await patient.whenElected();
  });

  it.each([
    ['a key that is none', 'identity.unauthenticated', { apiKey: 'inc_test_nonsense' }],
    ['an election that is none', 'election.not_found', {}],
  ])('is refused for good with %s', async (_, code, client) => {
    await expect(campaign('no-such-election', {}, client).whenElected()).rejects.toMatchObject({ code });
  });

  it('is told that its election was deleted, and keeps no belief beyond its grant', async () => {
    const election = await deployment.election();
    const candidacy = campaign(election);
    const lost: string[] = [];
    candidacy.on('lost', ({ reason }) => lost.push(reason));
    candidacy.on('error', () => undefined);
    await candidacy.whenElected();
    await deployment.tenant.caller.delete(`/v1/elections/${election}`);
    await waitUntil(() => lost.length > 0, { what: 'the loss' });
    expect(lost).toEqual(['deleted']);
    await waitUntil(() => candidacy.state === 'out', { what: 'the end of the candidacy' });
  });

  it('reads the leader, and waits for the next one', async () => {
    const election = await deployment.election();
    const client = deployment.client();
    const vacancy = await client.leader(election);
    expect(vacancy).toMatchObject({ election, leader: null, term: 0, fence: 0 });
    const change = client.leader(election, { waitMs: 10_000, afterSequence: vacancy.sequence });
    await campaign(election, { address: 'http://me', metadata: { zone: 'a' } }).whenElected();
    expect(await change).toMatchObject({
      leader: { candidate: 'me', address: 'http://me', metadata: { zone: 'a' }, term: 1 },
    });
  });
});

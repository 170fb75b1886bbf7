import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Candidacy, FetchLike, Incumbent, IncumbentOptions } from '#sdk';
import { waitUntil } from '#testing';
import type { Tenant } from '../service.js';
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

/** A client of a tenant of its own, and what it has sent. */
async function scene(over: Partial<IncumbentOptions> = {}) {
  const tenant = await deployment.replicas[0]?.tenant();
  if (tenant === undefined) throw new Error('There is no replica');
  const sent: { path: string; body: Record<string, unknown> }[] = [];
  const record: FetchLike = async (url, init) => {
    const body = typeof init.body === 'string' ? (JSON.parse(init.body) as Record<string, unknown>) : {};
    sent.push({ path: new URL(url).pathname, body });
    return await fetch(url, init);
  };
  const client = deployment.client({
    apiKey: tenant.caller.key ?? '',
    ttlMs: TTL_MS,
    fetch: record,
    ...over,
  });
  clients.push(client);
  return { tenant, client, sent };
}

const leaderOf = async ({ caller }: Tenant, election: string): Promise<unknown> =>
  (await caller.get(`/v1/elections/${election}/leader`)).body['leader'];

const sessionsOf = async ({ caller }: Tenant): Promise<unknown> => {
  const { body } = await caller.get('/v1/usage');
  return (body['quotas'] as Record<string, { used: number }>)['maxSessions']?.used;
};

function stand(client: Incumbent, elections: readonly string[], lost: unknown[] = []): Candidacy[] {
  return elections.map((election) => {
    const candidacy = client.election(election).campaign({ candidate: 'me' });
    candidacy.on('lost', ({ reason }) => lost.push([election, reason]));
    return candidacy;
  });
}

describe('the shared session of a client', () => {
  it('leads twenty elections on the renewals of one session, each with a fence that the service calls valid', async () => {
    const { tenant, client, sent } = await scene();
    const names = await Promise.all(Array.from({ length: 20 }, () => tenant.caller.election()));
    const lost: unknown[] = [];
    const candidacies = stand(client, names, lost);
    await Promise.all(candidacies.map((candidacy) => candidacy.whenElected()));
    const endMs = performance.now() + 3 * TTL_MS;
    await waitUntil(() => performance.now() > endMs, { what: 'three TTLs', withinMs: 4 * TTL_MS });
    expect(candidacies.every((candidacy) => candidacy.isLeader())).toBe(true);
    expect([lost, await sessionsOf(tenant)]).toEqual([[], 1]);
    const renewals = sent.filter(({ path }) => path.endsWith('/renew'));
    // Twenty sessions would have sent 180.
    expect(renewals.length).toBeLessThan(40);
    expect(renewals.filter(({ path }) => path === '/v1/sessions/renew').length).toBeGreaterThanOrEqual(7);
    const token = await waitUntil(() => candidacies[7]?.fencingToken, { what: 'a fencing token' });
    expect(await client.validate(token)).toMatchObject({ valid: true, election: names[7] });
  });

  it('resigns at once what its session leads and nobody in the process wants', async () => {
    const { tenant, client, sent } = await scene();
    const [wanted = '', ghost = ''] = [await tenant.caller.election(), await tenant.caller.election()];
    const [candidacy] = stand(client, [wanted]);
    await candidacy?.whenElected();
    const session = sent.find(({ path }) => path.endsWith('/campaign'))?.body['session'];
    expect((await tenant.caller.campaign(ghost, { candidate: 'me', session })).body['state']).toBe('leader');
    await waitUntil(async () => (await leaderOf(tenant, ghost)) === null, {
      what: 'the resignation of the term that nobody wants',
      withinMs: TTL_MS,
    });
    expect(candidacy?.isLeader()).toBe(true);
    const { body } = await tenant.caller.get(`/v1/elections/${ghost}/status`);
    expect(body['lastTerm']).toMatchObject({ reason: 'resigned' });
  });

  it('tells why one election has ended a term, and keeps the others', async () => {
    const { tenant, client } = await scene();
    const names = [
      await tenant.caller.election(),
      await tenant.caller.election(),
      await tenant.caller.election(),
    ];
    const lost: unknown[] = [];
    const candidacies = stand(client, names, lost);
    for (const candidacy of candidacies) candidacy.on('error', () => undefined);
    await Promise.all(candidacies.map((candidacy) => candidacy.whenElected()));
    await tenant.caller.patch(`/v1/elections/${names[0]}`, { state: 'paused' });
    await tenant.caller.delete(`/v1/elections/${names[1]}`);
    await waitUntil(() => lost.length === 2, { what: 'both losses' });
    expect([...lost].sort()).toEqual(
      [
        [names[0], 'paused'],
        [names[1], 'deleted'],
      ].sort(),
    );
    expect(candidacies[2]?.isLeader()).toBe(true);
  });

  it('hands everything over when the client closes, and is gone', async () => {
    const { tenant, client } = await scene();
    const names = await Promise.all(Array.from({ length: 5 }, () => tenant.caller.election()));
    const candidacies = stand(client, names);
    await Promise.all(candidacies.map((candidacy) => candidacy.whenElected()));
    const next = deployment.client({ apiKey: tenant.caller.key ?? '', ttlMs: 30_000 });
    clients.push(next);
    const successors = names.map((name) => next.election(name).campaign({ candidate: 'next' }));
    await waitUntil(() => successors.every(({ state }) => state === 'waiting'), { what: 'the successors' });
    const startMs = performance.now();
    await client.close();
    await Promise.all(successors.map((successor) => successor.whenElected()));
    expect(performance.now() - startMs).toBeLessThan(TTL_MS);
    await waitUntil(async () => (await sessionsOf(tenant)) === 1, { what: 'one session' });
  });

  it('keeps every term when the replica that it talks to freezes', async () => {
    const { tenant, client } = await scene({ ttlMs: 2 * TTL_MS });
    const names = await Promise.all(Array.from({ length: 5 }, () => tenant.caller.election()));
    const lost: unknown[] = [];
    const candidacies = stand(client, names, lost);
    await Promise.all(candidacies.map((candidacy) => candidacy.whenElected()));
    const [first] = deployment.replicas;
    first?.process.pause();
    try {
      const endMs = performance.now() + 3 * TTL_MS;
      await waitUntil(() => performance.now() > endMs, { what: 'more than a TTL', withinMs: 4 * TTL_MS });
      expect([lost, candidacies.every((candidacy) => candidacy.isLeader())]).toEqual([[], true]);
    } finally {
      first?.process.signal('SIGCONT');
    }
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { electionRef, keys, Replica, type Standing } from '#election';
import { createElection, FakeClock, MemoryElectionStore, MemoryStoreData } from '#testing';

const secret = new Uint8Array(32).fill(7);
const tenantId = 'ten_a';

describe('a session of many candidacies', () => {
  let clock: FakeClock;
  let data: MemoryStoreData;
  let replica: Replica;

  beforeEach(async () => {
    clock = new FakeClock();
    data = new MemoryStoreData();
    replica = await Replica.start({
      store: new MemoryElectionStore(data),
      clock,
      processId: 'prc_1',
      secret,
    });
    for (const election of ['a', 'b', 'c']) await createElection(replica, clock, { election });
    await clock.advance(300);
  });

  afterEach(() => replica.close());

  const bounds = () => {
    const receivedAtMs = clock.monotonicMs();
    return { receivedAtMs, deadlineMs: receivedAtMs + 2_000 };
  };
  const open = (more: { ttlMs?: number; idempotencyKey?: string } = {}) =>
    replica.sessions.open({ tenantId, ttlMs: 2_000, ...more }, bounds());
  const renew = (session: string, sees?: (election: string) => boolean) =>
    replica.sessions.renew({ tenantId, session }, bounds(), sees);
  const campaign = (election: string, session?: string): Promise<Standing> =>
    replica.elections.campaign(
      {
        tenantId,
        election,
        candidate: `of-${session ?? 'another'}`.slice(0, 40),
        ...(session && { session }),
      },
      bounds(),
    );
  const leaders = () =>
    ['a', 'b', 'c'].map(
      (election) => replica.view.election(electionRef(tenantId, election))?.seats.get(0)?.leader?.record.name,
    );
  const status = (record: object) => {
    const value = JSON.stringify({ status: 'active', maxCandidatesPerElection: 100, ...record });
    data.commit({ guards: [], writes: [{ kind: 'put', key: keys.tenant(tenantId), value }], reads: [] });
  };

  it('is told every term that it leads, with the fence of each, and how many candidacies it has', async () => {
    const other = await campaign('b');
    const { session } = await open();
    const [a, b, c] = [
      await campaign('a', session),
      await campaign('b', session),
      await campaign('c', session),
    ];
    expect([a.state, b.state, c.state]).toEqual(['leader', 'waiting', 'leader']);
    const first = await renew(session);
    expect(first).toMatchObject({ session, ttlMs: 2_000, validForMs: 1_960, candidacies: 3 });
    expect(first.terms.map(({ election, candidateId, grant }) => [election, candidateId, grant])).toEqual([
      ['a', a.candidateId, a.grant],
      ['c', c.candidateId, c.grant],
    ]);
    const { session: theirs, candidateId = '' } = other;
    await replica.elections.resign({ tenantId, election: 'b', session: theirs, candidateId }, bounds());
    expect((await renew(session)).terms.map(({ election }) => election).sort()).toEqual(['a', 'b', 'c']);
  });

  it('lives while it is renewed, with or without candidacies, and not a ttlMs longer', async () => {
    const { session } = await open();
    const { candidateId = '' } = await campaign('a', session);
    await replica.elections.resign({ tenantId, election: 'a', session, candidateId }, bounds());
    for (let turn = 0; turn < 5; turn += 1) {
      await clock.advance(1_500);
      expect(await renew(session)).toMatchObject({ terms: [], candidacies: 0 });
    }
    await campaign('a', session);
    await campaign('c', session);
    await clock.advance(2_600);
    await expect(renew(session)).rejects.toMatchObject({ code: 'session.expired' });
    expect(leaders()).toEqual([undefined, undefined, undefined]);
  });

  it('is found again by its Idempotency-Key while it lives, with the ttlMs that it has', async () => {
    const first = await open({ idempotencyKey: 'process-1' });
    expect((await open({ idempotencyKey: 'process-1' })).session).toBe(first.session);
    await expect(open({ idempotencyKey: 'process-1', ttlMs: 3_000 })).rejects.toMatchObject({
      code: 'session.ttl_fixed',
    });
    expect((await open({ idempotencyKey: 'process-2' })).session).not.toBe(first.session);
    await clock.advance(2_600);
    const second = await open({ idempotencyKey: 'process-1' });
    expect(second.session).not.toBe(first.session);
    await expect(renew(first.session)).rejects.toMatchObject({ code: 'session.expired' });
    await renew(second.session);
  });

  it('hands every term over at once when it ends, and may be ended again', async () => {
    const { session } = await open();
    for (const election of ['a', 'b', 'c']) await campaign(election, session);
    await campaign('a');
    await replica.sessions.end({ tenantId, session }, bounds());
    await clock.advance(1);
    expect(leaders()).toEqual(['of-another', undefined, undefined]);
    expect(data.read({ kind: 'prefix', prefix: 's/' })).toHaveLength(1);
    await expect(renew(session)).rejects.toMatchObject({ code: 'session.expired' });
    await replica.sessions.end({ tenantId, session }, bounds());
    await expect(campaign('a', session)).rejects.toMatchObject({ code: 'session.expired' });
  });

  it('is swept by every election when whoever ended it died before resigning', async () => {
    const { session } = await open();
    for (const election of ['a', 'b', 'c']) await campaign(election, session);
    const [own] = data.read({ kind: 'prefix', prefix: 's/' });
    data.commit({ guards: [], writes: [{ kind: 'delete', key: own?.key ?? '' }], reads: [] });
    await clock.advance(6_000);
    expect(leaders()).toEqual([undefined, undefined, undefined]);
    expect(data.read({ kind: 'prefix', prefix: 'e/' }).filter(({ key }) => /\/[cn]\//.test(key))).toEqual([]);
  });

  it('is told nothing of elections that its caller may not see', async () => {
    const { session } = await open();
    for (const election of ['a', 'b', 'c']) await campaign(election, session);
    const seen = await renew(session, (election) => election === 'b');
    expect([seen.terms.map(({ election }) => election), seen.candidacies]).toEqual([['b'], 1]);
  });

  it('is told that its terms yield, and then that they are gone, when the tenant is suspended', async () => {
    const { session } = await open();
    await campaign('a', session);
    status({ status: 'suspended' });
    await clock.advance(100);
    expect((await renew(session)).terms).toMatchObject([{ state: 'yielding', reason: 'suspended' }]);
    for (let turn = 0; turn < 3; turn += 1) {
      await clock.advance(1_000);
      await renew(session);
    }
    expect((await renew(session)).terms).toEqual([]);
  });

  it('stands in no election that allows only shorter sessions', async () => {
    await createElection(replica, clock, { election: 'strict', ttlMs: 1_000, maxTtlMs: 1_000 });
    const { session } = await open();
    await expect(campaign('strict', session)).rejects.toMatchObject({
      code: 'request.invalid_body',
      extras: { errors: [{ pointer: '/session' }] },
    });
  });

  it('stands in no more elections than the quota allows, and in those again', async () => {
    status({ maxSessions: 1, maxCandidaciesPerSession: 2, minTtlMs: 1_500 });
    await clock.advance(300);
    await expect(open({ ttlMs: 1_000 })).rejects.toMatchObject({ extras: { limit: { name: 'minTtlMs' } } });
    const { session } = await open();
    await expect(open()).rejects.toMatchObject({ extras: { limit: { name: 'maxSessions' } } });
    await campaign('a', session);
    await campaign('b', session);
    await expect(campaign('c', session)).rejects.toMatchObject({
      code: 'limit.quota_exceeded',
      extras: { limit: { name: 'maxCandidaciesPerSession', value: 2 } },
    });
    expect((await campaign('b', session)).state).toBe('leader');
  });

  it('may lead more than one transition can read', async () => {
    const { session } = await open();
    const many = Array.from({ length: 95 }, (_, at) => `many-${at}`);
    for (const election of many) await createElection(replica, clock, { election });
    for (const election of many) await campaign(election, session);
    const { terms, candidacies } = await renew(session);
    expect([terms.length, candidacies]).toEqual([95, 95]);
    expect(new Set(terms.map(({ grant }) => grant?.validForMs))).toEqual(new Set([1_960]));
  });

  it('counts the candidacies of a tenant, also after the store was listed again', async () => {
    const { session } = await open();
    const { candidateId = '' } = await campaign('a', session);
    await campaign('b', session);
    await clock.advance(1);
    expect(replica.view.candidacyCounts.get(tenantId)).toBe(2);
    replica.view.reset(data.read({ kind: 'prefix', prefix: '' }), replica.view.revision);
    expect(replica.view.candidacyCounts.get(tenantId)).toBe(2);
    await replica.elections.resign({ tenantId, election: 'a', session, candidateId }, bounds());
    await clock.advance(1);
    expect(replica.view.candidacyCounts.get(tenantId)).toBe(1);
  });
});

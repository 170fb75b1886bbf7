import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Replica, type Standing } from '#election';
import { FakeClock, MemoryElectionStore, MemoryStoreData } from '#testing';

const tenantId = 'ten_a';
const election = 'shards';
const settings = { policy: 'fifo' as const, ttlMs: 2_000, maxTtlMs: 60_000, seats: 3 };

describe('the leaders of an election with seats', () => {
  let clock: FakeClock;
  let replica: Replica;

  beforeEach(async () => {
    clock = new FakeClock();
    const store = new MemoryElectionStore(new MemoryStoreData());
    replica = await Replica.start({ store, clock, processId: 'prc_1', secret: new Uint8Array(32).fill(7) });
    await replica.management.create({ tenantId, election }, settings, 100, bounds());
    await clock.advance(300);
  });

  afterEach(() => replica.close());

  const bounds = () => {
    const receivedAtMs = clock.monotonicMs();
    return { receivedAtMs, deadlineMs: receivedAtMs + 2_000 };
  };
  const campaign = (candidate: string): Promise<Standing> =>
    replica.elections.campaign({ tenantId, election, candidate }, bounds());
  const leaders = async () => {
    const found = await replica.elections.leaders({ tenantId, election }, bounds());
    return found.map(({ seat, name, term, fence }) => [seat, name, term, fence]);
  };

  it('are told with their seats, terms and fences, without those who wait and without empty seats', async () => {
    expect(await leaders()).toEqual([]);
    const stood = [];
    for (const name of ['one', 'two', 'three', 'four']) stood.push(await campaign(name));
    const seats = stood.map(({ grant }) => grant?.seat);
    expect(new Set(seats)).toEqual(new Set([0, 1, 2, undefined]));
    const told = new Map((await leaders()).map((leader) => [leader[1], leader]));
    expect(told.size).toBe(3);
    for (const { candidate = '', grant } of stood)
      expect(told.get(candidate)).toEqual(grant && [grant.seat, candidate, grant.term, grant.fence]);
  });

  it('are read from the store: one who has resigned is not among them, nor is the past of a view', async () => {
    const { session, candidateId = '' } = await campaign('one');
    await replica.elections.resign({ tenantId, election, session, candidateId }, bounds());
    expect(await leaders()).toEqual([]);
  });

  it('include those of seats that were added a moment ago', async () => {
    await campaign('one');
    await campaign('two');
    replica.view.elections.clear();
    expect((await leaders()).map(([, name]) => name).sort()).toEqual(['one', 'two']);
  });

  it('are those of no election where there is none', async () => {
    const asked = replica.elections.leaders({ tenantId, election: 'none' }, bounds());
    await expect(asked).rejects.toMatchObject({ code: 'election.not_found' });
  });
});

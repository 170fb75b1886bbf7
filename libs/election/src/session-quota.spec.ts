import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Replica } from '#election';
import { createElection, FakeClock, MemoryElectionStore, MemoryStoreData, Participant } from '#testing';

const secret = new Uint8Array(32).fill(7);

describe('the quota of sessions', () => {
  let clock: FakeClock;
  let data: MemoryStoreData;
  let replica: Replica;

  beforeEach(async () => {
    clock = new FakeClock();
    data = new MemoryStoreData();
    const store = new MemoryElectionStore(data);
    replica = await Replica.start({ store, clock, processId: 'prc_1', secret });
    await createElection(replica, clock);
    const value = JSON.stringify({ status: 'active', maxCandidatesPerElection: 100, maxSessions: 3 });
    data.commit({ guards: [], writes: [{ kind: 'put', key: 't/ten_a', value }], reads: [] });
    await clock.advance(300);
  });

  afterEach(() => replica.close());

  const stand = (name: string) => new Participant(name, { clock }).campaign(replica);

  it('is exact on one replica, however many campaign at the same moment', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 20 }, (_, at) => stand(`c${at}`)));
    const refused = tries.filter((one) => one.status === 'rejected');
    expect(refused).toHaveLength(17);
    expect(refused[0]?.reason).toMatchObject({
      code: 'limit.quota_exceeded',
      extras: { limit: { name: 'maxSessions', value: 3 }, executed: false },
    });
    expect(replica.view.sessionCounts.get('ten_a')).toBe(3);
  });

  it('lets a repeated campaign find its session when it is full', async () => {
    const one = new Participant('a', { clock });
    const first = await one.campaign(replica);
    await Promise.all([stand('b'), stand('c')]);
    await expect(stand('d')).rejects.toMatchObject({ code: 'limit.quota_exceeded' });
    expect(await one.campaign(replica)).toMatchObject({ candidateId: first.candidateId });
  });

  it('keeps no place for a campaign that was refused for another reason', async () => {
    await stand('a');
    for (let turn = 0; turn < 5; turn += 1) {
      const other = new Participant('a', { clock }).campaign(replica, { idempotencyKey: `k${turn}` });
      await expect(other).rejects.toMatchObject({ code: 'election.candidate_taken' });
    }
    await Promise.all([stand('b'), stand('c')]);
    expect(replica.view.sessionCounts.get('ten_a')).toBe(3);
  });

  it('counts anew after the store was listed again', async () => {
    await Promise.all([stand('a'), stand('b')]);
    const entries = data.read({ kind: 'prefix', prefix: '' });
    replica.view.reset(entries, replica.view.revision);
    expect(replica.view.sessionCounts.get('ten_a')).toBe(2);
  });
});

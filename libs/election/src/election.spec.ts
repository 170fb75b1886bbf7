import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Replica } from '#election';
import { createElection, FakeClock, MemoryElectionStore, MemoryStoreData, Participant } from '#testing';

const secret = new Uint8Array(32).fill(7);

describe('an election on one replica', () => {
  let clock: FakeClock;
  let data: MemoryStoreData;
  let replica: Replica;
  const started: Replica[] = [];

  async function startReplica(processId: string): Promise<Replica> {
    const store = new MemoryElectionStore(data);
    const made = await Replica.start({ store, clock, processId, secret });
    started.push(made);
    return made;
  }

  const participant = (name: string, ttlMs?: number): Participant =>
    new Participant(name, { clock, ...(ttlMs !== undefined && { ttlMs }) });

  beforeEach(async () => {
    clock = new FakeClock();
    data = new MemoryStoreData();
    replica = await startReplica('prc_1');
    await createElection(replica, clock);
    await clock.advance(300);
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((made) => made.close()));
  });

  it('gives the seat to the first who campaigns and a place in the queue to the next', async () => {
    const [first, second] = [participant('a'), participant('b')];
    expect(await first.campaign(replica)).toMatchObject({
      state: 'leader',
      grant: { term: 1, fence: 1, validForMs: 1960 },
    });
    expect(await second.campaign(replica)).toMatchObject({
      state: 'waiting',
      position: 1,
      leader: { name: 'a', term: 1 },
    });
  });

  it('finds the candidacy of a campaign that is repeated with its Idempotency-Key', async () => {
    const a = participant('a');
    const first = await a.campaign(replica);
    const again = await a.campaign(replica);
    expect(again).toMatchObject({ state: 'leader', candidateId: first.candidateId, session: first.session });
  });

  it('refuses a name that another live session stands under', async () => {
    await participant('a').campaign(replica);
    const other = participant('a').campaign(replica, { idempotencyKey: 'another' });
    await expect(other).rejects.toMatchObject({ code: 'election.candidate_taken' });
  });

  it('installs the successor in the same transition as the resignation', async () => {
    const [a, b] = [participant('a'), participant('b')];
    await a.campaign(replica);
    await b.campaign(replica);
    expect(await a.resign(replica)).toMatchObject({ state: 'out', successor: { name: 'b', term: 2 } });
    expect(await b.renew(replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
  });

  it('ends a leader that does not renew after its ttlMs and promotes the waiter that does', async () => {
    const [a, b] = [participant('a'), participant('b')];
    await a.campaign(replica);
    await b.campaign(replica);
    for (let passed = 0; passed < 1_900; passed += 100) {
      await clock.advance(100);
      expect((await b.renew(replica)).state).toBe('waiting');
    }
    await clock.advance(200);
    expect(a.believes).toBe(false);
    expect(await b.renew(replica)).toMatchObject({ state: 'leader', grant: { term: 2, fence: 2 } });
    await expect(a.renew(replica)).rejects.toMatchObject({ code: 'session.expired' });
  });

  it('tells a held renewal of its promotion', async () => {
    const [a, b] = [participant('a'), participant('b')];
    await a.campaign(replica);
    await b.campaign(replica);
    const held = b.renew(replica, 1_000);
    await clock.advance(50);
    await a.resign(replica);
    await clock.advance(10);
    expect(await held).toMatchObject({ state: 'leader', grant: { term: 2 }, sequence: 3 });
  });

  it('pauses: the leader yields at once and is out when its grants are over, the waiter stays', async () => {
    const [a, b] = [participant('a'), participant('b')];
    await a.campaign(replica);
    await b.campaign(replica);
    await replica.management.change(
      { tenantId: 'ten_a', election: 'billing' },
      { state: 'paused' },
      a.bounds(),
    );
    expect(await a.renew(replica)).toMatchObject({ state: 'yielding', reason: 'paused' });
    await clock.advance(1_000);
    await b.renew(replica);
    expect(await a.renew(replica)).toMatchObject({ state: 'yielding' });
    await clock.advance(1_100);
    expect(await a.renew(replica)).toMatchObject({ state: 'out', reason: 'paused' });
    expect(await b.renew(replica)).toMatchObject({ state: 'waiting', position: 1, leader: null });
    await replica.management.change(
      { tenantId: 'ten_a', election: 'billing' },
      { state: 'open' },
      a.bounds(),
    );
    expect(await b.renew(replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
  });

  it('deletes in two steps and goes on above the old fence when the name is created again', async () => {
    const a = participant('a');
    await a.campaign(replica);
    const target = { tenantId: 'ten_a', election: 'billing' };
    expect(await replica.management.remove(target, a.bounds())).toBe('closing');
    expect(await a.renew(replica)).toMatchObject({ state: 'yielding', reason: 'deleted' });
    await expect(createElection(replica, clock)).rejects.toMatchObject({ code: 'election.closing' });
    await clock.advance(2_100);
    await createElection(replica, clock);
    const b = participant('b');
    expect(await b.campaign(replica)).toMatchObject({ state: 'leader', grant: { term: 2, fence: 2 } });
  });

  it('applies a changed quota of the tenant to the elections that exist', async () => {
    const mirror = (most: number): void => {
      const value = JSON.stringify({ status: 'active', maxCandidatesPerElection: most });
      data.commit({ guards: [], writes: [{ kind: 'put', key: 't/ten_a', value }], reads: [] });
    };
    mirror(1);
    await clock.advance(10);
    await participant('a').campaign(replica);
    const refused = {
      code: 'limit.quota_exceeded',
      extras: { limit: { name: 'maxCandidatesPerElection', value: 1 } },
    };
    await expect(participant('b').campaign(replica)).rejects.toMatchObject(refused);
    mirror(2);
    await clock.advance(10);
    expect(await participant('b').campaign(replica)).toMatchObject({ state: 'waiting' });
    const view = await replica.management.get(
      { tenantId: 'ten_a', election: 'billing' },
      participant('c').bounds(),
    );
    expect(view.maxCandidates).toBe(2);
  });

  it('streams a snapshot first and then every event in order', async () => {
    const seen: string[] = [];
    const a = participant('a');
    const observer = {
      observe: (o: { kind: string; event?: { type: string; sequence: number } }) =>
        void seen.push(o.event ? `${o.event.sequence} ${o.event.type}` : o.kind),
    };
    const stop = await replica.elections.observe(
      { tenantId: 'ten_a', election: 'billing' },
      undefined,
      observer,
      a.bounds(),
    );
    await a.campaign(replica);
    await a.resign(replica);
    await clock.advance(10);
    stop();
    expect(seen).toEqual(['snapshot', '1 leadership.acquired', '2 leadership.lost', '3 election.vacant']);
  });

  it('sweeps the vacancy when two replicas both see the leader die', async () => {
    const other = await startReplica('prc_2');
    await clock.advance(300);
    const [a, b] = [participant('a'), participant('b')];
    await a.campaign(replica);
    await b.campaign(other);
    for (let passed = 0; passed < 2_400; passed += 100) {
      await clock.advance(100);
      await b.renew(passed % 200 === 0 ? other : replica);
    }
    expect(await b.renew(replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
    expect(await b.renew(other)).toMatchObject({ state: 'leader', grant: { term: 2 } });
  });
});

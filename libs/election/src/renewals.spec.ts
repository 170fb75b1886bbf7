import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IncumbentError } from '#core';
import { createElection, FakeClock, MemoryElectionStore, MemoryStoreData, Participant } from '#testing';
import { Replica } from './replica.js';
import type { CommitOptions, Transition } from './store.js';

const TARGET = { tenantId: 'ten_a', election: 'billing' };

/** A store that sheds campaigns, as etcd's watermark does, and whose watch can be held up. */
class HardPressedStore extends MemoryElectionStore {
  sheds: 'nothing' | 'with an error' | 'in silence' = 'nothing';

  override async commit(transition: Transition, options: CommitOptions) {
    if (options.lane !== 'campaign' || this.sheds === 'nothing')
      return await super.commit(transition, options);
    if (this.sheds === 'in silence') return await new Promise<never>(() => undefined);
    throw new IncumbentError('store.overloaded', 'The store is nearly full.', { executed: false });
  }
}

describe('a renewal', () => {
  let clock: FakeClock;
  let store: HardPressedStore;
  let replica: Replica;
  let held: (() => void)[] | undefined;
  let a: Participant;
  let b: Participant;

  beforeEach(async () => {
    clock = new FakeClock();
    held = undefined;
    store = new HardPressedStore(new MemoryStoreData(), {
      onDelivery: (deliver) => (held ? void held.push(deliver) : queueMicrotask(deliver)),
    });
    replica = await Replica.start({ store, clock, processId: 'prc_1', secret: new Uint8Array(32).fill(7) });
    await createElection(replica, clock);
    await clock.advance(300);
    [a, b] = [new Participant('a', { clock }), new Participant('b', { clock })];
    await a.campaign(replica);
    await b.campaign(replica);
  });

  afterEach(async () => {
    await replica.close();
  });

  it('that reports a health is granted although the report cannot be stored', async () => {
    store.sheds = 'with an error';
    expect(await a.renew(replica, undefined, { health: 40 })).toMatchObject({ state: 'leader' });
    store.sheds = 'nothing';
    await a.renew(replica, undefined, { health: 40 });
    await clock.advance(10);
    const { data } = await replica.management.candidates(TARGET, a.bounds(), { limit: 10 });
    expect(data[0]).toMatchObject({ name: 'a', health: 40 });
  });

  it('that reports a health is answered soon although the store does not answer the report', async () => {
    store.sheds = 'in silence';
    const renewal = a.renew(replica, undefined, { health: 40 });
    await clock.advance(500);
    await expect(Promise.race([renewal, Promise.resolve('held up')])).resolves.toMatchObject({
      state: 'leader',
    });
  });

  it('after a replacement that the view does not show yet says that the caller waits, not that it is out', async () => {
    const order = {
      ...TARGET,
      kind: 'transfer',
      mode: 'immediate',
      seat: 0,
      to: 'b',
      expectedTerm: 1,
    } as const;
    await clock.advance(10);
    held = [];
    await replica.handOvers.request(order, a.bounds());
    const renewal = a.renew(replica);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    const late = held;
    held = undefined;
    for (const deliver of late) deliver();
    expect(await renewal).toMatchObject({ state: 'waiting', leader: { name: 'b', term: 2 } });
  });

  it('tells a leader that is asked to step down its whole grace, although the view does not show the mark yet', async () => {
    const order = {
      ...TARGET,
      kind: 'transfer',
      mode: 'graceful',
      seat: 0,
      to: 'b',
      expectedTerm: 1,
    } as const;
    held = [];
    await replica.handOvers.request({ ...order, graceMs: 5_000 }, a.bounds());
    await clock.advance(100);
    expect(await a.renew(replica)).toMatchObject({
      state: 'leader',
      reason: 'transferred',
      yieldByMs: 4_900,
    });
    for (const deliver of held) deliver();
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Replica } from '#election';
import { createElection, FakeClock, MemoryElectionStore, MemoryStoreData, Participant } from '#testing';

describe('a held answer', () => {
  let clock: FakeClock;
  let replica: Replica;
  /** Deliveries of the watch that a test holds back. */
  let held: (() => void)[] | undefined;

  const participant = (name: string): Participant => new Participant(name, { clock });

  beforeEach(async () => {
    clock = new FakeClock();
    held = undefined;
    const onDelivery = (deliver: () => void): void => {
      if (held) held.push(deliver);
      else queueMicrotask(deliver);
    };
    const store = new MemoryElectionStore(new MemoryStoreData(), { onDelivery });
    replica = await Replica.start({ store, clock, processId: 'prc_1', secret: new Uint8Array(32).fill(7) });
    await createElection(replica, clock);
    await clock.advance(300);
  });

  afterEach(async () => {
    await replica.close();
  });

  it('tells of a promotion by its own replica from a read of its own, before the watch does', async () => {
    const [a, b] = [participant('a'), participant('b')];
    await a.campaign(replica);
    await b.campaign(replica);
    const answer = b.renew(replica, 1_000);
    await clock.advance(50);
    held = [];
    await a.resign(replica);
    await clock.advance(5);
    const told = await Promise.race([answer, Promise.resolve('not yet')]);
    expect(told).toMatchObject({ state: 'leader', grant: { term: 2 }, sequence: 3 });
    for (const deliver of held.splice(0)) deliver();
  });

  it('says "waiting" again when the time is over and nothing has changed', async () => {
    const [a, b] = [participant('a'), participant('b')];
    await a.campaign(replica);
    await b.campaign(replica);
    const answer = b.renew(replica, 500);
    await clock.advance(510);
    expect(await answer).toMatchObject({ state: 'waiting', position: 1 });
  });

  it('says "out" to a waiter that resigned while its answer was held', async () => {
    const [a, b] = [participant('a'), participant('b')];
    await a.campaign(replica);
    await b.campaign(replica);
    const answer = b.renew(replica, 1_000).catch((error: unknown) => error);
    await clock.advance(50);
    await b.resign(replica);
    await clock.advance(10);
    expect(await answer).toMatchObject({ code: 'session.expired' });
  });

  it('grants no longer than from the send of the held request', async () => {
    const [a, b] = [participant('a'), participant('b')];
    await a.campaign(replica);
    await b.campaign(replica);
    const sentAtMs = clock.monotonicMs();
    const answer = b.renew(replica, 1_000);
    await clock.advance(900);
    await a.resign(replica);
    await clock.advance(5);
    expect((await answer).state).toBe('leader');
    expect(b.believesUntilMs).toBe(sentAtMs + 1_960);
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Replica } from '#election';
import { createElection, FakeClock, MemoryElectionStore, MemoryStoreData, Participant } from '#testing';
import { HeldAnswers } from './held-answers.js';
import { electionRef } from './keys.js';

const ref = electionRef('ten_a', 'billing');

describe('held answers', () => {
  let clock: FakeClock;
  let replica: Replica;
  let held: HeldAnswers;
  /** How often each candidate was asked whether something has happened, beyond the first time. */
  let asked: Map<string, number>;

  const stand = async (name: string): Promise<Participant> => {
    const participant = new Participant(name, { clock, ttlMs: 60_000 });
    await participant.campaign(replica);
    await clock.advance(1);
    return participant;
  };

  const wait = (name: string, candidateId?: string): Promise<void> => {
    asked.set(name, -1);
    const subject = { ...ref, ...(candidateId !== undefined && { candidateId }) };
    const count = (): boolean => asked.set(name, (asked.get(name) ?? 0) + 1) && false;
    return held.wait(subject, count, 10_000);
  };

  beforeEach(async () => {
    clock = new FakeClock();
    asked = new Map();
    const onDelivery = queueMicrotask;
    const store = new MemoryElectionStore(new MemoryStoreData(), { onDelivery });
    replica = await Replica.start({ store, clock, processId: 'prc_1', secret: new Uint8Array(32).fill(7) });
    held = new HeldAnswers(replica.view, clock);
    await createElection(replica, clock);
    await clock.advance(300);
  });

  afterEach(async () => {
    held.close();
    await replica.close();
  });

  it('wake at a resign the one that leaves, the one that succeeds and who asks for the leader', async () => {
    const [a, b, c, d] = [await stand('a'), await stand('b'), await stand('c'), await stand('d')];
    for (const each of [a, b, c, d]) void wait(each.name, each.standing?.candidateId);
    void wait('anybody');
    await a.resign(replica);
    await clock.advance(5);
    expect([...asked].filter(([, times]) => times > 0).map(([name]) => name)).toEqual(['a', 'b', 'anybody']);
    expect(asked.get('c')).toBe(0);
  });

  it('wake nobody when somebody joins', async () => {
    const a = await stand('a');
    void wait('a', a.standing?.candidateId);
    void wait('anybody');
    await stand('b');
    expect([...asked.values()]).toEqual([0, 0]);
  });

  it('wake, when a waiter leaves, that one alone', async () => {
    await stand('a');
    const [b, c] = [await stand('b'), await stand('c')];
    for (const each of [b, c]) void wait(each.name, each.standing?.candidateId);
    await b.resign(replica);
    await clock.advance(5);
    expect(asked.get('b')).toBeGreaterThan(0);
    expect(asked.get('c')).toBe(0);
  });

  it('end when the time is over or when they are closed', async () => {
    const a = await stand('a');
    const first = held.wait({ ...ref, candidateId: a.standing?.candidateId ?? '' }, () => false, 100);
    await clock.advance(100);
    await expect(first).resolves.toBeUndefined();
    const second = wait('a', a.standing?.candidateId);
    held.close();
    await expect(second).resolves.toBeUndefined();
    await held.wait(ref, () => false, 100);
  });
});

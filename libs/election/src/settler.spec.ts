import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '#core';
import { createElection, FakeClock, MemoryElectionStore, MemoryStoreData, Participant } from '#testing';
import { electionRef, keys } from './keys.js';
import type { ElectionSettings } from './records.js';
import { Replica } from './replica.js';

const TARGET = { tenantId: 'ten_a', election: 'billing' };
const REF = electionRef(TARGET.tenantId, TARGET.election);
const TTL_MS = 20_000;

describe('the settlement of elections', () => {
  let clock: FakeClock;
  let data: MemoryStoreData;
  let closing: Replica[];

  beforeEach(() => {
    clock = new FakeClock();
    data = new MemoryStoreData();
    closing = [];
  });

  afterEach(async () => {
    await Promise.all(closing.map((replica) => replica.close()));
  });

  async function start(processId: string, its: Clock = clock) {
    const store = new MemoryElectionStore(data);
    const replica = await Replica.start({ store, clock: its, processId, secret: new Uint8Array(32).fill(7) });
    closing.push(replica);
    return { store, replica };
  }

  async function elect(replica: Replica, settings: Partial<ElectionSettings>): Promise<void> {
    await createElection(replica, clock, settings);
    await clock.advance(300);
  }

  const stand = (name: string): Participant => new Participant(name, { clock, ttlMs: TTL_MS });

  /** The same clock, with the time of day `byMs` ahead. */
  const ahead = (byMs: number): Clock => ({
    monotonicMs: () => clock.monotonicMs(),
    wallTimeMs: () => clock.wallTimeMs() + byMs,
    after: (delayMs, run) => clock.after(delayMs, run),
  });

  async function pass(ms: number, on: Replica, ...renewing: Participant[]): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      await clock.advance(500);
      for (const participant of renewing) await participant.renew(on).catch(() => undefined);
    }
  }

  it('replaces a leader that was withheld long enough as soon as the store can be reached again', async () => {
    const { replica, store } = await start('prc_1');
    await elect(replica, {});
    const [a, b] = [stand('a'), stand('b')];
    await a.campaign(replica);
    await b.campaign(replica);
    const transfer = { ...TARGET, kind: 'transfer', mode: 'graceful', seat: 0, to: 'b', graceMs: 0 } as const;
    await replica.handOvers.request({ ...transfer, expectedTerm: 1 }, a.bounds());
    await pass(TTL_MS - 1_000, replica, a, b);
    store.partitioned = true;
    await clock.advance(4_000);
    store.partitioned = false;
    // Another wait of a whole ttlMs would be one that nobody asked for.
    await pass(3_000, replica, a, b);
    expect(await b.renew(replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
  });

  it('does not mark and unmark a leader in turns where replicas have another time of day', async () => {
    const settings = { policy: 'priority' as const, preemption: true, minTermMs: 30_000, graceMs: 60_000 };
    const { replica } = await start('prc_1');
    await elect(replica, settings);
    const [a, b] = [stand('a'), stand('b')];
    await a.campaign(replica, { priority: 1 });
    await b.campaign(replica, { priority: 9 });
    // Listed, not seen: this replica tells the age of the term by its own time of day.
    await start('prc_2', ahead(3_600_000));
    await start('prc_3', ahead(-3_600_000));
    await pass(5_000, replica, a, b);
    const key = keys.leader(REF, 0);
    const first = data.entries.get(key);
    await pass(10_000, replica, a, b);
    expect(data.entries.get(key)?.modRevision).toBe(first?.modRevision);
    expect(first?.value).toContain('preempted');
  });
});

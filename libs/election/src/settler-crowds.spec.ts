import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Replica } from '#election';
import { createElection, FakeClock, MemoryElectionStore, MemoryStoreData, Participant } from '#testing';
import { electionRef, keys } from './keys.js';
import { policies } from './policies/index.js';

/** As long as it takes to rank ten thousand. */
const LOOK_MS = 10;
const CANDIDATES = 500;

const REF = electionRef('ten_a', 'billing');

describe('the settlement of a crowded election', () => {
  let clock: FakeClock;
  let data: MemoryStoreData;
  let replica: Replica;
  /** How often the policy was asked whether the leader has to go. */
  let looks: number;

  const leader = () => replica.view.election(REF)?.seats.get(0)?.leader?.record;

  const stand = async (name: string, priority: number): Promise<Participant> => {
    const participant = new Participant(name, { clock, ttlMs: 60_000 });
    await participant.campaign(replica, { priority });
    return participant;
  };

  beforeEach(async () => {
    clock = new FakeClock();
    looks = 0;
    const { priority } = policies;
    const challenge = priority.challenge?.bind(priority);
    jest.spyOn(priority, 'challenge').mockImplementation((reign) => {
      looks += 1;
      clock.stall(LOOK_MS);
      return challenge?.(reign);
    });
    data = new MemoryStoreData();
    const store = new MemoryElectionStore(data, { onDelivery: queueMicrotask });
    replica = await Replica.start({ store, clock, processId: 'prc_1', secret: new Uint8Array(32).fill(7) });
    await createElection(replica, clock, { policy: 'priority', preemption: true });
    await clock.advance(300);
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await replica.close();
  });

  it('looks at it a tenth of the time at most, but at the end of its leader at once', async () => {
    await stand('leader', 9);
    for (let at = 1; at < CANDIDATES; at += 1) await stand(`waiter-${at}`, 0);
    await clock.advance(1_000);
    const [fromMs, before] = [clock.monotonicMs(), looks];
    for (let at = 0; at < 100; at += 1) {
      await stand(`late-${at}`, 0);
      await clock.advance(10);
    }
    const spentMs = (looks - before) * LOOK_MS;
    expect(spentMs).toBeGreaterThan(0);
    expect(spentMs).toBeLessThan((clock.monotonicMs() - fromMs) / 8);
    await stand('last', 1);
    // Its session ends without it: only the settler fills the seat.
    const { sessionId } = leader() ?? { sessionId: '' };
    data.commit({ guards: [], writes: [{ kind: 'delete', key: keys.session(sessionId) }], reads: [] });
    await clock.advance(5);
    expect(leader()?.name).toBe('last');
  });

  it('comes to a challenge that it has put off', async () => {
    await stand('leader', 1);
    for (let at = 1; at < CANDIDATES; at += 1) await stand(`waiter-${at}`, 0);
    await clock.advance(1_000);
    await stand('another', 0);
    await stand('rival', 9);
    expect(leader()?.withheld).toBeUndefined();
    await clock.advance(300);
    expect(leader()?.withheld).toMatchObject({ reason: 'preempted' });
  });
});

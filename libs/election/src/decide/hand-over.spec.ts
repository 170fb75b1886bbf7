import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createElection, FakeClock, MemoryElectionStore, MemoryStoreData, Participant } from '#testing';
import { Replica } from '../replica.js';

const TARGET = { tenantId: 'ten_a', election: 'billing' };
const TRANSFER = { ...TARGET, kind: 'transfer', mode: 'graceful', seat: 0 } as const;

describe('a hand-over', () => {
  let clock: FakeClock;
  let replica: Replica;
  let a: Participant;
  let b: Participant;

  const status = () => replica.management.status(TARGET, a.bounds());

  beforeEach(async () => {
    clock = new FakeClock();
    const store = new MemoryElectionStore(new MemoryStoreData(), { onDelivery: queueMicrotask });
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

  it('that waits for its time does not begin in the election that is created anew under the name', async () => {
    const dueAt = new Date(clock.wallTimeMs() + 60_000).toISOString();
    await replica.handOvers.request({ ...TRANSFER, expectedTerm: 1, to: 'b', dueAt }, a.bounds());
    await replica.management.remove(TARGET, a.bounds());
    await clock.advance(5_000);
    await createElection(replica, clock, { policy: 'manual' });
    const c = new Participant('b', { clock });
    await c.campaign(replica, { idempotencyKey: 'anew', ttlMs: 60_000 });
    for (let renewed = 0; renewed < 3; renewed += 1) {
      await clock.advance(25_000);
      await c.renew(replica);
    }
    const { leader, seats, candidateCount } = await status();
    expect({ leader, candidateCount }).toEqual({ leader: null, candidateCount: 1 });
    expect(seats[0]?.handOver).toMatchObject({ state: 'cancelled' });
  });

  it('is refused while nobody could follow, by the term that it names, and for a time that is too far', async () => {
    const request = (more: object) =>
      replica.handOvers.request({ ...TRANSFER, to: 'b', expectedTerm: 1, ...more }, a.bounds());
    const dueAt = new Date(clock.wallTimeMs() + 32 * 86_400_000).toISOString();
    await expect(request({ dueAt })).rejects.toMatchObject({ code: 'request.invalid_body' });
    await request({ graceMs: 60_000 });
    await expect(request({ expectedTerm: 9 })).rejects.toMatchObject({ code: 'election.term_changed' });
    await expect(request({})).rejects.toMatchObject({ code: 'hand_over.in_progress' });
    await replica.management.change(TARGET, { state: 'paused' }, a.bounds());
    await expect(request({ mode: 'immediate' })).rejects.toMatchObject({ code: 'hand_over.in_progress' });
    await clock.advance(5_000);
    await expect(request({})).rejects.toMatchObject({ code: 'election.paused' });
  });
});

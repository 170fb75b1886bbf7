import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { decode, electionRef, type HeadRecord, keys, type Standing } from '#election';
import { type Participant, waitUntil } from '#testing';
import { LONG_TTL_MS, Rig, type RigReplica, stored, storedLeader, target } from './rig.js';

const WAITERS = 500;
/** Of the leader that dies; the crowd has stood long before. */
const SHORT_TTL_MS = 4_000;
const WAIT_MS = LONG_TTL_MS / 2;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

/** Waiters behind one leader, half of them at each replica, all with a held renew. */
class Crowd {
  readonly leader = rig.participant('leader', { ttlMs: SHORT_TTL_MS });
  readonly waiters: Participant[] = [];
  readonly answered: Standing[] = [];
  readonly #replicas: [RigReplica, RigReplica];
  readonly #alive: { stop: () => void };

  static async gather(): Promise<Crowd> {
    const replicas = await rig.pair();
    const crowd = new Crowd(replicas);
    await crowd.leader.campaign(replicas[0].replica);
    crowd.waiters.push(...Array.from({ length: WAITERS }, (_, at) => rig.participant(`waiter-${at}`)));
    const [first, ...others] = crowd.waiters;
    await first?.campaign(replicas[0].replica);
    for (let from = 0; from < others.length; from += 100)
      await Promise.all(others.slice(from, from + 100).map((waiter) => waiter.campaign(replicas[0].replica)));
    await rig.caughtUp();
    await crowd.#hold();
    return crowd;
  }

  private constructor(replicas: [RigReplica, RigReplica]) {
    this.#replicas = replicas;
    this.#alive = rig.keepRenewing(this.leader, () => replicas[0]);
  }

  /** Counts what the replicas ask of the store for others than themselves. */
  count(): { reads: () => number; terms: () => number } {
    const reads = this.#replicas.map(({ gate }) => jest.spyOn(gate, 'read'));
    const commits = this.#replicas.map(({ gate }) => jest.spyOn(gate, 'commit'));
    const startsTerm = ({ writes }: { writes: readonly { kind: string; key: string }[] }): boolean =>
      writes.some(({ kind, key }) => kind === 'put' && key.endsWith('/0/leader'));
    return {
      reads: () => reads.reduce((sum, { mock }) => sum + mock.calls.length, 0),
      terms: () =>
        commits.flatMap(({ mock }) => mock.calls).filter(([transition]) => startsTerm(transition)).length,
    };
  }

  get first(): RigReplica {
    return this.#replicas[0];
  }

  die(): void {
    this.#alive.stop();
  }

  /** The next leader was told, and both replicas have taken in all that its promotion changed. */
  async settled(): Promise<void> {
    await waitUntil(() => this.answered.length > 0, { what: 'the successor to be told' });
    await rig.caughtUp();
    // Whoever is woken in vain would have been answered by now, or asks the store and is counted.
    await rig.caughtUp();
  }

  async #hold(): Promise<void> {
    for (const [at, waiter] of this.waiters.entries()) {
      const { replica } = this.#replicas[at % 2 === 0 ? 0 : 1];
      waiter.renew(replica, WAIT_MS).then(
        (standing) => this.answered.push(standing),
        // The replicas are closed with the test.
        () => undefined,
      );
    }
    await rig.caughtUp();
  }
}

describe('a crowd of 500 waiters with held renews, at two replicas', () => {
  it('is not answered when the leader dies, but for the one that succeeds, by one promotion', async () => {
    const crowd = await Crowd.gather();
    expect(crowd.answered).toEqual([]);
    const counted = crowd.count();
    crowd.die();
    await crowd.settled();
    expect(crowd.answered).toMatchObject([{ state: 'leader', candidate: 'waiter-0', grant: { term: 2 } }]);
    expect(await storedLeader(crowd.first)).toMatchObject({ name: 'waiter-0', term: 2 });
    // One term began, by one transition; nobody but the successor read anything.
    expect(counted.terms()).toBe(1);
    expect(counted.reads()).toBeLessThan(10);
    expect(await sequence(crowd.first)).toBe(3);
  }, 120_000);
});

/** Number of the election's last event. */
async function sequence(on: RigReplica): Promise<number | undefined> {
  const ref = electionRef(target.tenantId, target.election);
  const [head] = await stored(on, { kind: 'key', key: keys.head(ref) });
  return head && decode<HeadRecord>(head.value).sequence;
}

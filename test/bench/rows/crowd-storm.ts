import { decode, type Entry, type Follower, type LeaderRecord, parseKey } from '#election';
import type { EtcdElectionStore } from '#etcd';
import type { Bench } from '../bench.js';
import { CrowdHouse, makeElection, Renewers, renewAll, sessionsIn, shown } from '../crowd-house.js';
import { compareLatency, figureOf, type Line } from '../figures.js';
import { pause } from '../rounds.js';

const ELECTIONS = 2_000;
const STORMS = 3;
/** Long enough for a crowd to be prepared, short enough to wait for its end. */
const TTL_MS = 8_000;
/** Whoever is to live is renewed this often, all at once, past the replicas. */
const KEEP_EVERY_MS = 2_000;
const QUIET = { elections: 40, ttlMs: 120_000, connections: 20, ratePerSecond: 300 };
/** The storm begins when the last renewal is ttlMs old; watched for this long. */
const WATCHED_MS = 4_000;

/**
 * 2,000 leaders, each of its own election with one waiter behind it, fall silent at the same moment: how long until
 * every election has its next leader, counted from the end of their ttlMs; and what that costs the renewals of others.
 */
export async function crowdStorm(bench: Bench): Promise<Line[]> {
  const house = await CrowdHouse.open();
  const count = bench.quick ? 100 : ELECTIONS;
  const terms = new Terms();
  const store = await house.store(terms);
  const standings = await house.leaders('quiet', QUIET.elections, QUIET.ttlMs);
  const elections = standings.map((_, index) => `quiet-${index}`);
  const quiet = new Renewers(house.service, { elections, standings }, QUIET);
  const settled: number[] = [];
  const ours: number[] = [];
  const theirs: number[] = [];
  let note = '';
  try {
    await house.prepare(count, (index, participant) => makeElection(participant, `storm-${index}`, TTL_MS));
    await quiet.renewFor(bench.quick ? 300 : 2_000);
    for (let storm = 0; storm < (bench.quick ? 1 : STORMS); storm += 1) {
      const keeper = new Keeper(store);
      const dying = await keeper.stand(house, count, 'leader');
      const waiting = await keeper.stand(house, count, 'waiter');
      await renewAll(store, [...waiting, ...dying]);
      const silentFromMs = performance.now();
      keeper.keep(() => Promise.resolve(waiting));
      terms.begin();
      theirs.push(...(await quiet.renewFor(TTL_MS - 1_000)));
      await pause(Math.max(0, silentFromMs + TTL_MS - 50 - performance.now()));
      const usage = await house.meter();
      ours.push(...(await quiet.renewFor(WATCHED_MS)));
      for (let more = 0; terms.starts < count && more < 10; more += 1) await pause(1_000);
      note = `${shown(await usage())}; the first after ${Math.round(terms.firstStartMs - silentFromMs - TTL_MS)} ms`;
      settled.push(terms.lastStartMs - (silentFromMs + TTL_MS));
      keeper.stop();
      if (terms.starts !== count) throw new Error(`There were ${terms.starts} promotions for ${count} ends.`);
      // The next storm begins without anybody.
      await pause(TTL_MS + 3_000);
    }
    return [
      { what: `${count} sessions end at once, settled after`, unit: 'ms', ours: figureOf(settled), note },
      compareLatency(`renew beside ${count} sessions that end`, 99, { ours, theirs }, 2),
    ];
  } finally {
    quiet.close();
    await house.close();
  }
}

/** Keeps sessions alive past the replicas, all at once. */
class Keeper {
  readonly #store: EtcdElectionStore;
  readonly #known = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: EtcdElectionStore) {
    this.#store = store;
  }

  /** One candidate more in every election; everybody lives meanwhile. @returns the sessions that this made */
  async stand(house: CrowdHouse, count: number, candidate: string): Promise<Entry[]> {
    for (const { key } of await sessionsIn(this.#store)) this.#known.add(key);
    this.keep(() => sessionsIn(this.#store));
    await house.prepare(count, async (index, participant) => {
      await participant.campaign(`storm-${index}`, { candidate });
    });
    this.stop();
    const made = (await sessionsIn(this.#store)).filter(({ key }) => !this.#known.has(key));
    if (made.length !== count) throw new Error(`${made.length} of ${count} sessions live.`);
    return made;
  }

  keep(sessions: () => Promise<readonly Entry[]>): void {
    const renew = async (): Promise<void> => renewAll(this.#store, await sessions());
    this.#timer = setInterval(() => void renew(), KEEP_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Told of every change, as replicas are: counts the terms that start. */
class Terms implements Follower {
  starts = 0;
  firstStartMs = NaN;
  lastStartMs = NaN;

  begin(): void {
    this.starts = 0;
  }

  reset(): void {}

  apply(changes: Parameters<Follower['apply']>[0]): void {
    for (const change of changes) {
      if (change.kind !== 'put' || parseKey(change.entry.key)?.kind !== 'leader') continue;
      if (decode<LeaderRecord>(change.entry.value).withheld) continue;
      this.lastStartMs = performance.now();
      if (this.starts === 0) this.firstStartMs = this.lastStartMs;
      this.starts += 1;
    }
  }
}

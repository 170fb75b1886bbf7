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
/** Of the waiters: they outlive the row. */
const LONG_TTL_MS = 900_000;
/** While a crowd is prepared its leaders are renewed this often, all at once, past the replicas. */
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
    await quiet.renewFor(bench.quick ? 300 : 2_000);
    for (let storm = 0; storm < (bench.quick ? 1 : STORMS); storm += 1) {
      const dying = await gather(house, store, { prefix: `storm-${storm}`, count });
      await pause(500);
      await renewAll(store, dying);
      const silentFromMs = performance.now();
      terms.begin();
      await pause(500);
      theirs.push(...(await quiet.renewFor(TTL_MS - 1_500)));
      await pause(Math.max(0, silentFromMs + TTL_MS - 100 - performance.now()));
      const usage = await house.meter();
      ours.push(...(await quiet.renewFor(WATCHED_MS)));
      for (let more = 0; terms.starts < count && more < 10; more += 1) await pause(1_000);
      const [first, last] = [terms.firstStartMs, terms.lastStartMs].map(
        (atMs) => atMs - silentFromMs - TTL_MS,
      );
      note = `${shown(await usage())}; the first after ${Math.round(first ?? NaN)} ms`;
      settled.push(last ?? NaN);
      if (terms.starts !== count) throw new Error(`There were ${terms.starts} promotions for ${count} ends.`);
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

/** Elections with a leader and a waiter each. @returns the sessions of the leaders, which nobody renews */
async function gather(
  house: CrowdHouse,
  store: EtcdElectionStore,
  { prefix, count }: { prefix: string; count: number },
): Promise<Entry[]> {
  const known = new Set((await sessionsIn(store)).map(({ key }) => key));
  await house.prepare(count, (index, participant) =>
    makeElection(participant, `${prefix}-${index}`, { ttlMs: TTL_MS, maxTtlMs: LONG_TTL_MS }),
  );
  const made = async (): Promise<Entry[]> => (await sessionsIn(store)).filter(({ key }) => !known.has(key));
  const keeping = setInterval(() => void made().then((sessions) => renewAll(store, sessions)), KEEP_EVERY_MS);
  const stand = (candidate: string, more: { ttlMs?: number }): Promise<void> =>
    house.prepare(count, async (index, participant) => {
      await participant.campaign(`${prefix}-${index}`, { candidate, ...more });
    });
  await stand('leader', {});
  const leaders = await made();
  await stand('waiter', { ttlMs: LONG_TTL_MS });
  clearInterval(keeping);
  const sessions = (await made()).length;
  if (leaders.length !== count || sessions !== 2 * count)
    throw new Error(`${sessions} sessions live, of which ${leaders.length} lead.`);
  return leaders;
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

import { systemClock } from '#core';
import { decode, electionRef, type ElectionRef, keys, type LeaderRecord, SYSTEM_TENANT } from '#election';
import type { EtcdElectionStore } from '#etcd';
import type { Bench } from '../bench.js';
import { CrowdHouse, Renewers, shown } from '../crowd-house.js';
import { compareLatency, figureOf, type Line, percentile } from '../figures.js';
import type { Incumbent, Standing } from '../incumbent.js';
import { pause } from '../rounds.js';

const CANDIDATES = 10_000;
/** How many of them wait in a held renew, each on a connection of its own. */
const HELD = 500;
const TTL_MS = 240_000;
const QUIET = { elections: 40, ttlMs: 120_000, connections: 20, ratePerSecond: 300 };
/** The crowd renews at its pace: each at a third of its ttlMs. */
const CROWD_CONNECTIONS = 8;
const ENDS = 12;
const END_EVERY_MS = 500;
const ELECTION = 'crowd';

/**
 * 10,000 candidates in one election. Its leader resigns or its session ends, again and again: each end makes one
 * promotion and answers one held renew, that of the successor; and what it costs the renewals of another election.
 */
export async function crowd(bench: Bench): Promise<Line[]> {
  const house = await CrowdHouse.open();
  const count = bench.quick ? 200 : CANDIDATES;
  try {
    const quietOnes = await house.leaders('quiet', QUIET.elections, QUIET.ttlMs);
    const { standings, bytes } = await join(house, count);
    const most = Math.min(HELD, count / 2);
    const held = await Held.hold(house, standings[0], standings.slice(1, 1 + most));
    const quiet = renewersOf(house, quietOnes);
    const others = standings.slice(1 + most);
    const waiting = new Renewers(
      house.service,
      { elections: others.map(() => ELECTION), standings: others },
      { connections: CROWD_CONNECTIONS, ratePerSecond: Math.max(1, (others.length * 3_000) / TTL_MS) },
    );
    const durationMs = (bench.quick ? 2 : ENDS) * END_EVERY_MS;
    const store = await house.store();
    const rounds = { ours: [] as number[], theirs: [] as number[] };
    let note = '';
    for (const how of ['resign', 'end'] as const) {
      const [alone] = await Promise.all([quiet.renewFor(durationMs), waiting.renewFor(durationMs)]);
      rounds.theirs.push(...alone);
      const usage = await house.meter();
      const [beside] = await Promise.all([
        quiet.renewFor(durationMs),
        waiting.renewFor(durationMs),
        endTerms({ house, store, held, how, times: durationMs / END_EVERY_MS }),
      ]);
      rounds.ours.push(...beside);
      note = shown(await usage());
    }
    quiet.close();
    waiting.close();
    held.close();
    const line = compareLatency(`renew beside ${count} candidates whose leader ends`, 99, rounds, 2);
    return [{ ...line, note }, ...held.lines(), memoryLine(bytes, count)];
  } finally {
    await house.close();
  }
}

function memoryLine(bytes: number, count: number): Line {
  const note = `without connections; growth over ${count}`;
  return { what: 'memory of a candidate in a crowd', unit: 'kB', ours: figureOf([bytes / 1e3]), note };
}

function renewersOf(house: CrowdHouse, standings: Standing[]): Renewers {
  const elections = standings.map((_, index) => `quiet-${index}`);
  return new Renewers(house.service, { elections, standings }, QUIET);
}

/** Everybody joins; the order of joining is the queue. */
async function join(house: CrowdHouse, count: number): Promise<{ standings: Standing[]; bytes: number }> {
  const first = house.service.connect();
  await first.createElection(ELECTION, { ttlMs: TTL_MS, maxTtlMs: TTL_MS });
  first.close();
  const before = await house.inspector.memory();
  const standings: Standing[] = [];
  // In the order in which they are answered: the head of the queue, which holds its renews, is joined one by one.
  const inOrder = Math.min(HELD + 1, count);
  const participant = house.service.connect();
  for (let index = 0; index < inOrder; index += 1)
    standings.push(await participant.campaign(ELECTION, { candidate: `candidate-${index}` }));
  participant.close();
  await house.prepare(count - inOrder, async (index, other) => {
    standings.push(await other.campaign(ELECTION, { candidate: `candidate-${inOrder + index}` }));
  });
  await pause(500);
  const after = await house.inspector.memory();
  return { standings, bytes: (after.heapBytes - before.heapBytes) / count };
}

/** Held renews, and what came of each. */
class Held {
  readonly #connections: Incumbent[] = [];
  /** candidateId -> when its renew was answered, and what it said. */
  readonly answered = new Map<string, { atMs: number; standing: Standing }>();
  readonly latenciesMs: number[] = [];
  readonly answersPerEnd: number[] = [];
  readonly promotionsPerEnd: number[] = [];

  static async hold(
    house: CrowdHouse,
    leader: Standing | undefined,
    standings: readonly Standing[],
  ): Promise<Held> {
    const held = new Held();
    if (leader) held.answered.set(leader.candidateId, { atMs: performance.now(), standing: leader });
    for (const standing of standings) {
      const connection = house.service.connect();
      held.#connections.push(connection);
      connection
        .renew(ELECTION, standing.session, TTL_MS / 2)
        .then((answer) =>
          held.answered.set(standing.candidateId, { atMs: performance.now(), standing: answer }),
        )
        // Closed at the end.
        .catch(() => undefined);
      if (held.#connections.length % 50 === 0) await pause(20);
    }
    await pause(1_000);
    return held;
  }

  lines(): Line[] {
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [promotions, answers] = [mean(this.promotionsPerEnd), mean(this.answersPerEnd)];
    return [
      {
        what: 'promotions for each end of a leader',
        unit: '',
        ours: figureOf(this.promotionsPerEnd),
        target: { atMost: 1 },
        met: promotions === 1 && answers === 1,
        note: `of ${this.#connections.length} held renews ${answers} answered for each: the successor's`,
      },
      {
        what: 'successor in a crowd told',
        unit: 'ms',
        ours: figureOf(this.latenciesMs),
        note: `p99 ${percentile(this.latenciesMs, 99).toFixed(1)} ms, from the send of the resign or the end of the session`,
      },
    ];
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}

interface Ends {
  house: CrowdHouse;
  store: EtcdElectionStore;
  held: Held;
  how: 'resign' | 'end';
  times: number;
}

async function endTerms({ house, store, held, how, times }: Ends): Promise<void> {
  const participant = house.service.connect();
  const ref = await crowdRef(store);
  for (let time = 0; time < times; time += 1) {
    const leader = await leaderOf(store, ref);
    const answeredBefore = held.answered.size;
    const sentMs = performance.now();
    const session = held.answered.get(leader.candidateId)?.standing;
    if (how === 'resign' && session) await participant.resign(ELECTION, session);
    else await endSession(store, leader.sessionId);
    await pause(END_EVERY_MS - 50);
    const next = await leaderOf(store, ref);
    held.promotionsPerEnd.push(next.term - leader.term);
    held.answersPerEnd.push(held.answered.size - answeredBefore);
    const told = held.answered.get(next.candidateId);
    if (!told) throw new Error('The successor was not told.');
    held.latenciesMs.push(told.atMs - sentMs);
  }
  participant.close();
}

async function leaderOf(store: EtcdElectionStore, ref: ElectionRef): Promise<LeaderRecord> {
  const { revision } = await store.ping();
  const { entries } = await store.list({ prefix: keys.leader(ref, 0), revision, limit: 1 });
  if (!entries[0]) throw new Error('Nobody leads the crowd.');
  return decode<LeaderRecord>(entries[0].value);
}

/** The election, whose tenant is the only one that anybody has made. */
async function crowdRef(store: EtcdElectionStore): Promise<ElectionRef> {
  const { revision } = await store.ping();
  const { entries } = await store.list({ prefix: 't/', revision, limit: 10 });
  const tenantId = entries.map(({ key }) => key.slice(2)).find((id) => id !== SYSTEM_TENANT);
  if (tenantId === undefined) throw new Error('There is no tenant.');
  return electionRef(tenantId, ELECTION);
}

/** What a replica does when a session has not been renewed. */
async function endSession(store: EtcdElectionStore, sessionId: string): Promise<void> {
  const write = { kind: 'delete' as const, key: keys.session(sessionId) };
  const deadlineMs = systemClock.monotonicMs() + 5_000;
  await store.commit(
    { guards: [], writes: [write], reads: [] },
    { lane: 'resign', tenantId: 'ten_bench', deadlineMs },
  );
}

import type { Bench } from '../bench.js';
import { CrowdHouse, Renewers, shown } from '../crowd-house.js';
import { compareLatency, figureOf, type Line } from '../figures.js';
import type { Standing } from '../incumbent.js';
import type { Memory } from '../inspector.js';
import { pause } from '../rounds.js';

const ELECTIONS = 10_000;
/** Outlives the preparation. */
const TTL_MS = 600_000;
/** What participants are told at a ttlMs of 30 s. */
const RENEW_EVERY_MS = 10_000;
const CONNECTIONS = 32;
const CHANGE_EVERY_MS = 100;
const ROUNDS = 4;
/** Longer than the pause between two sweeps over everything. */
const ROUND_MS = 6_000;

/**
 * 10,000 elections, each with a leader that renews when it is told to: processor time, memory and the event loop; and
 * what a change of leader ten times a second, always in one election, costs the renewals of the others.
 */
export async function crowdElections(bench: Bench): Promise<Line[]> {
  const house = await CrowdHouse.open();
  const { service, inspector } = house;
  const count = bench.quick ? 200 : ELECTIONS;
  const before = await inspector.memory();
  const standings = await house.leaders('many', count, TTL_MS);
  const grown = growth(before, await inspector.memory(), count);
  // The first is the one that changes.
  const changing = { election: 'many-0', standing: standings[0] };
  const others = standings.slice(1);
  const elections = others.map((_, index) => `many-${index + 1}`);
  const ratePerSecond = (count * 1_000) / RENEW_EVERY_MS;
  const leaders = new Renewers(
    service,
    { elections, standings: others },
    { connections: CONNECTIONS, ratePerSecond },
  );
  try {
    await leaders.renewFor(bench.quick ? 500 : ROUND_MS);
    const ours: number[] = [];
    const theirs: number[] = [];
    const notes: string[] = [];
    const roundMs = bench.quick ? 1_000 : ROUND_MS;
    for (let round = 0; round < (bench.quick ? 1 : ROUNDS); round += 1) {
      const usage = await house.meter();
      theirs.push(...(await leaders.renewFor(roundMs)));
      notes.push(shown(await usage()));
      const [latencies] = await Promise.all([
        leaders.renewFor(roundMs),
        changeLeaders(house, changing, roundMs),
      ]);
      ours.push(...latencies);
    }
    const rate = `${Math.round(ratePerSecond)} renewals/s`;
    return [
      compareLatency(`renew in ${count} elections while one changes`, 99, { ours, theirs }, 2),
      { what: `memory of an election with a leader`, unit: 'kB', ours: figureOf([grown / 1e3]) },
      {
        what: `${count} leaders at rest`,
        unit: 'ms',
        ours: figureOf(theirs),
        note: `${rate}: ${notes.at(-1)}`,
      },
    ];
  } finally {
    leaders.close();
    await house.close();
  }
}

function growth(before: Memory, after: Memory, count: number): number {
  return (after.heapBytes - before.heapBytes) / count;
}

interface Changing {
  election: string;
  standing: Standing | undefined;
}

/** One election changes its leader again and again. */
async function changeLeaders({ service }: CrowdHouse, changing: Changing, durationMs: number): Promise<void> {
  const participant = service.connect();
  const endMs = performance.now() + durationMs;
  const { election } = changing;
  while (performance.now() < endMs) {
    if (changing.standing) await participant.resign(election, changing.standing);
    changing.standing = await participant.campaign(election, { candidate: 'leader' });
    await pause(CHANGE_EVERY_MS);
  }
  participant.close();
}

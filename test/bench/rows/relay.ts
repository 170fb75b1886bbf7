import type { Bench } from '../bench.js';
import { Changes } from '../changes.js';
import { figureOf, type Line } from '../figures.js';
import { pause } from '../rounds.js';
import type { Worker } from '../service.js';

const PER_SECOND = 500;
const PARTICIPANTS = 128;
/** From a change to its rows, for each event. */
const LAG = 'incumbent_relay_lag_seconds';
const DRAINED_WITHIN_MS = 60_000;

/** How far the history in Postgres is behind the elections while leaders change 500 times a second. */
export async function relay(bench: Bench): Promise<Line[]> {
  const service = await bench.service();
  const worker = await service.worker();
  const participants = Array.from({ length: PARTICIPANTS }, () => service.connect());
  try {
    const changes = await Changes.prepare('relay', participants);
    await changes.run(100, 1_000);
    // What waited before there was a worker is not what is measured.
    await untilDrained(worker);
    const lagsBefore = await worker.histogram(LAG);
    const durationMs = bench.quick ? 2_000 : 15_000;
    const before = changes.asked.length;
    await changes.run(PER_SECOND, durationMs);
    const made = changes.asked.length - before;
    const drainedMs = await untilDrained(worker);
    const note =
      `${Math.round(made / (durationMs / 1_000))} changes/s made, each one or two events; ` +
      `drained ${Math.round(drainedMs)} ms after the last`;
    const lags = await worker.histogram(LAG);
    return [50, 99].map((percent) => ({
      what: `relay lag at ${PER_SECOND} changes/s p${percent}, at most`,
      unit: 'ms',
      ours: figureOf([boundOf(lagsBefore, lags, percent) * 1_000]),
      note,
    }));
  } finally {
    for (const participant of participants) participant.close();
    await worker.stop();
  }
}

/** The smallest bound of the histogram below which this share of all values lies that came in between. */
function boundOf(
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
  percent: number,
): number {
  const came = [...after].map(([bound, count]) => ({ bound, count: count - (before.get(bound) ?? 0) }));
  const all = came.at(-1)?.count ?? 0;
  return came.find(({ count }) => count >= (all * percent) / 100)?.bound ?? Number.NaN;
}

async function untilDrained(worker: Worker): Promise<number> {
  const beginMs = performance.now();
  while (performance.now() - beginMs < DRAINED_WITHIN_MS) {
    const relays = (await worker.metric('incumbent_relay_leads')) === 1;
    if (relays && (await worker.metric('incumbent_outbox_events')) === 0) return performance.now() - beginMs;
    await pause(20);
  }
  throw new Error('The outbox was not drained');
}

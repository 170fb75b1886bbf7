import type { Bench } from '../bench.js';
import { Changes } from '../changes.js';
import { figureOf, type Line, percentile } from '../figures.js';
import { pause } from '../rounds.js';
import type { Worker } from '../service.js';

const PER_SECOND = 500;
const PARTICIPANTS = 128;
const SAMPLE_MS = 200;
const DRAINED_WITHIN_MS = 60_000;

/** How far the history in Postgres is behind the elections while leaders change 500 times a second. */
export async function relay(bench: Bench): Promise<Line[]> {
  const service = await bench.service();
  const worker = await service.worker();
  const participants = Array.from({ length: PARTICIPANTS }, () => service.connect());
  try {
    const changes = await Changes.prepare('relay', participants);
    await changes.run(100, 1_000);
    const lagsMs: number[] = [];
    const done = { yet: false };
    const sampling = sample(worker, lagsMs, done);
    const durationMs = bench.quick ? 2_000 : 15_000;
    const before = changes.asked.length;
    await changes.run(PER_SECOND, durationMs);
    const made = changes.asked.length - before;
    done.yet = true;
    await sampling;
    const drainedMs = await untilDrained(worker);
    const note =
      `${Math.round(made / (durationMs / 1_000))} changes/s made, each one or two events; ` +
      `drained ${Math.round(drainedMs)} ms after the last`;
    return [50, 99].map((percent) => ({
      what: `relay lag at ${PER_SECOND} changes/s p${percent}`,
      unit: 'ms',
      ours: { ...figureOf(lagsMs), median: percentile(lagsMs, percent) },
      note,
    }));
  } finally {
    for (const participant of participants) participant.close();
    await worker.stop();
  }
}

async function sample(worker: Worker, into: number[], done: { yet: boolean }): Promise<void> {
  while (!done.yet) {
    into.push((await worker.metric('incumbent_relay_lag_seconds')) * 1_000);
    await pause(SAMPLE_MS);
  }
}

async function untilDrained(worker: Worker): Promise<number> {
  const beginMs = performance.now();
  while (performance.now() - beginMs < DRAINED_WITHIN_MS) {
    if ((await worker.metric('incumbent_outbox_events')) === 0) return performance.now() - beginMs;
    await pause(20);
  }
  throw new Error('The outbox was not drained');
}

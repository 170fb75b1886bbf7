import { processorTime } from './processor-time.js';

/** How long a measurement lasts; the quick run only shows that everything works. */
export interface Pace {
  warmUpMs: number;
  roundMs: number;
  rounds: number;
}

export interface Load {
  /** Callers at once; each has one call under way, and sends the next when it is answered. */
  callers: number;
  call: (caller: number) => Promise<unknown>;
  /** The processes that serve the calls, by what they are called in the report. */
  servers: Readonly<Record<string, readonly number[]>>;
}

/** What one round came to. */
export interface Round {
  /** Answered per second. */
  rate: number;
  /** Processor time of each server for one call, microseconds. */
  costUs: Record<string, number>;
}

/** Loads a server for some time; counts what was answered within it. */
export async function closedLoop({ callers, call, servers }: Load, durationMs: number): Promise<Round> {
  const used = (): [string, number][] =>
    Object.entries(servers).map(([name, pids]) => [name, processorTime(pids)]);
  const before = Object.fromEntries(used());
  const endMs = performance.now() + durationMs;
  let answered = 0;
  let late = 0;
  const loop = async (caller: number): Promise<void> => {
    while (performance.now() < endMs) {
      await call(caller);
      if (performance.now() < endMs) answered += 1;
      else late += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => loop(caller)));
  const costOf = (name: string, usedUs: number): number => (usedUs - (before[name] ?? 0)) / (answered + late);
  const costUs = Object.fromEntries(used().map(([name, usedUs]) => [name, costOf(name, usedUs)]));
  return { rate: answered / (durationMs / 1_000), costUs };
}

/**
 * Loads two servers in turns (A B A B ...), so that whatever else happens on the machine happens to both.
 * @returns what each round came to
 */
export async function alternate(
  ours: Load,
  theirs: Load,
  { warmUpMs, roundMs, rounds }: Pace,
): Promise<{ ours: Round[]; theirs: Round[] }> {
  const results = { ours: [] as Round[], theirs: [] as Round[] };
  await closedLoop(ours, warmUpMs);
  await closedLoop(theirs, warmUpMs);
  for (let round = 0; round < rounds; round += 1) {
    results.ours.push(await closedLoop(ours, roundMs));
    results.theirs.push(await closedLoop(theirs, roundMs));
  }
  return results;
}

/** Waits; for the time that a scenario needs, never for something to become true. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

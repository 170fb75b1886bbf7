import { pause } from './rounds.js';

/** Calls at a steady rate, spread evenly over callers; one that is late is sent at once. */
export async function steadily(
  callers: number,
  ratePerSecond: number,
  durationMs: number,
  call: (caller: number) => Promise<void>,
): Promise<void> {
  const startMs = performance.now();
  const gapMs = (1_000 * callers) / ratePerSecond;
  const loop = async (caller: number): Promise<void> => {
    for (let dueMs = startMs + (gapMs * caller) / callers; dueMs < startMs + durationMs; dueMs += gapMs) {
      const early = dueMs - performance.now();
      if (early > 0) await pause(early);
      await call(caller);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => loop(caller)));
}

/** Does something for each item, a fixed number at a time; the caller that is free takes the next. */
export async function forEach<T>(
  items: readonly T[],
  width: number,
  work: (item: T, caller: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const loop = async (caller: number): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item, caller);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, (_, caller) => loop(caller)));
}

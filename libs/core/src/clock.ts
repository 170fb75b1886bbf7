/**
 * Time, as the rest of the house may see it.
 *
 * Decisions use `monotonicMs` only. `wallTimeMs` exists to be shown to people and written into records; no
 * decision may depend on it, because wall clocks step (NTP, operators, restored machines).
 */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back, not even when the wall clock is set. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch, for display only. */
  wallTimeMs(): number;
  /** Calls `run` once, not earlier than `delayMs` from now. Does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** Node clamps longer timers to 1 ms, which would turn "in a month" into "now". */
const LONGEST_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallTimeMs: () => Date.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** RFC 3339 UTC with milliseconds, the form of every time on the wire. */
export function toTimestamp(wallTimeMs: number): string {
  return new Date(wallTimeMs).toISOString();
}

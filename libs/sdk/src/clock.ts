/** Time as the client needs it; injectable so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never set back. May stand still while the machine is suspended. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch. Runs on while the machine is suspended, but may be set. */
  wallTimeMs(): number;
  /** Calls `run` once, not earlier than `delayMs` from now. Keeps the process alive until then. */
  after(delayMs: number, run: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** One instant read on both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallTimeMs: number;
}

export function readMoment(clock: Clock): Moment {
  return { monotonicMs: clock.monotonicMs(), wallTimeMs: clock.wallTimeMs() };
}

/** Node runs a longer timer after 1 ms. */
const LONGEST_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallTimeMs: () => Date.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs`, or at once when `signal` aborts; the caller looks at the signal afterwards. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(delayMs, end);
    signal.addEventListener('abort', end);
  });
}

/** Resolves when `work` settles, when `signal` aborts, or after `withinMs`; leaves no timer behind. */
export async function settled(
  clock: Clock,
  work: Promise<unknown>,
  withinMs: number,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  work.then(end, end);
  await pause(clock, withinMs, AbortSignal.any([signal, over.signal]));
}

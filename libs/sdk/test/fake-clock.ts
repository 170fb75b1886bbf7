import type { Clock, Timer } from '../src/clock.js';

interface Due {
  readonly atMs: number;
  readonly run: () => void;
}

/** Time that passes only when told; its two clocks can be driven apart. */
export class FakeClock implements Clock {
  #monotonicMs = 1_000;
  #wallTimeMs = 1_700_000_000_000;
  readonly #timers = new Set<Due>();

  /** How many timers wait to run. */
  get timers(): number {
    return this.#timers.size;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  wallTimeMs(): number {
    return this.#wallTimeMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const due = { atMs: this.#monotonicMs + Math.max(0, delayMs), run };
    this.#timers.add(due);
    return { cancel: () => void this.#timers.delete(due) };
  }

  /** Time passes and nothing runs: a frozen process, or an event loop that is stuck. */
  freeze(ms: number): void {
    this.#monotonicMs += ms;
    this.#wallTimeMs += ms;
  }

  /** The machine sleeps: the monotonic clock stands still. */
  suspend(ms: number): void {
    this.#wallTimeMs += ms;
  }

  /** Time passes, timers run when due, and what they start gets to its next wait. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    await flush();
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#timers.delete(next);
      this.freeze(Math.max(0, next.atMs - this.#monotonicMs));
      next.run();
      await flush();
    }
    this.freeze(endMs - this.#monotonicMs);
    await flush();
  }
}

/** Lets promises settle; reading the body of a Response takes a few turns of the loop. */
export async function flush(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

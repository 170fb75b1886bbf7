import type { Clock, Timer } from '#core';

interface Pending {
  readonly dueMs: number;
  readonly run: () => void;
}

/** A timer that sets itself again without delay would never let `advance` end. */
const MOST_TIMERS_PER_ADVANCE = 100_000;

/** Lets every promise chain that is ready run to its next real wait. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * A clock that stands still until a test advances it. Timers run in the order in which they are due (then in
 * which they were set), and promises settle between two timers, so that code that awaits between timers behaves
 * as under a real clock.
 */
export class FakeClock implements Clock {
  #nowMs: number;
  #wallOffsetMs: number;
  #pending: Pending[] = [];

  constructor(startMs = 1_000, wallTimeMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
    this.#wallOffsetMs = wallTimeMs - startMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallTimeMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer: Pending = { dueMs: this.#nowMs + Math.max(0, delayMs), run };
    const later = this.#pending.findIndex((other) => other.dueMs > timer.dueMs);
    this.#pending.splice(later === -1 ? this.#pending.length : later, 0, timer);
    return { cancel: () => void (this.#pending = this.#pending.filter((other) => other !== timer)) };
  }

  /** Timers that wait; a test can ask that everything was cancelled. */
  get waiting(): number {
    return this.#pending.length;
  }

  /** Moves time on by `ms` and runs what falls due on the way, timers set meanwhile included. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (let ran = 0; ran < MOST_TIMERS_PER_ADVANCE; ran += 1) {
      const next = this.#pending[0];
      if (next === undefined || next.dueMs > endMs) {
        this.#nowMs = endMs;
        return;
      }
      this.#pending.shift();
      // Never back: what fell due in a stall runs late.
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
      await settle();
    }
    throw new Error(
      `${MOST_TIMERS_PER_ADVANCE} timers ran within ${ms} ms: a timer keeps setting itself again`,
    );
  }

  /**
   * Time passes but no timer runs: an event loop that stalled, or a process that was frozen. The timers that fell
   * due run, late, with the next `advance`.
   */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /** Moves the wall clock alone, as an operator or NTP would. */
  stepWallTime(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }
}

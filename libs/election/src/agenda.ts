/** When an election has to be looked at again although nothing of it changes: delays, graces, schedules. */
import type { Clock, Timer } from '#core';
import type { ElectionRef } from './keys.js';

/** Whatever lies further ahead is looked at again after this; timers cannot run for months. */
const LONGEST_SLEEP_MS = 3_600_000;

export class Agenda {
  /** By electionId; one entry each. */
  readonly #planned = new Map<string, { atMs: number; timer: Timer }>();
  readonly #clock: Clock;
  readonly #look: (ref: ElectionRef) => void;

  constructor(clock: Clock, look: (ref: ElectionRef) => void) {
    this.#clock = clock;
    this.#look = look;
  }

  /** In so many milliseconds, in place of what was planned; undefined: not at all. */
  plan(ref: ElectionRef, inMs: number | undefined): void {
    const planned = this.#planned.get(ref.electionId);
    if (inMs === undefined) {
      planned?.timer.cancel();
      this.#planned.delete(ref.electionId);
      return;
    }
    const delayMs = Math.min(Math.max(1, Math.ceil(inMs)), LONGEST_SLEEP_MS);
    const atMs = this.#clock.monotonicMs() + delayMs;
    if (planned && Math.abs(planned.atMs - atMs) < 1) return;
    planned?.timer.cancel();
    const timer = this.#clock.after(delayMs, () => {
      this.#planned.delete(ref.electionId);
      this.#look(ref);
    });
    this.#planned.set(ref.electionId, { atMs, timer });
  }

  /** In so many milliseconds, or sooner if that is planned. */
  planBy(ref: ElectionRef, inMs: number): void {
    const planned = this.#planned.get(ref.electionId);
    if (!planned || planned.atMs > this.#clock.monotonicMs() + inMs) this.plan(ref, inMs);
  }

  stop(): void {
    for (const { timer } of this.#planned.values()) timer.cancel();
    this.#planned.clear();
  }
}

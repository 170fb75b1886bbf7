/**
 * Elections that wait to be looked at. A lone one has its turn at once. A burst (a thousand sessions that end together,
 * the sweep over everything) is taken in slices with a pause after each, so that calls go on meanwhile; and tenants
 * take turns, so that the burst of one does not hold up the vacancy of another.
 */
import type { Clock, Timer } from '#core';
import type { ElectionRef } from './keys.js';

/** After a slice calls have their turn. Renewals pass through some four pauses on their way: they gain that much each. */
const SLICE_MS = 1;
/** What a look has asked for is decided after the slice, at some 0.15 ms each. */
const MOST_ASKED = 8;

interface Waiting {
  ref: ElectionRef;
  thorough: boolean;
}

/** Looks at an election. @returns whether it has asked for something */
export type Look = (ref: ElectionRef, thorough: boolean) => boolean;

export class Turns {
  /** tenantId -> electionId -> what waits; the first tenant is next. */
  readonly #waiting = new Map<string, Map<string, Waiting>>();
  /** What is left of the sweep. */
  #sweeping: Iterator<{ ref: ElectionRef }> | undefined;
  /** Ends the present slice. */
  #pause: Timer | undefined;
  #sliceEndsAtMs = 0;
  #asked = 0;
  #stopped = false;
  readonly #clock: Clock;
  readonly #look: Look;

  constructor(clock: Clock, look: Look) {
    this.#clock = clock;
    this.#look = look;
  }

  /** @param thorough see `needsSettling`; asked for twice, an election is looked at once, and thoroughly if either was */
  ask(ref: ElectionRef, thorough: boolean): void {
    if (this.#waiting.size === 0 && this.#hasRoom()) return this.#take(ref, thorough);
    let ofTenant = this.#waiting.get(ref.tenantId);
    if (!ofTenant) this.#waiting.set(ref.tenantId, (ofTenant = new Map<string, Waiting>()));
    const before = ofTenant.get(ref.electionId);
    if (before) before.thorough ||= thorough;
    else ofTenant.set(ref.electionId, { ref, thorough });
  }

  /** Looks at all of them thoroughly, whenever nothing else waits. One sweep at a time: @returns false if one goes on */
  sweep(elections: Iterable<{ ref: ElectionRef }>): boolean {
    if (this.#sweeping) return false;
    this.#sweeping = elections[Symbol.iterator]();
    if (this.#hasRoom()) this.#takeAll();
    return true;
  }

  stop(): void {
    this.#stopped = true;
    this.#pause?.cancel();
    this.#waiting.clear();
    this.#sweeping = undefined;
  }

  /** Begins a slice if none goes on. */
  #hasRoom(): boolean {
    const now = this.#clock.monotonicMs();
    if (!this.#pause) {
      this.#sliceEndsAtMs = now + SLICE_MS;
      this.#asked = 0;
      this.#pause = this.#clock.after(0, () => {
        this.#pause = undefined;
        this.#takeAll();
      });
    }
    return now < this.#sliceEndsAtMs && this.#asked < MOST_ASKED;
  }

  #takeAll(): void {
    for (let next = this.#next(); next; next = this.#next()) this.#take(next.ref, next.thorough);
  }

  /** Whose turn it is; undefined if nothing waits or the slice is over. */
  #next(): Waiting | undefined {
    const isIdle = this.#waiting.size === 0 && !this.#sweeping;
    if (isIdle || this.#stopped || !this.#hasRoom()) return undefined;
    for (const [tenantId, ofTenant] of this.#waiting) {
      this.#waiting.delete(tenantId);
      for (const [electionId, next] of ofTenant) {
        ofTenant.delete(electionId);
        if (ofTenant.size > 0) this.#waiting.set(tenantId, ofTenant);
        return next;
      }
    }
    const swept = this.#sweeping?.next();
    if (swept && !swept.done) return { ref: swept.value.ref, thorough: true };
    this.#sweeping = undefined;
    return undefined;
  }

  #take(ref: ElectionRef, thorough: boolean): void {
    if (!this.#stopped && this.#look(ref, thorough)) this.#asked += 1;
  }
}

/**
 * Elections that wait to be looked at. A lone one has its turn at once. A burst (a thousand sessions that end together,
 * the sweep over everything) is taken in slices with a pause after each, and a few settlements of a tenant at a time,
 * so that calls go on meanwhile; and tenants take turns, so that the burst of one does not hold up the vacancy of
 * another.
 */
import type { Clock, Timer } from '#core';
import type { ElectionRef } from './keys.js';

/** After a slice calls have their turn. Renewals pass through some four pauses on their way: they gain that much each. */
const SLICE_MS = 1;
/** What a look has asked for is decided after the slice, at some 0.15 ms each. */
const MOST_ASKED = 4;
/** Of one tenant. Renewals travel in the same groups or wait behind them, and a settlement takes etcd 0.3 ms. */
const MOST_UNDER_WAY = 8;

interface Waiting {
  ref: ElectionRef;
  thorough: boolean;
}

/** Looks at an election. @returns the end of what it has asked the store for, if it has */
export type Look = (ref: ElectionRef, thorough: boolean) => Promise<void> | undefined;

export class Turns {
  /** tenantId -> electionId -> what waits; the first tenant is next. */
  readonly #waiting = new Map<string, Map<string, Waiting>>();
  /** tenantId -> how much of what was asked for it is under way. */
  readonly #underWay = new Map<string, number>();
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
    const isNext = this.#waiting.size === 0 && this.#mayAsk(ref.tenantId);
    if (isNext && this.#hasRoom()) return this.#take(ref, thorough);
    this.#wait(ref, thorough);
    if (!this.#pause) this.#takeAll();
  }

  /** Looks at all of them thoroughly, whenever nothing else waits. One sweep at a time: @returns false if one goes on */
  sweep(elections: Iterable<{ ref: ElectionRef }>): boolean {
    if (this.#sweeping) return false;
    this.#sweeping = elections[Symbol.iterator]();
    if (!this.#pause) this.#takeAll();
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
    while (!this.#stopped && (this.#anyMayAsk() || this.#sweeping) && this.#hasRoom()) {
      const next = this.#next();
      if (next) this.#take(next.ref, next.thorough);
    }
  }

  #anyMayAsk(): boolean {
    for (const tenantId of this.#waiting.keys()) if (this.#mayAsk(tenantId)) return true;
    return false;
  }

  /** Whose turn it is: the first of the first tenant that may ask, else of the sweep. */
  #next(): Waiting | undefined {
    for (const [tenantId, ofTenant] of this.#waiting) {
      if (!this.#mayAsk(tenantId)) continue;
      this.#waiting.delete(tenantId);
      for (const [electionId, next] of ofTenant) {
        ofTenant.delete(electionId);
        if (ofTenant.size > 0) this.#waiting.set(tenantId, ofTenant);
        return next;
      }
    }
    for (let swept = this.#sweeping?.next(); swept && !swept.done; swept = this.#sweeping?.next()) {
      const { ref } = swept.value;
      if (this.#mayAsk(ref.tenantId)) return { ref, thorough: true };
      this.#wait(ref, true);
    }
    this.#sweeping = undefined;
    return undefined;
  }

  #take(ref: ElectionRef, thorough: boolean): void {
    const asked = this.#stopped ? undefined : this.#look(ref, thorough);
    if (!asked) return;
    this.#asked += 1;
    this.#count(ref.tenantId, 1);
    void asked.finally(() => {
      this.#count(ref.tenantId, -1);
      // With the next slice if one goes on.
      if (!this.#pause) this.#takeAll();
    });
  }

  #wait(ref: ElectionRef, thorough: boolean): void {
    let ofTenant = this.#waiting.get(ref.tenantId);
    if (!ofTenant) this.#waiting.set(ref.tenantId, (ofTenant = new Map<string, Waiting>()));
    const before = ofTenant.get(ref.electionId);
    if (before) before.thorough ||= thorough;
    else ofTenant.set(ref.electionId, { ref, thorough });
  }

  #mayAsk(tenantId: string): boolean {
    return (this.#underWay.get(tenantId) ?? 0) < MOST_UNDER_WAY;
  }

  #count(tenantId: string, by: 1 | -1): void {
    const underWay = (this.#underWay.get(tenantId) ?? 0) + by;
    if (underWay === 0) this.#underWay.delete(tenantId);
    else this.#underWay.set(tenantId, underWay);
  }
}

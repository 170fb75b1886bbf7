import type { Clock, Moment } from './clock.js';
import type { Granted } from './wire.js';

/** What a process may believe about its own leadership, right now. */
export interface Grant {
  readonly candidateId: string;
  readonly seat: number;
  readonly term: number;
  readonly fence: number;
  readonly fencingToken: string | undefined;
  readonly endsAt: Moment;
}

/**
 * The one place that decides whether this process leads.
 *
 * A grant lives from the *sending* of the request that was answered "leader" for `validForMs`, on the monotonic
 * clock and on the wall clock, whichever ends first: the round trip is thereby paid, and a suspended machine, whose
 * monotonic clock stood still, does not wake up as leader. Every question reads both clocks; no timer decides.
 *
 * Once seen over, a grant is over, also when a clock is set back. Once renounced, neither its candidateId nor any
 * request sent before the renouncing grants again, in whatever order the answers come.
 */
export class Belief {
  readonly #clock: Clock;
  readonly #renounced = new Set<string>();
  /** Answers to requests sent before this instant are deaf ears. */
  #deafUntilMs = Number.NEGATIVE_INFINITY;
  /** Seat -> the highest fence that was granted there. */
  readonly #highestFences = new Map<number, number>();
  #grantedTo: string | undefined;
  #grantedSentMs = Number.NEGATIVE_INFINITY;
  #grant: Grant | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The unexpired grant, if there is one. */
  current(): Grant | undefined {
    if (this.#grant !== undefined && this.#remainingMs(this.#grant) <= 0) this.#grant = undefined;
    return this.#grant;
  }

  remainingMs(): number {
    const grant = this.current();
    return grant === undefined ? 0 : Math.max(0, this.#remainingMs(grant));
  }

  /** Takes an answer "leader" to the request that was sent at `sent`. Returns whether this process leads now. */
  accept(granted: Granted, sent: Moment): boolean {
    if (this.#renounced.has(granted.candidateId) || sent.monotonicMs < this.#deafUntilMs) return false;
    // An answer of an earlier term is late: the fence of this process never goes back, nor does its candidacy.
    if (granted.fence < (this.#highestFences.get(granted.seat) ?? 0)) return false;
    if (granted.candidateId !== this.#grantedTo && sent.monotonicMs < this.#grantedSentMs) return false;
    this.#highestFences.set(granted.seat, granted.fence);
    this.#grantedTo = granted.candidateId;
    this.#grantedSentMs = Math.max(this.#grantedSentMs, sent.monotonicMs);
    const held = this.current();
    const endsAt = {
      monotonicMs: sent.monotonicMs + granted.validForMs,
      wallTimeMs: sent.wallTimeMs + granted.validForMs,
    };
    const same =
      held !== undefined && isSameTerm(held, granted) && held.candidateId === granted.candidateId
        ? held
        : undefined;
    this.#grant = {
      candidateId: granted.candidateId,
      seat: granted.seat,
      term: granted.term,
      fence: granted.fence,
      // Renewals need not repeat the token.
      fencingToken: granted.fencingToken ?? same?.fencingToken,
      endsAt: same !== undefined && same.endsAt.monotonicMs > endsAt.monotonicMs ? same.endsAt : endsAt,
    };
    return this.current() !== undefined;
  }

  /** Ends this process's leadership for good: of `candidateId`, and of everything asked for until now. */
  renounce(candidateId: string | undefined): void {
    if (candidateId !== undefined) this.#renounced.add(candidateId);
    if (this.#grant !== undefined) this.#renounced.add(this.#grant.candidateId);
    this.#deafUntilMs = this.#clock.monotonicMs();
    this.#grant = undefined;
  }

  /** Ends the grant because the answer to the request sent at `sent` said so, unless a later request was granted. */
  drop(sent: Moment): void {
    if (sent.monotonicMs < this.#grantedSentMs) return;
    this.#deafUntilMs = Math.max(this.#deafUntilMs, sent.monotonicMs);
    this.#grant = undefined;
  }

  #remainingMs({ endsAt }: Grant): number {
    return Math.min(
      endsAt.monotonicMs - this.#clock.monotonicMs(),
      endsAt.wallTimeMs - this.#clock.wallTimeMs(),
    );
  }
}

/** Fences are counted for each seat. */
export function isSameTerm(
  one: { seat: number; fence: number },
  other: { seat: number; fence: number },
): boolean {
  return one.seat === other.seat && one.fence === other.fence;
}

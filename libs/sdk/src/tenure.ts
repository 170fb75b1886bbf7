import { Belief, type Grant, isSameTerm } from './belief.js';
import type { Clock, Moment, Timer } from './clock.js';
import type { Granted } from './wire.js';

/** What this process holds while it leads. */
export interface Leadership {
  /** Which leadership of the election; 0 where it has one. */
  readonly seat: number;
  readonly term: number;
  /** Orders terms for ever; send it with every write to a resource that compares fences. */
  readonly fence: number;
  /** Signed form of the fence; absent for a moment when the service could not sign. */
  readonly fencingToken: string | undefined;
  /** Aborts when this leadership ends. A timer drives it, so it may be late: `isLeader()` never is. */
  readonly signal: AbortSignal;
}

/**
 * Why a leadership ended. `unreachable`: the grant ran out before any answer came; `superseded`: the service says
 * that another leads; `refused`: it turns this candidate away for good. The others are the service's own words, of
 * which more may come.
 */
export type LossReason =
  | 'resigned'
  | 'expired'
  | 'unreachable'
  | 'superseded'
  | 'refused'
  | 'paused'
  | 'deleted'
  | 'suspended'
  | (string & {});

export interface Loss {
  readonly term: number;
  readonly fence: number;
  readonly reason: LossReason;
}

export interface TenureListener {
  elected(leadership: Leadership): void;
  lost(loss: Loss): void;
}

/** Tells the beginnings and ends of what `Belief` holds true, each once and in order. */
export class Tenure {
  readonly #clock: Clock;
  readonly #belief: Belief;
  readonly #listener: TenureListener;
  /** Names the end of a grant that ran out, should it run out now. */
  readonly #lapseReason: () => LossReason;
  #told: { leadership: Leadership; end: AbortController } | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, listener: TenureListener, lapseReason: () => LossReason) {
    this.#clock = clock;
    this.#belief = new Belief(clock);
    this.#listener = listener;
    this.#lapseReason = lapseReason;
  }

  get grant(): Grant | undefined {
    return this.#belief.current();
  }

  get leadership(): Leadership | undefined {
    const grant = this.#belief.current();
    if (grant === undefined || this.#told === undefined || !isSameTerm(this.#told.leadership, grant))
      return undefined;
    return { ...this.#told.leadership, fencingToken: grant.fencingToken };
  }

  remainingMs(): number {
    return this.#belief.remainingMs();
  }

  /**
   * Takes an answer "leader"; one that came too late to be of use changes nothing.
   * @param reason why an earlier term has ended, should the answer tell of another
   */
  accept(granted: Granted, sent: Moment, reason: LossReason = 'superseded'): void {
    this.settle();
    if (!this.#belief.accept(granted, sent)) return;
    const grant = this.#belief.current();
    if (grant === undefined) return;
    if (this.#told === undefined || !isSameTerm(this.#told.leadership, grant)) {
      this.#tellEnd(reason);
      // Whoever heard of the end may have left.
      if (this.#belief.current() === undefined) return;
      this.#tellStart(grant);
    }
    this.#watchEnd();
  }

  /** The answer to the request sent at `sent` says that this process does not lead. */
  drop(sent: Moment, reason: LossReason): void {
    this.settle();
    this.#belief.drop(sent);
    if (this.#belief.current() === undefined) this.#tellEnd(reason);
  }

  /** Ends this process's leadership for good, of `candidateId` and of everything asked for so far. */
  renounce(candidateId: string | undefined, reason: LossReason): void {
    this.settle();
    this.#belief.renounce(candidateId);
    this.#tellEnd(reason);
  }

  /** Tells the end of a grant that has run out, if the timer has not come to it yet. */
  settle(): void {
    if (this.#told !== undefined && this.#belief.current() === undefined) this.#tellEnd(this.#lapseReason());
  }

  #tellStart({ seat, term, fence, fencingToken }: Grant): void {
    const end = new AbortController();
    this.#told = { leadership: { seat, term, fence, fencingToken, signal: end.signal }, end };
    this.#listener.elected(this.#told.leadership);
  }

  #tellEnd(reason: LossReason): void {
    const told = this.#told;
    if (told === undefined) return;
    this.#timer?.cancel();
    this.#told = undefined;
    told.end.abort();
    this.#listener.lost({ term: told.leadership.term, fence: told.leadership.fence, reason });
  }

  /** The timer only tells; whoever asks has the clock's answer before it rings. */
  #watchEnd(): void {
    this.#timer?.cancel();
    if (this.#told === undefined) return;
    this.#timer = this.#clock.after(this.#belief.remainingMs(), () => {
      this.settle();
      this.#watchEnd();
    });
  }
}

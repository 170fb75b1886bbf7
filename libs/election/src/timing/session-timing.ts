/**
 * What a replica has seen of the renewals of one session, and what follows for its ttlMs.
 *
 * A grant holds for `ttlMs` less the safety margin, counted from the send of a renewal. Until the next one is answered
 * there pass: the answer's way back, the pause that the service advises (a third of ttlMs, and the jitter), what the
 * participant is late, and the next round trip. If that one is lost, another, and so on. Hence
 *
 *     ttlMs * (1 - margin)  >=  ttlMs / 3 * (1 + jitter)  +  late  +  TRIES * roundTrip
 *
 * with `late` as the replica sees it: from the moment at which the next renewal was due, one round trip included.
 * Solved for ttlMs with the slowest that was seen it is the recommendation: even then three tries fit, and two renewals
 * in a row may be lost. A ttlMs is called too short when three tries do not fit at the 95th percentile, so a single
 * hiccup of the network or of the store is not taken for a habit.
 */
import { RENEW_AT, RENEW_JITTER, SAFETY_MARGIN } from '../presentation.js';
import { DurationWindow } from './window.js';

const TRIES = 3;
const SHARE_OF_TTL = 1 - SAFETY_MARGIN - RENEW_AT * (1 + RENEW_JITTER);
/** What is recommended is rounded up to a multiple of this. */
const ROUND_TO_MS = 100;
/** The smallest ttlMs over HTTP; one below it belongs to an attached session. */
const LEAST_TTL_MS = 1_000;
const LEAST_ATTACHED_TTL_MS = 200;
const LONGEST_TTL_MS = 900_000;
/** Fewer values of a kind say nothing yet: the first ones pay for new connections, and one outlier would decide. */
const ENOUGH = 20;
/** The verdict is looked at again after so many renewals. */
const JUDGED_EVERY = 4;

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

export interface TimingAdvice {
  /** As the participant reported them; absent until it does. */
  roundTripMs?: Percentiles;
  /** From the moment at which a renewal was due to its arrival: a round trip and what the participant was late. */
  latenessMs?: Percentiles;
  /** How many reported round trips this rests on; 64 at most, the latest. */
  samples: number;
  /** The smallest that fits; a larger one is as safe and makes the succession after a crash slower. */
  recommendedTtlMs: number;
  tooShort: boolean;
}

/** A renewal that has arrived. Times are monotonic milliseconds. */
export interface ArrivedRenewal {
  sessionId: string;
  ttlMs: number;
  receivedAtMs: number;
  /** When a renewal of the session was seen last, at whichever replica; 0 when none is known. */
  seenBeforeMs: number;
  /** How long the renewal before took, from its send to its answer, as the participant measured it. */
  previousRttMs: number | undefined;
  /** It asks for its answer to be held. */
  mayBeHeld: boolean;
}

export class SessionTiming {
  readonly ttlMs: number;
  readonly #roundTrips = new DurationWindow();
  readonly #lateness = new DurationWindow();
  #renewals = 0;
  #answeredAtMs = 0;
  #pauseMs = 0;
  #heldMs = 0;
  #tooShort = false;
  /** When the tenant was told that the ttlMs is too short. */
  toldAtMs: number | undefined;

  constructor(ttlMs: number) {
    this.ttlMs = ttlMs;
  }

  get tooShort(): boolean {
    return this.#tooShort;
  }

  /** The smallest ttlMs that fits three tries of the slowest renewal seen. */
  get recommendedTtlMs(): number {
    const least = this.ttlMs < LEAST_TTL_MS ? LEAST_ATTACHED_TTL_MS : LEAST_TTL_MS;
    const neededMs = this.#neededMs(0.99, 1);
    return Math.min(Math.max(least, Math.ceil(neededMs / ROUND_TO_MS) * ROUND_TO_MS), LONGEST_TTL_MS);
  }

  /** @param pauseMs what the answer advises to wait until the next renewal */
  renewed(renewal: ArrivedRenewal, answeredAtMs: number, pauseMs: number): void {
    const { receivedAtMs, previousRttMs, mayBeHeld } = renewal;
    // Else another replica gave the latest answer: how long it held it and when the next was due, it alone knows. What
    // was seen within half of the pause after an answer of this replica is the renewal that it answered.
    const isOwn = this.#answeredAtMs > 0 && renewal.seenBeforeMs <= this.#answeredAtMs + this.#pauseMs / 2;
    if (isOwn) this.#lateness.add(receivedAtMs - this.#answeredAtMs - this.#pauseMs);
    if (previousRttMs !== undefined && (isOwn || !mayBeHeld))
      this.#roundTrips.add(previousRttMs - (isOwn ? this.#heldMs : 0));
    this.#answeredAtMs = answeredAtMs;
    this.#pauseMs = pauseMs;
    // Of a call that may be held only the way is counted.
    this.#heldMs = mayBeHeld ? answeredAtMs - receivedAtMs : 0;
    this.#renewals += 1;
    if (this.#renewals % JUDGED_EVERY === 0) this.#tooShort = this.#neededMs(0.95, ENOUGH) > this.ttlMs;
  }

  advice(): TimingAdvice {
    return {
      ...(this.#roundTrips.count > 0 && { roundTripMs: percentilesOf(this.#roundTrips) }),
      ...(this.#lateness.count > 0 && { latenessMs: percentilesOf(this.#lateness) }),
      samples: this.#roundTrips.count,
      recommendedTtlMs: this.recommendedTtlMs,
      tooShort: this.#tooShort,
    };
  }

  #neededMs(share: number, enough: number): number {
    const seen = (window: DurationWindow): number => (window.count < enough ? 0 : window.percentileMs(share));
    return neededTtlMs(seen(this.#roundTrips), seen(this.#lateness));
  }
}

/** The ttlMs in which three tries fit. Lateness contains a round trip, so it is no less than one. */
export function neededTtlMs(roundTripMs: number, latenessMs: number): number {
  return (Math.max(latenessMs, roundTripMs) + TRIES * roundTripMs) / SHARE_OF_TTL;
}

function percentilesOf(window: DurationWindow): Percentiles {
  return { p50: window.percentileMs(0.5), p95: window.percentileMs(0.95), p99: window.percentileMs(0.99) };
}

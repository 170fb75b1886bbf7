/**
 * How often a candidate of a session with `ttlMs` speaks. Renewals leave every third of the TTL; a try that is
 * silent for a sixth is joined by a second one, so that at least two more tries fit before the grant ends.
 */

/** Longest hold asked for: below the 30 s after which many proxies cut a silent response. */
const LONGEST_HOLD_MS = 25_000;
const SHORTEST_TRY_MS = 50;
const LONGEST_TRY_MS = 10_000;
const LONGEST_PAUSE_MS = 5_000;
/** However short the TTL, a pause may be so long; half of it on average. */
const LEAST_CALM_MS = 1_000;
/** The first try opens a connection, so a short TTL must not hurry it. */
const LEAST_JOIN_MS = 500;

/** Assumed until the service has told the session's TTL. */
export const USUAL_TTL_MS = 10_000;
/** A held renewal that is answered sooner than this was not held. */
export const NOT_HELD_MS = 100;

export function tryTimeoutMs(ttlMs: number): number {
  return Math.min(Math.max(ttlMs / 6, SHORTEST_TRY_MS), LONGEST_TRY_MS);
}

/** How long a call may stay alone that makes a session or a candidacy. */
export function joinTimeoutMs(ttlMs: number): number {
  return Math.max(tryTimeoutMs(ttlMs), LEAST_JOIN_MS);
}

/** How long a waiting candidate lets the service hold its renewal: at most half the TTL, so that a lost one can be repeated in time. */
export function holdMs(ttlMs: number): number {
  return Math.floor(Math.min(ttlMs / 2, LONGEST_HOLD_MS));
}

/**
 * Longest pause between failed tries. `held`: the session may still live, so every try may save its terms and places.
 * Once it must have ended nothing is lost by waiting, and a service that comes back is not met by everybody at once.
 */
export function retryCapMs(ttlMs: number, held: boolean): number {
  return Math.min(held ? ttlMs / 6 : Math.max(ttlMs, LEAST_CALM_MS), LONGEST_PAUSE_MS);
}

/** Between two questions whether a name that somebody else holds is free. */
export function namePauseMs(ttlMs: number): number {
  return Math.min(ttlMs / 3, LONGEST_PAUSE_MS);
}

/** The next renewal of a leader, counted from the sending of the last; spread by a tenth so that processes drift apart. */
export function renewAfterMs(ttlMs: number, advisedMs: number | undefined, random: number): number {
  return Math.min(advisedMs ?? ttlMs / 3, ttlMs / 2) * (0.9 + 0.2 * random);
}

/** Pause before the n-th stand in a row that ended young: a candidate that is put out at every turn must not spin. */
export function restandPauseMs(young: number, random: number): number {
  return Math.min(50 * 2 ** Math.min(young, 10), LONGEST_PAUSE_MS) * (0.5 + 0.5 * random);
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Milliseconds before each attempt, counted from the one before. A fast phase for a deployment or a hiccup of the
 * receiver, then a slow one over about three days, so that a long weekend loses nothing.
 */
export const SCHEDULE_MS = [
  ...[0, SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE],
  ...[30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
];
/** Receivers that fail together come back apart. */
const JITTER = 0.2;
/** A whole endpoint rests no longer than the fast phase does: the slow one belongs to single deliveries. */
const LONGEST_THROTTLE_MS = 5 * MINUTE;
/** Says that the receiver, not this event, is the trouble. */
const THROTTLING_STATUSES = new Set([429, 502, 503, 504]);
/** Says that nobody listens there any more. */
const GONE = 410;

const DISABLE_AFTER_MS = 120 * HOUR;
/** One burst of failures after a quiet week proves nothing. */
const FAILURES_SPREAD_OVER_MS = 12 * HOUR;

/** What an attempt came to, as far as the schedule cares; null if no answer came. */
export interface Outcome {
  status: number | null;
  /** The header, as it came. */
  retryAfter?: string | undefined;
}

export interface Verdict {
  /** Milliseconds until the next attempt; undefined when there is none. */
  retryInMs?: number;
  /** Milliseconds for which no delivery to this endpoint begins. */
  throttleMs?: number;
  /** The endpoint said that it is gone for good. */
  gone: boolean;
}

export function isSuccess(status: number | null): boolean {
  return status !== null && status >= 200 && status < 300;
}

/**
 * What follows a failed attempt.
 * @param attempts how many there were, this one included
 * @param random of [0, 1)
 */
export function afterFailure(
  outcome: Outcome,
  attempts: number,
  random: number,
  wallTimeMs: number,
): Verdict {
  if (outcome.status === GONE) return { gone: true };
  const scheduledMs = SCHEDULE_MS[attempts];
  const askedMs = retryAfterMs(outcome.retryAfter, wallTimeMs);
  const throttles = outcome.status !== null && THROTTLING_STATUSES.has(outcome.status);
  const retryInMs = scheduledMs === undefined ? undefined : delayMs(scheduledMs, askedMs, random);
  const restMs = Math.min(retryInMs ?? LONGEST_THROTTLE_MS, LONGEST_THROTTLE_MS);
  return {
    gone: false,
    ...(retryInMs !== undefined && { retryInMs }),
    ...(throttles && { throttleMs: restMs }),
  };
}

/** Between one and two times what the schedule says, however long a receiver asks to be left alone. */
function delayMs(scheduledMs: number, askedMs: number, random: number): number {
  const jitteredMs = scheduledMs * (1 - JITTER + 2 * JITTER * random);
  return Math.round(Math.min(Math.max(jitteredMs, askedMs), 2 * scheduledMs));
}

/** Milliseconds that a Retry-After header asks for: seconds or a date; 0 where it is absent or makes no sense. */
export function retryAfterMs(header: string | undefined, wallTimeMs: number): number {
  const text = header?.trim() ?? '';
  if (/^\d{1,10}$/.test(text)) return Number(text) * SECOND;
  // Only dates as HTTP writes them: the parser takes far more.
  const dateMs = /^[A-Z][a-z]{2}, .* GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? 0 : Math.max(0, dateMs - wallTimeMs);
}

/** How an endpoint has fared; all times from one clock. */
export interface Health {
  nowMs: number;
  /** The first failure since the last success. */
  firstFailureMs: number;
  lastSuccessMs: number | null;
}

/** Whether an endpoint has failed for so long, and not only in one burst, that it is to be disabled. */
export function isDead({ nowMs, firstFailureMs, lastSuccessMs }: Health): boolean {
  const failingMs = nowMs - firstFailureMs;
  const sinceSuccessMs = nowMs - (lastSuccessMs ?? firstFailureMs);
  return sinceSuccessMs >= DISABLE_AFTER_MS && failingMs >= FAILURES_SPREAD_OVER_MS;
}

import { IncumbentError } from '#core';

/** What a caller is told to wait; the connection is tried again about as often. */
const RETRY_AFTER_MS = 1_000;

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);

/** Of the driver's own errors, which carry no code. */
const DRIVER_MESSAGES =
  /Connection terminated|Query read timeout|Client has encountered a connection error|Query ?runner .*released|pool after calling end|not queryable/i;
/** The pool's: every connection was in use for too long. One that cannot be made at all fails in other words. */
const POOL_EXHAUSTED = 'timeout exceeded when trying to connect';

/**
 * SQLSTATE classes: 08 connection, 28 and 3D refused at the door, 53 out of resources, 57 operator intervention
 * (shutdown, crash, statement timeout), 58 system. Single codes: 25006 a server that became read-only in a
 * failover, 25P03 a transaction that was left idle for too long, 42P01 a table that the migrations have not made
 * yet, 55P03 a lock that was not had in time.
 */
const SQLSTATE_OUTAGE = /^(08|28|3D|53|57|58)...$|^(25006|25P03|42P01|55P03)$/;
/** Of these the server itself is well: the next statement may go through at once. */
const SQLSTATE_STATEMENT_ONLY = /^(57014|25P03|55P03|42P01)$/;

export type Failure = 'server' | 'statement' | 'none';

/** Whether an error means that the server cannot be used, that this statement did not get its turn, or neither. */
export function failureOf(error: unknown): Failure {
  if (error instanceof IncumbentError || !(error instanceof Error)) return 'none';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (SQLSTATE_STATEMENT_ONLY.test(code) || error.message === POOL_EXHAUSTED) return 'statement';
  if (NETWORK_CODES.has(code) || SQLSTATE_OUTAGE.test(code)) return 'server';
  if (DRIVER_MESSAGES.test(error.message)) return 'server';
  // `localhost` with two addresses fails as one error of many.
  return error instanceof AggregateError && error.errors.some((one) => failureOf(one) === 'server')
    ? 'server'
    : 'none';
}

/** The one answer for all of it; the cause is for the log. */
export function databaseUnavailable(cause?: unknown): IncumbentError {
  return new IncumbentError('database.unavailable', 'Try again shortly. Elections go on meanwhile.', {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

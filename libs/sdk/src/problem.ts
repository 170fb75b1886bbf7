/** One bad field of a refused request. */
export interface FieldProblem {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/** The service answered, and the answer is a refusal or a failure (RFC 9457 problem). `code` is the contract. */
export class IncumbentProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;
  /** Whether the call took effect: `false` is a promise, `unknown` an honest don't-know. */
  readonly executed: false | 'unknown' | undefined;
  readonly errors: readonly FieldProblem[];
  /** How long the service asked us to wait before the next try. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, body: Record<string, unknown>, retryAfterMs?: number) {
    const code = text(body['code']) ?? `http.${status}`;
    const said =
      text(body['detail']) ??
      text(body['title']) ??
      "The answer is not one of Incumbent's; check the base URL.";
    super(`${code}: ${said}`);
    this.name = 'IncumbentProblem';
    this.status = status;
    this.code = code;
    this.requestId = text(body['requestId']);
    this.executed =
      body['executed'] === false || body['executed'] === 'unknown' ? body['executed'] : undefined;
    this.errors = Array.isArray(body['errors']) ? (body['errors'] as FieldProblem[]) : [];
    this.retryAfterMs = retryAfterMs;
  }
}

/** No usable answer came: connection refused or cut, time over, or a body that is not the contract's. */
export class Unreachable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'Unreachable';
  }
}

/** The candidacy is over: resigned, closed or aborted. What `whenElected()` rejects with then. */
export class CandidacyEnded extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(`The candidacy has ended (${reason}).`);
    this.name = 'CandidacyEnded';
    this.reason = reason;
  }
}

/** Whether the same call may succeed later: no answer, too many calls, or a failure on the service's side. */
export function isTransient(error: unknown): boolean {
  if (error instanceof Unreachable) return true;
  if (!(error instanceof IncumbentProblem)) return false;
  return error.status >= 500 || error.status === 429 || error.status === 408;
}

/** The session has ended, or the service does not know it any more (its store was replaced): begin anew. */
export function isGone(error: unknown): boolean {
  return (
    error instanceof IncumbentProblem &&
    (error.code === 'session.expired' || error.code === 'session.unknown')
  );
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

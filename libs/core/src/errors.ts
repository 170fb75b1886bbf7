/**
 * The registry of everything Incumbent refuses or fails at. One row per code: the code is the contract, the
 * status and title follow from it, `retryable` says whether the same request may succeed later unchanged.
 * `docs/errors.md` has one section per code; the check compares the two.
 */
interface ErrorRow {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
}

const row = (status: number, title: string, retryable = false): ErrorRow => ({ status, title, retryable });

export const ERRORS = {
  'request.invalid_body': row(400, 'The body or frame does not fit the schema'),
  'request.invalid_query': row(400, 'The query parameters do not fit the schema'),
  'request.invalid_path': row(400, 'A path parameter does not fit its pattern'),
  'request.invalid_header': row(400, 'A header is malformed'),
  'request.malformed_json': row(400, 'The body or frame is not valid JSON'),
  'request.unknown_route': row(404, 'No such call'),
  'request.method_not_allowed': row(405, 'This path does not support the method'),
  'request.in_progress': row(409, 'The same request is being carried out', true),
  'request.timeout': row(408, 'The request arrived too slowly', true),
  'request.precondition_failed': row(412, 'The resource has changed since you read it'),
  'request.body_too_large': row(413, 'The request body is too large'),
  'request.unsupported_media_type': row(415, 'The request body must be application/json'),
  'request.idempotency_mismatch': row(422, 'The Idempotency-Key was used for another request'),
  'request.upgrade_required': row(426, 'This call becomes a WebSocket'),
  'request.headers_too_large': row(431, 'The request headers are too large'),

  'identity.unauthenticated': row(401, 'No valid API key'),
  'identity.scope_missing': row(403, 'The API key lacks the scope for this call'),
  'identity.role_missing': row(403, 'The admin token lacks the role for this call'),

  'tenant.suspended': row(403, 'The tenant is suspended'),
  'tenant.not_found': row(404, 'No such tenant'),
  'tenant.deleting': row(409, 'The tenant is being deleted'),
  'tenant.has_leaders': row(409, 'The tenant has live leaders'),
  'api_key.not_found': row(404, 'No such API key'),
  'admin_token.not_found': row(404, 'No such admin token'),
  'signing_key.not_found': row(404, 'No such signing key'),
  'signing_key.in_use': row(409, 'The signing key signs at this moment'),

  'election.not_found': row(404, 'No such election'),
  'election.name_taken': row(409, 'An election of this name exists'),
  'election.closing': row(409, 'The election is being deleted'),
  'election.candidate_taken': row(409, 'Another live candidate has this name'),

  'election.term_changed': row(409, 'The term is another by now'),
  'election.vacant': row(409, 'Nobody leads the election'),
  'election.paused': row(409, 'The election is paused'),
  'election.seats_in_use': row(409, 'Seats that are to go are led'),

  'candidate.not_found': row(404, 'No such candidate'),
  'candidate.not_waiting': row(409, 'The candidate is not waiting'),
  'candidate.not_held_back': row(409, 'Nothing holds the candidate back'),
  'hand_over.not_found': row(404, 'No such hand-over'),
  'hand_over.in_progress': row(409, 'Another hand-over of the seat is under way'),
  'hand_over.over': row(409, 'The hand-over is over'),
  'leader.vacant': row(503, 'Nobody leads the election', true),
  'leader.other': row(503, 'Another candidate leads', true),
  'leader.no_address': row(409, 'The leader gave no address to send callers to'),

  'session.unknown': row(404, 'No such session'),
  'session.expired': row(410, 'The session has ended'),
  'session.ttl_fixed': row(409, 'The ttlMs of a session cannot change'),
  'session.already_standing': row(409, 'The session already stands in this election under another name'),

  'webhook_endpoint.not_found': row(404, 'No such webhook endpoint'),
  'webhook_endpoint.disabled': row(409, 'The webhook endpoint is disabled'),
  'webhook_delivery.not_found': row(404, 'No such webhook delivery'),
  'webhook_delivery.pending': row(409, 'The webhook delivery is still under way', true),

  'limit.quota_exceeded': row(429, 'A quota of the tenant is used up'),
  'limit.rate_exceeded': row(429, 'Too many requests', true),

  'store.unavailable': row(503, 'The coordination store cannot be reached', true),
  'store.overloaded': row(503, 'The coordination store is close to its limits', true),
  'database.unavailable': row(503, 'The database cannot be reached', true),
  'service.stopping': row(503, 'This replica is shutting down', true),
  'internal.unexpected': row(500, 'Something went wrong on our side', true),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** Where a field of the request is wrong: an RFC 6901 pointer into the body, or the parameter's name. */
export interface FieldError {
  pointer: string;
  code: string;
  message: string;
}

export interface ErrorExtras {
  /** Sent as Retry-After; milliseconds. */
  retryAfterMs?: number;
  /** Whether the operation took effect: `false` is a promise, `unknown` is an honest don't-know. */
  executed?: false | 'unknown';
  errors?: FieldError[];
  /** Which limit was hit, for `limit.*`. */
  limit?: { name: string; value: number };
  /** For the log only; never shown to the caller. */
  cause?: unknown;
}

/**
 * A refusal or failure with a stable code. `detail` is shown to the caller: it says what to do next and holds
 * nothing internal. What only we should know goes into `cause`.
 */
export class IncumbentError extends Error {
  readonly code: ErrorCode;
  readonly extras: ErrorExtras;

  constructor(code: ErrorCode, detail: string, extras: ErrorExtras = {}) {
    super(detail, { cause: extras.cause });
    this.name = 'IncumbentError';
    this.code = code;
    this.extras = extras;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** For every list: its cursors are its own, and whatever it did not make is no place in it. */
export function badCursor(): IncumbentError {
  return new IncumbentError('request.invalid_query', 'Pass the nextCursor of the page before, unchanged.', {
    errors: [{ pointer: 'cursor', code: 'invalid', message: 'Is not a cursor of this list.' }],
  });
}

/** Whether `error` is ours and has this code. */
export function hasCode(error: unknown, code: ErrorCode): error is IncumbentError {
  return error instanceof IncumbentError && error.code === code;
}

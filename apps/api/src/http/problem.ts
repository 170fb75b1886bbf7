import { HttpException } from '@nestjs/common';
import { ERRORS, type ErrorCode, type FieldError, IncumbentError } from '#core';
import { unknownElection } from '#election';

/** Body of every refusal and failure (RFC 9457, application/problem+json). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  requestId: string;
  errors?: FieldError[];
  executed?: false | 'unknown';
  limit?: { name: string; value: number };
  retryAfterMs?: number;
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** What a retryable refusal asks for when it does not know better; milliseconds. */
const DEFAULT_RETRY_AFTER_MS = 1_000;

/** What the caller is told of `error`. Nothing but an IncumbentError's own words leaves the process. */
export function toProblem(error: unknown, requestId: string): Problem {
  const known = asIncumbentError(error);
  const { code, extras } = known;
  const { status, title } = ERRORS[code];
  const problem: Problem = {
    type: `urn:incumbent:error:${code}`,
    title,
    status,
    // One text whatever the reason: what you may not read must look exactly like what does not exist (T1).
    detail: code === 'election.not_found' ? unknownElection().message : known.message,
    code,
    requestId,
  };
  if (extras.errors !== undefined) problem.errors = extras.errors;
  if (extras.limit !== undefined) problem.limit = extras.limit;
  const executed = extras.executed ?? (status === 500 ? 'unknown' : undefined);
  if (executed !== undefined) problem.executed = executed;
  const retryAfterMs = extras.retryAfterMs ?? (status === 503 ? DEFAULT_RETRY_AFTER_MS : undefined);
  if (retryAfterMs !== undefined) problem.retryAfterMs = Math.ceil(retryAfterMs);
  return problem;
}

/** Headers that belong to a problem. Retry-After has whole seconds: rounded up, so that no one comes early. */
export function problemHeaders(problem: Problem): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': PROBLEM_MEDIA_TYPE, 'cache-control': 'no-store' };
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer realm="incumbent"';
  if (problem.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(problem.retryAfterMs / 1_000)));
  }
  return headers;
}

/** Whether this is a fault of ours, to be logged with its cause. */
export function isFault(problem: Problem): boolean {
  return problem.status === 500;
}

function asIncumbentError(error: unknown): IncumbentError {
  if (error instanceof IncumbentError) return error;
  // Nest hands Fastify's own refusals over wrapped, the original as cause.
  const original = error instanceof HttpException && error.cause instanceof Error ? error.cause : error;
  const refusal = FRAMEWORK_REFUSALS[statusOf(original)];
  if (refusal !== undefined) return new IncumbentError(refusal.code, refusal.detail, { cause: error });
  return new IncumbentError(
    'internal.unexpected',
    'Try again; if it happens again, report the requestId. Whether the call took effect is not known.',
    { cause: error },
  );
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number')
    return error.statusCode;
  return 500;
}

/** Refusals of the framework, before any code of ours has seen the request. */
const FRAMEWORK_REFUSALS: Record<number, { code: ErrorCode; detail: string }> = {
  400: { code: 'request.invalid_path', detail: 'The path or the framing of the request is malformed.' },
  404: { code: 'request.unknown_route', detail: 'See /docs for the calls that exist.' },
  408: { code: 'request.timeout', detail: 'Send the whole request within 5 seconds.' },
  413: { code: 'request.body_too_large', detail: 'A body may hold at most 16 kB.' },
  414: { code: 'request.invalid_path', detail: 'A part of the path is too long.' },
  415: { code: 'request.unsupported_media_type', detail: 'Send the body as application/json.' },
  431: { code: 'request.headers_too_large', detail: 'Headers may hold at most 16 kB in 64 fields.' },
};

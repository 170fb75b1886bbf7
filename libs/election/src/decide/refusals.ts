/** Refusals that several deciders have in common. */
import { type ErrorCode, type ErrorExtras, type FieldError, IncumbentError } from '#core';
import { unknownElection } from '../refusals.js';
import type { Verdict } from './commands.js';

export function refused(code: ErrorCode, detail: string, extras?: ErrorExtras): Verdict {
  return { kind: 'refused', error: new IncumbentError(code, detail, extras) };
}

/** The election does not exist, as far as its tenant can tell. */
export function notFound(): Verdict {
  return { kind: 'refused', error: unknownElection() };
}

/** The tenant's smallest ttlMs; what is smaller already, from before the quota, may stay as it is. */
export function ttlTooSmall(leastMs: number): IncumbentError {
  return new IncumbentError(
    'limit.quota_exceeded',
    `Use a ttlMs of at least ${leastMs} (minTtlMs), or ask the operator for a smaller minimum.`,
    { limit: { name: 'minTtlMs', value: leastMs }, executed: false },
  );
}

export function invalid(errors: FieldError[]): Verdict {
  const [first] = errors;
  const detail = first
    ? `${first.pointer.slice(1)}: ${first.message}`
    : 'The settings contradict each other.';
  return refused('request.invalid_body', detail, { errors });
}

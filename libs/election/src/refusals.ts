/** The refusals that the verbs of an election have in common. */
import { IncumbentError } from '#core';

export function checkWait(waitMs: number | undefined, ttlMs: number): void {
  if (waitMs === undefined || waitMs <= ttlMs / 2) return;
  const message = `must be at most ${ttlMs / 2}, half of the session's ttlMs`;
  throw new IncumbentError('request.invalid_body', `waitMs ${message}.`, {
    errors: [{ pointer: '/waitMs', code: 'too_big', message }],
  });
}

export function expired(): IncumbentError {
  const detail =
    'It was not renewed within its ttlMs, or it was resigned. Its grant is over; campaign again.';
  return new IncumbentError('session.expired', detail);
}

export function ttlFixed(ttlMs: number): IncumbentError {
  const detail = `This session has ttlMs ${ttlMs} for its whole life. Leave ttlMs out, or make a new session.`;
  return new IncumbentError('session.ttl_fixed', detail);
}

/** One place for the text, so that "absent" and "not yours" cannot be told apart (T1). */
export function unknownElection(): IncumbentError {
  return new IncumbentError(
    'election.not_found',
    'Check the name, or create the election first with POST /v1/elections.',
  );
}

/** Of a seat that a query names: neither has the election it, nor is it led still. */
export function unknownSeat(seats: number): IncumbentError {
  const message = `Must be below ${seats}: the election has ${seats} ${seats === 1 ? 'seat' : 'seats'}.`;
  return new IncumbentError('request.invalid_query', `seat: ${message}`, {
    errors: [{ pointer: 'seat', code: 'too_big', message }],
  });
}

export function unknownHandOver(): IncumbentError {
  return new IncumbentError(
    'hand_over.not_found',
    'The last hand-over of each seat is listed by GET .../hand-overs; how older ones went is in the audit log.',
  );
}

export function anotherWish(): IncumbentError {
  return new IncumbentError(
    'request.idempotency_mismatch',
    'This Idempotency-Key asked for another hand-over before. Choose a new key for every new request.',
  );
}

export function unknownCandidate(name: string): IncumbentError {
  const detail = `"${name}" does not stand here; list those who do with GET .../candidates.`;
  return new IncumbentError('candidate.not_found', detail);
}

export function outcomeUnknown(cause?: unknown): IncumbentError {
  const detail =
    'It is not known whether the session was renewed. Renew again at once; count from the new request.';
  return new IncumbentError('store.unavailable', detail, { executed: 'unknown', retryAfterMs: 1_000, cause });
}

import { isStandalone } from '../records.js';
import type { SessionIdentity } from '../session-token.js';
import type { Draft } from './draft.js';

/** Writes the caller's session: made if it is not there, else renewed as the incarnation that it is. */
export function writeSession(
  draft: Draft,
  { sessionId, tenantId, ttlMs, incarnation }: SessionIdentity,
): void {
  const sight = draft.situation.session(sessionId);
  const exists = typeof sight !== 'string' && sight.record.incarnation === incarnation;
  if (exists) draft.guardAlive({ sessionId, incarnation, ttlMs });
  else if (draft.sessionWritten(sessionId) === undefined) draft.guardSession(sessionId, { absent: true });
  draft.putSession(sessionId, { tenantId, ttlMs, incarnation });
}

/**
 * A session made by campaign ends with its last candidacy; a standalone one does not. Guarded by its exact revision: a campaign elsewhere
 * rewrites the session, and ending it then would end a term that its leader still believes in. Where it cannot be
 * said in which elections the session stands it is left to expire.
 */
export function endSessionWithLastCandidacy(draft: Draft, sessionId: string): void {
  const sight = draft.situation.session(sessionId);
  const standsIn = draft.situation.standsIn(sessionId);
  if (typeof sight === 'string' || isStandalone(sight.record)) return;
  if (!standsIn || draft.sessionWritten(sessionId) !== undefined) return;
  for (const electionId of standsIn) if (electionId !== draft.ref.electionId) return;
  draft.guardSession(sessionId, { revision: sight.modRevision });
  draft.deleteSession(sessionId);
}

import type { AdviseCommand, Decider } from './commands.js';
import { publicOf } from './draft.js';

/** One that is told so every time it renews would fill the history. */
const TOLD_EVERY_MS = 3_600_000;

/**
 * Tells everybody that a leader may soon lose its term for want of time: its renewals hardly come within its ttlMs. Of
 * one that waits nobody need know.
 */
export const advise: Decider<AdviseCommand> = (draft, { session }) => {
  const done = { kind: 'done', done: { kind: 'settled' } } as const;
  const candidacy = draft.candidacyOfSession(session.sessionId);
  if (candidacy?.record.incarnation !== session.incarnation) return done;
  const seat = draft.seatOf(candidacy.candidateId);
  const { advisedAt } = candidacy.record;
  const toldMs = advisedAt === undefined ? 0 : Date.parse(advisedAt);
  if (seat === undefined || draft.situation.time.wallMs - toldMs < TOLD_EVERY_MS) return done;
  draft.rewriteCandidacy(candidacy, { ...candidacy.record, advisedAt: draft.at });
  const leader = publicOf({ ...candidacy.record, candidateId: candidacy.candidateId });
  draft.guardLeader(seat);
  draft.tell(seat, { type: 'election.unstable', leader, previousLeader: null, reason: 'ttl_too_short' });
  return done;
};

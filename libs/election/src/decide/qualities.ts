import type { Qualities } from '../records.js';
import { unknownCandidate } from '../refusals.js';
import type { AppraiseCommand, Decider, ReportCommand } from './commands.js';
import type { Candidacy } from '../state.js';
import type { Draft } from './draft.js';
import { notFound } from './refusals.js';

/** A participant says something new of itself: its health, say. What depends on it follows by `settle`. */
export const report: Decider<ReportCommand> = (draft, { session, qualities }) => {
  const candidacy = draft.candidacyOfSession(session.sessionId);
  if (candidacy && candidacy.record.incarnation === session.incarnation)
    describe(draft, candidacy, qualities);
  return { kind: 'done', done: { kind: 'settled' } };
};

/** An operator sets the priority of one who stands. */
export const appraise: Decider<AppraiseCommand> = (draft, { name, qualities, act }) => {
  if (!draft.config || draft.config.state === 'closed') return notFound();
  const candidacy = draft.candidacyOfName(name);
  if (!candidacy) return { kind: 'refused', error: unknownCandidate(name) };
  const appraised = { ...qualities, appraised: true as const };
  if (describe(draft, candidacy, appraised)) draft.record(act, { candidate: name, ...qualities });
  return { kind: 'done', done: { kind: 'settled' } };
};

/** What a repeated campaign says: of its priority nothing any more once an operator has set it. */
export function describeAnew(draft: Draft, candidacy: Candidacy, said: Qualities): void {
  const { health } = said;
  describe(draft, candidacy, candidacy.record.appraised ? { health } : said);
}

/** Writes what is new; its place in the queue stays. Returns whether anything was. */
function describe(draft: Draft, candidacy: Candidacy, said: Qualities & { appraised?: true }): boolean {
  const { record } = candidacy;
  const qualities = only(said);
  const { priorityExpiresAt: _until, ...lasting } = record;
  // A priority that is given has the end that is given with it, or none.
  const described = { ...(qualities.priority === undefined ? record : lasting), ...qualities };
  const fields = ['priority', 'priorityExpiresAt', 'health', 'appraised'] as const;
  if (fields.every((field) => described[field] === record[field])) return false;
  draft.rewriteCandidacy(candidacy, described);
  return true;
}

/** The qualities of what was said, without those that were not. */
function only(said: Qualities & { appraised?: true }): Qualities & { appraised?: true } {
  const { priority, priorityExpiresAt, health, appraised } = said;
  return {
    ...(priority !== undefined && { priority }),
    ...(priorityExpiresAt !== undefined && { priorityExpiresAt }),
    ...(health !== undefined && { health }),
    ...(appraised && { appraised }),
  };
}

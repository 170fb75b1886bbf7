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
  if (describe(draft, candidacy, qualities)) draft.record(act, { candidate: name, ...qualities });
  return { kind: 'done', done: { kind: 'settled' } };
};

/** Writes what is new; its place in the queue stays. Returns whether anything was. */
export function describe(draft: Draft, candidacy: Candidacy, qualities: Qualities): boolean {
  const { record } = candidacy;
  const { priorityExpiresAt: _until, ...lasting } = record;
  // A priority that is given has the end that is given with it, or none.
  const described = { ...(qualities.priority === undefined ? record : lasting), ...defined(qualities) };
  const fields = ['priority', 'priorityExpiresAt', 'health'] as const;
  if (fields.every((field) => described[field] === record[field])) return false;
  draft.rewriteCandidacy(candidacy, described);
  return true;
}

function defined(qualities: Qualities): Qualities {
  const entries = Object.entries(qualities).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

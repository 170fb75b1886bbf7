/**
 * Candidates that lose their terms soon after they won them are held back: for a while that doubles each time, then
 * until an operator lifts it. An operator may also hold one back by hand. It goes by candidate name, so that a
 * process which crashes and stands again does not begin anew.
 */
import { IncumbentError } from '#core';
import type { ConductRecord, EndReason, LeaderRecord } from '../records.js';
import type { ConductCommand, Decider } from './commands.js';
import { type Draft, publicOf } from './draft.js';
import { notFound } from './refusals.js';

/** Doubling ends here: an hour is long enough to be noticed. */
const LONGEST_BACKOFF_MS = 3_600_000;
/** Names that are held back for nothing any more and stand no more are forgotten after this long. */
const FORGOTTEN_AFTER_MS = 3_600_000;

export function isHeldBack(draft: Draft, name: string): boolean {
  const conduct = draft.conduct(name);
  if (!conduct || conduct.heldBack === 'no') return false;
  return (
    conduct.heldBack === 'until_lifted' || !draft.isOver(draft.conductAgeMs(name), conduct.heldBack.forMs)
  );
}

/** Whether an operator or too many short terms keep the name from leading until that is lifted. */
export function isQuarantined(draft: Draft, name: string): boolean {
  return draft.conduct(name)?.heldBack === 'until_lifted';
}

/** Takes the end of a term into account. Asked before the end is written. */
export function noteEnd(
  draft: Draft,
  seat: number,
  leader: LeaderRecord,
  { reason, failed = false }: { reason: EndReason; failed?: boolean },
): void {
  const { shortTermMs = 0 } = draft.config ?? {};
  const before = draft.conduct(leader.name);
  const short = draft.termAgeMs(seat) < shortTermMs;
  if (!short) {
    if (before && before.heldBack !== 'until_lifted') draft.setConduct(leader.name, null);
    return;
  }
  if (reason !== 'expired' && reason !== 'unhealthy' && !failed) return;
  const shortTerms = (before?.shortTerms ?? 0) + 1;
  const heldBack = sentence(draft, shortTerms);
  // What an operator holds back no sentence sets free.
  const lasting = before?.heldBack === 'until_lifted' ? before : { heldBack };
  draft.setConduct(leader.name, { ...lasting, shortTerms, at: draft.at });
  if (shortTerms > 1 || heldBack === 'until_lifted') {
    draft.tell(seat, {
      type: 'election.unstable',
      leader: null,
      previousLeader: publicOf(leader),
      reason: 'flapping',
    });
  }
}

function sentence(draft: Draft, shortTerms: number): ConductRecord['heldBack'] {
  const { backoffMs = 0, quarantineAfter = 0 } = draft.config ?? {};
  if (quarantineAfter > 0 && shortTerms >= quarantineAfter) return 'until_lifted';
  if (backoffMs === 0) return 'no';
  return { forMs: Math.min(LONGEST_BACKOFF_MS, backoffMs * 2 ** Math.min(shortTerms - 1, 20)) };
}

/** Hold a candidate name back until it is lifted, or lift what holds it back. */
export const conduct: Decider<ConductCommand> = (draft, command) => {
  const { config } = draft;
  if (!config || config.state === 'closed') return notFound();
  const { name, lift, why } = command;
  const before = draft.conduct(name);
  if (lift && !before) {
    const detail = `Nothing holds "${name}" back here; list those who stand with GET .../candidates.`;
    return { kind: 'refused', error: new IncumbentError('candidate.not_held_back', detail) };
  }
  if (!lift && before?.heldBack === 'until_lifted') return { kind: 'done', done: { kind: 'settled' } };
  const shortTerms = before?.shortTerms ?? 0;
  const by = command.act.actor;
  draft.setConduct(name, lift ? null : { shortTerms, heldBack: 'until_lifted', at: draft.at, by });
  draft.record(command.act, { candidate: name, ...(why !== undefined && { reason: why }) });
  return { kind: 'done', done: { kind: 'settled' } };
};

/** Names whose conduct no longer matters. */
export function* forgettable(draft: Draft): Generator<string> {
  for (const name of draft.conductNames()) {
    const { heldBack } = draft.conduct(name) ?? {};
    if (heldBack === undefined || heldBack === 'until_lifted' || draft.candidacyOfName(name)) continue;
    const servedMs = heldBack === 'no' ? 0 : heldBack.forMs;
    if (draft.conductAgeMs(name) >= servedMs + FORGOTTEN_AFTER_MS) yield name;
  }
}

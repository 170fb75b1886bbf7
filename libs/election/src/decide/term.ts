/** How a term starts and ends: the only code that writes leader and term records. */
import type { EndReason, LeaderRecord } from '../records.js';
import type { Candidacy } from '../state.js';
import { type Draft, publicOf } from './draft.js';

/** Passing over more than this many dead candidacies is left to a further transition, so that one stays small. */
const MOST_PASSED_OVER = 12;

/** Writes of a term start (term, leader, head, event), and one to spare. */
const TERM_START_OPERATIONS = 5;

/** Ends the running term of a seat. The caller then fills the seat or leaves it vacant with `leaveVacant`. */
export function endTerm(draft: Draft, seat: number, reason: EndReason): LeaderRecord | null {
  const leader = draft.leader(seat);
  const term = draft.term(seat);
  if (!leader || !term) return null;
  draft.setLeader(seat, null);
  draft.setTerm(seat, { ...term, endedAt: draft.at, reason });
  draft.tell(seat, { type: 'leadership.lost', leader: null, previousLeader: publicOf(leader), reason });
  return leader;
}

/** Whether a term may start at all: a paused or closing election, a suspended tenant, a young epoch say no. */
export function mayStart(draft: Draft): boolean {
  const { tenant, epoch } = draft.situation;
  return draft.config?.state === 'open' && epoch.settled && (tenant?.record.status ?? 'active') === 'active';
}

/**
 * Gives a vacant seat to the first live candidacy of the queue (policy fifo), sweeping dead ones that it passes.
 * Returns whether somebody leads now.
 */
export function fillSeat(draft: Draft, seat: number): boolean {
  if (draft.leader(seat) || !mayStart(draft)) return false;
  let passed = 0;
  for (const candidacy of draft.queue()) {
    if (draft.seemsAlive(candidacy)) {
      startTerm(draft, seat, candidacy);
      return true;
    }
    if (passed++ >= MOST_PASSED_OVER || draft.room < TERM_START_OPERATIONS + 4) return false;
    sweep(draft, candidacy);
  }
  return false;
}

/**
 * Says that the seat stays vacant. Guards that nobody joined unseen: a join that saw the old leader guards that
 * leader's record, this guards the join, so one of the two decides again.
 */
export function leaveVacant(draft: Draft, seat: number, previous: LeaderRecord | null): void {
  draft.guardLeader(seat);
  draft.guardNoneJoined();
  draft.guardConfig();
  draft.guardTenant();
  draft.tell(seat, {
    type: 'election.vacant',
    leader: null,
    previousLeader: previous && publicOf(previous),
    reason: draft.term(seat)?.reason,
  });
}

/** Removes a candidacy whose session is gone. */
export function sweep(draft: Draft, candidacy: Candidacy): void {
  draft.guardDead(candidacy.record.sessionId);
  draft.removeCandidacy(candidacy);
}

function startTerm(draft: Draft, seat: number, candidacy: Candidacy): void {
  const { candidateId, record } = candidacy;
  const { epoch } = draft.situation.epoch;
  draft.guardConfig();
  draft.guardTenant();
  draft.guardCandidacy(candidacy);
  draft.guardAlive(record);
  const term = (draft.term(seat)?.term ?? 0) + 1;
  const shown = publicOf({ ...record, candidateId });
  const { sessionId, incarnation, ttlMs } = record;
  draft.setLeader(seat, { ...shown, sessionId, incarnation, ttlMs, epoch, term, electedAt: draft.at });
  draft.setTerm(seat, { epoch, term, since: draft.at, leader: shown, sessionId });
  draft.tell(seat, { type: 'leadership.acquired', leader: shown, previousLeader: null });
}

/** How a term starts and ends: the only code that writes leader and term records. */
import { derivedId } from '#core';
import { policies } from '../policies/index.js';
import type { EndReason, LeaderRecord, Mark, TermRecord } from '../records.js';
import type { Candidacy } from '../state.js';
import { noteEnd } from './conduct.js';
import { type Draft, publicOf } from './draft.js';
import { finishHandOver } from './hand-over-progress.js';
import { isFree, lineFor } from './line.js';

/** Passing over more than this many dead candidacies is left to a further transition, so that one stays small. */
const MOST_PASSED_OVER = 12;

/** A leader that renews within its ttlMs asks soon after its term; so many later terms it may miss. */
const MOST_ENDS_KEPT = 4;

/** Writes of a term start (term, leader, head, event), and one to spare. */
export const TERM_START_OPERATIONS = 5;

/** How a running term ends. */
export interface Ending {
  reason: EndReason;
  /** Name of the candidate that is to succeed; else whoever is next. */
  to?: string;
  /** The leader itself ended it. */
  acknowledged?: boolean;
  /** The participant says that it could not do the work: a short term counts against it. */
  failed?: boolean;
  /** Stands no more, or anew at the end of the queue, or as it did. */
  leader: 'goes' | 'queues' | 'has gone';
}

/** Reasons after which a live leader stays in the contest, at the end of the queue and with a new candidateId. */
const QUEUES_ANEW: ReadonlySet<EndReason> = new Set<EndReason>([
  'stepped_down',
  'transferred',
  'preempted',
  'rotated',
  'unhealthy',
  'seat_retired',
]);

/** Who is to have a vacant seat, as far as it is not the policy's to say. */
interface Choice {
  /** Name of a candidate. */
  to?: string | undefined;
  /** The candidateId with which the last leader has just queued anew. */
  anew?: string | undefined;
  /** Everybody else goes before it. */
  anotherFirst?: boolean;
}

/** Reasons for which somebody wants another to lead, whatever the policy thinks of the leader. */
const ANOTHER_FIRST: ReadonlySet<EndReason> = new Set<EndReason>(['stepped_down', 'transferred']);

/** Ends the term of a seat and installs its successor, or says that the seat is vacant: one transition. */
export function succeed(draft: Draft, seat: number, leader: LeaderRecord, ending: Ending): void {
  const gapMs = leader.withheld ? Math.round(draft.markAgeMs(seat)) : 0;
  noteEnd(draft, seat, leader, ending);
  endTerm(draft, seat, leader, ending.reason);
  const candidacy = draft.candidacy(leader.candidateId);
  if (candidacy && ending.leader !== 'has gone') draft.removeCandidacy(candidacy);
  const queues = candidacy && ending.leader === 'queues' && draft.seemsAlive(candidacy);
  const anew = queues ? standAnew(draft, candidacy, seat) : undefined;
  const choice = {
    to: ending.to ?? markOf(leader)?.to,
    anew: anew?.candidateId,
    anotherFirst: ANOTHER_FIRST.has(ending.reason),
  };
  const filled = seat < draft.seatCount && fillSeat(draft, seat, choice);
  if (!filled) leaveVacant(draft, seat, leader);
  finishHandOver(draft, seat, leader, { acknowledged: ending.acknowledged === true, gapMs });
}

/** What becomes of a live leader whose term ends for `reason` without its own doing. */
export function fateOf(reason: EndReason): Ending['leader'] {
  return QUEUES_ANEW.has(reason) ? 'queues' : 'goes';
}

export function markOf(leader: LeaderRecord): Mark | undefined {
  return leader.withheld ?? leader.asked;
}

/** Whether a term may start at all: a paused or closing election, a suspended tenant, a young epoch say no. */
export function mayStart(draft: Draft): boolean {
  const { tenant, epoch } = draft.situation;
  return draft.config?.state === 'open' && epoch.settled && (tenant?.record.status ?? 'active') === 'active';
}

/**
 * Gives a vacant seat to the candidate `to` if it stands and lives, else to the first live candidacy of the line,
 * sweeping dead ones that it passes. Returns whether somebody leads now.
 */
export function fillSeat(
  draft: Draft,
  seat: number,
  { to, anew, anotherFirst = false }: Choice = {},
): boolean {
  if (draft.leader(seat) || !mayStart(draft)) return false;
  const chosen = to === undefined ? undefined : draft.candidacyOfName(to);
  if (chosen && draft.seemsAlive(chosen) && isFree(draft, chosen))
    return startTerm(draft, seat, chosen, true);
  let passed = 0;
  for (const candidacy of lineFor(draft, seat, anotherFirst ? anew : undefined)) {
    if (draft.seemsAlive(candidacy)) {
      // Ranked, the choice depends on all who stand: nobody may have joined or changed unseen. Whoever joins by this very
      // transition is behind all who joined unseen.
      const ranks = draft.config && policies[draft.config.policy].ranks;
      if (ranks || draft.joins(candidacy)) draft.guardNoneJoined();
      return startTerm(draft, seat, candidacy, anotherFirst);
    }
    if (passed >= MOST_PASSED_OVER || draft.room < TERM_START_OPERATIONS + 4) break;
    sweep(draft, candidacy);
    passed += 1;
  }
  // Without a term start, which guards the election's head, one of the swept may lead by now.
  if (passed > 0) draft.guardSeats();
  return false;
}

/** Whether `fillSeat` would change anything. */
export function canFill(draft: Draft, seat: number): boolean {
  if (draft.leader(seat) || !mayStart(draft)) return false;
  for (const _candidacy of lineFor(draft, seat)) return true;
  return false;
}

/** Removes a candidacy whose session is gone. */
export function sweep(draft: Draft, candidacy: Candidacy): void {
  draft.guardDead(candidacy.record.sessionId);
  draft.removeCandidacy(candidacy);
}

/** The same participant at the end of the queue, with a candidateId of which it can believe nothing yet. */
export function standAnew(draft: Draft, candidacy: Candidacy, seat: number): Candidacy {
  const { electionId } = draft.ref;
  const { term, epoch } = draft.term(seat) ?? { term: 0, epoch: 0 };
  const candidateId = derivedId('cnd', electionId, candidacy.candidateId, `${epoch}.${term}`);
  draft.guardAlive(candidacy.record);
  return draft.addCandidacy(candidateId, { ...candidacy.record, joinedAt: draft.at });
}

function endTerm(draft: Draft, seat: number, leader: LeaderRecord, reason: EndReason): void {
  const term = draft.term(seat);
  if (!term) return;
  const handOverId = markOf(leader)?.handOverId;
  draft.setLeader(seat, null);
  draft.setTerm(seat, { ...term, endedAt: draft.at, reason });
  draft.tell(seat, {
    type: 'leadership.lost',
    leader: null,
    previousLeader: publicOf(leader),
    reason,
    ...(handOverId !== undefined && { handOverId }),
  });
}

/**
 * Says that the seat stays vacant. Guards that nobody joined unseen: a join that saw the old leader guards that
 * leader's record, this guards the join, so one of the two decides again.
 */
function leaveVacant(draft: Draft, seat: number, previous: LeaderRecord): void {
  draft.guardLeader(seat);
  draft.guardNoneJoined();
  draft.guardConfig();
  draft.guardTenant();
  draft.tell(seat, {
    type: 'election.vacant',
    leader: null,
    previousLeader: publicOf(previous),
    reason: draft.term(seat)?.reason,
  });
}

/**
 * Two seats cannot take the same candidacy: each start tells an event, so each guards and rewrites the election's
 * head, and of two that saw the same head one decides again.
 */
function startTerm(draft: Draft, seat: number, candidacy: Candidacy, appointed: boolean): true {
  const { candidateId, record } = candidacy;
  const { epoch } = draft.situation.epoch;
  draft.guardConfig();
  draft.guardTenant();
  draft.guardCandidacy(candidacy);
  draft.guardAlive(record);
  const term = (draft.term(seat)?.term ?? 0) + 1;
  const shown = publicOf({ ...record, candidateId });
  const { sessionId, incarnation, ttlMs } = record;
  draft.setLeader(seat, {
    ...shown,
    ...{ sessionId, incarnation, ttlMs, epoch, term, electedAt: draft.at },
    ...(appointed && { appointed }),
  });
  const earlier = endsBefore(draft, seat);
  draft.setTerm(seat, {
    epoch,
    term,
    since: draft.at,
    leader: shown,
    sessionId,
    ...(earlier && { earlier }),
  });
  draft.tell(seat, { type: 'leadership.acquired', leader: shown, previousLeader: null });
  return true;
}

/** Why the last terms of the seat ended, for those who led them. */
function endsBefore(draft: Draft, seat: number): TermRecord['earlier'] {
  const { sessionId, reason, earlier = [] } = draft.term(seat) ?? {};
  if (sessionId === undefined || reason === undefined) return undefined;
  return [{ sessionId, reason }, ...earlier].slice(0, MOST_ENDS_KEPT);
}

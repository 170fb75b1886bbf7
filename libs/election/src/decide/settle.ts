import type { EndReason, LeaderRecord } from '../records.js';
import type { Decider, ReplaceCommand, SettleCommand } from './commands.js';
import { forgettable } from './conduct.js';
import { stepFor, takeStep } from './demand.js';
import { type Draft, ENGINE } from './draft.js';
import { beginHandOver } from './hand-over.js';
import { canFill, fateOf, fillSeat, succeed, sweep } from './term.js';
import { failHandOver, leftOver, turnOf } from './turn.js';

/** Dead waiters that one transition sweeps; the next sweep takes the rest. */
const MOST_SWEPT = 10;
/** What bringing one seat in line may take: a term's end, its successor's start, a hand-over, a conduct. */
const SEAT_OPERATIONS = 14;

/**
 * Bring the election in line: end the terms of dead leaders, ask or mark live ones that may lead no more (or unmark
 * them if they may again), fill vacancies, carry on hand-overs, sweep the dead, close what is closing. Idempotent,
 * and right whoever asks for it and however often.
 */
export const settle: Decider<SettleCommand> = (draft) => {
  bringInLine(draft);
  return { kind: 'done', done: { kind: 'settled' } };
};

/**
 * Install the successor of a withheld leader. The leader record is the very revision that was watched for its
 * session's ttlMs, so every grant that it ever gave is over; a mark withdrawn and set again has another revision.
 */
export const replace: Decider<ReplaceCommand> = (draft, { seat, leaderRevision }) => {
  const seen = draft.situation.election.seats.get(seat)?.leader;
  const leader = draft.leader(seat);
  const turn = turnOf(draft, seat);
  // Its target is gone and nobody else is to have the seat: then the leader gets its term back.
  const fails = turn?.kind === 'fail' && turn.handOver.handOverId === leader?.withheld?.handOverId;
  if (leader?.withheld && seen?.modRevision === leaderRevision && !draft.changesLeader(seat) && !fails) {
    replaceLeader(draft, seat, leader, leader.withheld.reason);
  }
  bringInLine(draft);
  return { kind: 'done', done: { kind: 'settled' } };
};

/** The part that settings changes share with `settle`. */
export function bringInLine(draft: Draft): void {
  for (const seat of [...draft.seats()]) {
    if (draft.room < SEAT_OPERATIONS && !draft.changesNothing) return;
    settleSeat(draft, seat);
  }
  for (const [seat, turn] of leftOver(draft)) failHandOver(draft, seat, turn);
  sweepDead(draft);
  // Waiters that are not yet swept would stand in the election that is created anew under this name.
  if (draft.config?.state === 'closing' && isEmpty(draft)) close(draft);
}

/**
 * Whether `bringInLine` would change a term or fill a vacancy. Asked after every change that a replica sees, so it
 * looks no further than it must. `thorough` also looks for dead waiters.
 */
export function needsSettling(draft: Draft, thorough: boolean): boolean {
  const { config } = draft;
  if (!config) return false;
  for (const seat of draft.seats()) {
    const leader = draft.leader(seat);
    if (turnOf(draft, seat)) return true;
    if (leader ? (endOf(draft, leader) ?? stepFor(draft, seat, leader)) : canFill(draft, seat)) return true;
  }
  if (!leftOver(draft).next().done) return true;
  if (config.state === 'closing' && !anyLeads(draft)) return true;
  if (config.state === 'closed' && draft.candidateCount > 0) return true;
  return thorough && (hasDeadWaiter(draft) || !forgettable(draft).next().done);
}

/**
 * Ends the terms whose leaders are dead, and fills their seats: that of `first` before all others, the rest as far as
 * there is room for a further command beside it.
 */
export function endDeadTerms(draft: Draft, first: string): void {
  const seats = [...draft.seats()];
  const own = seats.filter((seat) => draft.leader(seat)?.name === first);
  for (const seat of new Set([...own, ...seats])) {
    if (draft.room < 2 * SEAT_OPERATIONS && !draft.changesNothing) return;
    endDeadTerm(draft, seat);
  }
}

function settleSeat(draft: Draft, seat: number): void {
  const turn = turnOf(draft, seat);
  if (turn?.kind === 'fail') failHandOver(draft, seat, turn);
  else if (turn?.kind === 'begin') beginHandOver(draft, seat, turn.handOver);
  const leader = draft.leader(seat);
  if (!leader) fillSeat(draft, seat);
  else if (!endDeadTerm(draft, seat)) {
    const step = stepFor(draft, seat, leader);
    if (step) takeStep(draft, seat, leader, step);
  }
}

function endDeadTerm(draft: Draft, seat: number): boolean {
  const leader = draft.leader(seat);
  const ended = leader && endOf(draft, leader);
  if (!ended) return false;
  if (ended === 'expired') draft.guardDead(leader.sessionId);
  replaceLeader(draft, seat, leader, leader.withheld?.reason ?? ended);
  return true;
}

/** Why the term is over already, if it is: nobody can hold a grant of it any more. */
function endOf(draft: Draft, leader: LeaderRecord): EndReason | undefined {
  const { epoch, settled } = draft.situation.epoch;
  if (leader.epoch < epoch && settled) return 'restored';
  return draft.seemsAlive({ record: leader }) ? undefined : 'expired';
}

/** What marked the leader caused its end; an expiry or a restore nobody did, whoever comes upon it. */
function replaceLeader(draft: Draft, seat: number, leader: LeaderRecord, reason: EndReason): void {
  draft.onBehalfOf(leader.withheld?.by ?? ENGINE, () =>
    succeed(draft, seat, leader, { reason, leader: fateOf(reason) }),
  );
}

function hasDeadWaiter(draft: Draft): boolean {
  for (const candidacy of draft.queue()) {
    if (!draft.seemsAlive(candidacy) && draft.seatOf(candidacy.candidateId) === undefined) return true;
  }
  return false;
}

function sweepDead(draft: Draft): void {
  const closed = isClosed(draft) && !anyLeads(draft);
  let swept = 0;
  for (const candidacy of [...draft.queue()]) {
    if (swept >= MOST_SWEPT || draft.room < 6) return;
    if (!closed && draft.seemsAlive(candidacy)) continue;
    if (draft.seatOf(candidacy.candidateId) !== undefined) continue;
    if (closed) draft.removeCandidacy(candidacy);
    else sweep(draft, candidacy);
    draft.guardSeats();
    swept += 1;
  }
  const forgotten = closed ? draft.conductNames() : forgettable(draft);
  for (const name of [...forgotten]) {
    if (draft.room < 6) return;
    draft.setConduct(name, null);
  }
  if (closed) cancelScheduled(draft);
}

/** One that waits for its time would begin in the election that is created anew under this name. */
function cancelScheduled(draft: Draft): void {
  for (const [seat, handOver] of draft.scheduled()) {
    if (draft.room < 6) return;
    draft.setHandOver(seat, { ...handOver, state: 'cancelled', finishedAt: draft.at });
  }
}

function close(draft: Draft): void {
  if (!draft.config) return;
  draft.guardSeats();
  draft.setConfig({ ...draft.config, state: 'closed', updatedAt: draft.at });
}

function isEmpty(draft: Draft): boolean {
  const left = [draft.conductNames(), draft.scheduled()].some((each) => each.next().done !== true);
  return !anyLeads(draft) && draft.candidateCount === 0 && !left;
}

function anyLeads(draft: Draft): boolean {
  for (const seat of draft.seats()) if (draft.leader(seat)) return true;
  return false;
}

function isClosed(draft: Draft): boolean {
  return draft.config?.state === 'closed' || draft.config?.state === 'closing';
}

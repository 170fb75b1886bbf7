import type { EndReason, LeaderRecord } from '../records.js';
import { ONLY_SEAT } from '../state.js';
import type { Decider, ReplaceCommand, SettleCommand } from './commands.js';
import { type Draft, ENGINE } from './draft.js';
import { endTerm, fillSeat, leaveVacant, mayStart, sweep } from './term.js';

/** Dead waiters that one transition sweeps; the next sweep takes the rest. */
const MOST_SWEPT = 10;

/**
 * Bring the election in line: end the term of a dead leader, mark a live one that may lead no more (or unmark it
 * if it may again), fill the vacancy, sweep the dead, close what is closing. Idempotent, and right whoever asks
 * for it and however often.
 */
export const settle: Decider<SettleCommand> = (draft) => {
  bringInLine(draft);
  return { kind: 'done', done: { kind: 'settled' } };
};

/**
 * Install the successor of a withheld leader. The leader record is the very revision that was watched for its
 * session's ttlMs, so every grant that it ever gave is over; a mark withdrawn and set again has another revision.
 */
export const replace: Decider<ReplaceCommand> = (draft, command) => {
  const seen = draft.situation.election.seats.get(ONLY_SEAT)?.leader;
  const leader = draft.leader(ONLY_SEAT);
  if (leader?.withheld && seen?.modRevision === command.leaderRevision && !draft.changesLeader(ONLY_SEAT)) {
    replaceLeader(draft, leader, leader.withheld.reason);
  }
  bringInLine(draft);
  return { kind: 'done', done: { kind: 'settled' } };
};

/** The part that settings changes share with `settle`. */
export function bringInLine(draft: Draft): void {
  const leader = draft.leader(ONLY_SEAT);
  if (leader) settleTerm(draft, leader);
  else fillSeat(draft, ONLY_SEAT);
  sweepDead(draft);
  // Waiters that are not yet swept would stand in the election that is created anew under this name.
  if (draft.config?.state === 'closing' && !draft.leader(ONLY_SEAT) && draft.candidateCount === 0)
    close(draft);
}

/**
 * Whether `bringInLine` would change the term or fill the vacancy. Asked after every change that a replica sees,
 * so it looks no further than the first live candidacy. `thorough` also looks for dead waiters.
 */
export function needsSettling(draft: Draft, thorough: boolean): boolean {
  const { config } = draft;
  if (!config) return false;
  const leader = draft.leader(ONLY_SEAT);
  if (leader && (endOf(draft, leader) || markFor(draft, leader) !== leader.withheld?.reason)) return true;
  if (!leader && (config.state === 'closing' || (isClosed(draft) && draft.candidateCount > 0))) return true;
  if (!leader && mayStart(draft)) return draft.candidateCount > 0;
  return thorough && hasDeadWaiter(draft, leader);
}

function hasDeadWaiter(draft: Draft, leader: LeaderRecord | null): boolean {
  for (const candidacy of draft.queue()) {
    if (candidacy.candidateId !== leader?.candidateId && !draft.seemsAlive(candidacy)) return true;
  }
  return false;
}

/** Ends the running term if its leader is dead, and fills the seat. Returns whether it was. */
export function endDeadTerm(draft: Draft): boolean {
  const leader = draft.leader(ONLY_SEAT);
  const ended = leader && endOf(draft, leader);
  if (!ended) return false;
  if (ended === 'expired') draft.guardDead(leader.sessionId);
  replaceLeader(draft, leader, leader.withheld?.reason ?? ended);
  return true;
}

function settleTerm(draft: Draft, leader: LeaderRecord): void {
  if (endDeadTerm(draft)) return;
  const mark = markFor(draft, leader);
  if (mark === leader.withheld?.reason) return;
  draft.guardConfig();
  draft.guardTenant();
  const { withheld: _withdrawn, ...unmarked } = leader;
  const { at, by } = draft;
  draft.setLeader(ONLY_SEAT, mark ? { ...unmarked, withheld: { reason: mark, at, by } } : unmarked);
}

/** Why the term is over already, if it is: nobody can hold a grant of it any more. */
function endOf(draft: Draft, leader: LeaderRecord): EndReason | undefined {
  const { epoch, settled } = draft.situation.epoch;
  if (leader.epoch < epoch && settled) return 'restored';
  return draft.seemsAlive({ record: leader }) ? undefined : 'expired';
}

/** Why the running term has to end, if it has to: the mark its record should bear. */
function markFor(draft: Draft, leader: LeaderRecord): EndReason | undefined {
  const state = draft.config?.state;
  if (state === 'closing' || state === 'closed') return 'deleted';
  if (draft.situation.tenant && draft.situation.tenant.record.status !== 'active') return 'suspended';
  if (state === 'paused') return 'paused';
  // Should not happen: a leader that stands no more. Its session lives, so its grants have to run out first.
  return draft.candidacy(leader.candidateId) ? undefined : 'expired';
}

/** What marked the leader caused its end; an expiry or a restore nobody did, whoever comes upon it. */
function replaceLeader(draft: Draft, leader: LeaderRecord, reason: EndReason): void {
  draft.onBehalfOf(leader.withheld?.by ?? ENGINE, () => {
    endTerm(draft, ONLY_SEAT, reason);
    const candidacy = draft.candidacy(leader.candidateId);
    if (candidacy) draft.removeCandidacy(candidacy);
    if (!fillSeat(draft, ONLY_SEAT)) leaveVacant(draft, ONLY_SEAT, leader);
  });
}

function sweepDead(draft: Draft): void {
  const leader = draft.leader(ONLY_SEAT);
  const closed = isClosed(draft) && !leader;
  let swept = 0;
  for (const candidacy of [...draft.queue()]) {
    if (swept >= MOST_SWEPT || draft.room < 6) return;
    if (candidacy.candidateId === leader?.candidateId) continue;
    if (closed) draft.removeCandidacy(candidacy);
    else if (draft.seemsAlive(candidacy)) continue;
    else sweep(draft, candidacy);
    draft.guardLeader(ONLY_SEAT);
    swept += 1;
  }
}

function close(draft: Draft): void {
  if (!draft.config) return;
  draft.guardLeader(ONLY_SEAT);
  draft.setConfig({ ...draft.config, state: 'closed', updatedAt: draft.at });
}

function isClosed(draft: Draft): boolean {
  return draft.config?.state === 'closed' || draft.config?.state === 'closing';
}

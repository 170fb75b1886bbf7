import type { ConfigRecord, HandOverRecord, LeaderRecord, Mark } from '../records.js';
import { unknownHandOver } from '../refusals.js';
import type { CancelHandOverCommand, Decider, HandOverCommand, Verdict } from './commands.js';
import { stepFor, takeStep } from './demand.js';
import type { Draft } from './draft.js';
import { finishHandOver, isUnderWay, REASON_OF } from './hand-over-progress.js';
import { isFree } from './line.js';
import { invalid, notFound, refused } from './refusals.js';
import { fateOf, fillSeat, mayStart, succeed } from './term.js';
import { failHandOver, targetOf } from './turn.js';

/** A schedule keeps every other hand-over of its seat waiting. */
const FURTHEST_MS = 31 * 86_400_000;

/**
 * End the term of a seat at an operator's wish: step-down, transfer, depose. Graceful, it asks the leader and lets
 * it finish; immediate, it installs the successor at once, and the old leader may believe for the rest of its last
 * grant: only its fence is beaten (the one exception to S1, and the answer says so).
 */
export const handOver: Decider<HandOverCommand> = (draft, command) => {
  const { seat, wish } = command;
  const { config } = draft;
  if (!config || config.state === 'closed') return notFound();
  const present = draft.handOver(seat);
  if (present?.handOverId === wish.handOverId) return done(present);
  const refusal = check(draft, seat, wish, config);
  if (refusal) return refusal;
  const leader = draft.leader(seat);
  const record: HandOverRecord = {
    ...wish,
    state: 'scheduled',
    requestedAt: draft.at,
    by: command.act.actor,
    ...(leader && { from: { name: leader.name, candidateId: leader.candidateId } }),
  };
  if (command.dryRun) return done(record);
  draft.record(command.act, { ...wish, seat });
  if (wish.dueAt === undefined) beginHandOver(draft, seat, record);
  else draft.setHandOver(seat, record);
  const replaced = draft.leader(seat)?.term === leader?.term ? null : leader;
  return done(draft.handOver(seat) ?? record, replaced);
};

/** Cancel a hand-over that is scheduled or under way: the leader's mark is withdrawn. */
export const cancelHandOver: Decider<CancelHandOverCommand> = (draft, command) => {
  if (!draft.config || draft.config.state === 'closed') return notFound();
  for (const [seat, record] of draft.handOvers()) {
    if (record.handOverId !== command.handOverId) continue;
    if (record.state === 'cancelled') return done(record);
    if (!isUnderWay(record)) {
      const detail = `It is ${record.state}; there is nothing left to cancel.`;
      return refused('hand_over.over', detail);
    }
    const cancelled = { ...record, state: 'cancelled' as const, finishedAt: draft.at };
    draft.setHandOver(seat, cancelled);
    draft.record(command.act, { handOverId: record.handOverId });
    const leader = draft.leader(seat);
    const step = leader && stepFor(draft, seat, leader);
    if (step) takeStep(draft, seat, leader, step);
    return done(cancelled);
  }
  return { kind: 'refused', error: unknownHandOver() };
};

/** Begins a hand-over that is due: asks the leader, replaces it at once, or appoints into the vacant seat. */
export function beginHandOver(draft: Draft, seat: number, record: HandOverRecord): void {
  const leader = draft.leader(seat);
  draft.setHandOver(seat, { ...record, state: record.graceMs === 0 ? 'withheld' : 'asked' });
  draft.onBehalfOf(record.by, () => {
    if (!leader) {
      if (fillSeat(draft, seat, { to: record.to }))
        finishHandOver(draft, seat, null, { acknowledged: false, gapMs: 0 });
      else failHandOver(draft, seat, { handOver: record, failure: 'target_gone' });
    } else if (record.mode === 'immediate') {
      const reason = REASON_OF[record.kind];
      const marked = { ...leader, withheld: markFor(record, draft.at) };
      succeed(draft, seat, marked, { reason, leader: fateOf(reason) });
    } else {
      const step = stepFor(draft, seat, leader);
      if (step) takeStep(draft, seat, leader, step);
    }
  });
}

function markFor({ handOverId, kind, by, to }: HandOverRecord, at: string): Mark {
  return { reason: REASON_OF[kind], at, by, handOverId, ...(to !== undefined && { to }) };
}

function check(
  draft: Draft,
  seat: number,
  wish: HandOverCommand['wish'],
  config: ConfigRecord,
): Verdict | undefined {
  if (seat >= draft.seatCount && !draft.leader(seat)) {
    const message = `Must be below ${draft.seatCount}: the election has ${draft.seatCount} seats.`;
    return invalid([{ pointer: '/seat', code: 'too_big', message }]);
  }
  const term = draft.term(seat)?.term ?? 0;
  if (wish.expectedTerm !== term) {
    const detail = `The term is ${term}. Look at who leads now, and name that term if you still mean it.`;
    return refused('election.term_changed', detail);
  }
  const present = draft.handOver(seat);
  if (present && isUnderWay(present)) {
    const detail = `${present.handOverId} is ${present.state}. Wait for it, or cancel it with DELETE .../hand-overs/${present.handOverId}.`;
    return refused('hand_over.in_progress', detail);
  }
  if (!mayStart(draft)) return paused(config);
  if (!draft.leader(seat) && wish.kind !== 'transfer') return vacant();
  const badTime = wish.dueAt === undefined ? undefined : checkTime(draft, wish.dueAt);
  if (badTime) return badTime;
  return wish.to === undefined ? undefined : checkTarget(draft, wish.to);
}

function checkTime(draft: Draft, dueAt: string): Verdict | undefined {
  const aheadMs = Date.parse(dueAt) - draft.situation.time.wallMs;
  if (aheadMs > 0 && aheadMs <= FURTHEST_MS) return undefined;
  const [code, message] =
    aheadMs > 0
      ? ['too_late', 'Must lie within 31 days: until it is due no other hand-over of the seat can begin.']
      : ['past', 'Must lie in the future; leave it out to begin at once.'];
  return invalid([{ pointer: '/at', code, message }]);
}

function checkTarget(draft: Draft, to: string): Verdict | undefined {
  const target = targetOf(draft, to);
  const { policy, healthFloor = 0 } = draft.config ?? {};
  if (target && policy === 'health' && (target.record.health ?? 100) < healthFloor) {
    const sick = `"${to}" reports a health below the election's healthFloor (${healthFloor}); it would be asked to go at once.`;
    return refused('candidate.not_waiting', sick);
  }
  if (target && isFree(draft, target)) return undefined;
  const detail = target
    ? `"${to}" is held back; lift that first with DELETE .../candidates/${to}/quarantine.`
    : `"${to}" does not wait here. Name one of GET .../candidates that is waiting.`;
  return refused('candidate.not_waiting', detail);
}

function vacant(): Verdict {
  const detail = 'Nobody leads, so there is no term to end. Appoint a candidate with a transfer.';
  return refused('election.vacant', detail);
}

/** The running term ends for that already, and nobody could follow it. */
function paused({ state }: ConfigRecord): Verdict {
  if (state === 'paused' || state === 'closing') {
    const detail = `The election is ${state}: its leader is on its way out and nobody can follow.`;
    return refused('election.paused', state === 'paused' ? `${detail} Open it first.` : detail);
  }
  return refused('store.unavailable', 'No term may start yet. Try again later.', { executed: false });
}

function done(handOver: HandOverRecord, replaced: LeaderRecord | null = null): Verdict {
  return { kind: 'done', done: { kind: 'handOver', handOver, ...(replaced && { replaced }) } };
}

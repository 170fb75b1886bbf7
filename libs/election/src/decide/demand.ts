/** What a running term has to face: why it has to end, and how gently. */
import type { Actor } from '#core';
import type { EndReason, LeaderRecord, Mark } from '../records.js';
import { isQuarantined } from './conduct.js';
import type { Draft } from './draft.js';
import { hasBegun, REASON_OF } from './hand-over-progress.js';
import { challengeTo } from './line.js';
import { markOf } from './term.js';

interface Demand {
  reason: EndReason;
  /** How long the leader may go on after it was asked; 0: withheld at once. */
  graceMs: number;
  by: Actor;
  handOverId?: string;
  to?: string;
}

/** How the leader record has to change for what the term faces. */
export type Step =
  | { kind: 'ask'; mark: Mark & { graceMs: number } }
  | { kind: 'withhold'; mark: Mark }
  /** What it was marked for is gone: a transfer cancelled, health back. */
  | { kind: 'unmark' };

/**
 * The next step, or undefined if the record bears the mark that it should. The soft phase ends by age of the record
 * that asks; after it the mark stands until the grants are over, whatever the leader does.
 */
export function stepFor(draft: Draft, seat: number, leader: LeaderRecord): Step | undefined {
  const demand = demandOn(draft, seat, leader);
  const present = markOf(leader);
  if (!demand) return present ? { kind: 'unmark' } : undefined;
  const same = present?.reason === demand.reason && present.handOverId === demand.handOverId;
  if (same && leader.withheld) return undefined;
  const { graceMs, ...rest } = demand;
  const mark = { ...rest, at: draft.at };
  if (graceMs === 0 || leader.withheld) return { kind: 'withhold', mark };
  if (!same || !leader.asked) return { kind: 'ask', mark: { ...mark, graceMs } };
  const over = draft.isOver(draft.markAgeMs(seat), leader.asked.graceMs);
  return over ? { kind: 'withhold', mark: { ...mark, by: leader.asked.by ?? mark.by } } : undefined;
}

/** Takes a step: the guard on the exact record is what S1 rests on when a mark is withdrawn. */
export function takeStep(draft: Draft, seat: number, leader: LeaderRecord, step: Step): void {
  draft.guardConfig();
  draft.guardTenant();
  const { withheld: _withheld, asked: _asked, ...unmarked } = leader;
  if (step.kind === 'unmark') draft.setLeader(seat, unmarked);
  else if (step.kind === 'ask') draft.setLeader(seat, { ...unmarked, asked: step.mark });
  else draft.setLeader(seat, { ...unmarked, withheld: step.mark });
  const handOver = draft.handOver(seat);
  const state = step.kind === 'withhold' ? 'withheld' : 'asked';
  if (handOver && hasBegun(handOver) && step.kind !== 'unmark' && handOver.state !== state)
    draft.setHandOver(seat, { ...handOver, state });
}

function demandOn(draft: Draft, seat: number, leader: LeaderRecord): Demand | undefined {
  const { by } = draft;
  const hard = hardReason(draft, leader);
  if (hard) return { reason: hard, graceMs: 0, by };
  const graceMs = draft.config?.graceMs ?? 0;
  const handOver = draft.handOver(seat);
  if (handOver && hasBegun(handOver) && handOver.expectedTerm === leader.term) {
    const { kind, handOverId, to } = handOver;
    const reason = REASON_OF[kind];
    return {
      reason,
      graceMs: handOver.graceMs,
      by: handOver.by,
      handOverId,
      ...(to !== undefined && { to }),
    };
  }
  if (seat >= draft.seatCount) return { reason: 'seat_retired', graceMs, by };
  if (isQuarantined(draft, leader.name))
    return { reason: 'quarantined', graceMs, by: draft.conduct(leader.name)?.by ?? by };
  const challenge = challengeTo(draft, seat, leader);
  return challenge && { reason: challenge, graceMs, by };
}

/** What leaves no grace: nobody may lead here any more. */
function hardReason(draft: Draft, leader: LeaderRecord): EndReason | undefined {
  const state = draft.config?.state;
  if (state === 'closing' || state === 'closed') return 'deleted';
  if (draft.situation.tenant && draft.situation.tenant.record.status !== 'active') return 'suspended';
  if (state === 'paused') return 'paused';
  // Should not happen: a leader that stands no more. Its session lives, so its grants have to run out first.
  return draft.candidacy(leader.candidateId) ? undefined : 'expired';
}

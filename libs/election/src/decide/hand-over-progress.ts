/**
 * How a hand-over goes on: begun when it is due, asked of the leader, withheld, done. What the leader record's mark
 * says is what counts for the term; this record is the operator's view of it.
 */
import { derivedId } from '#core';
import type { EndReason, HandOverKind, HandOverRecord, HandOverState, LeaderRecord } from '../records.js';
import { type Draft, publicOf } from './draft.js';

const FINAL: ReadonlySet<HandOverState> = new Set(['done', 'cancelled', 'failed']);

export const REASON_OF: Readonly<Record<HandOverKind, EndReason>> = {
  step_down: 'stepped_down',
  transfer: 'transferred',
  depose: 'deposed',
};

export function isUnderWay({ state }: HandOverRecord): boolean {
  return !FINAL.has(state);
}

/** Whether the hand-over is under way and has begun: then the leader faces it. */
export function hasBegun({ state }: HandOverRecord): boolean {
  return state === 'asked' || state === 'withheld';
}

/** The term that a hand-over meant has ended and its seat has been filled or left vacant. */
export function finishHandOver(
  draft: Draft,
  seat: number,
  previous: LeaderRecord | null,
  how: { acknowledged: boolean; gapMs: number },
): void {
  const handOver = draft.handOver(seat);
  const term = previous?.term ?? handOver?.expectedTerm;
  if (!handOver || !hasBegun(handOver) || handOver.expectedTerm !== term) return;
  const successor = draft.leader(seat);
  const { by, kind, handOverId } = handOver;
  draft.setHandOver(seat, {
    ...handOver,
    ...how,
    state: 'done',
    finishedAt: draft.at,
    ...(successor && { successor: { ...publicOf(successor), term: successor.term } }),
  });
  // The record stays until the next hand-over of the seat; how it went is kept with the acts.
  const { electionId } = draft.ref;
  draft.record(
    {
      id: derivedId('aud', handOverId, 'done'),
      action: `election.${kind}_done`,
      actor: by,
      targets: [{ type: 'election', id: electionId, name: draft.config?.name }],
      context: {},
    },
    { handOverId, seat, successor: successor?.name ?? null, ...how },
  );
}

/** What has to become of a hand-over now: whoever is to succeed may be gone, its time may have come. */
import type { HandOverRecord } from '../records.js';
import type { Candidacy } from '../state.js';
import type { Draft } from './draft.js';
import { hasBegun, isUnderWay } from './hand-over-progress.js';
import { isFree } from './line.js';
import { mayStart } from './term.js';

export type Turn =
  | { kind: 'begin'; handOver: HandOverRecord }
  | { kind: 'fail'; handOver: HandOverRecord; failure: NonNullable<HandOverRecord['failure']> };

export function turnOf(draft: Draft, seat: number): Turn | undefined {
  const handOver = draft.handOver(seat);
  if (!handOver || !isUnderWay(handOver)) return undefined;
  const due = handOver.dueAt === undefined || hasBegun(handOver) || draft.hasCome(handOver.dueAt);
  const leader = draft.leader(seat);
  const sameTerm = (draft.term(seat)?.term ?? 0) === handOver.expectedTerm;
  const appoints = handOver.kind === 'transfer' && seat < draft.seatCount;
  if (!sameTerm || (!leader && !appoints)) return { kind: 'fail', handOver, failure: 'term_changed' };
  if (due && handOver.fallback === 'cancel' && handOver.to !== undefined) {
    const target = targetOf(draft, handOver.to);
    if (!target || !isFree(draft, target)) return { kind: 'fail', handOver, failure: 'target_gone' };
  }
  // Into a vacancy nobody is appointed while no term may start.
  const begins = due && handOver.state === 'scheduled' && (leader !== null || mayStart(draft));
  return begins ? { kind: 'begin', handOver } : undefined;
}

/** The hand-overs of seats that are no more; those of the others are seen with their seats. */
export function* leftOver(draft: Draft): Generator<[seat: number, turn: Extract<Turn, { kind: 'fail' }>]> {
  for (const [seat] of draft.scheduled()) {
    const turn = seat >= draft.seatCount && !draft.leader(seat) ? turnOf(draft, seat) : undefined;
    if (turn?.kind === 'fail') yield [seat, turn];
  }
}

/** The live waiting candidacy of a name. */
export function targetOf(draft: Draft, name: string): Candidacy | undefined {
  const candidacy = draft.candidacyOfName(name);
  const waits = candidacy && draft.seatOf(candidacy.candidateId) === undefined;
  return waits && draft.seemsAlive(candidacy) ? candidacy : undefined;
}

export function failHandOver(
  draft: Draft,
  seat: number,
  { handOver, failure }: Pick<Extract<Turn, { kind: 'fail' }>, 'handOver' | 'failure'>,
): void {
  draft.setHandOver(seat, { ...handOver, state: 'failed', failure, finishedAt: draft.at });
}

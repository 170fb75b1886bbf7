/**
 * From the events of one election to its record: which events are new, and what they make of its terms. Pure: the same
 * events give the same record, however they were cut into batches and however often they came.
 *
 * Terms are dense per seat. Where events were lost, every term in between gets a row all the same, with what later
 * events prove of it and `reconstructed` set: a hole may be filled with little, but it is never hidden.
 */
import { type EventRecord, fenceOf, type Place, type RelayedEvent, type TermRecord } from '#election';
import type { LeadershipEventRow } from './leadership-event.entity.js';
import type { LeadershipTermRow } from './leadership-term.entity.js';

/** Lost terms that get rows of their own, per hole; of those before them only the number is kept. */
export const MOST_RECONSTRUCTED = 1_000;

/** What is recorded of an election so far. */
export interface Recorded {
  progress: Place | undefined;
  /** The last term of each seat. */
  lastTerms: ReadonlyMap<number, LeadershipTermRow>;
}

export interface Chronicle {
  events: LeadershipEventRow[];
  /** Rows to insert, or to put in the place of those with the same key. */
  terms: LeadershipTermRow[];
  progress: Place | undefined;
}

/** The term record of a seat as the coordination store has it, if it has one. */
export type TermEvidence = (seat: number) => TermRecord | undefined;

/** Those of `events` that are not recorded yet; `events` are in order. */
export function unrecorded<E extends Place>(progress: Place | undefined, events: readonly E[]): E[] {
  return events.filter((event) => !progress || isLater(event, progress));
}

/** How many events are missing between two that follow each other. Numbers may go back where the epoch was raised. */
export function missingBetween(before: Place | undefined, event: Place): number {
  return Math.max(0, event.sequence - (before?.sequence ?? 0) - 1);
}

/** @param events those that are not recorded yet, in order */
export function chronicle(
  recorded: Recorded,
  events: readonly RelayedEvent[],
  evidence: TermEvidence,
): Chronicle {
  const terms = new Map<string, LeadershipTermRow>();
  const last = new Map(recorded.lastTerms);
  let { progress } = recorded;
  const rows = events.map((event) => {
    for (const row of termsAfter(last.get(event.seat), event, evidence)) {
      terms.set(`${row.seat} ${row.fence}`, row);
      const known = last.get(row.seat);
      if (!known || row.fence >= known.fence) last.set(row.seat, row);
    }
    const row = { ...eventRow(event), missingBefore: missingBetween(progress, event) };
    progress = { epoch: event.epoch, sequence: event.sequence };
    return row;
  });
  return { events: rows, terms: [...terms.values()], progress };
}

/** The rows of terms that an event changes or adds, oldest first. */
function termsAfter(
  last: LeadershipTermRow | undefined,
  event: EventRecord,
  evidence: TermEvidence,
): LeadershipTermRow[] {
  const isLast = last?.fence === event.fence;
  if (event.type === 'election.unstable') return [];
  // A store that was put back tells of terms that it had told before; the later record stands.
  if (event.term === 0 || (last && !isLast && event.fence < last.fence)) return [];
  const at = new Date(event.occurredAt);
  if (event.type === 'leadership.acquired') {
    if (isLast) return [{ ...last, leader: event.leader, startedAt: at }];
    const lost = lostBefore(last, event);
    const vacancyMs = lost.length === 0 ? vacancyBefore(last, at) : null;
    return [...lost, { ...blank(event), leader: event.leader, startedAt: at, vacancyMs }];
  }
  const reason = (event.reason ?? null) as LeadershipTermRow['reason'];
  const end = { endedAt: at, reason, causedBy: event.by ?? null };
  if (isLast && last.endedAt) return [];
  if (isLast) {
    const reconstructed = last.reconstructed || event.type !== 'leadership.lost';
    return [{ ...last, leader: last.leader ?? event.previousLeader, ...end, reconstructed }];
  }
  const proof = evidence(event.seat);
  const startedAt = proof && fenceOf(proof.epoch, proof.term) === event.fence ? new Date(proof.since) : null;
  const found = { ...blank(event), leader: event.previousLeader, startedAt, ...end, reconstructed: true };
  return [...lostBefore(last, event), found];
}

/** Rows of the terms between the last known and the event's, and of the last known if its end was lost. */
function lostBefore(last: LeadershipTermRow | undefined, event: EventRecord): LeadershipTermRow[] {
  const rows: LeadershipTermRow[] = [];
  if (last && !last.endedAt) rows.push({ ...last, reconstructed: true });
  const lost = Math.max(0, event.term - (last?.term ?? 0) - 1);
  const kept = Math.min(lost, MOST_RECONSTRUCTED);
  const epoch = last?.epoch ?? 0;
  for (let term = event.term - kept; term < event.term; term += 1) {
    const missingBefore = term === event.term - kept ? lost - kept : 0;
    const fence = fenceOf(epoch, term);
    rows.push({ ...blank(event), epoch, term, fence, reconstructed: true, missingBefore });
  }
  return rows;
}

function vacancyBefore(last: LeadershipTermRow | undefined, startedAt: Date): number | null {
  if (!last?.endedAt) return null;
  return Math.max(0, startedAt.getTime() - last.endedAt.getTime());
}

function blank(event: EventRecord): LeadershipTermRow {
  const { tenantId, electionId, seat, term, fence, election: name } = event;
  return {
    tenantId,
    electionId,
    seat,
    epoch: Math.floor(fence / 2 ** 32),
    term,
    fence,
    name,
    leader: null,
    startedAt: null,
    endedAt: null,
    reason: null,
    causedBy: null,
    vacancyMs: null,
    reconstructed: false,
    missingBefore: 0,
  };
}

function eventRow(event: RelayedEvent): Omit<LeadershipEventRow, 'missingBefore'> {
  const { id, type, tenantId, electionId, election, seat, epoch, sequence, term, fence, revision } = event;
  const { leader, previousLeader, reason = null, handOverId = null, by: causedBy = null } = event;
  const occurredAt = new Date(event.occurredAt);
  const told = { type, election, seat, term, fence, leader, previousLeader, reason, handOverId };
  return { id, tenantId, electionId, epoch, sequence, revision, ...told, causedBy, occurredAt };
}

function isLater(event: Place, than: Place): boolean {
  return event.epoch > than.epoch || (event.epoch === than.epoch && event.sequence > than.sequence);
}

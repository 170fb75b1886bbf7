/**
 * What a replica knows of one election, and the situation on which it decides: every record with the revision
 * that a decision then guards.
 */
import {
  type CandidateRecord,
  type ConfigRecord,
  decode,
  type HeadRecord,
  type LeaderRecord,
  type SessionRecord,
  type TenantRecord,
  type TermRecord,
} from './records.js';
import type { ElectionRef, ParsedKey } from './keys.js';
import type { Entry, Epoch } from './store.js';

export interface Versioned<T> {
  record: T;
  createRevision: number;
  modRevision: number;
}

export interface Candidacy extends Versioned<CandidateRecord> {
  candidateId: string;
}

export interface Seat {
  term?: Versioned<TermRecord>;
  leader?: Versioned<LeaderRecord>;
}

export interface ElectionState {
  readonly ref: ElectionRef;
  config?: Versioned<ConfigRecord>;
  head?: Versioned<HeadRecord>;
  readonly seats: Map<number, Seat>;
  /** In queue order: by creation, and within one transition by `order`. */
  readonly candidates: Map<string, Candidacy>;
  /** Candidate name -> candidateId. */
  readonly names: Map<string, Versioned<string>>;
}

/** Whether a session is there; `unknown` where only a part of the sessions was read. */
export type SessionSight = Versioned<SessionRecord> | 'absent' | 'unknown';

export interface Situation {
  election: ElectionState;
  /** The election is complete as of this store revision. */
  revision: number;
  /** True if nothing was committed between the request and `revision` that this situation lacks. */
  fresh: boolean;
  epoch: Epoch;
  tenant: Versioned<TenantRecord> | undefined;
  session(sessionId: string): SessionSight;
  /** The candidateId with which the session stands in this election. */
  candidacyOf(sessionId: string): string | undefined;
  /**
   * The elections in which the session stands as of `revision`; undefined where this cannot be said, and then no
   * session may be ended for want of candidacies.
   */
  standsIn(sessionId: string): ReadonlySet<string> | undefined;
}

/** Every election has one seat so far; keys, records and tokens carry its number. */
export const ONLY_SEAT = 0;

export function emptyElection(ref: ElectionRef): ElectionState {
  return { ref, seats: new Map(), candidates: new Map(), names: new Map() };
}

export function seatOf(election: ElectionState, seat: number): Seat {
  let found = election.seats.get(seat);
  if (!found) election.seats.set(seat, (found = {}));
  return found;
}

export function versioned<T extends object>(entry: Entry): Versioned<T> {
  return {
    record: decode<T>(entry.value),
    createRevision: entry.createRevision,
    modRevision: entry.modRevision,
  };
}

/** Takes one record of the election in. */
export function putRecord(election: ElectionState, key: ParsedKey, entry: Entry): void {
  if (key.kind === 'config') election.config = versioned<ConfigRecord>(entry);
  else if (key.kind === 'head') election.head = versioned<HeadRecord>(entry);
  else if (key.kind === 'term') seatOf(election, key.seat).term = versioned<TermRecord>(entry);
  else if (key.kind === 'leader') seatOf(election, key.seat).leader = versioned<LeaderRecord>(entry);
  else if (key.kind === 'candidate') {
    election.candidates.set(key.candidateId, {
      candidateId: key.candidateId,
      ...versioned<CandidateRecord>(entry),
    });
  } else if (key.kind === 'candidateName') {
    election.names.set(key.name, { ...entry, record: entry.value });
  }
}

/** Takes one record of the election out. */
export function dropRecord(election: ElectionState, key: ParsedKey): void {
  if (key.kind === 'config') delete election.config;
  else if (key.kind === 'head') delete election.head;
  else if (key.kind === 'term') delete seatOf(election, key.seat).term;
  else if (key.kind === 'leader') delete seatOf(election, key.seat).leader;
  else if (key.kind === 'candidate') election.candidates.delete(key.candidateId);
  else if (key.kind === 'candidateName') election.names.delete(key.name);
}

/** Brings the candidates into queue order; needed after records came in key order. */
export function sortQueue(election: ElectionState): void {
  const queue = [...election.candidates.values()].sort(byQueueOrder);
  election.candidates.clear();
  for (const candidacy of queue) election.candidates.set(candidacy.candidateId, candidacy);
}

function byQueueOrder(a: Candidacy, b: Candidacy): number {
  return a.createRevision - b.createRevision || a.record.order - b.record.order;
}

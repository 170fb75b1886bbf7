/**
 * What a replica knows of one election, and the situation on which it decides: every record with the revision
 * that a decision then guards.
 */
import { CandidateQueue } from './candidate-queue.js';
import type { Candidacy, Versioned } from './versioned.js';
import {
  type CandidateRecord,
  type ConductRecord,
  type ConfigRecord,
  decode,
  type HandOverRecord,
  type HeadRecord,
  type LeaderRecord,
  type SessionRecord,
  type TenantRecord,
  type TermRecord,
} from './records.js';
import type { ElectionRef, ParsedKey } from './keys.js';
import type { Entry, Epoch } from './store.js';

export type { Candidacy, Versioned };

export interface Seat {
  term?: Versioned<TermRecord>;
  leader?: Versioned<LeaderRecord>;
  handOver?: Versioned<HandOverRecord>;
}

export interface ElectionState {
  readonly ref: ElectionRef;
  config?: Versioned<ConfigRecord>;
  head?: Versioned<HeadRecord>;
  readonly seats: Map<number, Seat>;
  readonly candidates: CandidateQueue;
  /** Candidate name -> candidateId. */
  readonly names: Map<string, Versioned<string>>;
  /** By candidate name. */
  readonly conducts: Map<string, Versioned<ConductRecord>>;
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
  /** When it is decided: policies, delays and schedules look at it, no promise rests on it. */
  time: Moment;
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

/** One moment on both clocks of a replica. */
export interface Moment {
  monotonicMs: number;
  wallMs: number;
}

/** The seat that every election has; with `seats: n` there are those up to n - 1 beside it. */
export const FIRST_SEAT = 0;

export function emptyElection(ref: ElectionRef): ElectionState {
  return { ref, seats: new Map(), candidates: new CandidateQueue(), names: new Map(), conducts: new Map() };
}

export function seatOf(election: ElectionState, seat: number): Seat {
  let found = election.seats.get(seat);
  if (!found) election.seats.set(seat, (found = {}));
  return found;
}

export function versioned<T extends object>(entry: Entry, seenAtMs?: number): Versioned<T> {
  return {
    record: decode<T>(entry.value),
    createRevision: entry.createRevision,
    modRevision: entry.modRevision,
    ...(seenAtMs !== undefined && { seenAtMs }),
  };
}

/** The seat that a session leads, if it leads one. */
export function seatLedBy(election: ElectionState | undefined, sessionId: string): number | undefined {
  if (!election) return undefined;
  for (const [seat, { leader }] of election.seats) if (leader?.record.sessionId === sessionId) return seat;
  return undefined;
}

/** Takes one record of the election in; `seenAtMs` if the watch brought it just now. */
export function putRecord(election: ElectionState, key: ParsedKey, entry: Entry, seenAtMs?: number): void {
  if (key.kind === 'config') election.config = versioned<ConfigRecord>(entry);
  else if (key.kind === 'head') election.head = versioned<HeadRecord>(entry);
  else if (key.kind === 'term') seatOf(election, key.seat).term = versioned<TermRecord>(entry, seenAtMs);
  else if (key.kind === 'leader')
    seatOf(election, key.seat).leader = versioned<LeaderRecord>(entry, seenAtMs);
  else if (key.kind === 'handover')
    seatOf(election, key.seat).handOver = versioned<HandOverRecord>(entry, seenAtMs);
  else if (key.kind === 'conduct') election.conducts.set(key.name, versioned<ConductRecord>(entry, seenAtMs));
  else if (key.kind === 'candidate') {
    election.candidates.set({
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
  else if (key.kind === 'handover') delete seatOf(election, key.seat).handOver;
  else if (key.kind === 'conduct') election.conducts.delete(key.name);
  else if (key.kind === 'candidate') election.candidates.delete(key.candidateId);
  else if (key.kind === 'candidateName') election.names.delete(key.name);
}

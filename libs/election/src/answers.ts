/**
 * What participants, observers and operators ask, and what they are told. Every result is a closed union or a
 * plain object; refusals are IncumbentErrors.
 */
import type { Caused } from '#core';
import type {
  ElectionPhase,
  ElectionSettings,
  EndReason,
  EventRecord,
  HandOverRecord,
  PublicCandidate,
  Qualities,
} from './records.js';

/** Whom a call is for: the election's name and the tenant that the API key belongs to. */
export interface Target {
  tenantId: string;
  election: string;
}

/** Bounds that every call carries; all times are milliseconds on the monotonic clock. */
export interface CallBounds {
  /** When the request arrived: a grant may only rest on a transition made after it. */
  receivedAtMs: number;
  /** When the caller stops listening; work is not sent after it. Held waits end before it by themselves. */
  deadlineMs: number;
  /** Ends a held wait early (the caller went away, the replica stops). The answer is still a true one. */
  signal?: AbortSignal;
}

/** Bounds of a call that changes what operators manage: it goes on record with whoever caused it. */
export interface ManagementBounds extends CallBounds {
  /** Absent for what the service does by itself. */
  caused?: Caused;
  /** Of a call that may be repeated: the change that an earlier attempt of it made is found and not made again. */
  changeId?: string;
}

export interface CampaignRequest extends Target, Qualities {
  candidate: string;
  /** Milliseconds; the election's own when absent. */
  ttlMs?: number;
  /** A session token of an earlier answer. Wins over `idempotencyKey`. */
  session?: string;
  /** Names the stand: the same key finds the candidacy that it had created while that lives. */
  idempotencyKey?: string;
  address?: string;
  metadata?: Record<string, unknown>;
  /** Hold the answer until the caller leads or this has passed; at most half of its ttlMs. */
  waitMs?: number;
}

export interface RenewRequest extends Target {
  session: string;
  /** Hold the answer until something changes for the caller; at most half of its ttlMs. */
  waitMs?: number;
  /** The term that the caller knows it leads: with `waitMs`, a leader that knows its term is held as well. */
  term?: number;
  /** How well the participant is, 0 to 100; kept until it says otherwise. */
  health?: number;
}

export interface ResignRequest extends Target {
  session: string;
  candidateId: string;
  /** The participant could not do the work: a short term counts against it. */
  failed?: boolean;
}

export type StepDownRequest = Omit<ResignRequest, 'failed'>;

/** What an operator asks for; see HandOverRecord. */
export interface HandOverRequest extends Target {
  kind: HandOverRecord['kind'];
  mode: HandOverRecord['mode'];
  expectedTerm: number;
  seat: number;
  /** The election's own when absent; milliseconds. */
  graceMs?: number;
  to?: string;
  fallback?: HandOverRecord['fallback'];
  why?: string;
  /** Begin at this wall-clock moment. */
  dueAt?: string;
  dryRun?: boolean;
}

/** A hand-over as operators see it. */
export interface HandOver extends HandOverRecord {
  seat: number;
  election: string;
  /** Of an immediate one: how long the old leader may still believe that it leads; milliseconds from the answer. */
  oldLeaderMayBelieveForMs?: number;
}

/** The current leader as others see it. */
export interface LeaderView extends PublicCandidate {
  seat: number;
  term: number;
  fence: number;
  electedAt: string;
}

/** A term of the caller's own: what "leader" means to it. */
export interface Grant {
  seat: number;
  epoch: number;
  term: number;
  fence: number;
  /** Milliseconds from the moment the caller *sent* the request; the safety margin is already taken. */
  validForMs: number;
}

export type StandingState = 'leader' | 'waiting' | 'yielding' | 'out';

/** Why a participant is out: its term or candidacy ended, or it never stood here. */
export type OutReason = EndReason | 'not_standing';

/** The answer to campaign and renew. */
export interface Standing {
  state: StandingState;
  electionId: string;
  election: string;
  candidate?: string;
  candidateId?: string;
  /** Token of the caller's session: a secret of the caller. */
  session: string;
  /** 1 for the next in line; absent unless waiting. */
  position?: number;
  leader: LeaderView | null;
  /** Number of the election's last event that this answer knows of. */
  sequence: number;
  /** Present exactly when `state` is `leader`. */
  grant?: Grant;
  ttlMs: number;
  /** When to renew next; milliseconds from the answer. */
  renewAfterMs: number;
  /** Present when yielding or out, to a leader that is asked to step down, and to who waits after its own term. */
  reason?: OutReason;
  /** A leader that is asked to step down may go on this long; milliseconds from the answer. */
  yieldByMs?: number;
}

export interface Resignation {
  state: 'out';
  electionId: string;
  election: string;
  sequence: number;
  /** Who leads now, when the resignation installed a successor. */
  successor?: LeaderView;
}

/** The answer to `leader`: a vacancy has `leader: null` and the term and fence of the last term. */
export interface Leadership {
  electionId: string;
  election: string;
  leader: LeaderView | null;
  seat: number;
  term: number;
  fence: number;
  sequence: number;
}

export interface QueuedCandidate extends PublicCandidate, Qualities {
  state: 'leader' | 'waiting';
  /** 1 for the next in line; absent for the leader. */
  position?: number;
  /** Of a leader. */
  seat?: number;
  joinedAt: string;
  heldBack?: HeldBack;
}

/** What keeps a candidate name from being elected. */
export interface HeldBack {
  since: string;
  /** Absent: until an operator lifts it. */
  until?: string;
  /** So many short terms in a row. */
  shortTerms: number;
}

export interface ElectionView extends ElectionSettings {
  electionId: string;
  name: string;
  state: Exclude<ElectionPhase, 'closed'>;
  maxCandidates: number;
  pinned?: string;
  createdAt: string;
  updatedAt: string;
  /** Changes with every change of the settings: the ETag. */
  version: string;
}

export interface ElectionStatus extends Leadership {
  state: Exclude<ElectionPhase, 'closed'>;
  /** How many stand, the leader included. */
  candidateCount: number;
  /** When the running term began or the last one ended. */
  since: string | null;
  lastTerm: LastTerm | null;
  seats: SeatStatus[];
  pinned?: string;
  /** Names that may not be elected, whether or not they stand; the first of them. */
  heldBack: (HeldBack & { name: string })[];
}

/** The running or last term of a seat. */
export interface LastTerm {
  term: number;
  fence: number;
  leader: string;
  reason?: EndReason;
  since: string;
  endedAt?: string;
}

export interface SeatStatus {
  seat: number;
  leader: LeaderView | null;
  lastTerm: LastTerm | null;
  /** The leader is asked to step down, or gets no grant any more. */
  yielding?: { reason: EndReason; since: string; withheld: boolean };
  /** After a crash: when others than the last leader may have the seat. */
  takeoverAt?: string;
  /** The last hand-over of the seat. */
  handOver?: HandOver;
}

/** Verdict on a term that a fencing token names. */
export interface TermVerdict {
  current: boolean;
  /** Fence of the running or last term; undefined for an unknown election. */
  currentFence?: number;
}

/** What an observer receives, in order: first a snapshot, then every event after it, or `gap` when its place is gone. */
export type Observation =
  | { kind: 'snapshot'; leadership: Leadership; state: ElectionPhase; place: string }
  | { kind: 'event'; event: EventRecord; place: string }
  | { kind: 'gap'; place: string }
  | { kind: 'closed' };

export interface Observer {
  /** Called synchronously and in order; must not throw and must not block. */
  observe(observation: Observation): void;
}

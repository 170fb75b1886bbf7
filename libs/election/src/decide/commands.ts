/** The commands that `decide` composes, and what each is told. */
import type { IncumbentError } from '#core';
import type {
  CandidateRecord,
  ConfigRecord,
  ElectionPhase,
  ElectionSettings,
  HandOverRecord,
  LeaderRecord,
  Qualities,
} from '../records.js';
import type { SessionIdentity } from '../session-token.js';
import type { Draft, PlannedAct } from './draft.js';

export interface CampaignCommand {
  kind: 'campaign';
  /** Used if this becomes a new stand; a repeat finds the id of the first. */
  candidateId: string;
  candidate: Pick<CandidateRecord, 'name' | 'address' | 'metadata'> & Qualities;
  sessionId: string;
  /** Set when the caller showed a session token: that very incarnation must live. */
  session?: SessionIdentity;
  /** Used if the session has to be made. */
  incarnation: string;
  /** The caller's wish; the election's own when absent. */
  ttlMs?: number;
}

export interface ResignCommand {
  kind: 'resign';
  candidateId: string;
  session: SessionIdentity;
  /** The participant could not do the work: a short term counts against it. */
  failed?: boolean;
}

/** The leader ends its term and queues anew. */
export interface StepDownCommand {
  kind: 'stepDown';
  candidateId: string;
  session: SessionIdentity;
}

/** What a participant says of itself with a renewal. */
export interface ReportCommand {
  kind: 'report';
  session: SessionIdentity;
  qualities: Qualities;
}

/** The service has seen that a participant's renewals hardly come in time. */
export interface AdviseCommand {
  kind: 'advise';
  session: SessionIdentity;
}

/** What an operator says of a candidate. */
export interface AppraiseCommand {
  kind: 'appraise';
  name: string;
  qualities: Qualities;
  act: PlannedAct;
}

/** Holds a candidate name back, or lifts that. */
export interface ConductCommand {
  kind: 'conduct';
  name: string;
  lift: boolean;
  /** For the record, in the operator's words. */
  why?: string;
  act: PlannedAct;
}

/** An operator's step-down, transfer or depose. */
export interface HandOverCommand {
  kind: 'handOver';
  seat: number;
  wish: Pick<
    HandOverRecord,
    'handOverId' | 'kind' | 'mode' | 'expectedTerm' | 'to' | 'fallback' | 'graceMs' | 'why' | 'dueAt'
  >;
  /** Check it and change nothing. */
  dryRun: boolean;
  act: PlannedAct;
}

export interface CancelHandOverCommand {
  kind: 'cancelHandOver';
  handOverId: string;
  act: PlannedAct;
}

/** Brings the election in line with what lives and what is allowed: see `settle.ts`. */
export interface SettleCommand {
  kind: 'settle';
}

/** Replaces a withheld leader whose last grants are over, if its record is still that very revision. */
export interface ReplaceCommand {
  kind: 'replace';
  seat: number;
  leaderRevision: number;
}

export interface CreateCommand {
  kind: 'create';
  name: string;
  settings: ElectionSettings;
  maxCandidates: number;
  changeId: string;
  /** What goes on record, in the transition itself. */
  act: PlannedAct;
}

export interface ChangeCommand {
  kind: 'change';
  settings: Partial<ElectionSettings>;
  /** A candidate that stands, or null for none; absent leaves it as it is. */
  pinned?: string | null;
  /** Leaders of seats above a smaller `seats` are asked to step down; without it they forbid the change. */
  retireSeats?: boolean;
  state?: Extract<ElectionPhase, 'open' | 'paused'>;
  /** The version that the caller read, if it demands it. */
  version?: string;
  changeId: string;
  act: PlannedAct;
}

export interface RemoveCommand {
  kind: 'remove';
  version?: string;
  changeId: string;
  act: PlannedAct;
}

export type Command =
  | CampaignCommand
  | ResignCommand
  | StepDownCommand
  | ReportCommand
  | AdviseCommand
  | AppraiseCommand
  | ConductCommand
  | HandOverCommand
  | CancelHandOverCommand
  | SettleCommand
  | ReplaceCommand
  | CreateCommand
  | ChangeCommand
  | RemoveCommand;

/** What a command did, to be read together with the transition's final draft. */
export type Done =
  /** Without candidateId: it stands no more. */
  | { kind: 'standing'; candidateId?: string; session: SessionIdentity }
  /** `replaced`: whoever led until this very command, and may still believe so. */
  | { kind: 'handOver'; handOver: HandOverRecord; replaced?: LeaderRecord }
  | { kind: 'resigned' }
  | { kind: 'settings'; config: ConfigRecord }
  | { kind: 'settled' };

export type Verdict =
  /** The command's effects are in the draft, or nothing had to change. */
  | { kind: 'done'; done: Done }
  /** Nothing is written for it. Only told to the caller when decided on a fresh situation. */
  | { kind: 'refused'; error: IncumbentError }
  /** The situation may lag behind what the command speaks of: decide again on a fresh one. */
  | { kind: 'lookAgain' };

export type Decider<C extends Command> = (draft: Draft, command: C) => Verdict;

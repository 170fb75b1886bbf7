/**
 * THE ALGORITHM and everything it needs, pure: no framework, no driver, no wall clock in any decision. What is
 * guaranteed and what is not stands at the head of `election.ts`; what is stored where in `keys.ts`.
 */
export type {
  CallBounds,
  CampaignRequest,
  ElectionStatus,
  ElectionView,
  Grant,
  HandOver,
  HandOverRequest,
  HeldBack,
  Leadership,
  LeaderView,
  ManagementBounds,
  Observation,
  Observer,
  OutReason,
  QueuedCandidate,
  SeatStatus,
  RenewRequest,
  Resignation,
  ResignRequest,
  Standing,
  StandingState,
  StepDownRequest,
  Target,
  TermVerdict,
} from './answers.js';
export { type Command } from './decide/commands.js';
export { decide, type Decision } from './decide/decide.js';
export { Elections } from './election.js';
export {
  CANDIDATE_NAME,
  ELECTION_NAME,
  type ElectionRef,
  electionRef,
  keys,
  type ParsedKey,
  parseKey,
  SYSTEM_TENANT,
} from './keys.js';
export type { HandOvers } from './hand-overs.js';
export type { ElectionChange, ElectionManagement, PageRequest } from './management.js';
export {
  type AdminTokenRecord,
  type ApiKeyRecord,
  type CandidateRecord,
  type ConfigRecord,
  decode,
  type ElectionPhase,
  type ElectionSettings,
  encode,
  encodeSession,
  type EndReason,
  type EpochRecord,
  type EventRecord,
  type EventType,
  fenceOf,
  type HeadRecord,
  type HandOverRecord,
  type LeaderRecord,
  MOST_SEATS,
  POLICIES,
  type PolicyName,
  type PublicCandidate,
  type RelayedEvent,
  type ReplicaRecord,
  type SessionRecord,
  type TenantRecord,
  type TermRecord,
} from './records.js';
export type { PastEvents, Place } from './missed-events.js';
export type {
  TenantObservation,
  TenantObserver,
  TenantPast,
  TenantPlace,
  TenantStreamRequest,
} from './tenant-streams.js';
export { unknownElection } from './refusals.js';
export { type Directory, type Gauges, Replica, type ReplicaOptions } from './replica.js';
export {
  type LedTerm,
  type OpenRequest,
  type OpenSession,
  type RenewedSession,
  type SessionRequest,
} from './sessions.js';
export { type SessionIdentity, SessionTokens } from './session-token.js';
export {
  type Change,
  type CommitOptions,
  type ElectionStore,
  type Entry,
  type Epoch,
  type Follower,
  type Guard,
  type Lane,
  LANES,
  type Outcome,
  type Read,
  type Transition,
  type Write,
} from './store.js';
export {
  type Candidacy,
  type ElectionState,
  emptyElection,
  type Situation,
  type Versioned,
} from './state.js';
export type { ArrivedRenewal, SessionTiming, TimingAdvice } from './timing/session-timing.js';
export type { TooShort } from './timing/session-timings.js';
export { type SeenSession, View, type ViewListener } from './view.js';

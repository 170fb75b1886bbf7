/**
 * Client of Incumbent: stand for leadership, know when this process leads, and stop when it does not.
 *
 * What it promises: `isLeader()` is true only inside a grant that the service gave to this process, counted from
 * before the request was sent, on the clock of this process, whichever of monotonic and wall clock ends it first.
 * What it cannot promise: that the process is not paused between that check and the act. Send the fence along and
 * let the resource compare it.
 */
export { type CampaignOptions, Candidacy, type CandidacyEvents, type Ran } from './candidacy.js';
export type { Clock, Moment, Timer } from './clock.js';
export { FenceGuard, StaleFence } from './fence-guard.js';
export type { FetchLike } from './http.js';
export {
  Election,
  type ElectionOptions,
  Incumbent,
  type IncumbentOptions,
  type LeaderQuery,
} from './incumbent.js';
export { CandidacyEnded, type FieldProblem, IncumbentProblem, Unreachable } from './problem.js';
export type { OpenSocket, SocketLike } from './socket-link.js';
export type { Resigned, StandRequest, SteppedDown } from './stand.js';
export type { Leadership, Loss, LossReason } from './tenure.js';
export type { Answer, Call } from './transport.js';
export type { Leader, LeaderAnswer, Metadata, ValidateAnswer } from './wire.js';

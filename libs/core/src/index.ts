/**
 * What every other library may use: ids, time, deadlines, acts, sealed secrets and the error registry. Imports nothing of ours.
 */
export {
  type Act,
  type ActContext,
  type Actor,
  type ActTarget,
  type Caused,
  changesBetween,
  newAct,
} from './act.js';
export { type Clock, type Timer, systemClock, toTimestamp } from './clock.js';
export { DeadlineExceeded, delay, withDeadline } from './deadline.js';
export {
  badCursor,
  ERRORS,
  type ErrorCode,
  type ErrorExtras,
  type FieldError,
  hasCode,
  IncumbentError,
} from './errors.js';
export { derivedId, type IdPrefix, newId, randomText, toBase32 } from './ids.js';
export { Sealer } from './sealer.js';

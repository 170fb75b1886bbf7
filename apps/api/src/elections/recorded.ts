import type { ManagementBounds } from '#election';
import type { Call } from '../http/call.js';

/** Bounds of a call whose effect goes on record, in the transaction of that effect. */
export function recorded(call: Call): ManagementBounds {
  return { ...call.bounds(), caused: call.caused };
}

/** The policies by the name that an election's settings give. */
import type { PolicyName } from '../records.js';
import { fifo } from './fifo.js';
import { health } from './health.js';
import { manual } from './manual.js';
import type { Policy } from './policy.js';
import { priority } from './priority.js';
import { rotation } from './rotation.js';
import { sticky } from './sticky.js';

export const policies: Readonly<Record<PolicyName, Policy>> = {
  fifo,
  priority,
  rotation,
  sticky,
  health,
  manual,
};

export type { Contender, Contest, Policy, Reign } from './policy.js';

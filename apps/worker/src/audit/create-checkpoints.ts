import { AuditCheckpoints } from '#audit';
import type { Config } from '#config';
import type { Clock } from '#core';
import { ClaimsSigner, type KeyRing } from '#fencing';
import type { Database } from '#postgres';
import type { Logger } from '#telemetry';
import { CheckpointKeeper } from './checkpoint-keeper.js';

const MINUTE_MS = 60_000;

interface CheckpointParts {
  database: Database;
  keyRing: KeyRing;
  logger: Logger;
  clock: Clock;
}

/** Keeps signed heads of the audit log. */
export function createCheckpoints(config: Config, parts: CheckpointParts): CheckpointKeeper {
  const { database, keyRing, logger, clock } = parts;
  const checkpoints = new AuditCheckpoints(database, new ClaimsSigner(keyRing), clock);
  const everyMs = config.AUDIT_CHECKPOINT_MINUTES * MINUTE_MS;
  return new CheckpointKeeper(() => checkpoints.storeAll(), everyMs, logger, clock);
}

import { AuditCheckpoints } from '#audit';
import type { Config } from '#config';
import type { Clock } from '#core';
import { ClaimsSigner, DEFAULT_LIFETIME_MS, KeyRing, KeySealer, SigningKeyStore } from '#fencing';
import type { Database } from '#postgres';
import type { Logger } from '#telemetry';
import type { Work } from '../background-work.js';
import { CheckpointKeeper } from './checkpoint-keeper.js';

const MINUTE_MS = 60_000;

interface CheckpointParts {
  database: Database;
  logger: Logger;
  clock: Clock;
}

/** Keeps signed heads of the audit log, with keys of its own view. */
export function createCheckpoints(config: Config, { database, logger, clock }: CheckpointParts): Work {
  const keyRing = new KeyRing(
    new SigningKeyStore(database),
    new KeySealer(config.MASTER_KEY),
    { algorithm: config.TOKEN_ALGORITHM, tokenLifetimeMs: DEFAULT_LIFETIME_MS },
    logger,
    clock,
  );
  const checkpoints = new AuditCheckpoints(database, new ClaimsSigner(keyRing), clock);
  const everyMs = config.AUDIT_CHECKPOINT_MINUTES * MINUTE_MS;
  const keeper = new CheckpointKeeper(() => checkpoints.storeAll(), everyMs, logger, clock);
  return {
    start: () => {
      keyRing.start();
      keeper.start();
    },
    close: async () => {
      await keeper.close();
      await keyRing.close();
    },
  };
}

import type { Config } from '#config';
import type { Clock } from '#core';
import type { Database } from '#postgres';
import type { Logger } from '#telemetry';
import { DEFAULT_LIFETIME_MS } from './fencing-tokens.js';
import { KeyRing } from './key-ring.js';
import { KeySealer } from './key-sealer.js';
import { SigningKeyStore } from './signing-key-store.js';

export interface KeyRingParts {
  database: Database;
  logger: Logger;
  clock: Clock;
}

/** This process's key ring: one for everything that signs or verifies in it. Nothing is loaded until `start`. */
export function createKeyRing(
  config: Pick<Config, 'MASTER_KEY' | 'TOKEN_ALGORITHM'>,
  { database, logger, clock }: KeyRingParts,
): KeyRing {
  const options = { algorithm: config.TOKEN_ALGORITHM, tokenLifetimeMs: DEFAULT_LIFETIME_MS };
  return new KeyRing(new SigningKeyStore(database), new KeySealer(config.MASTER_KEY), options, logger, clock);
}

/** Who issues fencing tokens: the same in every process, whatever address each listens on. */
export function issuerOf(config: Pick<Config, 'PUBLIC_URL'>): string {
  return config.PUBLIC_URL ?? 'incumbent';
}

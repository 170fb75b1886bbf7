import { AuditRetention } from '#audit';
import type { Config } from '#config';
import type { Clock } from '#core';
import { DEFAULT_LIFETIME_MS, eraseExpiredKeys, KeyRotation, KeySealer, SigningKeyStore } from '#fencing';
import { type ActLog, type Database, removeRows, tenantsIn } from '#postgres';
import type { Logger, Metrics } from '#telemetry';
import { IdempotentRequests, TenantPurge } from '#tenancy';
import { Retention, type RetentionJob } from './retention.js';
import { type AgeRule, ageRules } from './rules.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Rows of remembered requests that leave in one statement. */
const FORGOTTEN_AT_ONCE = 1_000;
const MOST_BATCHES = 1_000;

export interface RetentionParts {
  database: Database;
  acts: ActLog;
  metrics: Metrics;
  logger: Logger;
  clock: Clock;
}

/** Everything that is done by age, as the settings say. Tenants go first: what they leave, nothing else need find. */
export function createRetention(config: Config, parts: RetentionParts): Retention {
  const { database, acts, metrics, logger, clock } = parts;
  const audit = new AuditRetention(database, acts, clock);
  // The database knows whole days; a fraction is kept longer, never shorter.
  const auditDays = Math.ceil(config.AUDIT_RETENTION_DAYS);
  const jobs: RetentionJob[] = [
    { name: 'purge-tenants', run: (signal) => new TenantPurge(database, acts, clock).run(signal) },
    ...ageRules(config).map((rule) => agedJob(database, rule)),
    { name: 'idempotent-requests', run: (signal) => forgetRequests(database, signal) },
    { name: 'audit', run: (signal) => audit.run(auditDays, signal) },
    { name: 'expired-signing-keys', run: () => eraseExpiredKeys(database) },
    { name: 'rotate-signing-keys', run: () => rotate(config, parts) },
  ];
  const everyMs = config.RETENTION_EVERY_MINUTES * MINUTE_MS;
  return new Retention(database, { jobs, everyMs }, metrics, logger, clock);
}

/** A tenant whose rows cannot be removed now, because they are locked or too many to look through, holds up no other. */
function agedJob(database: Database, rule: AgeRule): RetentionJob {
  const run = async (signal: AbortSignal): Promise<number> => {
    if (!rule.perTenant) return removeRows(database, rule, [rule.days], signal);
    let removed = 0;
    const failures: unknown[] = [];
    for (const tenantId of await tenantsIn(database, rule.table)) {
      if (signal.aborted) break;
      try {
        removed += await removeRows(database, rule, [rule.days, tenantId], signal);
      } catch (error) {
        failures.push(error);
        if (!database.available()) break;
      }
    }
    if (failures.length > 0)
      throw new AggregateError(failures, `removed ${removed}; the rest is left for later`);
    return removed;
  };
  return { name: rule.job, run };
}

async function forgetRequests(database: Database, signal: AbortSignal): Promise<number> {
  const requests = new IdempotentRequests(database);
  let forgotten = 0;
  for (let batch = 0; batch < MOST_BATCHES && !signal.aborted; batch++) {
    const now = await requests.forget(FORGOTTEN_AT_ONCE);
    forgotten += now;
    if (now < FORGOTTEN_AT_ONCE) break;
  }
  return forgotten;
}

async function rotate(config: Config, { database, acts, clock }: RetentionParts): Promise<number> {
  const rotation = new KeyRotation(
    new SigningKeyStore(database),
    new KeySealer(config.MASTER_KEY),
    { algorithm: config.TOKEN_ALGORITHM, tokenLifetimeMs: DEFAULT_LIFETIME_MS },
    acts,
    clock,
  );
  const step = await rotation.keepUp(config.SIGNING_KEY_ROTATION_DAYS * DAY_MS);
  return step === undefined ? 0 : 1;
}

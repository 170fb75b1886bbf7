import { AuditCheckpoints, AuditLog, AuditReader } from '#audit';
import { type Act, systemClock } from '#core';
import { ClaimsSigner, type KeyRing } from '#fencing';
import type { Database } from '#postgres';
import type { Logger } from '#telemetry';
import type { Drain } from '../http/drain.js';
import { AuditExport } from './audit-export.js';
import { DeniedAttempts } from './denied-attempts.js';

interface AuditParts {
  database: Database;
  drain: Drain;
  keyRing: KeyRing;
  logger: Logger;
}

/** What reads the record, signs its end, and writes down who was refused. */
export function createAudit({ database, drain, keyRing, logger }: AuditParts) {
  const acts = new AuditLog();
  const reader = new AuditReader(database);
  const record = (denied: readonly Act[]): Promise<void> =>
    database.transaction((rows) => acts.record(rows, denied));
  return {
    acts,
    auditReader: reader,
    auditExport: new AuditExport(database, acts, reader, drain, systemClock),
    auditCheckpoints: new AuditCheckpoints(database, new ClaimsSigner(keyRing), systemClock),
    deniedAttempts: new DeniedAttempts(record, logger, systemClock),
  };
}

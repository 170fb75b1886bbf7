import { type Clock, IncumbentError } from '#core';
import {
  type AdminTokenRecord,
  type ApiKeyRecord,
  type ElectionStore,
  type TenantRecord,
  type Write,
  encode,
  keys,
} from '#election';
import type { Database } from '#postgres';
import { type AdminTokenRow, AdminTokens } from './admin-token.entity.js';
import { type ApiKeyRow, ApiKeys } from './api-key.entity.js';
import { effectiveQuota } from './quota.js';
import { type TenantRow, Tenants } from './tenant.entity.js';
import { mirroredStatus } from './tenant-status.js';

/** For one write to the store, waits for its turn included. */
const WRITE_WITHIN_MS = 2_000;
/** A write whose outcome the store did not say is repeated: it says the same again. */
const MOST_TRIES = 3;
/** Under which the mirror's writes take their turn among tenants. */
const FAIRNESS_NAME = 'incumbent';

/** What replicas authenticate by. */
export function keyRecordOf(row: ApiKeyRow): ApiKeyRecord {
  return {
    tenantId: row.tenantId,
    hash: row.hash,
    scopes: row.scopes,
    ...(row.electionPrefix === null ? {} : { electionPrefix: row.electionPrefix }),
    ...(row.expiresAt === null ? {} : { expiresAt: row.expiresAt.toISOString() }),
    ...(row.requestsPerSecond === null ? {} : { requestsPerSecond: row.requestsPerSecond }),
  };
}

export function adminTokenRecordOf({ name, hash, role, expiresAt }: AdminTokenRow): AdminTokenRecord {
  return { name, hash, role, ...(expiresAt && { expiresAt: expiresAt.toISOString() }) };
}

export function tenantRecordOf(row: TenantRow): TenantRecord {
  const quota = effectiveQuota(row.plan, row);
  const { maxCandidatesPerElection, maxSessions, maxCandidaciesPerSession, maxStreams } = quota;
  const { minTtlMs, requestsPerSecond } = quota;
  return {
    ...mirroredStatus(row.status),
    maxCandidatesPerElection,
    maxSessions,
    maxCandidaciesPerSession,
    maxStreams,
    minTtlMs,
    requestsPerSecond,
  };
}

/**
 * Copies keys, admin tokens and tenants from Postgres into the coordination store, where every replica watches them.
 *
 * A row is copied as it is *now*, while its lock is held, and never as the caller last saw it: of two changes at
 * the same moment the later cannot be overwritten by the earlier, so a revoked key does not come back. Copying
 * again is harmless. A process that stops between the two writes leaves a difference, which MirrorReconciler
 * mends within a minute.
 */
export class Mirror {
  constructor(
    private readonly database: Database,
    private readonly store: Pick<ElectionStore, 'commit'>,
    private readonly clock: Clock,
  ) {}

  /** @throws IncumbentError database.unavailable, store.unavailable, store.overloaded */
  async copyKey(tenantId: string, keyId: string): Promise<void> {
    await this.database.forTenant(tenantId, async (rows) => {
      const row = await rows.findOne(ApiKeys, {
        where: { tenantId, id: keyId },
        lock: { mode: 'pessimistic_write' },
      });
      const key = keys.apiKey(keyId);
      if (row?.revokedAt === null) await this.write({ kind: 'put', key, value: encode(keyRecordOf(row)) });
      else await this.write({ kind: 'delete', key });
    });
  }

  /** @throws IncumbentError database.unavailable, store.unavailable, store.overloaded */
  async copyTenant(tenantId: string): Promise<void> {
    await this.database.transaction(async (rows) => {
      const row = await rows.findOne(Tenants, {
        where: { id: tenantId },
        lock: { mode: 'pessimistic_write' },
      });
      const key = keys.tenant(tenantId);
      if (row) await this.write({ kind: 'put', key, value: encode(tenantRecordOf(row)) });
      else await this.write({ kind: 'delete', key });
    });
  }

  /** @throws IncumbentError database.unavailable, store.unavailable, store.overloaded */
  async copyAdminToken(tokenId: string): Promise<void> {
    await this.database.transaction(async (rows) => {
      const row = await rows.findOne(AdminTokens, {
        where: { id: tokenId },
        lock: { mode: 'pessimistic_write' },
      });
      const key = keys.adminToken(tokenId);
      if (row?.revokedAt === null) {
        await this.write({ kind: 'put', key, value: encode(adminTokenRecordOf(row)) });
      } else await this.write({ kind: 'delete', key });
    });
  }

  private async write(write: Write): Promise<void> {
    for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
      const outcome = await this.store.commit(
        { guards: [], writes: [write], reads: [] },
        { lane: 'admin', tenantId: FAIRNESS_NAME, deadlineMs: this.clock.monotonicMs() + WRITE_WITHIN_MS },
      );
      if (outcome.kind === 'committed') return;
    }
    throw new IncumbentError(
      'store.unavailable',
      'Repeat the request: it is harmless and completes the change.',
      {
        executed: 'unknown',
        retryAfterMs: 1_000,
      },
    );
  }
}

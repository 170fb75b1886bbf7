import { isDeepStrictEqual } from 'node:util';
import type { Clock, Timer } from '#core';
import type { AdminTokenRecord, ApiKeyRecord, TenantRecord } from '#election';
import { type Database, type EntityManager, IsNull } from '#postgres';
import type { Logger } from '#telemetry';
import { AdminTokens } from './admin-token.entity.js';
import { ApiKeys } from './api-key.entity.js';
import { type Mirror, adminTokenRecordOf, keyRecordOf, tenantRecordOf } from './mirror.js';
import { Tenants } from './tenant.entity.js';

const EVERY_MS = 60_000;
/** While the last try failed, for want of Postgres or etcd. */
const RETRY_MS = 5_000;

/** What the coordination store holds at this moment, as far as this process has seen. */
export interface Mirrored {
  apiKeys: ReadonlyMap<string, ApiKeyRecord>;
  tenants: ReadonlyMap<string, TenantRecord>;
  adminTokens: ReadonlyMap<string, AdminTokenRecord>;
}

interface Difference {
  keys: { tenantId: string; keyId: string }[];
  tenants: string[];
  adminTokens: string[];
}

/**
 * Mends what a crash between the two writes left different. Postgres is the truth: what differs is copied again,
 * what only the mirror has is removed. With one exception: a Postgres without a single tenant beside a mirror
 * that has some is taken for the wrong database, and nothing is removed.
 *
 * Every replica may run it; a view that lags only causes copies that change nothing.
 */
export class MirrorReconciler {
  private timer: Timer | undefined;
  private running: Promise<unknown> | undefined;
  private closed = false;

  constructor(
    private readonly database: Database,
    private readonly mirror: Mirror,
    private readonly view: () => Mirrored,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  /** Runs now and every minute. Call it once the view is loaded. */
  start(): void {
    this.schedule(0);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await this.running;
  }

  /**
   * Compares once and mends; answers how much was mended.
   * @throws IncumbentError database.unavailable, store.unavailable, store.overloaded
   */
  async run(): Promise<number> {
    const difference = await this.database.run((rows) => this.compare(rows));
    for (const tenantId of difference.tenants) await this.mirror.copyTenant(tenantId);
    for (const { tenantId, keyId } of difference.keys) await this.mirror.copyKey(tenantId, keyId);
    for (const tokenId of difference.adminTokens) await this.mirror.copyAdminToken(tokenId);
    const mended = difference.tenants.length + difference.keys.length + difference.adminTokens.length;
    if (mended > 0) this.logger.info({ mended }, 'mirrored keys, admin tokens and tenants mended');
    return mended;
  }

  private async compare(rows: EntityManager): Promise<Difference> {
    const mirrored = this.view();
    const tenants = new Map((await rows.find(Tenants)).map((row) => [row.id, tenantRecordOf(row)]));
    const apiKeys = new Map(
      (await rows.findBy(ApiKeys, { revokedAt: IsNull() })).map((row) => [row.id, keyRecordOf(row)]),
    );
    const adminTokens = new Map(
      (await rows.findBy(AdminTokens, { revokedAt: IsNull() })).map((row) => [
        row.id,
        adminTokenRecordOf(row),
      ]),
    );
    if (tenants.size === 0 && mirrored.tenants.size > 0) {
      this.logger.error(
        { mirroredTenants: mirrored.tenants.size },
        'the database has no tenant but the coordination store has: is DATABASE_URL right? Nothing was removed',
      );
      return { keys: [], tenants: [], adminTokens: [] };
    }
    return {
      tenants: differing(tenants, mirrored.tenants).map(([tenantId]) => tenantId),
      keys: differing(apiKeys, mirrored.apiKeys).map(([keyId, record]) => ({
        keyId,
        tenantId: record.tenantId,
      })),
      adminTokens: differing(adminTokens, mirrored.adminTokens).map(([tokenId]) => tokenId),
    };
  }

  private schedule(delayMs: number): void {
    if (this.closed) return;
    this.timer = this.clock.after(delayMs, () => {
      this.running = this.run().then(
        () => this.schedule(EVERY_MS),
        (error: unknown) => {
          this.logger.debug({ err: error }, 'mirror not compared; trying again');
          this.schedule(RETRY_MS);
        },
      );
    });
  }
}

/** The entries that are missing, too many or different in `copy`; of those that are too many, the copy's. */
function differing<T>(truth: ReadonlyMap<string, T>, copy: ReadonlyMap<string, T>): [string, T][] {
  const wrong = [...truth].filter(([id, record]) => !isDeepStrictEqual(record, copy.get(id)));
  return [...wrong, ...[...copy].filter(([id]) => !truth.has(id))];
}

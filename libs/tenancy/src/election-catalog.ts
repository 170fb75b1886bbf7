import { type Clock } from '#core';
import { electionRef } from '#election';
import type { Database, EntityManager } from '#postgres';
import { Elections } from './election.entity.js';
import { type Quota, requireRoom } from './quota.js';
import { lockTenant, quotaOf } from './tenants.js';

/** An election as the engine has it. */
export interface CatalogEntry {
  tenantId: string;
  name: string;
  settings: object;
  createdAt: Date;
  updatedAt: Date;
}

/** How old a row must be before "the engine does not have it" is believed of a view that may lag. */
const BELIEVE_AFTER_MS = 60_000;
/** Rows per statement while reconciling. */
const BATCH = 500;

/**
 * The managed copy of elections: what quotas count and what later parts search and report on. The engine holds
 * the truth; where they differ (a process stopped between the two commits) `reconcile` follows the engine.
 */
export class ElectionCatalog {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Creates an election within the tenant's quota: `commit` is called while the tenant's row is locked and makes
   * the election in the engine; what it throws undoes the row. Creations of one tenant queue, so the count is
   * exact under any concurrency. Whether the name is taken is for the engine to say.
   * @throws IncumbentError tenant.not_found, limit.quota_exceeded, database.unavailable, whatever `commit` throws
   */
  async reserve<T>(
    wanted: { tenantId: string; name: string; settings: object },
    commit: (quota: Quota) => Promise<T>,
  ): Promise<T> {
    const { tenantId, name } = wanted;
    return this.database.forTenant(tenantId, async (rows) => {
      const quota = quotaOf(await lockTenant(rows, tenantId));
      const { electionId } = electionRef(tenantId, name);
      const others = await rows.query<{ used: number }[]>(
        'SELECT count(*)::int AS used FROM elections WHERE tenant_id = $1 AND id <> $2',
        [tenantId, electionId],
      );
      requireRoom(quota, 'maxElections', others[0]?.used ?? 0);
      const now = new Date(this.clock.wallTimeMs());
      await upsert(rows, [{ ...wanted, createdAt: now, updatedAt: now }]);
      return commit(quota);
    });
  }

  /** Takes over changed settings. */
  async update(entry: { tenantId: string; name: string; settings: object }): Promise<void> {
    const now = new Date(this.clock.wallTimeMs());
    await this.database.forTenant(entry.tenantId, (rows) =>
      upsert(rows, [{ ...entry, createdAt: now, updatedAt: now }]),
    );
  }

  /** Forgets an election that the engine has closed. Repeating it is harmless. */
  async remove(tenantId: string, name: string): Promise<void> {
    await this.database.forTenant(tenantId, (rows) => rows.delete(Elections, { tenantId, name }));
  }

  /**
   * Makes the copy equal to `truth`, every open election that the engine has. Rows younger than a minute are not
   * removed: the engine's view may lag. Answers how many rows were removed.
   */
  async reconcile(truth: readonly CatalogEntry[]): Promise<number> {
    const idOf = (entry: CatalogEntry): string => electionRef(entry.tenantId, entry.name).electionId;
    const known = new Set(truth.map(idOf));
    for (let from = 0; from < truth.length; from += BATCH) {
      await this.database.run((rows) => upsert(rows, truth.slice(from, from + BATCH)));
    }
    const before = new Date(this.clock.wallTimeMs() - BELIEVE_AFTER_MS);
    return this.database.run(async (rows) => {
      const held = await rows.query<{ id: string }[]>('SELECT id FROM elections WHERE created_at < $1', [
        before,
      ]);
      const gone = held.map((row) => row.id).filter((id) => !known.has(id));
      await rows.query('DELETE FROM elections WHERE id = ANY($1) AND created_at < $2', [gone, before]);
      return gone.length;
    });
  }
}

/** Inserts or updates rows of tenants that exist. An equal row is left untouched. */
async function upsert(rows: EntityManager, entries: readonly CatalogEntry[]): Promise<void> {
  const given = entries.map((entry) => ({
    tenant_id: entry.tenantId,
    id: electionRef(entry.tenantId, entry.name).electionId,
    name: entry.name,
    settings: entry.settings,
    created_at: entry.createdAt,
    updated_at: entry.updatedAt,
  }));
  await rows.query(
    `INSERT INTO elections (tenant_id, id, name, settings, created_at, updated_at)
     SELECT e.tenant_id, e.id, e.name, e.settings, e.created_at, e.updated_at
       FROM jsonb_to_recordset($1::jsonb) AS e(
         tenant_id text, id text, name text, settings jsonb, created_at timestamptz, updated_at timestamptz)
       JOIN tenants ON tenants.id = e.tenant_id AND tenants.status <> 'deleted'
     ON CONFLICT (tenant_id, id) DO UPDATE SET settings = excluded.settings, updated_at = excluded.updated_at
       WHERE elections.settings IS DISTINCT FROM excluded.settings`,
    [JSON.stringify(given)],
  );
}

import { type Caused, type Clock, newAct } from '#core';
import { type ActLog, type Database, removeRows } from '#postgres';
import { TENANT_TABLES } from './tenant-tables.js';

/** Tenants purged in one run; the next goes on. */
const MOST_PER_RUN = 100;

const SYSTEM: Caused = { actor: { type: 'system', id: 'tenant-purge' }, context: {} };

/**
 * Removes the rows of tenants whose grace period is over. The first step, under the lock of the tenant's row, is
 * final: from then on it cannot be restored, so nobody ever gets back half of a tenant. A run that is cut off is
 * gone on with. The tenant's own row stays, without its name, so that its id is never given to another; its audit
 * chain goes by the rule of the audit log.
 */
export class TenantPurge {
  constructor(
    private readonly database: Database,
    private readonly acts: ActLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Answers how many rows were removed.
   * @param signal ends the run between two batches
   * @throws IncumbentError database.unavailable
   */
  async run(signal?: AbortSignal): Promise<number> {
    const due = await this.database.run((rows) =>
      rows.query<{ id: string }[]>(
        'SELECT id FROM tenants WHERE purge_after <= now() ORDER BY purge_after LIMIT $1',
        [MOST_PER_RUN],
      ),
    );
    let removed = 0;
    for (const { id } of due) {
      if (signal?.aborted === true) break;
      removed += await this.purge(id, signal);
    }
    return removed;
  }

  private async purge(tenantId: string, signal: AbortSignal | undefined): Promise<number> {
    if (!(await this.makeFinal(tenantId))) return 0;
    let removed = 0;
    for (const { table, staysForAudit } of TENANT_TABLES) {
      if (staysForAudit === undefined)
        removed += await removeRows(this.database, { table, where: 'tenant_id = $1' }, [tenantId], signal);
    }
    if (signal?.aborted !== true) await this.finish(tenantId, removed);
    return removed;
  }

  /** Whether the tenant is not restored: whoever restores it holds the same lock. */
  private makeFinal(tenantId: string): Promise<boolean> {
    return this.database.transaction(async (rows) => {
      const marked = await rows.query<unknown[]>(
        `WITH marked AS (
           UPDATE tenants SET status = 'deleted', status_before = NULL, updated_at = now()
            WHERE id = $1 AND status IN ('deleting', 'deleted') AND purge_after <= now() RETURNING 1)
         SELECT * FROM marked`,
        [tenantId],
      );
      return marked.length > 0;
    });
  }

  private async finish(tenantId: string, removed: number): Promise<void> {
    const targets = [{ type: 'tenant' as const, id: tenantId }];
    const done = { tenantId: null, action: 'tenant.purged', targets, metadata: { removed } };
    await this.database.transaction(async (rows) => {
      await rows.query('UPDATE tenants SET name = id, purge_after = NULL WHERE id = $1', [tenantId]);
      await this.acts.record(rows, [newAct(SYSTEM, done, this.clock)]);
    });
  }
}

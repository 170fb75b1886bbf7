import { type Act, type Caused, type Clock, newAct } from '#core';
import type { ActLog, Database } from '#postgres';
import type { Mirror } from './mirror.js';
import { type TenantRow, Tenants } from './tenant.entity.js';
import { type Tenant, showTenantRow, tenantNotFound } from './tenants.js';

/**
 * Deleting in two steps. First the tenant is marked: its keys are refused and its terms end at once, everywhere. Its
 * rows and its elections stay as they are until the grace period is over, so that restoring it is one change of one
 * row. Then the worker purges the rows (`TenantPurge`), and the elections are closed for good.
 */
export class TenantDeletion {
  constructor(
    private readonly database: Database,
    private readonly mirror: Mirror,
    private readonly acts: ActLog,
    private readonly graceMs: number,
    private readonly clock: Clock,
  ) {}

  /**
   * Marks the tenant. Repeating it is harmless and does not begin the grace period anew.
   * @throws IncumbentError tenant.not_found for an id that never was, or whose rows are gone
   */
  async begin(tenantId: string, caused: Caused): Promise<Tenant> {
    return this.change(tenantId, caused, 'tenant.deleted', (row, nowMs) => {
      if (row.status === 'deleting' || row.status === 'deleted') return undefined;
      const purgeAfter = new Date(nowMs + this.graceMs);
      return { status: 'deleting', statusBefore: row.status, purgeAfter };
    });
  }

  /**
   * Makes the tenant what it was before it was deleted, keys and elections included. Repeating it is harmless.
   * @throws IncumbentError tenant.not_found when it is too late
   */
  async restore(tenantId: string, caused: Caused): Promise<Tenant> {
    return this.change(tenantId, caused, 'tenant.restored', (row) => {
      if (row.status !== 'deleting') return undefined;
      return { status: row.statusBefore ?? 'active', statusBefore: null, purgeAfter: null };
    });
  }

  private async change(
    tenantId: string,
    caused: Caused,
    action: string,
    decide: (row: TenantRow, nowMs: number) => Partial<TenantRow> | undefined,
  ): Promise<Tenant> {
    const after = await this.database.transaction(async (rows) => {
      const row = await rows.findOne(Tenants, {
        where: { id: tenantId },
        lock: { mode: 'pessimistic_write' },
      });
      if (!row || row.status === 'deleted') throw tenantNotFound();
      const nowMs = this.clock.wallTimeMs();
      const changes = decide(row, nowMs);
      if (!changes) return row;
      const next = { ...row, ...changes, updatedAt: new Date(nowMs) };
      await rows.update(Tenants, { id: tenantId }, next);
      await this.acts.record(rows, [this.act(action, next, caused)]);
      return next;
    });
    // Repeated on a repeated call: the one before may have ended between the two writes.
    await this.mirror.copyTenant(tenantId);
    return showTenantRow(after);
  }

  private act(action: string, row: TenantRow, caused: Caused): Act {
    const { purgeAfter } = row;
    const targets = [{ type: 'tenant' as const, id: row.id, name: row.name }];
    const metadata = purgeAfter ? { purgeAfter: purgeAfter.toISOString() } : undefined;
    return newAct(caused, { tenantId: row.id, action, targets, metadata }, this.clock);
  }
}

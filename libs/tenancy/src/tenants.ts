import { type Clock, IncumbentError, newId } from '#core';
import type { Database, EntityManager } from '#postgres';
import { ApiKeys } from './api-key.entity.js';
import type { Mirror } from './mirror.js';
import { type Page, type PageRequest, decodeCursor, pageOf } from './page.js';
import { DEFAULT_QUOTA, type Quota } from './quota.js';
import { type TenantRow, Tenants } from './tenant.entity.js';

export interface Tenant {
  id: string;
  name: string;
  status: 'active' | 'suspended';
  quota: Quota;
  createdAt: Date;
}

export interface TenantChanges {
  name?: string | undefined;
  status?: Tenant['status'] | undefined;
  quota?: Partial<Quota> | undefined;
}

export function tenantNotFound(): IncumbentError {
  return new IncumbentError(
    'tenant.not_found',
    'Check the id: there is no tenant with it, or it was deleted.',
  );
}

export function quotaOf(row: TenantRow): Quota {
  const { maxElections, maxCandidatesPerElection, maxApiKeys } = row;
  return { maxElections, maxCandidatesPerElection, maxApiKeys };
}

/**
 * The tenant's row, locked until the transaction ends: whatever is counted against its quota meanwhile is exact.
 * @throws IncumbentError tenant.not_found
 */
export async function lockTenant(rows: EntityManager, tenantId: string): Promise<TenantRow> {
  const row = await rows.findOne(Tenants, { where: { id: tenantId }, lock: { mode: 'pessimistic_write' } });
  if (!row || row.status === 'deleted') throw tenantNotFound();
  return row;
}

/**
 * Tenants: created, changed and deleted by the operator. Every change is committed to Postgres and then mirrored;
 * when the mirror fails the call fails with 503, and repeating it completes the change.
 */
export class TenantService {
  constructor(
    private readonly database: Database,
    private readonly mirror: Mirror,
    private readonly clock: Clock,
  ) {}

  async create(wanted: { name: string; quota?: Partial<Quota> | undefined }): Promise<Tenant> {
    const now = new Date(this.clock.wallTimeMs());
    const quota = { ...DEFAULT_QUOTA, ...wanted.quota };
    const row: TenantRow = {
      id: newId('ten'),
      name: wanted.name,
      status: 'active',
      ...quota,
      createdAt: now,
      updatedAt: now,
    };
    await this.database.run((rows) => rows.insert(Tenants, row));
    await this.mirror.copyTenant(row.id);
    return show(row);
  }

  /** @throws IncumbentError tenant.not_found */
  async get(tenantId: string): Promise<Tenant> {
    const row = await this.database.run((rows) => rows.findOneBy(Tenants, { id: tenantId }));
    if (!row || row.status === 'deleted') throw tenantNotFound();
    return show(row);
  }

  /** In the order of creation. @throws IncumbentError request.invalid_query */
  async list(page: PageRequest): Promise<Page<Tenant>> {
    const after = page.cursor === undefined ? undefined : decodeCursor(page.cursor);
    const found = await this.database.run((rows) => {
      const query = rows.createQueryBuilder(Tenants, 'tenant').where("tenant.status <> 'deleted'");
      if (after) query.andWhere('(tenant.createdAt, tenant.id) > (:createdAt, :id)', after);
      return query
        .orderBy({ 'tenant.createdAt': 'ASC', 'tenant.id': 'ASC' })
        .limit(page.limit + 1)
        .getMany();
    });
    return pageOf(found, page.limit, show);
  }

  /** @throws IncumbentError tenant.not_found */
  async change(tenantId: string, changes: TenantChanges): Promise<Tenant> {
    const changed = await this.database.transaction(async (rows) => {
      const row = await lockTenant(rows, tenantId);
      const next: TenantRow = {
        ...row,
        ...changes.quota,
        name: changes.name ?? row.name,
        status: changes.status ?? row.status,
        updatedAt: new Date(this.clock.wallTimeMs()),
      };
      await rows.update(Tenants, { id: tenantId }, next);
      return next;
    });
    await this.mirror.copyTenant(tenantId);
    return show(changed);
  }

  /**
   * Marks the tenant deleted and revokes its keys. Its elections are the caller's to close. Repeating it is
   * harmless. @throws IncumbentError tenant.not_found for an id that never was
   */
  async delete(tenantId: string): Promise<void> {
    const keyIds = await this.database.transaction(async (rows) => {
      const row = await rows.findOne(Tenants, {
        where: { id: tenantId },
        lock: { mode: 'pessimistic_write' },
      });
      if (!row) throw tenantNotFound();
      const now = new Date(this.clock.wallTimeMs());
      await rows.update(Tenants, { id: tenantId }, { status: 'deleted', updatedAt: now });
      await rows.query('UPDATE api_keys SET revoked_at = $2 WHERE tenant_id = $1 AND revoked_at IS NULL', [
        tenantId,
        now,
      ]);
      return (await rows.find(ApiKeys, { where: { tenantId }, select: { id: true } })).map((key) => key.id);
    });
    // First the tenant: from then on none of its keys is accepted, whatever becomes of the rest.
    await this.mirror.copyTenant(tenantId);
    for (const keyId of keyIds) await this.mirror.copyKey(tenantId, keyId);
  }
}

function show(row: TenantRow): Tenant {
  const { id, name, createdAt } = row;
  return {
    id,
    name,
    status: row.status === 'suspended' ? 'suspended' : 'active',
    quota: quotaOf(row),
    createdAt,
  };
}

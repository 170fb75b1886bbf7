import { type Act, type Caused, changesBetween, type Clock, IncumbentError, newAct, newId } from '#core';
import {
  type ActLog,
  type Database,
  decodeCursor,
  type EntityManager,
  type Page,
  pageOf,
  type PageRequest,
} from '#postgres';
import type { Mirror } from './mirror.js';
import {
  DEFAULT_PLAN,
  effectiveQuota,
  ownQuota,
  type PlanName,
  type Quota,
  QUOTA_NAMES,
  type QuotaName,
  type QuotaOverrides,
  requireRoom,
} from './quota.js';
import { type TenantRow, Tenants } from './tenant.entity.js';
import { type TenantState, tenantDeleting } from './tenant-status.js';

export interface Tenant {
  id: string;
  name: string;
  status: Exclude<TenantState, 'deleted'>;
  plan: string;
  /** What holds: the plan's values with the tenant's own in their place. */
  quota: Quota;
  quotaOverrides: Partial<Quota>;
  createdAt: Date;
  /** While it is being deleted: from when on it cannot be restored any more. */
  purgeAfter?: Date;
}

export interface TenantChanges {
  name?: string | undefined;
  status?: 'active' | 'suspended' | undefined;
  plan?: PlanName | undefined;
  quota?: QuotaOverrides | undefined;
}

export interface NewTenant extends Omit<TenantChanges, 'status'> {
  name: string;
  /** Given where the call may be repeated: a tenant of this id is the one that an earlier attempt made. */
  id?: string | undefined;
}

/** Which tenants a list shows. */
export interface TenantSearch {
  /** Part of the name or of the id, in any case. */
  text?: string | undefined;
  status?: Tenant['status'] | undefined;
}

export function tenantNotFound(): IncumbentError {
  return new IncumbentError(
    'tenant.not_found',
    'Check the id: there is no tenant with it, or it was deleted.',
  );
}

export function quotaOf(row: TenantRow): Quota {
  return effectiveQuota(row.plan, row);
}

/**
 * The tenant's row, locked until the transaction ends: whatever is counted against its quota meanwhile is exact.
 * @throws IncumbentError tenant.not_found, tenant.deleting
 */
export async function lockTenant(rows: EntityManager, tenantId: string): Promise<TenantRow> {
  const row = await rows.findOne(Tenants, { where: { id: tenantId }, lock: { mode: 'pessimistic_write' } });
  if (!row || row.status === 'deleted') throw tenantNotFound();
  if (row.status === 'deleting') throw tenantDeleting();
  return row;
}

/**
 * Makes sure that there is room for one more: counts while the tenant's row is locked, so creations of one tenant
 * queue and the count is exact under any concurrency.
 * @throws IncumbentError limit.quota_exceeded, tenant.not_found, tenant.deleting
 */
export async function reserveRoom(
  rows: EntityManager,
  { tenantId, quota }: { tenantId: string; quota: QuotaName },
  used: () => Promise<number>,
): Promise<void> {
  requireRoom(quotaOf(await lockTenant(rows, tenantId)), quota, await used());
}

/**
 * Tenants: created and changed by the operator; TenantDeletion deletes them. Every change is committed to Postgres and then mirrored;
 * when the mirror fails the call fails with 503, and repeating it completes the change. What is done to a tenant
 * is on its own record, where it can read it.
 */
export class TenantService {
  constructor(
    private readonly database: Database,
    private readonly mirror: Mirror,
    private readonly acts: ActLog,
    private readonly clock: Clock,
  ) {}

  async create(wanted: NewTenant, caused: Caused): Promise<Tenant> {
    const now = new Date(this.clock.wallTimeMs());
    const id = wanted.id ?? newId('ten');
    const row: TenantRow = {
      id,
      name: wanted.name,
      status: 'active',
      statusBefore: null,
      purgeAfter: null,
      plan: wanted.plan ?? DEFAULT_PLAN,
      ...columnsOf(wanted.quota),
      createdAt: now,
      updatedAt: now,
    };
    const quota = quotaOf(row);
    const act = this.act(caused, 'tenant.created', row, { name: row.name, plan: row.plan, quota });
    const made = await this.database.transaction(async (rows) => {
      const before = wanted.id === undefined ? null : await rows.findOneBy(Tenants, { id });
      if (before) return before;
      await rows.insert(Tenants, row);
      await this.acts.record(rows, [act]);
      return row;
    });
    await this.mirror.copyTenant(id);
    return showTenantRow(made);
  }

  /** @throws IncumbentError tenant.not_found */
  async get(tenantId: string): Promise<Tenant> {
    const row = await this.database.run((rows) => rows.findOneBy(Tenants, { id: tenantId }));
    if (!row || row.status === 'deleted') throw tenantNotFound();
    return showTenantRow(row);
  }

  /** In the order of creation. @throws IncumbentError request.invalid_query */
  async list(page: PageRequest, { text, status }: TenantSearch = {}): Promise<Page<Tenant>> {
    const after = page.cursor === undefined ? undefined : decodeCursor(page.cursor);
    const found = await this.database.run((rows) => {
      const query = rows.createQueryBuilder(Tenants, 'tenant').where("tenant.status <> 'deleted'");
      if (status !== undefined) query.andWhere('tenant.status = :status', { status });
      if (text !== undefined) {
        query.andWhere('(strpos(lower(tenant.name), :text) > 0 OR strpos(tenant.id, :text) > 0)', {
          text: text.toLowerCase(),
        });
      }
      if (after) query.andWhere('(tenant.createdAt, tenant.id) > (:createdAt, :id)', after);
      return query
        .orderBy({ 'tenant.createdAt': 'ASC', 'tenant.id': 'ASC' })
        .limit(page.limit + 1)
        .getMany();
    });
    return pageOf(found, page.limit, showTenantRow);
  }

  /** @throws IncumbentError tenant.not_found */
  async change(
    tenantId: string,
    changes: TenantChanges,
    caused: Caused,
    /** Throws where the tenant is not as the caller has seen it. */
    check: (now: Tenant) => void = () => undefined,
  ): Promise<Tenant> {
    const changed = await this.database.transaction(async (rows) => {
      const row = await lockTenant(rows, tenantId);
      check(showTenantRow(row));
      const next: TenantRow = {
        ...row,
        ...columnsOf(changes.quota, row),
        plan: changes.plan ?? row.plan,
        name: changes.name ?? row.name,
        status: changes.status ?? row.status,
        updatedAt: new Date(this.clock.wallTimeMs()),
      };
      await rows.update(Tenants, { id: tenantId }, next);
      const changed = changesBetween(showTenantRow(row), showTenantRow(next));
      await this.acts.record(rows, [this.act(caused, 'tenant.changed', next, { changes: changed })]);
      return next;
    });
    await this.mirror.copyTenant(tenantId);
    return showTenantRow(changed);
  }

  private act(caused: Caused, action: string, row: TenantRow, metadata: Act['metadata']): Act {
    const targets = [{ type: 'tenant' as const, id: row.id, name: row.name }];
    return newAct(caused, { tenantId: row.id, action, targets, metadata }, this.clock);
  }
}

/** The tenant's own values: those that are named, else as they were, else none. Null gives one back to the plan. */
function columnsOf(
  wanted: QuotaOverrides = {},
  before: QuotaOverrides = {},
): Record<keyof Quota, number | null> {
  const columns = {} as Record<keyof Quota, number | null>;
  for (const name of QUOTA_NAMES)
    columns[name] = (wanted[name] === undefined ? before[name] : wanted[name]) ?? null;
  return columns;
}

export function showTenantRow(row: TenantRow): Tenant {
  const { id, name, createdAt, purgeAfter } = row;
  return {
    id,
    name,
    status: row.status === 'deleted' ? 'deleting' : row.status,
    plan: row.plan,
    quota: quotaOf(row),
    quotaOverrides: ownQuota(row),
    createdAt,
    ...(purgeAfter && { purgeAfter }),
  };
}

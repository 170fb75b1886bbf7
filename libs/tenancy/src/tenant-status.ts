import { IncumbentError } from '#core';
import type { TenantRecord } from '#election';

/**
 * active, suspended: as the operator says. deleting: no key is accepted and no term runs, the data is kept until
 * `purge_after` and the tenant can be restored. deleted: its rows are gone.
 */
export const TENANT_STATES = ['active', 'suspended', 'deleting', 'deleted'] as const;
export type TenantState = (typeof TENANT_STATES)[number];

/** What replicas act by: to them a tenant that may still be restored is as deleted as one that may not. */
export function mirroredStatus(status: TenantState): Pick<TenantRecord, 'status' | 'purged'> {
  if (status === 'deleting') return { status: 'deleted' };
  return status === 'deleted' ? { status, purged: true } : { status };
}

export function tenantDeleting(): IncumbentError {
  return new IncumbentError(
    'tenant.deleting',
    'The tenant is being deleted. Restore it first: POST /admin/v1/tenants/{id}/restore.',
  );
}

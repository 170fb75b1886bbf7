import { EntitySchema } from 'typeorm';
import type { QuotaName } from './quota.js';
import type { TenantState } from './tenant-status.js';

/**
 * A row of `tenants`. A deleted tenant keeps its row, so that its id is never given to another. A quota of its own
 * stands in its column; null follows the plan.
 */
export interface TenantRow extends Record<QuotaName, number | null> {
  id: string;
  name: string;
  status: TenantState;
  /** While it is being deleted: what restoring it makes it. */
  statusBefore: 'active' | 'suspended' | null;
  /** From when on the rows of a deleted tenant go; null again when the last is gone. */
  purgeAfter: Date | null;
  plan: string;
  createdAt: Date;
  updatedAt: Date;
}

const quota = (name: string) => ({ type: 'integer', name, nullable: true }) as const;

export const Tenants = new EntitySchema<TenantRow>({
  name: 'Tenant',
  tableName: 'tenants',
  columns: {
    id: { type: 'text', collation: 'C', primary: true, primaryKeyConstraintName: 'tenants_pkey' },
    name: { type: 'text' },
    status: { type: 'text', default: 'active' },
    statusBefore: { type: 'text', name: 'status_before', nullable: true },
    purgeAfter: { type: 'timestamptz', precision: 3, name: 'purge_after', nullable: true },
    plan: { type: 'text', default: 'team' },
    maxElections: quota('max_elections'),
    maxCandidatesPerElection: quota('max_candidates_per_election'),
    maxApiKeys: quota('max_api_keys'),
    maxWebhookEndpoints: quota('max_webhook_endpoints'),
    maxSessions: quota('max_sessions'),
    maxCandidaciesPerSession: quota('max_candidacies_per_session'),
    maxStreams: quota('max_streams'),
    minTtlMs: quota('min_ttl_ms'),
    requestsPerSecond: quota('requests_per_second'),
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
    updatedAt: { type: 'timestamptz', precision: 3, name: 'updated_at', default: () => 'now()' },
  },
  indices: [
    { name: 'tenants_created_idx', columns: ['createdAt', 'id'] },
    { name: 'tenants_purge_idx', columns: ['purgeAfter'], where: '(purge_after IS NOT NULL)' },
  ],
  checks: [
    {
      name: 'tenants_status_check',
      expression: "status IN ('active', 'suspended', 'deleting', 'deleted')",
    },
    {
      name: 'tenants_deleting_check',
      expression:
        "(status = 'deleting') = (status_before IS NOT NULL) AND (status <> 'deleting' OR purge_after IS NOT NULL)",
    },
    {
      name: 'tenants_quota_check',
      expression:
        'max_elections >= 0 AND max_candidates_per_election >= 0 AND max_api_keys >= 0 AND ' +
        'max_webhook_endpoints >= 0 AND max_sessions >= 0 AND max_streams >= 0 AND min_ttl_ms >= 0 AND ' +
        'requests_per_second >= 1',
    },
    { name: 'tenants_candidacies_check', expression: 'max_candidacies_per_session >= 0' },
  ],
});

import { EntitySchema } from 'typeorm';
import type { TenantRecord } from '#election';

/** A row of `tenants`. A deleted tenant keeps its row, so that its id is never given to another. */
export interface TenantRow {
  id: string;
  name: string;
  status: TenantRecord['status'];
  maxElections: number;
  maxCandidatesPerElection: number;
  maxApiKeys: number;
  createdAt: Date;
  updatedAt: Date;
}

export const Tenants = new EntitySchema<TenantRow>({
  name: 'Tenant',
  tableName: 'tenants',
  columns: {
    id: { type: 'text', collation: 'C', primary: true, primaryKeyConstraintName: 'tenants_pkey' },
    name: { type: 'text' },
    status: { type: 'text', default: 'active' },
    maxElections: { type: 'integer', name: 'max_elections' },
    maxCandidatesPerElection: { type: 'integer', name: 'max_candidates_per_election' },
    maxApiKeys: { type: 'integer', name: 'max_api_keys' },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
    updatedAt: { type: 'timestamptz', precision: 3, name: 'updated_at', default: () => 'now()' },
  },
  indices: [{ name: 'tenants_created_idx', columns: ['createdAt', 'id'] }],
  checks: [
    { name: 'tenants_status_check', expression: "status IN ('active', 'suspended', 'deleted')" },
    {
      name: 'tenants_quota_check',
      expression: 'max_elections >= 0 AND max_candidates_per_election >= 0 AND max_api_keys >= 0',
    },
  ],
});

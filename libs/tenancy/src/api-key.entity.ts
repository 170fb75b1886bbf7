import { EntitySchema } from 'typeorm';

/** A row of `api_keys`. A revoked key keeps its row: a repeated revocation finds it and is harmless. */
export interface ApiKeyRow {
  tenantId: string;
  id: string;
  name: string;
  /** Keyed hash of the secret, hex; see SecretHash. */
  hash: string;
  scopes: string[];
  electionPrefix: string | null;
  expiresAt: Date | null;
  /** A rate of its own, beside the tenant's. */
  requestsPerSecond: number | null;
  createdAt: Date;
  revokedAt: Date | null;
}

const primaryKeyConstraintName = 'api_keys_pkey';

export const ApiKeys = new EntitySchema<ApiKeyRow>({
  name: 'ApiKey',
  tableName: 'api_keys',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', primary: true, primaryKeyConstraintName },
    id: { type: 'text', collation: 'C', primary: true, primaryKeyConstraintName },
    name: { type: 'text' },
    hash: { type: 'text' },
    scopes: { type: 'text', array: true },
    electionPrefix: { type: 'text', collation: 'C', name: 'election_prefix', nullable: true },
    expiresAt: { type: 'timestamptz', precision: 3, name: 'expires_at', nullable: true },
    requestsPerSecond: { type: 'integer', name: 'requests_per_second', nullable: true },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
    revokedAt: { type: 'timestamptz', precision: 3, name: 'revoked_at', nullable: true },
  },
  indices: [
    { name: 'api_keys_live_idx', columns: ['tenantId', 'createdAt', 'id'], where: '(revoked_at IS NULL)' },
  ],
  foreignKeys: [
    {
      name: 'api_keys_tenant_fkey',
      target: 'Tenant',
      columnNames: ['tenantId'],
      referencedColumnNames: ['id'],
    },
  ],
});

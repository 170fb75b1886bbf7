import { EntitySchema } from 'typeorm';

/** A row of `idempotent_requests`: a call that carried an Idempotency-Key, and its answer once it has one. */
export interface IdempotentRequestRow {
  /** The tenant's id, or `operator`. */
  tenantId: string;
  /** Method and path. */
  operation: string;
  key: string;
  /** Hash of what was asked; the same key with another one is refused. */
  fingerprint: string;
  /** The same for every attempt: what the call makes takes its identity from it. */
  requestId: string;
  attempt: number;
  /** Null while it runs. */
  status: number | null;
  headers: Record<string, string> | null;
  /** Without secrets. */
  body: Record<string, unknown> | null;
  /** A running one is taken for dead after this. */
  lapsesAt: Date;
  createdAt: Date;
}

const primaryKeyConstraintName = 'idempotent_requests_pkey';

export const IdempotentRequestRows = new EntitySchema<IdempotentRequestRow>({
  name: 'IdempotentRequest',
  tableName: 'idempotent_requests',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', primary: true, primaryKeyConstraintName },
    operation: { type: 'text', collation: 'C', primary: true, primaryKeyConstraintName },
    key: { type: 'text', collation: 'C', primary: true, primaryKeyConstraintName },
    fingerprint: { type: 'text' },
    requestId: { type: 'text', name: 'request_id' },
    attempt: { type: 'integer', default: 1 },
    status: { type: 'integer', nullable: true },
    headers: { type: 'jsonb', nullable: true },
    body: { type: 'jsonb', nullable: true },
    lapsesAt: { type: 'timestamptz', precision: 3, name: 'lapses_at' },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at' },
  },
  indices: [{ name: 'idempotent_requests_age_idx', columns: ['createdAt'] }],
});

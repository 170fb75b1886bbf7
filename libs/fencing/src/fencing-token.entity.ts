import { EntitySchema } from 'typeorm';

/** One line of the ledger: a fencing token that was issued. */
export interface FencingTokenRow {
  tenantId: string;
  jti: string;
  election: string;
  seat: number;
  epoch: number;
  term: number;
  fence: number;
  candidate: string;
  kid: string;
  issuedAt: Date;
  expiresAt: Date;
}

/** Postgres answers bigint as text; fences and terms are below 2^53 by construction. */
const safeInteger = { to: (value: number): number => value, from: Number };
const primaryKeyConstraintName = 'fencing_tokens_pkey';

export const FencingTokenLedger = new EntitySchema<FencingTokenRow>({
  name: 'FencingToken',
  tableName: 'fencing_tokens',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', primary: true, primaryKeyConstraintName },
    jti: { type: 'text', collation: 'C', primary: true, primaryKeyConstraintName },
    election: { type: 'text', collation: 'C' },
    seat: { type: 'integer' },
    epoch: { type: 'integer' },
    term: { type: 'bigint', transformer: safeInteger },
    fence: { type: 'bigint', transformer: safeInteger },
    candidate: { type: 'text' },
    kid: { type: 'text' },
    issuedAt: { type: 'timestamptz', precision: 3, name: 'issued_at' },
    expiresAt: { type: 'timestamptz', precision: 3, name: 'expires_at' },
  },
  indices: [
    { name: 'fencing_tokens_fence_idx', columns: ['tenantId', 'election', 'seat', 'fence'] },
    { name: 'fencing_tokens_expiry_idx', columns: ['expiresAt'] },
  ],
});

import { EntitySchema } from 'typeorm';
import type { AdminTokenRecord } from '#election';

/** A row of `admin_tokens`. A revoked token keeps its row: the record of what it did names it. */
export interface AdminTokenRow {
  id: string;
  name: string;
  /** Keyed hash of the secret, hex; see SecretHash. */
  hash: string;
  role: AdminTokenRecord['role'];
  /** The admin token that made it, or `environment`. */
  createdBy: string;
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
}

export const AdminTokens = new EntitySchema<AdminTokenRow>({
  name: 'AdminToken',
  tableName: 'admin_tokens',
  columns: {
    id: { type: 'text', collation: 'C', primary: true, primaryKeyConstraintName: 'admin_tokens_pkey' },
    name: { type: 'text' },
    hash: { type: 'text' },
    role: { type: 'text' },
    createdBy: { type: 'text', name: 'created_by' },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
    expiresAt: { type: 'timestamptz', precision: 3, name: 'expires_at', nullable: true },
    revokedAt: { type: 'timestamptz', precision: 3, name: 'revoked_at', nullable: true },
  },
  indices: [{ name: 'admin_tokens_live_idx', columns: ['createdAt', 'id'], where: '(revoked_at IS NULL)' }],
  checks: [{ name: 'admin_tokens_role_check', expression: "role IN ('read_only', 'full')" }],
});

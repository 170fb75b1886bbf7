import { EntitySchema } from 'typeorm';
import { safeInteger } from './audit-event.entity.js';

/** A row of `audit_chains`: the last event of a chain. Locked while the chain is appended to. */
export interface AuditChainRow {
  tenantId: string;
  sequence: number;
  hash: string;
}

/** A row of `audit_cuts`: the last event that retention removed; the chain now begins after it. */
export interface AuditCutRow {
  tenantId: string;
  sequence: number;
  hash: string;
  cutAt: Date;
}

/** A row of `audit_checkpoints`: a signed head, kept. */
export interface AuditCheckpointRow {
  tenantId: string;
  sequence: number;
  token: string;
  createdAt: Date;
}

const tenantId = (primaryKeyConstraintName: string) =>
  ({ type: 'text', collation: 'C', name: 'tenant_id', primary: true, primaryKeyConstraintName }) as const;
const sequence = (primaryKeyConstraintName: string) =>
  ({ type: 'bigint', primary: true, primaryKeyConstraintName, transformer: safeInteger }) as const;

export const AuditChains = new EntitySchema<AuditChainRow>({
  name: 'AuditChain',
  tableName: 'audit_chains',
  columns: {
    tenantId: tenantId('audit_chains_pkey'),
    sequence: { type: 'bigint', transformer: safeInteger, default: 0 },
    hash: { type: 'text', collation: 'C', default: '0'.repeat(64) },
  },
});

export const AuditCuts = new EntitySchema<AuditCutRow>({
  name: 'AuditCut',
  tableName: 'audit_cuts',
  columns: {
    tenantId: tenantId('audit_cuts_pkey'),
    sequence: sequence('audit_cuts_pkey'),
    hash: { type: 'text', collation: 'C' },
    cutAt: { type: 'timestamptz', precision: 3, name: 'cut_at', default: () => 'now()' },
  },
});

export const AuditCheckpointRows = new EntitySchema<AuditCheckpointRow>({
  name: 'AuditCheckpoint',
  tableName: 'audit_checkpoints',
  columns: {
    tenantId: tenantId('audit_checkpoints_pkey'),
    sequence: sequence('audit_checkpoints_pkey'),
    token: { type: 'text' },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
  },
});

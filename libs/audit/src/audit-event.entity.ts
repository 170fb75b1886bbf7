import { EntitySchema } from 'typeorm';

/** A row of `audit_events`. Never changed; removed only as part of a prefix, by retention. */
export interface AuditEventRow {
  tenantId: string;
  /** Dense per chain, from 1. */
  sequence: number;
  /** The act's id. */
  id: string;
  /** This and what follows to `occurredAt` are copies out of `canonical`, for filters. */
  action: string;
  actorId: string;
  /** Ids and names of what was done to. */
  targetIds: string[];
  occurredAt: Date;
  /** When the database took it in, by its own clock; retention goes by it. */
  recordedAt: Date;
  /** The event as RFC 8785 text: the bytes that were hashed. */
  canonical: string;
  /** Hex. Of the event before; 64 zeros for the first. */
  previousHash: string;
  hash: string;
}

/** Postgres answers bigint as text; a chain stays below 2^53. */
export const safeInteger = { to: (value: number): number => value, from: Number };
const primaryKeyConstraintName = 'audit_events_pkey';

export const AuditEvents = new EntitySchema<AuditEventRow>({
  name: 'AuditEvent',
  tableName: 'audit_events',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', primary: true, primaryKeyConstraintName },
    sequence: { type: 'bigint', primary: true, primaryKeyConstraintName, transformer: safeInteger },
    id: { type: 'text', collation: 'C' },
    action: { type: 'text', collation: 'C' },
    actorId: { type: 'text', collation: 'C', name: 'actor_id' },
    targetIds: { type: 'text', collation: 'C', name: 'target_ids', array: true },
    occurredAt: { type: 'timestamptz', precision: 3, name: 'occurred_at' },
    recordedAt: { type: 'timestamptz', precision: 3, name: 'recorded_at', default: () => 'now()' },
    canonical: { type: 'text' },
    previousHash: { type: 'text', collation: 'C', name: 'previous_hash' },
    hash: { type: 'text', collation: 'C' },
  },
  uniques: [{ name: 'audit_events_id_key', columns: ['tenantId', 'id'] }],
  indices: [
    { name: 'audit_events_action_idx', columns: ['tenantId', 'action', 'sequence'] },
    { name: 'audit_events_actor_idx', columns: ['tenantId', 'actorId', 'sequence'] },
    { name: 'audit_events_time_idx', columns: ['tenantId', 'occurredAt'] },
    // A GIN index; an entity cannot say so.
    { name: 'audit_events_targets_idx', columns: ['targetIds'], synchronize: false },
  ],
});

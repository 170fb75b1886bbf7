import { EntitySchema } from 'typeorm';
import type { Actor } from '#core';
import type { EventRecord, EventType, PublicCandidate } from '#election';

/** A row of `leadership_events`: one event of an election, as the engine told it. */
export interface LeadershipEventRow {
  tenantId: string;
  electionId: string;
  epoch: number;
  sequence: number;
  /** Of the change in the coordination store; with the epoch it orders events across elections. */
  revision: number;
  id: string;
  type: EventType;
  election: string;
  seat: number;
  term: number;
  fence: number;
  leader: PublicCandidate | null;
  previousLeader: PublicCandidate | null;
  reason: EventRecord['reason'] | null;
  handOverId: string | null;
  causedBy: Actor | null;
  occurredAt: Date;
  /** How many events before this one were never seen; 0 but after a loss. */
  missingBefore: number;
}

/** Postgres answers bigint as text; what is kept in them is below 2^53 by construction. */
export const safeInteger = {
  to: (value: number | null): number | null => value,
  from: (value: string | null): number | null => (value === null ? null : Number(value)),
};
const primaryKeyConstraintName = 'leadership_events_pkey';
const primary = { primary: true, primaryKeyConstraintName } as const;

export const LeadershipEvents = new EntitySchema<LeadershipEventRow>({
  name: 'LeadershipEvent',
  tableName: 'leadership_events',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', ...primary },
    electionId: { type: 'text', collation: 'C', name: 'election_id', ...primary },
    epoch: { type: 'integer', ...primary },
    sequence: { type: 'bigint', transformer: safeInteger, ...primary },
    revision: { type: 'bigint', transformer: safeInteger, default: 0 },
    id: { type: 'text', collation: 'C' },
    type: { type: 'text', collation: 'C' },
    election: { type: 'text', collation: 'C' },
    seat: { type: 'integer' },
    term: { type: 'bigint', transformer: safeInteger },
    fence: { type: 'bigint', transformer: safeInteger },
    leader: { type: 'jsonb', nullable: true },
    previousLeader: { type: 'jsonb', name: 'previous_leader', nullable: true },
    reason: { type: 'text', collation: 'C', nullable: true },
    handOverId: { type: 'text', collation: 'C', name: 'hand_over_id', nullable: true },
    causedBy: { type: 'jsonb', name: 'caused_by', nullable: true },
    occurredAt: { type: 'timestamptz', precision: 3, name: 'occurred_at' },
    missingBefore: { type: 'bigint', transformer: safeInteger, name: 'missing_before', default: 0 },
  },
  indices: [
    { name: 'leadership_events_revision_idx', columns: ['tenantId', 'epoch', 'revision'] },
    { name: 'leadership_events_time_idx', columns: ['tenantId', 'occurredAt'] },
  ],
});

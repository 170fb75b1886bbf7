import { EntitySchema } from 'typeorm';
import type { Actor } from '#core';
import type { EndReason, PublicCandidate } from '#election';
import { safeInteger } from './leadership-event.entity.js';

/** A row of `leadership_terms`: one term of a seat, from its start to its end. */
export interface LeadershipTermRow {
  tenantId: string;
  electionId: string;
  seat: number;
  /** Of the term's start. Of a term that nothing tells of, the smallest that it can have had. */
  epoch: number;
  term: number;
  fence: number;
  /** The election's. */
  name: string;
  leader: PublicCandidate | null;
  startedAt: Date | null;
  /** Null while the term runs, and where its end is not known. */
  endedAt: Date | null;
  reason: EndReason | null;
  /** Who ended it. */
  causedBy: Actor | null;
  /** How long nobody led before it; null before the first term and where it is not known. */
  vacancyMs: number | null;
  /** Events of this term were lost: it holds what could be proved, and null for the rest. */
  reconstructed: boolean;
  /** How many terms before this one were lost and have no row of their own: there are too many. */
  missingBefore: number;
}

const primaryKeyConstraintName = 'leadership_terms_pkey';
const primary = { primary: true, primaryKeyConstraintName } as const;

export const LeadershipTerms = new EntitySchema<LeadershipTermRow>({
  name: 'LeadershipTerm',
  tableName: 'leadership_terms',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', ...primary },
    electionId: { type: 'text', collation: 'C', name: 'election_id', ...primary },
    seat: { type: 'integer', ...primary },
    epoch: { type: 'integer', ...primary },
    term: { type: 'bigint', transformer: safeInteger, ...primary },
    fence: { type: 'bigint', transformer: safeInteger },
    name: { type: 'text', collation: 'C' },
    leader: { type: 'jsonb', nullable: true },
    startedAt: { type: 'timestamptz', precision: 3, name: 'started_at', nullable: true },
    endedAt: { type: 'timestamptz', precision: 3, name: 'ended_at', nullable: true },
    reason: { type: 'text', collation: 'C', nullable: true },
    causedBy: { type: 'jsonb', name: 'caused_by', nullable: true },
    vacancyMs: { type: 'bigint', transformer: safeInteger, name: 'vacancy_ms', nullable: true },
    reconstructed: { type: 'boolean', default: false },
    missingBefore: { type: 'bigint', transformer: safeInteger, name: 'missing_before', default: 0 },
  },
  indices: [
    { name: 'leadership_terms_fence_idx', columns: ['tenantId', 'electionId', 'fence', 'seat'] },
    { name: 'leadership_terms_time_idx', columns: ['tenantId', 'endedAt'] },
  ],
});

import { EntitySchema } from 'typeorm';
import { safeInteger } from './leadership-event.entity.js';

/** A row of `history_progress`: the last event of an election that is recorded. Outlives the event's own row. */
export interface ProgressRow {
  tenantId: string;
  electionId: string;
  epoch: number;
  sequence: number;
}

const primaryKeyConstraintName = 'history_progress_pkey';
const primary = { primary: true, primaryKeyConstraintName } as const;

export const HistoryProgress = new EntitySchema<ProgressRow>({
  name: 'HistoryProgress',
  tableName: 'history_progress',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', ...primary },
    electionId: { type: 'text', collation: 'C', name: 'election_id', ...primary },
    epoch: { type: 'integer' },
    sequence: { type: 'bigint', transformer: safeInteger },
  },
});

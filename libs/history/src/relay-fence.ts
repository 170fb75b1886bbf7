import { EntitySchema } from 'typeorm';
import type { EntityManager } from '#postgres';
import { safeInteger } from './leadership-event.entity.js';

/** The one row of `relay_fence`: the largest fence with which a relay has written. */
export interface RelayFenceRow {
  id: number;
  fence: number;
}

export const RelayFences = new EntitySchema<RelayFenceRow>({
  name: 'RelayFence',
  tableName: 'relay_fence',
  columns: {
    id: { type: 'integer', primary: true, primaryKeyConstraintName: 'relay_fence_pkey' },
    fence: { type: 'bigint', transformer: safeInteger },
  },
  checks: [{ name: 'relay_fence_one_check', expression: 'id = 1' }],
});

/** Thrown in the transaction of a relay that has a successor: nothing of it may be written. */
export class RelaySuperseded extends Error {
  constructor(fence: number) {
    super(`a relay with a larger fence than ${fence} has written`);
    this.name = 'RelaySuperseded';
  }
}

/**
 * A relay that stands still inside its transaction holds the lock below; after this the server ends its session, and
 * its successor goes on. Far more than a relay idles between two statements.
 */
const IDLE_IN_TRANSACTION_MS = 3_000;

/**
 * What the relay deletes from the coordination store rests on the answer to this transaction's commit, so the answer
 * must mean that it is on disk, whatever the server's default.
 */
const SETTINGS = `
  SELECT set_config('idle_in_transaction_session_timeout', $1, true),
         set_config('synchronous_commit', CASE current_setting('synchronous_commit')
           WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)`;

/** One statement, so that looking and locking are one. */
const TAKE = `
  WITH taken AS (UPDATE relay_fence SET fence = $1 WHERE fence <= $1 RETURNING 1)
  SELECT count(*)::int AS taken FROM taken`;

/**
 * Begins a transaction of the relay that leads with `fence`. The row stays locked until the transaction ends: relays
 * write one after the other, and none after its successor.
 * @throws RelaySuperseded
 */
export async function takeRelayFence(rows: EntityManager, fence: number): Promise<void> {
  await rows.query(SETTINGS, [String(IDLE_IN_TRANSACTION_MS)]);
  const [answer] = await rows.query<{ taken: number }[]>(TAKE, [fence]);
  if (answer?.taken !== 1) throw new RelaySuperseded(fence);
}

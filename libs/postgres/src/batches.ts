import type { Database } from './database.js';

/** Rows that leave in one statement: well within its time limit, cascades included. */
const BATCH = 1_000;
/** Statements of one run and one rule; the next run goes on. */
const MOST_BATCHES = 1_000;

/** Rows of one table that may go. Spelled by us: nothing of a request gets into the text. */
export interface RemovalRule {
  table: string;
  /** Which rows, in SQL; may use the parameters that `removeRows` is given as $1, $2, ... */
  where: string;
  /** The oldest first, where that matters. */
  orderBy?: string;
}

/**
 * Removes the rows of a rule in batches, each a statement of its own, so that no lock and no log record grows with
 * the number of rows. Answers how many went.
 * @param signal ends the run between two batches
 * @throws IncumbentError database.unavailable
 */
export async function removeRows(
  database: Database,
  { table, where, orderBy }: RemovalRule,
  parameters: readonly unknown[],
  signal?: AbortSignal,
): Promise<number> {
  const chosen = `SELECT ctid FROM ${table} WHERE ${where}${orderBy === undefined ? '' : ` ORDER BY ${orderBy}`}`;
  // A row that changes between choice and removal has moved and stays for the next run.
  const statement = `
    WITH gone AS (DELETE FROM ${table} WHERE ctid = ANY (ARRAY(${chosen} LIMIT ${BATCH})) RETURNING 1)
    SELECT count(*)::int AS removed FROM gone`;
  let total = 0;
  for (let batch = 0; batch < MOST_BATCHES && signal?.aborted !== true; batch++) {
    const answered = await database.run((rows) =>
      rows.query<{ removed: number }[]>(statement, [...parameters]),
    );
    const removed = answered[0]?.removed ?? 0;
    total += removed;
    if (removed < BATCH) break;
  }
  return total;
}

/** The tenants that have rows in a table whose index begins with tenant_id, without reading the rows. */
export async function tenantsIn(database: Database, table: string): Promise<string[]> {
  const found = await database.run((rows) =>
    rows.query<{ tenant_id: string }[]>(
      `WITH RECURSIVE of AS (
         (SELECT tenant_id FROM ${table} ORDER BY tenant_id LIMIT 1)
         UNION ALL
         SELECT (SELECT tenant_id FROM ${table} WHERE tenant_id > of.tenant_id ORDER BY tenant_id LIMIT 1)
           FROM of WHERE of.tenant_id IS NOT NULL)
       SELECT tenant_id FROM of WHERE tenant_id IS NOT NULL`,
    ),
  );
  return found.map((row) => row.tenant_id);
}

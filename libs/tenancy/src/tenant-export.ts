import type { Database } from '#postgres';
import { TENANT_TABLES, type TenantTable } from './tenant-tables.js';

/** Rows that are held at once; the largest, an attempt, has some 4 kB. */
const PAGE = 200;

/** Postgres answers bigint as text; every one of ours is below 2^53 by construction. */
const BIGINTS = new Set(['sequence', 'term', 'fence', 'vacancy_ms', 'missing_before']);

/** One row of an export. */
export interface ExportedRow {
  type: string;
  data: Record<string, unknown>;
}

/**
 * Everything that Postgres holds of a tenant, without secrets, in pages of rows, table by table. Each page is read by
 * itself: what changes meanwhile is shown as it was when its page was read.
 */
export class TenantExport {
  constructor(private readonly database: Database) {}

  /** @throws IncumbentError database.unavailable */
  async *pages(tenantId: string): AsyncGenerator<ExportedRow[]> {
    // Parents before children, as whoever reads it wants them.
    for (const table of TENANT_TABLES.toReversed()) {
      if (table.exportedAs !== undefined) yield* this.table(tenantId, table, table.exportedAs);
    }
  }

  private async *table(tenantId: string, table: TenantTable, type: string): AsyncGenerator<ExportedRow[]> {
    let after: unknown[] | undefined;
    for (;;) {
      const rows = await this.page(tenantId, table, after);
      if (rows.length > 0) yield rows.map((row) => ({ type, data: shown(row, table) }));
      const last = rows.at(-1);
      if (rows.length < PAGE || !last) return;
      after = table.key.map((_, index) => last[`key_${index}`]);
    }
  }

  private page(
    tenantId: string,
    { table, key, columns = [] }: TenantTable,
    after: unknown[] | undefined,
  ): Promise<Record<string, unknown>[]> {
    const marks = key.map((_, index) => `$${index + 2}`).join(', ');
    const beyond = after ? ` AND (${key.join(', ')}) > (${marks})` : '';
    const keys = key.map((column, index) => `${column} AS key_${index}`);
    return this.database.run((rows) =>
      rows.query<Record<string, unknown>[]>(
        `SELECT ${[...columns, ...keys].join(', ')} FROM ${table} WHERE tenant_id = $1${beyond}
          ORDER BY ${key.join(', ')} LIMIT ${PAGE}`,
        [tenantId, ...(after ?? [])],
      ),
    );
  }
}

function shown(row: Record<string, unknown>, { columns = [] }: TenantTable): Record<string, unknown> {
  return Object.fromEntries(
    columns
      .filter((column) => row[column] !== null)
      .map((column) => [camelCase(column), BIGINTS.has(column) ? Number(row[column]) : row[column]]),
  );
}

function camelCase(column: string): string {
  return column.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

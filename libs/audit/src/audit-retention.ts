import { type Clock, newAct } from '#core';
import type { ActLog, Database } from '#postgres';
import { PLATFORM_CHAIN } from './canonical.js';
import { CUT_ACTION } from './verify.js';

/** Events that leave in one transaction: it holds the chain, which appending waits for. */
const BATCH = 2_000;
/** Batches of one chain per run; what is left leaves with the next. */
const MOST_BATCHES = 500;

const SYSTEM = { actor: { type: 'system', id: 'audit-retention' }, context: {} } as const;

/**
 * Removes what is older than the retention, from the beginning of each chain. Where a chain begins after that is
 * on its record, with the hash of the last event that left, so that the rest can still be verified.
 */
export class AuditRetention {
  constructor(
    private readonly database: Database,
    private readonly acts: ActLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Answers how many events left. The database refuses less than 30 days.
   * @param signal ends the run between two batches
   * @throws IncumbentError database.unavailable
   */
  async run(keepDays: number, signal?: AbortSignal): Promise<number> {
    const chains = await this.database.run((rows) =>
      rows.query<{ tenant_id: string }[]>(
        `SELECT tenant_id FROM audit_chains AS chain WHERE EXISTS (
           SELECT FROM (SELECT recorded_at FROM audit_events WHERE tenant_id = chain.tenant_id
                         ORDER BY sequence LIMIT 1) AS first
            WHERE first.recorded_at < now() - make_interval(days => $1)) ORDER BY tenant_id`,
        [keepDays],
      ),
    );
    let removed = 0;
    for (const { tenant_id: tenantId } of chains) {
      for (let batch = 0; batch < MOST_BATCHES && signal?.aborted !== true; batch++) {
        const left = await this.cut(tenantId, keepDays);
        removed += left;
        if (left < BATCH) break;
      }
    }
    return removed;
  }

  private async cut(tenantId: string, keepDays: number): Promise<number> {
    return this.database.transaction(async (rows) => {
      const [cut] = await rows.query<{ cut_sequence: string; cut_hash: string; removed: string }[]>(
        'SELECT cut_sequence, cut_hash, removed FROM cut_audit_chain($1, $2, $3)',
        [tenantId, keepDays, BATCH],
      );
      if (!cut) return 0;
      const done = {
        tenantId: tenantId === PLATFORM_CHAIN ? null : tenantId,
        action: CUT_ACTION,
        targets: [{ type: 'audit_log' as const, id: tenantId }],
        metadata: {
          sequence: Number(cut.cut_sequence),
          hash: cut.cut_hash,
          removed: Number(cut.removed),
          keepDays,
        },
      };
      await this.acts.record(rows, [newAct(SYSTEM, done, this.clock)]);
      return Number(cut.removed);
    });
  }
}

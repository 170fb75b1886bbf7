import { type Database, type EntityManager } from '#postgres';
import { AuditChains, AuditCheckpointRows, AuditCuts } from './audit-chain.entity.js';
import { AuditEvents } from './audit-event.entity.js';
import type { ChainLink } from './canonical.js';
import type { StoredEvent } from './chain.js';
import { type Verdict, verifyChain } from './verify.js';

/** Rows per statement. */
const BATCH = 1_000;

/** What a checkpoint says of its chain. */
export type SeenHead = ChainLink & { tenant: string };

/** Says what the token of a checkpoint proves; undefined: nothing. */
export interface ReadCheckpoint {
  (token: string): Promise<SeenHead | undefined>;
}

export interface StoredVerdict extends Verdict {
  /** Checkpoints that are kept beside the chain and that none of the known keys signed. */
  unreadable: number;
}

/** Verifies chains as they are stored. */
export class AuditVerifier {
  constructor(
    private readonly database: Database,
    private readonly readCheckpoint: ReadCheckpoint,
  ) {}

  /**
   * Ids of all chains, the platform's among them; also of those of which only a part is left.
   * @throws IncumbentError database.unavailable
   */
  async chains(): Promise<string[]> {
    const found = await this.database.run((rows) => rows.query<{ tenant_id: string }[]>(EVERY_CHAIN));
    return found.map(({ tenant_id }) => tenant_id);
  }

  /**
   * Walks one chain, in one snapshot, so that what is appended meanwhile does not matter. It is compared with the
   * checkpoints that are kept beside it and with those of `seen` that speak of it.
   * @throws IncumbentError database.unavailable
   */
  async verify(tenantId: string, seen: readonly SeenHead[] = []): Promise<StoredVerdict> {
    return this.database.transaction(async (rows) => {
      await rows.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      const head = await rows.findOneBy(AuditChains, { tenantId });
      const cut = await rows.findOne(AuditCuts, { where: { tenantId }, order: { sequence: 'DESC' } });
      const stored = await rows.findBy(AuditCheckpointRows, { tenantId });
      const kept = await Promise.all(stored.map(({ token }) => this.readCheckpoint(token)));
      const readable = kept.filter((checkpoint) => checkpoint !== undefined);
      const checkpoints = [...readable, ...seen].filter(({ tenant }) => tenant === tenantId);
      const chain = { tenantId, head: head ?? undefined, cut: cut ?? undefined, checkpoints };
      const verdict = await verifyChain(chain, eventsOf(rows, tenantId));
      return { ...verdict, unreadable: kept.length - readable.length };
    });
  }
}

/** Skips from tenant to tenant through the index: as many steps as there are tenants, not events. */
const EVERY_CHAIN = `
  WITH RECURSIVE of_events AS (
    (SELECT tenant_id FROM audit_events ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT tenant_id FROM audit_events WHERE tenant_id > before.tenant_id ORDER BY tenant_id LIMIT 1)
      FROM of_events AS before WHERE before.tenant_id IS NOT NULL)
  SELECT tenant_id FROM of_events WHERE tenant_id IS NOT NULL
  UNION SELECT tenant_id FROM audit_chains
  UNION SELECT tenant_id FROM audit_cuts
  UNION SELECT tenant_id FROM audit_checkpoints
  ORDER BY tenant_id`;

async function* eventsOf(rows: EntityManager, tenantId: string): AsyncGenerator<StoredEvent> {
  for (let after: number | undefined = -1; after !== undefined;) {
    const batch: StoredEvent[] = await rows
      .createQueryBuilder(AuditEvents, 'event')
      .where('event.tenantId = :tenantId AND event.sequence > :after', { tenantId, after })
      .orderBy('event.sequence')
      .limit(BATCH)
      .getMany();
    yield* batch;
    after = batch.length === BATCH ? batch.at(-1)?.sequence : undefined;
  }
}

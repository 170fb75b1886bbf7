import { type Database, type EntityManager } from '#postgres';
import { AuditChains, AuditCheckpointRows, AuditCuts } from './audit-chain.entity.js';
import { AuditEvents } from './audit-event.entity.js';
import type { ChainLink } from './canonical.js';
import type { StoredEvent } from './chain.js';
import { type Verdict, verifyChain } from './verify.js';

/** Rows per statement. */
const BATCH = 1_000;

/** Says what a checkpoint's token proves: where which chain ended. Undefined: it proves nothing. */
export interface ReadCheckpoint {
  (token: string): Promise<(ChainLink & { tenant: string }) | undefined>;
}

/** Verifies chains as they are stored. */
export class AuditVerifier {
  constructor(
    private readonly database: Database,
    private readonly readCheckpoint: ReadCheckpoint,
  ) {}

  /** Ids of all chains, the platform's among them; also of those whose head is gone. @throws IncumbentError database.unavailable */
  async chains(): Promise<string[]> {
    const found = await this.database.run((rows) =>
      rows.query<{ tenant_id: string }[]>(
        `WITH RECURSIVE of_events AS (
           (SELECT tenant_id FROM audit_events ORDER BY tenant_id LIMIT 1)
           UNION ALL
           SELECT (SELECT tenant_id FROM audit_events WHERE tenant_id > before.tenant_id ORDER BY tenant_id LIMIT 1)
             FROM of_events AS before WHERE before.tenant_id IS NOT NULL)
         SELECT tenant_id FROM of_events WHERE tenant_id IS NOT NULL
         UNION SELECT tenant_id FROM audit_chains ORDER BY tenant_id`,
      ),
    );
    return found.map(({ tenant_id }) => tenant_id);
  }

  /**
   * Walks one chain, in one snapshot, so that what is appended meanwhile does not matter. Checkpoints that are kept
   * beside the chain are compared too, and so are those of `own` that speak of it.
   * @throws IncumbentError database.unavailable
   */
  async verify(tenantId: string, own: readonly (ChainLink & { tenant: string })[] = []): Promise<Verdict> {
    return this.database.transaction(async (rows) => {
      await rows.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      const head = await rows.findOneBy(AuditChains, { tenantId });
      const cut = await rows.findOne(AuditCuts, { where: { tenantId }, order: { sequence: 'DESC' } });
      const kept = await this.keptCheckpoints(rows, tenantId);
      const checkpoints = [...kept, ...own].filter(({ tenant }) => tenant === tenantId);
      const chain = { tenantId, head: head ?? undefined, cut: cut ?? undefined, checkpoints };
      return verifyChain(chain, eventsOf(rows, tenantId));
    });
  }

  private async keptCheckpoints(
    rows: EntityManager,
    tenantId: string,
  ): Promise<(ChainLink & { tenant: string })[]> {
    const stored = await rows.findBy(AuditCheckpointRows, { tenantId });
    const read = await Promise.all(stored.map(({ token }) => this.readCheckpoint(token)));
    return read.filter((checkpoint) => checkpoint !== undefined);
  }
}

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

import { type Clock, IncumbentError } from '#core';
import type { Database } from '#postgres';
import { z } from 'zod';
import { AuditChains } from './audit-chain.entity.js';
import { type ChainLink, NO_HASH } from './canonical.js';
import { inChain } from './reading.js';

/** `typ` of every checkpoint: no other statement under the same keys can be taken for one. */
export const CHECKPOINT_TYPE = 'incumbent-audit-checkpoint+jwt';

/** What a checkpoint says: at this moment the chain of this tenant ended here. */
export const checkpointSchema = z.object({
  /** `platform` for the chain of the platform. */
  tenant: z.string().min(1),
  sequence: z.number().int().nonnegative(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Seconds since the Unix epoch. */
  iat: z.number().int().nonnegative(),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;

/** Signs with the key that everybody finds in the JWKS; undefined while there is none. */
export interface CheckpointSigner {
  sign(type: string, claims: Record<string, unknown>): Promise<string | undefined>;
}

/** Chains per statement while heads are stored. */
const BATCH = 500;

/**
 * Signed heads of chains. Each is worth something to whoever keeps it elsewhere: no chain that differs from the
 * one it saw can pass for it.
 */
export class AuditCheckpoints {
  constructor(
    private readonly database: Database,
    private readonly signer: CheckpointSigner,
    private readonly clock: Clock,
  ) {}

  /**
   * The head of a chain as it is now, signed. A chain without events has sequence 0.
   * @throws IncumbentError database.unavailable, also while no signing key is loaded
   */
  async current(tenantId: string): Promise<Checkpoint & { token: string }> {
    const head = await inChain(this.database, tenantId, (rows) => rows.findOneBy(AuditChains, { tenantId }));
    const claims = this.claimsOf(tenantId, head ?? { sequence: 0, hash: NO_HASH });
    return { ...claims, token: await this.sign(claims) };
  }

  /**
   * Signs and keeps the head of every chain that has moved since it was kept last. Answers how many that were.
   * Kept beside the chain they only protect it from those who do not have MASTER_KEY.
   * @throws IncumbentError database.unavailable, also while no signing key is loaded
   */
  async storeAll(): Promise<number> {
    let stored = 0;
    for (let after: string | undefined = ''; after !== undefined;) {
      const moved: { tenantId: string; sequence: string; hash: string }[] = await this.moved(after);
      const tokens = [];
      for (const { tenantId, sequence, hash } of moved) {
        const claims = this.claimsOf(tenantId, { sequence: Number(sequence), hash });
        tokens.push({ tenantId, sequence, token: await this.sign(claims) });
      }
      await this.store(tokens);
      stored += tokens.length;
      after = moved.length === BATCH ? moved.at(-1)?.tenantId : undefined;
    }
    return stored;
  }

  private moved(after: string): Promise<{ tenantId: string; sequence: string; hash: string }[]> {
    return this.database.run((rows) =>
      rows.query(
        `SELECT chain.tenant_id AS "tenantId", chain.sequence, chain.hash FROM audit_chains AS chain
           LEFT JOIN LATERAL (SELECT sequence FROM audit_checkpoints WHERE tenant_id = chain.tenant_id
                               ORDER BY sequence DESC LIMIT 1) AS kept ON true
          WHERE chain.tenant_id > $1 AND chain.sequence > coalesce(kept.sequence, 0)
          ORDER BY chain.tenant_id LIMIT ${BATCH}`,
        [after],
      ),
    );
  }

  private async store(tokens: readonly object[]): Promise<void> {
    if (tokens.length === 0) return;
    await this.database.run((rows) =>
      rows.query(
        `INSERT INTO audit_checkpoints (tenant_id, sequence, token)
         SELECT kept.* FROM jsonb_to_recordset($1::jsonb) AS kept ("tenantId" text, sequence bigint, token text)
         ON CONFLICT (tenant_id, sequence) DO NOTHING`,
        [JSON.stringify(tokens)],
      ),
    );
  }

  private claimsOf(tenant: string, { sequence, hash }: ChainLink): Checkpoint {
    return { tenant, sequence, hash, iat: Math.floor(this.clock.wallTimeMs() / 1_000) };
  }

  private async sign(claims: Checkpoint): Promise<string> {
    const token = await this.signer.sign(CHECKPOINT_TYPE, { ...claims });
    if (token !== undefined) return token;
    throw new IncumbentError(
      'database.unavailable',
      'The signing keys are not loaded yet. Try again shortly.',
      {
        retryAfterMs: 1_000,
      },
    );
  }
}

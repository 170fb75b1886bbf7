import type { Database } from '#postgres';
import type { FencingClaims } from './claims.js';
import { FencingTokenLedger, type FencingTokenRow } from './fencing-token.entity.js';

/** The ledger's line for a token that was issued. */
export function ledgerRow(claims: FencingClaims, kid: string): FencingTokenRow {
  return {
    tenantId: claims.tenant,
    jti: claims.jti,
    election: claims.election,
    seat: claims.seat,
    epoch: claims.epoch,
    term: claims.term,
    fence: claims.fence,
    candidate: claims.sub,
    kid,
    issuedAt: new Date(claims.iat * 1000),
    expiresAt: new Date(claims.exp * 1000),
  };
}

/**
 * Which fencing tokens were issued, kept in Postgres. It is written after the fact and best effort: when Redis is
 * away for long, entries are lost (and counted). It proves what it holds, never that something was not issued.
 */
export class TokenLedger {
  constructor(private readonly database: Database) {}

  /**
   * Writes the entries that are not there yet; repeating it is harmless. Answers how many were new.
   * @throws IncumbentError database.unavailable
   */
  async write(entries: readonly FencingTokenRow[]): Promise<number> {
    if (entries.length === 0) return 0;
    return this.database.run(async (rows) => {
      const inserted = await rows
        .createQueryBuilder()
        .insert()
        .into(FencingTokenLedger)
        .values([...entries])
        .orIgnore()
        .returning('jti')
        .execute();
      return (inserted.raw as unknown[]).length;
    });
  }
}

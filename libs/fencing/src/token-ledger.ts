import { z } from 'zod';
import { toTimestamp } from '#core';
import type { Database } from '#postgres';
import type { FencingClaims } from './claims.js';
import { FencingTokenLedger } from './fencing-token.entity.js';

const time = z.iso.datetime({ precision: 3 });

/** A line of the ledger as it travels: JSON, times in RFC 3339. */
export const ledgerEntrySchema = z.object({
  tenantId: z.string(),
  jti: z.string(),
  election: z.string(),
  seat: z.number().int(),
  epoch: z.number().int(),
  term: z.number().int(),
  fence: z.number().int(),
  candidate: z.string(),
  kid: z.string(),
  issuedAt: time,
  expiresAt: time,
});
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>;

/** The ledger's line for a token that was issued. */
export function ledgerEntryOf(claims: FencingClaims, kid: string): LedgerEntry {
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
    issuedAt: toTimestamp(claims.iat * 1000),
    expiresAt: toTimestamp(claims.exp * 1000),
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
  async write(entries: readonly LedgerEntry[]): Promise<number> {
    if (entries.length === 0) return 0;
    const values = entries.map((entry) => ({
      ...entry,
      issuedAt: new Date(entry.issuedAt),
      expiresAt: new Date(entry.expiresAt),
    }));
    return this.database.run(async (rows) => {
      const inserted = await rows
        .createQueryBuilder()
        .insert()
        .into(FencingTokenLedger)
        .values(values)
        .orIgnore()
        .returning('jti')
        .updateEntity(false)
        .execute();
      return (inserted.raw as unknown[]).length;
    });
  }
}

import type { Database, EntityManager } from '#postgres';
import { PLATFORM_CHAIN } from './canonical.js';

/** Reads of one chain: a tenant's as that tenant, whoever asks, so that no query can reach into another's. */
export function inChain<T>(
  database: Database,
  tenantId: string,
  work: (rows: EntityManager) => Promise<T>,
): Promise<T> {
  return tenantId === PLATFORM_CHAIN ? database.transaction(work) : database.forTenant(tenantId, work);
}

import type { Act } from '#core';
import type { EntityManager } from 'typeorm';

/**
 * Puts acts on record, in the transaction of their effect: both happen or neither does. Implemented by libs/audit;
 * the libraries beside it that change rows are given one. Call it last in a transaction: it takes the lock of the
 * tenant's chain, which every other act of the tenant waits for.
 */
export interface ActLog {
  record(rows: EntityManager, acts: readonly Act[]): Promise<void>;
}

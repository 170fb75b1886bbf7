import { badCursor } from '#core';
import type { Database } from '#postgres';
import { AuditEvents, type AuditEventRow } from './audit-event.entity.js';
import { AuditChains } from './audit-chain.entity.js';
import type { AuditRecord } from './canonical.js';
import { inChain } from './reading.js';

/** Which events are wanted; each narrows. */
export interface AuditFilter {
  action?: string | undefined;
  /** The actor's id. */
  actor?: string | undefined;
  /** Id or name of something that was done to. */
  target?: string | undefined;
  /** Occurred at this time or later. */
  from?: Date | undefined;
  /** Occurred before this time. */
  to?: Date | undefined;
}

export type AuditOrder = 'newest' | 'oldest';

export interface AuditPageRequest {
  limit: number;
  cursor?: string | undefined;
  order: AuditOrder;
}

/** An event as people may see it: just what was hashed, and the two hashes. */
export type AuditEvent = AuditRecord & { previousHash: string; hash: string };

/** Rows per statement of an export; bounds its memory together with the reader's own pace. */
const EXPORT_BATCH = 500;

/** Reads chains, in the order of their record. What is shown is read from the bytes that were hashed. */
export class AuditReader {
  constructor(private readonly database: Database) {}

  /** @throws IncumbentError request.invalid_query, database.unavailable */
  async list(
    tenantId: string,
    filter: AuditFilter,
    page: AuditPageRequest,
  ): Promise<{ data: AuditEvent[]; nextCursor?: string }> {
    const after = page.cursor === undefined ? undefined : sequenceOf(page.cursor);
    const found = await this.find(tenantId, filter, { order: page.order, after, limit: page.limit + 1 });
    const data = found.slice(0, page.limit);
    const last = data.at(-1);
    const more = found.length > page.limit && last !== undefined;
    return { data: data.map(show), ...(more && { nextCursor: cursorOf(last.sequence) }) };
  }

  /**
   * Everything that was recorded until this call, oldest first, a batch at a time and no faster than it is read.
   * Each batch is a transaction of its own: a slow reader holds nothing. What retention removes meanwhile is not told.
   * @throws IncumbentError database.unavailable
   */
  async *export(tenantId: string, filter: AuditFilter): AsyncGenerator<AuditEvent[]> {
    const head = await inChain(this.database, tenantId, (rows) => rows.findOneBy(AuditChains, { tenantId }));
    const upTo = head?.sequence ?? 0;
    for (let after = 0; after < upTo;) {
      const range = { order: 'oldest' as const, after, upTo, limit: EXPORT_BATCH };
      const found = await this.find(tenantId, filter, range);
      yield found.map(show);
      after = found.length < EXPORT_BATCH ? upTo : (found.at(-1)?.sequence ?? upTo);
    }
  }

  /** Whether anything was ever recorded of it. @throws IncumbentError database.unavailable */
  async hasBegun(tenantId: string): Promise<boolean> {
    return inChain(this.database, tenantId, (rows) => rows.existsBy(AuditChains, { tenantId }));
  }

  private find(tenantId: string, filter: AuditFilter, range: Range): Promise<AuditEventRow[]> {
    const { action, actor, target, from, to } = filter;
    const { order, after, upTo, limit } = range;
    return inChain(this.database, tenantId, (rows) => {
      const query = rows
        .createQueryBuilder(AuditEvents, 'event')
        .where('event.tenantId = :tenantId', { tenantId });
      if (action !== undefined) query.andWhere('event.action = :action', { action });
      if (actor !== undefined) query.andWhere('event.actorId = :actor', { actor });
      if (target !== undefined) query.andWhere('event.targetIds @> ARRAY[:target]::text[]', { target });
      if (from !== undefined) query.andWhere('event.occurredAt >= :from', { from });
      if (to !== undefined) query.andWhere('event.occurredAt < :to', { to });
      if (upTo !== undefined) query.andWhere('event.sequence <= :upTo', { upTo });
      if (after !== undefined)
        query.andWhere(`event.sequence ${order === 'newest' ? '<' : '>'} :after`, { after });
      return query
        .orderBy('event.sequence', order === 'newest' ? 'DESC' : 'ASC')
        .limit(limit)
        .getMany();
    });
  }
}

interface Range {
  order: AuditOrder;
  after?: number | undefined;
  upTo?: number;
  limit: number;
}

function show(row: AuditEventRow): AuditEvent {
  const { canonical, previousHash, hash } = row;
  return { ...(JSON.parse(canonical) as AuditRecord), previousHash, hash };
}

function cursorOf(sequence: number): string {
  return Buffer.from(`audit ${sequence}`).toString('base64url');
}

/** @throws IncumbentError request.invalid_query for anything that `cursorOf` did not make */
function sequenceOf(cursor: string): number {
  const match = /^audit (\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match) return Number(match[1]);
  throw badCursor();
}

import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';
import { type AuditFilter, type AuditReader, PLATFORM_CHAIN } from '#audit';
import { type Caused, type Clock, IncumbentError, newAct, type Timer } from '#core';
import type { ActLog, Database, EntityManager } from '#postgres';
import type { Drain } from '../http/drain.js';

export const NDJSON = 'application/x-ndjson';
/** A reader that takes nothing for so long is cut off. */
const STALLED_AFTER_MS = 30_000;

/** Of one chain and replica: each reads the database as fast as it can. */
const MOST_AT_ONCE = 4;

/**
 * Streams chains, a batch at a time and as fast as it is read: memory is bounded by one batch, and nothing of the
 * database is held in between. That a chain was exported is on its record before the first line leaves.
 */
export class AuditExport {
  private readonly open = new Map<string, number>();

  constructor(
    private readonly database: Database,
    private readonly acts: ActLog,
    private readonly reader: AuditReader,
    private readonly drain: Drain,
    private readonly clock: Clock,
  ) {}

  /** @throws IncumbentError limit.quota_exceeded, database.unavailable */
  async begin(tenantId: string, filter: AuditFilter, caused: Caused): Promise<StreamableFile> {
    const release = this.reserve(tenantId);
    try {
      await this.record(tenantId, filter, caused);
    } catch (error) {
      release();
      throw error;
    }
    // One batch ahead of the reader, not the sixteen that streams of objects keep by default.
    const lines = Readable.from(
      this.lines(tenantId, filter, () => lines.destroy()),
      { highWaterMark: 1 },
    );
    const disown = this.drain.own({ end: () => lines.destroy(new Error('the replica is stopping')) });
    lines.once('close', () => {
      disown();
      release();
    });
    return new StreamableFile(lines, { type: NDJSON });
  }

  private reserve(tenantId: string): () => void {
    const open = this.open.get(tenantId) ?? 0;
    if (open >= MOST_AT_ONCE) {
      throw new IncumbentError('limit.quota_exceeded', 'Wait until an export of this record has ended.', {
        limit: { name: 'auditExportsPerReplica', value: MOST_AT_ONCE },
        executed: false,
      });
    }
    this.open.set(tenantId, open + 1);
    return () => {
      const left = (this.open.get(tenantId) ?? 1) - 1;
      if (left > 0) this.open.set(tenantId, left);
      else this.open.delete(tenantId);
    };
  }

  /** A tenant's chain begins with the tenant. One that has not begun is nobody's, and a look at it must not begin it. */
  private async record(tenantId: string, filter: AuditFilter, caused: Caused): Promise<void> {
    const targets = [{ type: 'audit_log' as const, id: tenantId }];
    const done = { action: 'audit_log.exported', targets, metadata: { filter } };
    const isPlatform = tenantId === PLATFORM_CHAIN;
    if (!isPlatform && !(await this.reader.hasBegun(tenantId))) return;
    const act = newAct(caused, { ...done, tenantId: isPlatform ? null : tenantId }, this.clock);
    const write = (rows: EntityManager): Promise<void> => this.acts.record(rows, [act]);
    await (isPlatform ? this.database.transaction(write) : this.database.forTenant(tenantId, write));
  }

  private async *lines(tenantId: string, filter: AuditFilter, cut: () => void): AsyncGenerator<string> {
    let watchdog: Timer | undefined;
    try {
      for await (const batch of this.reader.export(tenantId, filter)) {
        watchdog = this.clock.after(STALLED_AFTER_MS, cut);
        if (batch.length > 0) yield batch.map((event) => `${JSON.stringify(event)}\n`).join('');
        watchdog.cancel();
      }
    } finally {
      watchdog?.cancel();
    }
  }
}

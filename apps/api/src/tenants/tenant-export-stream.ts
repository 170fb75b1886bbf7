import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';
import { type Caused, type Clock, IncumbentError, newAct, type Timer } from '#core';
import type { ActLog, Database } from '#postgres';
import type { Tenant, TenantExport } from '#tenancy';
import { NDJSON } from '../audit/audit-export.js';
import type { Drain } from '../http/drain.js';
import { showTenant } from './presentation.js';

/** A reader that takes nothing for so long is cut off. */
const STALLED_AFTER_MS = 30_000;
/** Of one replica: each reads the database as fast as it can. */
const MOST_AT_ONCE = 2;

export interface TenantExportParts {
  database: Database;
  acts: ActLog;
  drain: Drain;
  clock: Clock;
}

/**
 * Streams everything of a tenant as lines of JSON, as fast as they are read: memory is bounded by one page of rows,
 * and nothing of the database is held in between. The last line says how many came before it, so that an export that
 * was cut off shows. That there was one is on the tenant's record before the first line leaves.
 */
export class TenantExportStream {
  private open = 0;

  constructor(
    private readonly source: TenantExport,
    private readonly parts: TenantExportParts,
  ) {}

  /** @throws IncumbentError limit.quota_exceeded, database.unavailable */
  async begin(tenant: Tenant, caused: Caused): Promise<StreamableFile> {
    if (this.open >= MOST_AT_ONCE) {
      throw new IncumbentError('limit.quota_exceeded', 'Wait until an export on this replica has ended.', {
        limit: { name: 'tenantExportsPerReplica', value: MOST_AT_ONCE },
        executed: false,
      });
    }
    this.open += 1;
    try {
      await this.record(tenant, caused);
    } catch (error) {
      this.open -= 1;
      throw error;
    }
    // One page ahead of the reader, not the sixteen that streams of objects keep by default.
    const lines: Readable = Readable.from(
      this.lines(tenant, () => lines.destroy()),
      { highWaterMark: 1 },
    );
    const disown = this.parts.drain.own({ end: () => lines.destroy(new Error('the replica is stopping')) });
    lines.once('close', () => {
      disown();
      this.open -= 1;
    });
    return new StreamableFile(lines, { type: NDJSON });
  }

  private async record(tenant: Tenant, caused: Caused): Promise<void> {
    const { database, acts, clock } = this.parts;
    const targets = [{ type: 'tenant' as const, id: tenant.id, name: tenant.name }];
    const done = { tenantId: tenant.id, action: 'tenant.exported', targets };
    await database.transaction((rows) =>
      acts.record(rows, [newAct(caused, { ...done, metadata: {} }, clock)]),
    );
  }

  private async *lines(tenant: Tenant, cut: () => void): AsyncGenerator<string> {
    let watchdog: Timer | undefined;
    let rows = 0;
    try {
      yield line({ type: 'tenant', data: showTenant(tenant) });
      for await (const page of this.source.pages(tenant.id)) {
        rows += page.length;
        watchdog = this.parts.clock.after(STALLED_AFTER_MS, cut);
        yield page.map(line).join('');
        watchdog.cancel();
      }
      yield line({ type: 'end', data: { rows } });
    } finally {
      watchdog?.cancel();
    }
  }
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

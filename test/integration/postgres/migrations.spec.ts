import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { AUDIT_ENTITIES } from '#audit';
import { FENCING_ENTITIES } from '#fencing';
import { HISTORY_ENTITIES } from '#history';
import { migrateDown, migrateUp } from '#postgres';
import { TENANCY_ENTITIES } from '#tenancy';
import { WEBHOOK_ENTITIES } from '#webhooks';
import { MIGRATIONS } from '../../../migrations/index.js';
import { type FreshDatabase, freshDatabase } from './fresh-database.js';

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await freshDatabase({ migrated: false });
});
afterEach(() => fresh.drop());

const tables = async (): Promise<string[]> =>
  (
    await fresh.ask<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    )
  ).map((row) => row.name);

describe('migrations', () => {
  it('run once each, also when several deployments start at the same moment', async () => {
    const runs = await Promise.all([1, 2, 3].map(() => migrateUp({ url: fresh.url })));
    expect(runs.flat().sort()).toEqual(MIGRATIONS.map((migration) => migration.name).sort());
    expect(await migrateUp({ url: fresh.url })).toEqual([]);
  });

  it('can be taken back completely and run again', async () => {
    await migrateUp({ url: fresh.url });
    const before = await tables();
    await migrateDown({ url: fresh.url, steps: MIGRATIONS.length });
    expect(await tables()).toEqual(['migrations']);
    await migrateUp({ url: fresh.url });
    expect(await tables()).toEqual(before);
  });

  it('make exactly the tables that the entities describe', async () => {
    await migrateUp({ url: fresh.url });
    const source = new DataSource({
      type: 'postgres',
      url: fresh.url,
      entities: [
        ...TENANCY_ENTITIES,
        ...FENCING_ENTITIES,
        ...HISTORY_ENTITIES,
        ...AUDIT_ENTITIES,
        ...WEBHOOK_ENTITIES,
      ],
      installExtensions: false,
    });
    await source.initialize();
    try {
      const { upQueries } = await source.driver.createSchemaBuilder().log();
      expect(upQueries.map((query) => query.query)).toEqual([]);
    } finally {
      await source.destroy();
    }
  });

  it('wait for a database that is not up yet, and say so when it does not come', async () => {
    const nowhere = Object.assign(new URL(fresh.url), { port: '1' }).href;
    await expect(migrateUp({ url: nowhere, waitMs: 300 })).rejects.toThrow(/ECONNREFUSED/);
  });

  it('lead every table of tenants with the tenant in its keys and indexes', async () => {
    await migrateUp({ url: fresh.url });
    const rows = await fresh.ask<{ indexname: string; indexdef: string }>(
      `SELECT indexname, indexdef FROM pg_indexes i WHERE schemaname = 'public' AND EXISTS (
         SELECT FROM information_schema.columns c
          WHERE c.table_schema = 'public' AND c.table_name = i.tablename AND c.column_name = 'tenant_id')`,
    );
    const strays = rows.filter((row) => !/\(tenant_id[,)]/.test(row.indexdef)).map((row) => row.indexname);
    expect(strays.sort()).toEqual([
      // Searched by elements of a list, which an index of its kind alone can; the tenant is compared after it.
      'audit_events_targets_idx',
      // Retention goes by age across all tenants.
      'fencing_tokens_expiry_idx',
      'idempotent_requests_age_idx',
      'webhook_messages_age_idx',
    ]);
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrateDown, migrateUp } from '#postgres';
import { MIGRATIONS } from '../../../migrations/index.js';
import { type FreshDatabase, freshDatabase } from './fresh-database.js';

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await freshDatabase();
});
afterEach(() => fresh.drop());

/** Takes back the newest migrations, that of administration included. */
const takeBack = (): Promise<void> => {
  const at = MIGRATIONS.findIndex((migration) => migration.name.startsWith('CreateAdmin'));
  return migrateDown({ url: fresh.url, steps: MIGRATIONS.length - at });
};
const tenants = (): Promise<object[]> => fresh.ask('SELECT id, status FROM tenants ORDER BY id COLLATE "C"');

describe('the migration of administration', () => {
  it('gives tenants that were deleted before a grace period from now, with their keys as they were', async () => {
    await takeBack();
    await fresh.ask(`
      INSERT INTO tenants (id, name, status)
      VALUES ('ten_active', 'a', 'active'), ('ten_gone', 'g', 'deleted'), ('ten_off', 's', 'suspended')`);
    await fresh.ask(`
      INSERT INTO api_keys (tenant_id, id, name, hash, scopes, revoked_at)
      VALUES ('ten_gone', 'key_1', 'x', 'h', '{}', '2026-01-01')`);
    await migrateUp({ url: fresh.url });
    expect(await tenants()).toEqual([
      { id: 'ten_active', status: 'active' },
      { id: 'ten_gone', status: 'deleting' },
      { id: 'ten_off', status: 'suspended' },
    ]);
    const [gone] = await fresh.ask<{ days: number }>(
      "SELECT extract(epoch FROM purge_after - now()) / 86400 AS days FROM tenants WHERE id = 'ten_gone'",
    );
    expect(Number(gone?.days)).toBeCloseTo(7, 2);
    expect(await fresh.ask('SELECT id FROM api_keys WHERE revoked_at IS NULL')).toEqual([]);
  });

  it('taken back leaves a tenant that is being deleted deleted, and its keys revoked', async () => {
    await fresh.ask(`
      INSERT INTO tenants (id, name, status, status_before, purge_after)
      VALUES ('ten_active', 'a', 'active', NULL, NULL), ('ten_going', 'g', 'deleting', 'active', now()),
             ('ten_gone', 'x', 'deleted', NULL, NULL)`);
    await fresh.ask(`
      INSERT INTO api_keys (tenant_id, id, name, hash, scopes)
      VALUES ('ten_going', 'key_1', 'x', 'h', '{}'), ('ten_active', 'key_2', 'x', 'h', '{}')`);
    await fresh.ask(
      "INSERT INTO admin_tokens (id, name, hash, role, created_by) VALUES ('adm_1', 'x', 'h', 'full', 'e')",
    );
    await takeBack();
    expect(await tenants()).toEqual([
      { id: 'ten_active', status: 'active' },
      { id: 'ten_going', status: 'deleted' },
      { id: 'ten_gone', status: 'deleted' },
    ]);
    expect(await fresh.ask('SELECT id FROM api_keys WHERE revoked_at IS NULL')).toEqual([{ id: 'key_2' }]);
    await migrateUp({ url: fresh.url });
    expect(await fresh.ask('SELECT 1 FROM admin_tokens')).toEqual([]);
    expect(await tenants()).toContainEqual({ id: 'ten_going', status: 'deleting' });
  });
});

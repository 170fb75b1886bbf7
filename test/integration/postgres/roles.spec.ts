import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '#postgres';
import { connectedDatabase, type FreshDatabase, freshDatabase } from './fresh-database.js';

let fresh: FreshDatabase;
let database: Database;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = await connectedDatabase(fresh.url);
  for (const id of ['ten_a', 'ten_b']) {
    await fresh.ask(
      `INSERT INTO tenants (id, name, max_elections, max_candidates_per_election, max_api_keys)
       VALUES ($1, 'same name', 1, 1, 1)`,
      [id],
    );
    await fresh.ask(
      `INSERT INTO elections (tenant_id, id, name, settings) VALUES ($1, 'elc_' || $1, 'same', '{}')`,
      [id],
    );
  }
});
afterAll(async () => {
  await database.close();
  await fresh.drop();
});

const count = (tenantId: string, statement: string): Promise<number> =>
  database.forTenant(tenantId, async (rows) => (await rows.query<unknown[]>(statement)).length);

describe('roles', () => {
  it('let nothing run as the owner of a table, whoever logged in', async () => {
    const owners = await database.run((rows) =>
      rows.query<{ owner: string; me: string }[]>(
        "SELECT DISTINCT tableowner AS owner, current_user AS me FROM pg_tables WHERE schemaname = 'public'",
      ),
    );
    expect(owners.map(({ me }) => me)).toEqual(['incumbent_service']);
    expect(owners.map(({ owner }) => owner)).not.toContain('incumbent_service');
  });

  it('show a tenant its own rows alone, although the query names no tenant', async () => {
    expect(await count('ten_a', 'SELECT 1 FROM elections')).toBe(1);
    expect(await count('ten_a', 'SELECT 1 FROM tenants')).toBe(1);
    expect(await count('ten_none', 'SELECT 1 FROM elections')).toBe(0);
    expect(await count('', 'SELECT 1 FROM elections')).toBe(0);
  });

  it('let a tenant change and remove nothing of another', async () => {
    const update = "UPDATE elections SET name = 'taken' WHERE tenant_id = 'ten_b' RETURNING 1";
    expect(await count('ten_a', `WITH changed AS (${update}) SELECT * FROM changed`)).toBe(0);
    await database.forTenant('ten_a', (rows) =>
      rows.query("DELETE FROM elections WHERE tenant_id = 'ten_b'"),
    );
    expect(await fresh.ask("SELECT name FROM elections WHERE tenant_id = 'ten_b'")).toEqual([
      { name: 'same' },
    ]);
    const insert =
      "INSERT INTO elections (tenant_id, id, name, settings) VALUES ('ten_b', 'elc_x', 'x', '{}')";
    await expect(count('ten_a', insert)).rejects.toThrow(/row-level security/);
  });

  it('keep from a tenant what is no tenant’s: signing keys and migrations', async () => {
    for (const table of ['signing_keys', 'migrations'])
      await expect(count('ten_a', `SELECT 1 FROM ${table}`)).rejects.toThrow(/permission denied/);
  });

  it('leave nothing of a tenant on the connection that the next borrower gets', async () => {
    await count('ten_a', 'SELECT 1');
    const roles = await Promise.all(
      Array.from({ length: 20 }, () =>
        database.run((rows) =>
          rows.query<{ me: string; tenant: string | null }[]>(
            "SELECT current_user AS me, nullif(current_setting('app.tenant', true), '') AS tenant",
          ),
        ),
      ),
    );
    expect(new Set(roles.flat().map(({ me }) => me))).toEqual(new Set(['incumbent_service']));
    expect(new Set(roles.flat().map(({ tenant }) => tenant))).toEqual(new Set([null]));
  });

  it('leave a tenant no way around the fences: no open relation, no borrowed function, no power of its own', async () => {
    const open = await fresh.ask(`
      SELECT c.relname FROM pg_class c
       WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relnamespace = 'public'::regnamespace
         AND NOT c.relrowsecurity
         AND (c.relkind <> 'S' AND has_table_privilege('incumbent_tenant', c.oid, 'SELECT, INSERT, UPDATE, DELETE')
              OR c.relkind = 'S' AND has_sequence_privilege('incumbent_tenant', c.oid, 'USAGE, SELECT, UPDATE'))`);
    const borrowed = await fresh.ask(`
      SELECT p.proname FROM pg_proc p
       WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
         AND has_function_privilege('incumbent_tenant', p.oid, 'EXECUTE')`);
    const powers = await fresh.ask(`
      SELECT rolname FROM pg_roles WHERE rolname IN ('incumbent_tenant', 'incumbent_service')
         AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolcanlogin)`);
    expect([open, borrowed, powers]).toEqual([[], [], []]);
  });

  it('fence every table that has a tenant_id', async () => {
    const open = await fresh.ask(`
      SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
       WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND NOT c.relrowsecurity`);
    expect(open).toEqual([]);
  });
});

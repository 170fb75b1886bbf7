import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditLog } from '#audit';
import { systemClock } from '#core';
import { type ExportedRow, TENANT_TABLES, TenantExport, TenantPurge } from '#tenancy';
import { BY, type Scene, codeOf, newScene } from './scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await newScene();
});
afterAll(() => scene.end());

const SECRET = 'not-to-be-seen';

/** A tenant with a row in every table, and more than a page of some. */
async function fullTenant(name: string): Promise<string> {
  const { tenants, apiKeys, fresh } = scene;
  const { id } = await tenants.create({ name }, BY);
  for (let at = 0; at < 3; at++) await apiKeys.create(id, { name: `key ${at}` }, BY);
  const statements = [
    "INSERT INTO elections (tenant_id, id, name, settings) VALUES ($1, 'elc_a', 'billing', '{\"ttlMs\": 1000}')",
    `INSERT INTO webhook_endpoints (tenant_id, id, url, events, elections, headers)
       VALUES ($1, 'whe_a', 'https://example.org', '{}', '{}', '{"authorization": "${SECRET}"}')`,
    `INSERT INTO webhook_secrets (tenant_id, endpoint_id, id, sealed_secret, kind)
       VALUES ($1, 'whe_a', 'sec_a', '${SECRET}', 'v1')`,
    `INSERT INTO webhook_messages (tenant_id, id, election_id, election, epoch, sequence, type, payload, occurred_at)
       VALUES ($1, 'evt_a', 'elc_a', 'billing', 0, 1, 'leadership.acquired', '{"term": 1}', now())`,
    `INSERT INTO webhook_deliveries (tenant_id, id, endpoint_id, message_id, election_id, place, due_at)
       VALUES ($1, 'dlv_a', 'whe_a', 'evt_a', 'elc_a', 1, now())`,
    `INSERT INTO webhook_attempts (tenant_id, delivery_id, number, started_at, duration_ms, status, response_body)
       VALUES ($1, 'dlv_a', 1, now(), 7, 200, 'thanks')`,
    `INSERT INTO leadership_terms (tenant_id, election_id, seat, epoch, term, fence, name, started_at)
       SELECT $1, 'elc_a', 0, 0, n, n, 'billing', now() FROM generate_series(1, 450) AS n`,
    `INSERT INTO leadership_events (tenant_id, election_id, epoch, sequence, id, type, election, seat, term, fence,
       occurred_at) VALUES ($1, 'elc_a', 0, 1, 'evt_a', 'leadership.acquired', 'billing', 0, 1, 4294967297, now())`,
    "INSERT INTO history_progress (tenant_id, election_id, epoch, sequence) VALUES ($1, 'elc_a', 0, 1)",
    `INSERT INTO fencing_tokens (tenant_id, jti, election, seat, epoch, term, fence, candidate, kid, issued_at,
       expires_at) VALUES ($1, 'tok_a', 'billing', 0, 0, 1, 1, 'me', 'kid', now(), now())`,
    `INSERT INTO idempotent_requests (tenant_id, operation, key, fingerprint, request_id, body, lapses_at, created_at)
       VALUES ($1, 'createApiKey', 'k', 'f', 'req', '{"key": "${SECRET}"}', now(), now())`,
    "INSERT INTO audit_checkpoints (tenant_id, sequence, token) VALUES ($1, 1, 'signed')",
  ];
  for (const statement of statements) await fresh.ask(statement, [id]);
  return id;
}

async function rowsLeft(tenantId: string): Promise<Record<string, number>> {
  const left: Record<string, number> = {};
  for (const { table } of TENANT_TABLES) {
    const [row] = await scene.fresh.ask<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${table} WHERE tenant_id = $1`,
      [tenantId],
    );
    if (row && row.count > 0) left[table] = row.count;
  }
  return left;
}

async function exported(tenantId: string): Promise<ExportedRow[]> {
  const rows: ExportedRow[] = [];
  for await (const page of new TenantExport(scene.database).pages(tenantId)) rows.push(...page);
  return rows;
}

const graceOver = (tenantId: string): Promise<unknown> =>
  scene.fresh.ask('UPDATE tenants SET purge_after = now() WHERE id = $1', [tenantId]);
const purge = (signal?: AbortSignal): Promise<number> =>
  new TenantPurge(scene.database, new AuditLog(), systemClock).run(signal);

describe('the list of tables of tenants', () => {
  it('names every table that has a tenant_id, with its primary key, and only columns that exist', async () => {
    const found = await scene.fresh.ask<{ table: string; key: string[] }>(`
      SELECT c.relname AS table,
             array(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k (num, place)
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num
                    WHERE a.attname <> 'tenant_id' ORDER BY k.place) AS key
        FROM pg_class c
        JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id'
        JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
       WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1`);
    const listed = TENANT_TABLES.map(({ table, key }) => ({ table, key: [...key] }));
    expect(listed.sort((a, b) => (a.table < b.table ? -1 : 1))).toEqual(found);
  });

  it('orders them so that nothing is referred to by what comes later', async () => {
    const references = await scene.fresh.ask<{ from: string; to: string }>(
      `SELECT conrelid::regclass::text AS from, confrelid::regclass::text AS to
         FROM pg_constraint WHERE contype = 'f' AND confrelid <> 'tenants'::regclass`,
    );
    const place = (name: string): number => TENANT_TABLES.findIndex(({ table }) => table === name);
    for (const { from, to } of references) expect([from, place(from) < place(to)]).toEqual([from, true]);
  });
});

describe('the export of a tenant', () => {
  it('holds every row of it once, in words of the API, and nothing that is secret', async () => {
    const id = await fullTenant('Exported');
    await fullTenant('Other');
    const rows = await exported(id);
    const counts = Object.fromEntries(
      [...Map.groupBy(rows, (row) => row.type)].map(([type, of]) => [type, of.length]),
    );
    expect(counts).toMatchObject({
      election: 1,
      api_key: 3,
      term: 450,
      webhook_attempt: 1,
      audit_checkpoint: 1,
    });
    expect(Object.keys(counts).sort()).toEqual(
      TENANT_TABLES.flatMap(({ exportedAs }) => exportedAs ?? [])
        .filter((type) => type !== 'audit_cut')
        .sort(),
    );
    expect(rows.filter((row) => row.type === 'term').map((row) => row.data['term'])).toEqual(
      Array.from({ length: 450 }, (_, at) => at + 1),
    );
    expect(rows.find((row) => row.type === 'event')?.data).toMatchObject({
      electionId: 'elc_a',
      fence: 4_294_967_297,
      occurredAt: expect.any(Date),
    });
    const text = JSON.stringify(rows);
    expect(text).not.toContain(SECRET);
    for (const { hash } of await scene.fresh.ask<{ hash: string }>('SELECT hash FROM api_keys'))
      expect(text).not.toContain(hash);
  });
});

describe('purging a tenant', () => {
  it('waits for the end of the grace period, then leaves nothing but its audit chain and a row without a name', async () => {
    const [id, other] = [await fullTenant('Gone'), await fullTenant('Stays')];
    await scene.deletion.begin(id, BY);
    const before = await rowsLeft(id);
    expect(await purge()).toBe(0);
    expect(await rowsLeft(id)).toEqual(before);
    await graceOver(id);
    expect(await purge()).toBeGreaterThan(450);
    const left = await rowsLeft(id);
    expect(Object.keys(left).sort()).toEqual(['audit_chains', 'audit_checkpoints', 'audit_events']);
    expect(
      await scene.fresh.ask('SELECT name, status, purge_after FROM tenants WHERE id = $1', [id]),
    ).toEqual([{ name: id, status: 'deleted', purge_after: null }]);
    expect((await rowsLeft(other))['leadership_terms']).toBe(450);
    expect(await codeOf(scene.tenants.get(id))).toBe('tenant.not_found');
    expect(await codeOf(scene.deletion.restore(id, BY))).toBe('tenant.not_found');
    expect(await purge()).toBe(0);
    await scene.reconciler.run();
    expect(scene.mirrored().tenants.get(id)).toMatchObject({ status: 'deleted', purged: true });
    expect([...scene.mirrored().apiKeys.values()].filter((key) => key.tenantId === id)).toEqual([]);
  });

  it('that was cut off can not be restored, and is gone on with', async () => {
    const id = await fullTenant('Half');
    await scene.deletion.begin(id, BY);
    await graceOver(id);
    const cut = new AbortController();
    const rows = scene.database.run.bind(scene.database);
    let statements = 0;
    scene.database.run = (work) => {
      if (++statements === 5) cut.abort();
      return rows(work);
    };
    try {
      await purge(cut.signal);
    } finally {
      scene.database.run = rows;
    }
    expect((await rowsLeft(id))['leadership_terms']).toBe(450);
    expect(await codeOf(scene.deletion.restore(id, BY))).toBe('tenant.not_found');
    await purge();
    expect(await rowsLeft(id)).not.toHaveProperty('leadership_terms');
  });

  it('leaves a tenant alone that was restored in time', async () => {
    const id = await fullTenant('Restored');
    await scene.deletion.begin(id, BY);
    await graceOver(id);
    await scene.deletion.restore(id, BY);
    expect(await purge()).toBe(0);
    expect((await rowsLeft(id))['leadership_terms']).toBe(450);
    expect((await scene.tenants.get(id)).status).toBe('active');
  });
});

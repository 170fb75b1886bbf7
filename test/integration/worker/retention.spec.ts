import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRetention } from '../../../apps/worker/src/retention/create-retention.js';
import { Retention } from '../../../apps/worker/src/retention/retention.js';
import { AUDIT_ENTITIES, AuditLog } from '#audit';
import { parseConfig } from '#config';
import { systemClock } from '#core';
import { FENCING_ENTITIES } from '#fencing';
import type { Database } from '#postgres';
import { createMetrics } from '#telemetry';
import { FakeClock, waitUntil } from '#testing';
import { type FreshDatabase, connectedDatabase, freshDatabase, silent } from '../postgres/fresh-database.js';

/** Held by whoever runs retention. */
const LOCK = 7_400_003;

let fresh: FreshDatabase;
let database: Database;

beforeEach(async () => {
  fresh = await freshDatabase();
  database = await connectedDatabase(fresh.url, [...FENCING_ENTITIES, ...AUDIT_ENTITIES]);
  await fresh.ask("INSERT INTO tenants (id, name) VALUES ('ten_a', 'a'), ('ten_b', 'b')");
});
afterEach(async () => {
  await database.close();
  await fresh.drop();
});

function retention(settings: Record<string, string> = {}): Retention {
  const config = parseConfig({ ADMIN_TOKEN: 'x'.repeat(32), MASTER_KEY: '8b'.repeat(32), ...settings });
  const metrics = createMetrics({ processMetrics: false });
  return createRetention(config, {
    database,
    acts: new AuditLog(),
    metrics,
    logger: silent,
    clock: systemClock,
  });
}

const column = async (statement: string): Promise<unknown[]> =>
  (await fresh.ask<{ id: unknown }>(statement)).map((row) => row.id);

describe('retention', () => {
  it('removes ended terms and events by age, and keeps the last term of each seat however old', async () => {
    await fresh.ask(`
      INSERT INTO leadership_terms (tenant_id, election_id, seat, epoch, term, fence, name, started_at, ended_at)
      SELECT tenant, 'elc_1', 0, epoch, term, term, 'x', now() - age, CASE WHEN age < '1 hour' THEN NULL ELSE now() - age END
        FROM (VALUES ('ten_a', 0, 1, interval '400 days'), ('ten_a', 0, 2, '366 days'), ('ten_a', 0, 3, '364 days'),
                     ('ten_a', 1, 1, '1 minute'), ('ten_b', 0, 7, '500 days'), ('ten_b', 0, 8, '450 days'))
          AS given (tenant, epoch, term, age)`);
    await fresh.ask(`
      INSERT INTO leadership_events (tenant_id, election_id, epoch, sequence, id, type, election, seat, term, fence, occurred_at)
      SELECT 'ten_a', 'elc_1', 0, n, 'evt_' || n, 'election.vacant', 'x', 0, n, n, now() - n * interval '100 days'
        FROM generate_series(1, 5) AS n`);
    await retention().run();
    expect(
      await column("SELECT tenant_id || ' ' || epoch || '.' || term AS id FROM leadership_terms ORDER BY 1"),
    ).toEqual(['ten_a 0.3', 'ten_a 1.1', 'ten_b 0.8']);
    expect(await column('SELECT sequence::int AS id FROM leadership_events ORDER BY 1')).toEqual([1, 2, 3]);
  });

  it('goes on with the next tenant where the rows of one cannot be removed', async () => {
    await fresh.ask(`
      INSERT INTO leadership_events (tenant_id, election_id, epoch, sequence, id, type, election, seat, term, fence, occurred_at)
      SELECT tenant, 'elc_1', 0, 1, 'evt_' || tenant, 'election.vacant', 'x', 0, 1, 1, now() - interval '500 days'
        FROM unnest(ARRAY['ten_a', 'ten_b']) AS tenant`);
    const left = 'SELECT tenant_id AS id FROM leadership_events ORDER BY 1';
    await database.transaction(async (rows) => {
      await rows.query("SELECT FROM leadership_events WHERE tenant_id = 'ten_a' FOR UPDATE");
      await retention().run();
      expect(await column(left)).toEqual(['ten_a']);
    });
    await retention().run();
    expect(await column(left)).toEqual([]);
  });

  it('removes finished deliveries with their attempts, then messages, and nothing that is owed to a living endpoint', async () => {
    await fresh.ask(`
      INSERT INTO webhook_endpoints (tenant_id, id, url, events, elections, status, updated_at)
      VALUES ('ten_a', 'whe_live', 'https://x', '{}', '{}', 'active', now() - interval '90 days'),
             ('ten_a', 'whe_gone', 'https://x', '{}', '{}', 'deleted', now() - interval '90 days'),
             ('ten_a', 'whe_late', 'https://x', '{}', '{}', 'deleted', now())`);
    await fresh.ask(`
      INSERT INTO webhook_messages (tenant_id, id, election_id, election, epoch, sequence, type, payload, occurred_at, created_at)
      SELECT 'ten_a', id, 'elc_1', 'x', 0, 1, 't', '{}', now(), now() - age
        FROM (VALUES ('evt_old', interval '40 days'), ('evt_owed', '40 days'), ('evt_void', '40 days'), ('evt_new', '1 day'))
          AS m (id, age)`);
    await fresh.ask(`
      INSERT INTO webhook_deliveries (tenant_id, id, endpoint_id, message_id, election_id, place, state, due_at, created_at, finished_at)
      SELECT 'ten_a', 'dlv_' || message, endpoint, 'evt_' || message, 'elc_1', 1, state, now(), now() - age,
             CASE WHEN state = 'pending' THEN NULL ELSE now() - age END
        FROM (VALUES ('old', 'whe_live', 'succeeded', interval '40 days'), ('owed', 'whe_live', 'pending', '40 days'),
                     ('void', 'whe_gone', 'pending', '40 days'), ('new', 'whe_live', 'failed', '1 day'))
          AS d (message, endpoint, state, age)`);
    await fresh.ask(`
      INSERT INTO webhook_attempts (tenant_id, delivery_id, number, started_at, duration_ms)
      VALUES ('ten_a', 'dlv_old', 1, now(), 1), ('ten_a', 'dlv_new', 1, now(), 1)`);
    await fresh.ask(`
      INSERT INTO webhook_secrets (tenant_id, endpoint_id, id, sealed_secret, kind, expires_at)
      VALUES ('ten_a', 'whe_live', 'sec_old', 's', 'v1', now() - interval '2 days'),
             ('ten_a', 'whe_live', 'sec_overlap', 's', 'v1', now() + interval '1 hour'),
             ('ten_a', 'whe_live', 'sec_now', 's', 'v1', NULL)`);
    await retention().run();
    expect(await column('SELECT id FROM webhook_deliveries ORDER BY 1')).toEqual(['dlv_new', 'dlv_owed']);
    expect(await column('SELECT delivery_id AS id FROM webhook_attempts')).toEqual(['dlv_new']);
    expect(await column('SELECT id FROM webhook_messages ORDER BY 1')).toEqual(['evt_new', 'evt_owed']);
    expect(await column('SELECT id FROM webhook_endpoints ORDER BY 1')).toEqual(['whe_late', 'whe_live']);
    expect(await column('SELECT id FROM webhook_secrets ORDER BY 1')).toEqual(['sec_now', 'sec_overlap']);
  });

  it('removes ledger lines after their time, more than a batch of them, and answered requests after a day', async () => {
    await fresh.ask(`
      INSERT INTO fencing_tokens (tenant_id, jti, election, seat, epoch, term, fence, candidate, kid, issued_at, expires_at)
      SELECT 'ten_a', 'tok_' || n, 'x', 0, 0, n, n, 'c', 'k', now(),
             now() - CASE WHEN n <= 2500 THEN interval '91 days' ELSE interval '89 days' END
        FROM generate_series(1, 2503) AS n`);
    await fresh.ask(`
      INSERT INTO idempotent_requests (tenant_id, operation, key, fingerprint, request_id, lapses_at, created_at)
      VALUES ('ten_a', 'o', 'old', 'f', 'r', now(), now() - interval '25 hours'), ('ten_a', 'o', 'new', 'f', 'r', now(), now())`);
    await retention().run();
    expect(await column('SELECT count(*)::int AS id FROM fencing_tokens')).toEqual([3]);
    expect(await column('SELECT key AS id FROM idempotent_requests')).toEqual(['new']);
  });

  it('cuts the audit log at its age and erases private keys that have expired, keeping the public part', async () => {
    const act = {
      id: 'aud_1',
      tenantId: 'ten_a',
      action: 'x.done',
      actor: { type: 'system' as const, id: 'test' },
      targets: [],
      context: {},
      occurredAt: '2026-01-01T00:00:00.000Z',
    };
    await database.transaction((rows) =>
      new AuditLog().record(rows, [act, { ...act, id: 'aud_2' }, { ...act, id: 'aud_3' }]),
    );
    await fresh.ask(`
      ALTER TABLE audit_events DISABLE TRIGGER USER;
      UPDATE audit_events SET recorded_at = now() - interval '400 days' WHERE id <> 'aud_3';
      ALTER TABLE audit_events ENABLE TRIGGER USER`);
    await fresh.ask(`
      INSERT INTO signing_keys (kid, algorithm, state, public_jwk, sealed_private_key, expires_at)
      VALUES ('expired', 'ES256', 'retired', '{"x": "1"}', 'sealed', now() - interval '1 second'),
             ('retired', 'ES256', 'retired', '{}', 'sealed', now() + interval '1 hour')`);
    await retention().run();
    expect(await column("SELECT id FROM audit_events WHERE tenant_id = 'ten_a' AND id LIKE 'aud__'")).toEqual(
      ['aud_3'],
    );
    expect(await column('SELECT sealed_private_key AS id FROM signing_keys ORDER BY kid')).toEqual([
      '',
      'sealed',
    ]);
    expect(await column("SELECT public_jwk->>'x' AS id FROM signing_keys WHERE kid = 'expired'")).toEqual([
      '1',
    ]);
  });

  it('begins a rotation when the active key is old enough, by the setting', async () => {
    await fresh.ask(`
      INSERT INTO signing_keys (kid, algorithm, state, public_jwk, sealed_private_key, activated_at)
      VALUES ('old', 'ES256', 'active', '{}', 'sealed', now() - interval '10 days')`);
    await retention({ SIGNING_KEY_ROTATION_DAYS: '0' }).run();
    await retention({ SIGNING_KEY_ROTATION_DAYS: '11' }).run();
    expect(await column('SELECT state AS id FROM signing_keys')).toEqual(['active']);
    await retention({ SIGNING_KEY_ROTATION_DAYS: '9' }).run();
    expect(await column('SELECT state AS id FROM signing_keys ORDER BY 1')).toEqual(['active', 'next']);
  });

  it('runs in one worker at a time, and in the other as soon as the first is done or dead', async () => {
    const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const first = database.exclusively(LOCK, async () => {
      begun.resolve();
      await released.promise;
    });
    await begun.promise;
    const other = await connectedDatabase(fresh.url);
    try {
      expect(await retention().run()).toBe(false);
      released.resolve();
      expect(await first).toBe(true);
      expect(await retention().run()).toBe(true);
      const held = Promise.withResolvers<void>();
      const dying = other.exclusively(LOCK, () => {
        held.resolve();
        return new Promise<void>(() => undefined);
      });
      await held.promise;
      expect(await retention().run()).toBe(false);
      await fresh.ask(`
        SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
         WHERE locktype = 'advisory' AND datname = current_database()`);
      await waitUntil(() => retention().run(), { what: 'the lock of the dead' });
      void dying.catch(() => undefined);
    } finally {
      await other.close();
    }
  });

  it('goes on after a job that fails, and runs again and again until it is closed', async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    const jobs = [
      { name: 'broken', run: () => Promise.reject(new Error('no')) },
      { name: 'well', run: async () => ran.push('well') },
    ];
    const metrics = createMetrics({ processMetrics: false });
    const repeated = new Retention(database, { jobs, everyMs: 1_000 }, metrics, silent, clock);
    repeated.start();
    const again = async (): Promise<boolean> => {
      await clock.advance(1_300);
      return ran.length >= 3;
    };
    await waitUntil(again, { what: 'three runs' });
    await repeated.close();
    const { length } = ran;
    await clock.advance(10_000);
    expect(ran).toHaveLength(length);
  });
});

import { AUDIT_ENTITIES, AuditLog, AuditVerifier, type StoredVerdict } from '#audit';
import { type Act, newId } from '#core';
import type { FENCING_ENTITIES } from '#fencing';
import type { Database } from '#postgres';
import { type FreshDatabase, connectedDatabase, freshDatabase } from '../postgres/fresh-database.js';

export interface Scene {
  fresh: FreshDatabase;
  database: Database;
  log: AuditLog;
  /** Records as the service does, in a transaction of its own. */
  record(...acts: Act[]): Promise<void>;
  /** Verifies a chain as it is stored, without checkpoints. */
  verify(tenantId: string): Promise<StoredVerdict>;
  end(): Promise<void>;
}

export async function newScene(entities: typeof FENCING_ENTITIES = []): Promise<Scene> {
  const fresh = await freshDatabase();
  const database = await connectedDatabase(fresh.url, [...AUDIT_ENTITIES, ...entities]);
  const log = new AuditLog();
  const verifier = new AuditVerifier(database, async () => undefined);
  return {
    fresh,
    database,
    log,
    record: (...acts) => database.transaction((rows) => log.record(rows, acts)),
    verify: (tenantId) => verifier.verify(tenantId),
    end: async () => {
      await database.close();
      await fresh.drop();
    },
  };
}

/** What nobody but a superuser can do: statements past every trigger. */
export async function asSuperuser(fresh: FreshDatabase, statements: string): Promise<void> {
  await fresh.ask(`SET session_replication_role = replica; ${statements}`);
}

let made = 0;

/** An act of a tenant; nothing in it is like that of another. */
export function anAct(tenantId: string | null, own: Partial<Act> = {}): Act {
  made += 1;
  return {
    id: newId('aud'),
    tenantId,
    action: 'api_key.created',
    actor: { type: 'api_key', id: 'key_actor' },
    targets: [{ type: 'api_key', id: `key_${made}`, name: `ci ${made}` }],
    context: { requestId: `req_${made}`, ip: '192.0.2.1', userAgent: 'curl/8' },
    metadata: { scopes: ['audit:read'], made },
    occurredAt: new Date(Date.UTC(2026, 10, 21) + made * 1_000).toISOString(),
    ...own,
  };
}

import { AUDIT_ENTITIES, AuditLog } from '#audit';
import { type Caused, systemClock } from '#core';
import {
  type AdminTokenRecord,
  type ApiKeyRecord,
  type TenantRecord,
  decode,
  keys,
  parseKey,
} from '#election';
import type { Database } from '#postgres';
import {
  AdminAuthenticator,
  AdminTokenService,
  ApiKeyService,
  Authenticator,
  ElectionCatalog,
  Mirror,
  type Mirrored,
  MirrorReconciler,
  SECRET_LENGTH,
  SecretHash,
  TENANCY_ENTITIES,
  TenantDeletion,
  TenantService,
} from '#tenancy';
import { MemoryElectionStore, MemoryStoreData } from '#testing';
import { type FreshDatabase, connectedDatabase, freshDatabase, silent } from '../postgres/fresh-database.js';

/** The library on a real Postgres, with the coordination store in memory. */
export interface Scene {
  fresh: FreshDatabase;
  database: Database;
  store: MemoryElectionStore;
  data: MemoryStoreData;
  tenants: TenantService;
  deletion: TenantDeletion;
  adminTokens: AdminTokenService;
  operators: AdminAuthenticator;
  apiKeys: ApiKeyService;
  catalog: ElectionCatalog;
  mirror: Mirror;
  reconciler: MirrorReconciler;
  authenticator: Authenticator;
  /** What the coordination store holds now. */
  mirrored: () => Mirrored;
  end(): Promise<void>;
}

export const GRACE_MS = 7 * 86_400_000;

/** Who is on record for what tests do. */
export const BY: Caused = {
  actor: { type: 'admin_token', id: 'environment' },
  context: { requestId: 'req_test' },
};

export async function newScene(): Promise<Scene> {
  const fresh = await freshDatabase();
  const database = await connectedDatabase(fresh.url, [...TENANCY_ENTITIES, ...AUDIT_ENTITIES]);
  const data = new MemoryStoreData();
  const store = new MemoryElectionStore(data);
  const mirror = new Mirror(database, store, systemClock);
  const secretHash = new SecretHash('7a'.repeat(32), SECRET_LENGTH);
  const adminHash = new SecretHash('7a'.repeat(32), SECRET_LENGTH, 'adminToken');
  const mirrored = (): Mirrored => viewOf(data);
  const lookups = {
    apiKey: (keyId: string) => mirrored().apiKeys.get(keyId),
    tenant: (tenantId: string) => mirrored().tenants.get(tenantId),
  };
  const making = { secretHash, environment: 'test' } as const;
  return {
    fresh,
    database,
    store,
    data,
    mirror,
    mirrored,
    deletion: new TenantDeletion(database, mirror, new AuditLog(), GRACE_MS, systemClock),
    adminTokens: new AdminTokenService(database, mirror, adminHash, new AuditLog(), systemClock),
    operators: new AdminAuthenticator(
      {
        adminToken: (tokenId) => mirrored().adminTokens.get(tokenId),
        adminTokens: () => mirrored().adminTokens,
      },
      adminHash,
      { text: 'environment', bootstrapOnly: false },
      systemClock,
    ),
    tenants: new TenantService(database, mirror, new AuditLog(), systemClock),
    apiKeys: new ApiKeyService(database, mirror, making, new AuditLog(), systemClock),
    catalog: new ElectionCatalog(database, systemClock),
    reconciler: new MirrorReconciler(database, mirror, mirrored, silent, systemClock),
    authenticator: new Authenticator(lookups, secretHash, 'test', systemClock),
    end: async () => {
      await database.close();
      await fresh.drop();
    },
  };
}

function viewOf(data: MemoryStoreData): Mirrored {
  const apiKeys = new Map<string, ApiKeyRecord>();
  const tenants = new Map<string, TenantRecord>();
  const adminTokens = new Map<string, AdminTokenRecord>();
  for (const { key, value } of data.read({ kind: 'prefix', prefix: keys.all })) {
    const parsed = parseKey(key);
    if (parsed?.kind === 'apiKey') apiKeys.set(parsed.keyId, decode<ApiKeyRecord>(value));
    if (parsed?.kind === 'adminToken') adminTokens.set(parsed.tokenId, decode<AdminTokenRecord>(value));
    if (parsed?.kind === 'tenant') tenants.set(parsed.tenantId, decode<TenantRecord>(value));
  }
  return { apiKeys, tenants, adminTokens };
}

/** The code with which `work` failed. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code);
    throw error;
  }
  return 'none';
}

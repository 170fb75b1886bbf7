import { type Act, type Caused, type Clock, IncumbentError, newAct } from '#core';
import {
  type ActLog,
  type Database,
  decodeCursor,
  IsNull,
  type Page,
  pageOf,
  type PageRequest,
} from '#postgres';
import { type ApiKeyRow, ApiKeys } from './api-key.entity.js';
import { type KeyEnvironment, newApiKey } from './api-key.js';
import type { Mirror } from './mirror.js';
import { requireRoom } from './quota.js';
import type { Scope } from './scopes.js';
import type { SecretHash } from './secret-hash.js';
import { lockTenant, quotaOf } from './tenants.js';

/** An API key as people may see it: without its secret. */
export interface ApiKey {
  id: string;
  name: string;
  scopes: string[];
  electionPrefix?: string;
  expiresAt?: Date;
  requestsPerSecond?: number;
  createdAt: Date;
}

export interface NewApiKey {
  name: string;
  scopes?: readonly Scope[] | undefined;
  electionPrefix?: string | undefined;
  expiresAt?: Date | undefined;
  /** A rate of its own, beside the tenant's. */
  requestsPerSecond?: number | undefined;
  /** Given where the call may be repeated: a key of this id is one whose text was never told to anybody. */
  id?: string | undefined;
}

/** What a key may do when nobody says: everything about elections, nothing about keys. */
export const DEFAULT_SCOPES: readonly Scope[] = ['elections:read', 'elections:campaign', 'elections:manage'];

/** Who looks: a tenant, or the part of it that a key is bound to. Keys that reach beyond look absent. */
export interface KeyViewer {
  tenantId: string;
  electionPrefix?: string | undefined;
}

function isWithin(row: ApiKeyRow, { electionPrefix }: KeyViewer): boolean {
  return electionPrefix === undefined || row.electionPrefix?.startsWith(electionPrefix) === true;
}

function keyNotFound(): IncumbentError {
  return new IncumbentError('api_key.not_found', 'Check the id: this tenant has no such API key.');
}

export interface KeyMaking {
  secretHash: SecretHash;
  environment: KeyEnvironment;
}

/** API keys of tenants. Every change is committed to Postgres and then mirrored, as with tenants. */
export class ApiKeyService {
  constructor(
    private readonly database: Database,
    private readonly mirror: Mirror,
    private readonly making: KeyMaking,
    private readonly acts: ActLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes a key. Its text is in the answer and nowhere else, ever.
   * @throws IncumbentError tenant.not_found, limit.quota_exceeded
   */
  async create(tenantId: string, wanted: NewApiKey, caused: Caused): Promise<ApiKey & { key: string }> {
    const made = newApiKey(this.making.environment, wanted.id);
    const row: ApiKeyRow = {
      tenantId,
      id: made.keyId,
      name: wanted.name,
      hash: this.making.secretHash.of(made.secret),
      scopes: [...new Set(wanted.scopes ?? DEFAULT_SCOPES)],
      electionPrefix: wanted.electionPrefix ?? null,
      expiresAt: wanted.expiresAt ?? null,
      requestsPerSecond: wanted.requestsPerSecond ?? null,
      createdAt: new Date(this.clock.wallTimeMs()),
      revokedAt: null,
    };
    await this.database.forTenant(tenantId, async (rows) => {
      const tenant = await lockTenant(rows, tenantId);
      const before = wanted.id === undefined ? null : await rows.findOneBy(ApiKeys, { tenantId, id: row.id });
      if (before?.revokedAt !== null) {
        const used = await rows.countBy(ApiKeys, { tenantId, revokedAt: IsNull() });
        requireRoom(quotaOf(tenant), 'maxApiKeys', used);
      }
      const { id, hash } = row;
      if (before) await rows.update(ApiKeys, { tenantId, id }, { hash, revokedAt: null });
      else await rows.insert(ApiKeys, row);
      // An attempt that could not be mirrored is on record as revoked: it comes to life on record too.
      if (before?.revokedAt !== null)
        await this.acts.record(rows, [this.act(caused, 'api_key.created', row, grantsOf(row))]);
    });
    try {
      await this.mirror.copyKey(tenantId, row.id);
    } catch (error) {
      // Nobody will ever see this key's text; it must not stay in the way of the quota.
      await this.markRevoked({ tenantId }, row.id, caused).catch(() => undefined);
      throw error;
    }
    return { ...show(row), key: made.text };
  }

  /** Keys that are not revoked, in the order of creation. @throws IncumbentError request.invalid_query */
  async list({ tenantId, electionPrefix }: KeyViewer, page: PageRequest): Promise<Page<ApiKey>> {
    const after = page.cursor === undefined ? undefined : decodeCursor(page.cursor);
    const found = await this.database.forTenant(tenantId, (rows) => {
      const query = rows
        .createQueryBuilder(ApiKeys, 'key')
        .where('key.tenantId = :tenantId AND key.revokedAt IS NULL', { tenantId });
      if (after) query.andWhere('(key.createdAt, key.id) > (:createdAt, :id)', after);
      if (electionPrefix !== undefined)
        query.andWhere('starts_with(key.electionPrefix, :electionPrefix)', { electionPrefix });
      return query
        .orderBy({ 'key.createdAt': 'ASC', 'key.id': 'ASC' })
        .limit(page.limit + 1)
        .getMany();
    });
    return pageOf(found, page.limit, show);
  }

  /** @throws IncumbentError api_key.not_found */
  async get(viewer: KeyViewer, keyId: string): Promise<ApiKey> {
    const { tenantId } = viewer;
    const row = await this.database.forTenant(tenantId, (rows) =>
      rows.findOneBy(ApiKeys, { tenantId, id: keyId, revokedAt: IsNull() }),
    );
    if (!row || !isWithin(row, viewer)) throw keyNotFound();
    return show(row);
  }

  /**
   * Ends a key on every replica, as fast as the mirror is watched. Repeating it is harmless.
   * @throws IncumbentError api_key.not_found for an id that never was this tenant's
   */
  async revoke(viewer: KeyViewer, keyId: string, caused: Caused): Promise<void> {
    await this.markRevoked(viewer, keyId, caused);
    await this.mirror.copyKey(viewer.tenantId, keyId);
  }

  private async markRevoked(viewer: KeyViewer, keyId: string, caused: Caused): Promise<void> {
    const { tenantId } = viewer;
    await this.database.forTenant(tenantId, async (rows) => {
      const row = await rows.findOneBy(ApiKeys, { tenantId, id: keyId });
      if (!row || !isWithin(row, viewer)) throw keyNotFound();
      const revokedAt = new Date(this.clock.wallTimeMs());
      const live = { tenantId, id: keyId, revokedAt: IsNull() };
      const marked = await rows.update(ApiKeys, live, { revokedAt });
      if (marked.affected !== 0)
        await this.acts.record(rows, [this.act(caused, 'api_key.revoked', row, undefined)]);
    });
  }

  private act(caused: Caused, action: string, row: ApiKeyRow, metadata: Act['metadata']): Act {
    const targets = [{ type: 'api_key' as const, id: row.id, name: row.name }];
    return newAct(caused, { tenantId: row.tenantId, action, targets, metadata }, this.clock);
  }
}

/** What the key may do: all of it but its hash. */
function grantsOf(row: ApiKeyRow): Record<string, unknown> {
  const { scopes, electionPrefix, expiresAt, requestsPerSecond } = row;
  return { scopes, electionPrefix, expiresAt, requestsPerSecond };
}

function show(row: ApiKeyRow): ApiKey {
  const { id, name, scopes, electionPrefix, expiresAt, requestsPerSecond, createdAt } = row;
  return {
    id,
    name,
    scopes,
    ...(electionPrefix !== null && { electionPrefix }),
    ...(expiresAt && { expiresAt }),
    ...(requestsPerSecond !== null && { requestsPerSecond }),
    createdAt,
  };
}

import { Not } from 'typeorm';
import { type Caused, type Clock, newId } from '#core';
import {
  type ActLog,
  type Database,
  decodeCursor,
  type EntityManager,
  IsNull,
  type Page,
  pageOf,
  type PageRequest,
} from '#postgres';
import { type EndpointRow, type SecretKind, WebhookEndpoints, WebhookSecrets } from './endpoint.entity.js';
import {
  type Endpoint,
  endpointDisabled,
  type EndpointFields,
  findEndpoint,
  present,
  publicKeyOf,
  publicKeysOf,
  record,
  recordable,
  requireHeadersStay,
  requireInside,
  requireVersion,
  type Viewer,
} from './endpoint-rows.js';
import type { UrlCheck } from './endpoint-url.js';
import { type EndpointSeal, type NewSecret, newSecret } from './secrets.js';
import { withinSql } from './subscription.js';

export type NewEndpoint = Pick<EndpointFields, 'url' | 'events'> &
  Partial<EndpointFields> & {
    /** Given where the call may be repeated: an endpoint of this id is the one that an earlier attempt made. */
    id?: string | undefined;
  };

/** What is changed, and the version that it must still have. */
export interface EndpointChange {
  fields: Partial<EndpointFields>;
  ifMatch?: string | undefined;
}

/**
 * Refuses one more than the tenant's quota. Locks the tenant's row before it counts: creations of one tenant queue,
 * so the count is exact under any concurrency.
 */
export type ReserveEndpoint = (
  rows: EntityManager,
  tenantId: string,
  used: () => Promise<number>,
) => Promise<void>;

export interface EndpointParts {
  database: Database;
  acts: ActLog;
  seal: EndpointSeal;
  urls: UrlCheck;
  clock: Clock;
}

const DEFAULTS: Omit<EndpointFields, 'url' | 'events'> = {
  description: null,
  elections: [],
  mode: 'all',
  includeFencingToken: false,
  headers: {},
  signatureV1a: false,
  timeoutMs: 10_000,
  unstableThreshold: 2,
  status: 'active',
};

/**
 * Endpoints: made, changed and deleted by the tenant. Where and how to send takes effect with the next attempt, of
 * what is owed already too; what an endpoint hears of, with the next event.
 */
export class EndpointService {
  constructor(
    private readonly parts: EndpointParts,
    private readonly reserve: ReserveEndpoint,
  ) {}

  /**
   * Makes an endpoint. The secret is in the answer and nowhere else, ever.
   * @throws IncumbentError request.invalid_body, identity.scope_missing, limit.quota_exceeded, tenant.not_found
   */
  async create(
    viewer: Viewer,
    wanted: NewEndpoint,
    caused: Caused,
  ): Promise<{ endpoint: Endpoint; secret: string }> {
    const { id = newId('whe'), ...given } = wanted;
    const fields = { ...DEFAULTS, ...given };
    requireInside(viewer, fields);
    await this.parts.urls.check(fields.url);
    const { tenantId } = viewer;
    const row = this.newRow({ tenantId, id }, fields);
    return this.parts.database.forTenant(tenantId, async (rows) => {
      const made = wanted.id === undefined ? undefined : await this.madeBefore(rows, viewer, id);
      if (made) return made;
      await this.reserve(rows, tenantId, () =>
        rows.countBy(WebhookEndpoints, { tenantId, status: Not('deleted') }),
      );
      await rows.insert(WebhookEndpoints, row);
      const { secret } = await this.addSecret(rows, row, 'v1');
      const key = fields.signatureV1a ? await this.addSecret(rows, row, 'v1a') : undefined;
      await record(this.parts, rows, row, {
        caused,
        action: 'webhook_endpoint.created',
        metadata: recordable(fields),
      });
      return { endpoint: present(row, key?.publicKey ?? undefined), secret };
    });
  }

  /** In the order of creation. @throws IncumbentError request.invalid_query */
  async list(viewer: Viewer, page: PageRequest): Promise<Page<Endpoint>> {
    const { tenantId, electionPrefix } = viewer;
    const after = page.cursor === undefined ? undefined : decodeCursor(page.cursor);
    return this.parts.database.forTenant(tenantId, async (rows) => {
      const query = rows
        .createQueryBuilder(WebhookEndpoints, 'endpoint')
        .where("endpoint.tenantId = :tenantId AND endpoint.status <> 'deleted'", { tenantId });
      if (after) query.andWhere('(endpoint.createdAt, endpoint.id) > (:createdAt, :id)', after);
      if (electionPrefix !== undefined) query.andWhere(withinSql(':prefix'), { prefix: electionPrefix });
      const found = await query
        .orderBy({ 'endpoint.createdAt': 'ASC', 'endpoint.id': 'ASC' })
        .limit(page.limit + 1)
        .getMany();
      const keys = await publicKeysOf(rows, tenantId);
      return pageOf(found, page.limit, (row) => present(row, keys.get(row.id)));
    });
  }

  /** @throws IncumbentError webhook_endpoint.not_found */
  async get(viewer: Viewer, id: string): Promise<Endpoint> {
    return this.parts.database.forTenant(viewer.tenantId, async (rows) => {
      const row = await findEndpoint(rows, viewer, id);
      return present(row, await publicKeyOf(rows, row));
    });
  }

  /**
   * Changes what is given and leaves the rest; headers are replaced as a whole.
   * @throws IncumbentError webhook_endpoint.not_found, webhook_endpoint.disabled, request.precondition_failed,
   *   request.invalid_body, identity.scope_missing
   */
  async change(viewer: Viewer, id: string, change: EndpointChange, caused: Caused): Promise<Endpoint> {
    const { fields, ifMatch } = change;
    // Absent is absent, whatever the URL; and names are not resolved while a row is locked.
    await this.get(viewer, id);
    if (fields.url !== undefined) await this.parts.urls.check(fields.url);
    return this.parts.database.forTenant(viewer.tenantId, async (rows) => {
      const row = await findEndpoint(rows, viewer, id, { lock: true });
      requireVersion(row, ifMatch);
      if (fields.status !== undefined && row.status === 'disabled') throw endpointDisabled();
      requireHeadersStay(row, fields);
      const changed = this.changed(row, fields);
      const next: EndpointRow = { ...row, ...changed };
      requireInside(viewer, next);
      await rows.update(WebhookEndpoints, { tenantId: row.tenantId, id }, changed);
      let publicKey = await publicKeyOf(rows, row);
      if (next.signatureV1a && publicKey === undefined)
        publicKey = (await this.addSecret(rows, row, 'v1a')).publicKey ?? undefined;
      await record(this.parts, rows, next, {
        caused,
        action: 'webhook_endpoint.changed',
        metadata: recordable(fields),
      });
      return present(next, publicKey);
    });
  }

  /**
   * Deletes an endpoint for good: nothing more is sent to it and its secrets are gone. An attempt under way may
   * still arrive. @throws IncumbentError webhook_endpoint.not_found, request.precondition_failed
   */
  async remove(
    viewer: Viewer,
    id: string,
    { ifMatch }: Pick<EndpointChange, 'ifMatch'>,
    caused: Caused,
  ): Promise<void> {
    await this.parts.database.forTenant(viewer.tenantId, async (rows) => {
      const row = await findEndpoint(rows, viewer, id, { lock: true });
      requireVersion(row, ifMatch);
      const { tenantId } = row;
      const updatedAt = new Date(this.parts.clock.wallTimeMs());
      await rows.update(WebhookEndpoints, { tenantId, id }, { status: 'deleted', headers: {}, updatedAt });
      await rows.delete(WebhookSecrets, { tenantId, endpointId: id });
      await record(this.parts, rows, row, { caused, action: 'webhook_endpoint.deleted' });
    });
  }

  /** The endpoint as an earlier attempt made it, whose answer nobody got. */
  private async madeBefore(
    rows: EntityManager,
    viewer: Viewer,
    id: string,
  ): Promise<{ endpoint: Endpoint; secret: string } | undefined> {
    const { tenantId } = viewer;
    const current = { tenantId, endpointId: id, kind: 'v1' as const, expiresAt: IsNull() };
    const held = await rows.findOneBy(WebhookSecrets, current);
    if (!held) return undefined;
    const row = await findEndpoint(rows, viewer, id);
    const secret = this.parts.seal.openSecret(held);
    return { endpoint: present(row, await publicKeyOf(rows, row)), secret };
  }

  private async addSecret(rows: EntityManager, row: EndpointRow, kind: SecretKind): Promise<NewSecret> {
    const made = newSecret(kind);
    const now = new Date(this.parts.clock.wallTimeMs());
    await rows.insert(WebhookSecrets, this.parts.seal.secretRow(row, made, now));
    return made;
  }

  private newRow(place: { tenantId: string; id: string }, fields: EndpointFields): EndpointRow {
    const now = new Date(this.parts.clock.wallTimeMs());
    return {
      ...fields,
      ...place,
      headers: this.parts.seal.sealHeaders(place, fields.headers),
      disabledReason: null,
      disabledAt: null,
      firstFailureAt: null,
      lastSuccessAt: null,
      throttledUntil: null,
      createdAt: now,
      updatedAt: now,
      version: 1,
    };
  }

  /** A new URL begins without the failures of the old one. */
  private changed(row: EndpointRow, fields: Partial<EndpointFields>) {
    const { headers, ...plain } = fields;
    return {
      ...plain,
      ...(headers && { headers: this.parts.seal.sealHeaders(row, headers) }),
      ...(fields.url !== undefined &&
        fields.url !== row.url && { firstFailureAt: null, throttledUntil: null }),
      version: row.version + 1,
      updatedAt: new Date(this.parts.clock.wallTimeMs()),
    };
  }
}

import type { Database, EntityManager } from '#postgres';
import { type Quota, effectiveQuota, type QuotaName, type QuotaOverrides } from './quota.js';
import { tenantNotFound } from './tenants.js';

/** How much of a quota is used. */
export interface Used {
  limit: number;
  used: number;
}

/** What a tenant uses of its quotas. A minimum is not used up, so `minTtlMs` is a limit alone. */
export interface Usage {
  tenantId: string;
  name: string;
  plan: string;
  quotas: Record<Exclude<QuotaName, 'minTtlMs'>, Used>;
  minTtlMs: number;
}

/** Counted in the coordination store and in this process, not in Postgres. */
export interface LiveCounts {
  /** Of the election that has most. */
  maxCandidatesPerElection: number;
  maxSessions: number;
  /** Of the session that has most. */
  maxCandidaciesPerSession: number;
  /** On this replica. */
  maxStreams: number;
  /** In the present second. */
  requestsPerSecond: number;
}

type CountedRow = QuotaOverrides & { id: string; name: string; plan: string } & Record<
    'elections' | 'apiKeys' | 'endpoints',
    number
  >;

/** The very counts that creations are held against. */
const COUNTS = `
  SELECT tenant.id, tenant.name, tenant.plan,
         tenant.max_elections AS "maxElections", tenant.max_candidates_per_election AS "maxCandidatesPerElection",
         tenant.max_api_keys AS "maxApiKeys", tenant.max_webhook_endpoints AS "maxWebhookEndpoints",
         tenant.max_sessions AS "maxSessions", tenant.max_candidacies_per_session AS "maxCandidaciesPerSession",
         tenant.max_streams AS "maxStreams",
         tenant.min_ttl_ms AS "minTtlMs", tenant.requests_per_second AS "requestsPerSecond",
         (SELECT count(*)::int FROM elections WHERE tenant_id = tenant.id) AS elections,
         (SELECT count(*)::int FROM api_keys WHERE tenant_id = tenant.id AND revoked_at IS NULL) AS "apiKeys",
         (SELECT count(*)::int FROM webhook_endpoints
           WHERE tenant_id = tenant.id AND status <> 'deleted') AS endpoints
    FROM tenants AS tenant
   WHERE tenant.id = ANY($1) AND tenant.status <> 'deleted'`;

/** Says what is used against each quota. */
export class UsageReport {
  constructor(
    private readonly database: Database,
    /** What lives outside Postgres, as this replica knows it at the moment of the call. */
    private readonly live: () => (tenantId: string) => LiveCounts,
  ) {}

  /** For the tenant itself. @throws IncumbentError tenant.not_found, database.unavailable, store.unavailable */
  async own(tenantId: string): Promise<Usage> {
    const live = this.live();
    return only(await this.database.forTenant(tenantId, (rows) => count(rows, [tenantId])), live);
  }

  /** For the operator. @throws IncumbentError tenant.not_found, database.unavailable, store.unavailable */
  async of(tenantId: string): Promise<Usage> {
    const live = this.live();
    return only(await this.database.run((rows) => count(rows, [tenantId])), live);
  }

  /** Of several tenants, in the given order; those that are gone are left out. */
  async ofAll(tenantIds: readonly string[]): Promise<Usage[]> {
    const live = this.live();
    const found = await this.database.run((rows) => count(rows, tenantIds));
    const byId = new Map(found.map((row) => [row.id, usageOf(row, live(row.id))]));
    return tenantIds.flatMap((id) => byId.get(id) ?? []);
  }
}

function count(rows: EntityManager, tenantIds: readonly string[]): Promise<CountedRow[]> {
  return rows.query<CountedRow[]>(COUNTS, [tenantIds]);
}

function only([row]: CountedRow[], live: (tenantId: string) => LiveCounts): Usage {
  if (!row) throw tenantNotFound();
  return usageOf(row, live(row.id));
}

function usageOf(row: CountedRow, live: LiveCounts): Usage {
  const quota = effectiveQuota(row.plan, row);
  const of = (name: keyof Quota, used: number): Used => ({ limit: quota[name], used });
  return {
    tenantId: row.id,
    name: row.name,
    plan: row.plan,
    quotas: {
      maxElections: of('maxElections', row.elections),
      maxCandidatesPerElection: of('maxCandidatesPerElection', live.maxCandidatesPerElection),
      maxApiKeys: of('maxApiKeys', row.apiKeys),
      maxWebhookEndpoints: of('maxWebhookEndpoints', row.endpoints),
      maxSessions: of('maxSessions', live.maxSessions),
      maxCandidaciesPerSession: of('maxCandidaciesPerSession', live.maxCandidaciesPerSession),
      maxStreams: of('maxStreams', live.maxStreams),
      requestsPerSecond: of('requestsPerSecond', live.requestsPerSecond),
    },
    minTtlMs: quota.minTtlMs,
  };
}

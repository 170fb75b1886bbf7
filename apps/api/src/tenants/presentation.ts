import type { Page } from '#postgres';
import type { ApiKey, Tenant } from '#tenancy';

/** Spells tenants and keys as the contract does. */

export function showTenant({ createdAt, purgeAfter, ...tenant }: Tenant) {
  const { id, name, status, plan, quota, quotaOverrides } = tenant;
  const times = { createdAt: createdAt.toISOString(), purgeAfter: purgeAfter?.toISOString() };
  return { id, name, status, plan, quota, quotaOverrides, ...times };
}

export function showApiKey({ createdAt, expiresAt, ...key }: ApiKey) {
  const { id, name, scopes, electionPrefix, requestsPerSecond } = key;
  return {
    id,
    name,
    scopes,
    electionPrefix,
    expiresAt: expiresAt?.toISOString(),
    requestsPerSecond,
    createdAt: createdAt.toISOString(),
  };
}

export function showPage<T, Shown>(page: Page<T>, show: (row: T) => Shown) {
  return { data: page.data.map(show), nextCursor: page.nextCursor ?? null };
}

/** The libraries' page; 20 unless the caller says otherwise. */
export function rowsOf(query: { limit?: number | undefined; cursor?: string | undefined }) {
  return { limit: query.limit ?? 20, cursor: query.cursor };
}

export function toDate(timestamp: string | undefined): Date | undefined {
  return timestamp === undefined ? undefined : new Date(timestamp);
}

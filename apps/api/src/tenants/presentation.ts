import type { ApiKey, Page, Tenant } from '#tenancy';

/** Spells tenants and keys as the contract does. */

export function showTenant({ id, name, status, quota, createdAt }: Tenant) {
  return { id, name, status, quota, createdAt: createdAt.toISOString() };
}

export function showApiKey({ id, name, scopes, electionPrefix, expiresAt, createdAt }: ApiKey) {
  return {
    id,
    name,
    scopes,
    electionPrefix,
    expiresAt: expiresAt?.toISOString(),
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

import { IncumbentError } from '#core';

/** How much a tenant may have at once. */
export interface Quota {
  maxElections: number;
  maxCandidatesPerElection: number;
  maxApiKeys: number;
}

/** Generous: they stop accidents and loops, they are not a price list. */
export const DEFAULT_QUOTA: Quota = { maxElections: 1_000, maxCandidatesPerElection: 1_000, maxApiKeys: 50 };

/** @throws IncumbentError limit.quota_exceeded when `used` of them leave no room for one more */
export function requireRoom(quota: Quota, name: keyof Quota, used: number): void {
  const value = quota[name];
  if (used < value) return;
  throw new IncumbentError(
    'limit.quota_exceeded',
    `The tenant may have ${value} of these (${name}). Remove one, or ask the operator for a larger quota.`,
    { limit: { name, value } },
  );
}

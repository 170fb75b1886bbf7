import { IncumbentError } from '#core';

/** How much a tenant may have at once, how short its sessions may be, how often it may call. */
export interface Quota {
  maxElections: number;
  maxCandidatesPerElection: number;
  maxApiKeys: number;
  maxWebhookEndpoints: number;
  maxSessions: number;
  maxCandidaciesPerSession: number;
  maxStreams: number;
  /** The smallest ttlMs of a session: short ones cost renewals. Over HTTP none is shorter than 1 s. */
  minTtlMs: number;
  /** Of all its keys together; renew and resign are not counted. */
  requestsPerSecond: number;
}

export type QuotaName = keyof Quota;

export const PLAN_NAMES = ['free', 'team', 'enterprise'] as const;
export type PlanName = (typeof PLAN_NAMES)[number];

/** What a tenant gets when nobody says. */
export const DEFAULT_PLAN: PlanName = 'team';

/** Named sets of quotas. Generous: they stop accidents and loops, they are not a price list. */
export const PLANS: Readonly<Record<PlanName, Readonly<Quota>>> = {
  free: {
    maxElections: 20,
    maxCandidatesPerElection: 100,
    maxApiKeys: 10,
    maxWebhookEndpoints: 3,
    maxSessions: 500,
    maxCandidaciesPerSession: 100,
    maxStreams: 50,
    minTtlMs: 5_000,
    requestsPerSecond: 50,
  },
  team: {
    maxElections: 1_000,
    maxCandidatesPerElection: 1_000,
    maxApiKeys: 50,
    maxWebhookEndpoints: 20,
    maxSessions: 10_000,
    maxCandidaciesPerSession: 1_000,
    maxStreams: 1_000,
    minTtlMs: 200,
    requestsPerSecond: 500,
  },
  enterprise: {
    maxElections: 10_000,
    maxCandidatesPerElection: 10_000,
    maxApiKeys: 500,
    maxWebhookEndpoints: 100,
    maxSessions: 100_000,
    maxCandidaciesPerSession: 10_000,
    maxStreams: 10_000,
    minTtlMs: 200,
    requestsPerSecond: 5_000,
  },
};

export const DEFAULT_QUOTA: Readonly<Quota> = PLANS[DEFAULT_PLAN];

export const QUOTA_NAMES = Object.keys(DEFAULT_QUOTA) as QuotaName[];

/** What a tenant has beside its plan; null or absent: as the plan says. */
export type QuotaOverrides = { [Name in QuotaName]?: number | null | undefined };

/** The plan's quota with the tenant's own values in place of the plan's. */
export function effectiveQuota(plan: string, overrides: QuotaOverrides): Quota {
  const quota = { ...(isPlan(plan) ? PLANS[plan] : DEFAULT_QUOTA) };
  for (const name of QUOTA_NAMES) quota[name] = overrides[name] ?? quota[name];
  return quota;
}

/** Values that are the tenant's own, without those that follow the plan. */
export function ownQuota(overrides: QuotaOverrides): Partial<Quota> {
  const own: Partial<Quota> = {};
  for (const name of QUOTA_NAMES) {
    const value = overrides[name];
    if (typeof value === 'number') own[name] = value;
  }
  return own;
}

function isPlan(name: string): name is PlanName {
  return (PLAN_NAMES as readonly string[]).includes(name);
}

/** @throws IncumbentError limit.quota_exceeded when `used` of them leave no room for one more */
export function requireRoom(quota: Quota, name: QuotaName, used: number): void {
  const value = quota[name];
  if (used < value) return;
  throw new IncumbentError(
    'limit.quota_exceeded',
    `The tenant may have ${value} of these (${name}). Remove one, or ask the operator for a larger quota.`,
    { limit: { name, value }, executed: false },
  );
}

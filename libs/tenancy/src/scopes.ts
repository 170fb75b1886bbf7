import { IncumbentError } from '#core';
import { unknownElection } from '#election';

/** What an API key may do. */
export const SCOPES = [
  'elections:read',
  'elections:campaign',
  'elections:manage',
  'keys:manage',
  'webhooks:manage',
  'audit:read',
] as const;
export type Scope = (typeof SCOPES)[number];

/** Who makes a call: a key, its tenant and what the key may do. */
export interface Principal {
  keyId: string;
  tenantId: string;
  scopes: readonly string[];
  /** Present: elections whose name does not start with it look absent. */
  electionPrefix?: string;
  /** RFC 3339; present: the key is refused from then on. */
  expiresAt?: string;
  /** Present: a rate of the key's own. */
  requestsPerSecond?: number;
  /** The tenant is suspended; the route decides what still works. */
  suspended: boolean;
}

export function hasScope(principal: Principal, scope: Scope): boolean {
  return principal.scopes.includes(scope);
}

/** @throws IncumbentError identity.scope_missing */
export function requireScope(principal: Principal, scope: Scope): void {
  if (hasScope(principal, scope)) return;
  throw new IncumbentError('identity.scope_missing', `Use an API key that has the scope ${scope}.`);
}

/** Whether the key may know of an election of this name; what it may not know of looks absent (T1). */
export function maySeeElection(principal: Principal, name: string): boolean {
  return principal.electionPrefix === undefined || name.startsWith(principal.electionPrefix);
}

/** @throws IncumbentError election.not_found, the very answer for a name that does not exist */
export function requireVisible(principal: Principal, name: string): void {
  if (!maySeeElection(principal, name)) throw unknownElection();
}

/**
 * What is told of the tenant as a whole is not for a key that may know only of some elections.
 * @throws IncumbentError identity.scope_missing
 */
export function requireWholeTenant({ electionPrefix }: Principal): void {
  if (electionPrefix === undefined) return;
  throw new IncumbentError(
    'identity.scope_missing',
    `This is about the whole tenant; the API key is bound to elections that start with ${electionPrefix}. Use one that is not.`,
  );
}

/**
 * A key makes no key that may do more than itself, or for longer: else `keys:manage` alone would be every scope at
 * once, and a key that leaked for an hour one for ever.
 * @throws IncumbentError identity.scope_missing
 */
export function requireDelegable(
  principal: Principal,
  wanted: {
    scopes: readonly Scope[];
    electionPrefix?: string | undefined;
    expiresAt?: Date | undefined;
    requestsPerSecond?: number | undefined;
  },
): void {
  for (const scope of wanted.scopes) requireScope(principal, scope);
  const { electionPrefix, expiresAt, requestsPerSecond } = principal;
  if (electionPrefix !== undefined && !wanted.electionPrefix?.startsWith(electionPrefix))
    throw beyond(
      `is bound to elections that start with ${electionPrefix}; give the new one an electionPrefix that does too`,
    );
  if (expiresAt !== undefined && !(wanted.expiresAt && wanted.expiresAt.getTime() <= Date.parse(expiresAt)))
    throw beyond(`expires at ${expiresAt}; give the new one an expiresAt that is no later`);
  if (requestsPerSecond !== undefined && (wanted.requestsPerSecond ?? Infinity) > requestsPerSecond)
    throw beyond(
      `has ${requestsPerSecond} requestsPerSecond; give the new one requestsPerSecond that are no more`,
    );
}

function beyond(detail: string): IncumbentError {
  return new IncumbentError('identity.scope_missing', `This API key ${detail}.`);
}

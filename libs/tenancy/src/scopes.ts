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
 * A key makes no key that may do more than itself: else `keys:manage` alone would be every scope at once.
 * @throws IncumbentError identity.scope_missing
 */
export function requireDelegable(
  principal: Principal,
  wanted: { scopes: readonly Scope[]; electionPrefix?: string | undefined },
): void {
  for (const scope of wanted.scopes) requireScope(principal, scope);
  const own = principal.electionPrefix;
  if (own === undefined || wanted.electionPrefix?.startsWith(own)) return;
  throw new IncumbentError(
    'identity.scope_missing',
    `This API key is bound to elections that start with ${own}; give the new one an electionPrefix that does too.`,
  );
}

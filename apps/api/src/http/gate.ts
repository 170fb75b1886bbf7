import { IncumbentError } from '#core';
import { type AdminRole, hasScope, type Operator, type Principal, requireScope } from '#tenancy';
import type { FastifyRequest } from 'fastify';
import type { RoutePolicy } from './operation.js';

/** More header fields than this are refused; Node keeps one more, so that the excess is noticed. */
export const MOST_HEADERS = 64;

/** Tell who sends an Authorization header; throw `identity.unauthenticated`, or 503 where it cannot be known yet. */
export interface Identify {
  tenant(authorization: string | undefined): Principal;
  operator(authorization: string | undefined): Operator;
  /** Whether a key that was let in would be let in again. */
  stillValid(principal: Principal): boolean;
  /** What a key that was let in may do now; undefined once it is not accepted any more. */
  present(principal: Principal): Principal | undefined;
}

/**
 * Decides before a body is read whether a request may come in: its framing is unambiguous, its credentials are
 * those the route demands, its tenant is active. Synchronous and from memory. A route without a policy is closed.
 */
export class Gate {
  constructor(private readonly identify: Identify) {}

  /** @throws IncumbentError request.*, identity.*, tenant.suspended */
  admit(request: FastifyRequest): void {
    checkFraming(request);
    const policy = request.routeOptions.config.policy;
    if (request.is404 || policy?.access === 'public') return;
    if (policy === undefined) return closeUnlessDocs(request.routeOptions.url);
    const authorization = onlyAuthorization(request);
    if (policy.access === 'admin') this.admitOperator(request, authorization, policy);
    else this.admitTenant(request, authorization, policy);
  }

  /** For answers that last: whether who was admitted would be admitted now. */
  stillAdmits(principal: Principal): boolean {
    return this.identify.stillValid(principal);
  }

  /** What a key that was let in may do by now; undefined once it is not accepted any more. */
  present(principal: Principal): Principal | undefined {
    return this.identify.present(principal);
  }

  /**
   * What a key that was let in may do by now. For whatever is answered later than it was asked: a key that was revoked
   * meanwhile is granted nothing and told nothing.
   * @throws IncumbentError identity.unauthenticated
   */
  requirePresent(principal: Principal): Principal {
    const present = this.identify.present(principal);
    if (!present) throw unauthenticated('The API key was revoked or has expired.');
    return present;
  }

  /**
   * Whether a caller may make a call with this policy.
   * @throws IncumbentError tenant.suspended, identity.scope_missing
   */
  requireAllowed(
    principal: Principal,
    { access, orAccess, evenSuspended }: Pick<RoutePolicy, 'access' | 'evenSuspended'> & Partial<RoutePolicy>,
  ): void {
    if (principal.suspended && !evenSuspended) {
      throw new IncumbentError(
        'tenant.suspended',
        'Only renew and resign are answered. Ask the operator of this service to activate the tenant again.',
      );
    }
    if (orAccess !== undefined && hasScope(principal, orAccess)) return;
    if (access !== 'public' && access !== 'admin') requireScope(principal, access);
  }

  private admitOperator(
    request: FastifyRequest,
    authorization: string | undefined,
    policy: RoutePolicy,
  ): void {
    const { actor, role } = this.identify.operator(authorization);
    // Known from here on, so that a refusal can be put on record under a name.
    request.call.operator = actor;
    if (policy.role === 'full' && role !== 'full') throw roleMissing(policy.role);
  }

  private admitTenant(request: FastifyRequest, authorization: string | undefined, policy: RoutePolicy): void {
    const principal = this.identify.tenant(authorization);
    request.call.principal = principal;
    this.requireAllowed(principal, policy);
  }
}

/**
 * Refuses what two servers in a row may read differently (request smuggling, cache poisoning). Node itself drops
 * doubled Host headers and accepts targets that name another host.
 */
function checkFraming(request: FastifyRequest): void {
  const { rawHeaders, url } = request.raw;
  if (rawHeaders.length > 2 * MOST_HEADERS) {
    throw new IncumbentError('request.headers_too_large', `Send at most ${MOST_HEADERS} header fields.`);
  }
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts !== 1) throw new IncumbentError('request.invalid_header', 'Send exactly one Host header.');
  if (url?.charCodeAt(0) !== 0x2f) {
    throw new IncumbentError(
      'request.invalid_path',
      'The request target must be a path that begins with "/".',
    );
  }
}

/** @throws IncumbentError identity.unauthenticated when two credentials were sent: which one counts is anybody's guess */
function onlyAuthorization(request: FastifyRequest): string | undefined {
  const { rawHeaders } = request.raw;
  let sent = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') sent += 1;
  }
  if (sent > 1) throw unauthenticated('Send exactly one Authorization header.');
  return request.headers.authorization;
}

/** Pages of the documentation are mounted by a library, without a policy; nothing else may be. */
function closeUnlessDocs(url: string | undefined): void {
  if (url !== undefined && (url === '/openapi.json' || url.startsWith('/docs'))) return;
  throw new Error(`The route ${url} has no access policy`);
}

function roleMissing(role: AdminRole): IncumbentError {
  return new IncumbentError(
    'identity.role_missing',
    `This call changes something. Use an admin token with the role ${role}.`,
  );
}

function unauthenticated(detail: string): IncumbentError {
  return new IncumbentError('identity.unauthenticated', detail);
}

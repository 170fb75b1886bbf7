import { type ErrorCode, IncumbentError } from '#core';
import type { Authenticator } from '#tenancy';
import type { Logger } from '#telemetry';
import type { FastifyRequest } from 'fastify';
import type { Denial, DeniedAttempts } from './denied-attempts.js';

/** Refusals that say something about who called, not about what was wrong with the call. */
const CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'identity.unauthenticated',
  'identity.scope_missing',
  'identity.role_missing',
  'tenant.suspended',
]);

/** Also one who was turned away unheard, for having failed too often. */
function tellsOfCaller({ code, extras }: IncumbentError): boolean {
  return CODES.has(code) || extras.limit?.name === 'failedAuthentication';
}

/** Finds the key that a header names, if there is such a key; whether the secret is right is another matter. */
interface ClaimedKey {
  (authorization: string | undefined): { keyId: string; tenantId: string } | undefined;
}

/** For whoever answers refusals: notices those that go on record. Never throws. */
export function denialsTo(
  attempts: DeniedAttempts,
  authenticator: Pick<Authenticator, 'claimed'>,
  logger: Logger,
): (error: unknown, request: FastifyRequest) => void {
  return (error, request) => {
    try {
      const denial = denialOf(error, request, (authorization) => authenticator.claimed(authorization));
      if (denial) attempts.noticed(denial);
    } catch (failure) {
      logger.warn({ err: failure, requestId: request.id }, 'a refusal was not noticed');
    }
  };
}

/**
 * What goes on record of a refused request: on the tenant's chain if a key of it is named, on the platform's for
 * calls of the admin API. Undefined for everything else: a text that names no key is nobody's business.
 */
export function denialOf(
  error: unknown,
  request: FastifyRequest,
  claimedKey: ClaimedKey,
): Denial | undefined {
  const policy = request.routeOptions.config.policy;
  if (!(error instanceof IncumbentError) || !tellsOfCaller(error) || policy === undefined) return undefined;
  const what = { code: error.code, operation: policy.operationId, context: request.call.origin };
  if (policy.access === 'admin') {
    const actor = request.call.operator ?? { type: 'admin_token' as const, id: 'unknown' };
    const source = request.call.operator?.id ?? request.ip;
    return { ...what, tenantId: null, actor, targets: [], source };
  }
  const key = request.call.principal ?? claimedKey(request.headers.authorization);
  if (key === undefined) return undefined;
  const { keyId, tenantId } = key;
  const targets = [{ type: 'api_key' as const, id: keyId }];
  return { ...what, tenantId, actor: { type: 'api_key', id: keyId }, targets, source: keyId };
}

import { hasCode, IncumbentError } from '#core';
import { type Principal, RATE_WINDOW_MS, type RateLimits, type RateStanding } from '#tenancy';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type FailedAttempts, MOST_FAILURES } from './failed-attempts.js';

const WINDOW_SECONDS = RATE_WINDOW_MS / 1_000;

const ADVICE = {
  tenant: 'All keys of the tenant together call more often than its quota requestsPerSecond allows.',
  key: 'This API key calls more often than its own requestsPerSecond allows.',
};

export interface RateGateParts {
  /** Absent: rates are not limited. */
  rates: RateLimits | undefined;
  attempts: FailedAttempts;
  /** Told of every call that is refused for its rate, with the limit's name. */
  onRefused: (limit: string) => void;
}

/**
 * Refuses calls that come too often, before their body is read: a tenant that floods costs the others no more than
 * the reading of its headers. Synchronous and from memory, as the gate before it.
 */
export class RateGate {
  constructor(private readonly parts: RateGateParts) {}

  /**
   * @param refusal what the gate refused the request with; a key without the scope is counted all the same, but never
   *   against the renewals of those that have it
   * @returns what to refuse the request with, or undefined
   */
  judge(request: FastifyRequest, reply: FastifyReply, refusal: unknown): unknown {
    const { principal } = request.call;
    if (principal) {
      const renews = request.routeOptions.config.policy?.renews === true;
      return this.judgeCaller(principal, renews, refusal, reply);
    }
    if (!hasCode(refusal, 'identity.unauthenticated')) return refusal;
    const waitMs = this.parts.attempts.count(request.ip);
    if (waitMs === 0) return refusal;
    // The connection of one who only fails is worth nothing to anybody.
    void reply.header('connection', 'close');
    const detail = 'Too many calls from this address had no valid credentials. Correct them, then try again.';
    return this.exceeded('failedAuthentication', detail, waitMs, MOST_FAILURES);
  }

  /**
   * The same for a call whose caller is known, over HTTP or in a frame of a socket.
   * @param reply told how the limits stand, where there are headers to tell it
   */
  judgeCaller(principal: Principal, renews: boolean, refusal: unknown, reply?: FastifyReply): unknown {
    const judged =
      renews && refusal === undefined ? this.judgeRenewal(principal) : this.judgeTenant(principal, reply);
    return judged ?? refusal;
  }

  /**
   * Counts a call that turned out to be no renewal once its body was read.
   * @throws IncumbentError limit.rate_exceeded
   */
  requireRoom(principal: Principal, reply: FastifyReply): void {
    const refusal = this.judgeTenant(principal, reply);
    if (refusal !== undefined) throw refusal as Error;
  }

  private judgeRenewal({ tenantId }: Principal): unknown {
    const { rates } = this.parts;
    const waitMs = rates?.admitRenewal(tenantId) ?? 0;
    if (!rates || waitMs === 0) return undefined;
    const detail =
      'Renew every renewAfterMs; far more renewals than the sessions of the tenant need came here.';
    return this.exceeded('renewals', detail, waitMs, Math.floor(rates.renewalRate(tenantId)));
  }

  private judgeTenant(principal: Principal, reply: FastifyReply | undefined): unknown {
    const { rates } = this.parts;
    if (!rates) return undefined;
    const { exceeded, limits } = rates.admit(principal);
    if (reply && limits.length > 0) {
      void reply.header('ratelimit-policy', limits.map(showPolicy).join(', '));
      void reply.header('ratelimit', limits.map(showStanding).join(', '));
    }
    const [hit] = limits;
    if (exceeded === undefined || exceeded === 'renewals' || !hit) return undefined;
    return this.exceeded(exceeded, ADVICE[exceeded], hit.resetsInMs, hit.limit);
  }

  private exceeded(name: string, detail: string, retryAfterMs: number, value: number): IncumbentError {
    this.parts.onRefused(name);
    return new IncumbentError('limit.rate_exceeded', detail, {
      executed: false,
      retryAfterMs,
      limit: { name, value },
    });
  }
}

/** draft-ietf-httpapi-ratelimit-headers-11: quota `q` in `w` seconds, `r` of it left, all of it again after `t` seconds. */
function showPolicy({ name, limit }: RateStanding): string {
  return `"${name}";q=${limit};w=${WINDOW_SECONDS}`;
}

function showStanding({ name, remaining, resetsInMs }: RateStanding): string {
  return `"${name}";r=${remaining};t=${Math.ceil(resetsInMs / 1_000)}`;
}

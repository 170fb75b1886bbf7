import { createHash } from 'node:crypto';
import { Controller } from '@nestjs/common';
import { IncumbentError, toTimestamp } from '#core';
import { electionRef } from '#election';
import { Engine } from '#etcd';
import { FencingTokens, KeyRing } from '#fencing';
import { maySeeElection, type Principal } from '#tenancy';
import type { Call } from '../http/call.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { getJwks, validateFencingToken } from './fencing.operations.js';

/** Verifiers may keep the keys this long; a key is published far longer before it signs. */
const JWKS_CACHE = 'public, max-age=300';

type Claims = Extract<Awaited<ReturnType<FencingTokens['verify']>>, { claims: unknown }>['claims'];

@Controller()
export class FencingController {
  constructor(
    private readonly engine: Engine,
    private readonly tokens: FencingTokens,
    private readonly keys: KeyRing,
  ) {}

  @Operation(getJwks)
  jwks(@Input(getJwks) { reply, request }: InputOf<typeof getJwks>): string | undefined {
    const set = this.keys.jwks();
    if (set.keys.length === 0) {
      throw new IncumbentError('database.unavailable', 'The keys are not loaded yet. Try again in a moment.');
    }
    const body = JSON.stringify(set);
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    void reply.headers({ 'cache-control': JWKS_CACHE, etag, 'content-type': 'application/jwk-set+json' });
    if (request.headers['if-none-match'] !== etag) return body;
    void reply.code(304);
    return undefined;
  }

  @Operation(validateFencingToken)
  async validate(@Input(validateFencingToken) { call, body }: InputOf<typeof validateFencingToken>) {
    const checked = await this.tokens.verify(body.token);
    if (!checked.ok && checked.reason !== 'expired') return { valid: false, reason: checked.reason };
    if (!isVisible(checked.claims, call.caller)) return { valid: false, reason: 'unknown_election' };
    return this.judge(call, checked.claims, !checked.ok);
  }

  /** The signature is good; what counts now is whether the term still lasts, which only the store can tell (S3). */
  private async judge(call: Call, claims: Claims, expired: boolean) {
    const { tenant: tenantId, election, sub: candidate, seat, epoch, term, fence } = claims;
    const { electionId } = electionRef(tenantId, election);
    const named = { tenantId, electionId, seat, epoch, term };
    const { current, currentFence } = await this.engine.current.elections.verify(named, call.bounds());
    if (currentFence === undefined) return { valid: false, reason: 'unknown_election' };
    const expiresAt = toTimestamp(claims.exp * 1_000);
    const about = { election, candidate, seat, term, fence, currentFence, expiresAt };
    if (current && !expired) return { valid: true, ...about };
    return { valid: false, reason: current ? 'expired' : 'superseded', ...about };
  }
}

/** Another tenant's token, or one outside the key's prefix, must not tell that its election exists (T1). */
function isVisible(claims: Claims, caller: Principal): boolean {
  return claims.tenant === caller.tenantId && maySeeElection(caller, claims.election);
}

import { describe, expect, it } from '@jest/globals';
import { IncumbentError } from '#core';
import type { FastifyRequest } from 'fastify';
import { denialOf } from './denials.js';

const KEY = { keyId: 'key_1', tenantId: 'ten_a' };

/** A request as the hooks leave it, as far as a denial looks at it. */
function aRequest(access: string, call: object = {}): FastifyRequest {
  const origin = { requestId: 'req_1', ip: '192.0.2.1' };
  return {
    ip: '192.0.2.1',
    headers: { authorization: 'Bearer something' },
    routeOptions: { config: { policy: { access, operationId: 'listElections' } } },
    call: { origin, ...call },
  } as unknown as FastifyRequest;
}

const unauthenticated = new IncumbentError('identity.unauthenticated', 'no');
const noKey = (): undefined => undefined;

describe('a refused request', () => {
  it('goes on the record of the tenant whose key it names, right secret or not', () => {
    const denial = denialOf(unauthenticated, aRequest('elections:read'), () => KEY);
    expect(denial).toMatchObject({
      tenantId: 'ten_a',
      actor: { type: 'api_key', id: 'key_1' },
      source: 'key_1',
    });
    const missing = new IncumbentError('identity.scope_missing', 'no');
    expect(denialOf(missing, aRequest('elections:read', { principal: KEY }), noKey)).toMatchObject({
      tenantId: 'ten_a',
      code: 'identity.scope_missing',
    });
  });

  it('goes on the record of the platform when it was one of the admin API, by name or by address', () => {
    const stranger = denialOf(unauthenticated, aRequest('admin'), () => KEY);
    expect(stranger).toMatchObject({ tenantId: null, actor: { id: 'unknown' }, source: '192.0.2.1' });
    const operator = { type: 'admin_token', id: 'adm_1', name: 'oncall' };
    const role = new IncumbentError('identity.role_missing', 'no');
    expect(denialOf(role, aRequest('admin', { operator }), noKey)).toMatchObject({
      tenantId: null,
      actor: operator,
      source: 'adm_1',
    });
  });

  it('is noted also when it was turned away for failing too often, not when it only called too often', () => {
    const refusal = (name: string): IncumbentError =>
      new IncumbentError('limit.rate_exceeded', 'no', { limit: { name, value: 1 } });
    expect(denialOf(refusal('failedAuthentication'), aRequest('admin'), noKey)).toBeDefined();
    expect(denialOf(refusal('tenant'), aRequest('elections:read'), () => KEY)).toBeUndefined();
  });

  it('is nobody’s when it names no key, and nothing when its fault is another', () => {
    expect(denialOf(unauthenticated, aRequest('elections:read'), noKey)).toBeUndefined();
    expect(
      denialOf(new IncumbentError('election.not_found', 'no'), aRequest('admin'), noKey),
    ).toBeUndefined();
    expect(denialOf(new Error('no'), aRequest('admin'), noKey)).toBeUndefined();
  });
});

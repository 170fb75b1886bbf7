import { describe, expect, it } from '@jest/globals';
import { unknownElection } from '#election';
import { hasCode } from '#core';
import {
  type Principal,
  hasScope,
  maySeeElection,
  requireDelegable,
  requireScope,
  requireVisible,
} from './scopes.js';

const principal: Principal = {
  keyId: 'key_a',
  tenantId: 'ten_a',
  scopes: ['elections:read'],
  electionPrefix: 'billing-',
  suspended: false,
};

function thrownBy(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('scopes', () => {
  it('grants what the key lists and nothing beside', () => {
    expect(hasScope(principal, 'elections:read')).toBe(true);
    expect(
      hasCode(
        thrownBy(() => requireScope(principal, 'elections:manage')),
        'identity.scope_missing',
      ),
    ).toBe(true);
    expect(thrownBy(() => requireScope(principal, 'elections:read'))).toBeUndefined();
  });

  it('makes elections outside the prefix look absent, word for word', () => {
    expect(maySeeElection(principal, 'billing-eu')).toBe(true);
    expect(maySeeElection(principal, 'billing')).toBe(false);
    expect(maySeeElection({ ...principal, electionPrefix: 'payroll' }, 'billing-eu')).toBe(false);
    const hidden = thrownBy(() => requireVisible(principal, 'payroll'));
    expect(hidden).toMatchObject({ code: 'election.not_found', message: unknownElection().message });
  });

  it('shows every election to a key without a prefix', () => {
    const { electionPrefix: _, ...unbound } = principal;
    expect(maySeeElection(unbound, 'payroll')).toBe(true);
  });

  it('makes no key that may do more than the one that makes it', () => {
    const may = (wanted: Parameters<typeof requireDelegable>[1]): boolean =>
      thrownBy(() => requireDelegable(principal, wanted)) === undefined;
    expect(may({ scopes: ['elections:read'], electionPrefix: 'billing-eu' })).toBe(true);
    expect(may({ scopes: ['elections:read'], electionPrefix: 'billing-' })).toBe(true);
    expect(may({ scopes: ['elections:read', 'keys:manage'], electionPrefix: 'billing-' })).toBe(false);
    expect(may({ scopes: ['elections:read'] })).toBe(false);
    expect(may({ scopes: ['elections:read'], electionPrefix: 'billing' })).toBe(false);
    expect(may({ scopes: ['elections:read'], electionPrefix: '' })).toBe(false);
  });

  it('makes no key that lives longer or may call more often than the one that makes it', () => {
    const expiresAt = '2026-11-21T10:00:00.000Z';
    const may = (maker: Partial<Principal>, wanted: { expiresAt?: Date; requestsPerSecond?: number }) => {
      const { electionPrefix: _, ...unbound } = principal;
      const scopes = ['elections:read' as const];
      return thrownBy(() => requireDelegable({ ...unbound, ...maker }, { scopes, ...wanted })) === undefined;
    };
    expect(may({}, {})).toBe(true);
    expect(may({ expiresAt }, { expiresAt: new Date(expiresAt) })).toBe(true);
    expect(may({ expiresAt }, { expiresAt: new Date(Date.parse(expiresAt) + 1) })).toBe(false);
    expect(may({ expiresAt }, {})).toBe(false);
    expect(may({ requestsPerSecond: 5 }, { requestsPerSecond: 5 })).toBe(true);
    expect(may({ requestsPerSecond: 5 }, { requestsPerSecond: 6 })).toBe(false);
    expect(may({ requestsPerSecond: 5 }, {})).toBe(false);
  });
});

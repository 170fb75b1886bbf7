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
});

import { describe, expect, it } from '@jest/globals';
import { isElectionPattern, isWithin, wants } from './subscription.js';

const endpoint = (elections: string[], events = ['leadership.lost']) => ({ elections, events });

describe('wants', () => {
  it.each([
    [[], 'anything', true],
    [['billing'], 'billing', true],
    [['billing'], 'billing-eu', false],
    [['billing*'], 'billing', true],
    [['billing-*'], 'billing-eu', true],
    [['billing-*'], 'billing', false],
    [['a', 'b-*'], 'b-1', true],
    [['*'], 'anything', true],
  ])('with %j answers for %s: %s', (elections, name, wanted) => {
    expect(wants(endpoint(elections), 'leadership.lost', name)).toBe(wanted);
  });

  it('hears no type that it did not ask for, and what concerns the tenant whatever its elections', () => {
    expect(wants(endpoint([]), 'leadership.acquired', 'x')).toBe(false);
    expect(wants(endpoint(['x'], ['quota.exceeded']), 'quota.exceeded', '')).toBe(true);
  });
});

describe('isWithin', () => {
  it.each([
    [['team-a'], true],
    [['team-a', 'team-b*'], true],
    [['team-*'], true],
    [['tea*'], false],
    [['*'], false],
    [[], false],
    [['team-a', 'other'], false],
  ])('with %j and the prefix team- answers %s', (elections, within) => {
    expect(isWithin(endpoint(elections), 'team-')).toBe(within);
  });

  it('is never true of what hears of the whole tenant, and always for a key without prefix', () => {
    expect(isWithin(endpoint(['team-a'], ['endpoint.disabled']), 'team-')).toBe(false);
    expect(isWithin(endpoint([], ['endpoint.disabled']), undefined)).toBe(true);
  });
});

describe('isElectionPattern', () => {
  it.each(['billing', 'billing-*', '*', 'a.b_c-1*'])('takes %s', (text) =>
    expect(isElectionPattern(text)).toBe(true),
  );
  it.each(['', '**', 'a*b', '-a', 'a b', 'a/*', '*a'])('refuses %j', (text) =>
    expect(isElectionPattern(text)).toBe(false),
  );
});

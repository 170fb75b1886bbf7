import { describe, expect, it } from '@jest/globals';
import { hasCode } from '#core';
import fc from 'fast-check';
import { baseOf, joined, restOf } from './leader-url.js';

const AT = '/v1/elections/billing/leader/redirect';

/** Where a caller with this target is sent, or the code of the refusal. */
function sentTo(address: string, rest: string): string {
  const base = baseOf(address);
  if (!base) return 'no address';
  try {
    return joined(base, restOf(AT + rest));
  } catch (error) {
    if (hasCode(error, 'request.invalid_path') || hasCode(error, 'request.invalid_query')) return error.code;
    throw error;
  }
}

describe('where a caller is sent', () => {
  it.each([
    ['http://10.0.4.17:8080', '', 'http://10.0.4.17:8080/'],
    ['http://10.0.4.17:8080', '/', 'http://10.0.4.17:8080/'],
    ['http://10.0.4.17:8080/', '/jobs/7', 'http://10.0.4.17:8080/jobs/7'],
    ['https://leader.example/base', '/jobs/', 'https://leader.example/base/jobs/'],
    ['https://leader.example/base/', '/jobs?a=1&a=2', 'https://leader.example/base/jobs?a=1&a=2'],
    ['https://leader.example/base', '?q=%0d%0aX:1', 'https://leader.example/base?q=%0d%0aX:1'],
    ['https://leader.example', '/a%20b/..c/c...', 'https://leader.example/a%20b/..c/c...'],
    ['http://[::1]:9000', '/a', 'http://[::1]:9000/a'],
    ['https://leader.example', '/@evil.example/', 'https://leader.example/@evil.example/'],
    ['https://leader.example', '/http:/evil.example', 'https://leader.example/http:/evil.example'],
    ['https://leader.example', '?next=//evil.example/..', 'https://leader.example/?next=//evil.example/..'],
  ])('%s and %s give %s', (address, rest, expected) => {
    expect(sentTo(address, rest)).toBe(expected);
  });

  it.each([
    '//evil.example',
    '/a//b',
    '/..',
    '/../admin',
    '/a/../../b',
    '/%2e%2e/b',
    '/.%2E/b',
    '/a%2f..%2fb',
    '/%2f/evil.example',
    '/.',
    '/\\evil.example',
    '/%5cevil.example',
    '/a%0d%0aSet-Cookie:x',
    '/a%00b',
    '/a%zz',
    '/caf\u00e9',
    '/a#b',
  ])('refuses the path %s', (rest) => {
    expect(sentTo('https://leader.example/base', rest)).toBe('request.invalid_path');
  });

  it.each(['?caf\u00e9', '?a#b', '?a b'])('refuses the query %s', (rest) => {
    expect(sentTo('https://leader.example/base', rest)).toBe('request.invalid_query');
  });

  it.each([
    undefined,
    '10.0.4.17:8080',
    'leader.example',
    'ftp://leader.example',
    'javascript:alert(1)',
    'http:leader.example',
    'https://user:secret@leader.example',
    'https://user@leader.example',
    'https://@leader.example',
    'https://leader.example\\@evil.example',
    'https://leader.example?a=1',
    'https://leader.example/#a',
    ' https://leader.example',
    'https://leader.example\r\nSet-Cookie: x',
    'https://leader.\texample',
    'https://',
    'http://[::1',
    '//leader.example',
  ])('cannot be the address %j', (address) => {
    expect(baseOf(address)).toBeUndefined();
  });

  it('is on the host and below the path of the address, whatever is asked for', () => {
    const piece = fc.constantFrom(
      '/',
      '//',
      '.',
      '..',
      '%2e',
      '%2f',
      '\\',
      '%5c',
      '?',
      '#',
      '@',
      ':',
      'a',
      '%',
    );
    const rest = fc.oneof(
      fc.array(piece).map((pieces) => pieces.join('')),
      fc.webUrl(),
      fc.string(),
    );
    fc.assert(
      fc.property(rest, (text) => {
        const to = sentTo('https://leader.example:8443/base', `/${text}`);
        if (to.startsWith('request.')) return;
        const url = new URL(to);
        expect(url.origin).toBe('https://leader.example:8443');
        expect(`${url.pathname}/`.startsWith('/base/')).toBe(true);
        expect(/[\r\n]/.test(to)).toBe(false);
      }),
    );
  });
});

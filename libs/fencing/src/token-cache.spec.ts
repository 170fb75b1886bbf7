import { describe, expect, it } from '@jest/globals';
import { type CachedToken, TokenCache } from './token-cache.js';

const signed = (token: string): CachedToken => ({ token, kid: 'kid', signedMs: 0 });

describe('token cache', () => {
  it('forgets the term that was asked for longest ago, and never grows beyond its bound', () => {
    const cache = new TokenCache(2);
    cache.set('a', signed('a'));
    cache.set('b', signed('b'));
    cache.get('a');
    cache.set('c', signed('c'));
    expect(cache.size).toBe(2);
    expect(cache.get('b')).toBeUndefined();
    expect(cache.get('a')?.token).toBe('a');
  });
});

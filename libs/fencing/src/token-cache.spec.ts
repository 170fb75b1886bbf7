import { describe, expect, it } from '@jest/globals';
import { type CachedToken, TokenCache } from './token-cache.js';

const signed = (token: string): Promise<CachedToken> => Promise.resolve({ token, kid: 'kid', signedMs: 0 });

describe('token cache', () => {
  it('forgets the term that was asked for longest ago, and never grows beyond its bound', async () => {
    const cache = new TokenCache(2);
    cache.set('a', signed('a'));
    cache.set('b', signed('b'));
    await cache.get('a');
    cache.set('c', signed('c'));
    expect(cache.size).toBe(2);
    expect(cache.get('b')).toBeUndefined();
    expect((await cache.get('a'))?.token).toBe('a');
  });

  it('does not forget a token that took the place of the one to be forgotten', async () => {
    const cache = new TokenCache(2);
    const first = signed('first');
    cache.set('a', first);
    cache.set('a', signed('second'));
    cache.forget('a', first);
    expect((await cache.get('a'))?.token).toBe('second');
  });
});

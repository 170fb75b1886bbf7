import { describe, expect, it } from '@jest/globals';
import { TokenBucket } from './token-bucket.js';

describe('a token bucket', () => {
  it('lets two seconds of calls pass at once, and then the rate', () => {
    const bucket = new TokenBucket();
    const waits = Array.from({ length: 21 }, () => bucket.take(10, 1_000));
    expect(waits.slice(0, 20).every((wait) => wait === 0)).toBe(true);
    expect(waits[20]).toBe(100);
    expect(bucket.take(10, 1_100)).toBe(0);
    expect(bucket.take(10, 1_100)).toBeGreaterThan(0);
  });

  it('follows a rate that rises', () => {
    const bucket = new TokenBucket();
    while (bucket.take(1, 0) === 0);
    expect(bucket.take(100, 50)).toBe(0);
  });

  it('is worth forgetting once it is full again', () => {
    const bucket = new TokenBucket();
    bucket.take(1, 0);
    expect([bucket.isIdle(2_000), bucket.isIdle(2_001)]).toEqual([false, true]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { FenceGuard, StaleFence } from './fence-guard.js';

describe('FenceGuard', () => {
  it('lets the leader of the highest fence act again and again, and nobody before it', () => {
    const guard = new FenceGuard();
    guard.accept(3);
    guard.accept(3);
    guard.accept(5);
    expect(() => guard.accept(3)).toThrow(StaleFence);
    expect(guard.highest).toBe(5);
  });

  it('continues from a stored fence', () => {
    expect(() => new FenceGuard(7).accept(6)).toThrow(StaleFence);
  });

  it.each([Number.NaN, 1.5, 2 ** 53, -1])('refuses %d, which is no fence', (fence) => {
    expect(() => new FenceGuard().accept(fence)).toThrow(StaleFence);
  });
});

import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '#testing';
import { Turns } from './turns.js';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('lets tenants in one after the other, however many of one wait', async () => {
    const turns = new Turns({ all: 1, perTenant: 1 }, new FakeClock());
    const order: string[] = [];
    const releases: ((() => void) | undefined)[] = [await turns.take('a', 1_000)];
    for (const tenant of ['a', 'a', 'a', 'b', 'c', 'b'])
      void turns.take(tenant, 1_000).then((release) => {
        order.push(tenant);
        releases.push(release);
      });
    for (let turn = 0; turn < 6; turn += 1) {
      releases.shift()?.();
      await settled();
    }
    expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'a']);
  });

  it('keep places free of a tenant that has its share', async () => {
    const turns = new Turns({ all: 4, perTenant: 2 }, new FakeClock());
    const seen: string[] = [];
    for (const tenant of ['a', 'a', 'a', 'b', 'b', 'b'])
      void turns.take(tenant, 1_000).then(() => seen.push(tenant));
    await settled();
    expect(seen).toEqual(['a', 'a', 'b', 'b']);
  });

  it('end in time, and a place that nobody waits for any more is not lost', async () => {
    const clock = new FakeClock();
    const turns = new Turns({ all: 1, perTenant: 1 }, clock);
    const release = await turns.take('a', 1_000);
    const late = turns.take('b', 1_000);
    await clock.advance(1_000);
    expect(await late).toBeUndefined();
    release?.();
    expect(await turns.take('c', 1_000)).toBeDefined();
  });
});

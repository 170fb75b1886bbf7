import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Lane, LANES } from '#election';
import { LaneQueue } from './lane-queue.js';

interface Item {
  lane: Lane;
  tenantId: string;
  label: string;
}

describe('LaneQueue', () => {
  let queue: LaneQueue<Item>;
  beforeEach(() => {
    queue = new LaneQueue();
  });

  const add = (lane: Lane, tenantId: string, ...labels: string[]): void => {
    for (const label of labels) queue.add({ lane, tenantId, label });
  };
  /** The labels of the next items, up to `limit`; `busy` ones have to stay. */
  const take = (limit: number, busy: (item: Item) => boolean = () => false): string[] => {
    const taken: string[] = [];
    queue.offer((item) => {
      if (taken.length >= limit) return 'full';
      if (busy(item)) return 'keep';
      taken.push(item.label);
      return 'take';
    });
    return taken;
  };

  it('serves renewals first, then the other lanes in their order', () => {
    for (const lane of LANES.toReversed()) add(lane, 'ten_a', lane);
    expect(take(10)).toEqual([...LANES]);
    expect(queue.size).toBe(0);
  });

  it('lets tenants take turns, however much one of them asks for', () => {
    add('campaign', 'ten_loud', ...Array.from({ length: 100 }, (_, i) => `loud ${i}`));
    add('campaign', 'ten_quiet', 'quiet 0', 'quiet 1');
    expect(take(4)).toEqual(['loud 0', 'quiet 0', 'loud 1', 'quiet 1']);
    add('campaign', 'ten_late', 'late');
    expect(take(3)).toEqual(['loud 2', 'late', 'loud 3']);
    expect(queue.size).toBe(96);
  });

  it('keeps the turn of a tenant whose turn it was when the group was full', () => {
    add('campaign', 'ten_a', 'a0', 'a1');
    add('campaign', 'ten_b', 'b0', 'b1');
    expect([take(1), take(1), take(1), take(1)].flat()).toEqual(['a0', 'b0', 'a1', 'b1']);
  });

  it('passes over what has to wait and offers it first the next time', () => {
    add('campaign', 'ten_a', 'hot 0', 'hot 1', 'cold');
    add('campaign', 'ten_b', 'other');
    const busy = (item: Item): boolean => item.label.startsWith('hot');
    expect(take(10, busy)).toEqual(['cold', 'other']);
    expect(take(10)).toEqual(['hot 0', 'hot 1']);
  });

  it('puts back to the front what could not be sent', () => {
    add('renew', 'ten_a', 'second');
    queue.add({ lane: 'renew', tenantId: 'ten_a', label: 'first' }, 'front');
    expect(take(10)).toEqual(['first', 'second']);
  });

  it('forgets what is removed, and nothing else', () => {
    add('renew', 'ten_a', 'a0', 'a1');
    add('admin', 'ten_b', 'b0', 'b1');
    expect(queue.removeWhere(({ label }) => label.endsWith('0')).map(({ label }) => label)).toEqual([
      'a0',
      'b0',
    ]);
    expect(queue.size).toBe(2);
    add('renew', 'ten_c', 'c0');
    queue.removeWhere(({ label }) => label === 'a1');
    expect(take(10)).toEqual(['c0', 'b1']);
  });
});

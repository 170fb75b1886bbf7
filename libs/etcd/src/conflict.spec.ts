import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Guard, Read, Transition, Write } from '#election';
import { Footprint } from './conflict.js';

const key = fc.constantFrom('a', 'a/1', 'a/10', 'b', 'b/1');
const prefix = fc.constantFrom('a', 'a/', 'a/1', 'b/', '');
const guard: fc.Arbitrary<Guard> = fc.oneof(
  fc.record({ kind: fc.constant('absent' as const), key }),
  fc.record({ kind: fc.constant('value' as const), key, value: fc.constantFrom('0', '1') }),
  fc.record({ kind: fc.constant('revision' as const), key, revision: fc.constant(1) }),
  fc.record({ kind: fc.constant('noneNewer' as const), prefix, revision: fc.constant(1) }),
);
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key, value: fc.constantFrom('0', '1') }),
  fc.record({ kind: fc.constant('delete' as const), key }),
);
const read: fc.Arbitrary<Read> = fc.oneof(
  fc.record({ kind: fc.constant('key' as const), key }),
  fc.record({ kind: fc.constant('prefix' as const), prefix }),
);
const transition: fc.Arbitrary<Transition> = fc.record({
  guards: fc.array(guard, { maxLength: 2 }),
  writes: fc.uniqueArray(write, { maxLength: 2, selector: (each) => each.key }),
  reads: fc.array(read, { maxLength: 2 }),
});

/** Whether two transitions may share a group, in this order. */
function together(first: Transition, second: Transition): boolean {
  const footprint = new Footprint();
  footprint.add(first);
  return footprint.add(second);
}

/** The keys that a transition looks at, as tests on a key. */
function looksAt({ guards, reads }: Transition, written: string): boolean {
  const byGuard = guards.some((each) =>
    each.kind === 'noneNewer' ? written.startsWith(each.prefix) : each.key === written,
  );
  return (
    byGuard ||
    reads.some((each) => (each.kind === 'key' ? each.key === written : written.startsWith(each.prefix)))
  );
}

describe('the conflict check', () => {
  it('lets a transition follow another if it only reads, else exactly when neither writes what the other writes or looks at', () => {
    const property = fc.property(transition, transition, (first, second) => {
      const touches = (one: Transition, other: Transition): boolean =>
        one.writes.some(
          (each) => looksAt(other, each.key) || other.writes.some((its) => its.key === each.key),
        );
      const onlyReads = second.guards.length === 0 && second.writes.length === 0;
      expect(together(first, second)).toBe(onlyReads || (!touches(first, second) && !touches(second, first)));
    });
    fc.assert(property, { numRuns: 5_000 });
  });

  it('remembers every transition it has let in, and none that it kept out', () => {
    const put = (name: string, guards: Guard[] = []): Transition => ({
      guards,
      writes: [{ kind: 'put', key: name, value: 'x' }],
      reads: [],
    });
    const footprint = new Footprint();
    expect(footprint.add(put('a'))).toBe(true);
    expect(footprint.add(put('b', [{ kind: 'absent', key: 'a' }]))).toBe(false);
    expect(footprint.add(put('b'))).toBe(true);
    expect(footprint.add(put('c', [{ kind: 'noneNewer', prefix: 'b', revision: 1 }]))).toBe(false);
    expect(footprint.add({ guards: [], writes: [], reads: [{ kind: 'key', key: 'c' }] })).toBe(true);
    expect(footprint.add(put('c'))).toBe(false);
  });
});

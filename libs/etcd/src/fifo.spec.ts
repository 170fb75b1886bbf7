import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Fifo } from './fifo.js';

describe('Fifo', () => {
  it('behaves like an array, whatever is done to it', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), count: fc.nat({ max: 200 }) }),
      fc.record({ kind: fc.constant('unshift' as const) }),
      fc.record({
        kind: fc.constant('take' as const),
        place: fc.nat({ max: 20 }),
        count: fc.nat({ max: 150 }),
      }),
      fc.record({ kind: fc.constant('remove' as const), modulus: fc.integer({ min: 2, max: 5 }) }),
    );
    const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      for (const each of steps) {
        if (each.kind === 'push') {
          for (let i = 0; i < each.count; i += 1) {
            next += 1;
            fifo.push(next);
            model.push(next);
          }
        } else if (each.kind === 'unshift') {
          next += 1;
          fifo.unshift(next);
          model.unshift(next);
        } else if (each.kind === 'take') {
          for (let i = 0; i < each.count; i += 1)
            expect(fifo.removeAt(each.place)).toBe(model.splice(each.place, 1)[0]);
        } else {
          const leaves = (item: number): boolean => item % each.modulus === 0;
          const left = model.filter(leaves);
          model.splice(0, model.length, ...model.filter((item) => !leaves(item)));
          expect(fifo.removeWhere(leaves)).toEqual(left);
        }
        expect(Array.from({ length: fifo.length }, (_, place) => fifo.at(place))).toEqual(model);
      }
    });
    fc.assert(property);
  });
});

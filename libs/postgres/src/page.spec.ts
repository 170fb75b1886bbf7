import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hasCode } from '#core';
import { type Place, decodeCursor, encodeCursor, pageOf } from './page.js';

const place = (number: number): Place => ({
  createdAt: new Date(1_795_000_000_000 + number),
  id: `ten_${number}`,
});
const idOf = (row: Place): string => row.id;

describe('pages', () => {
  it('show as many rows as were wanted, and a cursor only while there is more', () => {
    const rows = [place(1), place(2), place(3)];
    expect(pageOf(rows, 3, idOf)).toEqual({ data: ['ten_1', 'ten_2', 'ten_3'] });
    const page = pageOf(rows, 2, idOf);
    expect(page.data).toEqual(['ten_1', 'ten_2']);
    expect(decodeCursor(page.nextCursor ?? '')).toEqual(place(2));
    expect(pageOf([], 2, idOf)).toEqual({ data: [] });
  });

  it('read back every cursor that they made', () => {
    fc.assert(
      fc.property(fc.nat(4_000_000_000_000), fc.stringMatching(/^[a-z]{3}_[a-z0-9]{24}$/), (ms, id) => {
        const given = { createdAt: new Date(ms), id };
        expect(decodeCursor(encodeCursor(given))).toEqual(given);
      }),
    );
  });

  it('refuse every other text as a bad parameter, never as a failure of ours', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        try {
          decodeCursor(text);
        } catch (error) {
          expect(hasCode(error, 'request.invalid_query')).toBe(true);
        }
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { deprecationHeaders } from './deprecation.js';

const since = new Date('2027-01-01T00:00:00.000Z');
const link = 'https://example.org/migrate';

describe('a deprecated call', () => {
  it('says since when, until when and what to do instead', () => {
    const sunset = new Date('2027-07-01T00:00:00.000Z');
    expect(deprecationHeaders({ since, sunset, link })).toEqual({
      deprecation: '@1798761600',
      sunset: 'Thu, 01 Jul 2027 00:00:00 GMT',
      link: '<https://example.org/migrate>; rel="deprecation"; type="text/html"',
    });
  });

  it('may leave its end open', () => {
    expect(deprecationHeaders({ since, link })).not.toHaveProperty('sunset');
  });

  it('cannot end before it is deprecated', () => {
    const sunset = new Date(since.getTime() - 1);
    expect(() => deprecationHeaders({ since, sunset, link })).toThrow(RangeError);
  });
});

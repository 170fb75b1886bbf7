import { describe, expect, it } from '@jest/globals';
import { readTraceparent } from './trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('a traceparent header', () => {
  it('goes on under the same trace, with a span of ours', () => {
    const read = readTraceparent(`00-${TRACE}-${SPAN}-01`);
    expect(read?.traceId).toBe(TRACE);
    expect(read?.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(read?.traceparent).not.toContain(SPAN);
  });

  it('of a later version is read as far as it is known', () => {
    expect(readTraceparent(`cc-${TRACE}-${SPAN}-03-more`)?.traceparent).toMatch(/^00-.*-01$/);
  });

  it.each([
    undefined,
    '',
    [`00-${TRACE}-${SPAN}-01`],
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-0g`,
  ])('that is not valid is as good as none: %j', (header) => {
    expect(readTraceparent(header)).toBeUndefined();
  });
});

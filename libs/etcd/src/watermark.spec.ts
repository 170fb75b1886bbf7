import { describe, expect, it } from '@jest/globals';
import { isOutdated } from './watermark.js';

describe('isOutdated', () => {
  it.each(['2.3.8', '3.4.23', '3.4.45', '3.5.32', '3.6.0', '3.6.13'])('calls %s outdated', (version) => {
    expect(isOutdated(version)).toBe(true);
  });

  it.each(['3.5.33', '3.6.14', '3.6.20', '3.7.0', '4.0.1', '3.6.14-rc.1'])('calls %s current', (version) => {
    expect(isOutdated(version)).toBe(false);
  });
});

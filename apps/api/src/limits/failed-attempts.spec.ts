import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '#testing';
import { FailedAttempts, MOST_FAILURES, networkOf } from './failed-attempts.js';

function fail(attempts: FailedAttempts, ip: string, times: number): number {
  let wait = 0;
  for (let time = 0; time < times; time += 1) wait = attempts.count(ip);
  return wait;
}

describe('failed attempts', () => {
  it('make an address wait once they are many, until the minute is over, and no other address', async () => {
    const clock = new FakeClock();
    const attempts = new FailedAttempts(clock);
    expect(fail(attempts, '192.0.2.1', MOST_FAILURES)).toBe(0);
    await clock.advance(20_000);
    expect(attempts.count('192.0.2.1')).toBe(40_000);
    expect(attempts.count('192.0.2.2')).toBe(0);
    await clock.advance(40_000);
    expect(attempts.count('192.0.2.1')).toBe(0);
  });

  it('are remembered of so many addresses and no more', () => {
    const attempts = new FailedAttempts(new FakeClock());
    fail(attempts, '192.0.2.1', MOST_FAILURES);
    for (let address = 0; address < 10_000; address += 1)
      attempts.count(`198.51.${address >> 8}.${address & 255}`);
    expect(attempts.count('192.0.2.1')).toBe(0);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('of %s count for %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });
});

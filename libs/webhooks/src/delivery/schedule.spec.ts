import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { afterFailure, isDead, isSuccess, retryAfterMs, SCHEDULE_MS } from './schedule.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 21);
const failed = (attempts: number, random = 0.5, status: number | null = 500) =>
  afterFailure({ status }, attempts, random, NOW);

describe('schedule', () => {
  it('retries fast for some minutes, then slowly for three days, and then gives up', () => {
    const delays = SCHEDULE_MS.slice(1).map((_, index) => failed(index + 1).retryInMs);
    expect(delays).toEqual(SCHEDULE_MS.slice(1));
    expect(failed(SCHEDULE_MS.length).retryInMs).toBeUndefined();
    const wholeMs = SCHEDULE_MS.reduce((sum, ms) => sum + ms, 0);
    expect(wholeMs).toBeGreaterThan(3 * DAY);
    expect(wholeMs).toBeLessThan(4 * DAY);
  });

  it('moves every delay by at most a fifth, either way', () => {
    expect(failed(2, 0).retryInMs).toBe(4_000);
    expect(failed(2, 0.999_999).retryInMs).toBe(6_000);
  });

  it('honours Retry-After, but never below the schedule nor beyond twice of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: SCHEDULE_MS.length - 1 }),
        fc.nat(2 ** 31),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempts, seconds, random) => {
          const { retryInMs = Number.NaN } = afterFailure(
            { status: 429, retryAfter: String(seconds) },
            attempts,
            random,
            NOW,
          );
          const scheduledMs = SCHEDULE_MS[attempts] ?? Number.NaN;
          expect(retryInMs).toBeGreaterThanOrEqual(Math.floor(0.8 * scheduledMs));
          expect(retryInMs).toBeLessThanOrEqual(2 * scheduledMs);
        },
      ),
    );
    const asking = (retryAfter: string) => afterFailure({ status: 503, retryAfter }, 4, 0.5, NOW).retryInMs;
    expect(asking('45')).toBe(45_000);
    expect(asking('10')).toBe(30_000);
    expect(asking('1000000000')).toBe(60_000);
  });

  it('lets the whole endpoint rest after 429, 502, 503 and 504, for at most five minutes, and after nothing else', () => {
    for (const status of [429, 502, 503, 504]) {
      expect(failed(3, 0.5, status).throttleMs).toBe(15_000);
      expect(failed(12, 0.5, status).throttleMs).toBe(300_000);
    }
    for (const status of [null, 302, 400, 404, 500])
      expect(failed(3, 0.5, status).throttleMs).toBeUndefined();
  });

  it('takes 410 for an end: no retry', () => {
    expect(failed(1, 0.5, 410)).toEqual({ gone: true });
    expect(failed(1, 0.5, 404).gone).toBe(false);
  });

  it('takes 2xx alone for a success', () => {
    expect([200, 201, 204, 299].every(isSuccess)).toBe(true);
    expect([null, 100, 199, 300, 302, 304, 400, 410, 500].some(isSuccess)).toBe(false);
  });
});

describe('retryAfterMs', () => {
  it.each([
    ['120', 120_000],
    [' 3 ', 3_000],
    ['Sat, 21 Nov 2026 00:01:00 GMT', 60_000],
    ['Fri, 20 Nov 2026 00:00:00 GMT', 0],
    ['-5', 0],
    ['1.5', 0],
    ['soon', 0],
    ['2027', 2_027_000],
    [undefined, 0],
  ])('reads %j as %d ms', (header, ms) => expect(retryAfterMs(header, NOW)).toBe(ms));
});

describe('isDead', () => {
  it('needs five days without a success and failures over twelve hours', () => {
    const health = (sinceSuccessMs: number | null, failingMs: number) => ({
      nowMs: NOW,
      firstFailureMs: NOW - failingMs,
      lastSuccessMs: sinceSuccessMs === null ? null : NOW - sinceSuccessMs,
    });
    expect(isDead(health(5 * DAY, 12 * HOUR))).toBe(true);
    expect(isDead(health(5 * DAY - 1, 4 * DAY))).toBe(false);
    // Quiet for a week, then one burst.
    expect(isDead(health(7 * DAY, HOUR))).toBe(false);
    expect(isDead(health(null, 5 * DAY))).toBe(true);
    expect(isDead(health(null, 4 * DAY))).toBe(false);
  });
});

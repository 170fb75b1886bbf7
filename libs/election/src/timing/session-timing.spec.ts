import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { neededTtlMs, SessionTiming } from './session-timing.js';

interface Seen {
  roundTripMs: number;
  /** How much later than advised the renewal arrives. */
  lateMs: number;
}

/** Plays renewals one after the other, each answered at once with the same advised pause. */
function timingOf(ttlMs: number, renewals: readonly Seen[]): SessionTiming {
  const timing = new SessionTiming(ttlMs);
  const pauseMs = Math.floor(ttlMs / 3);
  let atMs = 1_000;
  let seenBeforeMs = 0;
  for (const { roundTripMs, lateMs } of [{ roundTripMs: 0, lateMs: 0 }, ...renewals]) {
    const first = seenBeforeMs === 0;
    const previousRttMs = first ? undefined : roundTripMs;
    atMs += first ? 0 : pauseMs + lateMs;
    const renewal = { sessionId: 'ses_1', ttlMs, receivedAtMs: atMs, previousRttMs, mayBeHeld: false };
    timing.renewed({ ...renewal, seenBeforeMs }, atMs, pauseMs);
    seenBeforeMs = atMs;
  }
  return timing;
}

const durationMs = fc.integer({ min: 0, max: 60_000 });
const seen = fc.record({ roundTripMs: durationMs, lateMs: durationMs });
const runOfRenewals = fc.array(seen, { minLength: 1, maxLength: 150 });
const anyTtlMs = fc.integer({ min: 1_000, max: 900_000 });

const steady = (count: number, renewal: Seen): Seen[] => Array.from({ length: count }, () => renewal);

describe('what is told of a session', () => {
  it('gives percentiles that are never below what was seen, nor much above it', () => {
    fc.assert(
      fc.property(runOfRenewals, (renewals) => {
        const { roundTripMs, samples } = timingOf(10_000, renewals).advice();
        const window = renewals.slice(-64).map((one) => one.roundTripMs);
        const exact = window.toSorted((a, b) => a - b);
        expect(samples).toBe(window.length);
        for (const [share, toldMs] of [
          [0.5, roundTripMs?.p50],
          [0.95, roundTripMs?.p95],
          [0.99, roundTripMs?.p99],
        ] as const) {
          const exactMs = exact[Math.ceil(share * exact.length) - 1] ?? NaN;
          expect(toldMs).toBeGreaterThanOrEqual(exactMs);
          expect(toldMs).toBeLessThanOrEqual(exactMs * 1.06 + 1);
        }
      }),
    );
  });

  it('recommends a ttlMs in which three tries of the slowest renewal fit', () => {
    fc.assert(
      fc.property(anyTtlMs, runOfRenewals, (ttlMs, renewals) => {
        const recommendedMs = timingOf(ttlMs, renewals).recommendedTtlMs;
        const window = renewals.slice(-64);
        const slowestMs = Math.max(...window.map((one) => one.roundTripMs));
        const latestMs = Math.max(slowestMs, ...window.map((one) => one.lateMs));
        const longestPauseMs = (recommendedMs / 3) * 1.1;
        const used = longestPauseMs + latestMs + 3 * slowestMs;
        if (recommendedMs < 900_000) expect(used).toBeLessThanOrEqual(recommendedMs * 0.98 + 0.001);
        expect(recommendedMs).toBeGreaterThanOrEqual(1_000);
      }),
    );
  });

  it('recommends no less when any renewal was slower', () => {
    fc.assert(
      fc.property(runOfRenewals, fc.nat(), durationMs, durationMs, (renewals, at, slower, later) => {
        const worse = renewals.map((one, index) =>
          index === at % renewals.length
            ? { roundTripMs: one.roundTripMs + slower, lateMs: one.lateMs + later }
            : one,
        );
        const before = timingOf(10_000, renewals);
        const after = timingOf(10_000, worse);
        expect(after.recommendedTtlMs).toBeGreaterThanOrEqual(before.recommendedTtlMs);
        if (before.tooShort) expect(after.tooShort).toBe(true);
      }),
    );
  });

  it('finds no ttlMs too short that is as long as recommended', () => {
    fc.assert(
      fc.property(runOfRenewals, (renewals) => {
        const { recommendedTtlMs } = timingOf(10_000, renewals);
        // Beyond the longest ttlMs nothing can be recommended.
        if (recommendedTtlMs < 900_000) expect(timingOf(recommendedTtlMs, renewals).tooShort).toBe(false);
      }),
    );
  });

  it('calls a ttlMs too short when three usual tries do not fit, and takes it back when they do', () => {
    const slow = steady(24, { roundTripMs: 200, lateMs: 200 });
    expect(neededTtlMs(200, 200)).toBeGreaterThan(1_000);
    expect(timingOf(1_000, slow).tooShort).toBe(true);
    expect(timingOf(10_000, slow).tooShort).toBe(false);
    expect(timingOf(1_000, [...slow, ...steady(64, { roundTripMs: 5, lateMs: 5 })]).tooShort).toBe(false);
  });

  it('takes neither a single hiccup nor the first few renewals for a habit', () => {
    const hiccup = { roundTripMs: 900, lateMs: 900 };
    const usual = { roundTripMs: 5, lateMs: 5 };
    expect(timingOf(1_000, [...steady(40, usual), hiccup, ...steady(23, usual)]).tooShort).toBe(false);
    expect(timingOf(1_000, steady(8, hiccup)).tooShort).toBe(false);
  });

  it('recommends down to 200 ms for attached sessions, whose ttlMs is below a second', () => {
    const fast = steady(30, { roundTripMs: 1, lateMs: 2 });
    expect(timingOf(300, fast).recommendedTtlMs).toBe(200);
    expect(timingOf(10_000, fast).recommendedTtlMs).toBe(1_000);
  });

  it('rests on lateness alone where no round trip is reported, which holds one', () => {
    const timing = new SessionTiming(10_000);
    const renewal = { sessionId: 'ses_1', ttlMs: 10_000, previousRttMs: undefined, mayBeHeld: false };
    timing.renewed({ ...renewal, receivedAtMs: 1_000, seenBeforeMs: 0 }, 1_001, 3_000);
    timing.renewed({ ...renewal, receivedAtMs: 5_001, seenBeforeMs: 1_001 }, 5_002, 3_000);
    const { roundTripMs, latenessMs, samples } = timing.advice();
    expect([roundTripMs, samples]).toEqual([undefined, 0]);
    expect(latenessMs?.p99).toBeGreaterThanOrEqual(1_000);
  });
});

describe('what is not counted', () => {
  const renewal = { sessionId: 'ses_1', ttlMs: 10_000, mayBeHeld: false };

  it('is the time for which an answer was held', () => {
    const timing = new SessionTiming(10_000);
    const held = { ...renewal, mayBeHeld: true };
    timing.renewed({ ...held, receivedAtMs: 1_000, seenBeforeMs: 0, previousRttMs: undefined }, 5_000, 3_000);
    timing.renewed({ ...held, receivedAtMs: 8_020, seenBeforeMs: 1_010, previousRttMs: 4_030 }, 9_000, 3_000);
    const { roundTripMs, latenessMs } = timing.advice();
    expect(roundTripMs?.p99).toBeLessThanOrEqual(32);
    expect(latenessMs?.p99).toBeLessThanOrEqual(22);
  });

  it('is the lateness of a renewal whose predecessor another replica answered', () => {
    const timing = new SessionTiming(10_000);
    timing.renewed(
      { ...renewal, receivedAtMs: 1_000, seenBeforeMs: 0, previousRttMs: undefined },
      1_005,
      3_000,
    );
    timing.renewed({ ...renewal, receivedAtMs: 8_000, seenBeforeMs: 4_500, previousRttMs: 20 }, 8_005, 3_000);
    expect(timing.advice()).toMatchObject({ samples: 1 });
    expect(timing.advice()).not.toHaveProperty('latenessMs');
  });

  it('is a round trip that another replica may have held', () => {
    const timing = new SessionTiming(10_000);
    const held = { ...renewal, mayBeHeld: true };
    timing.renewed({ ...held, receivedAtMs: 1_000, seenBeforeMs: 0, previousRttMs: undefined }, 1_005, 3_000);
    timing.renewed({ ...held, receivedAtMs: 8_000, seenBeforeMs: 4_500, previousRttMs: 4_000 }, 8_005, 3_000);
    expect(timing.advice()).not.toHaveProperty('roundTripMs');
  });
});

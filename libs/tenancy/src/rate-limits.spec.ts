import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '#testing';
import { RateLimits, type RateVerdict } from './rate-limits.js';
import type { Principal } from './scopes.js';

const LIMIT = 40;

const caller: Principal = { keyId: 'key_a', tenantId: 'ten_a', scopes: [], suspended: false };

/** What Redis does, in memory; `away` and it fails, `held` and it does not answer. */
class SharedCounts {
  away = false;
  asked = 0;
  private readonly windows = new Map<string, { total: number; endMs: number }>();

  constructor(private readonly clock: FakeClock) {}

  available(): boolean {
    return true;
  }

  async add(key: string, calls: number): Promise<{ total: number; endsInMs: number }> {
    this.asked += 1;
    if (this.away) throw new Error('away');
    const nowMs = this.clock.monotonicMs();
    let window = this.windows.get(key);
    if (!window || window.endMs <= nowMs)
      this.windows.set(key, (window = { total: 0, endMs: nowMs + 1_000 }));
    window.total += calls;
    return { total: window.total, endsInMs: window.endMs - nowMs };
  }
}

function scene(replicas: number, keyRate?: number, sessions = { count: 0 }) {
  const clock = new FakeClock();
  const counts = new SharedCounts(clock);
  const changes: boolean[] = [];
  const mirror = {
    apiKey: () => ({
      tenantId: 'ten_a',
      hash: '',
      scopes: [],
      ...(keyRate && { requestsPerSecond: keyRate }),
    }),
    tenant: () => ({ status: 'active' as const, maxCandidatesPerElection: 1, requestsPerSecond: LIMIT }),
  };
  const limits = Array.from(
    { length: replicas },
    () =>
      new RateLimits(
        {
          counter: counts,
          mirror,
          sessionsOf: () => sessions.count,
          replicas: () => replicas,
          onDegraded: (degraded) => changes.push(degraded),
        },
        clock,
      ),
  );
  return { clock, counts, changes, limits };
}

/** So many calls to each, in turns; whatever was told is heard before the next call. */
async function inTurns(limits: readonly RateLimits[], each: number): Promise<number> {
  let admitted = 0;
  for (let turn = 0; turn < each; turn += 1)
    for (const one of limits) {
      if (one.admit(caller).exceeded === undefined) admitted += 1;
      await Promise.resolve().then(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));
    }
  return admitted;
}

describe('rates', () => {
  it('hold for all replicas together, overrun by less than what each lets in between two reports', async () => {
    const { limits } = scene(3);
    const admitted = await inTurns(limits, 60);
    expect(admitted).toBeGreaterThanOrEqual(LIMIT);
    expect(admitted).toBeLessThanOrEqual(LIMIT + LIMIT / 8);
  });

  it('begin anew each second', async () => {
    const { clock, limits } = scene(2);
    await inTurns(limits, 60);
    await clock.advance(1_001);
    expect(await inTurns(limits, 60)).toBeGreaterThanOrEqual(LIMIT);
  });

  it('are kept by each replica to its share while counts are not exchanged, and together again afterwards', async () => {
    const { clock, counts, changes, limits } = scene(4);
    counts.away = true;
    await inTurns(limits, 1);
    await clock.advance(1_100);
    expect(changes).toEqual([true, true, true, true]);
    expect(await inTurns(limits, 60)).toBe(LIMIT);
    counts.away = false;
    await clock.advance(2_500);
    await inTurns(limits, 3);
    await clock.advance(2_500);
    expect(changes).toEqual([true, true, true, true, false, false, false, false]);
  });

  it('ask a counter that is away once a second and no more', async () => {
    const { clock, counts, limits } = scene(1);
    counts.away = true;
    for (let tenth = 0; tenth < 50; tenth += 1) {
      await inTurns(limits, 1);
      await clock.advance(100);
    }
    expect(counts.asked).toBeLessThanOrEqual(7);
  });

  it('tell which was hit, the smaller one of a key first', () => {
    const { limits } = scene(1, 2);
    const verdicts = Array.from({ length: 3 }, () => limits[0]?.admit(caller)) as RateVerdict[];
    expect(verdicts[0]?.limits.map(({ name, limit, remaining }) => [name, limit, remaining])).toEqual([
      ['tenant', LIMIT, LIMIT - 1],
      ['key', 2, 1],
    ]);
    expect(verdicts[2]).toMatchObject({ exceeded: 'key', limits: [{ name: 'key', remaining: 0 }, {}] });
  });

  it('forget tenants that do not call any more, and run no timer for nobody', async () => {
    const { clock, counts, limits } = scene(1);
    limits[0]?.admit(caller);
    limits[0]?.admitRenewal('ten_a');
    await clock.advance(10_000);
    const { asked } = counts;
    await clock.advance(10_000);
    expect([counts.asked, limits[0]?.used('ten_a')]).toEqual([asked, 0]);
  });
});

describe('renewals', () => {
  it('are limited to many times what the sessions need, without asking anybody', () => {
    const { counts, limits } = scene(1);
    const waits = Array.from({ length: 300 }, () => limits[0]?.admitRenewal('ten_a') ?? 0);
    expect(waits.filter((wait) => wait === 0)).toHaveLength(200);
    expect(counts.asked).toBe(0);
  });

  it('of sessions that have just ended, all at once, are answered: their owners have to hear of it', async () => {
    const sessions = { count: 1_000 };
    const { clock, limits } = scene(1, undefined, sessions);
    const refused = (): number =>
      Array.from({ length: 1_000 }, () => limits[0]?.admitRenewal('ten_a') ?? 0).filter((wait) => wait > 0)
        .length;
    expect(refused()).toBe(0);
    sessions.count = 0;
    await clock.advance(60_000);
    expect(refused()).toBe(0);
    await clock.advance(16 * 60_000);
    expect([refused() > 0, refused() > 0]).toEqual([true, true]);
  });
});

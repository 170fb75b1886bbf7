import { RateLimiterRedis } from 'rate-limiter-flexible';
import { DEFAULT_PREFIX } from './contracts.js';
import type { RedisLink } from './redis-link.js';

/** What all replicas together have counted in the present window. */
export interface RateCount {
  total: number;
  /** Until Redis begins to count anew; milliseconds. */
  endsInMs: number;
}

export interface RateCounterOptions {
  /** Whole seconds. */
  windowSeconds: number;
  prefix?: string;
}

/**
 * Counts calls of all replicas in windows of Redis. It only counts: who judges is the caller, so that a Redis that
 * is away can never look like a limit that was hit.
 */
export class RateCounter {
  private readonly limiter: RateLimiterRedis;

  constructor(
    private readonly link: RedisLink,
    options: RateCounterOptions,
  ) {
    this.limiter = new RateLimiterRedis({
      storeClient: link.redis,
      // Not used: `penalty` counts without a verdict. `consume` would reject with a result when the limit is hit and
      // with an Error when Redis fails, and a caller that mixes the two answers 429 to an outage.
      points: Number.MAX_SAFE_INTEGER,
      duration: options.windowSeconds,
      keyPrefix: `${options.prefix ?? DEFAULT_PREFIX}:rate`,
      rejectIfRedisNotReady: true,
    });
  }

  available(): boolean {
    return this.link.available();
  }

  /**
   * Adds calls to the window of `key`, which begins with its first.
   * @throws Error when Redis does not answer within a tenth of a second
   */
  async add(key: string, calls: number): Promise<RateCount> {
    const { consumedPoints, msBeforeNext } = await this.limiter.penalty(key, calls);
    return { total: consumedPoints, endsInMs: msBeforeNext };
  }
}

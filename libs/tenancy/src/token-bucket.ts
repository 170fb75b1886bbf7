/** Longer pauses save up no more than this; milliseconds. */
const SAVED_MS = 2_000;

/** Lets calls through at a rate that may change between them, with two seconds' worth at once. */
export class TokenBucket {
  private tokens = Number.POSITIVE_INFINITY;
  private atMs = 0;

  /** @returns 0 when the call may pass, else after how many milliseconds one may */
  take(ratePerSecond: number, nowMs: number): number {
    const earned = ((nowMs - this.atMs) * ratePerSecond) / 1_000;
    this.tokens = Math.min((ratePerSecond * SAVED_MS) / 1_000, this.tokens + earned);
    this.atMs = nowMs;
    if (this.tokens < 1) return ((1 - this.tokens) * 1_000) / ratePerSecond;
    this.tokens -= 1;
    return 0;
  }

  /** Whether it is full again by now, whatever the rate: a new one is as good. */
  isIdle(nowMs: number): boolean {
    return nowMs - this.atMs > SAVED_MS;
  }
}

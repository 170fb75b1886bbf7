/** The latest durations of one kind, one byte each: every session that renews here has two such windows. */

/** At a third of the TTL between renewals: some twenty TTLs. Larger typed arrays would not lie in the heap itself. */
const SIZE = 64;
/** From one bucket to the next. What is told is never too small, and too large by at most this or one millisecond. */
const STEP = 1.06;
const LOG_STEP = Math.log(STEP);
/** About 37 minutes, more than the longest ttlMs. */
const LAST_BUCKET = 251;
const BOUNDS_MS = Array.from({ length: LAST_BUCKET + 1 }, (_, bucket) => Math.ceil(STEP ** bucket));

/** How often each bucket occurs in a window; every use is over before the next begins. */
const occurrences = new Uint8Array(LAST_BUCKET + 1);

export class DurationWindow {
  readonly #buckets = new Uint8Array(SIZE);
  #count = 0;
  #next = 0;

  /** How many are in the window. */
  get count(): number {
    return this.#count;
  }

  add(durationMs: number): void {
    this.#buckets[this.#next] = bucketOf(durationMs);
    this.#next = (this.#next + 1) % SIZE;
    if (this.#count < SIZE) this.#count += 1;
  }

  /**
   * The smallest duration that at least this share of the window does not exceed, in milliseconds; 0 for an empty
   * window. Of so few values the 99th percentile is the largest.
   */
  percentileMs(share: number): number {
    if (this.#count === 0) return 0;
    // Counting takes a twentieth of the time of sorting, and this is asked on the way of renewals.
    occurrences.fill(0);
    for (let at = 0; at < this.#count; at += 1) {
      const bucket = this.#buckets[at] ?? 0;
      occurrences[bucket] = (occurrences[bucket] ?? 0) + 1;
    }
    let missing = Math.ceil(share * this.#count);
    let bucket = 0;
    while ((missing -= occurrences[bucket] ?? 0) > 0) bucket += 1;
    return BOUNDS_MS[bucket] ?? 0;
  }
}

function bucketOf(durationMs: number): number {
  if (durationMs <= 1) return 0;
  return Math.min(Math.ceil(Math.log(durationMs) / LOG_STEP), LAST_BUCKET);
}

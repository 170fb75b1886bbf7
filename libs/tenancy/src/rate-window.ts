/** What a caller may know of one limit. */
export interface RateState {
  remaining: number;
  resetsInMs: number;
}

/**
 * How often calls may come, counted on this replica at once and among replicas a little later. `take` never waits:
 * what other replicas let in is known as of the last report.
 *
 * While counts are exchanged the limit holds for all replicas together, and is overrun at most by what they let in
 * between two reports. While they are not, each replica keeps to its share.
 */
export class RateWindow {
  private endMs = Number.NEGATIVE_INFINITY;
  /** Let in by this replica in the present window. */
  private used = 0;
  /** How much of `used` the last report told. */
  private told = 0;
  private others = 0;
  /** Changes with every window, so that an answer that comes late is not taken for the next one's. */
  private generation = 0;
  /** A report is under way. */
  reporting = false;

  constructor(private readonly windowMs: number) {}

  /** Calls that no report has told. */
  get untold(): number {
    return this.used - this.told;
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.endMs;
  }

  state(limit: number, nowMs: number): RateState {
    const resetsInMs = this.isOver(nowMs) ? this.windowMs : this.endMs - nowMs;
    return { remaining: Math.max(0, limit - this.usedBy(nowMs)), resetsInMs };
  }

  /** By all replicas, as far as this one knows. */
  usedBy(nowMs: number): number {
    return this.isOver(nowMs) ? 0 : this.used + this.others;
  }

  hasRoom(limit: number, nowMs: number): boolean {
    return this.usedBy(nowMs) < limit;
  }

  take(nowMs: number): void {
    if (this.isOver(nowMs)) this.begin(nowMs + this.windowMs);
    this.used += 1;
  }

  /** Begins a report. @returns how it is answered: with what all replicas let in, or undefined when it failed */
  report(): (answer: { total: number; endsAtMs: number } | undefined) => void {
    const { generation, untold } = this;
    this.reporting = true;
    return (answer) => {
      this.reporting = false;
      if (!answer || generation !== this.generation) return;
      // The shared window began with this report: what was told before belongs to one that is over.
      if (answer.total === untold) {
        this.used -= this.told;
        this.told = 0;
      }
      this.told += untold;
      this.others = Math.max(0, answer.total - this.told);
      this.endMs = answer.endsAtMs;
    };
  }

  /** Counts are not exchanged any more: what others let in is theirs to limit. */
  forgetOthers(): void {
    this.others = 0;
  }

  private begin(endMs: number): void {
    this.endMs = endMs;
    this.generation += 1;
    this.used = 0;
    this.told = 0;
    this.others = 0;
  }
}

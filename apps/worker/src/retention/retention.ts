import { type Clock, type Timer, withDeadline } from '#core';
import type { Database } from '#postgres';
import type { Logger, Metrics } from '#telemetry';

/** Any fixed number; whoever cleans up holds the advisory lock of this name. */
const LOCK = 7_400_003;
/** A worker that starts has more urgent things to do. */
const FIRST_AFTER_MS = 10_000;
/** For the statement under way; what is cut off is done by the next run. */
const CLOSE_WITHIN_MS = 5_000;

export interface RetentionJob {
  name: string;
  /** Answers how much was done, in rows or steps; stops between two batches when told. */
  run(signal: AbortSignal): Promise<number>;
}

/**
 * Runs what keeps the database small, job after job, now and then and in one worker at a time. Every job works in
 * bounded batches that are complete by themselves: one that is cut off, or that two workers run at once because a
 * connection was lost, does no harm. A job that fails is logged and keeps no other from running.
 */
export class Retention {
  private timer: Timer | undefined;
  private running: Promise<unknown> | undefined;
  private readonly stop = new AbortController();

  constructor(
    private readonly database: Database,
    private readonly options: { jobs: readonly RetentionJob[]; everyMs: number },
    private readonly metrics: Metrics,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  start(): void {
    this.schedule(Math.min(FIRST_AFTER_MS, this.options.everyMs));
  }

  async close(): Promise<void> {
    this.stop.abort();
    this.timer?.cancel();
    const ended = Promise.resolve(this.running);
    await withDeadline(ended, CLOSE_WITHIN_MS, 'ending retention', this.clock).catch((error: unknown) =>
      this.logger.warn({ err: error }, 'retention cut off; the next run goes on'),
    );
  }

  /** Runs every job once, unless another worker does. Answers whether it did. Never rejects. */
  async run(): Promise<boolean> {
    try {
      return await this.database.exclusively(LOCK, async () => {
        for (const job of this.options.jobs) if (!this.stop.signal.aborted) await this.runJob(job);
      });
    } catch (error) {
      this.logger.debug({ err: error }, 'retention waits for the database');
      return false;
    }
  }

  private async runJob(job: RetentionJob): Promise<void> {
    try {
      const done = await job.run(this.stop.signal);
      if (done === 0) return;
      this.metrics.retentionDone.inc({ job: job.name }, done);
      this.logger.info({ job: job.name, done }, 'retention');
    } catch (error) {
      this.logger.warn({ err: error, job: job.name }, 'a retention job failed; the next run tries again');
    }
  }

  /** Jittered, so that workers that started together do not ask together for ever. */
  private schedule(afterMs: number): void {
    if (this.stop.signal.aborted) return;
    this.timer = this.clock.after(afterMs * (0.75 + Math.random() / 2), () => {
      this.running = this.run().finally(() => this.schedule(this.options.everyMs));
    });
  }
}

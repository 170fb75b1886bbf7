import { Worker } from 'bullmq';
import { type Clock, type Timer, withDeadline } from '#core';
import type { Logger } from '#telemetry';
import { DEFAULT_PREFIX } from './contracts.js';
import type { RedisLink } from './redis-link.js';

const RESTART_AFTER_MS = 1_000;
/** For putting back what was cut off and for closing connections. */
const LET_GO_WITHIN_MS = 1_000;
/** Longer than any job takes. */
const LOCK_MS = 30_000;

export interface JobConsumerOptions {
  /** Of the queue. */
  name: string;
  prefix?: string | undefined;
  /** Jobs under way at the same moment. */
  concurrency: number;
}

/**
 * Hands the jobs of a queue to `work`, each at least once; one that throws is tried again as its queue says. Starts
 * while Redis is away, and is started anew should its loop ever end.
 */
export class JobConsumer<Job> {
  private worker: Worker<Job> | undefined;
  private timer: Timer | undefined;
  private closed = false;
  private readonly cutOff = Promise.withResolvers<never>();

  constructor(
    private readonly link: RedisLink,
    private readonly work: (job: Job) => Promise<void>,
    private readonly options: JobConsumerOptions,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {
    this.cutOff.promise.catch(() => undefined);
  }

  start(): void {
    if (this.closed) return;
    const { name, prefix, concurrency } = this.options;
    const worker = new Worker<Job>(name, (job) => this.bounded(job.data), {
      connection: this.link.redis,
      prefix: prefix ?? DEFAULT_PREFIX,
      autorun: false,
      concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS,
      maxStalledCount: 10,
    });
    this.worker = worker;
    worker.on('error', (error) => this.logger.debug({ err: error, queue: name }, 'queue worker'));
    worker.on('failed', (job, error) =>
      this.logger.debug({ err: error, queue: name, jobId: job?.id }, 'job put off'),
    );
    worker.run().then(
      () => this.restart(worker),
      (error: unknown) => this.restart(worker, error),
    );
  }

  /** Lets the jobs under way end, at most for `withinMs`; what is cut off is done again by another worker. */
  async close(withinMs: number): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    const worker = this.worker;
    if (!worker) return;
    const closing = worker.close();
    // Without Redis no job can be finished, only written: that is worth a moment.
    const patienceMs = this.link.available() ? withinMs : Math.min(withinMs, LET_GO_WITHIN_MS);
    try {
      await withDeadline(closing, patienceMs, 'ending the jobs under way', this.clock);
    } catch (error) {
      this.logger.warn(
        { err: error, queue: this.options.name },
        'jobs of a queue cut off; they are done again later',
      );
      await this.letGo(worker, closing);
    }
  }

  /** A job that hangs must not keep the worker, hence the process, from ending. */
  private bounded(job: Job): Promise<void> {
    return Promise.race([this.work(job), this.cutOff.promise]);
  }

  /** First the jobs; and where Redis does not take them back in time, its connections. */
  private async letGo(worker: Worker, closing: Promise<void>): Promise<void> {
    this.cutOff.reject(new Error('the worker is stopping'));
    try {
      await withDeadline(closing, LET_GO_WITHIN_MS, 'putting jobs back', this.clock);
    } catch {
      this.link.redis.disconnect();
      await withDeadline(worker.disconnect(), LET_GO_WITHIN_MS, 'disconnecting', this.clock).catch(
        () => undefined,
      );
    }
  }

  private restart(ended: Worker, error?: unknown): void {
    if (this.closed || this.worker !== ended) return;
    this.logger.warn({ err: error, queue: this.options.name }, 'a queue worker ended; starting it again');
    void ended.close(true).catch(() => undefined);
    this.timer = this.clock.after(RESTART_AFTER_MS, () => this.start());
  }
}

import { Queue } from 'bullmq';
import { type Clock, type Timer, withDeadline } from '#core';
import type { Logger } from '#telemetry';
import { DEFAULT_PREFIX, QUEUES, type TokenLedgerEntry, type TokenLedgerJob } from './contracts.js';
import type { RedisLink } from './redis-link.js';

/** Entries that travel in one job. */
const JOB_SIZE = 200;
/** Jobs that are added in one call. */
const JOBS_PER_FLUSH = 10;
/** Entries kept while Redis is away; about 300 bytes each. */
const DEFAULT_CAPACITY = 20_000;
/** Lets entries of one moment travel together. */
const GATHER_MS = 50;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;
const FLUSH_WITHIN_MS = 3_000;
/** A job is tried again every few seconds for about a day: Postgres may be away for long. */
const RETRY = { attempts: 20_000, backoff: { type: 'fixed', delay: 5_000, jitter: 0.5 } };
/** Kept for a look at what went wrong; seconds. */
const KEEP_FAILED = { age: 7 * 24 * 3600, count: 10_000 };

export interface TokenLedgerQueueOptions {
  prefix?: string;
  capacity?: number;
  /** Told how many entries were dropped because Redis was away for too long. */
  onDropped?: (entries: number) => void;
}

/**
 * Takes entries for the token ledger from the path that issues tokens. `record` only remembers: it does no I/O,
 * waits for nothing and never throws. While Redis is away entries wait in memory; beyond the capacity the oldest
 * are dropped and counted. A process that is killed loses those it still held.
 */
export class TokenLedgerQueue {
  private waiting: TokenLedgerEntry[] = [];
  private queue: Queue<TokenLedgerJob> | undefined;
  private timer: Timer | undefined;
  private flushing: Promise<void> | undefined;
  private failures = 0;
  private closed = false;

  constructor(
    private readonly link: RedisLink,
    private readonly options: TokenLedgerQueueOptions,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  /** Entries that were not handed to Redis yet. */
  get backlog(): number {
    return this.waiting.length;
  }

  record(entry: TokenLedgerEntry): void {
    this.waiting.push(entry);
    this.dropBeyondCapacity();
    if (!this.timer && !this.flushing) this.flushAfter(GATHER_MS);
  }

  /** Hands over what waits, as far as Redis takes it within a few seconds, and stops. */
  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await this.flushing;
    for (let before = Number.POSITIVE_INFINITY; this.waiting.length > 0 && this.waiting.length < before;) {
      before = this.waiting.length;
      await this.flush();
    }
    if (this.waiting.length > 0) this.drop(this.waiting.length);
    await this.discardQueue();
  }

  private flushAfter(delayMs: number): void {
    if (this.closed) return;
    this.timer = this.clock.after(delayMs, () => {
      this.timer = undefined;
      this.flushing = this.flush().finally(() => {
        this.flushing = undefined;
        if (this.waiting.length > 0) this.flushAfter(this.pauseMs());
      });
    });
  }

  private pauseMs(): number {
    if (this.failures === 0) return 0;
    return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.failures - 1, 10));
  }

  /** Never rejects. An add whose answer was lost is repeated: the ledger bears it. */
  private async flush(): Promise<void> {
    const entries = this.waiting.splice(0, JOB_SIZE * JOBS_PER_FLUSH);
    if (entries.length === 0) return;
    try {
      if (!this.link.available()) throw new Error('redis is away');
      await withDeadline(this.add(entries), FLUSH_WITHIN_MS, 'adding to the token ledger queue', this.clock);
      this.failures = 0;
    } catch (error) {
      if (this.failures === 0) this.logger.warn({ err: error }, 'token ledger entries wait for redis');
      this.failures += 1;
      this.waiting = [...entries, ...this.waiting];
      this.dropBeyondCapacity();
      await this.discardQueue();
    }
  }

  private async add(entries: TokenLedgerEntry[]): Promise<void> {
    this.queue ??= this.newQueue();
    const jobs: { name: string; data: TokenLedgerJob }[] = [];
    for (let from = 0; from < entries.length; from += JOB_SIZE) {
      jobs.push({ name: 'record', data: { entries: entries.slice(from, from + JOB_SIZE) } });
    }
    await this.queue.addBulk(jobs);
  }

  private newQueue(): Queue<TokenLedgerJob> {
    const queue = new Queue<TokenLedgerJob>(QUEUES.tokenLedger, {
      connection: this.link.redis,
      prefix: this.options.prefix ?? DEFAULT_PREFIX,
      defaultJobOptions: { ...RETRY, removeOnComplete: true, removeOnFail: KEEP_FAILED },
    });
    queue.on('error', (error) => this.logger.debug({ err: error }, 'token ledger queue'));
    return queue;
  }

  /** A queue whose first contact failed stays broken for ever; a new one costs one command. */
  private async discardQueue(): Promise<void> {
    const queue = this.queue;
    this.queue = undefined;
    if (!queue) return;
    await withDeadline(queue.close(), FLUSH_WITHIN_MS, 'closing the token ledger queue').catch(
      () => undefined,
    );
  }

  private dropBeyondCapacity(): void {
    const excess = this.waiting.length - (this.options.capacity ?? DEFAULT_CAPACITY);
    if (excess > 0) this.drop(excess);
  }

  private drop(count: number): void {
    this.waiting.splice(0, count);
    this.options.onDropped?.(count);
  }
}

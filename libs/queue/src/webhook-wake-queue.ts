import { Queue } from 'bullmq';
import { type Clock, withDeadline } from '#core';
import type { Logger } from '#telemetry';
import { DEFAULT_PREFIX, QUEUES, type WebhookWakeJob } from './contracts.js';
import type { RedisLink } from './redis-link.js';

/** Endpoints that are told in one call. */
const JOBS_PER_CALL = 500;
const ADD_WITHIN_MS = 1_000;
/** Beyond it words are dropped: Redis is away, and the sweep of the workers finds what they were about. */
const MOST_WAITING = 10_000;

export interface WebhookWakeQueueOptions {
  prefix?: string;
}

/**
 * Tells the workers which endpoints are owed something. A word is a hint: while Redis is away it is dropped, and the
 * workers find out at their next sweep. An endpoint has at most one word waiting, however often it is woken.
 */
export class WebhookWakeQueue {
  private readonly waiting = new Map<string, WebhookWakeJob>();
  private queue: Queue<WebhookWakeJob> | undefined;
  private telling: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly link: RedisLink,
    private readonly options: WebhookWakeQueueOptions,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  /** Waits for nothing and never throws. */
  wake(endpoints: readonly WebhookWakeJob[]): void {
    if (this.closed || !this.link.available()) return;
    for (const { tenantId, endpointId } of endpoints.slice(0, MOST_WAITING - this.waiting.size))
      this.waiting.set(`${tenantId} ${endpointId}`, { tenantId, endpointId });
    this.telling ??= this.tell().finally(() => (this.telling = undefined));
  }

  /** Resolves when every word given so far was handed over or dropped. */
  async idle(): Promise<void> {
    await this.telling;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.telling;
    await this.discardQueue();
  }

  /** Never rejects. Words that come meanwhile are gathered and go with the next call. */
  private async tell(): Promise<void> {
    while (this.waiting.size > 0) {
      const words = [...this.waiting].slice(0, JOBS_PER_CALL);
      for (const [key] of words) this.waiting.delete(key);
      try {
        const adding = this.add(words.map(([, word]) => word));
        await withDeadline(adding, ADD_WITHIN_MS, 'waking deliveries', this.clock);
      } catch (error) {
        this.logger.debug({ err: error }, 'deliveries were not woken; the sweep finds them');
        this.waiting.clear();
        await this.discardQueue();
      }
    }
  }

  private async add(words: readonly WebhookWakeJob[]): Promise<void> {
    this.queue ??= this.newQueue();
    await this.queue.addBulk(
      words.map((data) => ({
        name: 'drain',
        data,
        // A word that comes while the one before it is heard is kept: what it is about may be younger.
        opts: { deduplication: { id: data.endpointId, keepLastIfActive: true } },
      })),
    );
  }

  private newQueue(): Queue<WebhookWakeJob> {
    const queue = new Queue<WebhookWakeJob>(QUEUES.webhookWake, {
      connection: this.link.redis,
      prefix: this.options.prefix ?? DEFAULT_PREFIX,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    queue.on('error', (error) => this.logger.debug({ err: error }, 'webhook wake queue'));
    return queue;
  }

  /** A queue whose first contact failed stays broken for ever; a new one costs one command. */
  private async discardQueue(): Promise<void> {
    const queue = this.queue;
    this.queue = undefined;
    if (!queue) return;
    await withDeadline(queue.close(), ADD_WITHIN_MS, 'closing the webhook wake queue').catch(() => undefined);
  }
}

import type { Clock } from '#core';
import type { Logger } from '#telemetry';
import { QUEUES, type WebhookWakeJob } from './contracts.js';
import { JobConsumer } from './job-consumer.js';
import type { RedisLink } from './redis-link.js';

/** A job only passes the word on; it is over at once. */
const CONCURRENCY = 16;

export interface WebhookWakeConsumerOptions {
  prefix?: string;
}

/** Tells `wake` which endpoint is owed something. One worker hears each word. */
export class WebhookWakeConsumer extends JobConsumer<WebhookWakeJob> {
  constructor(
    link: RedisLink,
    wake: (job: WebhookWakeJob) => void,
    options: WebhookWakeConsumerOptions,
    logger: Logger,
    clock: Clock,
  ) {
    super(
      link,
      async (job) => wake(job),
      { name: QUEUES.webhookWake, prefix: options.prefix, concurrency: CONCURRENCY },
      logger,
      clock,
    );
  }
}

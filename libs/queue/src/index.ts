/**
 * Redis and the queues on it. Nothing that decides or answers an election waits here: producers remember and
 * hand over later, consumers live in the worker process. Redis may lose what was not yet written down (S1 and S2
 * do not rest on it); it must run with maxmemory-policy noeviction.
 */
export type { TokenLedgerEntry, TokenLedgerJob, WebhookWakeJob } from './contracts.js';
export { type QueueDepth, queueDepths } from './queue-depths.js';
export { RateCounter, type RateCount } from './rate-counter.js';
export { type LinkRole, RedisLink } from './redis-link.js';
export { TokenLedgerConsumer, type TokenLedgerConsumerOptions } from './token-ledger-consumer.js';
export { TokenLedgerQueue, type TokenLedgerQueueOptions } from './token-ledger-queue.js';
export { WebhookWakeConsumer, type WebhookWakeConsumerOptions } from './webhook-wake-consumer.js';
export { WebhookWakeQueue, type WebhookWakeQueueOptions } from './webhook-wake-queue.js';

import type { Config } from '#config';
import { type Clock, newId } from '#core';
import { issuerOf, type KeyRing, TokenLedger } from '#fencing';
import type { ActLog, Database } from '#postgres';
import { RedisLink, WebhookWakeConsumer, WebhookWakeQueue } from '#queue';
import type { Logger, Metrics } from '#telemetry';
import {
  Claims,
  DEFAULT_LIMITS,
  Dispatcher,
  EndpointSeal,
  Envelopes,
  GuardedAgent,
  Outcomes,
  type Recorded,
  Sender,
} from '#webhooks';
import { Deliveries } from './deliveries.js';
import { TermSigner } from './term-signer.js';

export interface DeliveryWiring {
  database: Database;
  /** For workers of queues: its commands wait for Redis to come back. */
  redis: RedisLink;
  acts: ActLog;
  /** Of the worker, which begins and ends it. */
  keyRing: KeyRing;
  metrics: Metrics;
  logger: Logger;
  clock: Clock;
}

/** Everything that sends webhooks, made and connected by hand. */
export function createDeliveries(config: Config, wiring: DeliveryWiring): Deliveries {
  const { database, acts, keyRing, metrics, logger, clock } = wiring;
  const workerId = newId('prc');
  const agent = new GuardedAgent(
    { allowHttp: config.WEBHOOK_ALLOW_HTTP, allowedCidrs: config.WEBHOOK_ALLOWED_CIDRS },
    clock,
  );
  const issuer = issuerOf(config);
  const signer = new TermSigner(
    { keyRing, ledger: new TokenLedger(database), issuer, metrics },
    logger,
    clock,
  );
  const envelopes = new Envelopes(new EndpointSeal(config.MASTER_KEY), signer.sign, clock);
  const outcomes = new Outcomes({ database, acts, clock, random: Math.random }, workerId);
  const onAttempt = ({ ended }: Recorded, seconds: number): void => {
    metrics.deliveryAttempts.inc({ outcome: ended });
    metrics.deliverySeconds.observe(seconds);
  };
  const sender = new Sender({ envelopes, agent, outcomes, onAttempt }, logger, clock);
  const onLookFailed = (): void => metrics.deliveryLooksFailed.inc();
  const claims = new Claims(database, workerId, clock);
  const dispatcher = new Dispatcher({ claims, sender, onLookFailed }, DEFAULT_LIMITS, logger, clock);
  const consumer = new WebhookWakeConsumer(
    wiring.redis,
    (endpoint) => dispatcher.wake([endpoint]),
    {},
    logger,
    clock,
  );
  const link = new RedisLink(config.REDIS_URL, 'producer', logger);
  const queue = new WebhookWakeQueue(link, {}, logger, clock);
  return new Deliveries({ claims, dispatcher, consumer, queue, link, agent, metrics }, clock);
}

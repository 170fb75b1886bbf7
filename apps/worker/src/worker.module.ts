import { type DynamicModule, Module } from '@nestjs/common';
import { AUDIT_ENTITIES, AuditLog } from '#audit';
import type { Config } from '#config';
import { systemClock } from '#core';
import { createEngine } from '#etcd';
import { createKeyRing, FENCING_ENTITIES, TokenLedger } from '#fencing';
import { Database } from '#postgres';
import { RedisLink, TokenLedgerConsumer, type TokenLedgerJob } from '#queue';
import { type Logger, createMetrics } from '#telemetry';
import { Fanout } from '#webhooks';
import { createCheckpoints } from './audit/create-checkpoints.js';
import { BackgroundWork } from './background-work.js';
import { createDeliveries } from './deliveries/create-deliveries.js';
import { FanoutSink } from './deliveries/fanout-sink.js';
import { HealthServer } from './health-server.js';
import { AuditSink } from './relay/audit-sink.js';
import { createRelay } from './relay/create-relay.js';
import { createRetention } from './retention/create-retention.js';
import { LedgerWriter } from './ledger-writer.js';

/** For jobs under way; what is cut off is done again by another worker or the next start. */
const FINISH_JOBS_WITHIN_MS = 10_000;
/** Outcomes of deliveries are written down many at a time. */
const POOL_SIZE = 12;
/** A job that comes in a short outage waits here; in a longer one it goes back to the queue for some seconds. */
const WAIT_FOR_DATABASE_MS = 2_000;

/** The only wiring file of the worker. */
@Module({})
export class WorkerModule {
  static with(config: Config, logger: Logger): DynamicModule {
    const metrics = createMetrics();
    const engine = createEngine(config, { logger, metrics, keepsHouse: false });
    const database = new Database(
      {
        url: config.DATABASE_URL,
        applicationName: 'incumbent-worker',
        entities: [...FENCING_ENTITIES, ...AUDIT_ENTITIES],
        poolSize: POOL_SIZE,
      },
      logger,
      systemClock,
    );
    // What is relayed goes to the history, and to these in the same transaction.
    const acts = new AuditLog();
    const redis = new RedisLink(config.REDIS_URL, 'consumer', logger);
    const parts = { database, acts, metrics, logger, clock: systemClock };
    const keyRing = createKeyRing(config, parts);
    const deliveries = createDeliveries(config, { ...parts, keyRing, redis });
    const sinks = [new FanoutSink(new Fanout(), deliveries), new AuditSink(acts)];
    const relay = createRelay({ engine, database, sinks, metrics, logger, clock: systemClock });
    const writer = new LedgerWriter(new TokenLedger(database), metrics, logger);
    const write = async (job: TokenLedgerJob): Promise<void> => {
      await database.waitUntilAvailable(WAIT_FOR_DATABASE_MS);
      await writer.write(job);
    };
    const consumer = new TokenLedgerConsumer(redis, write, {}, logger, systemClock);
    const ledger = {
      start: () => consumer.start(),
      close: () => consumer.close(FINISH_JOBS_WITHIN_MS),
    };
    const retention = createRetention(config, parts);
    const checkpoints = createCheckpoints(config, { ...parts, keyRing });
    const work = [relay, deliveries, ledger, retention, checkpoints];
    const health = new HealthServer(
      { etcd: () => engine.isReady(), postgres: () => database.available(), redis: () => redis.available() },
      metrics,
    );
    return {
      module: WorkerModule,
      providers: [
        { provide: HealthServer, useValue: health },
        {
          provide: BackgroundWork,
          useValue: new BackgroundWork({ engine, database, keyRing, redis }, work, health),
        },
      ],
    };
  }
}

import { type DynamicModule, Module } from '@nestjs/common';
import { AuditLog } from '#audit';
import type { Config } from '#config';
import { systemClock } from '#core';
import { createEngine } from '#etcd';
import { FENCING_ENTITIES, TokenLedger } from '#fencing';
import { Database } from '#postgres';
import { RedisLink, TokenLedgerConsumer, type TokenLedgerJob } from '#queue';
import { type Logger, createMetrics } from '#telemetry';
import { BackgroundWork } from './background-work.js';
import { HealthServer } from './health-server.js';
import { AuditSink } from './relay/audit-sink.js';
import { createRelay } from './relay/create-relay.js';
import { LedgerWriter } from './ledger-writer.js';

const POOL_SIZE = 5;
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
        entities: FENCING_ENTITIES,
        poolSize: POOL_SIZE,
      },
      logger,
      systemClock,
    );
    // What is relayed goes to the history, and to these in the same transaction.
    const sinks = [new AuditSink(new AuditLog())];
    const relay = createRelay({ engine, database, sinks, metrics, logger, clock: systemClock });
    const redis = new RedisLink(config.REDIS_URL, 'consumer', logger);
    const writer = new LedgerWriter(new TokenLedger(database), metrics, logger);
    const write = async (job: TokenLedgerJob): Promise<void> => {
      await database.waitUntilAvailable(WAIT_FOR_DATABASE_MS);
      await writer.write(job);
    };
    const consumer = new TokenLedgerConsumer(redis, write, {}, logger, systemClock);
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
          useValue: new BackgroundWork({ engine, database, redis }, relay, consumer, health),
        },
      ],
    };
  }
}

import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
} from '@nestjs/common';
import type { Engine } from '#etcd';
import type { Database } from '#postgres';
import type { RedisLink, TokenLedgerConsumer } from '#queue';
import type { HealthServer } from './health-server.js';
import type { Relay } from './relay/relay.js';

/** For jobs under way; what is cut off is done again by another worker or the next start. */
const FINISH_JOBS_WITHIN_MS = 10_000;

/** What the work stands on; it is there from before the first job until after the last. */
export interface Ground {
  engine: Engine;
  database: Database;
  redis: RedisLink;
}

/**
 * Starts and ends what the worker does. The order of the end is the point: jobs first, while the connections they
 * use are still there; the framework's own integrations close them in any order.
 */
export class BackgroundWork
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(
    private readonly ground: Ground,
    private readonly relay: Relay,
    private readonly consumer: TokenLedgerConsumer,
    private readonly health: HealthServer,
  ) {}

  onApplicationBootstrap(): void {
    this.ground.engine.start();
    this.ground.database.start();
    this.relay.start();
    this.consumer.start();
  }

  /** The relay resigns, so that another worker goes on at once. */
  async beforeApplicationShutdown(): Promise<void> {
    this.health.announceStop();
    await Promise.all([this.relay.close(), this.consumer.close(FINISH_JOBS_WITHIN_MS)]);
  }

  async onApplicationShutdown(): Promise<void> {
    const { engine, database, redis } = this.ground;
    await Promise.all([engine.close(), redis.close(), database.close(), this.health.close()]);
  }
}

import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
} from '@nestjs/common';
import type { Engine } from '#etcd';
import type { Database } from '#postgres';
import type { RedisLink, TokenLedgerConsumer } from '#queue';
import type { HealthServer } from './health-server.js';

/** For jobs under way; what is cut off is done again by another worker or the next start. */
const FINISH_JOBS_WITHIN_MS = 10_000;

/**
 * Starts and ends what the worker does. The order of the end is the point: jobs first, while the connections they
 * use are still there; the framework's own integrations close them in any order.
 */
export class BackgroundWork
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(
    private readonly engine: Engine,
    private readonly database: Database,
    private readonly redis: RedisLink,
    private readonly consumer: TokenLedgerConsumer,
    private readonly health: HealthServer,
  ) {}

  onApplicationBootstrap(): void {
    this.engine.start();
    this.database.start();
    this.consumer.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.health.announceStop();
    await this.consumer.close(FINISH_JOBS_WITHIN_MS);
    await this.engine.close();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.redis.close(), this.database.close(), this.health.close()]);
  }
}

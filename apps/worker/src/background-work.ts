import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
} from '@nestjs/common';
import type { Engine } from '#etcd';
import type { KeyRing } from '#fencing';
import type { Database } from '#postgres';
import type { RedisLink } from '#queue';
import type { HealthServer } from './health-server.js';

/** What the work stands on; it is there from before the first job until after the last. */
export interface Ground {
  engine: Engine;
  database: Database;
  /** Read from the database; whatever signs in this process signs with it. */
  keyRing: KeyRing;
  redis: RedisLink;
}

/** Something that the worker does by itself from `start` until `close`, which ends within some seconds. */
export interface Work {
  start(): void;
  close(): Promise<void>;
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
    private readonly work: readonly Work[],
    private readonly health: HealthServer,
  ) {}

  onApplicationBootstrap(): void {
    this.ground.engine.start();
    this.ground.database.start();
    this.ground.keyRing.start();
    for (const work of this.work) work.start();
  }

  /** All at once: each lets end what is under way, and the relay resigns, so that another worker goes on. */
  async beforeApplicationShutdown(): Promise<void> {
    this.health.announceStop();
    await Promise.all(this.work.map((work) => work.close()));
  }

  async onApplicationShutdown(): Promise<void> {
    const { engine, database, keyRing, redis } = this.ground;
    await keyRing.close();
    await Promise.all([engine.close(), redis.close(), database.close(), this.health.close()]);
  }
}

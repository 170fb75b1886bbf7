import { randomUUID } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { withDeadline } from '#core';
import type { Logger } from '#telemetry';

const CONNECT_TIMEOUT_MS = 2_000;
/** A producer is never worth waiting for longer. */
const COMMAND_TIMEOUT_MS = 1_000;
/** Nothing waits for a count, but a late one is worth nothing: the next says more. */
const COUNT_TIMEOUT_MS = 100;
const LONGEST_RETRY_MS = 2_000;
const CLOSE_WITHIN_MS = 1_000;

/**
 * `producer`: commands fail at once while Redis is away, so that no caller waits for it.
 * `counter`: the same, and what is not answered in a tenth of a second is given up.
 * `consumer`: commands wait for Redis to come back, as BullMQ demands of its workers.
 */
export type LinkRole = 'producer' | 'counter' | 'consumer';

const ROLE_OPTIONS: Record<LinkRole, RedisOptions> = {
  producer: { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: COMMAND_TIMEOUT_MS },
  counter: { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: COUNT_TIMEOUT_MS },
  consumer: { maxRetriesPerRequest: null },
};

/** A connection to Redis that comes up and goes down by itself and never fails its process. */
export class RedisLink {
  /** For this library alone. */
  readonly redis: Redis;
  private complained = false;

  constructor(
    url: string,
    role: LinkRole,
    private readonly logger: Logger,
  ) {
    this.redis = new Redis(url, {
      ...ROLE_OPTIONS[role],
      connectTimeout: CONNECT_TIMEOUT_MS,
      connectionName: `incumbent-${role}-${randomUUID().slice(0, 8)}`,
      retryStrategy: (attempt) =>
        Math.min(LONGEST_RETRY_MS, 100 * 2 ** Math.min(attempt, 8)) * (0.75 + Math.random() / 2),
    });
    this.redis.on('error', (error) => this.complain(error));
    this.redis.on('ready', () => void this.greet());
  }

  /** Whether commands can be sent at this moment. */
  available(): boolean {
    return this.redis.status === 'ready';
  }

  /** Whether Redis answers, found out within a second. */
  async ping(): Promise<boolean> {
    if (!this.available()) return false;
    try {
      return (await withDeadline(this.redis.ping(), COMMAND_TIMEOUT_MS, 'PING')) === 'PONG';
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    if (this.available())
      await withDeadline(this.redis.quit(), CLOSE_WITHIN_MS, 'QUIT').catch(() => undefined);
    this.redis.disconnect();
  }

  /** Says once per outage that there is one: an unreachable server fails many times a minute. */
  private complain(error: unknown): void {
    if (this.complained) return;
    this.complained = true;
    this.logger.warn({ err: error }, 'redis not reachable; trying on');
  }

  private async greet(): Promise<void> {
    if (this.complained) this.logger.info('redis connected');
    this.complained = false;
    try {
      // INFO instead of CONFIG GET, which managed Redis services often forbid.
      const policy = /^maxmemory_policy:(\S+)/m.exec(await this.redis.info('memory'))?.[1];
      if (policy === undefined || policy === 'noeviction') return;
      this.logger.error(
        { policy },
        'redis evicts data when its memory is full: jobs WILL be lost. Set maxmemory-policy noeviction',
      );
    } catch {
      // The connection went away again; the next one is asked.
    }
  }
}

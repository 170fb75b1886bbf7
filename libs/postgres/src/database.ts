import type { DataSource, EntityManager } from 'typeorm';
import { type Clock, type Timer, delay, withDeadline } from '#core';
import type { Logger } from '#telemetry';
import { type DataSourceSettings, createDataSource } from './data-source.js';
import { databaseUnavailable, failureOf } from './outage.js';
import { Turns } from './turns.js';

/** First pause after a failed attempt to connect; doubles up to the longest. */
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 2_000;
/** How often a connection that seems well is tried, so that `available` does not lie for long. */
const CHECK_EVERY_MS = 5_000;
/** How long `close` waits for statements that are under way. */
const CLOSE_WITHIN_MS = 4_000;
const DEFAULT_POOL_SIZE = 10;
/** Connections that no tenant's call takes: for operators, for copies into the store, for the check of health. */
const KEPT_FREE = 2;
/** Connections of one tenant at once. Its creations queue behind its row: more would only hold connections. */
const MOST_OF_TENANT = 3;
/** As long as a connection is waited for. */
const TURN_WITHIN_MS = 2_000;

const BECOME_TENANT =
  "SELECT set_config('role', 'incumbent_tenant', true), set_config('app.tenant', $1, true)";

export interface DatabaseOptions extends Omit<DataSourceSettings, 'onIdleError' | 'poolSize'> {
  poolSize?: number;
}

/**
 * The connection to Postgres, for a service that must run without it (A1).
 *
 * `start` returns at once; the connection is made in the background and made again whenever it is lost. While
 * there is none, every use fails within a microsecond with `database.unavailable` instead of queueing. The call
 * that meets the outage first may wait for its timeout (a few seconds); the ones after it do not.
 *
 * A transaction whose commit was not answered may have happened: callers make their writes repeatable.
 */
export class Database {
  private source: DataSource | undefined;
  private up = false;
  private closed = false;
  private failures = 0;
  private timer: Timer | undefined;
  private checking: Promise<void> | undefined;
  private readonly turns: Turns;

  constructor(
    private readonly options: DatabaseOptions,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {
    const all = Math.max(1, this.poolSize - KEPT_FREE);
    this.turns = new Turns({ all, perTenant: Math.min(all, MOST_OF_TENANT) }, clock);
  }

  /** Begins to connect, in the background and for ever. */
  start(): void {
    this.checkSoon(0);
  }

  /** Whether the last thing heard of Postgres was good. */
  available(): boolean {
    return this.up;
  }

  /** Resolves to whether Postgres is available, at the latest after `ms`. */
  async waitUntilAvailable(ms: number): Promise<boolean> {
    const endMs = this.clock.monotonicMs() + ms;
    while (!this.up && !this.closed && this.clock.monotonicMs() < endMs) await delay(20, this.clock);
    return this.up;
  }

  /**
   * Runs statements, each by itself, on rows of any tenant.
   * @throws IncumbentError database.unavailable
   */
  async run<T>(work: (rows: EntityManager) => Promise<T>): Promise<T> {
    const source = this.connected();
    return this.guarded(() => work(source.manager));
  }

  /**
   * Runs `work` in one transaction (read committed) on rows of any tenant, rolled back when it throws.
   * @throws IncumbentError database.unavailable
   */
  async transaction<T>(work: (rows: EntityManager) => Promise<T>): Promise<T> {
    const source = this.connected();
    return this.guarded(() => source.transaction(work));
  }

  /**
   * Runs `work` in one transaction that sees and changes rows of this tenant alone: the server itself refuses every
   * other, whatever a query forgot. Settings of a transaction end with it, so nothing leaks to the next borrower of
   * the connection. Tenants take turns and each has a few connections at most, so that none can keep the others from
   * theirs; do not call it inside of itself.
   * @throws IncumbentError database.unavailable, also when the tenant's turn does not come within two seconds
   */
  async forTenant<T>(tenantId: string, work: (rows: EntityManager) => Promise<T>): Promise<T> {
    this.connected();
    const release = await this.turns.take(tenantId, TURN_WITHIN_MS);
    if (!release) throw databaseUnavailable();
    try {
      return await this.transaction(async (rows) => {
        await rows.query(BECOME_TENANT, [tenantId]);
        return work(rows);
      });
    } finally {
      release();
    }
  }

  /**
   * Runs `work` while no other process runs what takes the same lock, and answers whether it did: where another does,
   * nothing happens. The lock belongs to a connection of its own and goes with it, so a process that is killed holds
   * nobody up; in return `work` must bear that its connection is lost and another process begins.
   * @throws IncumbentError database.unavailable
   */
  async exclusively(lock: number, work: () => Promise<void>): Promise<boolean> {
    const source = this.connected();
    return this.guarded(async () => {
      const holder = source.createQueryRunner();
      try {
        const asked = 'SELECT pg_try_advisory_lock($1) AS taken';
        const taken = await holder.manager.query<{ taken: boolean }[]>(asked, [lock]);
        if (taken[0]?.taken !== true) return false;
        try {
          await work();
          return true;
        } finally {
          await holder.query('SELECT pg_advisory_unlock($1)', [lock]);
        }
      } finally {
        await holder.release();
      }
    });
  }

  /** Stops connecting, lets statements under way end, and refuses everything after. */
  async close(): Promise<void> {
    this.closed = true;
    this.up = false;
    this.timer?.cancel();
    await this.checking;
    const source = this.source;
    this.source = undefined;
    if (source?.isInitialized !== true) return;
    await withDeadline(source.destroy(), CLOSE_WITHIN_MS, 'closing the database', this.clock).catch(
      (error: unknown) => this.logger.warn({ err: error }, 'database connections were left behind'),
    );
  }

  private get poolSize(): number {
    return this.options.poolSize ?? DEFAULT_POOL_SIZE;
  }

  private connected(): DataSource {
    if (!this.up || !this.source) throw databaseUnavailable();
    return this.source;
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const failure = failureOf(error);
      if (failure === 'none') throw error;
      if (failure === 'server') this.markDown(error);
      throw databaseUnavailable(error);
    }
  }

  private markDown(error: unknown): void {
    if (!this.up || this.closed) return;
    this.up = false;
    this.logger.warn({ err: error }, 'database lost; elections go on without it');
    this.checkSoon(FIRST_RETRY_MS);
  }

  private checkSoon(delayMs: number): void {
    this.timer?.cancel();
    if (this.closed) return;
    this.timer = this.clock.after(delayMs, () => {
      this.checking ??= this.check().finally(() => {
        this.checking = undefined;
        this.checkSoon(this.up ? CHECK_EVERY_MS : this.retryMs());
      });
    });
  }

  private retryMs(): number {
    const fullMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.failures, 10));
    return fullMs * (0.75 + Math.random() / 2);
  }

  /** Never rejects. */
  private async check(): Promise<void> {
    try {
      if (this.source) await this.source.query('SELECT 1');
      else this.source = await this.connect();
      if (this.closed) return;
      if (!this.up) this.logger.info('database connected');
      this.up = true;
      this.failures = 0;
    } catch (error) {
      // Every connection is in use: that says nothing about the server.
      if (this.up && failureOf(error) === 'statement') return;
      this.failures += 1;
      if (this.up) this.logger.warn({ err: error }, 'database lost; elections go on without it');
      else if (this.failures === 1) this.logger.warn({ err: error }, 'database not reachable yet; trying on');
      this.up = false;
    }
  }

  private async connect(): Promise<DataSource> {
    const source = createDataSource({
      ...this.options,
      poolSize: this.poolSize,
      onIdleError: (error) => this.markDown(error),
    });
    try {
      return await source.initialize();
    } catch (error) {
      // A pool that connected once and then failed is not closed by the data source itself.
      if (!source.isInitialized) await source.driver.disconnect().catch(() => undefined);
      throw error;
    }
  }
}

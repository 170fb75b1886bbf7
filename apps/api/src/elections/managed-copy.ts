import type { Clock, Timer } from '#core';
import type { ElectionView } from '#election';
import type { Engine } from '#etcd';
import type { ElectionCatalog } from '#tenancy';
import type { Logger } from '#telemetry';
import { copyOf } from './settings.js';

const EVERY_MS = 60_000;

/**
 * Keeps Postgres' copy of the elections in step with the engine, which holds the truth. What a change could not
 * write at once (Postgres was away, the process died) is made up for every minute, by the housekeeper alone.
 */
export class ManagedCopy {
  private timer: Timer | undefined;
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly catalog: ElectionCatalog,
    private readonly engine: Engine,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  start(): void {
    this.timer = this.clock.after(EVERY_MS, () => {
      this.running = this.reconcile().finally(() => {
        if (!this.closed) this.start();
      });
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await this.running;
  }

  /** The engine has changed it; the copy follows now or within a minute. Never rejects. */
  async changed(tenantId: string, view: ElectionView): Promise<void> {
    const entry = { tenantId, name: view.name, settings: copyOf(view) };
    await this.catalog.update(entry).catch((error: unknown) => this.missed(error));
  }

  /** The engine has closed it, or will once its grants are over. Never rejects. */
  async removed(tenantId: string, name: string): Promise<void> {
    await this.catalog.remove(tenantId, name).catch((error: unknown) => this.missed(error));
  }

  private missed(error: unknown): void {
    this.logger.warn({ err: error }, 'the copy of an election in Postgres follows later');
  }

  private async reconcile(): Promise<void> {
    const replica = this.engine.known;
    if (!replica?.isHousekeeper()) return;
    const open = [...replica.view.elections.values()].flatMap(({ ref, config }) => {
      if (!config || config.record.state === 'closing' || config.record.state === 'closed') return [];
      const { name, createdAt, updatedAt } = config.record;
      const settings = copyOf(config.record);
      const times = { createdAt: new Date(createdAt), updatedAt: new Date(updatedAt) };
      return [{ tenantId: ref.tenantId, name, settings, ...times }];
    });
    try {
      const removed = await this.catalog.reconcile(open);
      if (removed > 0) this.logger.info({ removed }, 'copies of elections that are gone were removed');
    } catch (error) {
      this.logger.debug(
        { err: error },
        'the copies of elections were not compared; trying again in a minute',
      );
    }
  }
}

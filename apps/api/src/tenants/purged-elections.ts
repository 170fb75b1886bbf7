import type { Clock, Timer } from '#core';
import type { Engine } from '#etcd';
import type { Logger } from '#telemetry';

const EVERY_MS = 60_000;
/** Closed in one round; the next goes on. */
const MOST_PER_ROUND = 1_000;
const CLOSE_WITHIN_MS = 2_000;

/**
 * Closes the elections of tenants whose rows are purged. Nobody has led in them since the tenant was deleted. Their
 * term records stay, as with every deleted election. The housekeeper alone does it; what it misses it finds again.
 */
export class PurgedElections {
  private timer: Timer | undefined;
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly engine: Pick<Engine, 'known'>,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  start(): void {
    this.timer = this.clock.after(EVERY_MS, () => {
      this.running = this.round().finally(() => {
        if (!this.closed) this.start();
      });
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await this.running;
  }

  private async round(): Promise<void> {
    const replica = this.engine.known;
    if (!replica?.isHousekeeper()) return;
    let closed = 0;
    for (const { ref, config } of replica.view.elections.values()) {
      if (this.closed || closed >= MOST_PER_ROUND) break;
      const state = config?.record.state;
      if (config === undefined || state === 'closing' || state === 'closed') continue;
      if (replica.directory.tenant(ref.tenantId)?.purged !== true) continue;
      try {
        const receivedAtMs = this.clock.monotonicMs();
        const bounds = { receivedAtMs, deadlineMs: receivedAtMs + CLOSE_WITHIN_MS };
        await replica.management.remove({ tenantId: ref.tenantId, election: config.record.name }, bounds);
        closed += 1;
      } catch (error) {
        this.logger.debug({ err: error }, 'elections of purged tenants are closed later');
        return;
      }
    }
    if (closed > 0) this.logger.info({ closed }, 'elections of purged tenants were closed');
  }
}

import { type Clock, hasCode, type Timer, withDeadline } from '#core';
import type { Logger } from '#telemetry';
import type { Work } from '../background-work.js';

/** Jitter, so that workers that started together do not sign the same heads together for ever. */
const SPREAD = 0.2;
/** For the statement under way; heads that are not kept now are kept the next time. */
const CLOSE_WITHIN_MS = 3_000;

/**
 * Keeps signed heads of all chains, now and then. Several workers do no harm: what one has kept, the others find.
 */
export class CheckpointKeeper implements Work {
  private timer: Timer | undefined;
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(
    /** Answers how many heads were kept. */
    private readonly keep: () => Promise<number>,
    private readonly everyMs: number,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  start(): void {
    const spreadMs = this.everyMs * SPREAD * Math.random();
    this.timer = this.clock.after(this.everyMs - spreadMs, () => {
      this.running = this.run().finally(() => {
        if (!this.closed) this.start();
      });
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    const ended = Promise.resolve(this.running);
    await withDeadline(ended, CLOSE_WITHIN_MS, 'keeping checkpoints', this.clock).catch((error: unknown) =>
      this.logger.warn({ err: error }, 'checkpoints of the audit log cut off; they are kept the next time'),
    );
  }

  private async run(): Promise<void> {
    try {
      const kept = await this.keep();
      if (kept > 0) this.logger.info({ kept }, 'checkpoints of the audit log kept');
    } catch (error) {
      const level = hasCode(error, 'database.unavailable') ? 'debug' : 'warn';
      this.logger[level]({ err: error }, 'no checkpoints of the audit log kept; trying again later');
    }
  }
}

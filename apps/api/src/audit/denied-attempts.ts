import {
  type Act,
  type ActContext,
  type Actor,
  type ActTarget,
  type Clock,
  newId,
  type Timer,
  toTimestamp,
  withDeadline,
} from '#core';
import type { Logger } from '#telemetry';

/** Attempts of one actor with one code that fall into the same window are one event. */
const WINDOW_MS = 60_000;
/** Different actors and codes per window; a flood from many addresses is one event beyond. */
const MOST_PER_WINDOW = 1_000;
/** Events that wait for the database; what does not fit is counted in the log and lost. */
const MOST_WAITING = 5_000;
/** Of several chains at once: each batch is one transaction. */
const BATCH = 100;
const LAST_FLUSH_WITHIN_MS = 2_000;

/** Somebody was refused. */
export interface Denial {
  /** Whose chain; null for the platform's. */
  tenantId: string | null;
  actor: Actor;
  targets: ActTarget[];
  /** What tells this actor from others: a key's id, or an address. */
  source: string;
  code: string;
  /** operationId of the call. */
  operation: string;
  context: ActContext;
}

interface Attempts {
  denial: Denial;
  firstMs: number;
  lastMs: number;
  count: number;
  operations: Map<string, number>;
}

/**
 * Puts refused attempts on record: one event per actor, code and minute, with a count. Noticing one is an entry in
 * a map; it waits for nothing and fails no request. A process that is killed loses what it noticed in that minute.
 */
export class DeniedAttempts {
  private window = new Map<string, Attempts>();
  private beyond = 0;
  private waiting: Act[] = [];
  private timer: Timer | undefined;
  private flushing: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(
    private readonly record: (acts: readonly Act[]) => Promise<void>,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  start(): void {
    this.timer = this.clock.after(WINDOW_MS, () => {
      this.flushing = this.flush().finally(() => {
        if (!this.closed) this.start();
      });
    });
  }

  noticed(denial: Denial): void {
    const key = `${denial.tenantId ?? ''} ${denial.source} ${denial.code}`;
    const nowMs = this.clock.wallTimeMs();
    let attempts = this.window.get(key);
    if (!attempts) {
      if (this.window.size >= MOST_PER_WINDOW) {
        this.beyond += 1;
        return;
      }
      attempts = { denial, firstMs: nowMs, lastMs: nowMs, count: 0, operations: new Map() };
      this.window.set(key, attempts);
    }
    attempts.count += 1;
    attempts.lastMs = nowMs;
    attempts.operations.set(denial.operation, (attempts.operations.get(denial.operation) ?? 0) + 1);
  }

  /** Writes down what was noticed, if the database is there; else it waits for the next time. Never rejects. */
  async flush(): Promise<void> {
    this.waiting.push(...this.closeWindow());
    const lost = this.waiting.length - MOST_WAITING;
    if (lost > 0) {
      this.waiting.splice(0, lost);
      this.logger.error({ lost }, 'denied attempts were not recorded: the database was away for too long');
    }
    try {
      while (this.waiting.length > 0) {
        // An id is chosen once, so a batch whose outcome is unknown can be written again.
        await this.record(this.waiting.slice(0, BATCH));
        this.waiting.splice(0, BATCH);
      }
    } catch (error) {
      this.logger.warn({ err: error, waiting: this.waiting.length }, 'denied attempts are recorded later');
    }
  }

  /** Writes down what is left, within two seconds. */
  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    const last = this.flushing.then(() => this.flush());
    await withDeadline(last, LAST_FLUSH_WITHIN_MS, 'recording denied attempts', this.clock).catch(
      (error: unknown) => this.logger.warn({ err: error }, 'the last denied attempts were not recorded'),
    );
  }

  private closeWindow(): Act[] {
    const acts = [...this.window.values()].map((attempts) => actOf(attempts));
    const nowMs = this.clock.wallTimeMs();
    if (this.beyond > 0) acts.push(actOfMany(this.beyond, nowMs));
    this.window = new Map();
    this.beyond = 0;
    return acts;
  }
}

function actOf({ denial, firstMs, lastMs, count, operations }: Attempts): Act {
  const { tenantId, actor, targets, code, context } = denial;
  return {
    id: newId('aud'),
    tenantId,
    action: 'access.denied',
    actor,
    targets,
    context,
    metadata: { code, count, lastAt: toTimestamp(lastMs), operations: Object.fromEntries(operations) },
    occurredAt: toTimestamp(firstMs),
  };
}

/** The rest of a flood. */
function actOfMany(count: number, nowMs: number): Act {
  return {
    id: newId('aud'),
    tenantId: null,
    action: 'access.denied',
    actor: { type: 'system', id: 'denied-attempts' },
    targets: [],
    context: {},
    metadata: { code: 'various', count },
    occurredAt: toTimestamp(nowMs),
  };
}

import type { Clock } from '#core';
import type { EventRecord } from '#election';
import type { Logger, Metrics } from '#telemetry';

/** From here on somebody should look. At 100 changes a second the outbox has grown so in two minutes. */
const ALARM_EVENTS = 20_000;
const ALARM_SECONDS = 60;
const ALARM_EVERY_MS = 60_000;

/** How full the outbox is and how old, told as metrics and, when it grows, as a warning in the log. */
export class OutboxWatch {
  /** When the outbox was last known to hold nothing older: the pin of the last pass that emptied it. */
  private emptyAtMs: number;
  private alarmedAtMs = Number.NEGATIVE_INFINITY;
  private oldestKnownMs = 0;

  constructor(
    private readonly metrics: Metrics,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {
    this.emptyAtMs = clock.monotonicMs();
  }

  /** This worker has become the relay: how long the outbox has waited it learns from what it finds. */
  begun(): void {
    this.emptyAtMs = this.clock.monotonicMs();
    this.oldestKnownMs = 0;
    this.metrics.relayLeads.set(1);
  }

  /** This worker relays no more; the one that does tells. */
  ended(): void {
    this.metrics.relayLeads.set(0);
    this.metrics.outboxEvents.set(0);
    this.metrics.outboxOldestSeconds.set(0);
    this.metrics.outboxHeldElections.set(0);
  }

  /** `count` keys wait, among them `events`. */
  saw(count: number, events: readonly EventRecord[]): void {
    const nowMs = this.clock.wallTimeMs();
    for (const { occurredAt } of events)
      this.oldestKnownMs = Math.max(this.oldestKnownMs, nowMs - Date.parse(occurredAt));
    this.tell(count);
  }

  wrote(events: readonly EventRecord[]): void {
    const nowMs = this.clock.wallTimeMs();
    this.metrics.relayed.inc(events.length);
    for (const { occurredAt } of events)
      this.metrics.relayLagSeconds.observe(Math.max(0, nowMs - Date.parse(occurredAt)) / 1_000);
  }

  /** A pass that was pinned at `pinnedAtMs` has left nothing but `held` parts. */
  passed(pinnedAtMs: number, held: number): void {
    this.metrics.outboxHeldElections.set(held);
    if (held > 0) return;
    this.emptyAtMs = pinnedAtMs;
    this.oldestKnownMs = 0;
    this.tell(0);
  }

  private tell(count: number): void {
    const waitedMs = count === 0 ? 0 : this.clock.monotonicMs() - this.emptyAtMs;
    const oldestSeconds = count === 0 ? 0 : Math.max(waitedMs, this.oldestKnownMs) / 1_000;
    this.metrics.outboxEvents.set(count);
    this.metrics.outboxOldestSeconds.set(oldestSeconds);
    const nowMs = this.clock.monotonicMs();
    const alarming = count >= ALARM_EVENTS || oldestSeconds >= ALARM_SECONDS;
    if (!alarming || nowMs - this.alarmedAtMs < ALARM_EVERY_MS) return;
    this.alarmedAtMs = nowMs;
    this.logger.warn({ events: count, oldestSeconds }, 'the outbox grows: is Postgres away or too slow?');
  }
}

import { type Clock, type Timer } from '#core';
import type { RedisLink, WebhookWakeConsumer, WebhookWakeQueue } from '#queue';
import type { Metrics } from '#telemetry';
import type { Claims, Dispatcher, EndpointRef, EndpointWaker, GuardedAgent } from '#webhooks';

const COUNT_EVERY_MS = 15_000;
/** For deliveries in flight; what is cut off is made again by another worker or the next start. */
const LAND_WITHIN_MS = 10_000;

export interface DeliveryParts {
  claims: Claims;
  dispatcher: Dispatcher;
  consumer: WebhookWakeConsumer;
  queue: WebhookWakeQueue;
  /** What the queue tells its words by. */
  link: RedisLink;
  agent: GuardedAgent;
  metrics: Metrics;
}

/** The deliveries of this worker: what they stand on, begun and ended in order. */
export class Deliveries implements EndpointWaker {
  private timer: Timer | undefined;
  private counting: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly parts: DeliveryParts,
    private readonly clock: Clock,
  ) {}

  start(): void {
    this.parts.dispatcher.start();
    this.parts.consumer.start();
    this.countLater(0);
  }

  /** One worker, whichever hears first; while Redis is away, this one. */
  wake(endpoints: readonly EndpointRef[]): void {
    if (this.parts.link.available()) this.parts.queue.wake(endpoints);
    else this.parts.dispatcher.wake(endpoints);
  }

  /** Lets deliveries in flight end, and gives back what does not in time. */
  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    const { consumer, dispatcher, queue, link, agent } = this.parts;
    await Promise.all([consumer.close(LAND_WITHIN_MS), dispatcher.close(LAND_WITHIN_MS), this.counting]);
    await Promise.all([queue.close(), agent.close()]);
    await link.close();
  }

  private countLater(afterMs: number): void {
    if (this.closed) return;
    this.timer = this.clock.after(afterMs, () => {
      this.counting = this.count().finally(() => this.countLater(COUNT_EVERY_MS));
    });
  }

  /** Never rejects: while Postgres is away the gauges keep what was last known. */
  private async count(): Promise<void> {
    try {
      const { pending, oldestMs } = await this.parts.claims.backlog();
      this.parts.metrics.deliveriesPending.set(pending);
      this.parts.metrics.oldestDeliverySeconds.set(oldestMs / 1_000);
    } catch {
      // Its absence shows in dependency_up.
    }
  }
}

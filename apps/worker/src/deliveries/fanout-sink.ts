import type { EventRecord } from '#election';
import type { EntityManager } from '#postgres';
import type { EndpointRef, EndpointWaker, Fanout } from '#webhooks';
import type { Sink } from '../relay/sink.js';

/** Owes every event to the endpoints that subscribe to it, in the transaction that makes it history. */
export class FanoutSink implements Sink {
  /** Of the transaction under way: the relay has one at a time. */
  private owed: EndpointRef[] = [];

  constructor(
    private readonly fanout: Fanout,
    private readonly waker: EndpointWaker,
  ) {}

  async append(rows: EntityManager, events: readonly EventRecord[]): Promise<void> {
    this.owed = await this.fanout.append(rows, events);
  }

  committed(): void {
    this.waker.wake(this.owed);
    this.owed = [];
  }
}

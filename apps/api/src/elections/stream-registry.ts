import { type Clock, IncumbentError, type Timer } from '#core';
import type { Drain, Held } from '../http/drain.js';

const HEARTBEAT_MS = 15_000;
/** A stream costs a socket and some 20 kB; this keeps one tenant from taking the whole replica. */
const MOST_STREAMS_PER_TENANT = 1_000;

/** A stream as its registry sees it. */
export interface OpenStream extends Held {
  heartbeat(): void;
}

/** Owns every open stream: counts them by tenant, keeps them awake, and lets the drain end them. */
export class StreamRegistry {
  private readonly streams = new Set<OpenStream>();
  private readonly perTenant = new Map<string, number>();
  private timer: Timer | undefined;

  constructor(
    private readonly drain: Drain,
    private readonly clock: Clock,
  ) {}

  get size(): number {
    return this.streams.size;
  }

  /** Takes a place for a stream of this tenant. @throws IncumbentError limit.quota_exceeded */
  reserve(tenantId: string): () => void {
    const open = this.perTenant.get(tenantId) ?? 0;
    if (open >= MOST_STREAMS_PER_TENANT) {
      throw new IncumbentError(
        'limit.quota_exceeded',
        'Close event streams that are not needed, or share one per process.',
        {
          limit: { name: 'eventStreamsPerReplica', value: MOST_STREAMS_PER_TENANT },
          executed: false,
        },
      );
    }
    this.perTenant.set(tenantId, open + 1);
    return () => this.release(tenantId);
  }

  /** Keeps `stream` until the returned function is called. */
  add(stream: OpenStream): () => void {
    const letGo = this.drain.own(stream);
    this.streams.add(stream);
    this.timer ??= this.clock.after(HEARTBEAT_MS, () => this.beat());
    return () => {
      letGo();
      this.streams.delete(stream);
    };
  }

  private beat(): void {
    for (const stream of this.streams) stream.heartbeat();
    this.timer = this.streams.size === 0 ? undefined : this.clock.after(HEARTBEAT_MS, () => this.beat());
  }

  private release(tenantId: string): void {
    const left = (this.perTenant.get(tenantId) ?? 1) - 1;
    if (left === 0) this.perTenant.delete(tenantId);
    else this.perTenant.set(tenantId, left);
  }
}

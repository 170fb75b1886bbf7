import { type Clock, IncumbentError, type Timer } from '#core';
import type { Drain, Held } from '../http/drain.js';

/** A quiet stream whose reader is no longer welcome ends within this; one that is not, before the next event. */
const LOOK_EVERY_MS = 1_000;
const LOOKS_PER_HEARTBEAT = 15;

/** A stream as its registry sees it. */
export interface OpenStream extends Held {
  heartbeat(): void;
  endUnlessWelcome(): void;
}

/** Owns every open stream: counts them by tenant, keeps them awake, and lets the drain end them. */
export class StreamRegistry {
  private readonly streams = new Set<OpenStream>();
  private readonly perTenant = new Map<string, number>();
  private timer: Timer | undefined;
  private looks = 0;

  constructor(
    private readonly drain: Drain,
    /** How many a tenant may have, and how many of them here; a stream costs a socket and some 20 kB. */
    private readonly quotaOf: (tenantId: string) => { all: number; here: number },
    private readonly clock: Clock,
  ) {}

  get size(): number {
    return this.streams.size;
  }

  openFor(tenantId: string): number {
    return this.perTenant.get(tenantId) ?? 0;
  }

  /** Takes a place for a stream of this tenant. @throws IncumbentError limit.quota_exceeded */
  reserve(tenantId: string): () => void {
    const open = this.openFor(tenantId);
    const { all, here } = this.quotaOf(tenantId);
    if (open >= here) {
      throw new IncumbentError(
        'limit.quota_exceeded',
        `The tenant may have ${all} event streams and attached sockets (maxStreams), ${here} of them on this replica. Close those that ` +
          'are not needed, or share one per process.',
        { limit: { name: 'maxStreams', value: all }, executed: false },
      );
    }
    this.perTenant.set(tenantId, open + 1);
    return () => this.release(tenantId);
  }

  /** Keeps `stream` until the returned function is called. */
  add(stream: OpenStream): () => void {
    const letGo = this.drain.own(stream);
    this.streams.add(stream);
    this.timer ??= this.clock.after(LOOK_EVERY_MS, () => this.look());
    return () => {
      letGo();
      this.streams.delete(stream);
    };
  }

  private look(): void {
    this.looks = (this.looks + 1) % LOOKS_PER_HEARTBEAT;
    for (const stream of this.streams) {
      stream.endUnlessWelcome();
      if (this.looks === 0) stream.heartbeat();
    }
    this.timer = this.streams.size === 0 ? undefined : this.clock.after(LOOK_EVERY_MS, () => this.look());
  }

  private release(tenantId: string): void {
    const left = (this.perTenant.get(tenantId) ?? 1) - 1;
    if (left === 0) this.perTenant.delete(tenantId);
    else this.perTenant.set(tenantId, left);
  }
}

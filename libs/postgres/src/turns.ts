import type { Clock } from '#core';

interface Waiter {
  /** Called with how the place is given back. */
  begin(release: () => void): void;
}

export interface TurnLimits {
  /** Of all tenants together; what is left of the pool is for operators and for the service itself. */
  all: number;
  /** Of one tenant: so many of its calls may wait for each other's locks while others have connections. */
  perTenant: number;
}

/**
 * Shares the connections of a pool among tenants. One tenant has a few at most, and where more wait than there is
 * room for, tenants take turns: however many calls of one tenant wait, another's is next but one.
 */
export class Turns {
  private readonly running = new Map<string, number>();
  /** By tenant, in the order of their turns. */
  private readonly waiting = new Map<string, Set<Waiter>>();
  private runningInAll = 0;

  constructor(
    private readonly limits: TurnLimits,
    private readonly clock: Clock,
  ) {}

  /** Waits for a place. @returns how it is given back; undefined when there was none in time */
  async take(tenantId: string, withinMs: number): Promise<(() => void) | undefined> {
    if (this.hasRoom(tenantId)) return this.enter(tenantId);
    const { promise, resolve } = Promise.withResolvers<(() => void) | undefined>();
    const waiter: Waiter = { begin: resolve };
    const queue = this.waiting.get(tenantId) ?? new Set();
    this.waiting.set(tenantId, queue.add(waiter));
    const timer = this.clock.after(withinMs, () => {
      this.forget(tenantId, waiter);
      resolve(undefined);
    });
    const release = await promise;
    timer.cancel();
    return release;
  }

  private hasRoom(tenantId: string): boolean {
    const { all, perTenant } = this.limits;
    return this.runningInAll < all && (this.running.get(tenantId) ?? 0) < perTenant;
  }

  private enter(tenantId: string): () => void {
    this.runningInAll += 1;
    this.running.set(tenantId, (this.running.get(tenantId) ?? 0) + 1);
    return () => {
      this.runningInAll -= 1;
      const left = (this.running.get(tenantId) ?? 1) - 1;
      if (left === 0) this.running.delete(tenantId);
      else this.running.set(tenantId, left);
      this.admitNext();
    };
  }

  /** Whoever has room and was not served for longest; behind everybody else from now on. */
  private admitNext(): void {
    for (const [tenantId, queue] of this.waiting) {
      const [waiter] = queue;
      if (!waiter || !this.hasRoom(tenantId)) continue;
      this.waiting.delete(tenantId);
      queue.delete(waiter);
      if (queue.size > 0) this.waiting.set(tenantId, queue);
      waiter.begin(this.enter(tenantId));
      return;
    }
  }

  private forget(tenantId: string, waiter: Waiter): void {
    const queue = this.waiting.get(tenantId);
    queue?.delete(waiter);
    if (queue?.size === 0) this.waiting.delete(tenantId);
  }
}

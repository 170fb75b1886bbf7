/**
 * Sessions whose deadline is to be judged. Tenants take turns, and a few of a tenant are being ended at a time: two
 * thousand that end together hold up neither the calls of others nor the end of another tenant's leader.
 */
import type { SeenSession } from './view.js';

/** Of one tenant. Renewals travel in the same groups of the store, or wait behind them. */
const MOST_ENDING = 16;

export class DueSessions {
  /** tenantId -> those that wait; the first tenant is next. */
  readonly #waiting = new Map<string, SeenSession[]>();
  /** tenantId -> how many the store is asked to end. */
  readonly #ending = new Map<string, number>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  add(session: SeenSession): void {
    const { tenantId } = session.record;
    const ofTenant = this.#waiting.get(tenantId);
    if (ofTenant) ofTenant.push(session);
    else this.#waiting.set(tenantId, [session]);
  }

  /** Whose turn it is; undefined if none waits that may be ended now. */
  next(): SeenSession | undefined {
    for (const [tenantId, ofTenant] of this.#waiting) {
      if ((this.#ending.get(tenantId) ?? 0) >= MOST_ENDING) continue;
      const session = ofTenant.pop();
      this.#waiting.delete(tenantId);
      if (ofTenant.length > 0) this.#waiting.set(tenantId, ofTenant);
      if (session) return session;
    }
    return undefined;
  }

  /** The store is asked to end one of the tenant, until `asked` is settled. */
  ending(tenantId: string, asked: Promise<unknown>): void {
    this.#ending.set(tenantId, (this.#ending.get(tenantId) ?? 0) + 1);
    void asked.finally(() => {
      const left = (this.#ending.get(tenantId) ?? 0) - 1;
      if (left > 0) this.#ending.set(tenantId, left);
      else this.#ending.delete(tenantId);
    });
  }
}

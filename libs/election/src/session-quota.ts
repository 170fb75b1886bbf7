/**
 * How many sessions a tenant may have. Counting them in the store would make all campaigns of a tenant wait for each
 * other, so they are counted in the view, together with those that this replica is making at the moment. The
 * overshoot is what other replicas make in the milliseconds that a change takes to be seen here: at most the
 * campaigns that they have under way. A refusal is never due to a view that lags.
 */
import { IncumbentError } from '#core';
import type { Situations } from './situations.js';
import type { CommitOptions } from './store.js';
import type { View } from './view.js';

const NOTHING = (): void => undefined;

export class SessionQuota {
  /** tenantId -> sessions that calls to this replica may be making and the view does not show yet. */
  readonly #making = new Map<string, number>();
  readonly #view: View;
  readonly #situations: Situations;

  constructor(view: View, situations: Situations) {
    this.#view = view;
    this.#situations = situations;
  }

  /**
   * Takes a place for the session that a call is about to make, until the returned function is called. A session
   * that lives has its place: a repeated campaign finds it, however full the quota is (S4).
   * @throws IncumbentError limit.quota_exceeded
   */
  async reserve(
    { tenantId }: { tenantId: string },
    sessionId: string,
    options: CommitOptions,
  ): Promise<() => void> {
    if (this.#view.sessions.has(sessionId)) return NOTHING;
    if (!this.#hasRoom(tenantId)) {
      await this.#situations.caughtUp(options);
      if (this.#view.sessions.has(sessionId)) return NOTHING;
      if (!this.#hasRoom(tenantId)) throw exceeded(this.#most(tenantId) ?? 0);
    }
    this.#count(tenantId, 1);
    let held = true;
    return () => {
      if (held) this.#count(tenantId, -1);
      held = false;
    };
  }

  #hasRoom(tenantId: string): boolean {
    const most = this.#most(tenantId);
    if (most === undefined) return true;
    return (this.#view.sessionCounts.get(tenantId) ?? 0) + (this.#making.get(tenantId) ?? 0) < most;
  }

  #most(tenantId: string): number | undefined {
    return this.#view.tenants.get(tenantId)?.record.maxSessions;
  }

  #count(tenantId: string, by: 1 | -1): void {
    const making = (this.#making.get(tenantId) ?? 0) + by;
    if (making === 0) this.#making.delete(tenantId);
    else this.#making.set(tenantId, making);
  }
}

function exceeded(most: number): IncumbentError {
  return new IncumbentError(
    'limit.quota_exceeded',
    `The tenant may have ${most} live sessions (maxSessions). End some, share one among elections, or ask the operator.`,
    { limit: { name: 'maxSessions', value: most }, executed: false },
  );
}

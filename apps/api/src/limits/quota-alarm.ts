import { type Clock, IncumbentError } from '#core';
import type { Logger } from '#telemetry';

/** One message an hour for each quota that a tenant meets; more would say nothing new. */
const ONCE_IN_MS = 3_600_000;
/** Tenants and quotas remembered; beyond it the oldest is forgotten, and told again if it is met again. */
const MOST_REMEMBERED = 10_000;

/** Tells a tenant that it met a quota; where the same `key` comes twice, of two replicas say, it is told once. */
export interface TellQuotaExceeded {
  (exceeded: { tenantId: string; key: string; limit: { name: string; value: number } }): Promise<void>;
}

/** Notices refusals for want of quota and has the tenant told, at most once an hour for each quota. */
export class QuotaAlarm {
  private readonly toldAtMs = new Map<string, number>();

  constructor(
    private readonly tell: TellQuotaExceeded,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  /** Looks at what a call of the tenant was refused with. Returns at once and never throws. */
  notice(tenantId: string | undefined, error: unknown): void {
    if (tenantId === undefined || !(error instanceof IncumbentError)) return;
    const { limit } = error.extras;
    if (error.code !== 'limit.quota_exceeded' || !limit || !this.isNews(`${tenantId} ${limit.name}`)) return;
    // The hour by the wall clock is only a name under which replicas meet; whether it is right decides nothing.
    const hour = Math.floor(this.clock.wallTimeMs() / ONCE_IN_MS);
    this.tell({ tenantId, key: `${limit.name} ${hour}`, limit }).catch((failure: unknown) => {
      this.toldAtMs.delete(`${tenantId} ${limit.name}`);
      this.logger.debug({ err: failure, tenantId }, 'a met quota was not told; it is when it is met again');
    });
  }

  private isNews(subject: string): boolean {
    const nowMs = this.clock.monotonicMs();
    const before = this.toldAtMs.get(subject);
    if (before !== undefined && nowMs - before < ONCE_IN_MS) return false;
    this.toldAtMs.delete(subject);
    const [oldest] = this.toldAtMs.keys();
    if (this.toldAtMs.size >= MOST_REMEMBERED && oldest !== undefined) this.toldAtMs.delete(oldest);
    this.toldAtMs.set(subject, nowMs);
    return true;
  }
}

import type { Clock, Timer } from '#core';
import type { RateCounter } from '#queue';
import type { MirrorView } from './authenticator.js';
import { type RateState, RateWindow } from './rate-window.js';
import type { Principal } from './scopes.js';
import { TokenBucket } from './token-bucket.js';

/** Rates are calls per second, so a window is one second. */
export const RATE_WINDOW_MS = 1_000;
/** Counts are told at least this often, and as soon as an eighth of a replica's share is untold. */
const REPORT_EVERY_MS = 100;
const REPORT_AT_SHARE = 8;
/** While Redis is away it is asked this often, with one count. */
const PROBE_EVERY_MS = 1_000;
/** A session is renewed three times in its ttlMs or in 1 s; the rest is for repeats and hand-overs. */
const RENEWALS_PER_SESSION = 10;
/**
 * The longest ttlMs. Sessions that end all at once, after an outage of the store say, are renewed once more by owners
 * that have not heard of it, and these stand again only when they have.
 */
const REMEMBER_SESSIONS_MS = 15 * 60_000;
/** For sessions that this replica does not see yet. */
const RENEWALS_AT_LEAST = 100;

export type RateName = 'tenant' | 'key' | 'renewals';

/** One limit as it stands for the caller. */
export interface RateStanding extends RateState {
  name: RateName;
  limit: number;
}

export interface RateVerdict {
  /** The limit that was hit; absent when the call may pass. */
  exceeded?: RateName;
  /** The limits that hold for the call; the first is the one that was hit. */
  limits: readonly RateStanding[];
}

export interface RateLimitsParts {
  /** Counts for all replicas; its outage makes each keep to its share. */
  counter: Pick<RateCounter, 'add' | 'available'>;
  /** The mirrored quotas; no I/O. */
  mirror: MirrorView;
  /** How many the tenant has; one with a ttlMs below 1 s counts as several. */
  sessionsOf: (tenantId: string) => number;
  replicas: () => number;
  /** Told when counts stop or begin to be exchanged. */
  onDegraded: (degraded: boolean) => void;
}

/**
 * How often tenants and keys may call. Every verdict is immediate and from memory: Redis only tells replicas of each
 * other, behind their backs, so that its outage delays nobody (A1). Then each replica lets in its share of the
 * limit, which all together do not exceed.
 *
 * Renewals are counted apart, on this replica alone and generously for the sessions that there are: nothing but a
 * tenant's own loop meets that limit.
 */
export class RateLimits {
  private readonly windows = new Map<string, RateWindow>();
  private readonly renewals = new Map<string, TokenBucket>();
  /** tenantId -> the most sessions that were seen lately, and when. */
  private readonly peaks = new Map<string, { sessions: number; atMs: number }>();
  private timer: Timer | undefined;
  private degraded = false;
  private probeAtMs = 0;
  private closed = false;

  constructor(
    private readonly parts: RateLimitsParts,
    private readonly clock: Clock,
  ) {}

  /** Counts a call of the API against its tenant's rate and, if it has one, its key's. */
  admit(principal: Principal): RateVerdict {
    const nowMs = this.clock.monotonicMs();
    const wanted = this.limitsFor(principal);
    const states = wanted.map(({ name, limit, window }) => ({
      name,
      limit,
      ...window.state(this.shareOf(limit), nowMs),
    }));
    const full = wanted.find(({ window, limit }) => !window.hasRoom(this.shareOf(limit), nowMs));
    if (full) {
      const hit = states.filter(({ name }) => name === full.name);
      return { exceeded: full.name, limits: [...hit, ...states.filter(({ name }) => name !== full.name)] };
    }
    for (const { id, window, limit } of wanted) {
      window.take(nowMs);
      if (window.untold * REPORT_AT_SHARE * this.parts.replicas() >= limit) this.tell(id, window);
    }
    this.timer ??= this.clock.after(REPORT_EVERY_MS, () => this.tick());
    return { limits: states.map((one) => ({ ...one, remaining: Math.max(0, one.remaining - 1) })) };
  }

  /** Counts a renewal or resignation. @returns 0, or after how many milliseconds the next may come */
  admitRenewal(tenantId: string): number {
    let bucket = this.renewals.get(tenantId);
    if (!bucket) this.renewals.set(tenantId, (bucket = new TokenBucket()));
    this.timer ??= this.clock.after(REPORT_EVERY_MS, () => this.tick());
    return bucket.take(this.renewalRate(tenantId), this.clock.monotonicMs());
  }

  /** Per second and replica, for the sessions that the tenant has or had lately. */
  renewalRate(tenantId: string): number {
    return RENEWALS_AT_LEAST + RENEWALS_PER_SESSION * this.sessionsLately(tenantId);
  }

  /** What the tenant has used of its rate in the present window, as far as this replica knows. */
  used(tenantId: string): number {
    const window = this.windows.get(`tenant:${tenantId}`);
    return window?.usedBy(this.clock.monotonicMs()) ?? 0;
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
  }

  private sessionsLately(tenantId: string): number {
    const nowMs = this.clock.monotonicMs();
    const sessions = this.parts.sessionsOf(tenantId);
    const peak = this.peaks.get(tenantId);
    if (peak && peak.sessions > sessions && nowMs - peak.atMs < REMEMBER_SESSIONS_MS) return peak.sessions;
    this.peaks.set(tenantId, { sessions, atMs: nowMs });
    return sessions;
  }

  private limitsFor({ tenantId, keyId }: Principal) {
    const { mirror } = this.parts;
    const ofTenant = mirror.tenant(tenantId)?.requestsPerSecond;
    const ofKey = mirror.apiKey(keyId)?.requestsPerSecond;
    const wanted: { name: RateName; id: string; limit: number; window: RateWindow }[] = [];
    const add = (name: RateName, id: string, limit: number | undefined): void => {
      if (limit !== undefined) wanted.push({ name, id, limit, window: this.window(id) });
    };
    add('tenant', `tenant:${tenantId}`, ofTenant);
    add('key', `key:${keyId}`, ofKey);
    return wanted;
  }

  private window(id: string): RateWindow {
    let window = this.windows.get(id);
    if (!window) this.windows.set(id, (window = new RateWindow(RATE_WINDOW_MS)));
    return window;
  }

  private shareOf(limit: number): number {
    return this.degraded ? Math.max(1, Math.floor(limit / this.parts.replicas())) : limit;
  }

  /** Tells what is untold and forgets windows and buckets that nobody uses. Runs only while there are some. */
  private tick(): void {
    const nowMs = this.clock.monotonicMs();
    for (const [id, window] of this.windows) {
      if (window.isOver(nowMs) && !window.reporting) this.windows.delete(id);
      else if (window.untold > 0) this.tell(id, window);
    }
    for (const [id, bucket] of this.renewals) if (bucket.isIdle(nowMs)) this.renewals.delete(id);
    const idle = this.windows.size === 0 && this.renewals.size === 0;
    this.timer = idle || this.closed ? undefined : this.clock.after(REPORT_EVERY_MS, () => this.tick());
  }

  private tell(id: string, window: RateWindow): void {
    const nowMs = this.clock.monotonicMs();
    if (window.reporting || this.closed) return;
    if (this.degraded && nowMs < this.probeAtMs) return;
    if (this.degraded || !this.parts.counter.available()) this.probeAtMs = nowMs + PROBE_EVERY_MS;
    const answered = window.report();
    // Never an own mistake of the caller: whatever goes wrong here is an outage of the counter.
    this.parts.counter.add(id, window.untold).then(
      ({ total, endsInMs }) => {
        answered({ total, endsAtMs: this.clock.monotonicMs() + endsInMs });
        this.setDegraded(false);
      },
      () => {
        answered(undefined);
        this.setDegraded(true);
      },
    );
  }

  private setDegraded(degraded: boolean): void {
    if (degraded === this.degraded) return;
    this.degraded = degraded;
    if (degraded) {
      this.probeAtMs = this.clock.monotonicMs() + PROBE_EVERY_MS;
      for (const window of this.windows.values()) window.forgetOthers();
    }
    this.parts.onDegraded(degraded);
  }
}

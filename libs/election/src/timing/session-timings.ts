/**
 * What this replica sees of the renewals of every session that renews here, and whom it has to warn. It lies beside the
 * algorithm: nothing is decided by it, and a replica that forgets it starts anew. Each replica knows its share only.
 */
import type { Clock } from '#core';
import type { View } from '../view.js';
import type { SessionIdentity } from '../session-token.js';
import { type ArrivedRenewal, SessionTiming } from './session-timing.js';

/** Some 0.8 kB each (measured), so 40 MB. Sessions beyond get no advice until others end. */
const MOST_SESSIONS = 50_000;
/** A session whose ttlMs stays too short is told of once in this time. */
const TOLD_EVERY_MS = 3_600_000;
/** An outage slows down everybody at once: what is told of it must not become a load of its own. */
const MOST_TOLD_PER_MINUTE = 60;
/** What one participant reports of itself must not keep others from being told. */
const MOST_TOLD_PER_TENANT = 10;
const MINUTE_MS = 60_000;

/** A ttlMs that is too short for what is seen of the session. */
export interface TooShort {
  sessionId: string;
  ttlMs: number;
  recommendedTtlMs: number;
}

export class SessionTimings {
  readonly #timings = new Map<string, SessionTiming>();
  readonly #view: View;
  readonly #clock: Clock;
  #tooShort = 0;
  #minuteBeganMs = -Infinity;
  #toldInMinute = 0;
  /** tenantId -> how many of them were its. */
  readonly #toldByTenant = new Map<string, number>();

  constructor(view: View, clock: Clock) {
    this.#view = view;
    this.#clock = clock;
    view.listen({
      sessionGone: (sessionId) => this.#forget(sessionId),
      relisted: () => this.#forgetGone(),
    });
  }

  /** How many sessions are watched, and of how many the ttlMs is too short. */
  get counts(): { sessions: number; tooShort: number } {
    return { sessions: this.#timings.size, tooShort: this.#tooShort };
  }

  /** A renewal has arrived and is not carried out yet: afterwards the view may show it as the latest. */
  arrived(
    { sessionId, ttlMs }: SessionIdentity,
    receivedAtMs: number,
    told: { previousRttMs?: number | undefined; waitMs?: number | undefined },
  ): ArrivedRenewal {
    const seenBeforeMs = this.#view.sessions.get(sessionId)?.seenAtMs ?? 0;
    const { previousRttMs } = told;
    const mayBeHeld = (told.waitMs ?? 0) > 0;
    return { sessionId, ttlMs, receivedAtMs, seenBeforeMs, previousRttMs, mayBeHeld };
  }

  /**
   * It was carried out and is about to be answered. Undefined for a session that is not watched.
   * @param pauseMs what the answer advises to wait until the next renewal
   */
  answered(renewal: ArrivedRenewal, pauseMs: number): SessionTiming | undefined {
    const timing = this.#timingOf(renewal);
    if (!timing) return undefined;
    const before = timing.tooShort;
    timing.renewed(renewal, this.#clock.monotonicMs(), pauseMs);
    if (timing.tooShort !== before) this.#tooShort += before ? -1 : 1;
    return timing;
  }

  /**
   * Whether the tenant has to be told now that the ttlMs of this session is too short: at most once an hour for a
   * session, and of 60 sessions a minute, 10 of them of one tenant. Each replica counts for itself. Whoever asks tells.
   */
  dueToTell(sessionId: string): TooShort | undefined {
    const timing = this.#timings.get(sessionId);
    if (!timing?.tooShort) return undefined;
    const nowMs = this.#clock.monotonicMs();
    if (timing.toldAtMs !== undefined && nowMs < timing.toldAtMs + TOLD_EVERY_MS) return undefined;
    const tenantId = this.#view.sessions.get(sessionId)?.record.tenantId;
    if (tenantId === undefined || !this.#mayTell(tenantId, nowMs)) return undefined;
    timing.toldAtMs = nowMs;
    const { ttlMs, recommendedTtlMs } = timing;
    return { sessionId, ttlMs, recommendedTtlMs };
  }

  #mayTell(tenantId: string, nowMs: number): boolean {
    if (nowMs >= this.#minuteBeganMs + MINUTE_MS) {
      this.#minuteBeganMs = nowMs;
      this.#toldInMinute = 0;
      this.#toldByTenant.clear();
    }
    const told = this.#toldByTenant.get(tenantId) ?? 0;
    if (told >= MOST_TOLD_PER_TENANT || this.#toldInMinute >= MOST_TOLD_PER_MINUTE) return false;
    this.#toldInMinute += 1;
    this.#toldByTenant.set(tenantId, told + 1);
    return true;
  }

  #timingOf({ sessionId, ttlMs }: ArrivedRenewal): SessionTiming | undefined {
    const known = this.#timings.get(sessionId);
    if (known?.ttlMs === ttlMs) return known;
    this.#forget(sessionId);
    // Of a session that the view does not show (yet, or any more) no end would be told, and it would stay for ever.
    if (this.#timings.size >= MOST_SESSIONS || !this.#view.sessions.has(sessionId)) return undefined;
    const timing = new SessionTiming(ttlMs);
    this.#timings.set(sessionId, timing);
    return timing;
  }

  #forget(sessionId: string): void {
    if (this.#timings.get(sessionId)?.tooShort) this.#tooShort -= 1;
    this.#timings.delete(sessionId);
  }

  #forgetGone(): void {
    for (const sessionId of this.#timings.keys()) {
      if (!this.#view.sessions.has(sessionId)) this.#forget(sessionId);
    }
  }
}

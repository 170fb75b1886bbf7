/**
 * Expiry (rule 9). A session whose record has not changed for ttlMs on this replica's monotonic clock, counted
 * from when the replica *saw* it, is ended by deleting that very revision. Its participant counted from before it
 * *sent* the renewal, so its belief is over by then. Late timers, stale views and lost events make the guard fail
 * or the end come late; nothing makes it early.
 */
import type { Clock, Timer } from '#core';
import { DueSessions } from './due-sessions.js';
import { keys } from './keys.js';
import { GAP_MS, type Membership } from './membership.js';
import type { ElectionStore } from './store.js';
import type { SeenSession, View } from './view.js';

/** Sessions are looked at in buckets of this width; the end of a session is late by at most one. */
const TICK_MS = 10;
/** The replica second in line waits this much longer, the third twice, in case the first has died with the leader. */
export const STAGGER_MS = 150;
/** After a gap nobody is ended sooner, however short its ttlMs: participants need time to come through again. */
const LEAST_AFTER_GAP_MS = 1_000;
/** A session that should be gone but still shows is looked at again after this. */
const RETRY_MS = 250;
/**
 * A session shorter than this may be due before its heartbeats tell that the store stands still, at a change of etcd's
 * leader say. Its end would wait in the store and overtake renewals that wait elsewhere; so the store is asked first.
 */
const SHORT_TTL_MS = 2 * GAP_MS;
/** What takes the store longer than this is a pause of it; asked again after as long. */
const PROOF_MS = 100;
/** Thousands that fall due at once are judged in slices this long, with calls between them. */
const SLICE_MS = 1;
const PAUSE_MS = 1;

export class Supervision {
  /** Tick number -> sessions to look at. Each sighted session is in one bucket; renewals do not move it. */
  readonly #buckets = new Map<number, SeenSession[]>();
  readonly #store: ElectionStore;
  readonly #view: View;
  readonly #membership: Membership;
  readonly #clock: Clock;
  /** Those whose bucket has come. */
  readonly #due = new DueSessions();
  #timer: Timer | undefined;
  #lastTick: number;

  constructor(store: ElectionStore, view: View, membership: Membership, clock: Clock) {
    this.#store = store;
    this.#view = view;
    this.#membership = membership;
    this.#clock = clock;
    this.#lastTick = this.#tickOf(clock.monotonicMs());
    view.listen({
      sessionSeen: (session) => this.#lookAt(session, this.#deadlineOf(session)),
    });
  }

  start(): void {
    const delayMs = this.#due.isEmpty ? TICK_MS : PAUSE_MS;
    const due = this.#clock.monotonicMs() + delayMs;
    this.#timer = this.#clock.after(delayMs, () => {
      this.#membership.stalled(this.#clock.monotonicMs() - due);
      this.#tick();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #tick(): void {
    const startMs = this.#clock.monotonicMs();
    const now = this.#tickOf(startMs);
    for (let tick = this.#lastTick + 1; tick <= now; tick += 1) {
      const bucket = this.#buckets.get(tick);
      if (!bucket) continue;
      this.#buckets.delete(tick);
      for (const session of bucket) this.#due.add(session);
    }
    this.#lastTick = now;
    this.#judgeDue(startMs + SLICE_MS);
  }

  #judgeDue(untilMs: number): void {
    for (let session = this.#due.next(); session; session = this.#due.next()) {
      this.#judge(session);
      if (this.#clock.monotonicMs() >= untilMs) break;
    }
  }

  #judge(session: SeenSession): void {
    // Gone, made anew or listed anew: then another sighting stands in a bucket of its own.
    if (this.#view.sessions.get(session.sessionId) !== session) return;
    const now = this.#clock.monotonicMs();
    const deadline = this.#deadlineOf(session) + this.#membership.rank(session.sessionId) * STAGGER_MS;
    if (deadline > now) this.#lookAt(session, deadline);
    else {
      this.#lookAt(session, now + (isShort(session) ? PROOF_MS : RETRY_MS));
      if (!this.#membership.isCurrent()) return;
      const asked = isShort(session) ? this.#endIfStoreAnswers(session, now) : this.#end(session);
      this.#due.ending(session.record.tenantId, asked);
    }
  }

  async #endIfStoreAnswers(session: SeenSession, nowMs: number): Promise<void> {
    const { sessionId, modRevision, record } = session;
    const read = { kind: 'key' as const, key: keys.session(sessionId) };
    const options = { lane: 'renew' as const, tenantId: record.tenantId, deadlineMs: nowMs + PROOF_MS };
    const answer = await this.#store.read([read], options).catch(() => undefined);
    if (answer?.reads[0]?.[0]?.modRevision !== modRevision) return;
    if (this.#clock.monotonicMs() - nowMs > PROOF_MS || !this.#membership.isCurrent()) return;
    if (this.#view.sessions.get(sessionId) === session && session.modRevision === modRevision)
      await this.#end(session);
  }

  #deadlineOf(session: SeenSession): number {
    const { ttlMs } = session.record;
    const { gapEndedAtMs, shortGapEndedAtMs } = this.#membership;
    if (session.seenAtMs > gapEndedAtMs)
      return (isShort(session) ? Math.max(session.seenAtMs, shortGapEndedAtMs) : session.seenAtMs) + ttlMs;
    return gapEndedAtMs + Math.max(ttlMs, LEAST_AFTER_GAP_MS);
  }

  async #end(session: SeenSession): Promise<void> {
    const key = keys.session(session.sessionId);
    const transition = {
      guards: [{ kind: 'revision' as const, key, revision: session.modRevision }],
      writes: [{ kind: 'delete' as const, key }],
      reads: [],
    };
    const deadlineMs = this.#clock.monotonicMs() + 1_000;
    // Whatever comes of it, the view tells: gone, renewed, or still there and looked at again.
    await this.#store
      .commit(transition, { lane: 'resign', tenantId: session.record.tenantId, deadlineMs })
      .catch(() => undefined);
  }

  #lookAt(session: SeenSession, atMs: number): void {
    const tick = Math.max(this.#tickOf(atMs) + 1, this.#lastTick + 1);
    const bucket = this.#buckets.get(tick);
    if (bucket) bucket.push(session);
    else this.#buckets.set(tick, [session]);
  }

  #tickOf(atMs: number): number {
    return Math.floor(atMs / TICK_MS);
  }
}

function isShort({ record }: SeenSession): boolean {
  return record.ttlMs < SHORT_TTL_MS;
}

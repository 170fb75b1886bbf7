/**
 * Which replicas live, and whether this one's watch is current.
 *
 * Each replica rewrites its own heartbeat key ten times a second. Through the watch everybody sees everybody's
 * (that is the membership), and each sees its own come back (that proves that the store commits and that the watch
 * delivers: everything committed before that heartbeat has been told). No etcd lease takes part.
 */
import { createHash } from 'node:crypto';
import type { Clock, Timer } from '#core';
import { keys } from './keys.js';
import { encode, type ReplicaRecord } from './records.js';
import type { ElectionStore } from './store.js';
import type { View } from './view.js';

/** Ten writes a second and replica: a fraction of the load of the renewals they vouch for. */
export const HEARTBEAT_MS = 100;
/** A replica unseen for this long is left out of the ranking; its work goes to the next. */
const MISSED_AFTER_MS = 600;
/**
 * A heartbeat that stays out for this long is a gap: the store or the watch stood still, participants could not
 * renew, so every deadline starts anew. Shorter hiccups are within what renewing at a third of the TTL absorbs.
 */
export const GAP_MS = 400;
/**
 * What is a gap for sessions so short that GAP_MS is most of their ttlMs: two heartbeats that stay out. The shortest is
 * renewed every 66 ms, so what is less than this it survives by itself.
 */
const SHORT_GAP_MS = 250;
/** Readiness should not flap with every hiccup of the store; a balancer that asks every second is told in time. */
const REACHED_WITHIN_MS = 2_000;
/** Keys of replicas that died are removed after this. */
const FORGOTTEN_AFTER_MS = 60_000;

interface Heartbeat extends ReplicaRecord {
  beat: number;
}

export class Membership {
  /** Monotonic ms at which the last gap ended; deadlines count from it at the earliest. */
  gapEndedAtMs: number;
  /** The same for gaps that count for short sessions alone. */
  shortGapEndedAtMs: number;
  readonly #lastSeen = new Map<string, number>();
  readonly #housekeepers = new Set<string>();
  /** Processes that keep no house. */
  readonly #aides = new Set<string>();
  readonly #sentAt = new Map<number, number>();
  readonly #record: ReplicaRecord;
  #beat = 0;
  #provenAtMs = Number.NEGATIVE_INFINITY;
  #provenFromMs = Number.NEGATIVE_INFINITY;
  #stalledAtMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  readonly #store: ElectionStore;
  readonly #clock: Clock;

  constructor(store: ElectionStore, view: View, clock: Clock, record: ReplicaRecord) {
    this.#store = store;
    this.#clock = clock;
    this.#record = record;
    this.gapEndedAtMs = this.shortGapEndedAtMs = clock.monotonicMs();
    view.listen({
      replicaSeen: (processId, value) => this.#seen(processId, value),
      replicaGone: (processId) => {
        this.#lastSeen.delete(processId);
        this.#housekeepers.delete(processId);
        this.#aides.delete(processId);
      },
      relisted: () => this.#gapEnded(),
    });
  }

  start(): void {
    this.#timer = this.#clock.after(HEARTBEAT_MS, () => this.start());
    const beat = ++this.#beat;
    const now = this.#clock.monotonicMs();
    this.#sentAt.set(beat, now);
    this.#sentAt.delete(beat - 100);
    const heartbeat: Heartbeat = { ...this.#record, beat };
    const write = {
      kind: 'put' as const,
      key: keys.replica(this.#record.processId),
      value: encode(heartbeat),
    };
    // A lost heartbeat says by its absence what there is to say.
    this.#store.commit({ guards: [], writes: [write], reads: [] }, this.#options(now)).catch(() => undefined);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /**
   * Whether deadlines may be judged now: a heartbeat sent after the last stall of this process has come back, and
   * recently. A replica that was frozen first drains what it missed, because its heartbeat comes behind it.
   */
  isCurrent(): boolean {
    const now = this.#clock.monotonicMs();
    return now - this.#provenAtMs <= GAP_MS && this.#provenFromMs > this.#stalledAtMs;
  }

  /** Whether the store has committed and told a heartbeat lately: what readiness asks. */
  isReached(): boolean {
    return this.#clock.monotonicMs() - this.#provenAtMs <= REACHED_WITHIN_MS;
  }

  /**
   * A timer came late by `lateMs`: the process stood still. Lesser delays do not count, or a replica whose event loop
   * is always a little late would never end anybody; the guard on the revision makes a judgement too soon harmless.
   */
  stalled(lateMs: number): void {
    if (lateMs > GAP_MS / 2) this.#stalledAtMs = this.#clock.monotonicMs();
  }

  /**
   * This replica's place in line for `subject` among those that live, 0 first (rendezvous hashing: the order
   * differs by subject and changes little when a replica comes or goes).
   */
  rank(subject: string, among: (processId: string) => boolean = () => true): number {
    const own = weight(this.#record.processId, subject);
    const now = this.#clock.monotonicMs();
    let ahead = 0;
    for (const [processId, seenAt] of this.#lastSeen) {
      if (now - seenAt > MISSED_AFTER_MS || processId === this.#record.processId) continue;
      if (!among(processId)) continue;
      if (weight(processId, subject) > own) ahead += 1;
    }
    return ahead;
  }

  /** Whether this replica is first in line among those that keep house. */
  isHousekeeper(): boolean {
    const among = (processId: string): boolean => this.#housekeepers.has(processId);
    return this.#record.keepsHouse !== false && this.rank('housekeeping', among) === 0;
  }

  /** How many processes that keep house live, this one included: what is shared out among replicas goes by it. */
  replicaCount(): number {
    const now = this.#clock.monotonicMs();
    let others = 0;
    for (const processId of this.#housekeepers) {
      const seenAt = this.#lastSeen.get(processId);
      if (processId !== this.#record.processId && seenAt !== undefined && now - seenAt <= MISSED_AFTER_MS)
        others += 1;
    }
    return others + 1;
  }

  /** How long ago each process was seen last, milliseconds. */
  sightings(): Map<string, number> {
    const now = this.#clock.monotonicMs();
    return new Map([...this.#lastSeen].map(([processId, seenAt]) => [processId, Math.round(now - seenAt)]));
  }

  /** Replicas that have not been seen for a minute; their keys are litter. */
  forgotten(): string[] {
    const limit = this.#clock.monotonicMs() - FORGOTTEN_AFTER_MS;
    return [...this.#lastSeen].filter(([, seenAt]) => seenAt < limit).map(([processId]) => processId);
  }

  #seen(processId: string, value: string): void {
    const now = this.#clock.monotonicMs();
    this.#lastSeen.set(processId, now);
    if (processId !== this.#record.processId) return this.#noteHousekeeper(processId, value);
    const { beat } = JSON.parse(value) as Heartbeat;
    const sentAt = this.#sentAt.get(beat);
    if (sentAt === undefined) return;
    const silentMs = now - this.#provenAtMs;
    if (silentMs > GAP_MS) this.#gapEnded();
    else if (silentMs > SHORT_GAP_MS) this.shortGapEndedAtMs = now;
    this.#provenAtMs = now;
    this.#provenFromMs = sentAt;
  }

  /** What a process does it does for its whole life: the first heartbeat says it. */
  #noteHousekeeper(processId: string, value: string): void {
    if (this.#housekeepers.has(processId) || this.#aides.has(processId)) return;
    const { keepsHouse } = JSON.parse(value) as Heartbeat;
    (keepsHouse === false ? this.#aides : this.#housekeepers).add(processId);
  }

  #gapEnded(): void {
    this.gapEndedAtMs = this.shortGapEndedAtMs = this.#clock.monotonicMs();
  }

  #options(now: number): { lane: 'renew'; tenantId: string; deadlineMs: number } {
    return { lane: 'renew', tenantId: 'incumbent', deadlineMs: now + 2_000 };
  }
}

function weight(processId: string, subject: string): number {
  return createHash('sha1').update(`${processId} ${subject}`).digest().readUInt32BE(0);
}

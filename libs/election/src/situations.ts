/**
 * Where a decision's situation comes from: the view if it is recent enough, else the store itself. Both give one
 * complete picture of the election at one revision.
 */
import type { Clock } from '#core';
import { type ElectionRef, keys, parseKey } from './keys.js';
import { decodeSession, type TenantRecord } from './records.js';
import type { CommitOptions, ElectionStore, Entry } from './store.js';
import {
  type ElectionState,
  emptyElection,
  type Moment,
  putRecord,
  type SessionSight,
  type Situation,
  versioned,
} from './state.js';
import type { View } from './view.js';

/** How long a decision waits for the view to catch up before it asks the store; a watch is rarely 5 ms behind. */
const CATCH_UP_MS = 100;

/** Sessions read along with an election; those of further candidates count as unknown. */
const SESSIONS_READ = 40;

export class Situations {
  readonly #store: ElectionStore;
  readonly #view: View;
  readonly #clock: Clock;

  constructor(store: ElectionStore, view: View, clock: Clock) {
    this.#store = store;
    this.#view = view;
    this.#clock = clock;
  }

  /** Everything up to this revision is in the view's picture. */
  get revision(): number {
    return this.#view.revision;
  }

  /** The view's picture, as late as the watch is. For commands whose guards catch the rest. */
  seen(ref: ElectionRef, fresh = false): Situation {
    const view = this.#view;
    const election = view.election(ref) ?? emptyElection(ref);
    return {
      election,
      revision: view.revision,
      fresh,
      epoch: this.#store.epoch(),
      time: this.#now(),
      tenant: view.tenants.get(ref.tenantId),
      session: (sessionId) => view.sessions.get(sessionId) ?? 'absent',
      candidacyOf: (sessionId) => view.standing(sessionId).get(ref.electionId),
      standsIn: (sessionId) => new Set(view.standing(sessionId).keys()),
    };
  }

  /** The picture at `revision` or later. @throws IncumbentError store.unavailable, store.overloaded */
  async atLeast(
    ref: ElectionRef,
    { revision, sessionIds }: { revision: number; sessionIds: readonly string[] },
    options: CommitOptions,
  ): Promise<Situation> {
    if (await this.#view.reaches(revision, CATCH_UP_MS)) return this.seen(ref);
    return await this.#read(ref, sessionIds, options);
  }

  /**
   * A picture that includes everything committed before this call: a barrier through the log, then the view as
   * soon as it has reached the barrier, else the store.
   */
  async fresh(ref: ElectionRef, sessionIds: readonly string[], options: CommitOptions): Promise<Situation> {
    const barrier = await this.#store.read([{ kind: 'key', key: keys.head(ref) }], options);
    if (await this.#view.reaches(barrier.revision, CATCH_UP_MS)) return this.seen(ref, true);
    return await this.#read(ref, sessionIds, options);
  }

  /** Waits, if not for long, until the view shows what was committed before this call. @throws IncumbentError store.* */
  async caughtUp(options: CommitOptions): Promise<void> {
    const barrier = await this.#store.read([{ kind: 'key', key: keys.epoch }], options);
    await this.#view.reaches(barrier.revision, CATCH_UP_MS);
  }

  async #read(ref: ElectionRef, sessionIds: readonly string[], options: CommitOptions): Promise<Situation> {
    const { revision, reads } = await this.#store.read(
      [
        { kind: 'prefix', prefix: keys.election(ref) },
        { kind: 'key', key: keys.tenant(ref.tenantId) },
      ],
      options,
    );
    const election = emptyElection(ref);
    for (const entry of reads[0] ?? []) {
      const key = parseKey(entry.key);
      if (key) putRecord(election, key, entry);
    }
    const tenant = reads[1]?.[0];
    const sights = await this.#readSessions(election, sessionIds, options);
    const standing = new Map<string, string>();
    for (const { candidateId, record } of election.candidates.values())
      standing.set(record.sessionId, candidateId);
    return {
      election,
      revision,
      fresh: true,
      epoch: this.#store.epoch(),
      time: this.#now(),
      tenant: tenant && versioned<TenantRecord>(tenant),
      session: (sessionId) => sights.get(sessionId) ?? 'unknown',
      candidacyOf: (sessionId) => standing.get(sessionId),
      standsIn: () => undefined,
    };
  }

  #now(): Moment {
    return { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallTimeMs() };
  }

  async #readSessions(
    election: ElectionState,
    sessionIds: readonly string[],
    options: CommitOptions,
  ): Promise<Map<string, SessionSight>> {
    const wanted = new Set(sessionIds);
    for (const { leader } of election.seats.values()) if (leader) wanted.add(leader.record.sessionId);
    for (const { record } of election.candidates.values()) {
      if (wanted.size >= SESSIONS_READ) break;
      wanted.add(record.sessionId);
    }
    const ids = [...wanted];
    if (ids.length === 0) return new Map();
    const { reads } = await this.#store.read(
      ids.map((sessionId) => ({ kind: 'key' as const, key: keys.session(sessionId) })),
      options,
    );
    return new Map(ids.map((sessionId, i) => [sessionId, sightOf(reads[i]?.[0])]));
  }
}

function sightOf(entry: Entry | undefined): SessionSight {
  if (!entry) return 'absent';
  const { createRevision, modRevision } = entry;
  return { record: decodeSession(entry.value), createRevision, modRevision };
}

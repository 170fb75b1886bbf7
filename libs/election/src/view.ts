/**
 * What this replica knows: the store as it was at `revision`, built from the follow stream alone. One ordered
 * stream over everything makes it an exact picture of one past moment, so a decision taken on it is merely late,
 * never torn. It is a hint all the same: nothing is granted from it.
 */
import type { Clock } from '#core';
import { type ElectionRef, parseKey, type ParsedKey, sessionOf } from './keys.js';
import {
  type AdminTokenRecord,
  type ApiKeyRecord,
  decode,
  decodeSession,
  type EventRecord,
  type LeaderRecord,
  type SessionRecord,
  type TenantRecord,
} from './records.js';
import type { Change, Entry, Follower } from './store.js';
import {
  dropRecord,
  type ElectionState,
  emptyElection,
  putRecord,
  type Versioned,
  versioned,
} from './state.js';

export interface SeenSession extends Versioned<SessionRecord> {
  sessionId: string;
  /** When this replica saw the present revision; monotonic ms. Its holder counts from an earlier moment. */
  seenAtMs: number;
}

/** What the view tells the parts that act on changes. Called synchronously, after the view has changed. */
export interface ViewListener {
  sessionSeen?(session: SeenSession): void;
  sessionGone?(sessionId: string, elections: readonly ElectionState[]): void;
  /** Told while the change is taken in; `electionChanged` follows. */
  candidacyGone?(election: ElectionState, candidateId: string): void;
  electionChanged?(election: ElectionState): void;
  eventSeen?(event: EventRecord, revision: number): void;
  /** An act waits for the relay. */
  actSeen?(): void;
  replicaSeen?(processId: string, value: string): void;
  replicaGone?(processId: string): void;
  tenantChanged?(tenantId: string): void;
  /** The stream had a gap; everything was told again. */
  relisted?(): void;
  /** All changes up to `revision` have been told. */
  advanced?(revision: number): void;
}

export class View implements Follower {
  revision = 0;
  readonly elections = new Map<string, ElectionState>();
  readonly sessions = new Map<string, SeenSession>();
  /** tenantId -> how many sessions it has; tenants without one are absent. */
  readonly sessionCounts = new Map<string, number>();
  /** The same, where a session of less than 1 s counts as often as it fits into one. */
  readonly sessionPace = new Map<string, number>();
  /** tenantId -> how many candidacies it has; tenants without one are absent. */
  readonly candidacyCounts = new Map<string, number>();
  readonly apiKeys = new Map<string, ApiKeyRecord>();
  readonly adminTokens = new Map<string, AdminTokenRecord>();
  readonly tenants = new Map<string, Versioned<TenantRecord>>();
  /** sessionId -> electionId -> candidateId */
  readonly #standing = new Map<string, Map<string, string>>();
  readonly #listeners: ViewListener[] = [];
  readonly #waiters = new Set<{ revision: number; wake: () => void }>();
  readonly #clock: Clock;
  /** When the changes that are being taken in arrived. */
  #arrivedAtMs = 0;
  #relisting = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  listen(listener: ViewListener): void {
    this.#listeners.push(listener);
  }

  reset(entries: readonly Entry[], revision: number): void {
    this.elections.clear();
    this.sessions.clear();
    this.sessionCounts.clear();
    this.sessionPace.clear();
    this.candidacyCounts.clear();
    this.apiKeys.clear();
    this.adminTokens.clear();
    this.tenants.clear();
    this.#standing.clear();
    this.#arrivedAtMs = this.#clock.monotonicMs();
    this.#relisting = true;
    for (const entry of entries) this.#put(entry);
    this.#relisting = false;
    this.revision = revision;
    for (const listener of this.#listeners) listener.relisted?.();
    for (const election of this.elections.values()) this.#tellElection(election);
    this.#advance();
  }

  apply(changes: readonly Change[], revision: number): void {
    this.#arrivedAtMs = this.#clock.monotonicMs();
    const changed = new Set<ElectionState>();
    for (const change of changes) {
      const election = change.kind === 'put' ? this.#put(change.entry) : this.#drop(change.key);
      if (election) changed.add(election);
    }
    this.revision = revision;
    for (const election of changed) this.#tellElection(election);
    this.#advance();
  }

  /** Resolves true once the view includes `revision`, false if that takes longer than `withinMs`. */
  async reaches(revision: number, withinMs: number): Promise<boolean> {
    if (this.revision >= revision) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiter = { revision, wake: () => resolve(true) };
    this.#waiters.add(waiter);
    const timer = this.#clock.after(withinMs, () => resolve(false));
    try {
      return await promise;
    } finally {
      timer.cancel();
      this.#waiters.delete(waiter);
    }
  }

  election(ref: ElectionRef): ElectionState | undefined {
    return this.elections.get(ref.electionId);
  }

  /**
   * How long the leader record that was read has borne its mark: by the watch if that brought the very record, by the
   * mark's own time if it was listed or is still on its way.
   */
  markAgeMs(election: ElectionState | undefined, seat: number, read: Entry): number | undefined {
    const { withheld, asked } = decode<LeaderRecord>(read.value);
    const mark = withheld ?? asked;
    if (!mark) return undefined;
    const seen = election?.seats.get(seat)?.leader;
    if (seen?.modRevision === read.modRevision && seen.seenAtMs !== undefined)
      return this.#clock.monotonicMs() - seen.seenAtMs;
    return Math.max(0, this.#clock.wallTimeMs() - Date.parse(mark.at));
  }

  /** electionId -> candidateId of everything the session stands in. */
  standing(sessionId: string): ReadonlyMap<string, string> {
    return this.#standing.get(sessionId) ?? NOTHING;
  }

  #put(entry: Entry): ElectionState | undefined {
    const sessionId = sessionOf(entry.key);
    if (sessionId !== undefined) return this.#putSession(sessionId, entry);
    const key = parseKey(entry.key);
    if (!key) return undefined;
    if ('ref' in key) return this.#putElectionKey(key, entry);
    if (key.kind === 'replica') this.#tell((listener) => listener.replicaSeen?.(key.processId, entry.value));
    else if (key.kind === 'act') this.#actPut();
    else if (key.kind === 'apiKey') this.apiKeys.set(key.keyId, decode<ApiKeyRecord>(entry.value));
    else if (key.kind === 'adminToken')
      this.adminTokens.set(key.tokenId, decode<AdminTokenRecord>(entry.value));
    else if (key.kind === 'tenant') {
      this.tenants.set(key.tenantId, versioned<TenantRecord>(entry));
      if (!this.#relisting) this.#tell((listener) => listener.tenantChanged?.(key.tenantId));
    }
    return undefined;
  }

  #putElectionKey(key: Extract<ParsedKey, { ref: ElectionRef }>, entry: Entry): ElectionState | undefined {
    if (key.kind === 'event') {
      if (!this.#relisting) {
        const event = decode<EventRecord>(entry.value);
        this.#tell((listener) => listener.eventSeen?.(event, entry.modRevision));
      }
      return undefined;
    }
    const { electionId } = key.ref;
    let election = this.elections.get(electionId);
    if (!election) this.elections.set(electionId, (election = emptyElection(key.ref)));
    if (key.kind === 'candidate' && !election.candidates.has(key.candidateId))
      count(this.candidacyCounts, key.ref.tenantId, 1);
    putRecord(election, key, entry, this.#relisting ? undefined : this.#arrivedAtMs);
    if (key.kind === 'candidate') {
      const sessionId = election.candidates.get(key.candidateId)?.record.sessionId ?? '';
      let stands = this.#standing.get(sessionId);
      if (!stands) this.#standing.set(sessionId, (stands = new Map<string, string>()));
      // A session id that follows from an Idempotency-Key comes again; a dead stand of it may not be swept yet, and
      // a listing tells the two in any order.
      const known = election.candidates.get(stands.get(electionId) ?? '');
      if (!known || known.createRevision <= entry.createRevision) stands.set(electionId, key.candidateId);
    }
    return election;
  }

  #putSession(sessionId: string, entry: Entry): undefined {
    const before = this.sessions.get(sessionId);
    // A renewal writes the same value again: only the revision and the sight of it are new.
    if (before && before.createRevision === entry.createRevision) {
      before.modRevision = entry.modRevision;
      before.seenAtMs = this.#arrivedAtMs;
      return;
    }
    const session: SeenSession = {
      sessionId,
      record: decodeSession(entry.value),
      createRevision: entry.createRevision,
      modRevision: entry.modRevision,
      seenAtMs: this.#arrivedAtMs,
    };
    this.sessions.set(sessionId, session);
    if (before) this.#countSession(before.record, -1);
    this.#countSession(session.record, 1);
    this.#tell((listener) => listener.sessionSeen?.(session));
  }

  #drop(keyText: string): ElectionState | undefined {
    const key = parseKey(keyText);
    if (!key) return undefined;
    if ('ref' in key) return key.kind === 'event' ? undefined : this.#dropElectionKey(key);
    if (key.kind === 'session') this.#dropSession(key.sessionId);
    else if (key.kind === 'replica') this.#tell((listener) => listener.replicaGone?.(key.processId));
    else if (key.kind === 'apiKey') this.apiKeys.delete(key.keyId);
    else if (key.kind === 'adminToken') this.adminTokens.delete(key.tokenId);
    else if (key.kind === 'tenant') {
      this.tenants.delete(key.tenantId);
      this.#tell((listener) => listener.tenantChanged?.(key.tenantId));
    }
    return undefined;
  }

  #dropElectionKey(key: Extract<ParsedKey, { ref: ElectionRef }>): ElectionState | undefined {
    const election = this.elections.get(key.ref.electionId);
    if (!election) return undefined;
    if (key.kind === 'candidate') {
      const sessionId = election.candidates.get(key.candidateId)?.record.sessionId ?? '';
      const stands = this.#standing.get(sessionId);
      if (stands?.get(key.ref.electionId) === key.candidateId) stands.delete(key.ref.electionId);
      if (stands?.size === 0) this.#standing.delete(sessionId);
      if (election.candidates.has(key.candidateId)) count(this.candidacyCounts, key.ref.tenantId, -1);
      for (const listener of this.#listeners) listener.candidacyGone?.(election, key.candidateId);
    }
    dropRecord(election, key);
    return election;
  }

  #dropSession(sessionId: string): void {
    const gone = this.sessions.get(sessionId);
    if (gone) this.#countSession(gone.record, -1);
    this.sessions.delete(sessionId);
    const elections: ElectionState[] = [];
    for (const electionId of this.standing(sessionId).keys()) {
      const election = this.elections.get(electionId);
      if (election) elections.push(election);
    }
    this.#tell((listener) => listener.sessionGone?.(sessionId, elections));
  }

  #countSession({ tenantId, ttlMs }: SessionRecord, by: 1 | -1): void {
    count(this.sessionCounts, tenantId, by);
    count(this.sessionPace, tenantId, by * Math.max(1, Math.ceil(1_000 / ttlMs)));
  }

  #actPut(): void {
    if (!this.#relisting) this.#tell((listener) => listener.actSeen?.());
  }

  #tell(call: (listener: ViewListener) => void): void {
    for (const listener of this.#listeners) call(listener);
  }

  #tellElection(election: ElectionState): void {
    for (const listener of this.#listeners) listener.electionChanged?.(election);
  }

  #advance(): void {
    for (const listener of this.#listeners) listener.advanced?.(this.revision);
    for (const waiter of this.#waiters) if (waiter.revision <= this.revision) waiter.wake();
  }
}

const NOTHING: ReadonlyMap<string, string> = new Map();

function count(counts: Map<string, number>, tenantId: string, by: number): void {
  const now = (counts.get(tenantId) ?? 0) + by;
  if (now === 0) counts.delete(tenantId);
  else counts.set(tenantId, now);
}

/**
 * One transition while it is being composed: the situation it started from, laid over with what the commands so
 * far would change, and the guards under which all of it is right. Commands see each other's effects through it.
 */
import { type Act, type Actor, derivedId } from '#core';
import { type ElectionRef, keys } from '../keys.js';
import {
  type CandidateRecord,
  type ConfigRecord,
  encode,
  encodeSession,
  type EventRecord,
  fenceOf,
  type HeadRecord,
  type LeaderRecord,
  type PublicCandidate,
  type SessionRecord,
  type TermRecord,
} from '../records.js';
import type { Guard, Read, Transition, Write } from '../store.js';
import type { Candidacy, ElectionState, Situation } from '../state.js';

/**
 * etcd refuses more than 128 operations in one transaction, nested ones included in the count of theirs; 48 leaves
 * room for the group around it. The byte limit keeps a group below etcd's 1.5 MB request.
 */
const MOST_OPERATIONS = 48;
const MOST_BYTES = 256_000;

/** What nobody asked for the engine does: it ends the dead and fills vacancies. */
export const ENGINE: Actor = { type: 'system', id: 'engine' };

/** An act as it is asked for; when and what exactly is known once it is decided. */
export type PlannedAct = Pick<Act, 'id' | 'action' | 'actor' | 'targets' | 'context'>;

export class Draft {
  readonly situation: Situation;
  /** Wall-clock time for the records. */
  readonly at: string;
  #guards = new Map<string, Guard>();
  #writes = new Map<string, Write>();
  #reads = new Map<string, Read>();
  #added = new Map<string, Candidacy>();
  #removed = new Set<string>();
  #names = new Map<string, string | null>();
  #sessions = new Map<string, SessionRecord | null>();
  #leaders = new Map<number, LeaderRecord | null>();
  #terms = new Map<number, TermRecord>();
  #config: ConfigRecord | undefined;
  #sequence: number;
  /** Who causes what is told next. */
  #by = ENGINE;

  constructor(situation: Situation, at: string) {
    this.situation = situation;
    this.at = at;
    this.#sequence = situation.election.head?.record.sequence ?? 0;
  }

  /** A copy to try the next command on; this one stays as it is. */
  copy(): Draft {
    const twin = new Draft(this.situation, this.at);
    twin.#guards = new Map(this.#guards);
    twin.#writes = new Map(this.#writes);
    twin.#reads = new Map(this.#reads);
    twin.#added = new Map(this.#added);
    twin.#removed = new Set(this.#removed);
    twin.#names = new Map(this.#names);
    twin.#sessions = new Map(this.#sessions);
    twin.#leaders = new Map(this.#leaders);
    twin.#terms = new Map(this.#terms);
    twin.#config = this.#config;
    twin.#sequence = this.#sequence;
    return twin;
  }

  get ref(): ElectionRef {
    return this.situation.election.ref;
  }

  get #election(): ElectionState {
    return this.situation.election;
  }

  get config(): ConfigRecord | undefined {
    return this.#config ?? this.#election.config?.record;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get by(): Actor {
    return this.#by;
  }

  get changesNothing(): boolean {
    return this.#writes.size === 0;
  }

  /** How many operations the transition may still take. */
  get room(): number {
    return MOST_OPERATIONS - Math.max(this.#writes.size + this.#reads.size, this.#guards.size);
  }

  get fits(): boolean {
    let bytes = 0;
    for (const write of this.#writes.values()) if (write.kind === 'put') bytes += write.value.length;
    return this.room >= 0 && bytes <= MOST_BYTES;
  }

  transition(): Transition {
    return {
      guards: [...this.#guards.values()],
      writes: [...this.#writes.values()],
      reads: [...this.#reads.values()],
    };
  }

  // What the commands see.

  /** All candidacies in queue order. */
  *queue(): Generator<Candidacy> {
    for (const candidacy of this.#election.candidates.values()) {
      if (!this.#removed.has(candidacy.candidateId)) yield candidacy;
    }
    yield* this.#added.values();
  }

  candidacy(candidateId: string): Candidacy | undefined {
    if (this.#removed.has(candidateId)) return undefined;
    return this.#added.get(candidateId) ?? this.#election.candidates.get(candidateId);
  }

  candidacyOfName(name: string): Candidacy | undefined {
    const changed = this.#names.get(name);
    const candidateId = changed === undefined ? this.#election.names.get(name)?.record : changed;
    return candidateId ? this.candidacy(candidateId) : undefined;
  }

  candidacyOfSession(sessionId: string): Candidacy | undefined {
    const candidateId = this.situation.candidacyOf(sessionId);
    const known = candidateId === undefined ? undefined : this.candidacy(candidateId);
    return known ?? [...this.#added.values()].find((candidacy) => candidacy.record.sessionId === sessionId);
  }

  get candidateCount(): number {
    return this.#election.candidates.size - this.#removed.size + this.#added.size;
  }

  leader(seat: number): LeaderRecord | null {
    const changed = this.#leaders.get(seat);
    return changed === undefined ? (this.#election.seats.get(seat)?.leader?.record ?? null) : changed;
  }

  /** Whether this transition itself writes or ends the seat's leader: then `leader` is what the commit made true. */
  changesLeader(seat: number): boolean {
    return this.#leaders.has(seat);
  }

  term(seat: number): TermRecord | undefined {
    return this.#terms.get(seat) ?? this.#election.seats.get(seat)?.term?.record;
  }

  /** The session as this transition leaves it, or undefined if it does not touch it. */
  sessionWritten(sessionId: string): SessionRecord | null | undefined {
    return this.#sessions.get(sessionId);
  }

  /** False only if the candidacy's session is known to be gone; a guess, which the guards make safe. */
  seemsAlive(candidacy: { record: Pick<CandidateRecord, 'sessionId' | 'incarnation'> }): boolean {
    const { sessionId, incarnation } = candidacy.record;
    const written = this.#sessions.get(sessionId);
    if (written !== undefined) return written?.incarnation === incarnation;
    const sight = this.situation.session(sessionId);
    if (sight === 'unknown') return true;
    return sight !== 'absent' && sight.record.incarnation === incarnation;
  }

  // Guards: what must still be so when the transition commits.

  guardConfig(): void {
    this.#guardRevision(keys.config(this.ref), this.#election.config?.modRevision);
  }

  /** Suspending a tenant rewrites its record, so no term starts on the strength of an older one. */
  guardTenant(): void {
    this.#guardRevision(keys.tenant(this.ref.tenantId), this.situation.tenant?.modRevision);
  }

  guardTerm(seat: number): void {
    this.#guardRevision(keys.term(this.ref, seat), this.#election.seats.get(seat)?.term?.modRevision);
  }

  /** The seat's leader record is the very revision (or absence) that the situation shows. */
  guardLeader(seat: number): void {
    this.#guardRevision(keys.leader(this.ref, seat), this.#election.seats.get(seat)?.leader?.modRevision);
  }

  guardCandidacy(candidacy: Candidacy): void {
    if (this.#added.has(candidacy.candidateId)) return;
    this.#guardRevision(keys.candidate(this.ref, candidacy.candidateId), candidacy.modRevision);
  }

  /** The session lives and is the incarnation that the candidacy names: a dead waiter can never win. */
  guardAlive(record: Pick<CandidateRecord, 'sessionId' | 'incarnation' | 'ttlMs'>): void {
    if (this.#sessions.has(record.sessionId)) return;
    const value = encodeSession({
      tenantId: this.ref.tenantId,
      ttlMs: record.ttlMs,
      incarnation: record.incarnation,
    });
    this.#guard({ kind: 'value', key: keys.session(record.sessionId), value });
  }

  /** The session is gone, or lives as another incarnation: nobody alive is passed over by a lagging view. */
  guardDead(sessionId: string): void {
    if (this.#sessions.has(sessionId)) return;
    const sight = this.situation.session(sessionId);
    const revision = typeof sight === 'string' ? undefined : sight.modRevision;
    this.#guardRevision(keys.session(sessionId), revision);
  }

  /** Nobody joined since the situation: else a join and a resign miss each other and nobody leads. */
  guardNoneJoined(): void {
    this.#guard({ kind: 'noneNewer', prefix: keys.candidates(this.ref), revision: this.situation.revision });
  }

  /** The candidate name is free, or still belongs to the candidacy that the situation shows. */
  guardName(name: string): void {
    this.#guardRevision(keys.candidateName(this.ref, name), this.#election.names.get(name)?.modRevision);
  }

  guardSession(sessionId: string, guard: { absent: true } | { revision: number }): void {
    const key = keys.session(sessionId);
    this.#guard(
      'absent' in guard ? { kind: 'absent', key } : { kind: 'revision', key, revision: guard.revision },
    );
  }

  // Changes.

  setConfig(config: ConfigRecord): void {
    this.guardConfig();
    this.#config = config;
    this.#put(keys.config(this.ref), encode(config));
  }

  putSession(sessionId: string, session: SessionRecord): void {
    this.#sessions.set(sessionId, session);
    this.#put(keys.session(sessionId), encodeSession(session));
  }

  deleteSession(sessionId: string): void {
    this.#sessions.set(sessionId, null);
    this.#delete(keys.session(sessionId));
  }

  addCandidacy(candidateId: string, record: CandidateRecord): Candidacy {
    const placed = { ...record, order: this.#added.size };
    const candidacy = { candidateId, record: placed, createRevision: 0, modRevision: 0 };
    this.#added.set(candidateId, candidacy);
    this.#names.set(record.name, candidateId);
    this.#put(keys.candidate(this.ref, candidateId), encode(placed));
    this.#put(keys.candidateName(this.ref, record.name), candidateId);
    return candidacy;
  }

  removeCandidacy(candidacy: Candidacy): void {
    const { candidateId, record } = candidacy;
    this.guardCandidacy(candidacy);
    if (!this.#added.delete(candidateId)) this.#removed.add(candidateId);
    this.#delete(keys.candidate(this.ref, candidateId));
    if (this.candidacyOfName(record.name) !== undefined) return;
    this.#names.set(record.name, null);
    this.#delete(keys.candidateName(this.ref, record.name));
  }

  setLeader(seat: number, leader: LeaderRecord | null): void {
    this.guardLeader(seat);
    this.#leaders.set(seat, leader);
    if (leader) this.#put(keys.leader(this.ref, seat), encode(leader));
    else this.#delete(keys.leader(this.ref, seat));
  }

  setTerm(seat: number, term: TermRecord): void {
    this.guardTerm(seat);
    this.#terms.set(seat, term);
    this.#put(keys.term(this.ref, seat), encode(term));
  }

  /** Does `work` on behalf of `by`: that is what its events say. */
  onBehalfOf<T>(by: Actor, work: () => T): T {
    const before = this.#by;
    this.#by = by;
    const done = work();
    this.#by = before;
    return done;
  }

  /** Writes an act into the outbox, in the transaction of what it did: on record whatever dies then. */
  record(act: PlannedAct, metadata?: Record<string, unknown>): void {
    const { tenantId } = this.ref;
    const record: Act = { ...act, tenantId, ...(metadata && { metadata }), occurredAt: this.at };
    this.#put(keys.act(tenantId, act.id), encode(record));
  }

  /** Writes an event into the outbox, in the transaction of the change that it tells (D1). */
  tell(seat: number, event: Pick<EventRecord, 'type' | 'leader' | 'previousLeader' | 'reason'>): void {
    const sequence = ++this.#sequence;
    const { epoch } = this.situation.epoch;
    const term = this.term(seat);
    const { tenantId, electionId } = this.ref;
    const record: EventRecord = {
      id: derivedId('evt', electionId, String(epoch), String(sequence)),
      tenantId,
      electionId,
      election: this.config?.name ?? '',
      seat,
      epoch,
      sequence,
      term: term?.term ?? 0,
      fence: term ? fenceOf(term.epoch, term.term) : 0,
      ...event,
      by: this.#by,
      occurredAt: this.at,
    };
    const head: HeadRecord = { sequence };
    this.#guardRevision(keys.head(this.ref), this.#election.head?.modRevision);
    this.#put(keys.head(this.ref), encode(head));
    this.#put(keys.event(this.ref, epoch, sequence), encode(record));
  }

  readLeader(seat: number): void {
    const key = keys.leader(this.ref, seat);
    this.#reads.set(key, { kind: 'key', key });
  }

  #guardRevision(key: string, revision: number | undefined): void {
    this.#guard(revision === undefined ? { kind: 'absent', key } : { kind: 'revision', key, revision });
  }

  /** The first guard on a key stands: later commands of the same transition see this one's own changes. */
  #guard(guard: Guard): void {
    const name = guard.kind === 'noneNewer' ? `${guard.prefix}*` : guard.key;
    const before = this.#guards.get(name);
    if (before?.kind === 'value' && guard.kind === 'revision') this.#guards.set(name, guard);
    else if (!before) this.#guards.set(name, guard);
  }

  #put(key: string, value: string): void {
    this.#writes.set(key, { kind: 'put', key, value });
  }

  #delete(key: string): void {
    this.#writes.set(key, { kind: 'delete', key });
  }
}

/** A candidate as one who causes changes. */
export function participantOf(candidateId: string, name: string): Actor {
  return { type: 'participant', id: candidateId, name };
}

/** How a candidate is shown to others. */
export function publicOf(candidate: PublicCandidate): PublicCandidate {
  const { name, candidateId, address, metadata } = candidate;
  return { name, candidateId, ...(address !== undefined && { address }), ...(metadata && { metadata }) };
}

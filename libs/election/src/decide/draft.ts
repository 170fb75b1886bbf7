/**
 * One transition while it is being composed: the situation it started from, laid over with what the commands so
 * far would change, and the guards under which all of it is right. Commands see each other's effects through it.
 */
import { type Act, type Actor, derivedId } from '#core';
import { keys } from '../keys.js';
import {
  type CandidateRecord,
  type ConductRecord,
  type ConfigRecord,
  encode,
  encodeSession,
  type EventRecord,
  fenceOf,
  type HandOverRecord,
  type HeadRecord,
  type LeaderRecord,
  type PublicCandidate,
  type SessionRecord,
  type TermRecord,
} from '../records.js';
import type { Candidacy } from '../state.js';
import { Overlay } from './overlay.js';

/** What nobody asked for the engine does: it ends the dead and fills vacancies. */
export const ENGINE: Actor = { type: 'system', id: 'engine' };

/** An act as it is asked for; when and what exactly is known once it is decided. */
export type PlannedAct = Pick<Act, 'id' | 'action' | 'actor' | 'targets' | 'context'>;

export class Draft extends Overlay {
  /** Who causes what is told next. */
  #by = ENGINE;

  get by(): Actor {
    return this.#by;
  }

  /** A copy to try the next command on; this one stays as it is. */
  copy(): Draft {
    const twin = new Draft(this.situation, this.at);
    twin.takeOver(this);
    return twin;
  }

  // Guards: what must still be so when the transition commits.

  guardConfig(): void {
    this.guardRevision(keys.config(this.ref), this.election.config?.modRevision);
  }

  /** Suspending a tenant rewrites its record, so no term starts on the strength of an older one. */
  guardTenant(): void {
    this.guardRevision(keys.tenant(this.ref.tenantId), this.situation.tenant?.modRevision);
  }

  guardTerm(seat: number): void {
    this.guardRevision(keys.term(this.ref, seat), this.election.seats.get(seat)?.term?.modRevision);
  }

  /** The seat's leader record is the very revision (or absence) that the situation shows. */
  guardLeader(seat: number): void {
    this.guardRevision(keys.leader(this.ref, seat), this.election.seats.get(seat)?.leader?.modRevision);
  }

  /**
   * What every seat shows is what the situation shows: who joins or leaves as a waiter saw all terms. How many seats
   * there are is the settings' to say: one that was just added may be led by the very waiter that leaves.
   */
  guardSeats(): void {
    this.guardConfig();
    for (const seat of this.seats()) this.guardLeader(seat);
  }

  guardCandidacy(candidacy: Candidacy): void {
    if (this.added.has(candidacy.candidateId)) return;
    this.guardRevision(keys.candidate(this.ref, candidacy.candidateId), candidacy.modRevision);
  }

  /** The session lives and is the incarnation that the candidacy names: a dead waiter can never win. */
  guardAlive(record: Pick<CandidateRecord, 'sessionId' | 'incarnation' | 'ttlMs'>): void {
    if (this.sessionsSet.has(record.sessionId)) return;
    const value = encodeSession({
      tenantId: this.ref.tenantId,
      ttlMs: record.ttlMs,
      incarnation: record.incarnation,
    });
    this.guard({ kind: 'value', key: keys.session(record.sessionId), value });
  }

  /** The session is gone, or lives as another incarnation: nobody alive is passed over by a lagging view. */
  guardDead(sessionId: string): void {
    if (this.sessionsSet.has(sessionId)) return;
    const sight = this.situation.session(sessionId);
    const revision = typeof sight === 'string' ? undefined : sight.modRevision;
    this.guardRevision(keys.session(sessionId), revision);
  }

  /** Nobody joined since the situation: else a join and a resign miss each other and nobody leads. */
  guardNoneJoined(): void {
    this.guard({ kind: 'noneNewer', prefix: keys.candidates(this.ref), revision: this.situation.revision });
  }

  /** The candidate name is free, or still belongs to the candidacy that the situation shows. */
  guardName(name: string): void {
    this.guardRevision(keys.candidateName(this.ref, name), this.election.names.get(name)?.modRevision);
  }

  guardSession(sessionId: string, guard: { absent: true } | { revision: number }): void {
    const key = keys.session(sessionId);
    this.guard(
      'absent' in guard ? { kind: 'absent', key } : { kind: 'revision', key, revision: guard.revision },
    );
  }

  // Changes.

  setConfig(config: ConfigRecord): void {
    this.guardConfig();
    this.configSet = config;
    this.put(keys.config(this.ref), encode(config));
  }

  putSession(sessionId: string, session: SessionRecord): void {
    this.sessionsSet.set(sessionId, session);
    this.put(keys.session(sessionId), encodeSession(session));
  }

  deleteSession(sessionId: string): void {
    this.sessionsSet.set(sessionId, null);
    this.delete(keys.session(sessionId));
  }

  addCandidacy(candidateId: string, record: CandidateRecord): Candidacy {
    const placed = { ...record, order: this.added.size };
    const candidacy = { candidateId, record: placed, createRevision: 0, modRevision: 0 };
    this.added.set(candidateId, candidacy);
    this.namesSet.set(record.name, candidateId);
    this.put(keys.candidate(this.ref, candidateId), encode(placed));
    this.put(keys.candidateName(this.ref, record.name), candidateId);
    return candidacy;
  }

  removeCandidacy(candidacy: Candidacy): void {
    const { candidateId, record } = candidacy;
    this.guardCandidacy(candidacy);
    if (!this.added.delete(candidateId)) this.removed.add(candidateId);
    this.delete(keys.candidate(this.ref, candidateId));
    if (this.candidacyOfName(record.name) !== undefined) return;
    this.namesSet.set(record.name, null);
    this.delete(keys.candidateName(this.ref, record.name));
  }

  /** Writes what a candidate says of itself anew; its place in the queue stays. */
  rewriteCandidacy(candidacy: Candidacy, record: CandidateRecord): void {
    const { candidateId } = candidacy;
    this.guardCandidacy(candidacy);
    (this.added.has(candidateId) ? this.added : this.rewritten).set(candidateId, { ...candidacy, record });
    this.put(keys.candidate(this.ref, candidateId), encode(record));
  }

  setHandOver(seat: number, record: HandOverRecord): void {
    const key = keys.handOver(this.ref, seat);
    this.guardRevision(key, this.election.seats.get(seat)?.handOver?.modRevision);
    this.handOversSet.set(seat, record);
    this.put(key, encode(record));
  }

  setConduct(name: string, record: ConductRecord | null): void {
    const key = keys.conduct(this.ref, name);
    this.guardRevision(key, this.election.conducts.get(name)?.modRevision);
    this.conductsSet.set(name, record);
    if (record) this.put(key, encode(record));
    else this.delete(key);
  }

  setLeader(seat: number, leader: LeaderRecord | null): void {
    this.guardLeader(seat);
    this.leadersSet.set(seat, leader);
    if (leader) this.put(keys.leader(this.ref, seat), encode(leader));
    else this.delete(keys.leader(this.ref, seat));
  }

  setTerm(seat: number, term: TermRecord): void {
    this.guardTerm(seat);
    this.termsSet.set(seat, term);
    this.put(keys.term(this.ref, seat), encode(term));
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
    this.put(keys.act(tenantId, act.id), encode(record));
  }

  /** Writes an event into the outbox, in the transaction of the change that it tells (D1). */
  tell(
    seat: number,
    event: Pick<EventRecord, 'type' | 'leader' | 'previousLeader' | 'reason' | 'handOverId'>,
  ): void {
    const sequence = ++this.lastSequence;
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
    this.guardRevision(keys.head(this.ref), this.election.head?.modRevision);
    this.put(keys.head(this.ref), encode(head));
    this.put(keys.event(this.ref, epoch, sequence), encode(record));
  }

  readLeader(seat: number): void {
    this.readKey(keys.leader(this.ref, seat));
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

/**
 * The values of the store's keys. All are JSON but the session, whose value is compared byte for byte by every
 * renewal and therefore has one fixed spelling.
 *
 * Times in records (`since`, `electedAt`, `at`, ...) are wall-clock RFC 3339 strings for people to read; no
 * decision looks at them.
 */
import { type Actor, randomText } from '#core';

/** The settings a tenant chooses for an election; the engine's truth (Postgres keeps the managed copy). */
export interface ElectionSettings {
  description?: string;
  policy: 'fifo';
  /** What a campaign without ttlMs gets; milliseconds. */
  ttlMs: number;
  /** The largest ttlMs a campaign may ask for; bounds how long a dead leader can keep the seat. */
  maxTtlMs: number;
}

/** open: terms start and run; paused: none starts; closing: grants run out; closed: deleted, fence kept. */
export type ElectionPhase = 'open' | 'paused' | 'closing' | 'closed';

export interface ConfigRecord extends ElectionSettings {
  name: string;
  state: ElectionPhase;
  /** At most this many candidacies at once: the tenant's quota at creation, for while the tenant is not mirrored. */
  maxCandidates: number;
  createdAt: string;
  updatedAt: string;
  /** The change that wrote this record; a repeated change finds itself here and is harmless (S4). */
  changeId: string;
}

export interface HeadRecord {
  /** Number of the election's last event; dense, never reset. */
  sequence: number;
}

/** Why a term ended. */
export type EndReason = 'resigned' | 'expired' | 'paused' | 'deleted' | 'suspended' | 'restored';

/** How a candidate is shown to others. */
export interface PublicCandidate {
  name: string;
  candidateId: string;
  address?: string;
  metadata?: Record<string, unknown>;
}

/** Never deleted, so that fences rise for ever (S2). */
export interface TermRecord {
  epoch: number;
  term: number;
  /** When the term began. */
  since: string;
  /** Set when the term has ended. */
  endedAt?: string;
  reason?: EndReason;
  /** Who holds or held the term; a participant that asks after its end is told the reason by these. */
  leader: PublicCandidate;
  sessionId: string;
}

export interface LeaderRecord extends PublicCandidate {
  sessionId: string;
  incarnation: string;
  /** Of the session: how long its grants can last, which is what a replacement has to wait. */
  ttlMs: number;
  epoch: number;
  term: number;
  electedAt: string;
  /** Present: no grant is given any more; the record is replaced once those given are over. */
  withheld?: { reason: EndReason; at: string; by?: Actor };
}

export interface CandidateRecord {
  name: string;
  sessionId: string;
  incarnation: string;
  /** Of the session; with the incarnation it gives the value that a live session must have. */
  ttlMs: number;
  /** Place among the candidacies that one transition created; queue order is (createRevision, order). */
  order: number;
  address?: string;
  metadata?: Record<string, unknown>;
  joinedAt: string;
}

/** A participant's liveness. Its incarnation is random at every creation, so a re-created id is not the old one. */
export interface SessionRecord {
  tenantId: string;
  ttlMs: number;
  incarnation: string;
}

export interface ApiKeyRecord {
  tenantId: string;
  /** Keyed hash of the secret, hex. */
  hash: string;
  scopes: string[];
  electionPrefix?: string;
  /** RFC 3339; a key past it is refused. */
  expiresAt?: string;
  /** Beside the tenant's rate, which counts all its keys. */
  requestsPerSecond?: number;
}

/** A token of the admin API: the operator's, of no tenant. */
export interface AdminTokenRecord {
  name: string;
  /** Keyed hash of the secret, hex. */
  hash: string;
  role: 'read_only' | 'full';
  /** RFC 3339; a token past it is refused. */
  expiresAt?: string;
}

export interface TenantRecord {
  /** deleted: no key is accepted and no term runs, whether or not the data is still kept. */
  status: 'active' | 'suspended' | 'deleted';
  /** Its rows are gone for good, so its elections may be closed; until then it can be restored. */
  purged?: true;
  maxCandidatesPerElection: number;
  /** This and what follows: absent in records of the service's own tenants, which are not limited. */
  maxSessions?: number;
  maxCandidaciesPerSession?: number;
  maxStreams?: number;
  minTtlMs?: number;
  requestsPerSecond?: number;
}

export interface ReplicaRecord {
  processId: string;
  startedAt: string;
  /** False: takes no part in housekeeping. Absent in records of older releases. */
  keepsHouse?: boolean;
}

export interface EpochRecord {
  epoch: number;
  settled: boolean;
}

export type EventType = 'leadership.acquired' | 'leadership.lost' | 'election.vacant';

/** One change of leadership, written in the transaction of the change it tells (D1). */
export interface EventRecord {
  id: string;
  type: EventType;
  tenantId: string;
  electionId: string;
  election: string;
  seat: number;
  epoch: number;
  sequence: number;
  term: number;
  fence: number;
  leader: PublicCandidate | null;
  previousLeader: PublicCandidate | null;
  reason?: EndReason;
  /** Who caused the change; events of releases before this one do not say. */
  by?: Actor;
  occurredAt: string;
}

/** An event with the revision of the change that it tells. */
export interface RelayedEvent extends EventRecord {
  revision: number;
}

/** `epoch * 2^32 + term`: orders the terms of a seat for ever; below 2^53 while the epoch is below 2^21. */
export function fenceOf(epoch: number, term: number): number {
  return epoch * 2 ** 32 + term;
}

/** Marks the incarnation of a session that was made for itself and not by a campaign. */
const STANDALONE = '+';

/** The incarnation of a new session; a standalone one does not end with its last candidacy. */
export function newIncarnation({ standalone = false } = {}): string {
  return `${standalone ? STANDALONE : ''}${randomText(10)}`;
}

/** Whether the session was made for itself: it lives until it is ended or not renewed, however many candidacies it has. */
export function isStandalone({ incarnation }: Pick<SessionRecord, 'incarnation'>): boolean {
  return incarnation.startsWith(STANDALONE);
}

export function encodeSession(session: SessionRecord): string {
  return `${session.tenantId} ${session.ttlMs} ${session.incarnation}`;
}

export function decodeSession(value: string): SessionRecord {
  const [tenantId = '', ttlMs = '', incarnation = ''] = value.split(' ');
  return { tenantId, ttlMs: Number(ttlMs), incarnation };
}

export function encode(record: object): string {
  return JSON.stringify(record);
}

/** Reads a value that this service wrote itself; the type is the caller's knowledge of the key. */
export function decode<T extends object>(value: string): T {
  return JSON.parse(value) as T;
}

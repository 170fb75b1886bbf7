/**
 * The values of the store's keys. All are JSON but the session, whose value is compared byte for byte by every
 * renewal and therefore has one fixed spelling.
 *
 * Times in records (`since`, `electedAt`, `at`, ...) are wall-clock RFC 3339 strings. No promise rests on them: policies,
 * delays and schedules look at them where the watch did not see the record being written.
 */
import { type Actor, randomText } from '#core';

/** Who is next, and when a term has to end for it: one file each in `policies/`. */
export const POLICIES = ['fifo', 'priority', 'rotation', 'sticky', 'health', 'manual'] as const;
export type PolicyName = (typeof POLICIES)[number];

/** A transition that looks at every seat guards each of them, and has to stay small. */
export const MOST_SEATS = 32;

/** The settings a tenant chooses for an election; the engine's truth (Postgres keeps the managed copy). */
export interface ElectionSettings extends CalmSettings {
  description?: string;
  policy: PolicyName;
  /** What a campaign without ttlMs gets; milliseconds. */
  ttlMs: number;
  /** The largest ttlMs a campaign may ask for; bounds how long a dead leader can keep the seat. */
  maxTtlMs: number;
  /** How many lead at once, each with a seat, terms and fences of its own; 1 if absent. */
  seats?: number;
  /** Policy priority: a waiter with a higher priority ends the term of the leader. */
  preemption?: boolean;
  /** Policy rotation: how long a term lasts at most while another waits; milliseconds. */
  maxTermMs?: number;
  /** Policy health: below this score a leader is asked to step down and nobody is elected; 0 to 100. */
  healthFloor?: number;
}

/** What keeps leadership from changing too often or too abruptly. Milliseconds; absent is 0. */
export interface CalmSettings {
  /** After a crash the seat stays vacant this long, but for the candidate that lost it. */
  takeoverDelayMs?: number;
  /** Policies end no term before it has lasted this long. */
  minTermMs?: number;
  /** How long a leader that is asked to step down may go on, unless the request says otherwise. */
  graceMs?: number;
  /** A term that is lost within this time of its start counts against its candidate; 0: none does. */
  shortTermMs?: number;
  /** After a short term its candidate is held back this long, doubled with each further one in a row. */
  backoffMs?: number;
  /** So many short terms in a row hold the candidate back until an operator lifts it; 0: never. */
  quarantineAfter?: number;
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
  /** The candidate name that policies leave in its seat, and that is first for a vacant one. */
  pinned?: string;
}

export interface HeadRecord {
  /** Number of the election's last event; dense, never reset. */
  sequence: number;
}

/** Why a term ended. */
export type EndReason =
  | 'resigned'
  | 'expired'
  | 'stepped_down'
  | 'transferred'
  | 'deposed'
  | 'preempted'
  | 'rotated'
  | 'unhealthy'
  | 'quarantined'
  | 'seat_retired'
  | 'paused'
  | 'deleted'
  | 'suspended'
  | 'restored';

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
  /** Of the terms before, the latest first: for participants that ask after a successor has begun. */
  earlier?: { sessionId: string; reason: EndReason }[];
}

export interface LeaderRecord extends PublicCandidate {
  sessionId: string;
  incarnation: string;
  /** Of the session: how long its grants can last, which is what a replacement has to wait. */
  ttlMs: number;
  epoch: number;
  term: number;
  electedAt: string;
  /** Chosen by somebody's wish and not by the policy: who stood by then already does not preempt it. */
  appointed?: true;
  /** Present: the leader is asked to step down. It leads on, until it does or `graceMs` are over. */
  asked?: Mark & { graceMs: number };
  /** Present: no grant is given any more; the record is replaced once those given are over. */
  withheld?: Mark;
}

/** What a running term has to end for. */
export interface Mark {
  reason: EndReason;
  at: string;
  by?: Actor;
  handOverId?: string;
  /** Name of the candidate that is to succeed. */
  to?: string;
}

/** What a candidate says of itself and policies look at. */
export interface Qualities {
  /** Policy priority; 0 if absent. */
  priority?: number;
  /** Wall-clock moment from which on the priority counts as 0. */
  priorityExpiresAt?: string;
  /** 0 to 100, reported with campaign and renew; 100 if absent. */
  health?: number;
}

export interface CandidateRecord extends Qualities {
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
  /** An operator has set its priority, which a repeated campaign then leaves alone. */
  appraised?: true;
  /** When it was told last that its ttlMs is too short. */
  advisedAt?: string;
}

export type HandOverKind = 'step_down' | 'transfer' | 'depose';
/** scheduled: not begun; asked and withheld: see LeaderRecord; the others are final. */
export type HandOverState = 'scheduled' | 'asked' | 'withheld' | 'done' | 'cancelled' | 'failed';

/** An operator's wish that the term of a seat end: the last one of the seat, under way or over. */
export interface HandOverRecord {
  handOverId: string;
  kind: HandOverKind;
  mode: 'graceful' | 'immediate';
  state: HandOverState;
  /** The term that it means; another one is left alone. 0: the vacancy, into which a candidate is appointed. */
  expectedTerm: number;
  from?: PublicCandidate;
  /** Name of the candidate that is to succeed. */
  to?: string;
  /** Where `to` is gone: the next in line succeeds, or nothing is done. */
  fallback: 'next' | 'cancel';
  graceMs: number;
  /** In the operator's words. */
  why?: string;
  requestedAt: string;
  /** Wall-clock moment at which it begins. */
  dueAt?: string;
  by: Actor;
  finishedAt?: string;
  successor?: PublicCandidate & { term: number };
  /** Whether the leader itself ended its term for it. */
  acknowledged?: boolean;
  /** How long nobody could be granted the seat before the successor had it; milliseconds. */
  gapMs?: number;
  failure?: 'term_changed' | 'target_gone';
}

/** How a candidate name has behaved: it lost its terms soon, or an operator keeps it from leading. */
export interface ConductRecord {
  shortTerms: number;
  /** Held back until this long after the record was written, or until it is lifted. */
  heldBack: { forMs: number } | 'until_lifted' | 'no';
  at: string;
  by?: Actor;
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

export type EventType = 'leadership.acquired' | 'leadership.lost' | 'election.vacant' | 'election.unstable';

/** flapping: a candidate loses its terms soon after it won them; ttl_too_short: its renewals hardly come in time. */
export type InstabilityReason = 'flapping' | 'ttl_too_short';

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
  /** Why the last term ended, or what makes the election unstable. */
  reason?: EndReason | InstabilityReason;
  handOverId?: string;
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

/**
 * Every key of the coordination store, built and parsed here and nowhere else.
 *
 *   e/{tenantId}/{electionId}/config             the election's settings and state
 *   e/{tenantId}/{electionId}/head               the number of its last event
 *   e/{tenantId}/{electionId}/c/{candidateId}    a candidacy
 *   e/{tenantId}/{electionId}/n/{name}           the one live candidacy of a candidate name
 *   e/{tenantId}/{electionId}/{seat}/term        the last term of a seat; never deleted
 *   e/{tenantId}/{electionId}/{seat}/leader      who holds the seat now
 *   e/{tenantId}/{electionId}/{seat}/handover    the last hand-over of the seat that an operator asked for
 *   e/{tenantId}/{electionId}/q/{name}           conduct of a candidate name: short terms, quarantine
 *   s/{shard}/{sessionId}                        a session; rewritten by each renewal
 *   o/{tenantId}/{electionId}/{epoch}.{sequence} an event that waits for the relay
 *   o/{tenantId}/acts/{actId}                    an act on an election that waits for the relay
 *   r/{processId}                                heartbeat of a live replica
 *   k/{keyId}  t/{tenantId}  a/{tokenId}         mirrors of API keys, tenants and admin tokens
 *   g/epoch  g/writer/{processId}                fence epoch; write fence of a process
 *
 * Ids consist of letters, digits and underscores, candidate names of the pattern below; neither can hold the
 * delimiter, so no key is a prefix of another's folder (etcd-io/etcd#6278 merged two contests that way).
 */
import { derivedId } from '#core';

export const ELECTION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
export const CANDIDATE_NAME = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,252}$/;

/** An election's coordinates in the store. */
export interface ElectionRef {
  tenantId: string;
  electionId: string;
}

/**
 * Refs that were asked for, twice as many at most: the older half is let go when the newer one is full. Every call
 * names its election, and the hash behind the id is the dearest part of finding it.
 */
const REMEMBERED = 10_000;
let newer = new Map<string, ElectionRef>();
let older = new Map<string, ElectionRef>();

/** The same tenant and name always give the same id: a re-created election reopens its term key (S2). */
export function electionRef(tenantId: string, name: string): ElectionRef {
  // No id of a tenant holds the delimiter.
  const asked = `${tenantId}/${name}`;
  const known = newer.get(asked);
  if (known) return known;
  const ref = older.get(asked) ?? Object.freeze({ tenantId, electionId: derivedId('elc', tenantId, name) });
  if (newer.size >= REMEMBERED) [older, newer] = [newer, new Map<string, ElectionRef>()];
  newer.set(asked, ref);
  return ref;
}

const folder = (ref: ElectionRef): string => `e/${ref.tenantId}/${ref.electionId}/`;

/**
 * The tenant of the service's own elections, such as who relays. Ids of tenants are made, never chosen, and longer than
 * this, so no tenant can have it.
 */
export const SYSTEM_TENANT = 'ten_system';

export const keys = {
  all: '',
  election: folder,
  tenantElections: (tenantId: string): string => `e/${tenantId}/`,
  config: (ref: ElectionRef): string => `${folder(ref)}config`,
  head: (ref: ElectionRef): string => `${folder(ref)}head`,
  term: (ref: ElectionRef, seat: number): string => `${folder(ref)}${seat}/term`,
  leader: (ref: ElectionRef, seat: number): string => `${folder(ref)}${seat}/leader`,
  handOver: (ref: ElectionRef, seat: number): string => `${folder(ref)}${seat}/handover`,
  conduct: (ref: ElectionRef, name: string): string => `${folder(ref)}q/${name}`,
  candidates: (ref: ElectionRef): string => `${folder(ref)}c/`,
  candidate: (ref: ElectionRef, candidateId: string): string => `${folder(ref)}c/${candidateId}`,
  candidateName: (ref: ElectionRef, name: string): string => `${folder(ref)}n/${name}`,
  session: (sessionId: string): string => `s/${shardOf(sessionId)}/${sessionId}`,
  /** What waits for the relay: events and acts, of all tenants. */
  outbox: 'o/',
  act: (tenantId: string, actId: string): string => `o/${tenantId}/acts/${actId}`,
  tenantEvents: (tenantId: string): string => `o/${tenantId}/elc_`,
  events: (ref: ElectionRef): string => `o/${ref.tenantId}/${ref.electionId}/`,
  event: (ref: ElectionRef, epoch: number, sequence: number): string =>
    `o/${ref.tenantId}/${ref.electionId}/${padded(epoch, 7)}.${padded(sequence, 16)}`,
  replica: (processId: string): string => `r/${processId}`,
  apiKey: (keyId: string): string => `k/${keyId}`,
  tenant: (tenantId: string): string => `t/${tenantId}`,
  adminToken: (tokenId: string): string => `a/${tokenId}`,
  epoch: 'g/epoch',
  writer: (processId: string): string => `g/writer/${processId}`,
} as const;

/** Zero-padded, so that key order is event order. */
function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

/** Spreads sessions over 1,024 folders: the first two characters of an id (32 letters) are evenly spread. */
function shardOf(sessionId: string): string {
  return sessionId.slice(4, 6);
}

/** The session that a key names, if it names one: what `parseKey` says of it, for the thousands that come each second. */
export function sessionOf(key: string): string | undefined {
  if (!key.startsWith('s/')) return undefined;
  const at = key.indexOf('/', 2) + 1;
  return at > 0 && key.indexOf('/', at) < 0 ? key.slice(at) : undefined;
}

/** What a key names. Unknown keys (of a newer version, say) are `undefined` and are left alone. */
export type ParsedKey =
  | { kind: 'config' | 'head'; ref: ElectionRef }
  | { kind: 'term' | 'leader' | 'handover'; ref: ElectionRef; seat: number }
  | { kind: 'conduct'; ref: ElectionRef; name: string }
  | { kind: 'candidate'; ref: ElectionRef; candidateId: string }
  | { kind: 'candidateName'; ref: ElectionRef; name: string }
  | { kind: 'event'; ref: ElectionRef; epoch: number; sequence: number }
  | { kind: 'act'; tenantId: string; actId: string }
  | { kind: 'session'; sessionId: string }
  | { kind: 'replica' | 'writer'; processId: string }
  | { kind: 'apiKey'; keyId: string }
  | { kind: 'tenant'; tenantId: string }
  | { kind: 'adminToken'; tokenId: string }
  | { kind: 'epoch' };

export function parseKey(key: string): ParsedKey | undefined {
  const parts = key.split('/');
  const [root, first, second, third, fourth] = parts;
  if (first === undefined) return undefined;
  if (root === 's' && second !== undefined && parts.length === 3)
    return { kind: 'session', sessionId: second };
  if (root === 'e') return parts.length < 4 ? undefined : parseElectionKey(first, second, third, fourth);
  if (root === 'o') return parts.length === 4 ? parseOutboxKey(first, second, third) : undefined;
  if (parts.length === 3 && root === 'g' && first === 'writer' && second !== undefined) {
    return { kind: 'writer', processId: second };
  }
  if (parts.length !== 2) return undefined;
  if (root === 'r') return { kind: 'replica', processId: first };
  if (root === 'k') return { kind: 'apiKey', keyId: first };
  if (root === 't') return { kind: 'tenant', tenantId: first };
  if (root === 'a') return { kind: 'adminToken', tokenId: first };
  return key === keys.epoch ? { kind: 'epoch' } : undefined;
}

function parseElectionKey(
  tenantId: string,
  electionId: string | undefined,
  third: string | undefined,
  fourth: string | undefined,
): ParsedKey | undefined {
  if (electionId === undefined || third === undefined) return undefined;
  const ref = { tenantId, electionId };
  if (fourth === undefined) return third === 'config' || third === 'head' ? { kind: third, ref } : undefined;
  if (third === 'c') return { kind: 'candidate', ref, candidateId: fourth };
  if (third === 'n') return { kind: 'candidateName', ref, name: fourth };
  if (third === 'q') return { kind: 'conduct', ref, name: fourth };
  if (!/^\d{1,6}$/.test(third)) return undefined;
  const ofSeat = fourth === 'term' || fourth === 'leader' || fourth === 'handover';
  return ofSeat ? { kind: fourth, ref, seat: Number(third) } : undefined;
}

function parseOutboxKey(
  tenantId: string,
  electionId: string | undefined,
  place: string | undefined,
): ParsedKey | undefined {
  if (electionId === 'acts' && place) return { kind: 'act', tenantId, actId: place };
  const match = /^(\d+)\.(\d+)$/.exec(place ?? '');
  if (electionId === undefined || !match) return undefined;
  return {
    kind: 'event',
    ref: { tenantId, electionId },
    epoch: Number(match[1]),
    sequence: Number(match[2]),
  };
}

import { Unreachable } from './problem.js';

/** Free data of a candidate that everybody who reads the election sees. */
export type Metadata = Readonly<Record<string, unknown>>;

/** The leader as the election shows it. A hint for routing: it may have lost the term a moment ago. */
export interface Leader {
  readonly candidate: string;
  readonly address?: string | null;
  readonly metadata?: Metadata | null;
  readonly term: number;
  readonly fence: number;
  readonly electedAt: string;
}

/** Answer of the leader call; `leader` is null while nobody leads, `term` and `fence` are then the last ones. */
export interface LeaderAnswer {
  readonly election: string;
  readonly leader: Leader | null;
  readonly term: number;
  readonly fence: number;
  readonly sequence: number;
}

/** Answer of the validate call. */
export interface ValidateAnswer {
  readonly valid: boolean;
  readonly reason?: string;
  readonly election?: string;
  readonly term?: number;
  readonly fence?: number;
  readonly currentFence?: number;
}

/** Answer of campaign and renew; what belongs to the caller's own term is present only while it leads. */
export interface StandAnswer {
  readonly state: 'leader' | 'waiting' | 'yielding' | 'out';
  readonly candidateId: string | undefined;
  readonly session: string | undefined;
  readonly position: number | undefined;
  readonly leader: Leader | undefined;
  readonly ttlMs: number | undefined;
  readonly renewAfterMs: number | undefined;
  readonly reason: string | undefined;
  /** The leader is asked to step down, and leads on for so long. */
  readonly yieldByMs: number | undefined;
  readonly grant: Granted | undefined;
}

/** The part of an answer that says "leader". `validForMs` counts from the sending of the request. */
export interface Granted {
  readonly candidateId: string;
  /** Which leadership of the election; terms and fences are counted for each. */
  readonly seat: number;
  readonly term: number;
  readonly fence: number;
  readonly fencingToken: string | undefined;
  readonly validForMs: number;
}

/** Answer of the calls that make and renew a session. */
export interface SessionAnswer {
  readonly session: string;
  readonly ttlMs: number;
  readonly renewAfterMs: number | undefined;
  /** What the session leads; none where it was just made. */
  readonly terms: readonly LedTerm[];
}

/** A term that the session leads, as the answer of its election would tell it. */
export interface LedTerm {
  readonly election: string;
  readonly answer: StandAnswer;
}

const STATES: readonly unknown[] = ['leader', 'waiting', 'yielding', 'out'];

/** @throws Unreachable when the body is not the contract's: an answer that we cannot read grants nothing. */
export function readStandAnswer(body: unknown): StandAnswer {
  if (!isRecord(body) || !STATES.includes(body['state']))
    throw new Unreachable('The answer has no known state.');
  const ttlMs = positive(body['ttlMs']);
  return {
    state: body['state'] as StandAnswer['state'],
    candidateId: text(body['candidateId']),
    session: text(body['session']),
    position: typeof body['position'] === 'number' ? body['position'] : undefined,
    leader: isRecord(body['leader']) ? (body['leader'] as unknown as Leader) : undefined,
    ttlMs,
    renewAfterMs: positive(body['renewAfterMs']),
    reason: text(body['reason']),
    yieldByMs: typeof body['yieldByMs'] === 'number' ? body['yieldByMs'] : undefined,
    grant: body['state'] === 'leader' ? readGrant(body, ttlMs) : undefined,
  };
}

/** @throws Unreachable when the body is not the contract's */
export function readSessionAnswer(body: unknown): SessionAnswer {
  const session = isRecord(body) ? text(body['session']) : undefined;
  const ttlMs = isRecord(body) ? positive(body['ttlMs']) : undefined;
  if (!isRecord(body) || session === undefined || ttlMs === undefined)
    throw new Unreachable('The answer names no session, or no ttlMs.');
  const terms = Array.isArray(body['terms']) ? (body['terms'] as unknown[]) : [];
  return {
    session,
    ttlMs,
    renewAfterMs: positive(body['renewAfterMs']),
    terms: terms.map((term) => {
      const election = isRecord(term) ? text(term['election']) : undefined;
      if (!isRecord(term) || election === undefined)
        throw new Unreachable('A term of the answer names no election.');
      return { election, answer: readStandAnswer({ ...term, session, ttlMs }) };
    }),
  };
}

function readGrant(body: Record<string, unknown>, ttlMs: number | undefined): Granted {
  const [candidateId, term, fence] = [
    text(body['candidateId']),
    positive(body['term']),
    positive(body['fence']),
  ];
  const validForMs = positive(body['validForMs']);
  if (candidateId === undefined || term === undefined || fence === undefined || validForMs === undefined) {
    throw new Unreachable('The answer says leader but lacks candidateId, term, fence or validForMs.');
  }
  // No grant outlives the session's TTL, whatever the answer claims.
  return {
    candidateId,
    seat: positive(body['seat']) ?? 0,
    term,
    fence,
    fencingToken: text(body['fencingToken']),
    validForMs: Math.min(validForMs, ttlMs ?? validForMs),
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;
}

/** How records are told to participants and observers. The one place that turns a leader record into a grant. */
import type { LeaderView, Leadership, Standing } from './answers.js';
import type { ElectionRef } from './keys.js';
import { publicOf } from './decide/draft.js';
import {
  type ElectionPhase,
  type EndReason,
  fenceOf,
  type LeaderRecord,
  type TermRecord,
} from './records.js';
import type { SessionIdentity } from './session-token.js';
import type { ElectionState } from './state.js';

/** S1 assumes clock rates within 2 % of each other: a participant gives up this share of its ttlMs. */
export const SAFETY_MARGIN = 0.02;

/** Renewing at a third of the TTL leaves two more tries; the jitter keeps participants from marching in step. */
export const RENEW_AT = 1 / 3;
export const RENEW_JITTER = 0.1;

/** Milliseconds from the send of the request for which "leader" may be believed. */
export function validForMs(ttlMs: number): number {
  return Math.floor(ttlMs * (1 - SAFETY_MARGIN));
}

export interface StandingFacts {
  ref: ElectionRef;
  election: string;
  session: SessionIdentity;
  token: string;
  candidate: string | undefined;
  candidateId: string | undefined;
  /** As read or written by a transition of this request, if this answer is to grant anything. */
  leader: LeaderRecord | null;
  /** The seat of `leader`. */
  seat: number;
  /** How long the leader record has borne its mark. */
  markAgeMs?: number;
  epoch: number;
  /** Of one who waits: 1 for the next in line. */
  position: number | undefined;
  sequence: number;
  /** The last terms of the election's seats. */
  lastTerms?: Iterable<TermRecord>;
}

export function standingOf(facts: StandingFacts): Standing {
  const { ref, session, leader, candidateId, candidate } = facts;
  const current = leader && leader.epoch === facts.epoch ? leader : null;
  const leads =
    current?.candidateId === candidateId &&
    current?.sessionId === session.sessionId &&
    current.incarnation === session.incarnation;
  const common = {
    electionId: ref.electionId,
    election: facts.election,
    ...(candidate !== undefined && { candidate }),
    ...(candidateId !== undefined && { candidateId }),
    session: facts.token,
    leader: current && viewOfLeader(current, facts.seat),
    sequence: facts.sequence,
    ttlMs: session.ttlMs,
    renewAfterMs: renewAfterMs(session.ttlMs),
  };
  if (leads && current.withheld) return { state: 'yielding', ...common, reason: current.withheld.reason };
  if (leads) {
    const { epoch, term } = current;
    const grant = {
      seat: facts.seat,
      epoch,
      term,
      fence: fenceOf(epoch, term),
      validForMs: validForMs(session.ttlMs),
    };
    const { asked } = current;
    if (!asked) return { state: 'leader', ...common, grant };
    const yieldByMs = Math.max(0, Math.floor(asked.graceMs - (facts.markAgeMs ?? asked.graceMs)));
    return { state: 'leader', ...common, grant, reason: asked.reason, yieldByMs };
  }
  const lostFor = lastEndOf(facts);
  const { position } = facts;
  if (position === undefined) return { state: 'out', ...common, reason: lostFor ?? 'not_standing' };
  return { state: 'waiting', ...common, position, ...(lostFor && { reason: lostFor }) };
}

/** 1 for the next in line of those who lead no seat; undefined if it does not wait here. */
export function positionIn({ candidates, seats }: ElectionState, candidateId: string): number | undefined {
  const ahead = candidates.ahead(candidateId);
  if (ahead === undefined) return undefined;
  let leaders = 0;
  for (const { leader } of seats.values()) {
    if (!leader) continue;
    if (leader.record.candidateId === candidateId) return undefined;
    if ((candidates.ahead(leader.record.candidateId) ?? Infinity) < ahead) leaders += 1;
  }
  return ahead - leaders + 1;
}

export function viewOfLeader(leader: LeaderRecord, seat: number): LeaderView {
  const { epoch, term, electedAt } = leader;
  return { ...publicOf(leader), seat, term, fence: fenceOf(epoch, term), electedAt };
}

export function leadershipOf(
  ref: ElectionRef,
  election: string,
  seen: { seat: number; leader?: LeaderRecord; term?: TermRecord; sequence: number; epoch: number },
): Leadership {
  const leader = seen.leader?.epoch === seen.epoch ? seen.leader : undefined;
  const { term } = seen;
  return {
    electionId: ref.electionId,
    election,
    leader: leader ? viewOfLeader(leader, seen.seat) : null,
    seat: seen.seat,
    term: term?.term ?? 0,
    fence: term ? fenceOf(term.epoch, term.term) : 0,
    sequence: seen.sequence,
  };
}

/** Why a term of the session's own ended here: the last of those that the term records still tell of. */
function lastEndOf({ lastTerms = [], session }: StandingFacts): EndReason | undefined {
  for (const { sessionId, reason, earlier = [] } of lastTerms) {
    const own = [{ sessionId, reason }, ...earlier].find((each) => each.sessionId === session.sessionId);
    if (own?.reason) return own.reason;
  }
  return undefined;
}

/** When a participant should renew next; milliseconds from the answer. */
export function renewAfterMs(ttlMs: number): number {
  const jitter = 1 + RENEW_JITTER * (Math.random() * 2 - 1);
  return Math.floor(ttlMs * RENEW_AT * jitter);
}

/** A closed election is gone; until it is, it is closing. */
export function visible(state: ElectionPhase): Exclude<ElectionPhase, 'closed'> {
  return state === 'closed' ? 'closing' : state;
}

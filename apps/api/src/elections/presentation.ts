import { systemClock, toTimestamp } from '#core';
import type {
  ElectionStatus,
  ElectionView,
  EventRecord,
  Leadership,
  LeaderView,
  PublicCandidate,
  QueuedCandidate,
  Resignation,
  Standing,
} from '#election';
import type { LeadershipTermRow } from '#history';

/** Spells the engine's answers as the contract does. Undefined fields vanish in JSON. */

const now = (): string => toTimestamp(systemClock.wallTimeMs());

export function showCandidate(candidate: PublicCandidate) {
  return {
    candidate: candidate.name,
    candidateId: candidate.candidateId,
    address: candidate.address,
    metadata: candidate.metadata,
  };
}

export function showLeader(leader: LeaderView) {
  return {
    candidate: leader.name,
    candidateId: leader.candidateId,
    address: leader.address,
    metadata: leader.metadata,
    term: leader.term,
    fence: leader.fence,
    electedAt: leader.electedAt,
  };
}

export function showStanding(standing: Standing, fencingToken: string | undefined) {
  const { grant } = standing;
  return {
    election: standing.election,
    candidate: standing.candidate,
    candidateId: standing.candidateId,
    session: standing.session,
    state: standing.state,
    position: standing.position,
    leader: standing.leader && showLeader(standing.leader),
    sequence: standing.sequence,
    term: grant?.term,
    fence: grant?.fence,
    fencingToken,
    ttlMs: standing.ttlMs,
    validForMs: grant?.validForMs,
    renewAfterMs: standing.renewAfterMs,
    serverTime: now(),
    reason: standing.reason,
  };
}

export function showResignation(resignation: Resignation) {
  return {
    election: resignation.election,
    state: resignation.state,
    sequence: resignation.sequence,
    successor: resignation.successor && showLeader(resignation.successor),
    serverTime: now(),
  };
}

export function showLeadership(leadership: Leadership) {
  return {
    election: leadership.election,
    leader: leadership.leader && showLeader(leadership.leader),
    term: leadership.term,
    fence: leadership.fence,
    sequence: leadership.sequence,
    serverTime: now(),
  };
}

export function showStatus(status: ElectionStatus) {
  const { state, candidateCount, since, lastTerm } = status;
  return { ...showLeadership(status), state, candidateCount, since, lastTerm };
}

export function showQueued(queued: QueuedCandidate) {
  const { state, position, joinedAt } = queued;
  return { ...showCandidate(queued), state, position, joinedAt };
}

export function showElection(view: ElectionView) {
  const { name, description, state, policy, ttlMs, maxTtlMs, maxCandidates, createdAt, updatedAt } = view;
  const id = view.electionId;
  return { id, name, description, state, policy, ttlMs, maxTtlMs, maxCandidates, createdAt, updatedAt };
}

export function showTerm(row: LeadershipTermRow) {
  const { term, fence, leader, startedAt, endedAt, reason, causedBy, vacancyMs, reconstructed } = row;
  return {
    term,
    fence,
    leader: leader && showCandidate(leader),
    startedAt: startedAt && toTimestamp(startedAt.getTime()),
    endedAt: endedAt && toTimestamp(endedAt.getTime()),
    reason,
    endedBy: causedBy,
    vacancyMs,
    reconstructed,
    missingBefore: row.missingBefore === 0 ? undefined : row.missingBefore,
  };
}

export function showEvent(event: EventRecord) {
  return {
    id: event.id,
    type: event.type,
    election: event.election,
    term: event.term,
    fence: event.fence,
    sequence: event.sequence,
    leader: event.leader && showCandidate(event.leader),
    previousLeader: event.previousLeader && showCandidate(event.previousLeader),
    reason: event.reason,
    causedBy: event.by,
    occurredAt: event.occurredAt,
  };
}

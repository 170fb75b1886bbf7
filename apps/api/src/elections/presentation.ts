import { systemClock, toTimestamp } from '#core';
import type {
  ElectionStatus,
  EventRecord,
  HandOver,
  HeldBack,
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
    seat: leader.seat,
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
    seat: grant?.seat,
    term: grant?.term,
    fence: grant?.fence,
    fencingToken,
    ttlMs: standing.ttlMs,
    validForMs: grant?.validForMs,
    renewAfterMs: standing.renewAfterMs,
    serverTime: now(),
    reason: standing.reason,
    yieldByMs: standing.yieldByMs,
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
    seat: leadership.seat,
    term: leadership.term,
    fence: leadership.fence,
    sequence: leadership.sequence,
    serverTime: now(),
  };
}

export function showStatus(status: ElectionStatus) {
  const { state, candidateCount, since, lastTerm, pinned } = status;
  const { seats, heldBack } = status;
  return {
    ...showLeadership(status),
    ...{ state, candidateCount, since, lastTerm, pinned },
    seats: seats.map(({ leader, handOver, ...seat }) => ({
      ...seat,
      leader: leader && showLeader(leader),
      handOver: handOver && showHandOver(handOver),
    })),
    heldBack: heldBack.map(({ name, ...held }) => ({ candidate: name, ...showHeldBack(held) })),
  };
}

export function showQueued(queued: QueuedCandidate) {
  const { state, seat, position, priority, priorityExpiresAt, health, heldBack, joinedAt } = queued;
  return {
    ...showCandidate(queued),
    ...{ state, seat, position, priority, priorityExpiresAt, health },
    heldBack: heldBack && showHeldBack(heldBack),
    joinedAt,
  };
}

function showHeldBack({ since, until, shortTerms }: HeldBack) {
  return { since, until: until ?? null, shortTerms };
}

export function showHandOver(handOver: HandOver) {
  const { kind, mode, state, expectedTerm, from, to, fallback, graceMs, why: reason } = handOver;
  const { requestedAt, dueAt: at, by: requestedBy, finishedAt, successor, acknowledged } = handOver;
  const { gapMs, failure, oldLeaderMayBelieveForMs } = handOver;
  return {
    ...{ id: handOver.handOverId, election: handOver.election, seat: handOver.seat },
    ...{ kind, mode, state, expectedTerm },
    from: from ? showCandidate(from) : null,
    to,
    fallback: kind === 'transfer' ? fallback : undefined,
    ...{ graceMs, reason, requestedAt, requestedBy, at, finishedAt },
    successor: successor && { ...showCandidate(successor), term: successor.term },
    acknowledged,
    gapMs: gapMs && Math.round(gapMs),
    failure,
    oldLeaderMayBelieveForMs,
    serverTime: now(),
  };
}

export function showTerm(row: LeadershipTermRow) {
  const { seat, term, fence, leader, startedAt, endedAt, reason, causedBy, vacancyMs, reconstructed } = row;
  return {
    seat,
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
    seat: event.seat,
    term: event.term,
    fence: event.fence,
    sequence: event.sequence,
    leader: event.leader && showCandidate(event.leader),
    previousLeader: event.previousLeader && showCandidate(event.previousLeader),
    reason: event.reason,
    handOverId: event.handOverId,
    causedBy: event.by,
    occurredAt: event.occurredAt,
  };
}

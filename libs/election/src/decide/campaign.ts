import { type Actor, IncumbentError } from '#core';
import type { ConfigRecord, SessionRecord } from '../records.js';
import { ttlFixed } from '../refusals.js';
import type { SessionIdentity } from '../session-token.js';
import { type Candidacy, FIRST_SEAT } from '../state.js';
import type { CampaignCommand, Decider, Verdict } from './commands.js';
import { type Draft, participantOf } from './draft.js';
import { describeAnew } from './qualities.js';
import { notFound, ttlTooSmall } from './refusals.js';
import { writeSession } from './session.js';
import { endDeadTerms } from './settle.js';
import { fillSeat, sweep } from './term.js';

/**
 * Stand for leadership. One transition: session, candidacy and, if the seat is vacant, the term. A repeat with
 * the same session finds its candidacy, renews the session and answers from what it then reads (S4).
 */
export const campaign: Decider<CampaignCommand> = (draft, command) => {
  const { config } = draft;
  if (!config || config.state === 'closed') return notFound();
  if (config.state === 'closing') return { kind: 'refused', error: closing() };
  const session = sessionFor(draft, command, config);
  if (session instanceof IncumbentError) return { kind: 'refused', error: session };
  // The dead leader may be the caller's last stand, whose name it needs again.
  endDeadTerms(draft, command.candidate.name);

  const standing = candidacyOfSession(draft, session);
  if (standing) return repeat(draft, command, standing, session);
  const refusal =
    checkSession(draft, command, config) ??
    makeWayForName(draft, command) ??
    checkCandidateQuota(draft, config);
  if (refusal) return { kind: 'refused', error: refusal };
  return join(draft, command, session);
};

function join(draft: Draft, command: CampaignCommand, session: SessionIdentity): Verdict {
  const { candidateId } = command;
  const { sessionId, incarnation, ttlMs } = session;
  writeSession(draft, session);
  draft.guardConfig();
  draft.addCandidacy(candidateId, {
    ...command.candidate,
    sessionId,
    incarnation,
    ttlMs,
    order: 0,
    joinedAt: draft.at,
  });
  const by = participantOf(candidateId, command.candidate.name);
  fillSeats(draft, by);
  if (draft.seatOf(candidateId) === undefined) {
    // Joins as a waiter behind the leaders (or vacancies) that it saw: whoever ends one of those terms sees the join.
    draft.guardSeats();
    draft.guardTenant();
    draft.readLeader(FIRST_SEAT);
  }
  return { kind: 'done', done: { kind: 'standing', candidateId, session } };
}

function repeat(
  draft: Draft,
  command: CampaignCommand,
  standing: Candidacy,
  session: SessionIdentity,
): Verdict {
  if (standing.record.name !== command.candidate.name) {
    const detail = `The session stands as "${standing.record.name}". Resign first, or campaign without the session.`;
    return { kind: 'refused', error: new IncumbentError('session.already_standing', detail) };
  }
  writeSession(draft, session);
  draft.guardCandidacy(standing);
  draft.readLeader(draft.seatOf(standing.candidateId) ?? FIRST_SEAT);
  describeAnew(draft, standing, command.candidate);
  fillSeats(draft, participantOf(standing.candidateId, standing.record.name));
  return { kind: 'done', done: { kind: 'standing', candidateId: standing.candidateId, session } };
}

/** The session that the campaign stands with: the one it named, the one its key had made, or a new one. */
function sessionFor(
  draft: Draft,
  command: CampaignCommand,
  config: ConfigRecord,
): SessionIdentity | IncumbentError {
  const { sessionId } = command;
  const written = draft.sessionWritten(sessionId);
  const sight = draft.situation.session(sessionId);
  const seen = typeof sight === 'string' ? undefined : sight.record;
  const alive = written === undefined ? seen : (written ?? undefined);
  if (command.session && alive?.incarnation !== command.session.incarnation) {
    return new IncumbentError('session.expired', 'Campaign again without `session` to make a new one.');
  }
  const leastMs = draft.situation.tenant?.record.minTtlMs ?? 0;
  const ttlMs = command.ttlMs ?? alive?.ttlMs ?? Math.min(Math.max(config.ttlMs, leastMs), config.maxTtlMs);
  if (alive && alive.ttlMs !== ttlMs) {
    return ttlFixed(alive.ttlMs);
  }
  if (!alive && ttlMs < leastMs) return ttlTooSmall(leastMs);
  if (!alive && ttlMs > config.maxTtlMs) {
    const message = `must be at most ${config.maxTtlMs}, the election's maxTtlMs`;
    return new IncumbentError('request.invalid_body', `ttlMs ${message}.`, {
      errors: [{ pointer: '/ttlMs', code: 'too_big', message }],
    });
  }
  const record: SessionRecord = alive ?? {
    tenantId: draft.ref.tenantId,
    ttlMs,
    incarnation: command.incarnation,
  };
  return { sessionId, ...record };
}

/** Whatever is vacant goes to whoever is next, which need not be the caller. */
function fillSeats(draft: Draft, by: Actor): void {
  draft.onBehalfOf(by, () => {
    for (let seat = FIRST_SEAT; seat < draft.seatCount && draft.room > 12; seat += 1) fillSeat(draft, seat);
  });
}

function candidacyOfSession(draft: Draft, session: SessionIdentity): Candidacy | undefined {
  const found = draft.candidacyOfSession(session.sessionId);
  return found?.record.incarnation === session.incarnation ? found : undefined;
}

/** One live candidacy per name; a dead one's is swept in the same transition. */
function makeWayForName(draft: Draft, command: CampaignCommand): IncumbentError | undefined {
  const { name } = command.candidate;
  const holder = draft.candidacyOfName(name);
  draft.guardName(name);
  if (!holder) return undefined;
  if (draft.seemsAlive(holder)) {
    const detail =
      `"${name}" already stands here. If that was you and the answer was lost, repeat the campaign with its ` +
      'Idempotency-Key or session; otherwise give each process a candidate name of its own.';
    return new IncumbentError('election.candidate_taken', detail);
  }
  sweep(draft, holder);
  return undefined;
}

/** The tenant's quota as it is now; the one at creation where the tenant is not mirrored. */
function checkCandidateQuota(draft: Draft, config: ConfigRecord): IncumbentError | undefined {
  const most = draft.situation.tenant?.record.maxCandidatesPerElection ?? config.maxCandidates;
  if (draft.candidateCount < most) return undefined;
  return new IncumbentError(
    'limit.quota_exceeded',
    `This election has ${draft.candidateCount} candidates; the tenant's quota allows ${most}.`,
    { limit: { name: 'maxCandidatesPerElection', value: most } },
  );
}

/**
 * A session that was made elsewhere keeps to this election's maxTtlMs, and to the quota of candidacies. These are
 * counted in the view, so campaigns of one session that are under way at the same moment may overrun it.
 */
function checkSession(
  draft: Draft,
  { session }: CampaignCommand,
  { maxTtlMs }: ConfigRecord,
): IncumbentError | undefined {
  if (!session) return undefined;
  if (session.ttlMs > maxTtlMs) {
    const message = `has a ttlMs of ${session.ttlMs}; this election allows at most ${maxTtlMs}, its maxTtlMs`;
    return new IncumbentError('request.invalid_body', `The session ${message}.`, {
      errors: [{ pointer: '/session', code: 'too_big', message }],
    });
  }
  const most = draft.situation.tenant?.record.maxCandidaciesPerSession;
  const standsIn = draft.situation.standsIn(session.sessionId);
  if (most === undefined || !standsIn || standsIn.size < most) return undefined;
  return new IncumbentError(
    'limit.quota_exceeded',
    `This session stands in ${standsIn.size} elections; the tenant's quota allows ${most}. Use a further session.`,
    { limit: { name: 'maxCandidaciesPerSession', value: most } },
  );
}

function closing(): IncumbentError {
  return new IncumbentError('election.closing', 'It is being deleted; create it again when that is done.', {
    retryAfterMs: 1_000,
  });
}

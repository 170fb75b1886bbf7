/**
 * What the verbs of those who stand have in common: how a campaign becomes a command, how a transition becomes an
 * answer, and what a participant reports along with a renewal.
 */
import { type Clock, newId } from '#core';
import type { CallBounds, CampaignRequest, Standing, Target } from './answers.js';
import type { CampaignCommand, Done } from './decide/commands.js';
import { type ElectionRef, keys } from './keys.js';
import { standingOf } from './presentation.js';
import { decode, type LeaderRecord, newIncarnation } from './records.js';
import type { Result, Sequencer } from './sequencer.js';
import type { SessionQuota } from './session-quota.js';
import type { SessionIdentity, SessionTokens } from './session-token.js';
import { CATCH_UP_MS } from './standings.js';
import { FIRST_SEAT } from './state.js';
import type { ElectionStore } from './store.js';
import type { View } from './view.js';

/** The part of its ttlMs that a renewal spends at most on what it reports along. */
const REPORT_SHARE = 10;

export interface CandidacyParts {
  store: ElectionStore;
  view: View;
  sequencer: Sequencer;
  tokens: SessionTokens;
  clock: Clock;
  quota: SessionQuota;
}

export type Stood = Result<Extract<Done, { kind: 'standing' }>>;

export class Candidacies {
  readonly #parts: CandidacyParts;

  constructor(parts: CandidacyParts) {
    this.#parts = parts;
  }

  /** @throws IncumbentError session.unknown */
  command(ref: ElectionRef, request: CampaignRequest): CampaignCommand {
    const { tokens } = this.#parts;
    const session =
      request.session === undefined ? undefined : tokens.parse(request.session, request.tenantId);
    const { idempotencyKey: key } = request;
    const derived =
      key === undefined ? undefined : tokens.derivedSessionId(ref.tenantId, ref.electionId, key);
    return {
      kind: 'campaign',
      candidateId: newId('cnd'),
      candidate: {
        name: request.candidate,
        address: request.address,
        metadata: request.metadata,
        priority: request.priority,
        priorityExpiresAt: request.priorityExpiresAt,
        health: request.health,
      },
      sessionId: session?.sessionId ?? derived ?? newId('ses'),
      session,
      incarnation: newIncarnation(),
      ttlMs: request.ttlMs,
    };
  }

  /** A session that the campaign may have to make takes a place of the tenant's quota until the view shows it. */
  async campaign(ref: ElectionRef, command: CampaignCommand, bounds: CallBounds): Promise<Stood> {
    const { sequencer, quota, view } = this.#parts;
    const options = { lane: 'campaign' as const, deadlineMs: bounds.deadlineMs };
    if (command.session) return await sequencer.run(ref, command, options);
    const release = await quota.reserve(ref, command.sessionId, { ...options, tenantId: ref.tenantId });
    try {
      const result: Stood = await sequencer.run(ref, command, options);
      void view.reaches(result.revision, CATCH_UP_MS).then(release);
      return result;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Where the caller stands by the transition that it has just made. What it did not write or read grants nothing. */
  standingAfter(ref: ElectionRef, request: Target & { candidate?: string }, result: Stood): Standing {
    const { session, candidateId } = result.done;
    const { draft } = result;
    const own = candidateId === undefined ? undefined : draft.seatOf(candidateId);
    const seat = own ?? FIRST_SEAT;
    const read = result.reads.get(keys.leader(ref, seat));
    const leader = draft.changesLeader(seat)
      ? draft.leader(seat)
      : read
        ? decode<LeaderRecord>(read.value)
        : null;
    return standingOf({
      ref,
      election: request.election,
      session,
      token: this.#parts.tokens.mint(session),
      candidate: request.candidate ?? draft.candidacy(candidateId ?? '')?.record.name,
      candidateId,
      leader,
      seat,
      markAgeMs: draft.markAgeMs(seat),
      epoch: this.#parts.store.epoch().epoch,
      position: candidateId === undefined ? undefined : draft.positionOf(candidateId),
      sequence: draft.sequence,
      lastTerms: draft.terms(),
    });
  }

  /**
   * Written only when it is news, by a transition of its own. The renewal has been made already and its grant is running:
   * a report that fails or takes long is left to the next renewal, which finds that it is news still.
   */
  async report(
    ref: ElectionRef,
    session: SessionIdentity,
    health: number,
    bounds: CallBounds,
  ): Promise<void> {
    const { view, sequencer, clock } = this.#parts;
    const candidateId = view.standing(session.sessionId).get(ref.electionId) ?? '';
    const known = view.election(ref)?.candidates.get(candidateId)?.record;
    if (!known || (known.health ?? 100) === health) return;
    const command = { kind: 'report' as const, session, qualities: { health } };
    const withinMs = Math.min(session.ttlMs / REPORT_SHARE, bounds.deadlineMs - clock.monotonicMs());
    const options = { lane: 'campaign' as const, deadlineMs: clock.monotonicMs() + withinMs };
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(withinMs, resolve);
    await Promise.race([sequencer.run(ref, command, options).catch(() => undefined), late]);
    timer.cancel();
  }
}

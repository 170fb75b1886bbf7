/**
 * What operators do to a running term: step-down, transfer, depose, and the appointment of a candidate into a vacancy.
 * They name the term that they mean, so a repeat or a late one ends no other (S4). What a hand-over has become is
 * read from its record, which the transitions that carry it on rewrite.
 */
import { newId } from '#core';
import { actOn, adminLane, existing } from './acts.js';
import type { CallBounds, HandOver, HandOverRequest, ManagementBounds, Target } from './answers.js';
import type { Done, HandOverCommand } from './decide/commands.js';
import { electionRef, type ElectionRef } from './keys.js';
import { validForMs } from './presentation.js';
import type { HandOverRecord, HandOverState, LeaderRecord } from './records.js';
import { anotherWish, unknownElection, unknownHandOver } from './refusals.js';
import type { Sequencer } from './sequencer.js';
import type { Situations } from './situations.js';
import type { ElectionState } from './state.js';

/** What a request that names no other gets: time to finish a piece of work. */
const DEFAULT_GRACE_MS = 10_000;

type Wished = Extract<Done, { kind: 'handOver' }>;

export class HandOvers {
  readonly #situations: Situations;
  readonly #sequencer: Sequencer;

  constructor(situations: Situations, sequencer: Sequencer) {
    this.#situations = situations;
    this.#sequencer = sequencer;
  }

  /**
   * Ask for a hand-over. Done when it answers `done`; else look at it again, or observe the election. A repeat (by its
   * `changeId`) finds the hand-over while it is the last of its seat, and answers how it stands now. A dry run answers
   * the state that it would begin with.
   * @throws IncumbentError election.not_found, election.term_changed, election.vacant, candidate.not_waiting,
   * hand_over.in_progress, request.invalid_body, request.idempotency_mismatch
   */
  async request(request: HandOverRequest, bounds: ManagementBounds): Promise<HandOver> {
    const ref = electionRef(request.tenantId, request.election);
    const { kind, mode, expectedTerm, seat, to, why, dueAt, fallback = 'next', dryRun = false } = request;
    const graceMs = mode === 'immediate' ? 0 : (request.graceMs ?? (await this.#graceMs(ref, bounds)));
    const wish = {
      handOverId: bounds.changeId ?? newId('hov'),
      ...{ kind, mode, expectedTerm, fallback, graceMs },
      ...(to !== undefined && { to }),
      ...(why !== undefined && { why }),
      ...(dueAt !== undefined && { dueAt }),
    };
    const act = actOn(`election.${kind}_requested`, ref, request.election, bounds);
    const command = { kind: 'handOver' as const, seat, wish, dryRun, act };
    const { done, draft } = await this.#sequencer.run<Wished>(ref, command, adminLane(bounds));
    if (!asksForTheSame(done.handOver, request)) throw anotherWish();
    const { state, replaced } = dryRun ? foreseen(wish, draft.leader(seat)) : { ...done.handOver, ...done };
    return {
      ...done.handOver,
      ...{ seat, election: request.election, state },
      ...(replaced && { oldLeaderMayBelieveForMs: validForMs(replaced.ttlMs) }),
    };
  }

  /** @throws IncumbentError election.not_found, hand_over.not_found, hand_over.over */
  async cancel(target: Target & { handOverId: string }, bounds: ManagementBounds): Promise<HandOver> {
    const ref = electionRef(target.tenantId, target.election);
    const act = actOn('election.hand_over_cancelled', ref, target.election, bounds);
    const command = { kind: 'cancelHandOver' as const, handOverId: target.handOverId, act };
    const { done, draft } = await this.#sequencer.run<Wished>(ref, command, adminLane(bounds));
    const { handOver } = done;
    const seats = [...draft.situation.election.seats];
    const found = seats.find(([, state]) => state.handOver?.record.handOverId === handOver.handOverId);
    return { ...handOver, seat: found?.[0] ?? 0, election: target.election };
  }

  /** @throws IncumbentError election.not_found, hand_over.not_found */
  async get(target: Target & { handOverId: string }, bounds: CallBounds): Promise<HandOver> {
    const all = await this.list(target, bounds);
    const found = all.find(({ handOverId }) => handOverId === target.handOverId);
    if (!found) throw unknownHandOver();
    return found;
  }

  /** The last hand-over of each seat. @throws IncumbentError election.not_found */
  async list(target: Target, bounds: CallBounds): Promise<HandOver[]> {
    const ref = electionRef(target.tenantId, target.election);
    const options = { lane: 'observe' as const, tenantId: ref.tenantId, deadlineMs: bounds.deadlineMs };
    const { election } = await this.#situations.fresh(ref, [], options);
    const { name } = existing(election);
    return handOversOf(election, name);
  }

  /** The election's own grace, which the view may tell: nothing rests on it. */
  async #graceMs(ref: ElectionRef, { deadlineMs }: CallBounds): Promise<number> {
    const options = { lane: 'observe' as const, tenantId: ref.tenantId, deadlineMs };
    const known = this.#situations.seen(ref).election.config;
    const config = known ?? (await this.#situations.fresh(ref, [], options)).election.config;
    if (!config) throw unknownElection();
    return config.record.graceMs ?? DEFAULT_GRACE_MS;
  }
}

/** What would come of it: the same as `beginHandOver` makes of it. */
function foreseen(
  { dueAt, mode, graceMs }: HandOverCommand['wish'],
  leader: LeaderRecord | null,
): { state: HandOverState; replaced?: LeaderRecord } {
  if (dueAt !== undefined) return { state: 'scheduled' };
  if (!leader) return { state: 'done' };
  if (mode === 'immediate') return { state: 'done', replaced: leader };
  return { state: graceMs === 0 ? 'withheld' : 'asked' };
}

/** Whether a hand-over that was found is the one that the request asks for; a default grace may have changed since. */
function asksForTheSame(found: HandOverRecord, { fallback = 'next', ...wanted }: HandOverRequest): boolean {
  const { mode, expectedTerm, to, why, dueAt, graceMs = found.graceMs } = wanted;
  const asked = [mode, expectedTerm, to, why, dueAt, fallback, mode === 'immediate' ? 0 : graceMs];
  const { graceMs: foundMs } = found;
  return [found.mode, found.expectedTerm, found.to, found.why, found.dueAt, found.fallback, foundMs].every(
    (value, at) => value === asked[at],
  );
}

export function handOversOf({ seats }: ElectionState, election: string): HandOver[] {
  return [...seats]
    .flatMap(([seat, { handOver }]) => (handOver ? [shown(handOver.record, seat, election)] : []))
    .sort((a, b) => a.seat - b.seat);
}

function shown(record: HandOverRecord, seat: number, election: string): HandOver {
  return { ...record, seat, election };
}

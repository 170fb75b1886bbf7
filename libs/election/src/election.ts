/**
 * THE ALGORITHM. Guarantee: at any real instant at most one candidate of a seat holds an unexpired grant, and
 * every new term has a larger fence than all before it.
 *
 * How. A participant's liveness is a session record that only its own renewals rewrite. "Leader" is answered only
 * when this very request's transition rewrote that record after the request arrived, and the leader record, read
 * in that transition or a later one of the same request, is the caller's, of the present epoch and unmarked. The
 * participant counts its grant from before it sent the request; replicas end a session only after its record
 * stood unchanged for ttlMs on their own clock since they saw it. So belief ends before succession begins.
 *
 * Not guaranteed. A paused process may act after its grant ended: only a resource that compares fences is
 * protected from it.
 *
 * Assumed. The store is linearizable. Clock *rates* of participants and replicas differ by less than the safety
 * margin; offsets do not matter. A suspended machine's monotonic clock stands still.
 *
 * Every change is one guarded transition (`decide/`); views and watches only say when to try one. What operators do
 * to a running term (step-down, transfer, depose) is in `hand-overs.ts`, who is next in `policies/`.
 */
import type { Clock } from '#core';
import type {
  CallBounds,
  CampaignRequest,
  Leadership,
  LeaderView,
  Observer,
  Resignation,
  ResignRequest,
  RenewRequest,
  Standing,
  StepDownRequest,
  Target,
  TermVerdict,
} from './answers.js';
import { Candidacies, type Stood } from './candidacies.js';
import { electionRef, type ElectionRef, keys } from './keys.js';
import { readLeaders, readLeadership, record } from './leaders.js';
import type { PastEvents } from './missed-events.js';
import type { Observers, ObservationSource } from './observers.js';
import { viewOfLeader } from './presentation.js';
import { decode, type EventRecord, fenceOf, type LeaderRecord, type TermRecord } from './records.js';
import { checkWait, unknownElection } from './refusals.js';
import { renewSession } from './renewal.js';
import type { Sequencer } from './sequencer.js';
import type { SessionQuota } from './session-quota.js';
import type { SessionTokens } from './session-token.js';
import type { Situations } from './situations.js';
import { afterWait, CATCH_UP_MS, optionsOf, Standings } from './standings.js';
import { FIRST_SEAT, seatLedBy } from './state.js';
import type { ElectionStore } from './store.js';
import type { View } from './view.js';

export interface ElectionParts {
  store: ElectionStore;
  view: View;
  situations: Situations;
  sequencer: Sequencer;
  observers: Observers;
  tokens: SessionTokens;
  clock: Clock;
  past: PastEvents;
  quota: SessionQuota;
}

/** The verbs of an election, for any replica: all state is in the store. */
export class Elections {
  readonly #parts: ElectionParts;
  readonly #candidacies: Candidacies;
  readonly #standings: Standings;

  constructor(parts: ElectionParts) {
    this.#parts = parts;
    this.#candidacies = new Candidacies(parts);
    this.#standings = new Standings(parts);
  }

  /**
   * Stand for leadership. One transition makes the session, the candidacy and, if the seat is vacant, the term.
   * Repeated with the same session or Idempotency-Key it finds its candidacy and is answered afresh (S4).
   * @throws IncumbentError election.not_found, election.closing, election.candidate_taken, session.*, limit.*
   */
  async campaign(request: CampaignRequest, bounds: CallBounds): Promise<Standing> {
    const ref = electionRef(request.tenantId, request.election);
    const command = this.#candidacies.command(ref, request);
    const expectedTtlMs =
      command.session?.ttlMs ?? request.ttlMs ?? this.#parts.view.election(ref)?.config?.record.ttlMs;
    if (expectedTtlMs !== undefined) checkWait(request.waitMs, expectedTtlMs);
    const result = await this.#candidacies.campaign(ref, command, bounds);
    const { session } = result.done;
    const standing = await this.#stands(ref, request, result, bounds);
    if (standing.state === 'leader' || !request.waitMs) return standing;
    await this.#parts.view.reaches(result.revision, CATCH_UP_MS);
    return await this.#standings.hold(ref, session, standing, {
      ...bounds,
      waitMs: Math.min(request.waitMs, session.ttlMs / 2),
    });
  }

  /**
   * Extend the session and say where the caller stands. Guard: the session record has exactly the value that the
   * token describes; write: the same value. Nothing is looked up before the commit.
   * @throws IncumbentError session.unknown, session.expired, election.not_found
   */
  async renew(request: RenewRequest, bounds: CallBounds): Promise<Standing> {
    const session = this.#parts.tokens.parse(request.session, request.tenantId);
    checkWait(request.waitMs, session.ttlMs);
    const ref = electionRef(request.tenantId, request.election);
    // Which seat to look at only the view can say; what is read there is what counts.
    const seat = seatLedBy(this.#parts.view.election(ref), session.sessionId) ?? FIRST_SEAT;
    const reads = [{ kind: 'key' as const, key: keys.leader(ref, seat) }];
    const outcome = await renewSession(this.#parts.store, session, reads, optionsOf('renew', ref, bounds));
    if (request.health !== undefined) await this.#candidacies.report(ref, session, request.health, bounds);
    const { deadlineMs } = bounds;
    const read = { seat, leader: outcome.reads[0]?.[0], revision: outcome.revision, deadlineMs };
    const standing = await this.#standings.find(ref, request, session, read);
    if (!request.waitMs || !holds(standing, request)) return standing;
    return await this.#standings.hold(ref, session, standing, { ...bounds, waitMs: request.waitMs });
  }

  /**
   * Leave, leading or waiting. A leader's successor is installed in the same transition. A repeat, or a late
   * duplicate that finds another candidateId, changes nothing.
   * @throws IncumbentError session.unknown, election.not_found
   */
  async resign(request: ResignRequest, bounds: CallBounds): Promise<Resignation> {
    const { sequencer, tokens } = this.#parts;
    const session = tokens.parse(request.session, request.tenantId);
    const ref = electionRef(request.tenantId, request.election);
    const { candidateId, failed } = request;
    const command = { kind: 'resign' as const, candidateId, session, ...(failed && { failed }) };
    const { draft } = await sequencer.run(ref, command, { lane: 'resign', deadlineMs: bounds.deadlineMs });
    if (!draft.config) throw unknownElection();
    const [seat = FIRST_SEAT] = draft.seatsLeftBy(candidateId);
    const successor = draft.changesLeader(seat) ? draft.leader(seat) : null;
    return {
      state: 'out',
      electionId: ref.electionId,
      election: request.election,
      sequence: draft.sequence,
      ...(successor && { successor: viewOfLeader(successor, seat) }),
    };
  }

  /**
   * The leader ends its term and queues anew, of its own will or because it was asked to; its successor leads by the
   * same transition. Sending it ends the caller's belief in that candidateId for good. Repeated, it changes nothing.
   * @throws IncumbentError session.unknown, session.expired, election.not_found
   */
  async stepDown(request: StepDownRequest, bounds: CallBounds): Promise<Standing> {
    const { sequencer, tokens } = this.#parts;
    const session = tokens.parse(request.session, request.tenantId);
    const ref = electionRef(request.tenantId, request.election);
    const command = { kind: 'stepDown' as const, candidateId: request.candidateId, session };
    const options = { lane: 'resign' as const, deadlineMs: bounds.deadlineMs };
    const result: Stood = await sequencer.run(ref, command, options);
    return await this.#stands(ref, request, result, bounds);
  }

  /**
   * Who leads now: read through the log, never from the view. With `wait` it holds until an event after
   * `afterSequence` (or after the present one), vacancies included, or until the time is over.
   * @throws IncumbentError election.not_found
   */
  async leader(
    target: Target & { seat?: number },
    bounds: CallBounds,
    wait?: { waitMs: number; afterSequence?: number },
  ): Promise<Leadership> {
    const ref = electionRef(target.tenantId, target.election);
    const { seat = FIRST_SEAT } = target;
    const now = await readLeadership(this.#parts.store, ref, seat, bounds);
    const after = wait?.afterSequence ?? now.sequence;
    if (!wait || now.sequence > after) return now;
    const happened = (): boolean => (this.#parts.view.election(ref)?.head?.record.sequence ?? 0) > after;
    await this.#parts.observers.wait(ref, happened, wait.waitMs, bounds.signal);
    return await readLeadership(this.#parts.store, ref, seat, afterWait(this.#parts.clock, bounds));
  }

  /**
   * The leaders of all seats, or that of `seat`, at one instant: see `leaders.ts`.
   * @throws IncumbentError election.not_found, request.invalid_query
   */
  async leaders(target: Target & { seat?: number }, bounds: CallBounds): Promise<LeaderView[]> {
    return await readLeaders(this.#parts, target, bounds);
  }

  /**
   * Whether a term is the election's current one at some instant during this call (S3).
   * @returns the fence of the running or last term, for any caller to compare with
   */
  async verify(
    named: { tenantId: string; electionId: string; seat: number; epoch: number; term: number },
    bounds: CallBounds,
  ): Promise<TermVerdict> {
    const ref = { tenantId: named.tenantId, electionId: named.electionId };
    const read = [keys.leader(ref, named.seat), keys.term(ref, named.seat)].map((key) => ({
      kind: 'key' as const,
      key,
    }));
    const { reads } = await this.#parts.store.read(read, optionsOf('observe', ref, bounds));
    const leader = record<LeaderRecord>(reads[0]);
    const term = record<TermRecord>(reads[1]);
    // A record of an epoch that is over is void, although nobody has replaced it yet.
    const { epoch } = this.#parts.store.epoch();
    const current = named.epoch === epoch && leader?.epoch === epoch && leader.term === named.term;
    return { current, ...(term && { currentFence: fenceOf(term.epoch, term.term) }) };
  }

  /**
   * Tells `observer` a snapshot and then every event after it, in order; or, from a `place` that it was told
   * before, every event since. @returns a function that ends the observation
   * @throws IncumbentError election.not_found
   */
  async observe(
    target: Target,
    place: string | undefined,
    observer: Observer,
    bounds: CallBounds,
  ): Promise<() => void> {
    const ref = electionRef(target.tenantId, target.election);
    const source: ObservationSource = {
      now: () => readLeadership(this.#parts.store, ref, FIRST_SEAT, bounds),
      outbox: async ({ epoch, sequence }, limit) => {
        const after = keys.event(ref, epoch, sequence);
        const read = { kind: 'prefix' as const, prefix: keys.events(ref), after, limit };
        const { reads } = await this.#parts.store.read([read], optionsOf('observe', ref, bounds));
        return (reads[0] ?? []).map((entry) => decode<EventRecord>(entry.value));
      },
      past: (from, limit) => this.#parts.past.after(ref, from, limit),
    };
    return await this.#parts.observers.start(ref, place, observer, source);
  }

  /**
   * Where the caller stands by the transition that it has just made. The rest of that picture goes on: if the outcome
   * came late, the caller may have been elected or replaced since, and the store is asked.
   */
  async #stands(
    ref: ElectionRef,
    request: Target & { candidate?: string },
    result: Stood,
    { deadlineMs }: CallBounds,
  ): Promise<Standing> {
    const standing = this.#candidacies.standingAfter(ref, request, result);
    const { session, candidateId } = result.done;
    if (standing.state !== 'out' || candidateId === undefined) return standing;
    const leader = result.reads.get(keys.leader(ref, FIRST_SEAT));
    const read = { seat: FIRST_SEAT, leader, revision: result.revision, deadlineMs };
    return await this.#standings.find(ref, { ...request, session: standing.session }, session, read);
  }
}

/** A leader is held only if it says that it knows its term: a promotion that it does not know of is news. */
function holds({ state, grant, yieldByMs }: Standing, { term }: RenewRequest): boolean {
  if (state === 'waiting') return true;
  return state === 'leader' && yieldByMs === undefined && term !== undefined && grant?.term === term;
}

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
 * Every change is one guarded transition (`decide/`); views and watches only say when to try one.
 */
import { type Clock, newId } from '#core';
import type {
  CallBounds,
  CampaignRequest,
  Leadership,
  Observer,
  Resignation,
  ResignRequest,
  RenewRequest,
  Standing,
  Target,
  TermVerdict,
} from './answers.js';
import type { CampaignCommand, Done } from './decide/commands.js';
import { electionRef, type ElectionRef, keys } from './keys.js';
import type { PastEvents } from './missed-events.js';
import type { Observers, ObservationSource } from './observers.js';
import { leadershipOf, standingOf, viewOfLeader } from './presentation.js';
import {
  type ConfigRecord,
  decode,
  type EventRecord,
  fenceOf,
  type LeaderRecord,
  newIncarnation,
  type TermRecord,
} from './records.js';
import { checkWait, unknownElection } from './refusals.js';
import { renewSession } from './renewal.js';
import type { Result, Sequencer } from './sequencer.js';
import type { SessionQuota } from './session-quota.js';
import type { SessionTokens } from './session-token.js';
import type { Situations } from './situations.js';
import { afterWait, CATCH_UP_MS, optionsOf, Standings } from './standings.js';
import type { ElectionStore, Entry } from './store.js';
import { ONLY_SEAT } from './state.js';
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

type Stood = Result<Extract<Done, { kind: 'standing' }>>;

/** The verbs of an election, for any replica: all state is in the store. */
export class Elections {
  readonly #parts: ElectionParts;
  readonly #standings: Standings;

  constructor(parts: ElectionParts) {
    this.#parts = parts;
    this.#standings = new Standings(parts);
  }

  /**
   * Stand for leadership. One transition makes the session, the candidacy and, if the seat is vacant, the term.
   * Repeated with the same session or Idempotency-Key it finds its candidacy and is answered afresh (S4).
   * @throws IncumbentError election.not_found, election.closing, election.candidate_taken, session.*, limit.*
   */
  async campaign(request: CampaignRequest, bounds: CallBounds): Promise<Standing> {
    const { tokens } = this.#parts;
    const ref = electionRef(request.tenantId, request.election);
    const command = this.#campaignCommand(ref, request);
    const expectedTtlMs =
      command.session?.ttlMs ?? request.ttlMs ?? this.#parts.view.election(ref)?.config?.record.ttlMs;
    if (expectedTtlMs !== undefined) checkWait(request.waitMs, expectedTtlMs);
    const result = await this.#runCampaign(ref, command, bounds);
    const { session, candidateId } = result.done;
    const read = result.reads.get(keys.leader(ref, ONLY_SEAT));
    // What the transition wrote or read; never the view, which may grant nothing.
    const written = result.draft.changesLeader(ONLY_SEAT) ? result.draft.leader(ONLY_SEAT) : undefined;
    const leader = written === undefined ? (read ? decode<LeaderRecord>(read.value) : null) : written;
    const standing = standingOf({
      ref,
      election: request.election,
      session,
      token: tokens.mint(session),
      candidate: request.candidate,
      candidateId,
      leader,
      epoch: this.#parts.store.epoch().epoch,
      queue: result.draft.queue(),
      sequence: result.draft.sequence,
    });
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
    const read = { kind: 'key' as const, key: keys.leader(ref, ONLY_SEAT) };
    const options = optionsOf('renew', ref, bounds);
    const outcome = await renewSession(this.#parts.store, session, [read], options);
    const standing = await this.#standings.find(ref, request, session, {
      leader: outcome.reads[0]?.[0],
      revision: outcome.revision,
    });
    // The caller may not know yet that it leads: a promotion between its last answer and this request is news.
    if (!request.waitMs || standing.state !== 'waiting') return standing;
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
    const command = { kind: 'resign' as const, candidateId: request.candidateId, session };
    const { draft } = await sequencer.run(ref, command, { lane: 'resign', deadlineMs: bounds.deadlineMs });
    if (!draft.config) throw unknownElection();
    const successor = draft.changesLeader(ONLY_SEAT) ? draft.leader(ONLY_SEAT) : null;
    return {
      state: 'out',
      electionId: ref.electionId,
      election: request.election,
      sequence: draft.sequence,
      ...(successor && { successor: viewOfLeader(successor) }),
    };
  }

  /**
   * Who leads now: read through the log, never from the view. With `wait` it holds until an event after
   * `afterSequence` (or after the present one), vacancies included, or until the time is over.
   * @throws IncumbentError election.not_found
   */
  async leader(
    target: Target,
    bounds: CallBounds,
    wait?: { waitMs: number; afterSequence?: number },
  ): Promise<Leadership> {
    const ref = electionRef(target.tenantId, target.election);
    const now = await this.#readLeadership(ref, bounds);
    const after = wait?.afterSequence ?? now.sequence;
    if (!wait || now.sequence > after) return now;
    const happened = (): boolean => (this.#parts.view.election(ref)?.head?.record.sequence ?? 0) > after;
    await this.#parts.observers.wait(ref, happened, wait.waitMs, bounds.signal);
    return await this.#readLeadership(ref, afterWait(this.#parts.clock, bounds));
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
      now: () => this.#readLeadership(ref, bounds),
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

  /** A session that the campaign may have to make takes a place of the tenant's quota until the view shows it. */
  async #runCampaign(ref: ElectionRef, command: CampaignCommand, bounds: CallBounds): Promise<Stood> {
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

  #campaignCommand(ref: ElectionRef, request: CampaignRequest): CampaignCommand {
    const { tokens } = this.#parts;
    const session =
      request.session === undefined ? undefined : tokens.parse(request.session, request.tenantId);
    const { idempotencyKey: key } = request;
    const derived =
      key === undefined ? undefined : tokens.derivedSessionId(ref.tenantId, ref.electionId, key);
    return {
      kind: 'campaign',
      candidateId: newId('cnd'),
      candidate: { name: request.candidate, address: request.address, metadata: request.metadata },
      sessionId: session?.sessionId ?? derived ?? newId('ses'),
      session,
      incarnation: newIncarnation(),
      ttlMs: request.ttlMs,
    };
  }

  async #readLeadership(ref: ElectionRef, bounds: CallBounds): Promise<Leadership> {
    const { store } = this.#parts;
    const wanted = [keys.config(ref), keys.leader(ref, ONLY_SEAT), keys.term(ref, ONLY_SEAT), keys.head(ref)];
    const { reads } = await store.read(
      wanted.map((key) => ({ kind: 'key' as const, key })),
      optionsOf('observe', ref, bounds),
    );
    const config = record<ConfigRecord>(reads[0]);
    if (!config || config.state === 'closed') throw unknownElection();
    return leadershipOf(ref, config.name, {
      leader: record<LeaderRecord>(reads[1]),
      term: record<TermRecord>(reads[2]),
      sequence: record<{ sequence: number }>(reads[3])?.sequence ?? 0,
      epoch: store.epoch().epoch,
    });
  }
}

function record<T extends object>(entries: Entry[] | undefined): T | undefined {
  const entry = entries?.[0];
  return entry && decode<T>(entry.value);
}

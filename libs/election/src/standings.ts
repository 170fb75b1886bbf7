/**
 * Where a participant stands: at once, or held until that changes. What is read here through the log, after the
 * request rewrote its session, may grant; what the view knows may only say "waiting" and when to look.
 */
import type { Clock } from '#core';
import type { CallBounds, Standing, Target } from './answers.js';
import { type ElectionRef, keys } from './keys.js';
import type { Observers } from './observers.js';
import { positionIn, type StandingFacts, standingOf } from './presentation.js';
import { decode, encodeSession, type HeadRecord, type LeaderRecord } from './records.js';
import { expired, unknownElection } from './refusals.js';
import type { SessionIdentity } from './session-token.js';
import { type ElectionState, FIRST_SEAT, seatLedBy } from './state.js';
import type { CommitOptions, ElectionStore, Entry, Lane } from './store.js';
import type { View } from './view.js';

/** How long an answer waits for the view to show what its own transition has just read. */
export const CATCH_UP_MS = 100;

/** The leader record as a transition of this request read it. */
export interface LeaderRead {
  seat: number;
  leader: Entry | undefined;
  revision: number;
  /** Number of the last event, if it was read along; else the view tells the one that it knows. */
  sequence?: number;
}

interface StandingParts {
  store: ElectionStore;
  view: View;
  observers: Observers;
  clock: Clock;
}

/** Answers for those who stand; `campaign` and `renew` of `Elections` ask it. */
export class Standings {
  readonly #parts: StandingParts;

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  /**
   * Where the caller stands, given the leader record that its own transition has just read. If the view shows by now
   * that it leads another seat, that one is read as well, within `deadlineMs`.
   */
  async find(
    ref: ElectionRef,
    target: Target & { session: string },
    session: SessionIdentity,
    first: LeaderRead & Pick<CallBounds, 'deadlineMs'>,
  ): Promise<Standing> {
    const { view, store } = this.#parts;
    let read: LeaderRead = first;
    let leader = leaderIn(read);
    let own = ownOf(leader, session);
    // A view from before what was read knows neither why the caller leads no more nor where it stands since.
    if (!own && first.leader?.modRevision !== this.#seenRevision(ref, first.seat))
      await view.reaches(first.revision, CATCH_UP_MS);
    if (!own && seatLedBy(view.election(ref), session.sessionId) !== undefined) {
      read = await this.#readStanding(ref, session, optionsOf('renew', ref, first));
      leader = leaderIn(read);
      own = ownOf(leader, session);
    }
    let candidateId = own?.candidateId ?? view.standing(session.sessionId).get(ref.electionId);
    if (candidateId === undefined) {
      // The view may be younger than the candidacy; after the revision of this commit it is not.
      await view.reaches(read.revision, CATCH_UP_MS);
      candidateId = view.standing(session.sessionId).get(ref.electionId);
    }
    const election = view.election(ref);
    if (!election?.config && !own) throw unknownElection();
    const candidacy = candidateId === undefined ? undefined : election?.candidates.get(candidateId);
    return standingOf({
      ref,
      election: target.election,
      session,
      token: target.session,
      candidate: own?.name ?? candidacy?.record.name,
      candidateId,
      leader,
      seat: read.seat,
      ...(own && read.leader && { markAgeMs: view.markAgeMs(election, read.seat, read.leader) }),
      epoch: store.epoch().epoch,
      ...toldBy(election, candidateId),
      ...(read.sequence !== undefined && { sequence: read.sequence }),
    });
  }

  /**
   * Holds an answer until the view shows something new for the caller. The view only says when to look: "leader"
   * comes from a fresh read, and its grant counts from the send of this request like every other.
   */
  async hold(
    ref: ElectionRef,
    session: SessionIdentity,
    standing: Standing,
    bounds: CallBounds & { waitMs: number },
  ): Promise<Standing> {
    const { view, observers } = this.#parts;
    const { candidateId = '' } = standing;
    const seen = (): string => {
      const election = view.election(ref);
      const stands = election?.candidates.has(candidateId) === true && view.sessions.has(session.sessionId);
      const seat = seatLedBy(election, session.sessionId);
      if (seat === undefined) return `waits ${stands}`;
      const leader = election?.seats.get(seat)?.leader?.record;
      return `leads ${stands} ${leader?.term} ${leader?.asked?.reason} ${leader?.withheld?.reason}`;
    };
    // What becomes of others is no news for the caller: the end of one term must not answer ten thousand waiters.
    const { grant } = standing;
    const before = grant ? `leads true ${grant.term} undefined undefined` : 'waits true';
    const untilMs = bounds.receivedAtMs + bounds.waitMs;
    const wait = (happened: (expected?: string) => boolean): Promise<void> =>
      observers.wait(
        { ...ref, candidateId },
        happened,
        untilMs - this.#parts.clock.monotonicMs(),
        bounds.signal,
      );
    let early = false;
    await wait((expected) => (early = expected === candidateId) || seen() !== before);
    if (early) {
      // In the lane of what installs it, so that this does not overtake it; if it did all the same, the watch tells.
      const read = await this.#readStanding(
        ref,
        session,
        optionsOf('resign', ref, afterWait(this.#parts.clock, bounds)),
      );
      const promoted = read.leader && decode<LeaderRecord>(read.leader.value).candidateId === candidateId;
      const { deadlineMs } = afterWait(this.#parts.clock, bounds);
      if (promoted) return await this.find(ref, toTarget(ref, standing), session, { ...read, deadlineMs });
      await wait(() => seen() !== before);
    }
    const election = view.election(ref);
    const leads = seatLedBy(election, session.sessionId) !== undefined;
    if (!leads && election?.candidates.has(candidateId) && view.sessions.has(session.sessionId)) {
      // Still waiting is no grant, so the view may say it: ten thousand waiters cost no read when a leader changes.
      return this.#waitingIn(election, standing, session);
    }
    const { deadlineMs } = afterWait(this.#parts.clock, bounds);
    const read = await this.#readStanding(ref, session, optionsOf('renew', ref, { deadlineMs }));
    return await this.find(ref, toTarget(ref, standing), session, { ...read, deadlineMs });
  }

  /** The leader record, by a read through the log. @throws IncumbentError session.expired */
  async #readStanding(
    ref: ElectionRef,
    session: SessionIdentity,
    options: CommitOptions,
  ): Promise<LeaderRead> {
    const seat = seatLedBy(this.#parts.view.election(ref), session.sessionId) ?? FIRST_SEAT;
    const { reads, revision } = await this.#parts.store.read(
      [keys.leader(ref, seat), keys.session(session.sessionId), keys.head(ref)].map((key) => ({
        kind: 'key' as const,
        key,
      })),
      options,
    );
    if (reads[1]?.[0]?.value !== encodeSession(session)) throw expired();
    const head = reads[2]?.[0];
    const sequence = head ? decode<HeadRecord>(head.value).sequence : 0;
    return { seat, leader: reads[0]?.[0], revision, sequence };
  }

  #seenRevision(ref: ElectionRef, seat: number): number | undefined {
    return this.#parts.view.election(ref)?.seats.get(seat)?.leader?.modRevision;
  }

  #waitingIn(election: ElectionState, standing: Standing, session: SessionIdentity): Standing {
    return standingOf({
      ref: election.ref,
      election: standing.election,
      session,
      token: standing.session,
      candidate: standing.candidate,
      candidateId: standing.candidateId,
      leader: election.seats.get(FIRST_SEAT)?.leader?.record ?? null,
      seat: FIRST_SEAT,
      epoch: this.#parts.store.epoch().epoch,
      ...toldBy(election, standing.candidateId),
    });
  }
}

function leaderIn({ leader }: LeaderRead): LeaderRecord | null {
  return leader ? decode<LeaderRecord>(leader.value) : null;
}

/** The leader record if it is of this session. */
function ownOf(leader: LeaderRecord | null, session: SessionIdentity): LeaderRecord | null {
  const own = leader?.sessionId === session.sessionId && leader.incarnation === session.incarnation;
  return own ? leader : null;
}

/** What a transition of this call travels with. */
export function optionsOf(
  lane: Lane,
  ref: ElectionRef,
  bounds: Pick<CallBounds, 'deadlineMs'>,
): CommitOptions {
  return { lane, tenantId: ref.tenantId, deadlineMs: bounds.deadlineMs };
}

/** After a held wait the call has two more seconds to read its answer. */
export function afterWait(clock: Clock, bounds: CallBounds): CallBounds {
  return { ...bounds, deadlineMs: clock.monotonicMs() + 2_000 };
}

/** What the view knows of an election and a standing shows. */
function toldBy(
  election: ElectionState | undefined,
  candidateId: string | undefined,
): Pick<StandingFacts, 'position' | 'sequence' | 'lastTerms'> {
  if (!election) return { position: undefined, sequence: 0 };
  const terms = [...election.seats.values()].flatMap(({ term }) => (term ? [term.record] : []));
  return {
    position: candidateId === undefined ? undefined : positionIn(election, candidateId),
    sequence: election.head?.record.sequence ?? 0,
    lastTerms: terms,
  };
}

function toTarget({ tenantId }: ElectionRef, { election, session }: Standing): Target & { session: string } {
  return { tenantId, election, session };
}

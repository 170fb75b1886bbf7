/**
 * What happens to sessions that are attached here, told to their sockets. News come from the view and grant nothing:
 * they say when to renew. They may be late, and they may repeat what an answer has said.
 */
import type { ElectionState, EventRecord, LeaderRecord, ViewListener } from '#election';
import type { News } from './frames.schema.js';

/** Whoever is told: a socket. */
export interface Listener {
  tell(news: News): void;
  /** The session has ended, and what it led is told as it is settled; or another listener follows it from now on. */
  sessionGone(sessionId: string): void;
}

/** A term of a followed session, as its socket knows it. */
interface KnownTerm {
  session: Followed;
  election: string;
  candidateId: string;
  seat: number;
  term: number;
  /** The view has shown it: if it does not any more, it is over. */
  seen: boolean;
  /** How it was asked to yield, as far as the socket was told. */
  asked: 'asked' | 'withheld' | undefined;
}

interface Followed {
  sessionId: string;
  listener: Listener;
  /** electionIds with a known term. */
  leads: Set<string>;
}

/** A term of which an answer has told. */
export interface AnsweredTerm {
  electionId: string;
  election: string;
  candidateId: string;
  seat: number;
  term: number;
}

export class SessionNews implements ViewListener {
  private readonly followed = new Map<string, Followed>();
  /** electionId -> seat -> the term that is known of a followed session. */
  private readonly known = new Map<string, Map<number, KnownTerm>>();

  /** The listener that follows a session now. */
  listenerOf(sessionId: string): Listener | undefined {
    return this.followed.get(sessionId)?.listener;
  }

  /**
   * From here on `listener`, and nobody else on this replica, is told what happens to the session.
   * @param standsIn the elections that it stands in, as the view has them: what changes between its answer and now is
   *   found there
   * @param answered a term of which the answer has just told
   */
  follow(
    sessionId: string,
    listener: Listener,
    standsIn: Iterable<ElectionState>,
    answered?: AnsweredTerm,
  ): void {
    let session = this.followed.get(sessionId);
    if (session) this.handOn(session, listener);
    else this.followed.set(sessionId, (session = { sessionId, listener, leads: new Set() }));
    if (answered) this.know({ session, seen: false, asked: undefined, ...answered }, answered.electionId);
    for (const election of standsIn) this.electionChanged(election);
  }

  /** Ends it, unless another listener has taken the session over. */
  unfollow(sessionId: string, listener: Listener): void {
    const session = this.followed.get(sessionId);
    if (session?.listener !== listener) return;
    this.followed.delete(sessionId);
    for (const electionId of session.leads) {
      for (const [seat, term] of this.known.get(electionId) ?? [])
        if (term.session === session) this.forget(electionId, seat);
    }
  }

  sessionGone(sessionId: string): void {
    const session = this.followed.get(sessionId);
    if (!session) return;
    // Its terms stay known: each is told to be over by the transition that ends it.
    this.followed.delete(sessionId);
    session.listener.sessionGone(sessionId);
  }

  electionChanged(election: ElectionState): void {
    if (this.followed.size === 0 && this.known.size === 0) return;
    const { electionId } = election.ref;
    for (const known of this.known.get(electionId)?.values() ?? []) {
      const leader = election.seats.get(known.seat)?.leader?.record;
      // The events of a relisting are not told: that the term is gone is all there is to see.
      if (known.seen && !isTerm(leader, known)) this.over(electionId, known);
    }
    for (const [seat, { leader }] of election.seats) {
      const session = leader && this.followed.get(leader.record.sessionId);
      if (session) this.look(election, seat, session, leader.record);
    }
  }

  eventSeen(event: EventRecord): void {
    if (event.type !== 'leadership.lost') return;
    const known = this.known.get(event.electionId)?.get(event.seat);
    if (known?.term === event.term) this.over(event.electionId, known, event.reason);
  }

  /** A socket that carries sessions for many would otherwise keep a place for each that has moved on. */
  private handOn(session: Followed, listener: Listener): void {
    const before = session.listener;
    session.listener = listener;
    if (before !== listener) before.sessionGone(session.sessionId);
  }

  private look(election: ElectionState, seat: number, session: Followed, leader: LeaderRecord): void {
    const { electionId } = election.ref;
    let known = this.known.get(electionId)?.get(seat);
    // The view is behind the answer that told the term.
    if (known && !known.seen && known.term > leader.term) return;
    if (!isTerm(leader, known)) {
      const { term, candidateId } = leader;
      const name = election.config?.record.name ?? '';
      known = { session, election: name, candidateId, seat, term, seen: true, asked: undefined };
      this.know(known, electionId);
      session.listener.tell({ event: 'elected', ...termOf(known) });
    }
    known.seen = true;
    const { asked, withheld } = leader;
    const before = known.asked;
    known.asked = withheld ? 'withheld' : asked && 'asked';
    const mark = withheld ?? asked;
    if (!mark || before === known.asked) return;
    const { reason } = mark;
    const graceMs = withheld ? undefined : asked?.graceMs;
    const more = graceMs === undefined ? { reason } : { reason, graceMs };
    session.listener.tell({ event: 'yield_requested', ...termOf(known), ...more });
  }

  private over(electionId: string, known: KnownTerm, reason?: string): void {
    this.forget(electionId, known.seat);
    // Whoever resigned knows; the answer said so.
    if (reason === 'resigned') return;
    known.session.listener.tell({
      event: 'superseded',
      ...termOf(known),
      ...(reason !== undefined && { reason }),
    });
  }

  private know(term: KnownTerm, electionId: string): void {
    let seats = this.known.get(electionId);
    if (!seats) this.known.set(electionId, (seats = new Map<number, KnownTerm>()));
    seats.set(term.seat, term);
    term.session.leads.add(electionId);
  }

  private forget(electionId: string, seat: number): void {
    const seats = this.known.get(electionId);
    const term = seats?.get(seat);
    seats?.delete(seat);
    if (seats?.size === 0) this.known.delete(electionId);
    if (term && ![...(seats?.values() ?? [])].some((other) => other.session === term.session))
      term.session.leads.delete(electionId);
  }
}

function isTerm<K extends { candidateId: string; term: number }>(
  leader: LeaderRecord | undefined,
  known: K | undefined,
): known is K {
  return leader?.candidateId === known?.candidateId && leader?.term === known?.term;
}

function termOf({ election, candidateId, seat, term }: KnownTerm) {
  return { election, candidateId, seat, term };
}

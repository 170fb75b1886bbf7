import {
  type Command,
  decide,
  decode,
  electionRef,
  emptyElection,
  encodeSession,
  type Guard,
  keys,
  type LeaderRecord,
  type SessionIdentity,
  type Situation,
  type Transition,
  View,
} from '#election';
import { FakeClock } from './fake-clock.js';
import { MemoryStoreData } from './memory-store.js';

/** A participant of the model: one stand at a time, with what it was told and what it may believe. */
interface Stand {
  name: string;
  session: SessionIdentity;
  candidateId: string;
  /** Set once the stand was answered; before, the participant does not know of it. */
  answered: boolean;
  resigned: boolean;
  dead: boolean;
  believes: boolean;
}

interface InFlight {
  transition: Transition;
  done: () => void;
}

const REF = electionRef('ten_a', 'billing');
const AT = '2026-01-01T00:00:00.000Z';
const TARGET_TTL_MS = 1_000;

/** Takes a guard out of every transition: what a build without it would do. */
export type Mutation = (guard: Guard) => boolean;

/**
 * Random interleavings of what replicas with lagging views decide and what the store commits in which order.
 * `violations` names every broken promise. With a mutation it plays a build that lacks a guard, to show that the
 * search would find it.
 */
export class Interleaving {
  readonly violations: string[] = [];
  readonly data = new MemoryStoreData();
  readonly #views: View[] = [];
  readonly #undelivered: (() => void)[][] = [];
  readonly #stands: Stand[] = [];
  #inFlight: InFlight[] = [];
  #lastFence = 0;
  #made = 0;
  readonly #lacks: Mutation;

  constructor(replicas: number, lacks: Mutation = () => false) {
    this.#lacks = lacks;
    for (let i = 0; i < replicas; i += 1) this.#addReplica();
    this.#decide(
      0,
      {
        kind: 'create',
        name: 'billing',
        settings: { policy: 'fifo', ttlMs: TARGET_TTL_MS, maxTtlMs: 60_000 },
        maxCandidates: 100,
        changeId: 'create',
        act: {
          id: 'aud_create',
          action: 'election.created',
          actor: { type: 'system', id: 'test' },
          targets: [],
          context: {},
        },
      },
      () => undefined,
    );
    this.#commitAll();
    this.#deliverAll();
  }

  /** One step; the numbers choose what, where and whose. Every choice is legal for some real schedule. */
  step(what: number, where: number, whose: number): void {
    const replica = where % this.#views.length;
    // Mostly the youngest stands: the races are among those who have just come or are about to go.
    const stand = this.#stands.at(-1 - (whose % Math.max(1, Math.min(4, this.#stands.length))));
    switch (what % 9) {
      case 0:
      case 1:
        return this.#campaign(replica);
      case 2:
        return stand && this.#resign(replica, stand);
      case 3:
        return stand && this.#renew(stand);
      case 4:
        return stand && this.#expire(stand);
      case 5:
        return this.#decide(replica, { kind: 'settle' }, () => undefined);
      case 6:
      case 7:
        return this.#commitOne(whose);
      default:
        return this.#undelivered[replica]?.shift()?.();
    }
  }

  /** Lets everything arrive, settles twice on current views, and looks whether somebody leads who should. */
  quiesce(): void {
    this.#commitAll();
    this.#deliverAll();
    for (let round = 0; round < 4; round += 1) {
      this.#decide(round % this.#views.length, { kind: 'settle' }, () => undefined);
      this.#commitAll();
      this.#deliverAll();
    }
    const waiting = this.#liveCandidates();
    if (waiting.length > 0 && !this.#leader())
      this.violations.push('nobody leads although a live candidate waits');
  }

  /** Whether somebody leads before any settling: what L1 asks of joins and resignations by themselves. */
  arriveWithoutSettling(): void {
    this.#commitAll();
    this.#deliverAll();
    if (this.#liveCandidates().length > 0 && !this.#leader() && this.#stands.every((stand) => !stand.dead)) {
      this.violations.push('a join and a resignation missed each other: nobody leads');
    }
  }

  #addReplica(): void {
    const view = new View(new FakeClock());
    const undelivered: (() => void)[] = [];
    view.reset(this.data.read({ kind: 'prefix', prefix: '' }), this.data.revision);
    this.data.listeners.add((changes, revision) => undelivered.push(() => view.apply(changes, revision)));
    this.#views.push(view);
    this.#undelivered.push(undelivered);
  }

  #campaign(replica: number): void {
    const id = ++this.#made;
    const session = {
      sessionId: `ses_${String(id).padStart(6, '0')}`,
      tenantId: 'ten_a',
      ttlMs: TARGET_TTL_MS,
      incarnation: `i${id}`,
    };
    const stand: Stand = {
      name: `p${id}`,
      session,
      candidateId: `cnd_${id}`,
      answered: false,
      resigned: false,
      dead: false,
      believes: false,
    };
    const { sessionId, incarnation } = session;
    const command: Command = {
      kind: 'campaign',
      candidateId: stand.candidateId,
      candidate: { name: stand.name },
      sessionId,
      incarnation,
    };
    this.#decide(replica, command, () => {
      stand.answered = true;
      this.#stands.push(stand);
      this.#grant(stand);
    });
  }

  #resign(replica: number, stand: Stand): void {
    // Sending it ends the belief for good, whatever becomes of the request.
    stand.resigned = true;
    stand.believes = false;
    this.#decide(
      replica,
      { kind: 'resign', candidateId: stand.candidateId, session: stand.session },
      () => undefined,
    );
  }

  /** A renewal commits at once; what it reads is its answer. */
  #renew(stand: Stand): void {
    if (stand.dead) return;
    const key = keys.session(stand.session.sessionId);
    const value = encodeSession(stand.session);
    const outcome = this.data.commit({
      guards: [{ kind: 'value', key, value }],
      writes: [{ kind: 'put', key, value }],
      reads: [],
    });
    if (outcome.kind === 'committed') this.#grant(stand);
    else stand.believes = false;
  }

  /** The participant has been silent for its ttlMs: its belief is over, and a replica ends its session. */
  #expire(stand: Stand): void {
    stand.dead = true;
    stand.believes = false;
    this.data.commit({
      guards: [],
      writes: [{ kind: 'delete', key: keys.session(stand.session.sessionId) }],
      reads: [],
    });
  }

  #grant(stand: Stand): void {
    const leader = this.#leader();
    stand.believes = leader?.candidateId === stand.candidateId && !stand.resigned && !stand.dead;
    const believers = this.#stands.filter((other) => other.believes);
    if (believers.length > 1)
      this.violations.push(`two believe to lead: ${believers.map(({ name }) => name).join(', ')}`);
  }

  #decide(replica: number, command: Command, done: () => void): void {
    let decision = decide(this.#situation(replica, false), [command], AT);
    if (decision.lookAgain) {
      for (const deliver of this.#undelivered[replica]?.splice(0) ?? []) deliver();
      decision = decide(this.#situation(replica, true), [command], AT);
    }
    if (decision.verdicts[0]?.kind !== 'done' || decision.draft.changesNothing) return;
    const whole = decision.draft.transition();
    const transition = { ...whole, guards: whole.guards.filter((guard) => !this.#lacks(guard)) };
    this.#inFlight.push({ transition, done });
  }

  #situation(replica: number, fresh: boolean): Situation {
    const view = this.#views[replica] as View;
    const sessions = this.#views[(replica + 1) % this.#views.length] as View;
    return {
      election: view.election(REF) ?? emptyElection(REF),
      revision: view.revision,
      fresh,
      epoch: { epoch: 0, settled: true },
      time: { monotonicMs: 0, wallMs: 0 },
      tenant: undefined,
      // Harsher than the product, whose view is one moment: the sessions are those of another, differently late view.
      session: (sessionId) => (fresh ? view : sessions).sessions.get(sessionId) ?? 'absent',
      candidacyOf: (sessionId) => view.standing(sessionId).get(REF.electionId),
      standsIn: (sessionId) => new Set([...view.standing(sessionId).keys(), ...standsElsewhere(sessionId)]),
    };
  }

  #commitOne(which: number): void {
    const [chosen] = this.#inFlight.splice(which % Math.max(1, this.#inFlight.length), 1);
    if (!chosen) return;
    const before = this.#leader();
    const queue = this.#liveCandidates(before?.candidateId);
    const outcome = this.data.commit(chosen.transition);
    if (outcome.kind !== 'committed') return;
    this.#checkSwept(queue);
    this.#checkTerm(before, queue);
    chosen.done();
  }

  /** Whoever waited alive still stands, unless it resigned. */
  #checkSwept(queue: string[]): void {
    for (const candidateId of queue) {
      const resigned = this.#stands.some((stand) => stand.candidateId === candidateId && stand.resigned);
      if (!resigned && !this.data.entries.has(keys.candidate(REF, candidateId))) {
        this.violations.push(`${candidateId} was swept alive`);
      }
    }
  }

  #checkTerm(before: LeaderRecord | undefined, queue: string[]): void {
    const leader = this.#leader();
    if (!leader) return;
    if (!this.data.entries.has(keys.candidate(REF, leader.candidateId))) {
      this.violations.push(`${leader.name} leads without a candidacy`);
    }
    if (leader.candidateId === before?.candidateId) return;
    if (leader.term <= this.#lastFence)
      this.violations.push(`fence fell from ${this.#lastFence} to ${leader.term}`);
    this.#lastFence = leader.term;
    const session = this.data.entries.get(keys.session(leader.sessionId));
    if (session?.value.endsWith(` ${leader.incarnation}`) !== true)
      this.violations.push(`${leader.name} won dead`);
    const first = queue.find((candidateId) => this.data.entries.has(keys.candidate(REF, candidateId)));
    if (first !== undefined && first !== leader.candidateId)
      this.violations.push(`${first} was passed over for ${leader.candidateId}`);
    if (before && this.#stands.some((stand) => stand.believes && stand.candidateId === before.candidateId)) {
      this.violations.push(`${before.name} was succeeded while it believed`);
    }
  }

  /** Candidacies whose session lives, in queue order, the present leader's left out. */
  #liveCandidates(leading?: string): string[] {
    return this.data
      .read({ kind: 'prefix', prefix: keys.candidates(REF) })
      .map((entry) => ({
        entry,
        record: decode<{ sessionId: string; incarnation: string; order: number }>(entry.value),
      }))
      .sort((a, b) => a.entry.createRevision - b.entry.createRevision || a.record.order - b.record.order)
      .filter(({ record }) =>
        this.data.entries.get(keys.session(record.sessionId))?.value.endsWith(` ${record.incarnation}`),
      )
      .map(({ entry }) => entry.key.slice(keys.candidates(REF).length))
      .filter((candidateId) => candidateId !== leading);
  }

  #leader(): LeaderRecord | undefined {
    const entry = this.data.entries.get(keys.leader(REF, 0));
    return entry && decode<LeaderRecord>(entry.value);
  }

  #commitAll(): void {
    while (this.#inFlight.length > 0) this.#commitOne(0);
  }

  #deliverAll(): void {
    for (const undelivered of this.#undelivered) for (const deliver of undelivered.splice(0)) deliver();
  }
}

/** Every other session also stands in an election outside the model, so that resigning here does not end it. */
function standsElsewhere(sessionId: string): string[] {
  return Number(sessionId.slice(-1)) % 2 === 0 ? ['elc_elsewhere'] : [];
}

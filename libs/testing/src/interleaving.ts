import {
  type Command,
  decide,
  electionRef,
  type ElectionSettings,
  emptyElection,
  encodeSession,
  type Guard,
  keys,
  type SessionIdentity,
  type Situation,
  type Transition,
  View,
} from '#election';
import { Facts } from './facts.js';
import { FakeClock } from './fake-clock.js';
import { MemoryStoreData } from './memory-store.js';
import { type Belief, Promises, SEATS_LOOKED_AT } from './promises.js';

/** A participant of the model: one session, with what it was told and what it may believe. */
interface Stand {
  name: string;
  session: SessionIdentity;
  /** As it was last told; a stand that queued anew has another by then. */
  candidateId: string;
  /** Ended for good by sending a resign or a step-down that names it. */
  givenUp: Set<string>;
  dead: boolean;
  belief: Belief | undefined;
}

interface InFlight {
  transition: Transition;
  done: () => void;
}

/** An answer on its way: what it says was read, when it arrives is anybody's guess. */
interface Answer {
  stand: Stand;
  candidateId: string;
  belief: Belief | undefined;
}

const REF = electionRef('ten_a', 'billing');
const TTL_MS = 1_000;
const ACT = { action: 'model', actor: { type: 'system' as const, id: 'test' }, targets: [], context: {} };

/** Takes a guard out of every transition: what a build without it would do. */
export type Mutation = (guard: Guard) => boolean;

export interface Model {
  replicas: number;
  settings?: Partial<ElectionSettings>;
  /** How many stand already, known to everybody. */
  crowd?: number;
  /** Commands that arrive between two commits are decided together, as the sequencer does. */
  composes?: boolean;
  lacks?: Mutation;
}

/**
 * Random interleavings of what replicas with lagging views decide and what the store commits in which order; answers
 * overtake each other. `violations` names every broken promise. With a mutation it plays a build that lacks a guard,
 * to show that the search would find it.
 */
export class Interleaving {
  readonly data = new MemoryStoreData();
  readonly facts = new Facts(this.data, REF);
  readonly #clock = new FakeClock();
  readonly #views: View[] = [];
  readonly #undelivered: (() => void)[][] = [];
  readonly #stands: Stand[] = [];
  readonly #promises = new Promises(this.facts, this.#stands);
  /** By replica: commands that wait to be composed into one transition. */
  readonly #waiting: { command: Command; done: () => void }[][] = [];
  readonly #composes: boolean;
  readonly #inFlight: InFlight[] = [];
  #answers: Answer[] = [];
  /** Renewals that are held: their sessions are rewritten, the leader record is still to be read. */
  #held: Stand[] = [];
  #made = 0;
  readonly #lacks: Mutation;

  constructor({ replicas, settings, crowd = 0, composes = false, lacks = () => false }: Model) {
    this.#lacks = lacks;
    this.#composes = composes;
    for (let i = 0; i < replicas; i += 1) this.#addReplica();
    const given = { policy: 'fifo' as const, ttlMs: TTL_MS, maxTtlMs: 60_000, ...settings };
    const create = { kind: 'create' as const, name: 'billing', settings: given, maxCandidates: 100 };
    this.#decide(0, { ...create, changeId: 'create', act: this.#act() });
    for (let joined = 0; joined <= crowd; joined += 1) {
      this.#commitAll();
      this.#deliverAll();
      if (joined < crowd) this.#campaign(0, joined);
    }
  }

  get violations(): readonly string[] {
    return this.#promises.broken;
  }

  /** One step; the numbers choose what, where and whose. Every choice is legal for some real schedule. */
  step(what: Step, where: number, whose: number): void {
    const replica = where % this.#views.length;
    // Mostly the youngest stands: the races are among those who have just come or are about to go.
    const stand = this.#stands.at(-1 - (whose % Math.max(1, Math.min(4, this.#stands.length))));
    const seat = whose % this.facts.seatCount;
    const steps: Record<Step, () => unknown> = {
      campaign: () => this.#campaign(replica, whose),
      resign: () => stand && this.#leave(replica, stand, 'resign', whose),
      stepDown: () => stand && this.#leave(replica, stand, 'stepDown', whose),
      renew: () => stand && this.#renew(stand, whose % 3 === 0),
      expire: () => stand && this.#expire(stand),
      settle: () => this.#decide(replica, { kind: 'settle' }),
      replace: () => this.#replace(replica, whose),
      handOver: () => this.#handOver(replica, seat, whose, stand?.name),
      cancel: () => this.#cancel(replica, seat),
      appraise: () => stand && this.#appraise(replica, stand, whose),
      seats: () => this.#changeSeats(replica, 1 + (whose % 3)),
      time: () => this.#clock.stall(400),
      commit: () => this.#commitOne(whose),
      answer: () => this.#answerOne(whose),
      deliver: () => this.#deliver(replica, 1 + (whose % 4)),
    };
    steps[what]();
  }

  /** Lets everything arrive, settles on current views, and looks whether everybody leads who should. */
  quiesce(): void {
    this.#arrive();
    for (let round = 0; round < 12; round += 1) {
      const replica = round % this.#views.length;
      this.#decide(replica, { kind: 'settle' });
      this.#arrive();
      for (let seat = 0; seat < SEATS_LOOKED_AT; seat += 1) this.#replace(replica, seat);
      this.#arrive();
    }
    this.#promises.checkLed();
    for (const [seat, { withheld }] of this.facts.leaders(SEATS_LOOKED_AT))
      if (withheld) this.#promises.broken.push(`seat ${seat} is withheld for ever`);
  }

  /** Whether everybody leads who should before any settling: what L1 asks of joins and resignations by themselves. */
  arriveWithoutSettling(): void {
    this.#arrive();
    if (this.#stands.every((stand) => !stand.dead)) this.#promises.checkLed();
  }

  #arrive(): void {
    this.#commitAll();
    this.#deliverAll();
    while (this.#answers.length + this.#held.length > 0) this.#answerOne(0);
  }

  #addReplica(): void {
    const view = new View(this.#clock);
    const undelivered: (() => void)[] = [];
    view.reset(this.data.read({ kind: 'prefix', prefix: '' }), this.data.revision);
    this.data.listeners.add((changes, revision) => undelivered.push(() => view.apply(changes, revision)));
    this.#views.push(view);
    this.#undelivered.push(undelivered);
    this.#waiting.push([]);
  }

  #campaign(replica: number, priority: number): void {
    const id = ++this.#made;
    const sessionId = `ses_${String(id).padStart(6, '0')}`;
    const incarnation = `i${id}`;
    const session = { sessionId, tenantId: 'ten_a', ttlMs: TTL_MS, incarnation };
    const candidateId = `cnd_${id}`;
    // Names in another order than the one of joining: that is what a ring goes by.
    const name = `p${(id * 7) % 10}${id}`;
    const stand = { name, session, candidateId, givenUp: new Set<string>(), dead: false, belief: undefined };
    const candidate = { name, priority: priority % 4 };
    this.#decide(replica, { kind: 'campaign', candidateId, candidate, sessionId, incarnation }, () => {
      this.#stands.push(stand);
      this.#answerWith(stand);
    });
  }

  /** Sending it ends the belief in that candidateId for good, whatever becomes of the request. */
  #leave(replica: number, stand: Stand, kind: 'resign' | 'stepDown', whose: number): void {
    const repeats = [...stand.givenUp];
    const candidateId = whose % 5 === 0 && repeats.length > 0 ? (repeats[0] ?? '') : stand.candidateId;
    stand.givenUp.add(candidateId);
    if (stand.belief?.candidateId === candidateId) stand.belief = undefined;
    this.#decide(replica, { kind, candidateId, session: stand.session }, () => {
      if (kind === 'stepDown') this.#answerWith(stand);
    });
  }

  /** A renewal commits at once; what it reads then, or later if it is held, is its answer. */
  #renew(stand: Stand, held: boolean): void {
    if (stand.dead) return;
    const key = keys.session(stand.session.sessionId);
    const value = encodeSession(stand.session);
    const outcome = this.data.commit({
      guards: [{ kind: 'value', key, value }],
      writes: [{ kind: 'put', key, value }],
      reads: [],
    });
    if (outcome.kind !== 'committed') stand.belief = undefined;
    else if (held) this.#held.push(stand);
    else this.#answerWith(stand);
  }

  /** The participant has been silent for its ttlMs: what it was told and would be told is over, and so is its session. */
  #expire(stand: Stand): void {
    stand.dead = true;
    stand.belief = undefined;
    this.#answers = this.#answers.filter((answer) => answer.stand !== stand);
    this.#held = this.#held.filter((one) => one !== stand);
    const key = keys.session(stand.session.sessionId);
    this.#promises.before();
    this.data.commit({ guards: [], writes: [{ kind: 'delete', key }], reads: [] });
    this.#promises.after();
  }

  /**
   * A replica has watched the mark that its view shows for the ttlMs of the session: whatever was granted before the
   * mark is over by then, also what is still on its way.
   */
  #replace(replica: number, whose: number): void {
    const seats = [...(this.#views[replica]?.election(REF)?.seats ?? [])];
    const withheld = seats.flatMap(([seat, { leader }]) =>
      leader?.record.withheld ? [{ seat, leader }] : [],
    );
    const watched = withheld[whose % Math.max(1, withheld.length)];
    if (!watched) return;
    const { seat, leader } = watched;
    const isOver = (belief: Belief | undefined): boolean =>
      belief !== undefined &&
      belief.candidateId === leader.record.candidateId &&
      belief.readRevision < leader.modRevision;
    for (const stand of this.#stands) if (isOver(stand.belief)) stand.belief = undefined;
    this.#answers = this.#answers.filter(({ belief }) => !isOver(belief));
    this.#decide(replica, { kind: 'replace', seat, leaderRevision: leader.modRevision });
  }

  #handOver(replica: number, seat: number, whose: number, to: string | undefined): void {
    const kinds = ['transfer', 'step_down', 'depose'] as const;
    const kind = kinds[whose % 3] ?? 'depose';
    const wish = {
      ...{ handOverId: `hov_${++this.#made}`, kind, mode: 'graceful' as const },
      ...{ expectedTerm: this.facts.term(seat)?.term ?? 0, graceMs: whose % 2 ? 0 : 300 },
      fallback: whose % 5 === 0 ? ('cancel' as const) : ('next' as const),
      ...(kind === 'transfer' && to !== undefined && { to }),
    };
    this.#decide(replica, { kind: 'handOver', seat, wish, dryRun: false, act: this.#act() });
  }

  #cancel(replica: number, seat: number): void {
    const { handOverId = '' } = this.facts.handOver(seat) ?? {};
    this.#decide(replica, { kind: 'cancelHandOver', handOverId, act: this.#act() });
  }

  #appraise(replica: number, { name }: Stand, priority: number): void {
    const qualities = { priority: priority % 5 };
    this.#decide(replica, { kind: 'appraise', name, qualities, act: this.#act() });
  }

  #changeSeats(replica: number, seats: number): void {
    const changeId = `change-${++this.#made}`;
    const settings = { seats };
    this.#decide(replica, { kind: 'change', settings, retireSeats: true, changeId, act: this.#act() });
  }

  /** What the store says now of the stand, on its way to the participant. */
  #answerWith(stand: Stand): void {
    const { sessionId, incarnation } = stand.session;
    let belief: Belief | undefined;
    let candidateId = this.facts.candidateIdOf(stand.name) ?? stand.candidateId;
    for (const [seat, leader] of this.facts.leaders(SEATS_LOOKED_AT)) {
      if (leader.sessionId !== sessionId || leader.incarnation !== incarnation) continue;
      candidateId = leader.candidateId;
      if (!leader.withheld) belief = { seat, candidateId, readRevision: this.data.revision };
    }
    this.#answers.push({ stand, candidateId, belief });
  }

  #answerOne(which: number): void {
    const held =
      which % 2 === 0 ? this.#held.splice(which % Math.max(1, this.#held.length), 1)[0] : undefined;
    // The read of a held renewal asks for the session as well: it is answered only while that lives.
    if (held) return this.facts.lives(held.session) ? this.#answerWith(held) : undefined;
    const [answer] = this.#answers.splice(which % Math.max(1, this.#answers.length), 1);
    if (!answer || answer.stand.dead) return;
    const { stand, candidateId, belief } = answer;
    stand.candidateId = candidateId;
    stand.belief = belief && !stand.givenUp.has(belief.candidateId) ? belief : undefined;
    this.#promises.checkBeliefs();
  }

  #decide(replica: number, command: Command, done: () => void = () => undefined): void {
    this.#waiting[replica]?.push({ command, done });
    if (!this.#composes) this.#decideAll(replica);
  }

  /** One transition of all commands that wait at the replica; those that it does not take form the next. */
  #decideAll(replica: number): void {
    const waiting = this.#waiting[replica]?.splice(0) ?? [];
    const at = new Date(this.#clock.wallTimeMs()).toISOString();
    while (waiting.length > 0) {
      const commands = waiting.map(({ command }) => command);
      let decision = decide(this.#situation(replica, false), commands, at);
      if (decision.lookAgain) {
        this.#deliver(replica, Infinity);
        decision = decide(this.#situation(replica, true), commands, at);
      }
      const taken = waiting.splice(0, decision.verdicts.length);
      const carriedOut = taken.filter((_one, i) => decision.verdicts[i]?.kind === 'done');
      if (decision.draft.changesNothing) continue;
      const whole = decision.draft.transition();
      const transition = { ...whole, guards: whole.guards.filter((guard) => !this.#lacks(guard)) };
      this.#inFlight.push({ transition, done: () => carriedOut.forEach(({ done }) => done()) });
    }
  }

  #situation(replica: number, fresh: boolean): Situation {
    const view = this.#views[replica] as View;
    const sessions = this.#views[(replica + 1) % this.#views.length] as View;
    return {
      election: view.election(REF) ?? emptyElection(REF),
      revision: view.revision,
      fresh,
      epoch: { epoch: 0, settled: true },
      time: { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallTimeMs() },
      tenant: undefined,
      // Harsher than the product, whose view is one moment: the sessions are those of another, differently late view.
      session: (sessionId) => (fresh ? view : sessions).sessions.get(sessionId) ?? 'absent',
      candidacyOf: (sessionId) => view.standing(sessionId).get(REF.electionId),
      standsIn: (sessionId) => new Set([...view.standing(sessionId).keys(), ...standsElsewhere(sessionId)]),
    };
  }

  #commitOne(which: number): void {
    for (const replica of this.#waiting.keys()) this.#decideAll(replica);
    const [chosen] = this.#inFlight.splice(which % Math.max(1, this.#inFlight.length), 1);
    if (!chosen) return;
    this.#promises.before();
    const outcome = this.data.commit(chosen.transition);
    if (outcome.kind !== 'committed') return;
    this.#promises.after();
    chosen.done();
  }

  #commitAll(): void {
    const isBusy = (): boolean => this.#inFlight.length > 0 || this.#waiting.some(({ length }) => length > 0);
    while (isBusy()) this.#commitOne(0);
  }

  #deliver(replica: number, most: number): void {
    for (const deliver of this.#undelivered[replica]?.splice(0, most) ?? []) deliver();
  }

  #deliverAll(): void {
    for (const undelivered of this.#undelivered) for (const deliver of undelivered.splice(0)) deliver();
  }

  #act() {
    return { id: `aud_${++this.#made}`, ...ACT };
  }
}

/** What can happen in a play of the model. */
export type Step =
  | 'campaign'
  | 'resign'
  | 'stepDown'
  | 'renew'
  | 'expire'
  | 'settle'
  | 'replace'
  | 'handOver'
  | 'cancel'
  | 'appraise'
  | 'seats'
  | 'time'
  | 'commit'
  | 'answer'
  | 'deliver';

/** Every other session also stands in an election outside the model, so that resigning here does not end it. */
function standsElsewhere(sessionId: string): string[] {
  return Number(sessionId.slice(-1)) % 2 === 0 ? ['elc_elsewhere'] : [];
}

import {
  type Command,
  decide,
  type Decision,
  decode,
  electionRef,
  type ElectionSettings,
  emptyElection,
  type EventRecord,
  type HandOverRecord,
  keys,
  type LeaderRecord,
  type SessionIdentity,
  type Situation,
  View,
} from '#election';
import { FakeClock } from './fake-clock.js';
import { MemoryStoreData } from './memory-store.js';

const REF = electionRef('ten_a', 'billing');
const ACT = { action: 'test.act', actor: { type: 'system' as const, id: 'test' }, targets: [], context: {} };

/** What a participant of the contest stands with. */
export interface Contestant {
  readonly name: string;
  readonly session: SessionIdentity;
}

type CampaignWishes = Extract<Command, { kind: 'campaign' }>['candidate'];
type HandOverWish = Extract<Command, { kind: 'handOver' }>['wish'];

/**
 * One election, decided on a view that is always current and committed at once: what the deciders do, without
 * replicas, timers and races. A transition that its own guards refuse is an error of the test.
 */
export class Contest {
  readonly ref = REF;
  readonly data = new MemoryStoreData();
  readonly clock = new FakeClock();
  readonly #view = new View(this.clock);
  readonly #contestants = new Map<string, Contestant>();
  #made = 0;
  /** How many writes the largest transition so far had. */
  mostWrites = 0;

  constructor(settings: Partial<ElectionSettings> = {}) {
    this.#view.reset(this.data.read({ kind: 'prefix', prefix: '' }), this.data.revision);
    this.data.listeners.add((changes, revision) => this.#view.apply(changes, revision));
    this.run({
      kind: 'create',
      name: 'billing',
      settings: { policy: 'fifo', ttlMs: 1_000, maxTtlMs: 60_000, ...settings },
      maxCandidates: 1_000,
      changeId: 'create',
      act: this.act(),
    });
  }

  /** What a replica would decide on now. */
  situation(): Situation {
    const view = this.#view;
    return {
      election: view.election(REF) ?? emptyElection(REF),
      revision: view.revision,
      fresh: true,
      epoch: { epoch: 0, settled: true },
      time: { monotonicMs: this.clock.monotonicMs(), wallMs: this.clock.wallTimeMs() },
      tenant: undefined,
      session: (sessionId) => view.sessions.get(sessionId) ?? 'absent',
      candidacyOf: (sessionId) => view.standing(sessionId).get(REF.electionId),
      standsIn: (sessionId) => new Set(view.standing(sessionId).keys()),
    };
  }

  /** As after a restart of the replica: everything is listed anew, nothing was seen to change. */
  relist(): void {
    this.#view.reset(this.data.read({ kind: 'prefix', prefix: '' }), this.data.revision);
  }

  /** Decides the commands as one transition and commits it. @throws the first refusal */
  run(...commands: Command[]): Decision {
    const decision = decide(this.situation(), commands, new Date(this.clock.wallTimeMs()).toISOString());
    for (const verdict of decision.verdicts) if (verdict.kind === 'refused') throw verdict.error;
    if (decision.draft.changesNothing) return decision;
    const transition = decision.draft.transition();
    this.mostWrites = Math.max(this.mostWrites, transition.writes.length);
    const { kind } = this.data.commit(transition);
    if (kind !== 'committed') throw new Error('a transition on a current view was refused by its own guards');
    return decision;
  }

  settle(): Decision {
    return this.run({ kind: 'settle' });
  }

  campaign(name: string, wishes: Omit<CampaignWishes, 'name'> = {}): Contestant {
    const contestant = this.#contestants.get(name) ?? this.#contestant(name);
    this.run(this.campaignOf(contestant, wishes));
    return contestant;
  }

  campaignOf({ name, session }: Contestant, wishes: Omit<CampaignWishes, 'name'> = {}): Command {
    const candidateId = `cnd_${(this.#made += 1)}`;
    const { sessionId, incarnation, ttlMs } = session;
    return {
      ...{ kind: 'campaign', candidateId, candidate: { name, ...wishes }, sessionId, incarnation, ttlMs },
    };
  }

  stepDown(name: string): Decision {
    return this.run(this.stepDownOf(name));
  }

  stepDownOf(name: string): Command {
    return { kind: 'stepDown', candidateId: this.candidateIdOf(name), session: this.#of(name).session };
  }

  resign(name: string, failed = false): Decision {
    return this.run({
      ...{ kind: 'resign', candidateId: this.candidateIdOf(name), session: this.#of(name).session, failed },
    });
  }

  /** Its session ends as that of one that does not renew; the election is not settled yet. */
  die(name: string): void {
    const key = keys.session(this.#of(name).session.sessionId);
    this.data.commit({ guards: [], writes: [{ kind: 'delete', key }], reads: [] });
    // A process that comes back makes a session anew.
    this.#contestants.delete(name);
  }

  change(
    settings: Partial<ElectionSettings>,
    more: { pinned?: string | null; retireSeats?: boolean } = {},
  ): void {
    this.run({ kind: 'change', settings, changeId: `change-${(this.#made += 1)}`, act: this.act(), ...more });
  }

  handOver(kind: HandOverWish['kind'], wish: Partial<HandOverWish & { seat: number }> = {}): string {
    const { seat = 0, ...rest } = wish;
    const handOverId = `hov_${(this.#made += 1)}`;
    const expectedTerm = this.situation().election.seats.get(seat)?.term?.record.term ?? 0;
    const whole: HandOverWish = {
      ...{ handOverId, kind, mode: 'graceful', expectedTerm, fallback: 'next', graceMs: 0, ...rest },
    };
    this.run({ kind: 'handOver', seat, wish: whole, dryRun: false, act: this.act() });
    return handOverId;
  }

  cancel(handOverId: string): void {
    this.run({ kind: 'cancelHandOver', handOverId, act: this.act() });
  }

  /** What a replica does that has watched the withheld leader of a seat for its ttlMs. */
  replace(seat = 0): Decision {
    const leaderRevision = this.situation().election.seats.get(seat)?.leader?.modRevision ?? 0;
    return this.run({ kind: 'replace', seat, leaderRevision });
  }

  leader(seat = 0): LeaderRecord | undefined {
    return this.#record<LeaderRecord>(keys.leader(REF, seat));
  }

  handOverOf(seat = 0): HandOverRecord | undefined {
    return this.#record<HandOverRecord>(keys.handOver(REF, seat));
  }

  candidateIdOf(name: string): string {
    return this.data.entries.get(keys.candidateName(REF, name))?.value ?? '';
  }

  events(): EventRecord[] {
    return this.data
      .read({ kind: 'prefix', prefix: keys.events(REF) })
      .map(({ value }) => decode<EventRecord>(value));
  }

  act() {
    return { id: `aud_${(this.#made += 1)}`, ...ACT };
  }

  #of(name: string): Contestant {
    const found = this.#contestants.get(name);
    if (!found) throw new Error(`${name} does not take part`);
    return found;
  }

  #contestant(name: string): Contestant {
    const id = (this.#made += 1);
    const session = {
      sessionId: `ses_${String(id).padStart(6, '0')}`,
      tenantId: 'ten_a',
      ttlMs: 1_000,
      incarnation: `i${id}`,
    };
    const made = { name, session };
    this.#contestants.set(name, made);
    return made;
  }

  #record<T extends object>(key: string): T | undefined {
    const entry = this.data.entries.get(key);
    return entry && decode<T>(entry.value);
  }
}

import type { LeaderRecord } from '#election';
import type { Facts, Standing } from './facts.js';

/** What a participant believes: told by an answer that read the store at `readRevision`. */
export interface Belief {
  seat: number;
  candidateId: string;
  readRevision: number;
}

interface Believer {
  name: string;
  belief: Belief | undefined;
  /** CandidateIds that it gave up for good by sending a resign or a step-down. */
  givenUp: ReadonlySet<string>;
}

/** More seats than any play of the model has. */
export const SEATS_LOOKED_AT = 4;

/** Looks at every commit and every answer for a broken promise, and keeps what it found. */
export class Promises {
  readonly broken: string[] = [];
  readonly #facts: Facts;
  readonly #believers: readonly Believer[];
  readonly #fences = new Map<number, number>();
  #leaders = new Map<number, LeaderRecord>();
  #waiting: Standing[] = [];
  #lastNames = new Map<number, string>();

  constructor(facts: Facts, believers: readonly Believer[]) {
    this.#facts = facts;
    this.#believers = believers;
  }

  /** Call it right before a commit. */
  before(): void {
    this.#leaders = this.#facts.leaders(SEATS_LOOKED_AT);
    this.#waiting = this.#facts.waiting(SEATS_LOOKED_AT);
    this.#lastNames = new Map();
    for (let seat = 0; seat < SEATS_LOOKED_AT; seat += 1)
      this.#lastNames.set(seat, this.#facts.term(seat)?.leader.name ?? '');
  }

  /** Call it right after the commit. */
  after(): void {
    const leaders = this.#facts.leaders(SEATS_LOOKED_AT);
    const elected = new Map(
      [...leaders].filter(([seat, { term }]) => this.#leaders.get(seat)?.term !== term),
    );
    this.#checkSwept();
    this.#checkLeaders(leaders);
    for (const [seat, leader] of elected) this.#checkElected(seat, leader);
    for (const [seat, leader] of this.#leaders)
      if (leaders.get(seat)?.term !== leader.term) this.#checkEnded(leader);
    this.#checkChoice(elected);
  }

  /** Call it whenever somebody has come to believe something. */
  checkBeliefs(): void {
    const bySeat = new Map<number, string[]>();
    for (const { name, belief } of this.#believers)
      if (belief) bySeat.set(belief.seat, [...(bySeat.get(belief.seat) ?? []), name]);
    for (const [seat, names] of bySeat)
      if (names.length > 1) this.broken.push(`${names.join(' and ')} believe to lead seat ${seat}`);
  }

  /** Every seat of the settings is led if enough candidates live. */
  checkLed(): void {
    const leaders = this.#facts.leaders(this.#facts.seatCount);
    const waiting = this.#facts.waiting(SEATS_LOOKED_AT);
    if (leaders.size < this.#facts.seatCount && waiting.length > 0)
      this.broken.push(`${waiting[0]?.candidateId} waits for a seat that nobody leads`);
  }

  /** Whoever waited alive still stands, unless it left. */
  #checkSwept(): void {
    for (const { candidateId } of this.#waiting) {
      const left = this.#believers.some(({ givenUp }) => givenUp.has(candidateId));
      if (!left && !this.#facts.stands(candidateId)) this.broken.push(`${candidateId} was swept alive`);
    }
  }

  #checkLeaders(leaders: ReadonlyMap<number, LeaderRecord>): void {
    const seats = new Map<string, number>();
    for (const [seat, { candidateId, name }] of leaders) {
      if (!this.#facts.stands(candidateId)) this.broken.push(`${name} leads without a candidacy`);
      const other = seats.get(candidateId);
      if (other !== undefined) this.broken.push(`${name} leads the seats ${other} and ${seat}`);
      seats.set(candidateId, seat);
    }
  }

  #checkElected(seat: number, leader: LeaderRecord): void {
    const last = this.#fences.get(seat) ?? 0;
    if (leader.term <= last)
      this.broken.push(`the fence of seat ${seat} fell from ${last} to ${leader.term}`);
    this.#fences.set(seat, leader.term);
    if (!this.#facts.lives(leader)) this.broken.push(`${leader.name} won dead`);
  }

  #checkEnded({ candidateId, name }: LeaderRecord): void {
    if (this.#believers.some(({ belief }) => belief?.candidateId === candidateId))
      this.broken.push(`${name} was succeeded while it believed`);
  }

  /** Nobody who waited alive was passed over, by the policy's own measure. */
  #checkChoice(elected: ReadonlyMap<number, LeaderRecord>): void {
    const config = this.#facts.config;
    const chosen = [...elected].filter(([seat, { name, term }]) => {
      const { to, successor } = this.#facts.handOver(seat) ?? {};
      return to !== name || successor?.term !== term;
    });
    // Whom an operator chose is out of the contest; so is all that happened beside it in the same commit.
    if (!config || chosen.length < elected.size || chosen.length === 0) return;
    const still = this.#waiting.filter(({ candidateId }) => this.#facts.stands(candidateId));
    const winners = new Set(chosen.map(([, { candidateId }]) => candidateId));
    const losers = still.filter(({ candidateId }) => !winners.has(candidateId));
    if (config.policy === 'fifo') this.#checkFirst(still, winners);
    if (config.policy === 'priority') this.#checkHighest(losers, chosen);
    if (config.policy === 'rotation' && chosen.length === 1) this.#checkRing(losers, chosen);
  }

  #checkFirst(still: readonly Standing[], winners: ReadonlySet<string>): void {
    for (const { candidateId } of still.slice(0, winners.size))
      if (!winners.has(candidateId))
        this.broken.push(`${candidateId} was passed over for ${[...winners].join(', ')}`);
  }

  /** A commit may change priorities before or after it elects: only who ranked higher all along was passed over. */
  #checkHighest(losers: readonly Standing[], chosen: readonly [number, LeaderRecord][]): void {
    const before = new Map(this.#waiting.map(({ candidateId, record }) => [candidateId, record]));
    const priorities = (candidateId: string): number[] =>
      [before.get(candidateId), this.#facts.candidate(candidateId)].flatMap((record) =>
        record ? [record.priority ?? 0] : [],
      );
    for (const [, winner] of chosen) {
      const most = Math.max(...priorities(winner.candidateId));
      for (const { candidateId } of losers)
        if (Math.min(...priorities(candidateId)) > most)
          this.broken.push(`${winner.name} won against a higher priority`);
    }
  }

  #checkRing(losers: readonly Standing[], chosen: readonly [number, LeaderRecord][]): void {
    for (const [seat, { name }] of chosen) {
      const last = this.#lastNames.get(seat) ?? '';
      const distance = (other: string): string => `${other > last ? 0 : 1}${other}`;
      const nearer = losers.find(({ record }) => last !== '' && distance(record.name) < distance(name));
      if (nearer) this.broken.push(`${nearer.record.name} was passed over in the ring for ${name}`);
    }
  }
}

/**
 * An election as a transition under way would leave it: the situation that it started from, laid over with what the
 * commands so far change. Commands see each other's effects through it.
 */
import type { ElectionRef } from '../keys.js';
import type {
  CandidateRecord,
  ConductRecord,
  ConfigRecord,
  HandOverRecord,
  LeaderRecord,
  SessionRecord,
  TermRecord,
} from '../records.js';
import { type Candidacy, type ElectionState, FIRST_SEAT, type Situation, type Versioned } from '../state.js';
import { Composition } from './composition.js';

export class Overlay extends Composition {
  readonly situation: Situation;
  /** Wall-clock time for the records. */
  readonly at: string;
  protected added = new Map<string, Candidacy>();
  /** Candidacies that say something new of themselves; their places in the queue stay. */
  protected rewritten = new Map<string, Candidacy>();
  protected removed = new Set<string>();
  protected namesSet = new Map<string, string | null>();
  protected sessionsSet = new Map<string, SessionRecord | null>();
  protected leadersSet = new Map<number, LeaderRecord | null>();
  protected termsSet = new Map<number, TermRecord>();
  protected handOversSet = new Map<number, HandOverRecord>();
  protected conductsSet = new Map<string, ConductRecord | null>();
  protected configSet: ConfigRecord | undefined;
  protected lastSequence: number;
  #wakeInMs: number | undefined;

  constructor(situation: Situation, at: string) {
    super();
    this.situation = situation;
    this.at = at;
    this.lastSequence = situation.election.head?.record.sequence ?? 0;
  }

  get ref(): ElectionRef {
    return this.situation.election.ref;
  }

  protected get election(): ElectionState {
    return this.situation.election;
  }

  get config(): ConfigRecord | undefined {
    return this.configSet ?? this.election.config?.record;
  }

  get sequence(): number {
    return this.lastSequence;
  }

  /** Among those who lead no seat, 1 for the next in line; undefined if it does not wait. */
  positionOf(candidateId: string): number | undefined {
    const ahead = this.#ahead(candidateId);
    if (ahead === undefined || this.seatOf(candidateId) !== undefined) return undefined;
    let leaders = 0;
    for (const seat of this.seats()) {
      const leader = this.leader(seat);
      if (leader && (this.#ahead(leader.candidateId) ?? Infinity) < ahead) leaders += 1;
    }
    return ahead - leaders + 1;
  }

  #ahead(candidateId: string): number | undefined {
    if (this.removed.has(candidateId)) return undefined;
    const { candidates } = this.election;
    const place = candidates.ahead(candidateId);
    let removedBefore = 0;
    for (const removed of this.removed) {
      if (place === undefined || (candidates.ahead(removed) ?? Infinity) < place) removedBefore += 1;
    }
    if (place !== undefined) return place - removedBefore;
    const among = [...this.added.keys()].indexOf(candidateId);
    return among < 0 ? undefined : candidates.size - removedBefore + among;
  }

  /** All candidacies in queue order. */
  *queue(): Generator<Candidacy> {
    for (const candidacy of this.election.candidates.values()) {
      const { candidateId } = candidacy;
      if (!this.removed.has(candidateId)) yield this.rewritten.get(candidateId) ?? candidacy;
    }
    yield* this.added.values();
  }

  /** Those who lead no seat, in queue order. */
  *waiting(): Generator<Candidacy> {
    const leading = new Set<string>();
    for (const seat of this.seats()) leading.add(this.leader(seat)?.candidateId ?? '');
    for (const candidacy of this.queue()) if (!leading.has(candidacy.candidateId)) yield candidacy;
  }

  candidacy(candidateId: string): Candidacy | undefined {
    if (this.removed.has(candidateId)) return undefined;
    const changed = this.added.get(candidateId) ?? this.rewritten.get(candidateId);
    return changed ?? this.election.candidates.get(candidateId);
  }

  candidacyOfName(name: string): Candidacy | undefined {
    const changed = this.namesSet.get(name);
    const candidateId = changed === undefined ? this.election.names.get(name)?.record : changed;
    return candidateId ? this.candidacy(candidateId) : undefined;
  }

  candidacyOfSession(sessionId: string): Candidacy | undefined {
    const candidateId = this.situation.candidacyOf(sessionId);
    const known = candidateId === undefined ? undefined : this.candidacy(candidateId);
    return known ?? [...this.added.values()].find((candidacy) => candidacy.record.sessionId === sessionId);
  }

  /** Whether the candidacy begins with this very transition. */
  joins({ candidateId }: Candidacy): boolean {
    return this.added.has(candidateId);
  }

  get candidateCount(): number {
    return this.election.candidates.size - this.removed.size + this.added.size;
  }

  leader(seat: number): LeaderRecord | null {
    const changed = this.leadersSet.get(seat);
    return changed === undefined ? (this.election.seats.get(seat)?.leader?.record ?? null) : changed;
  }

  /** Whether this transition itself writes or ends the seat's leader: then `leader` is what the commit made true. */
  changesLeader(seat: number): boolean {
    return this.leadersSet.has(seat);
  }

  /** Who leads by this transition and did not before. */
  *elected(): Generator<LeaderRecord> {
    for (const [seat, leader] of this.leadersSet) {
      if (leader && leader.candidateId !== this.election.seats.get(seat)?.leader?.record.candidateId)
        yield leader;
    }
  }

  /** The seats that the situation shows a candidacy to lead and that it leads no more. */
  seatsLeftBy(candidateId: string): number[] {
    return [...this.leadersSet.keys()].filter(
      (seat) => this.election.seats.get(seat)?.leader?.record.candidateId === candidateId,
    );
  }

  term(seat: number): TermRecord | undefined {
    return this.termsSet.get(seat) ?? this.election.seats.get(seat)?.term?.record;
  }

  /** The running or last term of every seat, those of seats that are no more among them. */
  *terms(): Generator<TermRecord> {
    for (const seat of new Set([...this.election.seats.keys(), ...this.termsSet.keys()])) {
      const term = this.term(seat);
      if (term) yield term;
    }
  }

  handOver(seat: number): HandOverRecord | undefined {
    return this.handOversSet.get(seat) ?? this.election.seats.get(seat)?.handOver?.record;
  }

  /** The last hand-overs of whatever seats there ever were. */
  *handOvers(): Generator<[seat: number, handOver: HandOverRecord]> {
    for (const seat of this.election.seats.keys()) {
      const handOver = this.handOver(seat);
      if (handOver) yield [seat, handOver];
    }
  }

  /** Those that wait for their time. */
  *scheduled(): Generator<[seat: number, handOver: HandOverRecord]> {
    for (const each of this.handOvers()) if (each[1].state === 'scheduled') yield each;
  }

  /** Every name of which a conduct is kept. */
  *conductNames(): Generator<string> {
    for (const name of this.election.conducts.keys()) if (this.conduct(name)) yield name;
  }

  conduct(name: string): ConductRecord | undefined {
    const changed = this.conductsSet.get(name);
    return changed === undefined ? this.election.conducts.get(name)?.record : (changed ?? undefined);
  }

  /** How many seats the settings give. */
  get seatCount(): number {
    return this.config?.seats ?? 1;
  }

  /** The seats of the settings, and those above them that somebody still leads. */
  *seats(): Generator<number> {
    for (let seat = FIRST_SEAT; seat < this.seatCount; seat += 1) yield seat;
    const { seats } = this.election;
    for (const seat of seats.keys()) if (seat >= this.seatCount && this.leader(seat)) yield seat;
    for (const [seat, leader] of this.leadersSet)
      if (leader && seat >= this.seatCount && !seats.has(seat)) yield seat;
  }

  /** The seat that a candidacy leads, if it leads one. */
  seatOf(candidateId: string): number | undefined {
    for (const seat of this.seats()) if (this.leader(seat)?.candidateId === candidateId) return seat;
    return undefined;
  }

  /** Whether a candidacy joined, or was described anew, after the running term of the seat had begun. */
  isNewTo(seat: number, candidateId: string): boolean {
    const began = this.termsSet.has(seat) ? undefined : this.election.seats.get(seat)?.term?.modRevision;
    const changed = this.election.candidates.get(candidateId)?.modRevision;
    return began !== undefined && changed !== undefined && changed > began;
  }

  // Time. It says when to ask somebody to step down, never when a grant is over.

  /** How long the running term has lasted, or how long ago the last one ended; milliseconds. */
  termAgeMs(seat: number): number {
    const term = this.termsSet.has(seat) ? undefined : this.election.seats.get(seat)?.term;
    return term ? this.#ageMs(term, term.record.endedAt ?? term.record.since) : 0;
  }

  /** How long the leader record has borne its present mark; milliseconds. */
  markAgeMs(seat: number): number {
    const leader = this.leadersSet.has(seat) ? undefined : this.election.seats.get(seat)?.leader;
    const mark = leader && (leader.record.withheld ?? leader.record.asked);
    return leader && mark ? this.#ageMs(leader, mark.at) : 0;
  }

  conductAgeMs(name: string): number {
    const conduct = this.conductsSet.has(name) ? undefined : this.election.conducts.get(name);
    return conduct ? this.#ageMs(conduct, conduct.record.at) : 0;
  }

  /** Whether `durationMs` have passed by an age; if not, the election has to be looked at again when they have. */
  isOver(ageMs: number, durationMs: number): boolean {
    if (ageMs >= durationMs) return true;
    this.#wakeInMs = Math.min(this.#wakeInMs ?? Infinity, durationMs - ageMs);
    return false;
  }

  /** Whether a wall-clock moment has come; if not, the election has to be looked at again then. */
  hasCome(timestamp: string): boolean {
    return this.isOver(0, Date.parse(timestamp) - this.situation.time.wallMs);
  }

  /** When time alone may change what was asked of this draft; milliseconds from its situation. */
  get wakeInMs(): number | undefined {
    return this.#wakeInMs;
  }

  /** By this replica's monotonic clock if its watch brought the record; by the record's own time if not. */
  #ageMs(seen: Pick<Versioned<object>, 'seenAtMs'>, writtenAt: string): number {
    const { monotonicMs, wallMs } = this.situation.time;
    const ageMs = seen.seenAtMs === undefined ? wallMs - Date.parse(writtenAt) : monotonicMs - seen.seenAtMs;
    return Math.max(0, ageMs);
  }

  /** The session as this transition leaves it, or undefined if it does not touch it. */
  sessionWritten(sessionId: string): SessionRecord | null | undefined {
    return this.sessionsSet.get(sessionId);
  }

  /** False only if the candidacy's session is known to be gone; a guess, which the guards make safe. */
  seemsAlive(candidacy: { record: Pick<CandidateRecord, 'sessionId' | 'incarnation'> }): boolean {
    const { sessionId, incarnation } = candidacy.record;
    const written = this.sessionsSet.get(sessionId);
    if (written !== undefined) return written?.incarnation === incarnation;
    const sight = this.situation.session(sessionId);
    if (sight === 'unknown') return true;
    return sight !== 'absent' && sight.record.incarnation === incarnation;
  }

  protected override takeOver(other: Overlay): void {
    super.takeOver(other);
    this.added = new Map(other.added);
    this.rewritten = new Map(other.rewritten);
    this.removed = new Set(other.removed);
    this.namesSet = new Map(other.namesSet);
    this.sessionsSet = new Map(other.sessionsSet);
    this.leadersSet = new Map(other.leadersSet);
    this.termsSet = new Map(other.termsSet);
    this.handOversSet = new Map(other.handOversSet);
    this.conductsSet = new Map(other.conductsSet);
    this.configSet = other.configSet;
    this.lastSequence = other.lastSequence;
  }
}

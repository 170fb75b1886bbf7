import {
  type CandidateRecord,
  type ConfigRecord,
  decode,
  type ElectionRef,
  type HandOverRecord,
  keys,
  type LeaderRecord,
  type TermRecord,
} from '#election';
import type { MemoryStoreData } from './memory-store.js';

/** One who stands, as the store has it. */
export interface Standing {
  candidateId: string;
  record: CandidateRecord;
  createRevision: number;
}

/** What is so in the store at this moment, whatever anybody's view shows. */
export class Facts {
  readonly #data: MemoryStoreData;
  readonly #ref: ElectionRef;

  constructor(data: MemoryStoreData, ref: ElectionRef) {
    this.#data = data;
    this.#ref = ref;
  }

  get config(): ConfigRecord | undefined {
    return this.#record<ConfigRecord>(keys.config(this.#ref));
  }

  get seatCount(): number {
    return this.config?.seats ?? 1;
  }

  leader(seat: number): LeaderRecord | undefined {
    return this.#record<LeaderRecord>(keys.leader(this.#ref, seat));
  }

  leaderRevision(seat: number): number {
    return this.#data.entries.get(keys.leader(this.#ref, seat))?.modRevision ?? 0;
  }

  term(seat: number): TermRecord | undefined {
    return this.#record<TermRecord>(keys.term(this.#ref, seat));
  }

  handOver(seat: number): HandOverRecord | undefined {
    return this.#record<HandOverRecord>(keys.handOver(this.#ref, seat));
  }

  /** Who leads, by seat. */
  leaders(mostSeats: number): Map<number, LeaderRecord> {
    const found = new Map<number, LeaderRecord>();
    for (let seat = 0; seat < mostSeats; seat += 1) {
      const leader = this.leader(seat);
      if (leader) found.set(seat, leader);
    }
    return found;
  }

  candidate(candidateId: string): CandidateRecord | undefined {
    return this.#record<CandidateRecord>(keys.candidate(this.#ref, candidateId));
  }

  stands(candidateId: string): boolean {
    return this.candidate(candidateId) !== undefined;
  }

  candidateIdOf(name: string): string | undefined {
    return this.#data.entries.get(keys.candidateName(this.#ref, name))?.value;
  }

  lives({ sessionId, incarnation }: Pick<CandidateRecord, 'sessionId' | 'incarnation'>): boolean {
    const session = this.#data.entries.get(keys.session(sessionId));
    return session?.value.endsWith(` ${incarnation}`) === true;
  }

  /** Those who live and lead nothing, in queue order. */
  waiting(mostSeats: number): Standing[] {
    const leading = new Set([...this.leaders(mostSeats).values()].map(({ candidateId }) => candidateId));
    const prefix = keys.candidates(this.#ref);
    return this.#data
      .read({ kind: 'prefix', prefix })
      .map(({ key, value, createRevision }) => ({
        candidateId: key.slice(prefix.length),
        record: decode<CandidateRecord>(value),
        createRevision,
      }))
      .sort((a, b) => a.createRevision - b.createRevision || a.record.order - b.record.order)
      .filter(({ candidateId, record }) => this.lives(record) && !leading.has(candidateId));
  }

  #record<T extends object>(key: string): T | undefined {
    const entry = this.#data.entries.get(key);
    return entry && decode<T>(entry.value);
  }
}

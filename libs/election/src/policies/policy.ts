/**
 * A policy says who is next for a vacant seat, and when a running term has to end for somebody else. Pure: candidates
 * in, an order out. Nothing rests on it but who leads; that at most one believes to lead is decided elsewhere.
 */
import type { ElectionSettings, EndReason } from '../records.js';

/** A candidate as policies see it. */
export interface Contender {
  readonly candidateId: string;
  readonly name: string;
  /** 0 once it has expired. */
  readonly priority: number;
  /** 0 to 100. */
  readonly health: number;
}

export interface Contest {
  readonly settings: Pick<ElectionSettings, 'preemption' | 'maxTermMs' | 'minTermMs' | 'healthFloor'>;
  /** Name of the candidate that led the seat last. */
  readonly lastLeader: string | undefined;
}

/** A running term that may have to end. */
export interface Reign extends Contest {
  readonly leader: Contender;
  /** Those who wait and may lead, in queue order, less as many as other seats are about to take. */
  readonly rivals: () => Iterable<Contender>;
  /**
   * Whether a rival may end the term for its rank. Where an operator or the last leader chose who leads, those who stood
   * by then may not: the choice would be undone as it is made.
   */
  readonly mayPreempt: (rival: Contender) => boolean;
  /** The leaders of the other seats whose terms go on. */
  readonly fellows: readonly Contender[];
  /** Whether the term has lasted this long. */
  readonly lasted: (durationMs: number) => boolean;
}

export interface Policy {
  /** Whether the order depends on more than the order of joining. */
  readonly ranks: boolean;
  /** Those who may lead, best first, of candidates in queue order. */
  order(queue: Iterable<Contender>, contest: Contest): Iterable<Contender>;
  /** Why the running term has to end although its leader lives. */
  readonly challenge?: (reign: Reign) => EndReason | undefined;
}

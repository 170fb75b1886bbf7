/**
 * The candidacies of an election in queue order. A newcomer goes to the end, a place is found by halving, and nothing
 * is ever counted through: ten thousand may ask for their place every few seconds.
 */
import type { Candidacy } from './versioned.js';

export class CandidateQueue {
  readonly #byId = new Map<string, Candidacy>();
  #inOrder: Candidacy[] = [];
  /** A listing tells the candidacies in the order of their keys. */
  #sorted = true;

  get size(): number {
    return this.#byId.size;
  }

  has(candidateId: string): boolean {
    return this.#byId.has(candidateId);
  }

  get(candidateId: string): Candidacy | undefined {
    return this.#byId.get(candidateId);
  }

  /** In queue order: by creation, and within one transition by `order`. */
  values(): readonly Candidacy[] {
    this.#sort();
    return this.#inOrder;
  }

  /** Takes a candidacy in, or what is new of one that stands already: its place stays. */
  set(candidacy: Candidacy): void {
    const before = this.#byId.get(candidacy.candidateId);
    this.#byId.set(candidacy.candidateId, candidacy);
    if (before) {
      this.#sort();
      this.#inOrder[this.#find(before)] = candidacy;
      return;
    }
    const last = this.#inOrder.at(-1);
    this.#inOrder.push(candidacy);
    if (last && byQueueOrder(last, candidacy) > 0) this.#sorted = false;
  }

  delete(candidateId: string): void {
    const candidacy = this.#byId.get(candidateId);
    if (!candidacy) return;
    this.#sort();
    this.#byId.delete(candidateId);
    this.#inOrder.splice(this.#find(candidacy), 1);
  }

  /** How many stand before this one; undefined if it does not stand. */
  ahead(candidateId: string): number | undefined {
    const candidacy = this.#byId.get(candidateId);
    if (!candidacy) return undefined;
    this.#sort();
    return this.#find(candidacy);
  }

  #find(wanted: Candidacy): number {
    let low = 0;
    let high = this.#inOrder.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#inOrder[middle];
      if (at && byQueueOrder(at, wanted) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #sort(): void {
    if (this.#sorted) return;
    this.#inOrder.sort(byQueueOrder);
    this.#sorted = true;
  }
}

export function byQueueOrder(a: Candidacy, b: Candidacy): number {
  return (
    a.createRevision - b.createRevision ||
    a.record.order - b.record.order ||
    (a.candidateId < b.candidateId ? -1 : Number(a.candidateId > b.candidateId))
  );
}

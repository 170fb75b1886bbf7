import { type Lane, LANES } from '#election';
import { Fifo } from './fifo.js';

/** What can wait in a lane. */
export interface Waiting {
  lane: Lane;
  tenantId: string;
}

/** What to do with a waiting item: it leaves the queue, it stays for later, or the group is full. */
export type Verdict = 'take' | 'keep' | 'full';

/** How many items of one tenant are tried past ones that have to wait, so that a hot election costs little. */
const LOOK_AHEAD = 16;

interface TenantQueue<T> {
  tenantId: string;
  items: Fifo<T>;
}

/** One lane: each tenant has a queue, and the tenants take turns. */
class TenantRing<T extends Waiting> {
  readonly #tenants = new Map<string, TenantQueue<T>>();
  readonly #turns = new Fifo<TenantQueue<T>>();

  add(item: T, place: 'front' | 'back'): void {
    const queue = this.#queueOf(item.tenantId);
    if (place === 'front') queue.items.unshift(item);
    else queue.items.push(item);
  }

  /** Offers items in turn until all had their chance. @returns whether the group is full */
  offer(consider: (item: T) => Verdict): boolean {
    const passed: TenantQueue<T>[] = [];
    let full = false;
    for (let queue = this.#turns.shift(); queue !== undefined && !full; queue = this.#turns.shift()) {
      const verdict = this.#takeOne(queue, consider);
      full = verdict === 'full';
      if (queue.items.length === 0) this.#tenants.delete(queue.tenantId);
      else if (verdict === 'take') this.#turns.push(queue);
      else passed.push(queue);
      if (full) break;
    }
    for (const queue of passed.reverse()) this.#turns.unshift(queue);
    return full;
  }

  removeWhere(leaves: (item: T) => boolean): T[] {
    // A tenant whose queue is emptied here keeps its turn; `offer` drops it when the turn comes.
    return [...this.#tenants.values()].flatMap((queue) => queue.items.removeWhere(leaves));
  }

  #takeOne(queue: TenantQueue<T>, consider: (item: T) => Verdict): Verdict {
    for (let place = 0; place < LOOK_AHEAD; place += 1) {
      const item = queue.items.at(place);
      if (item === undefined) break;
      const verdict = consider(item);
      if (verdict === 'take') queue.items.removeAt(place);
      if (verdict !== 'keep') return verdict;
    }
    return 'keep';
  }

  #queueOf(tenantId: string): TenantQueue<T> {
    let queue = this.#tenants.get(tenantId);
    if (!queue) {
      queue = { tenantId, items: new Fifo() };
      this.#tenants.set(tenantId, queue);
      this.#turns.push(queue);
    }
    return queue;
  }
}

/** Work that waits to be sent: earlier lanes first, fair among tenants within a lane. */
export class LaneQueue<T extends Waiting> {
  readonly #lanes = new Map<Lane, TenantRing<T>>(LANES.map((lane) => [lane, new TenantRing<T>()]));
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(item: T, place: 'front' | 'back' = 'back'): void {
    this.#lanes.get(item.lane)?.add(item, place);
    this.#size += 1;
  }

  /** Offers the waiting items in order until `consider` calls the group full or nothing is left to offer. */
  offer(consider: (item: T) => Verdict): void {
    const counted = (item: T): Verdict => {
      const verdict = consider(item);
      if (verdict === 'take') this.#size -= 1;
      return verdict;
    };
    for (const ring of this.#lanes.values()) if (ring.offer(counted)) return;
  }

  /** Removes and returns every item that `leaves` accepts. */
  removeWhere(leaves: (item: T) => boolean): T[] {
    const left = [...this.#lanes.values()].flatMap((ring) => ring.removeWhere(leaves));
    this.#size -= left.length;
    return left;
  }
}

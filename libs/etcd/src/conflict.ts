import type { Transition } from '#election';

/**
 * What the transitions of one group touch. etcd evaluates all nested guards against the state before the group
 * and lets some double writes pass (a put and a delete, two deletes), so two transitions may share a group only
 * if neither writes what the other guards, reads or writes. This check is the only protection.
 *
 * One that only reads may follow what it reads: nested reads see the writes of the siblings before them, and nothing
 * that joins later may write what was read, so its answer is the state at the group's revision.
 */
export class Footprint {
  readonly #written = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #seenPrefixes = new Set<string>();

  /** Adds a transition, unless it conflicts with one that was added before. */
  add(transition: Transition): boolean {
    if (this.#conflicts(transition)) return false;
    for (const write of transition.writes) this.#written.add(write.key);
    for (const guard of transition.guards) {
      if (guard.kind === 'noneNewer') this.#seenPrefixes.add(guard.prefix);
      else this.#seen.add(guard.key);
    }
    for (const read of transition.reads) {
      if (read.kind === 'prefix') this.#seenPrefixes.add(read.prefix);
      else this.#seen.add(read.key);
    }
    return true;
  }

  #conflicts(transition: Transition): boolean {
    if (transition.guards.length === 0 && transition.writes.length === 0) return false;
    for (const write of transition.writes) {
      if (this.#written.has(write.key) || this.#seen.has(write.key)) return true;
      for (const prefix of this.#seenPrefixes) if (write.key.startsWith(prefix)) return true;
    }
    for (const guard of transition.guards) {
      if (guard.kind === 'noneNewer' ? this.#writesBelow(guard.prefix) : this.#written.has(guard.key))
        return true;
    }
    for (const read of transition.reads) {
      if (read.kind === 'prefix' ? this.#writesBelow(read.prefix) : this.#written.has(read.key)) return true;
    }
    return false;
  }

  #writesBelow(prefix: string): boolean {
    for (const key of this.#written) if (key.startsWith(prefix)) return true;
    return false;
  }
}

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
  /** Everything up to a slash of the written keys: prefixes end with one, and looking them up beats comparing them. */
  readonly #writtenFolders = new Set<string>();

  /** Adds a transition, unless it conflicts with one that was added before. */
  add(transition: Transition): boolean {
    if (this.#conflicts(transition)) return false;
    for (const { key } of transition.writes) {
      this.#written.add(key);
      for (const folder of foldersOf(key)) this.#writtenFolders.add(folder);
    }
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
      if (this.#seesAbove(write.key)) return true;
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

  /** Whether a prefix that was looked at covers the key. */
  #seesAbove(key: string): boolean {
    if (this.#seenPrefixes.size === 0) return false;
    for (const folder of foldersOf(key)) if (this.#seenPrefixes.has(folder)) return true;
    for (const prefix of this.#seenPrefixes) if (!prefix.endsWith('/') && key.startsWith(prefix)) return true;
    return false;
  }

  #writesBelow(prefix: string): boolean {
    if (prefix.endsWith('/')) return this.#writtenFolders.has(prefix);
    for (const key of this.#written) if (key.startsWith(prefix)) return true;
    return false;
  }
}

/** What comes before, and with, each slash of a key. */
function foldersOf(key: string): string[] {
  const folders: string[] = [];
  for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1)) folders.push(key.slice(0, at + 1));
  return folders;
}

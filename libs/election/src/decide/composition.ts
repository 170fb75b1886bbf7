/** What a transition consists of while it is put together: guards, writes and reads, each key once, within its bounds. */
import type { Guard, Read, Transition, Write } from '../store.js';

/**
 * etcd refuses more than 128 operations in one transaction, nested ones included in the count of theirs; 48 leaves
 * room for the group around it. The byte limit keeps a group below etcd's 1.5 MB request.
 */
const MOST_OPERATIONS = 48;
const MOST_BYTES = 256_000;

export class Composition {
  #guards = new Map<string, Guard>();
  #writes = new Map<string, Write>();
  #reads = new Map<string, Read>();

  get changesNothing(): boolean {
    return this.#writes.size === 0;
  }

  /** How many operations the transition may still take. */
  get room(): number {
    return MOST_OPERATIONS - Math.max(this.#writes.size + this.#reads.size, this.#guards.size);
  }

  get fits(): boolean {
    let bytes = 0;
    for (const write of this.#writes.values()) if (write.kind === 'put') bytes += write.value.length;
    return this.room >= 0 && bytes <= MOST_BYTES;
  }

  transition(): Transition {
    return {
      guards: [...this.#guards.values()],
      writes: [...this.#writes.values()],
      reads: [...this.#reads.values()],
    };
  }

  protected takeOver(other: Composition): void {
    this.#guards = new Map(other.#guards);
    this.#writes = new Map(other.#writes);
    this.#reads = new Map(other.#reads);
  }

  /** The key is at this very revision, or absent if none is given. */
  protected guardRevision(key: string, revision: number | undefined): void {
    this.guard(revision === undefined ? { kind: 'absent', key } : { kind: 'revision', key, revision });
  }

  /** The first guard on a key stands: later commands of the same transition see this one's own changes. */
  protected guard(guard: Guard): void {
    const name = guard.kind === 'noneNewer' ? `${guard.prefix}*` : guard.key;
    const before = this.#guards.get(name);
    if (before?.kind === 'value' && guard.kind === 'revision') this.#guards.set(name, guard);
    else if (!before) this.#guards.set(name, guard);
  }

  protected put(key: string, value: string): void {
    this.#writes.set(key, { kind: 'put', key, value });
  }

  protected delete(key: string): void {
    this.#writes.set(key, { kind: 'delete', key });
  }

  protected readKey(key: string): void {
    this.#reads.set(key, { kind: 'key', key });
  }
}

import type { CommitOptions, Outcome, Transition } from '#election';
import { Footprint } from './conflict.js';
import type { Verdict } from './lane-queue.js';
import type { Stamp } from './writer-fence.js';

/** A transition on its way, with whoever waits for it. */
export interface Work extends CommitOptions {
  transition: Transition;
  /** Of the epoch that it was decided under. */
  epochRevision: number;
  /** How often a group with it was refused by the outer compares. */
  refusals: number;
  settled: boolean;
  resolve: (outcome: Outcome) => void;
  reject: (error: Error) => void;
}

/** Transitions that travel together, and the revisions that they demand. */
export interface Group {
  works: Work[];
  stamp: Stamp;
}

/**
 * etcd counts, along the deepest path, the operations of the outer transaction plus those of the largest nested
 * one, and refuses more than 128 (`--max-txn-ops`).
 */
const MAX_OPERATIONS = 128;
const MAX_MEMBERS = 64;
/** etcd refuses requests above 1.5 MiB; characters outside ASCII make a member larger than its length says. */
const MAX_BYTES = 1_000_000;
/** How many conflicting items are looked at before the group is sent as it is. */
const MAX_CONFLICTS = 256;

/** Picks transitions that may share one etcd transaction. */
export class GroupBuilder {
  readonly works: Work[] = [];
  readonly #footprint = new Footprint();
  #bytes = 0;
  #widest = 0;
  #conflicts = 0;

  add(work: Work): Verdict {
    const widest = Math.max(this.#widest, operations(work.transition));
    const bytes = this.#bytes + sizeOf(work.transition);
    if (this.works.length > 0) {
      // One place is left for the never-taken delete of a group that only reads.
      const members = Math.min(MAX_MEMBERS, MAX_OPERATIONS - widest - 1);
      if (this.works.length >= members || bytes > MAX_BYTES) return 'full';
    }
    if (!this.#footprint.add(work.transition)) {
      this.#conflicts += 1;
      return this.#conflicts > MAX_CONFLICTS ? 'full' : 'keep';
    }
    this.works.push(work);
    this.#widest = widest;
    this.#bytes = bytes;
    return 'take';
  }
}

function operations({ guards, writes, reads }: Transition): number {
  return Math.max(guards.length, writes.length + reads.length);
}

/** Bytes on the wire, about: text plus framing. */
function sizeOf({ guards, writes, reads }: Transition): number {
  let bytes = 32 * (guards.length + writes.length + reads.length);
  for (const guard of guards) bytes += guard.kind === 'noneNewer' ? guard.prefix.length : guard.key.length;
  for (const write of writes) bytes += write.key.length + (write.kind === 'put' ? write.value.length : 0);
  return bytes;
}

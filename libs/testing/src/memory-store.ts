/**
 * The ElectionStore in memory: a real linearizable store within one process, for property tests that replay
 * thousands of interleavings and for unit tests of pure code. It has no durability and no network, so it proves
 * nothing about etcd; the contract suite proves that both behave alike where they overlap.
 */
import { IncumbentError } from '#core';
import {
  type Change,
  type CommitOptions,
  decode,
  type ElectionStore,
  encode,
  type Entry,
  type Epoch,
  type EpochRecord,
  type Follower,
  type Guard,
  keys,
  type Outcome,
  type Read,
  type Transition,
} from '#election';

type Listener = (changes: Change[], revision: number) => void;

/** The data, shared by the stores of several "replicas". */
export class MemoryStoreData {
  readonly entries = new Map<string, Entry>();
  readonly listeners = new Set<Listener>();
  revision = 1;

  constructor() {
    this.commit({
      guards: [],
      writes: [{ kind: 'put', key: keys.epoch, value: encode({ epoch: 0, settled: true }) }],
      reads: [],
    });
  }

  commit(transition: Transition): Exclude<Outcome, { kind: 'fenced' }> {
    const holds = transition.guards.every((guard) => this.#holds(guard));
    if (holds && transition.writes.length > 0) this.#write(transition);
    const reads = transition.reads.map((read) => this.read(read));
    return { kind: holds ? 'committed' : 'refused', revision: this.revision, reads };
  }

  read(read: Read): Entry[] {
    if (read.kind === 'key') {
      const entry = this.entries.get(read.key);
      return entry ? [entry] : [];
    }
    return [...this.entries.values()]
      .filter(({ key }) => key.startsWith(read.prefix) && (read.after === undefined || key > read.after))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .slice(0, read.limit);
  }

  #holds(guard: Guard): boolean {
    if (guard.kind === 'noneNewer') {
      return this.read({ kind: 'prefix', prefix: guard.prefix }).every(
        (e) => e.modRevision <= guard.revision,
      );
    }
    const entry = this.entries.get(guard.key);
    if (guard.kind === 'absent') return entry === undefined;
    if (guard.kind === 'value') return entry?.value === guard.value;
    return entry?.modRevision === guard.revision;
  }

  #write(transition: Transition): void {
    const revision = this.revision + 1;
    const changes: Change[] = [];
    for (const write of transition.writes) {
      const before = this.entries.get(write.key);
      if (write.kind === 'put') {
        const entry = {
          key: write.key,
          value: write.value,
          createRevision: before?.createRevision ?? revision,
          modRevision: revision,
        };
        this.entries.set(write.key, entry);
        changes.push({ kind: 'put', entry });
      } else if (before) {
        this.entries.delete(write.key);
        changes.push({ kind: 'delete', key: write.key, modRevision: revision });
      }
    }
    if (changes.length === 0) return;
    this.revision = revision;
    for (const listener of this.listeners) listener(changes, revision);
  }
}

export interface MemoryStoreOptions {
  /**
   * Called in place of delivering a batch to the follower; call `deliver` later to let the watch lag. Batches
   * must be delivered in order.
   */
  onDelivery?: (deliver: () => void) => void;
}

/** One replica's way into the data. Tests switch `partitioned` on to cut it off. */
export class MemoryElectionStore implements ElectionStore {
  partitioned = false;
  #closed = false;
  #listener: Listener | undefined;
  readonly #data: MemoryStoreData;
  readonly #options: MemoryStoreOptions;

  constructor(data = new MemoryStoreData(), options: MemoryStoreOptions = {}) {
    this.#data = data;
    this.#options = options;
  }

  async commit(transition: Transition, { epoch: decidedUnder }: CommitOptions): Promise<Outcome> {
    await this.#reach();
    const { epoch, settled } = this.epoch();
    const current = !decidedUnder || (decidedUnder.epoch === epoch && decidedUnder.settled === settled);
    if (!current && transition.writes.length > 0) return { kind: 'fenced' };
    return this.#data.commit(transition);
  }

  async read(
    reads: readonly Read[],
    _options: CommitOptions,
  ): Promise<{ revision: number; reads: Entry[][] }> {
    await this.#reach();
    return { revision: this.#data.revision, reads: reads.map((read) => this.#data.read(read)) };
  }

  async follow(follower: Follower): Promise<void> {
    await this.#reach();
    const all = this.#data.read({ kind: 'prefix', prefix: '' });
    const shown = all.filter(({ key }) => !key.startsWith(keys.outbox));
    follower.reset(shown, this.#data.revision);
    this.#listener = (changes, revision) => {
      const deliver = (): void => {
        if (!this.#closed) follower.apply(changes, revision);
      };
      if (this.#options.onDelivery) this.#options.onDelivery(deliver);
      else queueMicrotask(deliver);
    };
    this.#data.listeners.add(this.#listener);
  }

  epoch(): Epoch {
    const entry = this.#data.entries.get(keys.epoch);
    return entry ? decode<EpochRecord>(entry.value) : { epoch: 0, settled: true };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#listener) this.#data.listeners.delete(this.#listener);
    await Promise.resolve();
  }

  async #reach(): Promise<void> {
    await Promise.resolve();
    if (this.#closed || this.partitioned) {
      throw new IncumbentError('store.unavailable', 'The store is cut off.', { executed: false });
    }
  }
}

import type {
  Change,
  CommitOptions,
  ElectionStore,
  Entry,
  Epoch,
  Follower,
  Outcome,
  Read,
  Transition,
} from '#election';
import { waitUntil } from '#testing';

type Choice = (transition: Transition) => boolean;

/** A catch for transitions: what it caught waits until it is released. */
interface Catch {
  readonly choice: Choice;
  readonly when: 'before' | 'after';
  readonly released: Promise<void>;
  caught: number;
}

/** What a test holds of a catch. */
export interface Held {
  /** Waits until a transition was caught: before it was sent, or after etcd has answered it. */
  arrived(): Promise<void>;
  readonly caught: number;
  /** Lets what was caught go on, and catches no more. */
  release(): void;
}

/**
 * A real store whose traffic a test can hold at the exact point where a race lies: a transition before it is sent,
 * its outcome before it is told, or the watch. It changes nothing and loses nothing; losing is the fault proxy's part.
 */
export class StoreGate implements ElectionStore {
  readonly #store: ElectionStore;
  readonly #catches = new Set<Catch>();
  #undelivered: (() => void)[] | undefined;

  constructor(store: ElectionStore) {
    this.#store = store;
  }

  /** Keeps transitions that `choice` picks from being sent. */
  holdCommits(choice: Choice): Held {
    return this.#hold(choice, 'before');
  }

  /** Keeps the outcomes of transitions that `choice` picks from being told; they have committed or were refused. */
  holdOutcomes(choice: Choice): Held {
    return this.#hold(choice, 'after');
  }

  /** From now on the follower is told nothing: its view stays as it is. */
  holdWatch(): void {
    this.#undelivered ??= [];
  }

  /** Tells the follower what it has missed, in order, and everything from then on. */
  releaseWatch(): void {
    const undelivered = this.#undelivered ?? [];
    this.#undelivered = undefined;
    for (const deliver of undelivered) deliver();
  }

  async commit(transition: Transition, options: CommitOptions): Promise<Outcome> {
    await this.#pass(transition, 'before');
    const outcome = await this.#store.commit(transition, options);
    await this.#pass(transition, 'after');
    return outcome;
  }

  async read(
    reads: readonly Read[],
    options: CommitOptions,
  ): Promise<{ revision: number; reads: Entry[][] }> {
    return await this.#store.read(reads, options);
  }

  async follow(follower: Follower): Promise<void> {
    await this.#store.follow({
      reset: (entries, revision) => this.#deliver(() => follower.reset(entries, revision)),
      apply: (changes: readonly Change[], revision) => this.#deliver(() => follower.apply(changes, revision)),
    });
  }

  epoch(): Epoch {
    return this.#store.epoch();
  }

  async close(): Promise<void> {
    this.releaseWatch();
    this.#catches.clear();
    await this.#store.close();
  }

  #deliver(tell: () => void): void {
    if (this.#undelivered) this.#undelivered.push(tell);
    else tell();
  }

  #hold(choice: Choice, when: Catch['when']): Held {
    const { promise, resolve } = Promise.withResolvers<void>();
    const held: Catch = { choice, when, released: promise, caught: 0 };
    this.#catches.add(held);
    return {
      arrived: async () =>
        void (await waitUntil(() => held.caught, { what: 'a transition to be caught', everyMs: 1 })),
      get caught() {
        return held.caught;
      },
      release: () => {
        this.#catches.delete(held);
        resolve();
      },
    };
  }

  async #pass(transition: Transition, when: Catch['when']): Promise<void> {
    for (const held of this.#catches) {
      if (held.when !== when || !held.choice(transition)) continue;
      held.caught += 1;
      await held.released;
    }
  }
}

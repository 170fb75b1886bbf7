/**
 * What every ElectionStore does, whichever it is: one suite, run on memory and on real etcd, so that the fast store
 * of the unit tests cannot drift from the real one.
 */
import { afterAll, beforeAll, describe } from '@jest/globals';
import type { CommitOptions, ElectionStore, Guard, Outcome, Read, Transition, Write } from '#election';
import { describeCommits } from './store-contract-commits.js';
import { describeFollowing } from './store-contract-following.js';

/** Where the stores of the suite come from. */
export interface StoreBench {
  /** Another store on the same data as all stores of this bench before it. */
  another(): Promise<ElectionStore>;
  /** Closes every store and removes the data. */
  close(): Promise<void>;
}

/** What a test has at hand: two stores on the same data and a folder of keys of its own. */
export interface Hands {
  first: ElectionStore;
  second: ElectionStore;
  another(): Promise<ElectionStore>;
}

export function describeElectionStore(name: string, openBench: () => Promise<StoreBench>): void {
  describe(`ElectionStore on ${name}`, () => {
    let bench: StoreBench | undefined;
    let hands: Hands | undefined;
    const use = (): Hands => {
      if (!hands) throw new Error('The store is not open yet.');
      return hands;
    };

    beforeAll(async () => {
      const opened = await openBench();
      bench = opened;
      hands = {
        first: await opened.another(),
        second: await opened.another(),
        another: () => opened.another(),
      };
    }, 30_000);
    afterAll(async () => bench?.close(), 30_000);

    describeCommits(use);
    describeFollowing(use);
  });
}

let folders = 0;

/** A folder of keys that no other test uses. */
export function freshFolder(): string {
  folders += 1;
  return `x/${folders.toString(36)}-${Math.random().toString(36).slice(2, 10)}/`;
}

export function within(ms: number): CommitOptions {
  return { lane: 'campaign', tenantId: 'ten_contract', deadlineMs: performance.now() + ms };
}

export const put = (key: string, value: string): Write => ({ kind: 'put', key, value });
export const remove = (key: string): Write => ({ kind: 'delete', key });
export const readKey = (key: string): Read => ({ kind: 'key', key });
export const readPrefix = (prefix: string, limit?: number): Read => ({
  kind: 'prefix',
  prefix,
  ...(limit === undefined ? {} : { limit }),
});

export function transition(guards: Guard[], writes: Write[] = [], reads: Read[] = []): Transition {
  return { guards, writes, reads };
}

export type Decided = Exclude<Outcome, { kind: 'fenced' }>;

/** Commits, and takes an unknown outcome for a failure of the test: nothing disturbs the store here. */
export async function commit(store: ElectionStore, change: Transition): Promise<Decided> {
  const outcome = await store.commit(change, within(10_000));
  if (outcome.kind === 'fenced')
    throw new Error('The outcome is unknown although nothing disturbs the store.');
  return outcome;
}

/** Puts one key and answers the revision. */
export async function write(store: ElectionStore, key: string, value: string): Promise<number> {
  return (await commit(store, transition([], [put(key, value)]))).revision;
}

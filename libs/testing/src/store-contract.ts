/**
 * What every ElectionStore does, whichever it is: one suite, run on memory and on real etcd, so that the fast store
 * of the unit tests cannot drift from the real one.
 */
import { afterAll, beforeAll, describe } from '@jest/globals';
import type { ElectionStore } from '#election';
import { describeCommits } from './store-contract-commits.js';
import { describeFollowing } from './store-contract-following.js';
import type { Hands } from './store-contract-hands.js';

/** Where the stores of the suite come from. */
export interface StoreBench {
  /** Another store on the same data as all stores of this bench before it. */
  another(): Promise<ElectionStore>;
  /** Closes every store and removes the data. */
  close(): Promise<void>;
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

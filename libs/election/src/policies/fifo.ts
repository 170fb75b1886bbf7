import type { Policy } from './policy.js';

/**
 * Whoever waits longest is next, and a term lasts until its leader ends it or dies. The lease of Gray and Cheriton
 * (SOSP 1989) with the queue of ZooKeeper's election recipe: one waits behind one, nobody is woken in vain.
 */
export const fifo: Policy = {
  ranks: false,
  order: (queue) => queue,
};

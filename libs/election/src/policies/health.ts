import type { Policy } from './policy.js';

/**
 * The healthiest is next, among equals whoever waits longest; nobody below `healthFloor` is elected, and a leader
 * that falls below it is asked to step down, whether or not another is better off. The bully algorithm with health
 * in the place of the id: a live heartbeat thread in a sick process does not keep the seat.
 */
export const health: Policy = {
  ranks: true,
  order(queue, { settings: { healthFloor = 0 } }) {
    return [...queue]
      .filter((contender) => contender.health >= healthFloor)
      .sort((a, b) => b.health - a.health);
  },
  challenge({ leader, settings: { healthFloor = 0 } }) {
    return leader.health < healthFloor ? 'unhealthy' : undefined;
  },
};

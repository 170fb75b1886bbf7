import type { Contender, Policy } from './policy.js';

/**
 * Whoever led last is first for the vacant seat if it stands again; else whoever waits longest. A lease that its
 * last holder may reclaim, as Kubernetes and Consul users ask for (hashicorp/consul#430, etcd-io/etcd#7166): with
 * `takeoverDelayMs` a restarted leader has the time to come back.
 */
export const sticky: Policy = {
  ranks: true,
  order(queue, { lastLeader }) {
    const others: Contender[] = [];
    const first: Contender[] = [];
    for (const contender of queue) (contender.name === lastLeader ? first : others).push(contender);
    return [...first, ...others];
  },
};

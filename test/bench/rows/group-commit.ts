import { Etcd3 } from 'etcd3';
import { systemClock } from '#core';
import type { Follower, Transition } from '#election';
import { EtcdElectionStore } from '#etcd';
import type { Bench } from '../bench.js';
import { compareRates, type Line } from '../figures.js';
import { alternate, type Load } from '../rounds.js';

/** Enough to fill four groups of 64 under way and the next ones. */
const CALLERS = 512;
const LEASE_SECONDS = 60;

/**
 * Guarded renewals through the group commit of one process, which also watches all of them, beside as many lease
 * keepalives on one gRPC stream. No HTTP on either side.
 */
export async function groupCommit({ etcdUrl, etcdPids, pace }: Bench): Promise<Line[]> {
  const store = await EtcdElectionStore.open({
    endpoints: [etcdUrl],
    prefix: 'bench-group-commit/',
    processId: 'prc_bench',
    databaseLimitBytes: 4_000_000_000,
    isHousekeeper: () => true,
  });
  const leases = await LeaseStream.open(etcdUrl, CALLERS);
  try {
    await store.follow(new Nobody());
    // Both are served by etcd and by this very process.
    const servers = { 'this process': [process.pid], etcd: etcdPids };
    const ours = { ...(await renewalsOf(store)), servers };
    const rounds = await alternate(ours, { ...leases.load(), servers }, pace);
    return [compareRates('renewals by group commit, no HTTP', rounds, 2)];
  } finally {
    await leases.close();
    await store.close();
  }
}

/** A session of the size that sessions have, renewed as the engine renews: the value it has, written again. */
async function renewalsOf(store: EtcdElectionStore): Promise<Omit<Load, 'servers'>> {
  const options = () =>
    ({ lane: 'renew', tenantId: 'ten_bench', deadlineMs: systemClock.monotonicMs() + 5_000 }) as const;
  const transitions: Transition[] = [];
  for (let caller = 0; caller < CALLERS; caller += 1) {
    const key = `s/00/ses_${caller.toString(36).padStart(26, '0')}`;
    const value = `ten_${'0'.repeat(26)} 10000 ${'0'.repeat(16)}`;
    const put = { kind: 'put' as const, key, value };
    await store.commit({ guards: [], writes: [put], reads: [] }, options());
    const leader = { kind: 'key' as const, key: `e/ten_bench/elc_${caller}/0/leader` };
    transitions.push({ guards: [{ kind: 'value', key, value }], writes: [put], reads: [leader] });
  }
  return {
    callers: CALLERS,
    call: async (caller) => {
      const transition = transitions[caller];
      if (!transition) throw new Error('There are as many transitions as callers.');
      const outcome = await store.commit(transition, options());
      if (outcome.kind !== 'committed') throw new Error(`A renewal was ${outcome.kind}`);
    },
  };
}

/** A process that is told of every renewal, as replicas are, and makes nothing of it. */
class Nobody implements Follower {
  reset(): void {}
  apply(): void {}
}

type KeepAlive = Awaited<ReturnType<Etcd3['leaseClient']['leaseKeepAlive']>>;

/** Leases kept alive over one gRPC stream, many at once. */
class LeaseStream {
  readonly #etcd: Etcd3;
  readonly #stream: KeepAlive;
  readonly #leases: string[];
  readonly #waiting = new Map<string, () => void>();

  static async open(url: string, count: number): Promise<LeaseStream> {
    const etcd = new Etcd3({ hosts: url });
    const leases: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const { ID } = await etcd.leaseClient.leaseGrant({ TTL: LEASE_SECONDS });
      leases.push(ID);
    }
    return new LeaseStream(etcd, await etcd.leaseClient.leaseKeepAlive(), leases);
  }

  private constructor(etcd: Etcd3, stream: KeepAlive, leases: string[]) {
    this.#etcd = etcd;
    this.#stream = stream;
    this.#leases = leases;
    stream.on('data', ({ ID, TTL }) => {
      if (Number(TTL) > 0) this.#waiting.get(ID)?.();
    });
    // Cancelled at the end, by us; before that every caller would stand still and show.
    stream.on('error', () => undefined);
  }

  load(): Omit<Load, 'servers'> {
    return {
      callers: this.#leases.length,
      call: (caller) => {
        const lease = this.#leases[caller] ?? '';
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#waiting.set(lease, resolve);
        this.#stream.write({ ID: lease });
        return promise;
      },
    };
  }

  async close(): Promise<void> {
    this.#stream.cancel();
    await Promise.all(this.#leases.map((lease) => this.#etcd.leaseClient.leaseRevoke({ ID: lease })));
    this.#etcd.close();
  }
}

import { systemClock } from '#core';
import { EtcdElectionStore } from '#etcd';
import type { Bench } from '../bench.js';
import { Gateway } from '../etcd-gateway.js';
import { compareLatency, type Line } from '../figures.js';
import type { Pace } from '../rounds.js';

const TTL_MS = 60_000;
/** A session, and what is read with it, of the size that they have. */
const KEY = `s/00/ses_${'0'.repeat(26)}`;
const VALUE = `ten_${'0'.repeat(26)} 10000 ${'0'.repeat(16)}`;
const LEADER = 'e/ten_bench/elc_lone/0/leader';

type Call = () => Promise<unknown>;

/**
 * One leader that renews, one call after the other, beside the bare transaction that a renewal is: the same guard,
 * the same write. Sent over HTTP to etcd's gateway by the same caller, and over gRPC by this very process, which no
 * service in between can reach: the difference is a whole HTTP call.
 */
export async function loneRenewal({ etcdUrl, pace, ...bench }: Bench): Promise<Line[]> {
  const service = await bench.service();
  const participant = service.connect();
  const gateway = new Gateway(etcdUrl);
  const store = await EtcdElectionStore.open({
    endpoints: [etcdUrl],
    prefix: 'bench-lone-renewal/',
    processId: 'prc_bench',
    databaseLimitBytes: 4_000_000_000,
  });
  try {
    await participant.createElection('lone', { ttlMs: TTL_MS });
    const { session } = await participant.campaign('lone', { candidate: 'bench' });
    await gateway.put(KEY, VALUE);
    const [ours, byGateway, byStore] = await inTurns(pace, [
      () => participant.renew('lone', session),
      () => gateway.rewrite(KEY, VALUE, LEADER),
      await bareTransaction(store),
    ]);
    return [
      compareLatency(
        "a lone renewal, beside a transaction by etcd's gateway",
        50,
        { ours, theirs: byGateway },
        1.3,
      ),
      compareLatency('the same, beside a transaction without HTTP', 50, { ours, theirs: byStore }, 1.3),
    ];
  } finally {
    participant.close();
    gateway.close();
    await store.close();
  }
}

/** Through the store, which nobody else uses and which follows nothing. */
async function bareTransaction(store: EtcdElectionStore): Promise<Call> {
  const options = () =>
    ({ lane: 'renew', tenantId: 'ten_bench', deadlineMs: systemClock.monotonicMs() + 5_000 }) as const;
  const writes = [{ kind: 'put' as const, key: KEY, value: VALUE }];
  await store.commit({ guards: [], writes, reads: [] }, options());
  const guards = [{ kind: 'value' as const, key: KEY, value: VALUE }];
  const reads = [{ kind: 'key' as const, key: LEADER }];
  return async () => {
    const outcome = await store.commit({ guards, writes, reads }, options());
    if (outcome.kind !== 'committed') throw new Error(`A transaction was ${outcome.kind}`);
  };
}

/** Each call in a closed loop for a while, then the next one's turn, and so on. @returns milliseconds of each call */
async function inTurns(
  { warmUpMs, roundMs, rounds }: Pace,
  calls: [Call, Call, Call],
): Promise<[number[], number[], number[]]> {
  const took: [number[], number[], number[]] = [[], [], []];
  for (const call of calls) await closedLoop(call, warmUpMs);
  // Short turns: what is compared is each call, and whatever else happens on the machine happens to all.
  for (let round = 0; round < rounds * 5; round += 1) {
    for (const [index, call] of calls.entries()) took[index]?.push(...(await closedLoop(call, roundMs / 10)));
  }
  return took;
}

async function closedLoop(call: Call, durationMs: number): Promise<number[]> {
  const took: number[] = [];
  const endMs = performance.now() + durationMs;
  for (let startMs = performance.now(); startMs < endMs;) {
    await call();
    const nowMs = performance.now();
    took.push(nowMs - startMs);
    startMs = nowMs;
  }
  return took;
}

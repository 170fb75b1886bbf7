import { systemClock } from '#core';
import { type CommitOptions, type Entry, type Follower, type Write } from '#election';
import { EtcdElectionStore } from '#etcd';
import { startPrivateStack, type PrivateStack } from '#local-stack';
import { type Incumbent, type Standing } from './incumbent.js';
import { Inspector } from './inspector.js';
import { processorTime } from './processor-time.js';
import { pause } from './rounds.js';
import { Service } from './service.js';
import { forEach, steadily } from './steady.js';

/** Below which a replica keeps everything, unless it is told otherwise. */
const PREFIX = 'incumbent/';
/** Enough connections to prepare a crowd at the rate that one replica can take. */
const WIDTH = 12;
const STORE_CALL_MS = 10_000;

/** A stack of its own for a crowd, so that no other row has to carry it: one replica, inspected, and one etcd. */
export class CrowdHouse {
  readonly service: Service;
  readonly inspector: Inspector;
  readonly etcdPids: readonly number[];
  readonly #stack: PrivateStack;
  readonly #stores: EtcdElectionStore[] = [];

  static async open(): Promise<CrowdHouse> {
    const stack = await startPrivateStack();
    try {
      const service = await Service.start(stack, ['--inspect=127.0.0.1:0']);
      return new CrowdHouse(stack, service, await Inspector.connect(service.log));
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  private constructor(stack: PrivateStack, service: Service, inspector: Inspector) {
    this.#stack = stack;
    this.service = service;
    this.inspector = inspector;
    this.etcdPids = stack.servers.etcd.pids;
  }

  get etcdUrls(): string[] {
    return this.#stack.etcdEndpoints;
  }

  /** Does something for each of so many, over a few connections at once. */
  async prepare(
    count: number,
    work: (index: number, participant: Incumbent) => Promise<void>,
  ): Promise<void> {
    const indexes = Array.from({ length: count }, (_, index) => index);
    const callers = Array.from({ length: WIDTH }, () => this.service.connect());
    await forEach(indexes, WIDTH, async (index, caller) => {
      const participant = callers[caller];
      if (participant) await work(index, participant);
    });
    for (const caller of callers) caller.close();
  }

  /** Elections of the same settings, each with one leader. @returns where the leaders stand */
  async leaders(prefix: string, count: number, ttlMs: number): Promise<Standing[]> {
    const standings: Standing[] = [];
    await this.prepare(count, async (index, participant) => {
      await makeElection(participant, `${prefix}-${index}`, { ttlMs });
      const standing = await participant.campaign(`${prefix}-${index}`, { candidate: 'leader' });
      if (standing.state !== 'leader') throw new Error(`The only candidate is ${standing.state}`);
      standings[index] = standing;
    });
    return standings;
  }

  /** The deployment's store, past every replica. `follower` is told what replicas are told. */
  async store(follower?: Follower): Promise<EtcdElectionStore> {
    const store = await EtcdElectionStore.open({
      endpoints: this.etcdUrls,
      prefix: PREFIX,
      processId: `prc_bench_${this.#stores.length}`,
      databaseLimitBytes: 4_000_000_000,
    });
    this.#stores.push(store);
    if (follower) await store.follow(follower);
    return store;
  }

  /** Processor time of the replica and of etcd, and how long the replica's event loop was held up meanwhile. */
  async meter(): Promise<() => Promise<Usage>> {
    await this.inspector.watchLoop();
    const startMs = performance.now();
    const before = { api: processorTime([this.service.pid]), etcd: processorTime(this.etcdPids) };
    return async () => {
      const forUs = (performance.now() - startMs) * 1_000;
      return {
        api: (processorTime([this.service.pid]) - before.api) / forUs,
        etcd: (processorTime(this.etcdPids) - before.etcd) / forUs,
        loopMaxMs: (await this.inspector.loopDelay()).maxMs,
      };
    };
  }

  async close(): Promise<void> {
    this.inspector.close();
    await Promise.all(this.#stores.map((store) => store.close()));
    await this.service.stop();
    await this.#stack.stop();
  }
}

/** A machine that is busy with other things lets a replica miss its deadline: then the call is repeated. */
export async function makeElection(
  participant: Incumbent,
  name: string,
  settings: { ttlMs: number; maxTtlMs?: number },
): Promise<void> {
  for (let left = 5; ; left -= 1) {
    try {
      return await participant.createElection(name, settings);
    } catch (error) {
      // What was not known to be carried out the last time was carried out.
      if (left < 5 && String(error).includes('answered 409')) return;
      if (left === 0 || !String(error).includes('answered 503')) throw error;
      await pause(500);
    }
  }
}

/** Shares of one processor, and the longest time for which the event loop stood still. */
export interface Usage {
  api: number;
  etcd: number;
  loopMaxMs: number;
}

export function shown({ api, etcd, loopMaxMs }: Usage): string {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  return `api ${percent(api)} and etcd ${percent(etcd)} of a processor, event loop held up for at most ${loopMaxMs.toFixed(0)} ms`;
}

/** Leaders that renew at a steady rate, in turns over a few connections, whatever happens elsewhere. */
export class Renewers {
  readonly #elections: readonly string[];
  readonly #standings: readonly Standing[];
  /** Made with the first call: a replica closes a connection over which nothing is asked. */
  readonly #callers: (Incumbent | undefined)[];
  readonly #service: Service;
  readonly #ratePerSecond: number;
  #turn = 0;

  constructor(
    service: Service,
    { elections, standings }: { elections: readonly string[]; standings: readonly Standing[] },
    { connections, ratePerSecond }: { connections: number; ratePerSecond: number },
  ) {
    this.#elections = elections;
    this.#standings = standings;
    this.#ratePerSecond = ratePerSecond;
    this.#service = service;
    this.#callers = Array.from({ length: connections }, () => undefined);
  }

  /** @returns how long each renewal took, milliseconds */
  async renewFor(durationMs: number): Promise<number[]> {
    const latencies: number[] = [];
    await steadily(this.#callers.length, this.#ratePerSecond, durationMs, async (caller) => {
      const turn = this.#turn;
      this.#turn = (turn + 1) % this.#standings.length;
      const startMs = performance.now();
      const session = this.#standings[turn]?.session ?? '';
      const participant = (this.#callers[caller] ??= this.#service.connect());
      await participant.renew(this.#elections[turn] ?? '', session);
      latencies.push(performance.now() - startMs);
    });
    return latencies;
  }

  close(): void {
    for (const caller of this.#callers) caller?.close();
  }
}

/** Writes straight into the store, in transitions of a few writes that travel in groups. */
export async function writeAll(store: EtcdElectionStore, writes: readonly Write[]): Promise<void> {
  const batches: Write[][] = [];
  for (let from = 0; from < writes.length; from += 16) batches.push(writes.slice(from, from + 16));
  await forEach(batches, 64, async (batch) => {
    const outcome = await store.commit({ guards: [], writes: batch, reads: [] }, inTime());
    if (outcome.kind !== 'committed') throw new Error(`A write was ${outcome.kind}`);
  });
}

/** Renews sessions past every replica, as a renewal does: the value that they have, written again. */
export async function renewAll(store: EtcdElectionStore, sessions: readonly Entry[]): Promise<void> {
  await forEach(sessions, 256, async ({ key, value }) => {
    const guards = [{ kind: 'value' as const, key, value }];
    await store.commit({ guards, writes: [{ kind: 'put', key, value }], reads: [] }, inTime());
  });
}

function inTime(): CommitOptions {
  return {
    lane: 'renew',
    tenantId: 'ten_bench',
    deadlineMs: systemClock.monotonicMs() + STORE_CALL_MS,
  };
}

/** Every session as it is now. */
export async function sessionsIn(store: EtcdElectionStore): Promise<Entry[]> {
  const { revision } = await store.ping();
  const sessions: Entry[] = [];
  for (let after: string | undefined; ;) {
    const { entries, more } = await store.list({ prefix: 's/', after, revision, limit: 10_000 });
    sessions.push(...entries);
    after = entries.at(-1)?.key;
    if (!more) return sessions;
  }
}

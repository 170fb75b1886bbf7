import { type Clock, delay, IncumbentError, systemClock } from '#core';
import type {
  CommitOptions,
  ElectionStore,
  Entry,
  Epoch,
  Follower,
  Outcome,
  Read,
  Transition,
} from '#election';
import { keys, SYSTEM_TENANT } from '#election';
import { Caller } from './caller.js';
import { Codec } from './codec.js';
import { Endpoint, type Service } from './endpoint.js';
import { GroupCommit } from './group-commit.js';
import { Housekeeper } from './housekeeper.js';
import { listAt, pageAt } from './listing.js';
import type { StoreLog, StoreMeter } from './meter.js';
import { Periodic } from './periodic.js';
import { UnaryChannel } from './unary-channel.js';
import { WatchHub } from './watch-hub.js';
import { Watermark } from './watermark.js';
import { WriterFence } from './writer-fence.js';

/** Leaves 20-40 s of history: longer than any watch needs to come back, small enough at 10 MB of it per second. */
const COMPACT_EVERY_MS = 20_000;
const MEASURE_EVERY_MS = 5_000;
/** Time for what the store needs for itself. */
const OWN_WORK_MS = 2_000;
const OWN_TENANT = 'incumbent';

export interface EtcdStoreOptions {
  /** URLs of the etcd members. */
  endpoints: readonly string[];
  /** All keys lie below it. */
  prefix: string;
  /** Unique among all processes that ever write to this store. */
  processId: string;
  /** Size of etcd's database at which load is shed. */
  databaseLimitBytes: number;
  clock?: Clock;
  log?: StoreLog;
  meter?: StoreMeter;
  /** Whether this process is the housekeeper now; default: never. */
  isHousekeeper?: () => boolean;
  /** How long `open` waits for etcd. */
  openTimeoutMs?: number;
  /** How often history is compacted and the database measured; tests are in a hurry. */
  upkeepMs?: { compact: number; measure: number };
}

export interface ListRequest {
  prefix: string;
  after?: string | undefined;
  revision: number;
  limit: number;
}

export interface Listed {
  entries: Entry[];
  more: boolean;
  /** How many keys there are from `after` on, those beyond `limit` included. */
  count: number;
}

/** The ElectionStore on etcd. What it promises is said at the port, libs/election/src/store.ts. */
export class EtcdElectionStore implements ElectionStore {
  readonly #clock: Clock;
  readonly #codec: Codec;
  readonly #callers: Callers;
  readonly #fence: WriterFence;
  readonly #groups: GroupCommit;
  readonly #hub: WatchHub;
  readonly #watermark: Watermark;
  readonly #upkeep: Periodic[];

  /** Connects, takes the write fence and creates the epoch of a new store. @throws IncumbentError store.unavailable */
  static async open(options: EtcdStoreOptions): Promise<EtcdElectionStore> {
    const store = new EtcdElectionStore(options);
    const opened = store.#fence.past(0);
    const late = delay(options.openTimeoutMs ?? 10_000, store.#clock).then(() => false);
    if (await Promise.race([opened, late])) {
      for (const task of store.#upkeep) task.start();
      return store;
    }
    await store.close();
    throw new IncumbentError(
      'store.unavailable',
      'The coordination store cannot be reached; check ETCD_ENDPOINTS.',
      {
        retryAfterMs: 1_000,
        executed: false,
      },
    );
  }

  private constructor(options: EtcdStoreOptions) {
    const { endpoints, prefix, processId } = options;
    const { clock = systemClock, log = () => undefined, meter = {} } = options;
    const upkeepMs = options.upkeepMs ?? { compact: COMPACT_EVERY_MS, measure: MEASURE_EVERY_MS };
    const codec = new Codec(prefix);
    const callers = callersOf(endpoints, clock, meter);
    const fence = new WriterFence({ processId, caller: callers.groups, codec, clock, meter, log });
    const groups = new GroupCommit({ caller: callers.groups, codec, fence, clock, meter });
    const currentRevision = (): Promise<number> => this.ping().then(({ revision }) => revision);
    this.#clock = clock;
    this.#codec = codec;
    this.#callers = callers;
    this.#fence = fence;
    this.#groups = groups;
    this.#hub = new WatchHub({
      caller: callers.watch,
      codec,
      clock,
      meter,
      log,
      listAt: (revision) => listAt(callers.pages, codec, revision),
      currentRevision,
      generation: () => fence.generation,
      newestWriteRevision: () => groups.newestWriteRevision,
    });
    this.#watermark = new Watermark({
      caller: callers.upkeep,
      limitBytes: options.databaseLimitBytes,
      meter,
      log,
    });
    const isElected = options.isHousekeeper ?? (() => false);
    const housekeeper = new Housekeeper({ caller: callers.pages, codec, log, isElected, currentRevision });
    this.#upkeep = [
      new Periodic(clock, upkeepMs.compact, () => housekeeper.round()),
      new Periodic(clock, upkeepMs.measure, () => this.#watermark.measure()),
    ];
  }

  async commit(transition: Transition, options: CommitOptions): Promise<Outcome> {
    // What empties the outbox makes room: shed it, and a full store would stay full.
    if (options.tenantId !== SYSTEM_TENANT && !this.#watermark.admits(options.lane)) {
      const detail = 'The coordination store is close to its limits; try again later.';
      throw new IncumbentError('store.overloaded', detail, { retryAfterMs: 1_000, executed: false });
    }
    return this.#groups.commit(transition, options);
  }

  async read(
    reads: readonly Read[],
    options: CommitOptions,
  ): Promise<{ revision: number; reads: Entry[][] }> {
    const outcome = await this.commit({ guards: [], writes: [], reads }, options);
    if (outcome.kind === 'fenced') throw new Error('A read has no outcome that could be unknown.');
    return { revision: outcome.revision, reads: outcome.reads };
  }

  async follow(follower: Follower): Promise<void> {
    await this.#hub.follow({
      reset: (entries, revision) => {
        for (const entry of entries) if (entry.key === keys.epoch) this.#fence.observeEpoch(entry);
        follower.reset(entries, revision);
      },
      apply: (changes, revision) => {
        for (const change of changes) {
          if (change.kind === 'put' && change.entry.key === keys.epoch)
            this.#fence.observeEpoch(change.entry);
        }
        follower.apply(changes, revision);
      },
    });
  }

  epoch(): Epoch {
    return this.#fence.epoch();
  }

  /** Connects the watch again, to another endpoint; for an owner that knows it to be stale. */
  restartWatch(reason: string): void {
    this.#hub.restart(reason);
  }

  /** One read through the log: the store's revision and how long it took. @throws IncumbentError store.unavailable */
  async ping(): Promise<{ revision: number; latencyMs: number }> {
    const startMs = this.#clock.monotonicMs();
    const options: CommitOptions = { lane: 'renew', tenantId: OWN_TENANT, deadlineMs: startMs + OWN_WORK_MS };
    const outcome = await this.#groups.commit({ guards: [], writes: [], reads: [] }, options);
    if (outcome.kind === 'fenced') throw new Error('A read has no outcome that could be unknown.');
    return { revision: outcome.revision, latencyMs: this.#clock.monotonicMs() - startMs };
  }

  /**
   * The keys that start with `prefix` as they were at `revision`, in key order, those after the key `after`, at most
   * `limit`; and how many there are in all. `revision` is one that `ping` has told, so the answer is never stale.
   * @throws ListingFailed when etcd does not answer, or has compacted that revision away
   */
  async list({ prefix, after, revision, limit }: ListRequest): Promise<Listed> {
    const range = this.#codec.range(prefix, after);
    const page = await pageAt(this.#callers.pages, this.#codec, { range, revision, limit });
    return { entries: page.entries, more: page.next !== undefined, count: page.count };
  }

  /** When etcd last answered a commit or a read, on the monotonic clock. */
  get lastAnswerMs(): number {
    return this.#callers.groups.lastSuccessMs;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#upkeep.map((task) => task.close()), this.#hub.close()]);
    await this.#groups.close();
    await this.#fence.close();
    const { groups, pages, watch, upkeep } = this.#callers;
    for (const caller of [groups, pages, watch, upkeep]) caller.close();
  }
}

/** Each has connections of its own: a page of megabytes or a watch that stalls holds up no commit. */
interface Callers {
  groups: Caller<UnaryChannel>;
  pages: Caller<UnaryChannel>;
  watch: Caller<Endpoint>;
  upkeep: Caller<Endpoint>;
}

function callersOf(urls: readonly string[], clock: Clock, meter: StoreMeter): Callers {
  const unary = (): Caller<UnaryChannel> =>
    new Caller({ endpoints: urls.map((url) => new UnaryChannel(url, clock)), clock, meter });
  const stubs = (service: Service): Caller<Endpoint> =>
    new Caller({ endpoints: urls.map((url) => new Endpoint(url, service)), clock, meter });
  return { groups: unary(), pages: unary(), watch: stubs('Watch'), upkeep: stubs('Maintenance') };
}

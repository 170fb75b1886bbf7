/**
 * The one watch of this process: everything below the deployment's prefix, in revision order, so that what the
 * follower holds is at every moment the exact content of the store at one revision of the past.
 *
 * Guarantee: every change exactly once and in order, whole revisions at a time; after any doubt (compaction, a
 * store that went back) the whole truth again. Not guaranteed: how far behind it is. Nothing may be granted from it.
 */
import { type Clock, delay, type Timer } from '#core';
import type { Change, Entry, Follower } from '#election';
import type { Caller } from './caller.js';
import type { Endpoint } from './endpoint.js';
import type { Codec } from './codec.js';
import type { StoreLog, StoreMeter } from './meter.js';
import { type StreamEnd, WatchStream } from './watch-stream.js';

/** A stream without any sign of life for this long is given up. */
const SILENCE_MS = 2_000;
/** A commit of this process that does not come back for this long means a member cut off from the others. */
const LAG_MS = 2_000;
const LOOK_MS = 500;
/** Before connecting again; jittered, because all replicas lose a member at the same moment. */
const BACK_OFF_MS = { first: 20, most: 500 };
/** Write fences are noise: one key per process, of no use to anyone else. */
const HIDDEN = 'g/writer/';

export interface WatchHubOptions {
  /** Chooses the endpoints of the stream. */
  caller: Caller<Endpoint>;
  codec: Codec;
  clock: Clock;
  meter: StoreMeter;
  log: StoreLog;
  /** Everything as it was at one revision. */
  listAt: (revision: number) => Promise<Entry[]>;
  /** The store's revision now, by a read that is never stale. */
  currentRevision: () => Promise<number>;
  /** Changes when another store takes the place of the one known before. */
  generation: () => number;
  /** The newest revision known to hold a write of this process. */
  newestWriteRevision: () => number;
}

export class WatchHub {
  readonly #options: WatchHubOptions;
  #follower: Follower | undefined;
  #stream: WatchStream | undefined;
  #running: Promise<void> | undefined;
  #watchdog: Timer | undefined;
  /** Everything up to this revision was delivered; 0: nothing yet, or void. */
  #delivered = 0;
  /** Of the store that it was delivered from. */
  #generation = 0;
  #lastSignMs = 0;
  /** A revision that holds a write of this process, and since when its return is awaited. */
  #awaited = { revision: 0, sinceMs: 0 };
  #backOffMs = BACK_OFF_MS.first;
  #closed = false;

  constructor(options: WatchHubOptions) {
    this.#options = options;
  }

  /** Starts to deliver; returns after the first `reset`, however long that takes. */
  async follow(follower: Follower): Promise<void> {
    if (this.#follower) throw new Error('The store has one follower already.');
    this.#follower = follower;
    const first = Promise.withResolvers<void>();
    this.#running = this.#run(first.resolve);
    this.#watch();
    await first.promise;
  }

  /** Connects again, to the next endpoint; nothing is lost. */
  restart(reason: string): void {
    this.#stream?.stop(reason);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watchdog?.cancel();
    this.restart('closing');
    await this.#running;
  }

  async #run(onFirstReset: () => void): Promise<void> {
    while (!this.#closed) {
      const endpoint = this.#options.caller.endpoint();
      try {
        await this.#ensureListed();
        onFirstReset();
        if (this.#closed) break;
        const end = await this.#stay(endpoint);
        if (end.kind === 'gap') this.#delivered = 0;
        this.#note('the watch ended', { endpoint: endpoint.url, ...end });
      } catch (cause) {
        this.#note('the watch could not start', { endpoint: endpoint.url, cause });
      }
      this.#options.caller.abandon(endpoint);
      await this.#backOff();
    }
    onFirstReset();
  }

  /** Delivers everything as it is now, if nothing was delivered yet or what was delivered is void. */
  async #ensureListed(): Promise<void> {
    if (this.#delivered > 0) return;
    const revision = await this.#options.currentRevision();
    this.#generation = this.#options.generation();
    const entries = await this.#options.listAt(revision);
    this.#delivered = revision;
    this.#options.meter.watchReset?.();
    const shown = entries.filter((entry) => !entry.key.startsWith(HIDDEN));
    this.#tell((follower) => follower.reset(shown, revision));
  }

  async #stay(endpoint: Endpoint): Promise<StreamEnd> {
    const stream = new WatchStream(this.#options.codec, {
      onOpen: () => void this.#verify(stream),
      onMessage: (changes) => this.#receive(changes),
    });
    this.#stream = stream;
    this.#excuse(this.#options.clock.monotonicMs());
    try {
      return await stream.run(endpoint, this.#delivered + 1);
    } finally {
      this.#stream = undefined;
    }
  }

  /**
   * etcd takes a watch from a revision that it does not have yet, and then says nothing until it has. A store that
   * was put back to an older state would so be silent for as long as it takes to grow again. Asked after the
   * stream was opened, because a store may be replaced between any two connections.
   */
  async #verify(stream: WatchStream): Promise<void> {
    const delivered = this.#delivered;
    try {
      const revision = await this.#options.currentRevision();
      if (revision >= delivered && this.#options.generation() === this.#generation) return;
      this.#options.log('error', 'the store is not the one that was watched', { delivered, revision });
      stream.stop('the store is not the one that was watched', 'gap');
    } catch (cause) {
      stream.stop(`the revision of the store could not be verified: ${String(cause)}`);
    }
  }

  #receive(received: Change[]): void {
    this.#lastSignMs = this.#options.clock.monotonicMs();
    this.#backOffMs = BACK_OFF_MS.first;
    const changes: Change[] = [];
    let revision = this.#delivered;
    for (const change of received) {
      const [key, modRevision] =
        change.kind === 'put'
          ? [change.entry.key, change.entry.modRevision]
          : [change.key, change.modRevision];
      // etcd before 3.4.25 may send a slow watcher events that it has had (etcd-io/etcd#15271).
      if (modRevision <= this.#delivered) continue;
      revision = Math.max(revision, modRevision);
      if (!key.startsWith(HIDDEN)) changes.push(change);
    }
    if (revision === this.#delivered) return;
    this.#delivered = revision;
    this.#tell((follower) => follower.apply(changes, revision));
  }

  /** The follower's mistakes are logged and must not end the stream. */
  #tell(say: (follower: Follower) => void): void {
    if (!this.#follower || this.#closed) return;
    try {
      say(this.#follower);
    } catch (cause) {
      this.#options.log('error', 'the follower of the store threw', { cause });
    }
  }

  /** Looks for streams that are open and useless: no sign of life, or our own commits do not come back. */
  #watch(): void {
    const { clock, meter, newestWriteRevision } = this.#options;
    const dueMs = clock.monotonicMs() + LOOK_MS;
    this.#watchdog = clock.after(LOOK_MS, () => {
      this.#watch();
      const nowMs = clock.monotonicMs();
      // This process itself stood still: what has arrived meanwhile is still to be read.
      if (nowMs - dueMs > LOOK_MS) return this.#excuse(nowMs);
      const newest = newestWriteRevision();
      meter.watchLag?.(Math.max(0, newest - this.#delivered));
      if (this.#delivered >= this.#awaited.revision) this.#awaited = { revision: newest, sinceMs: nowMs };
      if (nowMs - this.#lastSignMs > SILENCE_MS) this.restart('silent');
      else if (this.#delivered < this.#awaited.revision && nowMs - this.#awaited.sinceMs > LAG_MS)
        this.restart('stale');
      else if (nowMs - this.#lastSignMs >= LOOK_MS) this.#stream?.probe();
    });
  }

  #excuse(nowMs: number): void {
    this.#lastSignMs = nowMs;
    this.#awaited.sinceMs = nowMs;
  }

  /** Logs the first of a row of failures: the others say the same. */
  #note(message: string, fields: Record<string, unknown>): void {
    if (!this.#closed && this.#backOffMs === BACK_OFF_MS.first) this.#options.log('warn', message, fields);
  }

  async #backOff(): Promise<void> {
    if (this.#closed) return;
    await delay(this.#backOffMs * (0.5 + Math.random()), this.#options.clock);
    this.#backOffMs = Math.min(BACK_OFF_MS.most, this.#backOffMs * 2);
  }
}

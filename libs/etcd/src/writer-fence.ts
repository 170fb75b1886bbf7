import type { ICompare, IRequestOp, ITxnResponse } from 'etcd3';
import { type Clock, delay } from '#core';
import { decode, encode, type Entry, type Epoch, type EpochRecord, keys } from '#election';
import type { Caller } from './caller.js';
import type { Codec } from './codec.js';
import type { StoreLog, StoreMeter } from './meter.js';

/** How long one attempt to commit the fence may take before the next endpoint is tried. */
const ATTEMPT_MS = 500;
/** Between attempts; short, because everything this process wants to commit waits for it. */
const PAUSE_MS = 40;
/** Attempts between two log lines while the store is away. */
const LOG_EVERY = 100;

/** The revisions that a group demands; while both stand, the group may commit. */
export interface Stamp {
  writerRevision: number;
  epochRevision: number;
}

export interface WriterFenceOptions {
  processId: string;
  caller: Caller;
  codec: Codec;
  clock: Clock;
  meter: StoreMeter;
  log: StoreLog;
}

/**
 * Makes unknown outcomes definite. A group that was sent and never answered may commit minutes later, when a
 * frozen etcd member thaws. But every group demands the current revision of this process's `g/writer` key: once
 * a new value of that key is committed, no group sent before it can commit any more.
 *
 * It also holds the epoch that every group demands, so that a decision made under an old epoch cannot commit
 * under a new one.
 */
export class WriterFence {
  readonly #options: WriterFenceOptions;
  #writerRevision = 0;
  #epochRevision = 0;
  #epoch: Epoch = { epoch: 0, settled: false };
  #advancing: Promise<boolean> | undefined;
  #closed = false;

  constructor(options: WriterFenceOptions) {
    this.#options = options;
  }

  /** What the next group has to demand; undefined while nothing may be sent (`ready` tells when). */
  stamp(): Stamp | undefined {
    if (this.#advancing || this.#writerRevision === 0 || this.#closed) return undefined;
    return { writerRevision: this.#writerRevision, epochRevision: this.#epochRevision };
  }

  /** Waits until groups may be sent. @returns false if that will never be again */
  async ready(): Promise<boolean> {
    return this.#advancing ?? !this.#closed;
  }

  epoch(): Epoch {
    return this.#epoch;
  }

  /** The revision of the epoch that transitions decided now stand under. */
  get epochRevision(): number {
    return this.#epochRevision;
  }

  /** What a group with this stamp demands. */
  compares(stamp: Stamp): ICompare[] {
    const { codec, processId } = this.#options;
    return [
      codec.compare({ kind: 'revision', key: keys.writer(processId), revision: stamp.writerRevision }),
      codec.compare({ kind: 'revision', key: keys.epoch, revision: stamp.epochRevision }),
    ];
  }

  /** The operations of a group's failure branch, from whose answer `learn` learns. */
  probes(): IRequestOp[] {
    const { codec, processId } = this.#options;
    return [keys.writer(processId), keys.epoch].map((key) => ({ request_range: { key: codec.key(key) } }));
  }

  /** Takes the current revisions from a group that was refused by its outer compares. */
  learn(response: ITxnResponse): void {
    const [writer, epoch] = response.responses.map((part) => this.#options.codec.entries(part)[0]);
    if (epoch) this.observeEpoch(epoch);
    if (writer && writer.modRevision > this.#writerRevision) this.#writerRevision = writer.modRevision;
    const lost = !writer || !epoch;
    if (lost && Number(response.header.revision) > this.#writerRevision) void this.past(this.#writerRevision);
  }

  /** Takes a change of `g/epoch`, from wherever it was seen. */
  observeEpoch(entry: Entry): void {
    const { epoch, settled } = decode<EpochRecord>(entry.value);
    if (epoch < this.#epoch.epoch || entry.modRevision <= this.#epochRevision) return;
    this.#epochRevision = entry.modRevision;
    this.#epoch = { epoch, settled };
  }

  /**
   * Waits, however long it takes, until no group that demands `writerRevision` can commit any more; until then
   * nothing is sent. From revision 0 on it is the start: it takes the fence and creates the epoch of a new store.
   * @returns false if the process closed before that was certain
   */
  async past(writerRevision: number): Promise<boolean> {
    if (this.#writerRevision > writerRevision) return true;
    this.#advancing ??= this.#advance().finally(() => {
      this.#advancing = undefined;
    });
    return this.#advancing;
  }

  close(): void {
    this.#closed = true;
  }

  async #advance(): Promise<boolean> {
    const { clock, log, meter } = this.#options;
    const starting = this.#writerRevision === 0;
    for (let attempt = 1; !this.#closed; attempt += 1) {
      const obstacle = await this.#commitFence();
      if (obstacle === undefined) {
        if (!starting) meter.fenced?.();
        return true;
      }
      if (attempt % LOG_EVERY === 5)
        log('warn', 'commits wait for the coordination store', { attempt, obstacle });
      await delay(PAUSE_MS * (1 + Math.random()), clock);
    }
    return false;
  }

  /** Commits a new value of the writer key. @returns why that failed, or undefined */
  async #commitFence(): Promise<unknown> {
    const { caller, codec, processId } = this.#options;
    const epochKey = codec.key(keys.epoch);
    const firstEpoch: EpochRecord = { epoch: 0, settled: true };
    const create = { request_put: { key: epochKey, value: Buffer.from(encode(firstEpoch)) } };
    // Only a process that has never seen an epoch may create it: a store that lost it is not a new store.
    const createIfNew = {
      compare: [codec.compare({ kind: 'absent', key: keys.epoch })],
      success: this.#epochRevision === 0 ? [create] : [],
    };
    const put = { request_put: { key: codec.key(keys.writer(processId)), value: Buffer.from(processId) } };
    const success = [{ request_txn: createIfNew }, put, { request_range: { key: epochKey } }];
    const reply = await caller.call('txn', ATTEMPT_MS, (etcd, options) => etcd.kv.txn({ success }, options));
    if (reply.kind !== 'ok') return reply.cause;
    return this.#take(Number(reply.value.header.revision), codec.entries(reply.value.responses[2])[0]);
  }

  /** Takes the revisions of a committed fence, unless they show a store that is not the one known so far. */
  #take(revision: number, entry: Entry | undefined): string | undefined {
    if (!entry) return 'the store has lost its epoch';
    const { epoch, settled } = decode<EpochRecord>(entry.value);
    const known = this.#epoch.epoch;
    if (epoch < known) return 'the store went back to an older epoch';
    if (epoch === known && (revision <= this.#writerRevision || entry.modRevision < this.#epochRevision)) {
      return 'the store went back to an older revision: restore it with a raised epoch';
    }
    this.#writerRevision = revision;
    this.#epochRevision = entry.modRevision;
    this.#epoch = { epoch, settled };
    return undefined;
  }
}

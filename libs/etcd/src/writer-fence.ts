import { type Clock, delay } from '#core';
import {
  decode,
  encode,
  type Entry,
  type Epoch,
  type EpochRecord,
  type Guard,
  keys,
  type Read,
  type Transition,
  type Write,
} from '#election';
import type { Caller } from './caller.js';
import type { Codec, Origin } from './codec.js';
import type { StoreLog, StoreMeter } from './meter.js';
import type { UnaryChannel } from './unary-channel.js';

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
  caller: Caller<UnaryChannel>;
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
  readonly #writerKey: string;
  #writerRevision = 0;
  #epochRevision = 0;
  #epoch: Epoch = { epoch: 0, settled: false };
  #clusterId = 0;
  #generation = 0;
  #newestRevision = 0;
  /** The epoch under which the store was seen to go back in time; only a higher one makes it trusted again. */
  #distrustedEpoch: number | undefined;
  #advancing: Promise<boolean> | undefined;
  #closed = false;

  constructor(options: WriterFenceOptions) {
    this.#options = options;
    this.#writerKey = keys.writer(options.processId);
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

  /** Rises when another store, or another past of it, takes the place of the one known before. */
  get generation(): number {
    return this.#generation;
  }

  /** What a group with this stamp demands. */
  demands(stamp: Stamp): Guard[] {
    return [
      { kind: 'revision', key: this.#writerKey, revision: stamp.writerRevision },
      { kind: 'revision', key: keys.epoch, revision: stamp.epochRevision },
    ];
  }

  /** What a group reads when a demand does not hold, for `learn`. */
  get probes(): Read[] {
    return [
      { kind: 'key', key: this.#writerKey },
      { kind: 'key', key: keys.epoch },
    ];
  }

  /** The newest revision that an answer has shown; a later answer that shows an older one betrays a restored store. */
  get newestRevision(): number {
    return this.#newestRevision;
  }

  /**
   * Takes note of where an answer comes from. Answers come through the raft log, so none is older than what was known
   * when its question was sent, unless the store was replaced or put back to an older state: then nothing is sent
   * any more until the epoch is raised, for every fence given since that state could be given again.
   * @returns whether the answer may be trusted
   */
  witness(stamp: Stamp, knownWhenSent: number, origin: Origin): boolean {
    // Asked under an epoch that is over: whatever store answers now, that epoch can grant no more.
    if (stamp.epochRevision !== this.#epochRevision) return true;
    if (this.#distrustedEpoch !== undefined) return false;
    const same = origin.clusterId === this.#clusterId && origin.revision >= knownWhenSent;
    if (same) this.#newestRevision = Math.max(this.#newestRevision, origin.revision);
    else this.#distrust(knownWhenSent, origin);
    if (!same) void this.past(this.#writerRevision);
    return same;
  }

  /** Takes the current revisions from what a group has read in place of being executed. */
  learn(revision: number, probed: Entry[][]): void {
    const [writer, epoch] = [probed[0]?.[0], probed[1]?.[0]];
    if (epoch) this.observeEpoch(epoch);
    if (writer && writer.modRevision > this.#writerRevision) this.#writerRevision = writer.modRevision;
    if ((!writer || !epoch) && revision > this.#writerRevision) void this.past(this.#writerRevision);
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

  /** Sends nothing any more, and removes the writer key: it fences as well, and leaves nothing behind. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#advancing;
    if (this.#writerRevision === 0) return;
    const { caller, codec } = this.#options;
    const transitions: Transition[] = [
      { guards: [], writes: [{ kind: 'delete', key: this.#writerKey }], reads: [] },
    ];
    const request = codec.encodeGroup({ demands: [], transitions, probes: [] });
    await caller.call('fence', ATTEMPT_MS, (endpoint, withinMs) =>
      endpoint.call('KV/Txn', request, withinMs),
    );
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
    const firstEpoch: EpochRecord = { epoch: 0, settled: true };
    const create: Write = { kind: 'put', key: keys.epoch, value: encode(firstEpoch) };
    // Only a process that has never seen an epoch may create it: a store that lost it is not a new store.
    const writes = this.#epochRevision === 0 ? [create] : [];
    const transitions: Transition[] = [
      { guards: [{ kind: 'absent', key: keys.epoch }], writes, reads: [] },
      { guards: [], writes: [{ kind: 'put', key: this.#writerKey, value: processId }], reads: [] },
      { guards: [], writes: [], reads: [{ kind: 'key', key: keys.epoch }] },
    ];
    const request = codec.encodeGroup({ demands: [], transitions, probes: [] });
    const known = this.#newestRevision;
    const reply = await caller.call('fence', ATTEMPT_MS, (endpoint, withinMs) =>
      endpoint.call('KV/Txn', request, withinMs),
    );
    if (reply.kind !== 'ok') return reply.cause;
    const answer = codec.decodeGroup(reply.value, transitions);
    const epoch = answer.executed ? answer.outcomes[2] : undefined;
    if (epoch?.kind !== 'committed') return 'the store gave an answer without a meaning';
    return this.#take(known, answer.origin, epoch.reads[0]?.[0]);
  }

  /** Takes the revisions of a committed fence, unless they show a store that is not the one known so far. */
  #take(known: number, origin: Origin, entry: Entry | undefined): string | undefined {
    if (!entry) return 'the store has lost its epoch';
    const { epoch, settled } = decode<EpochRecord>(entry.value);
    const raised = epoch > (this.#distrustedEpoch ?? this.#epoch.epoch);
    const { clusterId, revision } = origin;
    const other = revision <= known || (this.#clusterId !== 0 && clusterId !== this.#clusterId);
    if (other && !raised) this.#distrust(known, origin);
    if (this.#distrustedEpoch !== undefined && epoch <= this.#distrustedEpoch)
      return 'the store went back in time';
    // The watch may just have brought a newer epoch than this answer; or the store went back to an older one.
    if (!raised && (epoch < this.#epoch.epoch || entry.modRevision < this.#epochRevision))
      return 'the epoch is an old one';
    if (other || this.#distrustedEpoch !== undefined) this.#generation += 1;
    this.#distrustedEpoch = undefined;
    this.#clusterId = clusterId;
    this.#newestRevision = raised ? revision : Math.max(this.#newestRevision, revision);
    this.#writerRevision = revision;
    this.#epochRevision = entry.modRevision;
    this.#epoch = { epoch, settled };
    return undefined;
  }

  #distrust(known: number, origin: Origin): void {
    if (this.#distrustedEpoch !== undefined) return;
    this.#distrustedEpoch = this.#epoch.epoch;
    const advice =
      'the coordination store went back in time or was replaced: nothing is granted until its epoch is raised';
    this.#options.log('error', advice, { known, ...origin, epoch: this.#epoch.epoch });
  }
}

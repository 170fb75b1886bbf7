import type { Caller } from './caller.js';
import type { Codec } from './codec.js';
import type { StoreLog } from './meter.js';
import type { UnaryChannel } from './unary-channel.js';

const COMPACT_MS = 5_000;

export interface HousekeeperOptions {
  caller: Caller<UnaryChannel>;
  codec: Codec;
  log: StoreLog;
  /** Whether this process is the one that keeps house; several at once do no harm. */
  isElected: () => boolean;
  currentRevision: () => Promise<number>;
}

/**
 * Compacts etcd's history: each renewal leaves about 200 bytes of it. It compacts to the revision noted one round
 * earlier, so one to two rounds of history stay for watches that come back.
 */
export class Housekeeper {
  readonly #options: HousekeeperOptions;
  #noted: number | undefined;

  constructor(options: HousekeeperOptions) {
    this.#options = options;
  }

  /** One round. Failures are logged; the next round makes up for them. */
  async round(): Promise<void> {
    const { isElected, currentRevision, log } = this.#options;
    if (!isElected()) {
      this.#noted = undefined;
      return;
    }
    try {
      const revision = await currentRevision();
      if (this.#noted !== undefined && this.#noted < revision) await this.#compact(this.#noted);
      this.#noted = revision;
    } catch (cause) {
      log('warn', 'the history of the coordination store was not compacted', { cause });
    }
  }

  async #compact(revision: number): Promise<void> {
    const { caller, codec } = this.#options;
    const message = codec.encodeCompaction(revision);
    const reply = await caller.call('compact', COMPACT_MS, (endpoint, withinMs) =>
      endpoint.call('KV/Compact', message, withinMs),
    );
    // Refused: another process has compacted further already.
    if (reply.kind !== 'ok' && reply.kind !== 'refused') throw reply.cause;
  }
}

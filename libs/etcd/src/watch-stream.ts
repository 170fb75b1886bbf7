import type { Change } from '#election';
import type { Codec } from './codec.js';
import type { Endpoint, RawStream } from './endpoint.js';

/** How a watch stream ended. */
export type StreamEnd =
  /** The revisions asked for are gone or were never there: list again. */
  | { kind: 'gap'; reason: string }
  /** The connection is over or useless: connect again. */
  | { kind: 'broken'; reason: string };

/** What a stream tells its owner. */
export interface StreamListener {
  /** etcd has taken the watch: from now on the stream belongs to the store as it is now. */
  onOpen(): void;
  /** A message; one without changes is a sign of life. */
  onMessage(changes: Change[]): void;
}

const CONNECT_MS = 500;

/**
 * One raw watch stream over a range, from one revision on, until it ends. It knows nothing of resuming: etcd3's own
 * watcher resumes from the revision of the "created" reply and so loses what was written before it.
 */
export class WatchStream {
  readonly #codec: Codec;
  readonly #listener: StreamListener;
  #open = false;
  #stream: RawStream | undefined;
  readonly #end = Promise.withResolvers<StreamEnd>();

  constructor(codec: Codec, listener: StreamListener) {
    this.#codec = codec;
    this.#listener = listener;
  }

  /** Opens the stream and waits for its end. */
  async run(endpoint: Endpoint, fromRevision: number): Promise<StreamEnd> {
    if (!(await endpoint.ready(CONNECT_MS))) return { kind: 'broken', reason: 'not connected' };
    const stream = await endpoint.stream('Watch/Watch');
    this.#stream = stream;
    stream.on('data', (message) => this.#receive(message));
    stream.on('error', (error) => this.stop(error.message));
    stream.on('end', () => this.stop('the server ended the stream'));
    stream.write(this.#codec.encodeWatch(fromRevision));
    const end = await this.#end.promise;
    this.#stream = undefined;
    stream.cancel();
    return end;
  }

  /** Asks etcd for a sign of life. */
  probe(): void {
    this.#stream?.write(this.#codec.encodeWatchProbe());
  }

  /** Ends the stream from this side. */
  stop(reason: string, kind: StreamEnd['kind'] = 'broken'): void {
    this.#end.resolve({ kind, reason });
  }

  #receive(message: Buffer): void {
    // What still arrives after the end was decided would be delivered twice: the next stream brings it again.
    if (!this.#stream) return;
    try {
      const { canceled, reason, changes } = this.#codec.decodeWatch(message);
      if (canceled) return this.stop(reason, 'gap');
      if (!this.#open) this.#listener.onOpen();
      this.#open = true;
      this.#listener.onMessage(changes);
    } catch (error) {
      this.stop(`a message could not be read: ${String(error)}`);
    }
  }
}

import type { IDuplexStream, IWatchRequest, IWatchResponse } from 'etcd3';
import type { Endpoint } from './endpoint.js';

/** How a watch stream ended. */
export type StreamEnd =
  /** The revisions asked for are gone or were never there: list again. */
  | { kind: 'gap'; reason: string }
  /** The connection is over or useless: connect again. */
  | { kind: 'broken'; reason: string };

const CONNECT_MS = 500;

/**
 * One raw watch stream over a range, from one revision on, until it ends. It knows nothing of resuming: etcd3's own
 * watcher resumes from the revision of the "created" reply and so loses what was written before it.
 */
export class WatchStream {
  readonly #onResponse: (response: IWatchResponse) => void;
  #stream: IDuplexStream<IWatchRequest, IWatchResponse> | undefined;
  readonly #end = Promise.withResolvers<StreamEnd>();

  constructor(onResponse: (response: IWatchResponse) => void) {
    this.#onResponse = onResponse;
  }

  /** Opens the stream and waits for its end. */
  async run(
    endpoint: Endpoint,
    range: { key: Buffer; range_end: Buffer },
    fromRevision: number,
  ): Promise<StreamEnd> {
    if (!(await endpoint.ready(CONNECT_MS))) return { kind: 'broken', reason: 'not connected' };
    const stream = await endpoint.etcd.watchClient.watch();
    this.#stream = stream;
    stream.on('data', (response) => this.#receive(response));
    stream.on('error', (error) => this.stop(error.message));
    stream.on('end', () => this.stop('the server ended the stream'));
    stream.write({ create_request: { ...range, start_revision: fromRevision } });
    const end = await this.#end.promise;
    stream.cancel();
    return end;
  }

  /** Asks etcd for a sign of life; the answer is a response without events. */
  probe(): void {
    this.#stream?.write({ progress_request: {} });
  }

  /** Ends the stream from this side. */
  stop(reason: string): void {
    this.#end.resolve({ kind: 'broken', reason });
  }

  #receive(response: IWatchResponse): void {
    if (response.canceled) {
      this.#end.resolve({
        kind: 'gap',
        reason: response.cancel_reason || `compacted to ${response.compact_revision}`,
      });
      return;
    }
    this.#onResponse(response);
  }
}

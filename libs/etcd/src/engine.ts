import { delay, IncumbentError } from '#core';
import type { Replica, ViewListener } from '#election';
import type { Logger } from '#telemetry';
import type { EtcdElectionStore } from './etcd-election-store.js';

const RETRY_MS = 500;

/** A replica and the store on which it stands. */
export interface Opened {
  replica: Replica;
  store: EtcdElectionStore;
}

/**
 * This process's part in all elections, from the moment that the coordination store can be reached. Until then
 * every call is refused with a promise that nothing happened, and the process stays up: a replica that starts
 * during an outage serves as soon as the outage ends.
 */
export class Engine {
  #opened: Opened | undefined;
  #opening: Promise<void> | undefined;
  #closed = false;
  readonly #listeners: ViewListener[] = [];
  readonly #open: () => Promise<Opened>;
  readonly #logger: Logger;

  constructor(open: () => Promise<Opened>, logger: Logger) {
    this.#open = open;
    this.#logger = logger;
  }

  /** @throws IncumbentError store.unavailable, `executed: false` */
  get current(): Replica {
    return this.#required().replica;
  }

  /** For what is stored beside elections. @throws IncumbentError store.unavailable, `executed: false` */
  get store(): EtcdElectionStore {
    return this.#required().store;
  }

  /** Undefined until the store was reached for the first time. */
  get known(): Replica | undefined {
    return this.#opened?.replica;
  }

  isReady(): boolean {
    return this.#opened?.replica.ready() ?? false;
  }

  /** Tells `listener` what the view sees from the opening on. To be called before `start`. */
  listen(listener: ViewListener): void {
    this.#listeners.push(listener);
  }

  /** Opens the replica in the background and tries again until it succeeds or `close` is called. */
  start(): void {
    this.#opening = this.#openUntilDone();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.race([this.#opening, delay(RETRY_MS)]);
    await this.#opened?.replica.close();
  }

  async #openUntilDone(): Promise<void> {
    while (!this.#closed && this.#opened === undefined) {
      try {
        const opened = await this.#open();
        for (const listener of this.#listeners) opened.replica.view.listen(listener);
        this.#opened = opened;
      } catch (error) {
        this.#logger.warn({ err: error }, 'the coordination store cannot be reached yet');
        await delay(RETRY_MS);
      }
    }
  }

  #required(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    throw new IncumbentError(
      'store.unavailable',
      'This replica has not reached the coordination store yet. Try again.',
      {
        executed: false,
      },
    );
  }
}

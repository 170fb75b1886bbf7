import { type Clock, delay, systemClock } from '#core';
import { NeverSent } from './failures.js';
import { UnaryConnection } from './unary-connection.js';

/** Waited after the first attempt in vain; doubled by each further one. */
const FIRST_PAUSE_MS = 100;
/** Half a second, so that service is back within a second of etcd's return. */
const LONGEST_PAUSE_MS = 500;

/**
 * Unary gRPC calls to one etcd member over node:http2, encoded messages in and out: the way of every commit and every
 * strong read. It connects when somebody asks and has one connection at a time, beside those that run out.
 *
 * Guarantee: a call is sent at most once. Its failure is NeverSent only where no member can have begun with it.
 * Not guaranteed: that a call which failed otherwise was not executed, or will not be later.
 */
export class UnaryChannel {
  readonly url: string;
  readonly #clock: Clock;
  #connection: UnaryConnection | undefined;
  /** Connections that were begun since one stood. */
  #inVain = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(url: string, clock: Clock = systemClock) {
    this.url = url;
    this.#clock = clock;
  }

  /**
   * Waits until the connection stands, at most `withinMs`; connects if need be. False at once while it pauses after
   * an attempt in vain, so that the caller can go on to another member.
   * @throws TypeError when the URL is none
   */
  ready(withinMs: number): boolean | Promise<boolean> {
    if (this.#connection?.isUp) return true;
    if (this.#connection === undefined || this.#connection.isOver) {
      if (this.#closed || this.#clock.monotonicMs() < this.#pausedUntilMs) return false;
      this.#connect();
    }
    const late = delay(withinMs, this.#clock).then(() => false);
    return Promise.race([this.#connection?.up ?? false, late]);
  }

  /** Makes a call such as "KV/Txn" of at most `withinMs`. @throws NeverSent, StatusError, AnswerLate and others */
  async call(method: string, message: Buffer, withinMs: number): Promise<Buffer> {
    if (!this.#connection) throw new NeverSent('there is no connection');
    return this.#connection.call(method, message, withinMs);
  }

  /** Ends the connection; the outcome of calls under way is unknown. */
  close(): void {
    this.#closed = true;
    this.#connection?.destroy();
  }

  #connect(): void {
    const address = this.url.includes('://') ? this.url : `http://${this.url}`;
    const connection = new UnaryConnection(address, this.#clock);
    this.#connection = connection;
    void connection.up.then((isUp) => {
      this.#inVain = isUp ? 0 : this.#inVain + 1;
      if (isUp) return;
      // Scattered, so that the replicas do not all come back at the same moment.
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (this.#inVain - 1), LONGEST_PAUSE_MS);
      this.#pausedUntilMs = this.#clock.monotonicMs() + pauseMs * (0.8 + 0.2 * Math.random());
    });
  }
}

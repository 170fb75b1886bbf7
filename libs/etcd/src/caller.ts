import { type Clock, IncumbentError } from '#core';
import { failureOf, type Reply } from './failures.js';
import type { StoreMeter } from './meter.js';

/** How long a connection may take to come up before the next endpoint is tried. */
const CONNECT_MS = 500;

/** A way to one etcd member. */
export interface Connectable {
  readonly url: string;
  /** Waits until the connection stands, at most `withinMs`. */
  ready(withinMs: number): boolean | Promise<boolean>;
  close(): void;
}

export interface CallerOptions<C extends Connectable> {
  endpoints: readonly C[];
  clock: Clock;
  meter: StoreMeter;
}

/** Unary calls to the etcd cluster: one endpoint at a time, the next one after an error. Never retries. */
export class Caller<C extends Connectable> {
  readonly #endpoints: readonly C[];
  readonly #clock: Clock;
  readonly #meter: StoreMeter;
  #current = 0;
  #lastSuccessMs = Number.NEGATIVE_INFINITY;

  constructor({ endpoints, clock, meter }: CallerOptions<C>) {
    this.#endpoints = endpoints;
    this.#clock = clock;
    this.#meter = meter;
  }

  /** When a call was last answered, on the monotonic clock. */
  get lastSuccessMs(): number {
    return this.#lastSuccessMs;
  }

  /** Makes one call that is given up after `timeoutMs`, the connection included; `run` is told what is left of it. */
  async call<T>(
    method: string,
    timeoutMs: number,
    run: (endpoint: C, withinMs: number) => Promise<T>,
  ): Promise<Reply<T>> {
    const startMs = this.#clock.monotonicMs();
    const endpoint = this.endpoint();
    const reply = await this.#attempt(endpoint, startMs + timeoutMs, run);
    const nowMs = this.#clock.monotonicMs();
    this.#meter.callEnded?.(method, nowMs - startMs, reply.kind);
    if (reply.kind === 'ok') this.#lastSuccessMs = nowMs;
    else if (reply.kind !== 'refused') this.abandon(endpoint);
    return reply;
  }

  /** The endpoint in use. */
  endpoint(): C {
    const endpoint = this.#endpoints[this.#current];
    if (!endpoint)
      throw new IncumbentError('store.unavailable', 'No etcd endpoint is configured.', { executed: false });
    return endpoint;
  }

  /** Moves on to the next endpoint, unless another failed call has already done so. */
  abandon(endpoint: C): void {
    if (this.#endpoints[this.#current] === endpoint)
      this.#current = (this.#current + 1) % this.#endpoints.length;
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  async #attempt<T>(
    endpoint: C,
    deadlineMs: number,
    run: (endpoint: C, withinMs: number) => Promise<T>,
  ): Promise<Reply<T>> {
    try {
      const withinMs = Math.min(CONNECT_MS, deadlineMs - this.#clock.monotonicMs());
      if (!(await endpoint.ready(withinMs)))
        return { kind: 'unsent', cause: new Error(`${endpoint.url} is not connected`) };
    } catch (cause) {
      return { kind: 'unsent', cause };
    }
    try {
      const remainingMs = Math.max(1, deadlineMs - this.#clock.monotonicMs());
      return { kind: 'ok', value: await run(endpoint, remainingMs) };
    } catch (error) {
      return failureOf(error);
    }
  }
}

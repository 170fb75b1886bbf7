import type { CallOptions } from '@grpc/grpc-js';
import { type Clock, IncumbentError, systemClock } from '#core';
import { Endpoint, type Service } from './endpoint.js';
import { failureOf, type Reply } from './failures.js';
import type { StoreMeter } from './meter.js';

/** How long a connection may take to come up before the next endpoint is tried. */
const CONNECT_MS = 500;

export interface CallerOptions {
  endpoints: readonly string[];
  service: Service;
  clock: Clock;
  meter: StoreMeter;
}

/** Unary calls to the etcd cluster: one endpoint at a time, the next one after an error. Never retries. */
export class Caller {
  readonly #endpoints: readonly Endpoint[];
  readonly #clock: Clock;
  readonly #meter: StoreMeter;
  #current = 0;
  #lastSuccessMs = Number.NEGATIVE_INFINITY;

  constructor({ endpoints, service, clock, meter }: CallerOptions) {
    this.#endpoints = endpoints.map((url) => new Endpoint(url, service));
    this.#clock = clock;
    this.#meter = meter;
  }

  /** When a call was last answered, on the monotonic clock. */
  get lastSuccessMs(): number {
    return this.#lastSuccessMs;
  }

  /** Makes one call that is given up after `timeoutMs`, the connection included. */
  async call<T>(
    method: string,
    timeoutMs: number,
    run: (endpoint: Endpoint, options: CallOptions) => Promise<T>,
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
  endpoint(): Endpoint {
    const endpoint = this.#endpoints[this.#current];
    if (!endpoint)
      throw new IncumbentError('store.unavailable', 'No etcd endpoint is configured.', { executed: false });
    return endpoint;
  }

  /** Moves on to the next endpoint, unless another failed call has already done so. */
  abandon(endpoint: Endpoint): void {
    if (this.#endpoints[this.#current] === endpoint)
      this.#current = (this.#current + 1) % this.#endpoints.length;
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  async #attempt<T>(
    endpoint: Endpoint,
    deadlineMs: number,
    run: (endpoint: Endpoint, options: CallOptions) => Promise<T>,
  ): Promise<Reply<T>> {
    try {
      const withinMs = Math.min(CONNECT_MS, deadlineMs - this.#clock.monotonicMs());
      if (!(await endpoint.ready(withinMs)))
        return { kind: 'unsent', cause: new Error(`${endpoint.url} is not connected`) };
    } catch (cause) {
      return { kind: 'unsent', cause };
    }
    // gRPC wants the deadline as a point of wall time and turns it into a timer at once.
    const remainingMs = Math.max(1, deadlineMs - this.#clock.monotonicMs());
    try {
      return {
        kind: 'ok',
        value: await run(endpoint, { deadline: systemClock.wallTimeMs() + remainingMs }),
      };
    } catch (error) {
      return failureOf(error);
    }
  }
}

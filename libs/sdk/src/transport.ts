import type { Clock, Moment } from './clock.js';

/** One call of the HTTP contract. `path` begins with a slash and is already encoded. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A success, with the instant before its request was sent: deadlines count from there. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly sent: Moment;
}

/** How calls travel to the service and answers come back. It repeats nothing and believes nothing. */
export interface Transport {
  readonly clock: Clock;
  /** How many ways there are to the service; a try that failed is repeated on another at once. */
  readonly replicas: number;
  /**
   * Whether it brings news by itself. Then nobody who waits needs to have an answer held, and `onNews` is told of
   * everything that a renewal would say. News grants nothing: the answer to a renewal does.
   */
  readonly pushes: boolean;
  /**
   * Sends one call, once.
   * @throws IncumbentProblem for every answer but 2xx, Unreachable when none came.
   */
  send(call: Call, signal: AbortSignal): Promise<Answer>;
  /** Prefers another way from now on: the present one is silent. */
  avoid(): void;
  /** Calls `listener` at each piece of news, with its election if it is about one. @returns a function that ends that */
  onNews?(listener: (election?: string) => void): () => void;
  /** Lets go of what it holds open. Nothing is sent through it any more. */
  close?(): Promise<void>;
}

/** How long a call took that was answered just now. */
export function roundTripMs(clock: Clock, { sent }: Answer): number {
  return clock.monotonicMs() - sent.monotonicMs;
}

import { IncumbentError } from '#core';
import type { ServerResponse } from 'node:http';

/** Something that holds a connection open and can be told to let go. */
export interface Held {
  end(): void;
}

/**
 * Knows what this replica holds open (streams, long-polls, held renewals) and ends it at shutdown, so that a
 * thousand waiting callers do not delay it. Ending a held wait does not cut it: the caller gets a true answer.
 */
export class Drain {
  private readonly held = new Set<Held>();
  private stopping = false;

  get isStopping(): boolean {
    return this.stopping;
  }

  /** @throws IncumbentError service.stopping */
  admit(): void {
    if (!this.stopping) return;
    throw new IncumbentError(
      'service.stopping',
      'Send the same request to another replica, or again in a second.',
      {
        executed: false,
        retryAfterMs: 1_000,
      },
    );
  }

  /** Owns `held` until the returned function is called; ends it at once when the replica is stopping already. */
  own(held: Held): () => void {
    if (this.stopping) held.end();
    else this.held.add(held);
    return () => this.held.delete(held);
  }

  /** Runs `wait` with a signal that fires when the caller goes away or the replica stops. */
  async hold<T>(response: ServerResponse, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const end = (): void => controller.abort();
    const release = this.own({ end });
    response.once('close', end);
    try {
      return await wait(controller.signal);
    } finally {
      response.off('close', end);
      release();
    }
  }

  /** From here on new requests are refused and everything that is held ends. */
  stop(): void {
    this.stopping = true;
    for (const held of this.held) held.end();
    this.held.clear();
  }
}

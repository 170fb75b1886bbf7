import { type Clock, systemClock } from './clock.js';

/** Thrown by `withDeadline` when the time is over first. */
export class DeadlineExceeded extends Error {
  constructor(what: string, afterMs: number) {
    super(`${what} took longer than ${afterMs} ms`);
    this.name = 'DeadlineExceeded';
  }
}

/** Waits for `work`, but at most `ms`; then rejects with DeadlineExceeded. The work itself is not stopped. */
export async function withDeadline<T>(
  work: Promise<T>,
  ms: number,
  what: string,
  clock: Clock = systemClock,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.after(ms, () => reject(new DeadlineExceeded(what, ms)));
  try {
    return await Promise.race([work, promise]);
  } finally {
    timer.cancel();
  }
}

/** Resolves after `ms`. */
export function delay(ms: number, clock: Clock = systemClock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(ms, resolve);
  return promise;
}

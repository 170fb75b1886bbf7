import { delay, systemClock } from '#core';
import type { Directory } from '#election';
import type { Engine } from '#etcd';

/** The watch brings a change in milliseconds; a caller is not kept longer for it. */
const MOST_MS = 1_000;
const LOOK_EVERY_MS = 5;

/**
 * Waits until this replica itself sees a change of keys or tenants that it has just committed, so that the answer
 * is true here: a new key is accepted, a revoked one is not. Other replicas follow within milliseconds. If the
 * watch is late the answer goes out all the same; the change is committed.
 */
export async function untilSeen(engine: Engine, seen: (directory: Directory) => boolean): Promise<void> {
  const endMs = systemClock.monotonicMs() + MOST_MS;
  while (engine.known !== undefined && !seen(engine.known.directory) && systemClock.monotonicMs() < endMs) {
    await delay(LOOK_EVERY_MS);
  }
}

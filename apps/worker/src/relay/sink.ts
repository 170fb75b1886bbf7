import type { Act } from '#core';
import type { EventRecord } from '#election';
import type { EntityManager } from '#postgres';

/**
 * Who keeps what the relay brings, in the relay's own transaction: all sinks have it or none has. `events` were never
 * part of a committed transaction before; they are in order for each election. `acts` may come again after a crash, so
 * writing one twice must be writing it once.
 *
 * What a sink throws holds up the elections concerned, and only those, until it throws no more: it must not refuse
 * what the engine may tell.
 */
export interface Sink {
  append(rows: EntityManager, events: readonly EventRecord[], acts: readonly Act[]): Promise<void>;
  /** After the commit, for waking whoever works on. It may never be called: the process can die in between. */
  committed?(events: readonly EventRecord[]): void;
}

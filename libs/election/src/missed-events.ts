/** What a stream that comes back has missed: from memory, from the outbox, or from the record that the relay keeps. */
import type { ElectionRef } from './keys.js';
import type { EventRecord } from './records.js';

/** Where a stream stands: the event that it was told last. */
export interface Place {
  epoch: number;
  sequence: number;
}

/**
 * The events that have left the outbox. The engine does without: where it cannot be asked, a stream is told `gap`.
 */
export interface PastEvents {
  /** Events after `place` in order, at most `limit`. May reject. */
  after(ref: ElectionRef, place: Place, limit: number): Promise<EventRecord[]>;
}

/** The places where events are, nearest first. */
export interface EventSources {
  recent(): readonly EventRecord[];
  /** A linearizable read of what still waits for the relay. */
  outbox(place: Place, limit: number): Promise<EventRecord[]>;
  past(place: Place, limit: number): Promise<EventRecord[]>;
}

/** A stream that has missed more is told the present state in place of them. */
export const MOST_MISSED = 1_000;

/**
 * The events after `from` up to at least event `newest`, without a hole, or undefined if that cannot be had. The
 * outbox is read before the record: what the relay takes out of the one in between is in the other by then.
 */
export async function missedSince(
  from: Place,
  newest: number,
  sources: EventSources,
): Promise<EventRecord[] | undefined> {
  if (from.sequence > newest || newest - from.sequence > MOST_MISSED) return undefined;
  if (from.sequence === newest) return [];
  const recent = sources.recent().filter((event) => isAfter(event, from));
  if (isWhole(recent, from, newest)) return recent;
  const waiting = await sources.outbox(from, MOST_MISSED);
  if (isWhole(waiting, from, newest)) return waiting;
  const past = await sources.past(from, MOST_MISSED).catch((): EventRecord[] => []);
  const last = past.at(-1);
  const all = past.concat(waiting.filter((event) => isAfter(event, last)));
  return isWhole(all, from, newest) ? all : undefined;
}

/** Whether `event` comes after `told`; everything does if nothing was told. */
export function isAfter(event: Place, told: Place | undefined): boolean {
  if (!told) return true;
  return event.epoch > told.epoch || (event.epoch === told.epoch && event.sequence > told.sequence);
}

function isWhole(events: readonly EventRecord[], from: Place, newest: number): boolean {
  const dense = events.every(({ sequence }, index) => sequence === from.sequence + 1 + index);
  return dense && from.sequence + events.length >= newest;
}

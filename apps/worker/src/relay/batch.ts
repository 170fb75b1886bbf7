/** What a page of the outbox says, and how to take it apart where one part of it cannot be written. */
import type { Act } from '#core';
import { type Entry, type EventRecord, parseKey, type RelayedEvent, SYSTEM_TENANT } from '#election';
import { readLegibly } from './legible.js';

/** One key of the outbox. `part` is what is written whole or not at all: an election's events, or a tenant's acts. */
interface Item {
  part: string;
  entry: Entry;
  event?: RelayedEvent;
  act?: Act;
}

export class Batch {
  private constructor(
    private readonly items: readonly Item[],
    /** Keys whose value is no record; they stay where they are. */
    readonly unreadable: readonly string[] = [],
  ) {}

  /** @param entries in key order, so that each election's events are in theirs */
  static of(entries: readonly Entry[]): Batch {
    const items: Item[] = [];
    const unreadable: string[] = [];
    for (const entry of entries) {
      try {
        items.push(...itemsOf(entry));
      } catch {
        unreadable.push(entry.key);
      }
    }
    return new Batch(items, unreadable);
  }

  get isEmpty(): boolean {
    return this.items.length === 0;
  }

  /** The keys to be removed once all of it is written. Those of the service's own elections are written nowhere. */
  get entries(): Entry[] {
    return this.items.map(({ entry }) => entry);
  }

  /** In the order in which they happened. */
  get events(): RelayedEvent[] {
    return this.items.flatMap(({ event }) => event ?? []);
  }

  get acts(): Act[] {
    return this.items.flatMap(({ act }) => act ?? []);
  }

  get parts(): Set<string> {
    return new Set(this.items.map(({ part }) => part));
  }

  without(parts: ReadonlySet<string>): Batch {
    return new Batch(this.items.filter(({ part }) => !parts.has(part)));
  }

  /** Two halves that share no part; one of them is empty if there is one part only. */
  halves(): [Batch, Batch] {
    const parts = [...this.parts];
    const first = new Set(parts.slice(0, Math.ceil(parts.length / 2)));
    const second = new Set(parts.slice(first.size));
    return [this.without(second), this.without(first)];
  }

  /** Changes of different elections in the order of their commits; those of one stay in theirs. */
  inOrder(): Batch {
    return new Batch(this.items.toSorted((a, b) => a.entry.modRevision - b.entry.modRevision));
  }
}

/** One item, or none for a key of a newer release, which is left alone. @throws SyntaxError */
function itemsOf(entry: Entry): Item[] {
  const key = parseKey(entry.key);
  if (key?.kind !== 'event' && key?.kind !== 'act') return [];
  const { tenantId } = key.kind === 'event' ? key.ref : key;
  const part = `${tenantId} ${key.kind === 'event' ? key.ref.electionId : 'acts'}`;
  if (tenantId === SYSTEM_TENANT) return [{ part, entry }];
  if (key.kind === 'act') return [{ part, entry, act: readLegibly<Act>(entry.value) }];
  const event = { ...readLegibly<EventRecord>(entry.value), revision: entry.modRevision };
  return [{ part, entry, event }];
}

/**
 * Streams of everything that happens in a tenant's elections. They are fed from the view, in the order of the store's
 * revisions; a stream that comes back with its place is told what it missed, from the outbox and the record that the
 * relay keeps, or `gap` and the present state.
 *
 * Within one revision events are ordered by election and sequence, so every replica tells them alike and a place means
 * the same everywhere.
 */
import { IncumbentError } from '#core';
import type { CallBounds, Leadership } from './answers.js';
import { keys } from './keys.js';
import { leadershipOf } from './presentation.js';
import { decode, type ElectionPhase, type EventRecord, type RelayedEvent } from './records.js';
import type { ElectionStore } from './store.js';
import { type ElectionState, FIRST_SEAT } from './state.js';
import type { View } from './view.js';

/** Where a stream stands: the event that it was told last. */
export interface TenantPlace {
  epoch: number;
  revision: number;
  electionId: string;
  sequence: number;
}

/** The events of a tenant that have left the outbox. */
export interface TenantPast {
  /** From `place` on, that event included, in order, at most `limit`. May reject. */
  ofTenant(tenantId: string, place: TenantPlace, limit: number): Promise<RelayedEvent[]>;
}

export type TenantObservation =
  /** Everything as it is now; a stream begins with it, or goes on with it after `gap`. */
  | { kind: 'snapshot'; elections: (Leadership & { state: ElectionPhase })[] }
  | { kind: 'event'; event: EventRecord; place: string }
  | { kind: 'gap' }
  /** The last that a stream is told: it comes back with its place. */
  | { kind: 'closed' };

export interface TenantObserver {
  /** Called synchronously and in order; must not throw and must not block. */
  observe(observation: TenantObservation): void;
}

export interface TenantStreamRequest {
  tenantId: string;
  /** Of the last event that the caller has seen. */
  place?: string | undefined;
  /** Whether the caller may see the election of this name. */
  sees(election: string): boolean;
}

export interface TenantStreamParts {
  view: View;
  store: ElectionStore;
  past: TenantPast;
}

/** A stream that has missed more is told the present state in place of it. */
const MOST_MISSED = 1_000;
/** Events may share the revision of the place; those before it are asked for in vain. */
const SHARING_REVISION = 256;
/** The view is milliseconds behind, or the replica is not ready to serve. */
const CATCH_UP_MS = 1_000;

interface Stream extends TenantStreamRequest {
  told: TenantPlace | undefined;
  /** What came while the start was being read. */
  held: RelayedEvent[] | undefined;
  /** A relisting, which tells no events, came while the start was being read. */
  torn: boolean;
  observer: TenantObserver;
}

export class TenantStreams {
  readonly #parts: TenantStreamParts;
  readonly #streams = new Map<string, Set<Stream>>();
  /** Of the revisions that the view is just taking in. */
  #arriving: RelayedEvent[] = [];

  constructor(parts: TenantStreamParts) {
    this.#parts = parts;
    parts.view.listen({
      eventSeen: (event, revision) => {
        if (this.#streams.has(event.tenantId)) this.#arriving.push({ ...event, revision });
      },
      advanced: () => this.#tellArrived(),
      relisted: () => this.#relisted(),
    });
  }

  /**
   * Starts a stream: with a snapshot, or after `place`. @returns a function that ends the observation
   * @throws IncumbentError store.unavailable, store.overloaded
   */
  async observe(
    request: TenantStreamRequest,
    observer: TenantObserver,
    bounds: CallBounds,
  ): Promise<() => void> {
    const { tenantId } = request;
    const stream: Stream = { ...request, told: undefined, held: [], torn: false, observer };
    let streams = this.#streams.get(tenantId);
    if (!streams) this.#streams.set(tenantId, (streams = new Set()));
    streams.add(stream);
    try {
      await this.#begin(stream, bounds);
      return () => this.#forget(stream);
    } catch (error) {
      this.#forget(stream);
      throw error;
    }
  }

  close(): void {
    for (const streams of this.#streams.values()) for (const stream of streams) this.#end(stream);
  }

  async #begin(stream: Stream, bounds: CallBounds): Promise<void> {
    const { view } = this.#parts;
    const outbox = await this.#readOutbox(stream.tenantId, bounds);
    const missed = stream.place === undefined ? undefined : await this.#missed(stream, outbox);
    if (missed) {
      stream.told = parse(stream.place);
      for (const event of missed) tell(stream, event);
    } else {
      if (!(await view.reaches(outbox.revision, CATCH_UP_MS))) throw behind();
      if (stream.place !== undefined) stream.observer.observe({ kind: 'gap' });
      // From here to the held events nothing is awaited: the snapshot is the view of this very revision.
      stream.told = { epoch: this.#parts.store.epoch().epoch, revision: view.revision, ...AFTER_ALL };
      stream.observer.observe({ kind: 'snapshot', elections: this.#snapshot(stream) });
    }
    const held = stream.held ?? [];
    stream.held = undefined;
    if (stream.torn) return this.#end(stream);
    for (const event of held) pass(stream, event);
  }

  /** Undefined where it cannot be said for certain what was missed. */
  async #missed(
    stream: Stream,
    outbox: { events: RelayedEvent[]; revision: number },
  ): Promise<RelayedEvent[] | undefined> {
    const from = parse(stream.place);
    if (!from || from.revision > outbox.revision || outbox.events.length > MOST_MISSED) return undefined;
    const limit = MOST_MISSED + SHARING_REVISION;
    // Read after the outbox: what the relay takes out of it in between is in the record by then.
    const past = await this.#parts.past.ofTenant(stream.tenantId, from, limit).catch(() => undefined);
    if (!past || past.length >= limit) return undefined;
    const all = new Map([...past, ...outbox.events].map((event) => [event.id, event]));
    const ordered = [...all.values()].sort(compare);
    // Its own event must be there: what is older than the record reaches back may not be all.
    const own = ordered.findIndex((event) => compare(event, from) === 0);
    const missed = ordered.slice(own + 1);
    return own === -1 || missed.length > MOST_MISSED ? undefined : missed;
  }

  async #readOutbox(
    tenantId: string,
    { deadlineMs }: CallBounds,
  ): Promise<{ events: RelayedEvent[]; revision: number }> {
    const prefix = keys.tenantEvents(tenantId);
    const read = { kind: 'prefix' as const, prefix, limit: MOST_MISSED + 1 };
    const options = { lane: 'observe' as const, tenantId, deadlineMs };
    const { reads, revision } = await this.#parts.store.read([read], options);
    const events = (reads[0] ?? []).map((entry) => ({
      ...decode<EventRecord>(entry.value),
      revision: entry.modRevision,
    }));
    return { events, revision };
  }

  #snapshot(stream: Stream): (Leadership & { state: ElectionPhase })[] {
    const { view, store } = this.#parts;
    const { epoch } = store.epoch();
    const shown: (Leadership & { state: ElectionPhase })[] = [];
    for (const election of view.elections.values()) {
      const config = election.config?.record;
      if (election.ref.tenantId !== stream.tenantId || !config || config.state === 'closed') continue;
      if (stream.sees(config.name))
        shown.push({ ...leadershipIn(election, config.name, epoch), state: config.state });
    }
    return shown.sort((a, b) => (a.election < b.election ? -1 : 1));
  }

  #tellArrived(): void {
    if (this.#arriving.length === 0) return;
    const arrived = this.#arriving.sort(compare);
    this.#arriving = [];
    for (const event of arrived) {
      for (const stream of this.#streams.get(event.tenantId) ?? []) pass(stream, event);
    }
  }

  /** The watch had a gap, and what was told in it is not told again. */
  #relisted(): void {
    this.#arriving = [];
    for (const streams of this.#streams.values()) {
      for (const stream of streams) {
        if (stream.held) stream.torn = true;
        else this.#end(stream);
      }
    }
  }

  #end(stream: Stream): void {
    this.#forget(stream);
    stream.observer.observe({ kind: 'closed' });
  }

  #forget(stream: Stream): void {
    const streams = this.#streams.get(stream.tenantId);
    streams?.delete(stream);
    if (streams?.size === 0) this.#streams.delete(stream.tenantId);
  }
}

/** Behind every event of a revision. */
const AFTER_ALL = { electionId: '~', sequence: 0 };

function leadershipIn(election: ElectionState, name: string, epoch: number): Leadership {
  const seat = election.seats.get(FIRST_SEAT);
  return leadershipOf(election.ref, name, {
    seat: FIRST_SEAT,
    leader: seat?.leader?.record,
    term: seat?.term?.record,
    sequence: election.head?.record.sequence ?? 0,
    epoch,
  });
}

function pass(stream: Stream, event: RelayedEvent): void {
  if (stream.held) stream.held.push(event);
  else if (!stream.told || compare(event, stream.told) > 0) tell(stream, event);
}

function tell(stream: Stream, event: RelayedEvent): void {
  stream.told = event;
  if (stream.sees(event.election)) stream.observer.observe({ kind: 'event', event, place: spell(event) });
}

function compare(a: TenantPlace, b: TenantPlace): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  if (a.revision !== b.revision) return a.revision - b.revision;
  if (a.electionId !== b.electionId) return a.electionId < b.electionId ? -1 : 1;
  return a.sequence - b.sequence;
}

/** Opaque to whoever is told it. */
function spell({ epoch, revision, electionId, sequence }: TenantPlace): string {
  return Buffer.from(`${epoch}.${revision}.${electionId}.${sequence}`).toString('base64url');
}

function parse(place: string | undefined): TenantPlace | undefined {
  const text = Buffer.from(place ?? '', 'base64url').toString('latin1');
  const match = /^(\d{1,7})\.(\d{1,15})\.(elc_[a-z0-9]{1,40})\.(\d{1,15})$/.exec(text);
  if (!match) return undefined;
  const [, epoch, revision, electionId = '', sequence] = match;
  return { epoch: Number(epoch), revision: Number(revision), electionId, sequence: Number(sequence) };
}

function behind(): IncumbentError {
  return new IncumbentError('store.unavailable', 'This replica is behind. Try again.', {
    executed: false,
    retryAfterMs: 1_000,
  });
}

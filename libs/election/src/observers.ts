/**
 * Those who wait for changes on this replica: held answers and event streams. All are fed from the view, which
 * tells every change once and in order; a stream that comes back is told what it missed, or `gap`.
 */
import type { Clock } from '#core';
import type { Leadership, Observer } from './answers.js';
import type { ElectionRef } from './keys.js';
import { type EventSources, isAfter, missedSince, type Place } from './missed-events.js';
import { RecentEvents } from './recent-events.js';
import type { EventRecord } from './records.js';
import type { ElectionState } from './state.js';
import type { View } from './view.js';

export interface ObservationSource extends Omit<EventSources, 'recent'> {
  now(): Promise<Leadership>;
}

/** One stream: what it was told last, and what came while its start was being read. */
interface Stream {
  told: Place | undefined;
  held: EventRecord[] | undefined;
  /** A relisting, which tells no events, came while the start was being read. */
  torn: boolean;
  observer: Observer;
}

/** The held answers of one election. */
class Waits {
  readonly wakes = new Set<(expected?: string) => void>();
  /** The youngest revision of a leader record. */
  #leader = 0;
  #head: number | undefined;
  #config: number | undefined;
  #candidates = 0;

  /** Whether a change can matter to those who wait: a join cannot, and a thousand joins wake nobody. */
  noteworthy(election: ElectionState): boolean {
    let leader = 0;
    for (const seat of election.seats.values()) leader = Math.max(leader, seat.leader?.modRevision ?? 0);
    const head = election.head?.modRevision;
    const config = election.config?.modRevision;
    const { size } = election.candidates;
    const matters =
      leader !== this.#leader || head !== this.#head || config !== this.#config || size < this.#candidates;
    [this.#leader, this.#head, this.#config, this.#candidates] = [leader, head, config, size];
    return matters;
  }
}

export class Observers {
  readonly #waits = new Map<string, Waits>();
  readonly #streams = new Map<string, Set<Stream>>();
  readonly #recent = new RecentEvents();
  readonly #view: View;
  readonly #clock: Clock;
  #closed = false;

  constructor(view: View, clock: Clock) {
    this.#view = view;
    this.#clock = clock;
    view.listen({
      electionChanged: (election) => {
        const { ref, config } = election;
        const waits = this.#waits.get(ref.electionId);
        if (waits && waits.noteworthy(election)) for (const wake of waits.wakes) wake();
        if (config?.record.state === 'closed') this.#tellClosed(ref.electionId);
      },
      sessionGone: (_sessionId, elections) => {
        for (const { ref } of elections)
          for (const wake of this.#waits.get(ref.electionId)?.wakes ?? []) wake();
      },
      eventSeen: (event) => {
        this.#recent.add(event);
        for (const stream of this.#streams.get(event.electionId) ?? []) pass(stream, event);
      },
      relisted: () => this.#relisted(),
    });
  }

  /**
   * A transition of this process that makes `candidateId` the leader has just been sent: whoever waits as that
   * candidate may read at once, close behind it, and need not wait for the watch to bring it back.
   */
  expect({ electionId }: ElectionRef, candidateId: string): void {
    for (const wake of this.#waits.get(electionId)?.wakes ?? []) wake(candidateId);
  }

  /**
   * Resolves as soon as `happened()` is true for the view, the time is over, the caller left or we close.
   * @param happened is also asked with a candidateId that is about to lead
   */
  async wait(
    ref: ElectionRef,
    happened: (expected?: string) => boolean,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.#closed || waitMs <= 0 || signal?.aborted || happened()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (expected?: string): void => {
      if (this.#closed || happened(expected)) resolve();
    };
    let waits = this.#waits.get(ref.electionId);
    if (!waits) this.#waits.set(ref.electionId, (waits = new Waits()));
    waits.wakes.add(wake);
    const abort = (): void => resolve();
    signal?.addEventListener('abort', abort, { once: true });
    const timer = this.#clock.after(waitMs, resolve);
    try {
      await promise;
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
      waits.wakes.delete(wake);
      if (waits.wakes.size === 0) this.#waits.delete(ref.electionId);
    }
  }

  /**
   * Starts a stream: with a snapshot, or from `place` with what it has missed. Listens before it reads, so that
   * nothing falls between the two (etcd-io/etcd#18163 reported a wrong leader over such a gap).
   */
  async start(
    ref: ElectionRef,
    place: string | undefined,
    observer: Observer,
    source: ObservationSource,
  ): Promise<() => void> {
    const stream: Stream = { told: undefined, held: [], torn: false, observer };
    const streams = entry(this.#streams, ref.electionId);
    streams.add(stream);
    const stop = (): void => {
      streams.delete(stream);
      if (streams.size === 0 && this.#streams.get(ref.electionId) === streams)
        this.#streams.delete(ref.electionId);
    };
    try {
      await this.#begin(ref, stream, place, source);
      return stop;
    } catch (error) {
      stop();
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const { wakes } of this.#waits.values()) for (const wake of wakes) wake();
    for (const electionId of [...this.#streams.keys()]) this.#tellClosed(electionId);
  }

  get streamCount(): number {
    let count = 0;
    for (const streams of this.#streams.values()) count += streams.size;
    return count;
  }

  async #begin(
    ref: ElectionRef,
    stream: Stream,
    place: string | undefined,
    source: ObservationSource,
  ): Promise<void> {
    const now = await source.now();
    const from = parse(place);
    const recent = () => this.#recent.of(ref.electionId);
    const missed = from && (await missedSince(from, now.sequence, { ...source, recent }));
    if (missed) for (const event of missed) tell(stream, event);
    else {
      if (place !== undefined) stream.observer.observe({ kind: 'gap', place });
      const { epoch } = stream.held?.at(-1) ?? { epoch: Math.floor(now.fence / 2 ** 32) };
      stream.told = { epoch, sequence: now.sequence };
      const state = this.#view.election(ref)?.config?.record.state ?? 'open';
      stream.observer.observe({ kind: 'snapshot', leadership: now, state, place: spell(stream.told) });
    }
    stream.told ??= from;
    const { held } = stream;
    stream.held = undefined;
    if (stream.torn) return this.#end(ref.electionId, stream);
    for (const event of held ?? []) pass(stream, event);
  }

  /** The watch had a gap: a stream that missed something ends, and its observer comes back with its place. */
  #relisted(): void {
    for (const [electionId, streams] of this.#streams) {
      const sequence = this.#view.elections.get(electionId)?.head?.record.sequence ?? 0;
      for (const stream of streams) {
        if (stream.held) stream.torn = true;
        else if (stream.told?.sequence !== sequence) this.#end(electionId, stream);
      }
    }
    for (const { wakes } of this.#waits.values()) for (const wake of wakes) wake();
  }

  #tellClosed(electionId: string): void {
    for (const stream of this.#streams.get(electionId) ?? []) this.#end(electionId, stream);
  }

  /** `closed` is the last that a stream is told. */
  #end(electionId: string, stream: Stream): void {
    this.#streams.get(electionId)?.delete(stream);
    stream.observer.observe({ kind: 'closed' });
  }
}

function pass(stream: Stream, event: EventRecord): void {
  if (stream.held) stream.held.push(event);
  else if (isAfter(event, stream.told)) tell(stream, event);
}

function tell(stream: Stream, event: EventRecord): void {
  stream.told = event;
  stream.observer.observe({ kind: 'event', event, place: spell(event) });
}

function spell(place: Place | undefined): string {
  return place ? `${place.epoch}.${place.sequence}` : '0.0';
}

function parse(place: string | undefined): Place | undefined {
  const match = /^(\d{1,7})\.(\d{1,15})$/.exec(place ?? '');
  return match ? { epoch: Number(match[1]), sequence: Number(match[2]) } : undefined;
}

function entry<T>(map: Map<string, Set<T>>, key: string): Set<T> {
  let set = map.get(key);
  if (!set) map.set(key, (set = new Set()));
  return set;
}

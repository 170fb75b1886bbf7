/**
 * Those who wait for changes on this replica: held answers and event streams. All are fed from the view, which
 * tells every change once and in order; a stream that comes back is told what it missed, or `gap`.
 */
import type { Clock } from '#core';
import type { Leadership, Observer } from './answers.js';
import { HeldAnswers, type Subject } from './held-answers.js';
import type { ElectionRef } from './keys.js';
import { type EventSources, isAfter, missedSince, type Place } from './missed-events.js';
import { RecentEvents } from './recent-events.js';
import type { EventRecord } from './records.js';
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

export class Observers {
  readonly #held: HeldAnswers;
  readonly #streams = new Map<string, Set<Stream>>();
  readonly #recent = new RecentEvents();
  readonly #view: View;

  constructor(view: View, clock: Clock) {
    this.#view = view;
    this.#held = new HeldAnswers(view, clock);
    view.listen({
      electionChanged: (election) => {
        if (election.config?.record.state === 'closed') this.#tellClosed(election.ref.electionId);
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
  expect(ref: ElectionRef, candidateId: string): void {
    this.#held.expect(ref, candidateId);
  }

  /**
   * Resolves as soon as `happened()` is true for the view, the time is over, the caller left or we close. It is asked
   * again only at changes that concern the subject.
   * @param happened is also asked with a candidateId that is about to lead
   */
  wait(
    subject: Subject,
    happened: (expected?: string) => boolean,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#held.wait(subject, happened, waitMs, signal);
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
    this.#held.close();
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

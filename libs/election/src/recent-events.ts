/**
 * The newest events that this replica has seen, of all elections together: a stream that comes back after seconds is
 * served from here, whatever became of the outbox and of Postgres meanwhile. A hint like the view: whoever uses it
 * looks whether anything is missing.
 */
import type { EventRecord } from './records.js';

/** About 5 MB; at 100 changes per second the last half minute. */
const MOST_EVENTS = 10_000;

export class RecentEvents {
  readonly #all: EventRecord[] = [];
  readonly #byElection = new Map<string, EventRecord[]>();
  readonly #most: number;
  /** Index of the oldest event that is still held; those before it are cut off now and then. */
  #oldest = 0;

  constructor(most = MOST_EVENTS) {
    this.#most = most;
  }

  add(event: EventRecord): void {
    const events = this.#byElection.get(event.electionId);
    if (events) events.push(event);
    else this.#byElection.set(event.electionId, [event]);
    this.#all.push(event);
    if (this.#all.length - this.#oldest > this.#most) this.#forgetOldest();
  }

  /** In the order in which they were seen, which is their order. */
  of(electionId: string): readonly EventRecord[] {
    return this.#byElection.get(electionId) ?? [];
  }

  #forgetOldest(): void {
    const oldest = this.#all[this.#oldest];
    this.#oldest += 1;
    if (this.#oldest >= this.#most) {
      this.#all.splice(0, this.#oldest);
      this.#oldest = 0;
    }
    const events = oldest && this.#byElection.get(oldest.electionId);
    if (!events) return;
    events.shift();
    if (events.length === 0) this.#byElection.delete(oldest.electionId);
  }
}

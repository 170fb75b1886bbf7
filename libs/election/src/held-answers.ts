/**
 * Calls that wait for something to change. Each is woken by what concerns it and by nothing else: whoever waits as a
 * candidate by its own candidacy, session and term, whoever asks for the leader by every event. So the end of a term or
 * of a session costs what it changes, however many wait beside it.
 */
import type { Clock } from '#core';
import type { ElectionRef } from './keys.js';
import type { ElectionState } from './state.js';
import type { View } from './view.js';

/** What a call waits for: everything in an election, or what concerns one candidacy in it. */
export interface Subject extends ElectionRef {
  candidateId?: string;
}

/** @param expected the candidateId that is about to lead */
type Wake = (expected?: string) => void;

/** Stands for those who wait for everything. */
const EVERYTHING = '';

export class HeldAnswers {
  readonly #elections = new Map<string, HeldInElection>();
  readonly #view: View;
  readonly #clock: Clock;
  #closed = false;

  constructor(view: View, clock: Clock) {
    this.#view = view;
    this.#clock = clock;
    view.listen({
      electionChanged: (election) => this.#elections.get(election.ref.electionId)?.changed(election),
      candidacyGone: ({ ref }, candidateId) => this.#elections.get(ref.electionId)?.concern(candidateId),
      sessionGone: (sessionId, elections) => {
        for (const { ref } of elections)
          this.#elections.get(ref.electionId)?.wake(view.standing(sessionId).get(ref.electionId));
      },
      relisted: () => this.#wakeAll(),
    });
  }

  /** A transition of this process that makes `candidateId` the leader has just been sent. */
  expect({ electionId }: ElectionRef, candidateId: string): void {
    this.#elections.get(electionId)?.wake(candidateId, candidateId);
  }

  /**
   * Resolves as soon as `happened()` is true for the view, the time is over, the caller left or we close.
   * @param happened is also asked with a candidateId that is about to lead
   */
  async wait(
    subject: Subject,
    happened: (expected?: string) => boolean,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.#closed || waitMs <= 0 || signal?.aborted || happened()) return;
    const { electionId, candidateId = EVERYTHING } = subject;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake: Wake = (expected) => {
      if (this.#closed || happened(expected)) resolve();
    };
    let held = this.#elections.get(electionId);
    if (!held) this.#elections.set(electionId, (held = new HeldInElection(this.#view.election(subject))));
    held.add(candidateId, wake);
    const abort = (): void => resolve();
    signal?.addEventListener('abort', abort, { once: true });
    const timer = this.#clock.after(waitMs, resolve);
    try {
      await promise;
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
      held.remove(candidateId, wake);
      if (held.isEmpty) this.#elections.delete(electionId);
    }
  }

  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const held of this.#elections.values()) held.wakeAll();
  }
}

/** The held answers of one election, and what of it they have been told. */
class HeldInElection {
  readonly #wakes = new Map<string, Set<Wake>>();
  /** Seat -> its leader record. */
  readonly #leaders = new Map<number, { candidateId: string; revision: number }>();
  #head: number | undefined;
  #config: number | undefined;
  /** Candidacies of which something has changed; woken once all of the change has been taken in. */
  readonly #concerned = new Set<string>();

  constructor(election: ElectionState | undefined) {
    if (election) this.#note(election);
    this.#concerned.clear();
  }

  get isEmpty(): boolean {
    return this.#wakes.size === 0;
  }

  add(candidateId: string, wake: Wake): void {
    let wakes = this.#wakes.get(candidateId);
    if (!wakes) this.#wakes.set(candidateId, (wakes = new Set()));
    wakes.add(wake);
  }

  remove(candidateId: string, wake: Wake): void {
    const wakes = this.#wakes.get(candidateId);
    wakes?.delete(wake);
    if (wakes?.size === 0) this.#wakes.delete(candidateId);
  }

  concern(candidateId: string): void {
    this.#concerned.add(candidateId);
  }

  changed(election: ElectionState): void {
    this.#note(election);
    for (const candidateId of this.#concerned) this.wake(candidateId);
    this.#concerned.clear();
  }

  wake(candidateId: string | undefined, expected?: string): void {
    for (const wake of this.#wakes.get(candidateId ?? EVERYTHING) ?? []) wake(expected);
  }

  wakeAll(): void {
    for (const wakes of this.#wakes.values()) for (const wake of wakes) wake();
  }

  /** Notes whom the change concerns: the leader that was and the one that is, and at an event whoever asks for all. */
  #note({ seats, head, config }: ElectionState): void {
    for (const [seat, { leader }] of seats) {
      const before = this.#leaders.get(seat);
      if (before?.revision === leader?.modRevision) continue;
      if (before) this.#concerned.add(before.candidateId);
      if (!leader) {
        this.#leaders.delete(seat);
        continue;
      }
      const { candidateId } = leader.record;
      this.#concerned.add(candidateId);
      this.#leaders.set(seat, { candidateId, revision: leader.modRevision });
    }
    if (head?.modRevision !== this.#head || config?.modRevision !== this.#config)
      this.#concerned.add(EVERYTHING);
    this.#head = head?.modRevision;
    this.#config = config?.modRevision;
  }
}

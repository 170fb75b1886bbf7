/**
 * One election, one transition at a time from this process: commands that arrive while a transition is under way
 * are composed into the next, so a hot election does not queue behind itself. Other replicas do the same; where
 * two collide a guard fails and the loser decides again on what it then sees.
 */
import { type Clock, IncumbentError, toTimestamp } from '#core';
import type { Command, Done, Verdict } from './decide/commands.js';
import { decide } from './decide/decide.js';
import type { Draft } from './decide/draft.js';
import { type ElectionRef } from './keys.js';
import type { Observers } from './observers.js';
import type { Situations } from './situations.js';
import type { CommitOptions, ElectionStore, Entry, Lane } from './store.js';
import type { Situation } from './state.js';

/** What a command did, with the committed transition to read it in. */
export interface Result<D extends Done = Done> {
  done: D;
  /** The election as the transition left it. */
  draft: Draft;
  /** What the transition read, by key. */
  reads: ReadonlyMap<string, Entry>;
  revision: number;
}

interface Waiting {
  command: Command;
  lane: Lane;
  deadlineMs: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/** Guard failures in a row before a command is given up; each follows a commit of somebody else. */
const MOST_ATTEMPTS = 50;

export class Sequencer {
  readonly #queues = new Map<string, ElectionQueue>();
  /**
   * Elections whose last commit from here the view may not show yet -> its revision; oldest first. Who campaigns and
   * resigns at once would otherwise be decided on a picture without its own candidacy, and a second time on a read.
   */
  readonly #unseen = new Map<string, number>();
  readonly #store: ElectionStore;
  readonly #situations: Situations;
  readonly #clock: Clock;
  readonly #observers: Observers;

  constructor(store: ElectionStore, situations: Situations, clock: Clock, observers: Observers) {
    this.#store = store;
    this.#situations = situations;
    this.#clock = clock;
    this.#observers = observers;
  }

  /**
   * Runs a command and answers once its transition has committed.
   * @throws IncumbentError the command's refusal, or store.unavailable / store.overloaded
   */
  async run<D extends Done>(
    ref: ElectionRef,
    command: Command,
    options: { lane: Lane; deadlineMs: number },
  ): Promise<Result<D>> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    let queue = this.#queues.get(ref.electionId);
    if (!queue) {
      queue = new ElectionQueue(ref, {
        store: this.#store,
        situations: this.#situations,
        clock: this.#clock,
        observers: this.#observers,
        known: this.#unseen.get(ref.electionId) ?? 0,
        drained: (known) => this.#drained(ref, known),
      });
      this.#queues.set(ref.electionId, queue);
    }
    queue.add({ command, ...options, resolve, reject });
    // The kind of the command fixes the kind of what was done; only the caller can name the pair.
    return (await promise) as Result<D>;
  }

  #drained({ electionId }: ElectionRef, known: number): void {
    this.#queues.delete(electionId);
    this.#unseen.delete(electionId);
    this.#unseen.set(electionId, known);
    const seen = this.#situations.revision;
    for (const [oldest, revision] of this.#unseen) {
      if (revision > seen) break;
      this.#unseen.delete(oldest);
    }
  }
}

interface QueueContext {
  store: ElectionStore;
  situations: Situations;
  clock: Clock;
  observers: Observers;
  /** Revision of this process's last commit here, 0 if the view has it. */
  known: number;
  drained: (known: number) => void;
}

/** The commands of one election that wait in this process. */
class ElectionQueue {
  #waiting: Waiting[] = [];
  #running = false;
  /** An attempt of the present commands may have committed unseen: a later failure must not deny that. */
  #inDoubt = false;
  /** Revision of this process's last commit here; the next decision must know at least that. */
  #known: number;
  readonly #ref: ElectionRef;
  readonly #context: QueueContext;

  constructor(ref: ElectionRef, context: QueueContext) {
    this.#ref = ref;
    this.#context = context;
    this.#known = context.known;
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#running) return;
    this.#running = true;
    void this.#drain();
  }

  async #drain(): Promise<void> {
    let attempts = 0;
    let fresh = false;
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      if (batch.length === 0) continue;
      try {
        const settled = await this.#attempt(batch, fresh);
        fresh = settled === 'again';
        attempts = fresh ? attempts + 1 : 0;
        if (attempts > MOST_ATTEMPTS) throw contended();
        if (!fresh) this.#inDoubt = false;
      } catch (error) {
        for (const { reject } of batch) reject(this.#inDoubt ? inDoubt(error) : error);
        this.#inDoubt = false;
        this.#waiting = this.#waiting.filter((waiting) => !batch.includes(waiting));
        attempts = 0;
        fresh = false;
      }
    }
    this.#running = false;
    this.#context.drained(this.#known);
  }

  /** The commands for the next transition; those past their deadline are refused unsent. */
  #takeBatch(): Waiting[] {
    const now = this.#context.clock.monotonicMs();
    const late = this.#waiting.filter((waiting) => waiting.deadlineMs <= now);
    for (const { reject } of late) reject(this.#inDoubt ? inDoubt(tooLate()) : tooLate());
    if (late.length > 0) this.#waiting = this.#waiting.filter((waiting) => !late.includes(waiting));
    return this.#waiting.slice(0, 64);
  }

  async #attempt(batch: Waiting[], fresh: boolean): Promise<'done' | 'again'> {
    const { store, clock } = this.#context;
    const options = this.#optionsFor(batch);
    const situation = await this.#situation(batch, fresh, options);
    const commands = batch.map((waiting) => waiting.command);
    const { draft, verdicts, lookAgain } = decide(situation, commands, toTimestamp(clock.wallTimeMs()));
    if (lookAgain) return 'again';
    const answer = { draft, reads: new Map<string, Entry>(), revision: situation.revision };
    // Without a write there is no guard either: the draft may only be told if nothing newer is known.
    if (draft.changesNothing && !situation.fresh && verdicts.some((verdict) => needsFresh(verdict)))
      return 'again';
    if (!draft.changesNothing) {
      const committing = store.commit(draft.transition(), { ...options, epoch: situation.epoch });
      for (const { candidateId } of draft.elected()) this.#context.observers.expect(this.#ref, candidateId);
      const outcome = await committing;
      if (outcome.kind !== 'committed') {
        if (outcome.kind === 'refused') this.#known = Math.max(this.#known, outcome.revision);
        else this.#inDoubt = true;
        return 'again';
      }
      this.#known = outcome.revision;
      answer.revision = outcome.revision;
      for (const entry of outcome.reads.flat()) answer.reads.set(entry.key, entry);
    }
    this.#waiting.splice(0, verdicts.length);
    for (const [i, verdict] of verdicts.entries()) {
      if (verdict.kind === 'done') batch[i]?.resolve({ ...answer, done: verdict.done });
      else if (verdict.kind === 'refused') batch[i]?.reject(verdict.error);
    }
    return 'done';
  }

  async #situation(batch: Waiting[], fresh: boolean, options: CommitOptions): Promise<Situation> {
    const { situations } = this.#context;
    const named = batch.map(({ command }) =>
      command.kind === 'campaign'
        ? command.sessionId
        : 'session' in command && command.session
          ? command.session.sessionId
          : '',
    );
    const sessionIds = named.filter(Boolean);
    if (fresh) return await situations.fresh(this.#ref, sessionIds, options);
    return await situations.atLeast(this.#ref, { revision: this.#known, sessionIds }, options);
  }

  /** A composed transition travels in the best lane of its commands and within the latest of their deadlines. */
  #optionsFor(batch: Waiting[]): CommitOptions {
    const order: Lane[] = ['renew', 'resign', 'observe', 'campaign', 'admin'];
    const lane = order.find((candidate) => batch.some((waiting) => waiting.lane === candidate)) ?? 'campaign';
    const deadlineMs = Math.max(...batch.map((waiting) => waiting.deadlineMs));
    return { lane, tenantId: this.#ref.tenantId, deadlineMs };
  }
}

function needsFresh(verdict: Verdict): boolean {
  return verdict.kind === 'done' && verdict.done.kind !== 'settled';
}

function tooLate(): IncumbentError {
  return new IncumbentError(
    'store.unavailable',
    'There was no time left to carry this out; nothing was changed.',
    {
      executed: false,
      retryAfterMs: 1_000,
    },
  );
}

function contended(): IncumbentError {
  return new IncumbentError(
    'store.unavailable',
    'Too many changes of this election at once; nothing was changed.',
    {
      executed: false,
      retryAfterMs: 1_000,
    },
  );
}

/** The same failure, without the promise that nothing was executed. */
function inDoubt(error: unknown): unknown {
  if (!(error instanceof IncumbentError) || error.extras.executed !== false) return error;
  const detail = 'It is not known whether this was carried out. Repeat it unchanged: a repeat is harmless.';
  return new IncumbentError(error.code, detail, { ...error.extras, executed: 'unknown', cause: error });
}

/**
 * Group commit: transitions that wait at the same moment travel as nested transactions of one etcd transaction,
 * each with its own guards and its own outcome.
 *
 * Guarantee: a transition is answered only with what etcd said of it, or `fenced` after it became impossible for
 * it to commit, or an error that says whether it may have been executed. Nothing is ever sent twice unless it is
 * certain that it was not executed, or it writes nothing.
 * Not guaranteed: order among transitions that wait together.
 */
import { type Clock, IncumbentError, type Timer } from '#core';
import type { CommitOptions, Epoch, Outcome, Transition } from '#election';
import type { Caller } from './caller.js';
import type { Codec, GroupAnswer } from './codec.js';
import { type Group, GroupBuilder, type Work } from './group.js';
import { LaneQueue } from './lane-queue.js';
import type { StoreMeter } from './meter.js';
import type { UnaryChannel } from './unary-channel.js';
import type { Stamp, WriterFence } from './writer-fence.js';

/** How long a group may stay unanswered before its outcome counts as unknown. Two tries fit a 2 s request. */
const CALL_MS = 1_000;
/** Groups under way at once; more only lengthen the queue inside etcd. */
const MAX_IN_FLIGHT = 4;
/** Groups beyond this many are sent only when full: small groups cost as much as large ones. */
const EAGER_IN_FLIGHT = 2;
const FULL_GROUP = 64;
/** Overdue work is looked for this often, so an answer is late by at most this. */
const SWEEP_MS = 25;
/** After a failure to send: do not spin. */
const PAUSE_MS = 25;
/** A queue this long is not worked off within any deadline. */
const MAX_WAITING = 50_000;
/** A group is refused by its outer compares when a revision moved; more often in a row means something else. */
const MAX_REFUSALS = 8;

export interface GroupCommitOptions {
  caller: Caller<UnaryChannel>;
  codec: Codec;
  fence: WriterFence;
  clock: Clock;
  meter: StoreMeter;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #queue = new LaneQueue<Work>();
  /** Halves of groups that were refused as a whole; sent before anything else. */
  readonly #halves: Work[][] = [];
  readonly #inFlight = new Set<Group>();
  #woken = false;
  #fencing = false;
  #pausedUntilMs = 0;
  #sweep: Timer | undefined;
  #newestWrite = 0;
  #closed = false;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** The newest revision that this process knows to hold a write of its own. */
  get newestWriteRevision(): number {
    return this.#newestWrite;
  }

  /** Queues a transition and sends it with whatever else waits. @throws IncumbentError store.* */
  async commit(transition: Transition, options: CommitOptions): Promise<Outcome> {
    if (this.#closed) throw unavailable('This replica is shutting down; try another one.', false);
    if (this.#queue.size >= MAX_WAITING) throw overloaded();
    if (options.epoch && transition.writes.length > 0 && !this.#isCurrent(options.epoch))
      return { kind: 'fenced' };
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    this.#queue.add({
      transition,
      lane: options.lane,
      tenantId: options.tenantId,
      deadlineMs: options.deadlineMs,
      epochRevision: this.#options.fence.epochRevision,
      refusals: 0,
      settled: false,
      resolve,
      reject,
    });
    this.#wake();
    return promise;
  }

  #isCurrent(decidedUnder: Epoch): boolean {
    const { epoch, settled } = this.#options.fence.epoch();
    return decidedUnder.epoch === epoch && decidedUnder.settled === settled;
  }

  /** Refuses new work and waits until all that was accepted is settled; every work has a deadline. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#queue.size > 0 || this.#inFlight.size > 0 || this.#halves.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#options.clock.after(SWEEP_MS, resolve);
      await promise;
      const accepted = [...this.#halves, ...[...this.#inFlight].map(({ works }) => works)].flat();
      const open = accepted.some((work) => !work.settled);
      if (this.#queue.size === 0 && !open) break;
    }
    this.#sweep?.cancel();
  }

  /** Sends soon, but after everything that arrived in this turn of the event loop could join. */
  #wake(): void {
    this.#sweep ??= this.#options.clock.after(SWEEP_MS, () => this.#expire());
    if (this.#woken) return;
    this.#woken = true;
    setImmediate(() => {
      this.#woken = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#mayStart()) {
      const stamp = this.#options.fence.stamp();
      if (!stamp) return this.#awaitFence();
      const works = this.#assemble(stamp);
      if (works.length === 0) return;
      const group: Group = { works, stamp };
      this.#inFlight.add(group);
      void this.#carry(group).finally(() => {
        this.#inFlight.delete(group);
        this.#wake();
      });
    }
  }

  #awaitFence(): void {
    if (this.#fencing) return;
    this.#fencing = true;
    void this.#options.fence.ready().then((open) => {
      this.#fencing = false;
      if (open) this.#wake();
    });
  }

  #mayStart(): boolean {
    if (this.#queue.size === 0 && this.#halves.length === 0) return false;
    if (this.#options.clock.monotonicMs() < this.#pausedUntilMs) return false;
    const limit = this.#queue.size >= FULL_GROUP ? MAX_IN_FLIGHT : EAGER_IN_FLIGHT;
    return this.#inFlight.size < limit;
  }

  #assemble(stamp: Stamp): Work[] {
    const half = this.#halves.shift()?.filter((work) => this.#maySend(work, stamp));
    if (half && half.length > 0) return half;
    const builder = new GroupBuilder();
    this.#queue.offer((work) => (this.#maySend(work, stamp) ? builder.add(work) : 'take'));
    return builder.works;
  }

  /** Settles what must not be sent any more. */
  #maySend(work: Work, stamp: Stamp): boolean {
    if (work.settled) return false;
    const overdue = work.deadlineMs <= this.#options.clock.monotonicMs();
    // What was decided under an epoch that is over may not commit under the next: the caller decides again.
    const superseded = work.epochRevision !== stamp.epochRevision && work.transition.writes.length > 0;
    if (overdue) dropUnsent(work);
    else if (superseded) succeed(work, { kind: 'fenced' });
    return !overdue && !superseded;
  }

  /** Sends a group; whatever goes wrong in this process itself, nobody is left without an answer. */
  async #carry(group: Group): Promise<void> {
    try {
      await this.#send(group);
    } catch (cause) {
      const detail = 'Something went wrong; ask for the state before trying again.';
      const error = new IncumbentError('internal.unexpected', detail, { cause, executed: 'unknown' });
      for (const work of group.works) fail(work, error);
      await this.#options.fence.past(group.stamp.writerRevision);
    }
  }

  async #send(group: Group): Promise<void> {
    const { caller, codec, fence, meter } = this.#options;
    meter.groupSent?.(group.works.length);
    const transitions = group.works.map((work) => work.transition);
    const known = fence.newestRevision;
    const request = codec.encodeGroup({
      demands: fence.demands(group.stamp),
      transitions,
      probes: fence.probes,
    });
    const reply = await caller.call('txn', CALL_MS, (endpoint, withinMs) =>
      endpoint.call('KV/Txn', request, withinMs),
    );
    switch (reply.kind) {
      case 'ok':
        return this.#answered(group, known, codec.decodeGroup(reply.value, transitions));
      case 'unsent':
        this.#pause();
        this.#requeue(group.works);
        return;
      case 'overloaded':
        for (const work of group.works) fail(work, overloaded(reply.cause));
        return;
      case 'refused':
        this.#split(group.works, reply.cause);
        return;
      case 'unknown':
        await this.#resolveUnknown(group);
    }
  }

  #answered(group: Group, known: number, answer: GroupAnswer): void {
    if (!this.#options.fence.witness(group.stamp, known, answer.origin)) {
      for (const work of group.works)
        fail(work, unavailable('The coordination store cannot be trusted.', 'unknown'));
      return;
    }
    if (!answer.executed) return this.#refused(group, answer);
    group.works.forEach((work, index) => {
      const outcome = answer.outcomes[index];
      if (!outcome) return fail(work, unavailable('The coordination store gave no answer.', 'unknown'));
      // A put always makes a change at this revision; a delete may have found nothing.
      if (outcome.kind === 'committed' && work.transition.writes.some(({ kind }) => kind === 'put')) {
        this.#newestWrite = Math.max(this.#newestWrite, answer.origin.revision);
      }
      succeed(work, outcome);
    });
  }

  /** The outer compares did not hold: nothing was executed, and with the revisions of now it may be sent again. */
  #refused(group: Group, { origin, probed }: Extract<GroupAnswer, { executed: false }>): void {
    const { fence } = this.#options;
    fence.learn(origin.revision, probed);
    const stamp = fence.stamp();
    const learned =
      stamp?.writerRevision !== group.stamp.writerRevision ||
      stamp.epochRevision !== group.stamp.epochRevision;
    if (!learned) void fence.past(group.stamp.writerRevision);
    for (const work of group.works) {
      work.refusals += 1;
      const detail = 'The coordination store keeps changing hands.';
      if (work.refusals > MAX_REFUSALS) fail(work, unavailable(detail, false));
    }
    this.#requeue(group.works);
  }

  /** Waits for the write fence; after it the group can never commit. Reads have no effect and are simply repeated. */
  async #resolveUnknown(group: Group): Promise<void> {
    const certain = await this.#options.fence.past(group.stamp.writerRevision);
    if (!certain) {
      for (const work of group.works) fail(work, unavailable('This replica is shutting down.', 'unknown'));
      return;
    }
    for (const work of group.works) {
      if (work.transition.writes.length > 0) succeed(work, { kind: 'fenced' });
    }
    this.#requeue(group.works);
  }

  /** etcd refused the transaction as it is: halves find out which member is at fault, the others go on. */
  #split(works: Work[], cause: unknown): void {
    const [only] = works;
    if (works.length === 1 && only) {
      const detail = 'The request could not be stored.';
      fail(only, new IncumbentError('internal.unexpected', detail, { cause, executed: false }));
      return;
    }
    const middle = Math.ceil(works.length / 2);
    this.#halves.push(works.slice(0, middle), works.slice(middle));
  }

  #requeue(works: Work[]): void {
    for (const work of works.toReversed()) if (!work.settled) this.#queue.add(work, 'front');
  }

  #pause(): void {
    const { clock } = this.#options;
    this.#pausedUntilMs = clock.monotonicMs() + PAUSE_MS;
    clock.after(PAUSE_MS + 1, () => this.#wake());
  }

  /** Answers what is overdue, whether it waits or is under way. */
  #expire(): void {
    this.#sweep = undefined;
    const nowMs = this.#options.clock.monotonicMs();
    this.#queue.removeWhere((work) => work.settled || work.deadlineMs <= nowMs).forEach(dropUnsent);
    for (const work of this.#halves.flat()) if (work.deadlineMs <= nowMs) dropUnsent(work);
    for (const work of [...this.#inFlight].flatMap(({ works }) => works)) {
      if (work.deadlineMs <= nowMs)
        fail(work, unavailable('The coordination store does not answer.', 'unknown'));
    }
    if (this.#queue.size > 0 || this.#inFlight.size > 0 || this.#halves.length > 0) this.#wake();
  }
}

function succeed(work: Work, outcome: Outcome): void {
  if (work.settled) return;
  work.settled = true;
  work.resolve(outcome);
}

function fail(work: Work, error: IncumbentError): void {
  if (work.settled) return;
  work.settled = true;
  work.reject(error);
}

function dropUnsent(work: Work): void {
  fail(work, unavailable('The coordination store does not answer; try again.', false));
}

function unavailable(detail: string, executed: false | 'unknown'): IncumbentError {
  return new IncumbentError('store.unavailable', detail, { retryAfterMs: 1_000, executed });
}

function overloaded(cause?: unknown): IncumbentError {
  const detail = 'The coordination store is close to its limits; try again later.';
  return new IncumbentError('store.overloaded', detail, { retryAfterMs: 1_000, executed: false, cause });
}

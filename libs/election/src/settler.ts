/**
 * Keeps elections in line with the sessions that live and with what operators allow. It acts on what the view
 * shows at once, and sweeps everything every few seconds as the floor under events that never came. All it does
 * is ask for `settle` and `replace`, which decide on their own.
 */
import type { Clock, Timer } from '#core';
import { Agenda } from './agenda.js';
import { Draft } from './decide/draft.js';
import { needsSettling } from './decide/settle.js';
import { type ElectionRef, keys } from './keys.js';
import type { Membership } from './membership.js';
import { encode } from './records.js';
import type { Sequencer } from './sequencer.js';
import type { Situations } from './situations.js';
import type { ElectionStore } from './store.js';
import type { ElectionState } from './state.js';
import { STAGGER_MS } from './supervision.js';
import { Turns } from './turns.js';
import type { View } from './view.js';

const SWEEP_MS = 5_000;
/** After a settlement that the store did not take: an outage may not add a whole sweep or ttlMs to a vacancy. */
const RETRY_MS = 250;
/** The largest ttlMs of the service: after a raised epoch no term starts before it has passed (rule 13). */
const LARGEST_TTL_MS = 15 * 60_000;
/**
 * Under a policy that ranks ten thousand candidates a look takes 10 ms, and each join or report of health asks for one.
 * After a look the next is due when this many times as long has passed, but for the end of a leader.
 */
const REST = { times: 10, mostMs: 200 } as const;
/** Fewer candidates are looked at in no time, whatever a clock says that was read around a pause. */
const CROWD = 500;

export interface SettlerParts {
  store: ElectionStore;
  view: View;
  situations: Situations;
  sequencer: Sequencer;
  membership: Membership;
  clock: Clock;
}

/** The watch over one revision of a withheld leader record. */
interface Watch {
  revision: number;
  /** Monotonic ms at which every grant of the leader is over. */
  untilMs: number;
  timer: Timer;
}

export class Settler {
  /** Elections with a settlement asked for and not yet done, and whether something changed since. */
  readonly #pending = new Map<string, { changed: boolean }>();
  /** Withheld leaders, by electionId and seat. */
  readonly #watched = new Map<string, Watch>();
  readonly #agenda: Agenda;
  /** Elections that were a long look -> when the next is due, monotonic ms. */
  readonly #resting = new Map<string, number>();
  readonly #turns: Turns;
  readonly #parts: SettlerParts;
  #sweepTimer: Timer | undefined;
  #epochSeenAt: { epoch: number; atMs: number } | undefined;
  #stopped = false;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
    this.#turns = new Turns(parts.clock, (ref, thorough) => this.#look(ref, thorough));
    this.#agenda = new Agenda(parts.clock, (ref) => this.#lookAgain(ref));
    parts.view.listen({
      electionChanged: (election) => {
        this.#watchWithheld(election);
        this.#ask(election, false);
      },
      sessionGone: (_sessionId, elections) => {
        for (const election of elections) this.#ask(election, true);
      },
      tenantChanged: (tenantId) => this.#lookAtTenant(tenantId),
    });
  }

  start(): void {
    this.#sweepTimer = this.#parts.clock.after(SWEEP_MS, () => {
      this.#sweep();
      if (!this.#stopped) this.start();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#turns.stop();
    this.#sweepTimer?.cancel();
    for (const { timer } of this.#watched.values()) timer.cancel();
    this.#watched.clear();
    this.#agenda.stop();
  }

  #sweep(): void {
    this.#turns.sweep(this.#parts.view.elections.values());
    this.#settleEpoch();
    if (this.#parts.membership.rank('sweep') > 0) return;
    for (const processId of this.#parts.membership.forgotten()) {
      // Without its writer key whatever a frozen process still has under way is refused, which is as it should be.
      this.#commitAside([
        { kind: 'delete', key: keys.replica(processId) },
        { kind: 'delete', key: keys.writer(processId) },
      ]);
    }
  }

  #lookAtTenant(tenantId: string): void {
    for (const election of this.#parts.view.elections.values()) {
      if (election.ref.tenantId === tenantId) this.#ask(election, false);
    }
  }

  #ask({ ref }: ElectionState, thorough: boolean): void {
    const pending = this.#pending.get(ref.electionId);
    if (pending) pending.changed = true;
    else if (!this.#stopped) this.#turns.ask(ref, thorough);
  }

  /** Asks for a settlement if one is needed. @returns its end, if it was asked for at once */
  #look(ref: ElectionRef, thorough: boolean): Promise<void> | undefined {
    const { view, clock, membership } = this.#parts;
    const { electionId } = ref;
    const election = view.election(ref);
    if (!election || this.#stopped) return undefined;
    this.#watchWithheld(election);
    const pending = this.#pending.get(electionId);
    if (pending) pending.changed = true;
    if (pending || this.#rests(election)) return undefined;
    const startMs = clock.monotonicMs();
    const draft = this.#draft(ref);
    const needed = needsSettling(draft, thorough);
    this.#rest(election, startMs);
    if (!needed) {
      this.#agenda.plan(ref, draft.wakeInMs);
      return undefined;
    }
    this.#pending.set(electionId, { changed: false });
    const rank = membership.rank(electionId);
    if (rank === 0) return this.#settle(ref, thorough);
    clock.after(rank * STAGGER_MS, () => void this.#settle(ref, thorough));
    return undefined;
  }

  /** Whether the look that is due has to wait; then it is planned. The end of a leader waits for nothing. */
  #rests({ ref, seats }: ElectionState): boolean {
    const { view, clock } = this.#parts;
    const untilMs = this.#resting.get(ref.electionId);
    if (untilMs === undefined) return false;
    const leftMs = untilMs - clock.monotonicMs();
    const orphaned = [...seats.values()].some(
      ({ leader }) => leader && !view.sessions.has(leader.record.sessionId),
    );
    if (leftMs > 0 && !orphaned) {
      this.#agenda.planBy(ref, leftMs);
      return true;
    }
    this.#resting.delete(ref.electionId);
    return false;
  }

  #rest({ ref, candidates }: ElectionState, startMs: number): void {
    if (candidates.size < CROWD) return;
    const nowMs = this.#parts.clock.monotonicMs();
    const restMs = Math.min(REST.mostMs, (nowMs - startMs) * REST.times);
    this.#resting.set(ref.electionId, nowMs + restMs);
  }

  async #settle(ref: ElectionRef, thorough: boolean): Promise<void> {
    const { sequencer, view, clock } = this.#parts;
    let again = false;
    let failed = false;
    try {
      if (this.#stopped || !needsSettling(this.#draft(ref), thorough)) return;
      const deadlineMs = clock.monotonicMs() + 2_000;
      const { draft, revision } = await sequencer.run(
        ref,
        { kind: 'settle' },
        { lane: 'resign', deadlineMs },
      );
      again = !draft.changesNothing && (await view.reaches(revision, 1_000));
    } catch {
      failed = true;
    } finally {
      again ||= this.#pending.get(ref.electionId)?.changed === true;
      this.#pending.delete(ref.electionId);
    }
    // Without progress or a change only the sweep tries again: what this view asks for the store may know better.
    if (again && !failed) this.#lookAgain(ref);
    else if (failed) clock.after(RETRY_MS, () => this.#lookAgain(ref));
  }

  #lookAgain(ref: ElectionRef): void {
    const election = this.#parts.view.election(ref);
    if (election) this.#ask(election, true);
  }

  #draft(ref: ElectionRef): Draft {
    return new Draft(this.#parts.situations.seen(ref), '');
  }

  /** Replaces a withheld leader once its record has been watched, unchanged, for its session's ttlMs. */
  #watchWithheld({ ref, seats }: ElectionState): void {
    for (const [seat, { leader }] of seats) {
      const place = `${ref.electionId}/${seat}`;
      const watched = this.#watched.get(place);
      const revision = leader?.record.withheld ? leader.modRevision : undefined;
      if (watched?.revision === revision) continue;
      watched?.timer.cancel();
      this.#watched.delete(place);
      if (!leader || revision === undefined || this.#stopped) continue;
      const untilMs = this.#parts.clock.monotonicMs() + leader.record.ttlMs;
      this.#watch(ref, seat, { revision, untilMs });
    }
  }

  #watch(ref: ElectionRef, seat: number, watch: Omit<Watch, 'timer'>): void {
    const { clock, membership } = this.#parts;
    const inLine = membership.rank(ref.electionId) * STAGGER_MS;
    const delayMs = watch.untilMs - clock.monotonicMs() + inLine;
    const timer = clock.after(delayMs, () => void this.#replace(ref, seat, watch));
    this.#watched.set(`${ref.electionId}/${seat}`, { ...watch, timer });
  }

  async #replace(ref: ElectionRef, seat: number, watch: Omit<Watch, 'timer'>): Promise<void> {
    const { sequencer, clock } = this.#parts;
    const place = `${ref.electionId}/${seat}`;
    if (this.#watched.get(place)?.revision !== watch.revision) return;
    // Timers may fire a little early; the clock decides.
    if (clock.monotonicMs() < watch.untilMs) return this.#watch(ref, seat, watch);
    try {
      const deadlineMs = clock.monotonicMs() + 2_000;
      const command = { kind: 'replace' as const, seat, leaderRevision: watch.revision };
      await sequencer.run(ref, command, { lane: 'resign', deadlineMs });
    } catch {
      // The watch is over and stays so: the record's revision guards the next attempt like this one.
      if (this.#stopped || this.#watched.get(place)?.revision !== watch.revision) return;
      const timer = clock.after(RETRY_MS, () => void this.#replace(ref, seat, watch));
      this.#watched.set(place, { ...watch, timer });
    }
  }

  /** The replica that has watched a young epoch for the largest ttlMs declares it settled. */
  #settleEpoch(): void {
    const { store, clock } = this.#parts;
    const { epoch, settled } = store.epoch();
    const now = clock.monotonicMs();
    if (this.#epochSeenAt?.epoch !== epoch) this.#epochSeenAt = { epoch, atMs: now };
    if (settled || now - this.#epochSeenAt.atMs < LARGEST_TTL_MS) return;
    this.#commitAside([{ kind: 'put', key: keys.epoch, value: encode({ epoch, settled: true }) }]);
  }

  #commitAside(
    writes: ({ kind: 'delete'; key: string } | { kind: 'put'; key: string; value: string })[],
  ): void {
    const deadlineMs = this.#parts.clock.monotonicMs() + 2_000;
    this.#parts.store
      .commit({ guards: [], writes, reads: [] }, { lane: 'admin', tenantId: 'incumbent', deadlineMs })
      .catch(() => undefined);
  }
}

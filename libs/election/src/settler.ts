/**
 * Keeps elections in line with the sessions that live and with what operators allow. It acts on what the view
 * shows at once, and sweeps everything every few seconds as the floor under events that never came. All it does
 * is ask for `settle` and `replace`, which decide on their own.
 */
import type { Clock, Timer } from '#core';
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
import type { View } from './view.js';

const SWEEP_MS = 5_000;
/** After a settlement that the store did not take: an outage may not add a whole sweep to a vacancy. */
const RETRY_MS = 250;
/** Whatever lies further ahead is looked at again after this; timers cannot run for months. */
const LONGEST_SLEEP_MS = 3_600_000;
/** The largest ttlMs of the service: after a raised epoch no term starts before it has passed (rule 13). */
const LARGEST_TTL_MS = 15 * 60_000;

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
  /** Elections that time alone will change, by electionId: delays, graces, schedules. */
  readonly #agenda = new Map<string, { atMs: number; timer: Timer }>();
  readonly #parts: SettlerParts;
  #sweepTimer: Timer | undefined;
  #epochSeenAt: { epoch: number; atMs: number } | undefined;
  #stopped = false;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
    parts.view.listen({
      electionChanged: (election) => this.#look(election, false),
      sessionGone: (_sessionId, elections) => {
        for (const election of elections) this.#look(election, true);
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
    this.#sweepTimer?.cancel();
    for (const { timer } of this.#watched.values()) timer.cancel();
    this.#watched.clear();
    for (const { timer } of this.#agenda.values()) timer.cancel();
    this.#agenda.clear();
  }

  #sweep(): void {
    for (const election of this.#parts.view.elections.values()) this.#look(election, true);
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
      if (election.ref.tenantId === tenantId) this.#look(election, false);
    }
  }

  #look(election: ElectionState, thorough: boolean): void {
    this.#watchWithheld(election);
    const { electionId } = election.ref;
    const pending = this.#pending.get(electionId);
    if (pending) pending.changed = true;
    if (this.#stopped || pending) return;
    const draft = this.#draft(election.ref);
    const needed = needsSettling(draft, thorough);
    if (!needed) return this.#lookAgainIn(draft);
    this.#pending.set(electionId, { changed: false });
    const rank = this.#parts.membership.rank(electionId);
    if (rank === 0) void this.#settle(election.ref, thorough);
    else this.#parts.clock.after(rank * STAGGER_MS, () => void this.#settle(election.ref, thorough));
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
    if (election) this.#look(election, true);
  }

  #draft(ref: ElectionRef): Draft {
    return new Draft(this.#parts.situations.seen(ref), '');
  }

  /** Looks at the election again when the earliest of the times that were asked about has come. */
  #lookAgainIn({ ref, wakeInMs }: Draft): void {
    const { clock } = this.#parts;
    const planned = this.#agenda.get(ref.electionId);
    if (wakeInMs === undefined) {
      planned?.timer.cancel();
      this.#agenda.delete(ref.electionId);
      return;
    }
    const delayMs = Math.min(Math.max(1, Math.ceil(wakeInMs)), LONGEST_SLEEP_MS);
    const atMs = clock.monotonicMs() + delayMs;
    if (planned && Math.abs(planned.atMs - atMs) < 1) return;
    planned?.timer.cancel();
    const timer = clock.after(delayMs, () => {
      this.#agenda.delete(ref.electionId);
      this.#lookAgain(ref);
    });
    this.#agenda.set(ref.electionId, { atMs, timer });
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
      // The sweep sees the mark again and starts a new watch: late, never early.
      this.#watched.delete(place);
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

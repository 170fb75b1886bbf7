/** What operators do to elections: create, change, pause, delete; and what they read of them. */
import { newId } from '#core';
import type {
  CallBounds,
  ElectionStatus,
  ElectionView,
  ManagementBounds,
  QueuedCandidate,
  Target,
} from './answers.js';
import { actOn, adminLane, existing } from './acts.js';
import type { Done } from './decide/commands.js';
import { visible } from './presentation.js';
import { electionRef, type ElectionRef } from './keys.js';
import type { ConfigRecord, ElectionSettings, Qualities } from './records.js';
import { unknownCandidate } from './refusals.js';
import type { Result, Sequencer } from './sequencer.js';
import type { Situations } from './situations.js';
import type { CommitOptions, ElectionStore } from './store.js';
import { queueOf, statusOf } from './status.js';
import type { View } from './view.js';

export interface ManagementParts {
  store: ElectionStore;
  view: View;
  situations: Situations;
  sequencer: Sequencer;
}

/** A page of a list; `after` is the key of the last thing on the page before. */
export interface PageRequest {
  limit: number;
  after?: string;
}

/** What a change may name; `pinned: null` lets the policy choose again. */
export interface ElectionChange extends Partial<ElectionSettings> {
  state?: 'open' | 'paused';
  pinned?: string | null;
  /** Leaders of the seats above a smaller `seats` are to step down. */
  retireSeats?: boolean;
}

type Settled = Extract<Done, { kind: 'settings' }>;

export class ElectionManagement {
  readonly #parts: ManagementParts;

  constructor(parts: ManagementParts) {
    this.#parts = parts;
  }

  /** @throws IncumbentError election.name_taken, election.closing */
  async create(
    target: Target,
    settings: ElectionSettings,
    maxCandidates: number,
    bounds: ManagementBounds,
  ): Promise<ElectionView> {
    const ref = electionRef(target.tenantId, target.election);
    const name = target.election;
    const act = actOn('election.created', ref, name, bounds);
    const { changeId = newId('req') } = bounds;
    const command = { kind: 'create' as const, name, settings, maxCandidates, changeId, act };
    return this.#viewOf(ref, await this.#parts.sequencer.run<Settled>(ref, command, adminLane(bounds)));
  }

  /**
   * Change settings, pause or open. With `ifMatch` only if the election still has that version.
   * @throws IncumbentError election.not_found, request.precondition_failed, request.invalid_body
   */
  async change(
    target: Target,
    change: ElectionChange,
    bounds: ManagementBounds,
    ifMatch?: string,
  ): Promise<ElectionView> {
    const ref = electionRef(target.tenantId, target.election);
    const { state, pinned, retireSeats, ...settings } = change;
    const act = actOn('election.changed', ref, target.election, bounds);
    const changeId = newId('req');
    const command = {
      ...{ kind: 'change' as const, settings, state, pinned, retireSeats, version: ifMatch, changeId, act },
    };
    return this.#viewOf(ref, await this.#parts.sequencer.run<Settled>(ref, command, adminLane(bounds)));
  }

  /**
   * Delete. `closing`: a leader's grants still run out; the name is free once they are over. The fence stays.
   * @throws IncumbentError election.not_found, request.precondition_failed
   */
  async remove(target: Target, bounds: ManagementBounds, ifMatch?: string): Promise<'closed' | 'closing'> {
    const ref = electionRef(target.tenantId, target.election);
    const act = actOn('election.deleted', ref, target.election, bounds);
    const command = { kind: 'remove' as const, version: ifMatch, changeId: newId('req'), act };
    const { done } = await this.#parts.sequencer.run<Settled>(ref, command, adminLane(bounds));
    return done.config.state === 'closed' ? 'closed' : 'closing';
  }

  /**
   * Set the priority of one who stands; a priority without an end stays until it is set again.
   * @throws IncumbentError election.not_found, candidate.not_found
   */
  async appraise(
    target: Target & { candidate: string },
    qualities: Pick<Qualities, 'priority' | 'priorityExpiresAt'>,
    bounds: ManagementBounds,
  ): Promise<void> {
    const ref = electionRef(target.tenantId, target.election);
    const act = actOn('candidate.appraised', ref, target.election, bounds);
    const command = { kind: 'appraise' as const, name: target.candidate, qualities, act };
    await this.#parts.sequencer.run(ref, command, adminLane(bounds));
  }

  /**
   * Hold a candidate name back from leading until that is lifted, or lift what holds it back; `why` goes on record.
   * @throws IncumbentError election.not_found, candidate.not_held_back
   */
  async holdBack(
    target: Target & { candidate: string; why?: string },
    lift: boolean,
    bounds: ManagementBounds,
  ): Promise<void> {
    const ref = electionRef(target.tenantId, target.election);
    const action = lift ? 'candidate.quarantine_lifted' : 'candidate.quarantined';
    const act = actOn(action, ref, target.election, bounds);
    const command = { kind: 'conduct' as const, name: target.candidate, lift, why: target.why, act };
    await this.#parts.sequencer.run(ref, command, adminLane(bounds));
  }

  /** @throws IncumbentError election.not_found */
  async get(target: Target, bounds: CallBounds): Promise<ElectionView> {
    const ref = electionRef(target.tenantId, target.election);
    const { election } = await this.#fresh(ref, bounds);
    return this.#viewOfConfig(ref, existing(election), election.config?.modRevision ?? 0);
  }

  /** The tenant's elections by name, as this replica knows them. */
  list(tenantId: string, page: PageRequest & { prefix?: string }): { data: ElectionView[]; next?: string } {
    const found: ElectionView[] = [];
    for (const { ref, config } of this.#parts.view.elections.values()) {
      if (ref.tenantId !== tenantId || !config || config.record.state === 'closed') continue;
      const { name } = config.record;
      if (page.prefix !== undefined && !name.startsWith(page.prefix)) continue;
      if (page.after === undefined || name > page.after)
        found.push(this.#viewOfConfig(ref, config.record, config.modRevision));
    }
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    const data = found.slice(0, page.limit);
    return { data, ...(found.length > page.limit && { next: data.at(-1)?.name }) };
  }

  /** @throws IncumbentError election.not_found */
  async status(target: Target, bounds: CallBounds): Promise<ElectionStatus> {
    const ref = electionRef(target.tenantId, target.election);
    const situation = await this.#fresh(ref, bounds);
    return statusOf(situation, existing(situation.election));
  }

  /** Those who stand, in queue order, the leader first. @throws IncumbentError election.not_found */
  async candidates(
    target: Target,
    bounds: CallBounds,
    page: PageRequest,
  ): Promise<{ data: QueuedCandidate[]; next?: string }> {
    const situation = await this.#fresh(electionRef(target.tenantId, target.election), bounds);
    existing(situation.election);
    const all = queueOf(situation);
    const start =
      page.after === undefined ? 0 : all.findIndex(({ candidateId }) => candidateId === page.after) + 1;
    const data = all.slice(start, start + page.limit);
    return { data, ...(start + page.limit < all.length && { next: data.at(-1)?.candidateId }) };
  }

  /** One of those who stand, in its place. @throws IncumbentError election.not_found, candidate.not_found */
  async candidate(target: Target & { candidate: string }, bounds: CallBounds): Promise<QueuedCandidate> {
    const situation = await this.#fresh(electionRef(target.tenantId, target.election), bounds);
    existing(situation.election);
    const found = queueOf(situation).find(({ name }) => name === target.candidate);
    if (!found) throw unknownCandidate(target.candidate);
    return found;
  }

  #viewOf(ref: ElectionRef, { done, draft, revision }: Result<Settled>): ElectionView {
    const before = draft.situation.election.config;
    const unchanged = draft.changesNothing && before !== undefined;
    return this.#viewOfConfig(ref, done.config, unchanged ? before.modRevision : revision);
  }

  #viewOfConfig(ref: ElectionRef, config: ConfigRecord, revision: number): ElectionView {
    const { changeId: _changeId, state, ...shown } = config;
    // The quota of today is what campaign asks; see checkCandidateQuota.
    const quota = this.#parts.view.tenants.get(ref.tenantId)?.record.maxCandidatesPerElection;
    const maxCandidates = quota ?? config.maxCandidates;
    return {
      electionId: ref.electionId,
      ...shown,
      maxCandidates,
      state: visible(state),
      version: String(revision),
    };
  }

  async #fresh(ref: ElectionRef, bounds: CallBounds): ReturnType<Situations['fresh']> {
    const options: CommitOptions = { lane: 'observe', tenantId: ref.tenantId, deadlineMs: bounds.deadlineMs };
    return await this.#parts.situations.fresh(ref, [], options);
  }
}

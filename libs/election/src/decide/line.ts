/** Who may have a seat, and in which order. */
import { type Contender, type Contest, policies } from '../policies/index.js';
import type { LeaderRecord } from '../records.js';
import type { Candidacy } from '../state.js';
import { isHeldBack } from './conduct.js';
import type { Draft } from './draft.js';

/**
 * The candidacies that may have the vacant seat, best first: those of the settings' policy, the pinned one before
 * all others. Dead ones are among them; whoever passes one over guards its death. The candidateId `last` goes behind
 * everybody else.
 */
export function* lineFor(draft: Draft, seat: number, last?: string): Generator<Candidacy> {
  let behind: Candidacy | undefined;
  for (const candidacy of wholeLine(draft, seat)) {
    if (candidacy.candidateId === last) behind = candidacy;
    else yield candidacy;
  }
  if (behind) yield behind;
}

function* wholeLine(draft: Draft, seat: number): Generator<Candidacy> {
  const { config } = draft;
  if (!config) return;
  const reclaimer = reclaimerOf(draft, seat);
  const pinned = config.pinned === undefined ? undefined : draft.candidacyOfName(config.pinned);
  const may = (candidacy: Candidacy): boolean =>
    reclaimer === undefined || candidacy.record.name === reclaimer;
  if (pinned && may(pinned) && isFree(draft, pinned)) yield pinned;
  const policy = policies[config.policy];
  for (const { candidateId } of policy.order(contenders(draft, may), contestOf(draft, seat))) {
    const candidacy = candidateId === pinned?.candidateId ? undefined : draft.candidacy(candidateId);
    if (candidacy) yield candidacy;
  }
}

/** Whether a candidacy could lead if it were its turn: it leads no seat, and nothing holds it back. */
export function isFree(draft: Draft, { candidateId, record }: Candidacy): boolean {
  return draft.seatOf(candidateId) === undefined && !isHeldBack(draft, record.name);
}

/** After a crash the seat waits `takeoverDelayMs` for the candidate that lost it: the name that alone may have it. */
export function reclaimerOf(draft: Draft, seat: number): string | undefined {
  const delayMs = draft.config?.takeoverDelayMs ?? 0;
  const term = draft.term(seat);
  if (delayMs === 0 || term?.reason !== 'expired') return undefined;
  return draft.isOver(draft.termAgeMs(seat), delayMs) ? undefined : term.leader.name;
}

/** Whether the policy wants the running term ended, and why. */
export function challengeTo(draft: Draft, seat: number, leader: LeaderRecord) {
  const { config } = draft;
  const challenge = config && policies[config.policy].challenge;
  if (!challenge || config.pinned === leader.name) return undefined;
  return challenge({
    ...contestOf(draft, seat),
    leader: contenderOfLeader(draft, leader),
    rivals: () => rivals(draft, seat, leader),
    mayPreempt: ({ candidateId }) => !leader.appointed || draft.isNewTo(seat, candidateId),
    fellows: fellows(draft, seat),
    lasted: (durationMs) => lastedBefore(leader) || draft.isOver(draft.termAgeMs(seat), durationMs),
  });
}

function* contenders(draft: Draft, may: (candidacy: Candidacy) => boolean): Generator<Contender> {
  for (const candidacy of draft.queue()) {
    if (may(candidacy) && isFree(draft, candidacy)) yield contenderOf(draft, candidacy);
  }
}

/** Live waiters, best first, less one for each other seat that is vacant or about to be: those are spoken for. */
function* rivals(draft: Draft, seat: number, leader: LeaderRecord): Generator<Contender> {
  const marked = isMarked(leader);
  let spokenFor = 0;
  for (const other of draft.seats()) {
    const fellow = draft.leader(other);
    if (other === seat || other >= draft.seatCount) continue;
    // Of two marked seats the lower one takes the first rival; a mark that is set does not count against itself.
    if (!fellow || (isMarked(fellow) && (!marked || other < seat))) spokenFor += 1;
  }
  const policy = policies[draft.config?.policy ?? 'fifo'];
  const alive = contenders(draft, (candidacy) => draft.seemsAlive(candidacy));
  for (const rival of policy.order(alive, contestOf(draft, seat))) if (spokenFor-- <= 0) yield rival;
}

function fellows(draft: Draft, seat: number): Contender[] {
  const found: Contender[] = [];
  for (const other of draft.seats()) {
    const fellow = other === seat ? null : draft.leader(other);
    if (fellow && !isMarked(fellow)) found.push(contenderOfLeader(draft, fellow));
  }
  return found;
}

function contestOf(draft: Draft, seat: number): Contest {
  return { settings: draft.config ?? {}, lastLeader: draft.term(seat)?.leader.name };
}

function contenderOfLeader(draft: Draft, leader: LeaderRecord): Contender {
  const candidacy = draft.candidacy(leader.candidateId);
  return candidacy
    ? contenderOf(draft, candidacy)
    : { candidateId: leader.candidateId, name: leader.name, priority: 0, health: 100 };
}

/** Its priority is looked at only by policies that rank by it: the end of one that nobody asks for wakes nobody. */
function contenderOf(draft: Draft, { candidateId, record }: Candidacy): Contender {
  const { name, priority = 0, priorityExpiresAt, health = 100 } = record;
  return {
    candidateId,
    name,
    health,
    get priority() {
      return priorityExpiresAt !== undefined && draft.hasCome(priorityExpiresAt) ? 0 : priority;
    },
  };
}

/**
 * Whether a mark says that the term had lasted long enough when it was set. Replicas that tell its age by different
 * times of day would else set and withdraw the mark in turns.
 */
function lastedBefore({ withheld, asked }: LeaderRecord): boolean {
  const reason = (withheld ?? asked)?.reason;
  return reason === 'preempted' || reason === 'rotated';
}

function isMarked(leader: LeaderRecord): boolean {
  return leader.asked !== undefined || leader.withheld !== undefined;
}

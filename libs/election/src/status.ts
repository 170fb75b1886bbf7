/** An election at a glance: its seats, who stands and in which order, what is under way. */
import { toTimestamp } from '#core';
import type { ElectionStatus, HeldBack, LastTerm, QueuedCandidate, SeatStatus } from './answers.js';
import { isHeldBack } from './decide/conduct.js';
import { Draft, publicOf } from './decide/draft.js';
import { lineFor, reclaimerOf } from './decide/line.js';
import { handOversOf } from './hand-overs.js';
import { leadershipOf } from './presentation.js';
import { type ConfigRecord, fenceOf, type TermRecord } from './records.js';
import { type Candidacy, FIRST_SEAT, type Situation } from './state.js';
import { visible } from './presentation.js';

/** Names that are held back and shown with the status. */
const MOST_NAMES_SHOWN = 100;

export function statusOf(situation: Situation, config: ConfigRecord): ElectionStatus {
  const { election } = situation;
  const draft = new Draft(situation, '');
  const seats = [...draft.seats()].map((seat) => seatStatusOf(draft, seat, config));
  const term = draft.term(FIRST_SEAT);
  return {
    ...leadershipIn(draft, FIRST_SEAT, config.name),
    state: visible(config.state),
    candidateCount: election.candidates.size,
    since: term ? (term.endedAt ?? term.since) : null,
    lastTerm: lastTermOf(term),
    seats,
    heldBack: allHeldBack(draft),
    ...(config.pinned !== undefined && { pinned: config.pinned }),
  };
}

/** Those who stand: the leaders by seat, then those who wait in the order in which they would lead. */
export function queueOf(situation: Situation): QueuedCandidate[] {
  const draft = new Draft(situation, '');
  const leading: QueuedCandidate[] = [];
  for (const seat of draft.seats()) {
    const candidacy = draft.candidacy(draft.leader(seat)?.candidateId ?? '');
    if (candidacy) leading.push({ ...shown(draft, candidacy), state: 'leader', seat });
  }
  const inLine = new Set(lineFor(draft, vacantOrFirst(draft)));
  const waiting = [...inLine, ...[...draft.waiting()].filter((candidacy) => !inLine.has(candidacy))];
  return [
    ...leading,
    ...waiting.map((candidacy, i) => ({
      ...shown(draft, candidacy),
      state: 'waiting' as const,
      position: i + 1,
    })),
  ];
}

function seatStatusOf(draft: Draft, seat: number, config: ConfigRecord): SeatStatus {
  const record = draft.leader(seat);
  const mark = record && (record.withheld ?? record.asked);
  const { endedAt } = draft.term(seat) ?? {};
  const delayed = !record && endedAt !== undefined && reclaimerOf(draft, seat) !== undefined;
  const handOver = handOversOf(draft.situation.election, config.name).find((each) => each.seat === seat);
  const until = Date.parse(endedAt ?? '') + (config.takeoverDelayMs ?? 0);
  return {
    seat,
    leader: leadershipIn(draft, seat, config.name).leader,
    lastTerm: lastTermOf(draft.term(seat)),
    ...(mark && {
      yielding: { reason: mark.reason, since: mark.at, withheld: record.withheld !== undefined },
    }),
    ...(delayed && { takeoverAt: toTimestamp(until) }),
    ...(handOver && { handOver }),
  };
}

function leadershipIn(draft: Draft, seat: number, name: string) {
  const { election, epoch } = draft.situation;
  return leadershipOf(draft.ref, name, {
    seat,
    leader: draft.leader(seat) ?? undefined,
    term: draft.term(seat),
    sequence: election.head?.record.sequence ?? 0,
    epoch: epoch.epoch,
  });
}

function lastTermOf(term: TermRecord | undefined): LastTerm | null {
  if (!term) return null;
  return {
    term: term.term,
    fence: fenceOf(term.epoch, term.term),
    leader: term.leader.name,
    since: term.since,
    ...(term.endedAt !== undefined && { endedAt: term.endedAt, reason: term.reason }),
  };
}

function shown(draft: Draft, { candidateId, record }: Candidacy): Omit<QueuedCandidate, 'state'> {
  const { name, priority, priorityExpiresAt, health, joinedAt } = record;
  const heldBack = heldBackOf(draft, name);
  return {
    ...publicOf({ ...record, candidateId }),
    joinedAt,
    ...(priority !== undefined && { priority }),
    ...(priorityExpiresAt !== undefined && { priorityExpiresAt }),
    ...(health !== undefined && { health }),
    ...(heldBack && { heldBack }),
  };
}

function heldBackOf(draft: Draft, name: string): HeldBack | undefined {
  const conduct = draft.conduct(name);
  if (!conduct || conduct.heldBack === 'no' || !isHeldBack(draft, name)) return undefined;
  const { heldBack, at: since, shortTerms } = conduct;
  if (heldBack === 'until_lifted') return { since, shortTerms };
  return { since, until: toTimestamp(Date.parse(since) + heldBack.forMs), shortTerms };
}

function allHeldBack(draft: Draft): ElectionStatus['heldBack'] {
  const found: ElectionStatus['heldBack'] = [];
  for (const name of draft.conductNames()) {
    const heldBack = heldBackOf(draft, name);
    if (heldBack) found.push({ name, ...heldBack });
    if (found.length >= MOST_NAMES_SHOWN) break;
  }
  return found;
}

/** The seat that is next to be filled, as far as one can tell. */
function vacantOrFirst(draft: Draft): number {
  for (const seat of draft.seats()) if (!draft.leader(seat)) return seat;
  return FIRST_SEAT;
}

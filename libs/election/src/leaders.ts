/** Who leads an election, all its seats at one instant. */
import type { CallBounds, Leadership, LeaderView, Target } from './answers.js';
import { type ElectionRef, electionRef, keys } from './keys.js';
import { leadershipOf, viewOfLeader } from './presentation.js';
import { type ConfigRecord, decode, type LeaderRecord, type TermRecord } from './records.js';
import { unknownElection, unknownSeat } from './refusals.js';
import { optionsOf } from './standings.js';
import { FIRST_SEAT } from './state.js';
import type { ElectionStore, Entry } from './store.js';
import type { View } from './view.js';

interface LeadersParts {
  store: ElectionStore;
  view: View;
}

/**
 * The leaders by seat, in one read through the log. The view only says which seats to read; if the election was given
 * more meanwhile, they are read in a second one, which again is a single instant. With `seat`, only its leader.
 * @throws IncumbentError election.not_found, request.invalid_query, store.unavailable, store.overloaded
 */
export async function readLeaders(
  parts: LeadersParts,
  target: Target & { seat?: number },
  bounds: CallBounds,
): Promise<LeaderView[]> {
  const found = await readAll(parts, target, bounds);
  const { seat } = target;
  if (seat === undefined) return found.leaders;
  const leaders = found.leaders.filter((leader) => leader.seat === seat);
  if (leaders.length === 0 && seat >= found.seats) throw unknownSeat(found.seats);
  return leaders;
}

interface Found {
  /** How many the election has. */
  seats: number;
  leaders: LeaderView[];
}

async function readAll(parts: LeadersParts, target: Target, bounds: CallBounds): Promise<Found> {
  const ref = electionRef(target.tenantId, target.election);
  const known = knownSeats(parts.view, ref);
  const first = await readSeats(parts.store, ref, known, bounds);
  const missing = seatsBelow(first.seats).filter((seat) => !known.includes(seat));
  if (missing.length === 0) return first;
  return await readSeats(parts.store, ref, [...known, ...missing], bounds);
}

async function readSeats(
  store: ElectionStore,
  ref: ElectionRef,
  seats: readonly number[],
  bounds: CallBounds,
): Promise<Found> {
  const wanted = [keys.config(ref), ...seats.map((seat) => keys.leader(ref, seat))];
  const { reads } = await store.read(
    wanted.map((key) => ({ kind: 'key' as const, key })),
    optionsOf('observe', ref, bounds),
  );
  const config = reads[0]?.[0] && decode<ConfigRecord>(reads[0][0].value);
  if (!config || config.state === 'closed') throw unknownElection();
  const { epoch } = store.epoch();
  const leaders = seats.flatMap((seat, at) => {
    const entry = reads[at + 1]?.[0];
    const leader = entry && decode<LeaderRecord>(entry.value);
    return leader?.epoch === epoch ? [viewOfLeader(leader, seat)] : [];
  });
  return { seats: config.seats ?? 1, leaders };
}

/** Those that the election has, and those that are led still although it has fewer now. */
function knownSeats(view: View, ref: ElectionRef): number[] {
  const election = view.election(ref);
  const seats = new Set([FIRST_SEAT, ...seatsBelow(election?.config?.record.seats ?? 1)]);
  for (const [seat, { leader }] of election?.seats ?? []) if (leader) seats.add(seat);
  return [...seats];
}

function seatsBelow(count: number): number[] {
  return Array.from({ length: count }, (_, seat) => seat);
}

/** The leadership of one seat, read through the log. @throws IncumbentError election.not_found, request.invalid_query */
export async function readLeadership(
  store: ElectionStore,
  ref: ElectionRef,
  seat: number,
  bounds: CallBounds,
): Promise<Leadership> {
  const wanted = [keys.config(ref), keys.leader(ref, seat), keys.term(ref, seat), keys.head(ref)];
  const { reads } = await store.read(
    wanted.map((key) => ({ kind: 'key' as const, key })),
    optionsOf('observe', ref, bounds),
  );
  const config = record<ConfigRecord>(reads[0]);
  if (!config || config.state === 'closed') throw unknownElection();
  const { seats = 1 } = config;
  const { epoch } = store.epoch();
  const leader = record<LeaderRecord>(reads[1]);
  if (seat >= seats && leader?.epoch !== epoch) throw unknownSeat(seats);
  return leadershipOf(ref, config.name, {
    ...{ seat, leader, epoch },
    term: record<TermRecord>(reads[2]),
    sequence: record<{ sequence: number }>(reads[3])?.sequence ?? 0,
  });
}

/** The one record of a read, if it is there. */
export function record<T extends object>(entries: Entry[] | undefined): T | undefined {
  const entry = entries?.[0];
  return entry && decode<T>(entry.value);
}

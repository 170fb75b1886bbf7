/** Who leads an election, all its seats at one instant. */
import type { CallBounds, Leadership, LeaderView, Target } from './answers.js';
import { type ElectionRef, electionRef, keys } from './keys.js';
import { leadershipOf, viewOfLeader } from './presentation.js';
import { type ConfigRecord, decode, type LeaderRecord, type TermRecord } from './records.js';
import { unknownElection } from './refusals.js';
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
 * more meanwhile, they are read in a second one, which again is a single instant.
 * @throws IncumbentError election.not_found, store.unavailable, store.overloaded
 */
export async function readLeaders(
  parts: LeadersParts,
  target: Target,
  bounds: CallBounds,
): Promise<LeaderView[]> {
  const ref = electionRef(target.tenantId, target.election);
  const known = knownSeats(parts.view, ref);
  const first = await readSeats(parts.store, ref, known, bounds);
  const missing = seatsBelow(first.seats).filter((seat) => !known.includes(seat));
  if (missing.length === 0) return first.leaders;
  return (await readSeats(parts.store, ref, [...known, ...missing], bounds)).leaders;
}

async function readSeats(
  store: ElectionStore,
  ref: ElectionRef,
  seats: readonly number[],
  bounds: CallBounds,
): Promise<{ seats: number; leaders: LeaderView[] }> {
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

/** The leadership of one seat, read through the log. @throws IncumbentError election.not_found */
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
  return leadershipOf(ref, config.name, {
    seat,
    leader: record<LeaderRecord>(reads[1]),
    term: record<TermRecord>(reads[2]),
    sequence: record<{ sequence: number }>(reads[3])?.sequence ?? 0,
    epoch: store.epoch().epoch,
  });
}

/** The one record of a read, if it is there. */
export function record<T extends object>(entries: Entry[] | undefined): T | undefined {
  const entry = entries?.[0];
  return entry && decode<T>(entry.value);
}

import type { ElectionRef, Place, RelayedEvent, TermRecord } from '#election';
import type { EntityManager } from '#postgres';
import { type Chronicle, chronicle, missingBetween, type Recorded, unrecorded } from './chronicle.js';
import type { LeadershipTermRow } from './leadership-term.entity.js';
import { INSERT_EVENTS, LAST_TERMS, PROGRESS, UPSERT_PROGRESS, UPSERT_TERMS } from './statements.js';

/** What the coordination store can still prove. Asked only where something is missing. */
export interface Evidence {
  /** Whether the store still holds this event, by a read that is not stale. May reject. */
  holds(ref: ElectionRef, place: Place): Promise<boolean>;
  /** The record of a seat's running or last term. */
  term(ref: ElectionRef, seat: number): TermRecord | undefined;
}

/** An event came before one that is still to come: the caller has skipped it, and has to bring it first. */
export class HistoryGap extends Error {
  constructor(
    readonly ref: ElectionRef,
    readonly missing: Place,
  ) {
    super(`event ${missing.epoch}.${missing.sequence} of ${ref.electionId} has to come first`);
    this.name = 'HistoryGap';
  }
}

/**
 * Records events and the terms that they tell of. An event enters only after the one before it: what is recorded
 * already is left out, and what comes too soon is refused while the store still holds what is missing. Where the
 * store does not (its own backup was restored, or this database's), the hole is marked and never hidden.
 *
 * Two must not append at the same time: the relay holds the lock of `relay_fence` while it does.
 */
export class HistoryWriter {
  constructor(private readonly evidence: Evidence) {}

  /**
   * Appends within the caller's transaction; `events` of each election are in order.
   * @returns those that were not recorded before, in the given order
   * @throws HistoryGap, or what `evidence` rejects with
   */
  async append(rows: EntityManager, events: readonly RelayedEvent[]): Promise<RelayedEvent[]> {
    const byElection = Map.groupBy(events, keyOf);
    if (byElection.size === 0) return [];
    const recorded = await this.recorded(rows, byElection);
    const made: (Chronicle & { ref: ElectionRef })[] = [];
    const fresh = new Set<RelayedEvent>();
    for (const [key, given] of byElection) {
      const known = recorded.get(key) ?? { progress: undefined, lastTerms: new Map() };
      const added = unrecorded(known.progress, given);
      const [first] = added;
      if (!first) continue;
      const ref = { tenantId: first.tenantId, electionId: first.electionId };
      await this.requireDense(ref, known.progress, added);
      for (const event of added) fresh.add(event);
      made.push({ ref, ...chronicle(known, added, (seat) => this.evidence.term(ref, seat)) });
    }
    if (made.length > 0) await write(rows, made);
    return events.filter((event) => fresh.has(event));
  }

  /** A hole within an epoch is believed only when the store holds the missing event no more. */
  private async requireDense(
    ref: ElectionRef,
    progress: Place | undefined,
    events: readonly RelayedEvent[],
  ): Promise<void> {
    let before = progress;
    for (const event of events) {
      if (before && before.epoch === event.epoch && missingBetween(before, event) > 0) {
        const missing = { epoch: before.epoch, sequence: before.sequence + 1 };
        if (await this.evidence.holds(ref, missing)) throw new HistoryGap(ref, missing);
      }
      before = event;
    }
  }

  private async recorded(
    rows: EntityManager,
    byElection: ReadonlyMap<string, readonly RelayedEvent[]>,
  ): Promise<Map<string, Recorded>> {
    const seats = [...byElection.values()].flatMap((events) => {
      const distinct = new Map(events.map((event) => [event.seat, event]));
      return [...distinct.values()].map(({ tenantId, electionId, seat }) => ({ tenantId, electionId, seat }));
    });
    const asked = [JSON.stringify(seats)];
    const progress = await rows.query<ProgressAnswer[]>(PROGRESS, asked);
    const terms = await rows.query<TermAnswer[]>(LAST_TERMS, asked);
    const found = new Map<string, { progress: Place; lastTerms: Map<number, LeadershipTermRow> }>();
    for (const row of progress) {
      const place = { epoch: row.epoch, sequence: Number(row.sequence) };
      found.set(keyOf(row), { progress: place, lastTerms: new Map() });
    }
    for (const row of terms) found.get(keyOf(row))?.lastTerms.set(row.seat, termOf(row));
    return found;
  }
}

interface ProgressAnswer extends ElectionRef {
  epoch: number;
  sequence: string;
}

type Numbers = 'term' | 'fence' | 'vacancyMs' | 'missingBefore';
/** As the driver answers it: bigints are text. */
type TermAnswer = Omit<LeadershipTermRow, Numbers> & Record<Numbers, string | null>;

function termOf(row: TermAnswer): LeadershipTermRow {
  return {
    ...row,
    term: Number(row.term),
    fence: Number(row.fence),
    vacancyMs: row.vacancyMs === null ? null : Number(row.vacancyMs),
    missingBefore: Number(row.missingBefore),
  };
}

function keyOf({ tenantId, electionId }: ElectionRef): string {
  return `${tenantId} ${electionId}`;
}

async function write(
  rows: EntityManager,
  made: readonly (Chronicle & { ref: ElectionRef })[],
): Promise<void> {
  const events = made.flatMap(({ events: own }) => own);
  await rows.query(INSERT_EVENTS, [JSON.stringify(events)]);
  const terms = made.flatMap(({ terms: own }) => own);
  if (terms.length > 0) await rows.query(UPSERT_TERMS, [JSON.stringify(terms)]);
  const progress = made.map(({ ref, progress: place }) => ({ ...ref, ...place }));
  await rows.query(UPSERT_PROGRESS, [JSON.stringify(progress)]);
}

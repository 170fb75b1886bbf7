import { type FindOptionsWhere, LessThan, MoreThan, MoreThanOrEqual } from 'typeorm';
import { badCursor } from '#core';
import type {
  ElectionRef,
  EventRecord,
  PastEvents,
  Place,
  RelayedEvent,
  TenantPast,
  TenantPlace,
} from '#election';
import type { Database } from '#postgres';
import { LeadershipEvents, type LeadershipEventRow } from './leadership-event.entity.js';
import { LeadershipTerms, type LeadershipTermRow } from './leadership-term.entity.js';

export interface TermsRequest {
  limit: number;
  /** Where the page before ended. */
  after?: string;
  order: 'newest' | 'oldest';
}

/** What is recorded of a tenant's elections. It trails the elections themselves by the lag of the relay. */
export class HistoryReader implements PastEvents, TenantPast {
  constructor(private readonly database: Database) {}

  /**
   * Terms of an election, the running one included, ordered by fence.
   * @throws IncumbentError request.invalid_query for an `after` that no page has told, database.unavailable
   */
  async terms(
    { tenantId, electionId }: ElectionRef,
    { limit, after, order }: TermsRequest,
  ): Promise<{ data: LeadershipTermRow[]; next?: string }> {
    const beyond = order === 'newest' ? LessThan : MoreThan;
    const direction = order === 'newest' ? 'DESC' : 'ASC';
    const own: FindOptionsWhere<LeadershipTermRow> = { tenantId, electionId };
    const place = after === undefined ? undefined : placeOf(after);
    const where = place && [
      { ...own, fence: beyond(place.fence) },
      { ...own, fence: place.fence, seat: beyond(place.seat) },
    ];
    const rows = await this.database.forTenant(tenantId, (manager) =>
      manager.find(LeadershipTerms, {
        where: where ?? own,
        order: { fence: direction, seat: direction },
        take: limit + 1,
      }),
    );
    const data = rows.slice(0, limit);
    const last = data.at(-1);
    return { data, ...(rows.length > limit && last && { next: `${last.fence}.${last.seat}` }) };
  }

  /** @throws IncumbentError database.unavailable */
  async after({ tenantId, electionId }: ElectionRef, place: Place, limit: number): Promise<EventRecord[]> {
    const own: FindOptionsWhere<LeadershipEventRow> = { tenantId, electionId };
    const { epoch, sequence } = place;
    const rows = await this.database.forTenant(tenantId, (manager) =>
      manager.find(LeadershipEvents, {
        where: [
          { ...own, epoch, sequence: MoreThan(sequence) },
          { ...own, epoch: MoreThan(epoch) },
        ],
        order: { epoch: 'ASC', sequence: 'ASC' },
        take: limit,
      }),
    );
    return rows.map(eventOf);
  }

  /** @throws IncumbentError database.unavailable */
  async ofTenant(tenantId: string, place: TenantPlace, limit: number): Promise<RelayedEvent[]> {
    const { epoch, revision } = place;
    const rows = await this.database.forTenant(tenantId, (manager) =>
      manager.find(LeadershipEvents, {
        where: [
          { tenantId, epoch, revision: MoreThanOrEqual(revision) },
          { tenantId, epoch: MoreThan(epoch) },
        ],
        order: { epoch: 'ASC', revision: 'ASC', electionId: 'ASC', sequence: 'ASC' },
        take: limit,
      }),
    );
    return rows.map(eventOf);
  }
}

function eventOf(row: LeadershipEventRow): RelayedEvent {
  const { missingBefore: _missing, reason, handOverId, causedBy, occurredAt, ...told } = row;
  return {
    ...told,
    ...(reason && { reason }),
    ...(handOverId && { handOverId }),
    ...(causedBy && { by: causedBy }),
    occurredAt: occurredAt.toISOString(),
  };
}

function placeOf(after: string): { fence: number; seat: number } {
  const match = /^(\d{1,16})\.(\d{1,6})$/.exec(after);
  if (!match) throw badCursor();
  return { fence: Number(match[1]), seat: Number(match[2]) };
}

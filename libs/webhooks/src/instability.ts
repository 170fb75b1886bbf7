import type { EventRecord } from '#election';
import type { EntityManager } from '#postgres';

/** Over which changes of leader are counted, and within which an endpoint is told at most once; milliseconds. */
export const WINDOW_MS = 3_600_000;
/** The largest threshold an endpoint may have: so many changes are looked back at. */
export const MOST_CHANGES = 100;

/** Alarms of one election that are looked back at beside those of the endpoints of now. */
const SPARE_ALARMS = 100;

/** An endpoint that wants to hear that an election is unstable. */
export interface Watch {
  tenantId: string;
  endpointId: string;
  electionId: string;
  threshold: number;
}

/** More changes of leader than the endpoint wants to bear; `event` is the one that made it too many. */
export interface Alarm extends Watch {
  event: EventRecord;
  changes: number;
}

/** Whether an event is a change of leader: the beginning of a term that is not the election's first. */
export function isChange(event: EventRecord): boolean {
  return event.type === 'leadership.acquired' && event.term > 1;
}

/**
 * Finds after which of these events an election had changed its leader too often within an hour. Times are those
 * of the events, so that a backlog which drains late tells what it would have told at the time. An endpoint that was
 * told within the hour before is not told again.
 * @param events in order per election; not yet written down, or written down by an earlier try of the same batch
 */
export async function findAlarms(
  rows: EntityManager,
  events: readonly EventRecord[],
  watches: readonly Watch[],
): Promise<Alarm[]> {
  if (watches.length === 0) return [];
  const changes = Map.groupBy(events.filter(isChange), laneOf);
  const earlier = await earlierChanges(rows, [...changes.values()]);
  const alarms = watches.flatMap((watch) => {
    const fresh = changes.get(laneOf(watch)) ?? [];
    return alarmsOf(watch, earlier.get(laneOf(watch)) ?? [], fresh);
  });
  return withoutRepeats(alarms, await lastTold(rows, alarms, watches));
}

/** Every event of `fresh` after which there were too many. Pure. */
export function alarmsOf(watch: Watch, earlierMs: readonly number[], fresh: readonly EventRecord[]): Alarm[] {
  const timesMs = [...earlierMs];
  return fresh.flatMap((event) => {
    const atMs = Date.parse(event.occurredAt);
    timesMs.push(atMs);
    const changes = timesMs.filter((timeMs) => timeMs > atMs - WINDOW_MS).length;
    return changes > watch.threshold ? [{ ...watch, event, changes }] : [];
  });
}

/** Leaves the first alarm of each hour. Pure. */
export function withoutRepeats(alarms: readonly Alarm[], toldMs: ReadonlyMap<string, number>): Alarm[] {
  const lastMs = new Map(toldMs);
  return alarms.filter((alarm) => {
    const atMs = Date.parse(alarm.event.occurredAt);
    const before = lastMs.get(watchOf(alarm));
    if (before !== undefined && atMs < before + WINDOW_MS) return false;
    lastMs.set(watchOf(alarm), atMs);
    return true;
  });
}

/** Times of the latest changes before each of these runs of events, by election. */
async function earlierChanges(
  rows: EntityManager,
  runs: readonly EventRecord[][],
): Promise<Map<string, number[]>> {
  const firsts = runs.flatMap(([first]) =>
    first === undefined
      ? []
      : [
          {
            tenant_id: first.tenantId,
            election_id: first.electionId,
            epoch: first.epoch,
            sequence: first.sequence,
          },
        ],
  );
  if (firsts.length === 0) return new Map();
  const found = await rows.query<{ tenantId: string; electionId: string; occurredAt: Date }[]>(
    `SELECT first.tenant_id AS "tenantId", first.election_id AS "electionId",
            earlier.occurred_at AS "occurredAt"
       FROM jsonb_to_recordset($1::jsonb) AS first(
              tenant_id text, election_id text, epoch integer, sequence bigint)
      CROSS JOIN LATERAL (
        SELECT occurred_at FROM webhook_messages
         WHERE tenant_id = first.tenant_id AND election_id = first.election_id
           AND type = 'leadership.acquired' AND (epoch, sequence) < (first.epoch, first.sequence)
           AND (payload -> 'data' ->> 'term')::bigint > 1
         ORDER BY epoch DESC, sequence DESC LIMIT ${MOST_CHANGES}) AS earlier`,
    [JSON.stringify(firsts)],
  );
  const byElection = Map.groupBy(found, laneOf);
  return new Map([...byElection].map(([lane, some]) => [lane, some.map((row) => row.occurredAt.getTime())]));
}

/**
 * When each endpoint was last told of each election, as far as that matters. An election that has been unstable for
 * weeks has told thousands of times: of those only as many are looked at as there can be within the window, which is
 * one for each endpoint, with some to spare for endpoints that were deleted meanwhile.
 */
async function lastTold(
  rows: EntityManager,
  alarms: readonly Alarm[],
  watches: readonly Watch[],
): Promise<Map<string, number>> {
  if (alarms.length === 0) return new Map();
  const lanes = [...new Map(alarms.map((alarm) => [laneOf(alarm), alarm])).values()];
  const given = lanes.map(({ tenantId, electionId }) => ({ tenant_id: tenantId, election_id: electionId }));
  const watching = [...Map.groupBy(watches, laneOf).values()].map(({ length }) => length);
  const mostInWindow = 2 * Math.max(0, ...watching) + SPARE_ALARMS;
  const firstMs = Math.min(...alarms.map(({ event }) => Date.parse(event.occurredAt)));
  const told = await rows.query<{ tenantId: string; electionId: string; endpointId: string; lastAt: Date }[]>(
    `SELECT lane.tenant_id AS "tenantId", lane.election_id AS "electionId",
            delivery.endpoint_id AS "endpointId", max(message.occurred_at) AS "lastAt"
       FROM jsonb_to_recordset($1::jsonb) AS lane(tenant_id text, election_id text)
      CROSS JOIN LATERAL (
        SELECT id, occurred_at FROM webhook_messages
         WHERE tenant_id = lane.tenant_id AND election_id = lane.election_id AND type = 'election.unstable'
         ORDER BY epoch DESC, sequence DESC LIMIT $2) AS message
       JOIN webhook_deliveries delivery
         ON delivery.tenant_id = lane.tenant_id AND delivery.message_id = message.id
      WHERE message.occurred_at > $3
      GROUP BY 1, 2, 3`,
    [JSON.stringify(given), mostInWindow, new Date(firstMs - WINDOW_MS)],
  );
  return new Map(told.map((row) => [watchOf(row), row.lastAt.getTime()]));
}

function laneOf({ tenantId, electionId }: { tenantId: string; electionId: string }): string {
  return `${tenantId} ${electionId}`;
}

function watchOf(of: { tenantId: string; electionId: string; endpointId: string }): string {
  return `${of.tenantId} ${of.electionId} ${of.endpointId}`;
}

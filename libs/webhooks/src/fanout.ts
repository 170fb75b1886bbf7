import { derivedId } from '#core';
import type { EventRecord } from '#election';
import type { EntityManager } from '#postgres';
import type { EndpointRow } from './endpoint.entity.js';
import { type Alarm, findAlarms, isChange, type Watch } from './instability.js';
import {
  type EndpointRef,
  insertDeliveries,
  insertMessages,
  type NewDelivery,
  type NewMessage,
  placeOf,
} from './outbox.js';
import { payloadOf, unstablePayloadOf } from './payload.js';
import { coversElection, wants } from './subscription.js';

type Subscriber = Pick<EndpointRow, 'tenantId' | 'id' | 'events' | 'elections' | 'unstableThreshold'>;

const UNSTABLE = 'election.unstable';

/**
 * Turns events of elections into what endpoints are owed. Called inside the transaction that writes the events into
 * history: an event is owed exactly if it is history. Repeating a batch changes nothing.
 */
export class Fanout {
  /**
   * Writes down what these events owe, with a handful of statements however many there are. Active and paused
   * endpoints collect; disabled ones do not. An endpoint made while the batch is written may miss it.
   * @param events in order per election
   * @returns the endpoints that are owed something, to be woken once the transaction is committed
   */
  async append(rows: EntityManager, events: readonly EventRecord[]): Promise<EndpointRef[]> {
    const subscribers = await subscribersOf(rows, [...new Set(events.map((event) => event.tenantId))]);
    if (subscribers.size === 0) return [];
    const owed = events.flatMap((event) => owedFor(event, subscribers.get(event.tenantId) ?? []));
    const alarms = await findAlarms(rows, events, watchesOf(events, subscribers));
    const deliveries = [...owed.flatMap(deliveriesOf), ...alarms.map(deliveryOfAlarm)];
    await insertMessages(rows, [...owed.map(({ event }) => messageOf(event)), ...alarms.map(messageOfAlarm)]);
    await insertDeliveries(rows, deliveries);
    return refsOf(deliveries);
  }
}

/** Endpoints that collect, by tenant. */
async function subscribersOf(
  rows: EntityManager,
  tenantIds: readonly string[],
): Promise<Map<string, Subscriber[]>> {
  if (tenantIds.length === 0) return new Map();
  const found = await rows.query<Subscriber[]>(
    `SELECT tenant_id AS "tenantId", id, events, elections, unstable_threshold AS "unstableThreshold"
       FROM webhook_endpoints WHERE tenant_id = ANY($1) AND status IN ('active', 'paused')`,
    [tenantIds],
  );
  return Map.groupBy(found, ({ tenantId }) => tenantId);
}

interface Owed {
  event: EventRecord;
  endpoints: Subscriber[];
}

/** A change of leader is also kept for those who only count them. */
function owedFor(event: EventRecord, subscribers: readonly Subscriber[]): Owed[] {
  const endpoints = subscribers.filter((endpoint) => wants(endpoint, event.type, event.election));
  const counted =
    isChange(event) && subscribers.some((endpoint) => wants(endpoint, UNSTABLE, event.election));
  return endpoints.length > 0 || counted ? [{ event, endpoints }] : [];
}

/** Who wants to hear that one of the elections that changed their leader is unstable. */
function watchesOf(
  events: readonly EventRecord[],
  subscribers: ReadonlyMap<string, readonly Subscriber[]>,
): Watch[] {
  const changed = new Map(events.filter(isChange).map((event) => [event.electionId, event]));
  return [...changed.values()].flatMap(({ tenantId, electionId, election }) =>
    (subscribers.get(tenantId) ?? [])
      .filter((endpoint) => endpoint.events.includes(UNSTABLE) && coversElection(endpoint, election))
      .map(({ id, unstableThreshold }) => ({
        tenantId,
        endpointId: id,
        electionId,
        threshold: unstableThreshold,
      })),
  );
}

function messageOf(event: EventRecord): NewMessage {
  const { tenantId, id, electionId, election, epoch, sequence, type } = event;
  const occurredAt = new Date(event.occurredAt);
  return { tenantId, id, electionId, election, epoch, sequence, type, payload: payloadOf(event), occurredAt };
}

function deliveriesOf({ event, endpoints }: Owed): NewDelivery[] {
  const { tenantId, id: messageId, electionId } = event;
  return endpoints.map(({ id: endpointId }) => ({
    tenantId,
    endpointId,
    messageId,
    electionId,
    place: placeOf(event),
  }));
}

/** Each endpoint has a threshold of its own, hence a message of its own. */
function alarmIdOf({ event, endpointId }: Alarm): string {
  return derivedId('evt', event.id, UNSTABLE, endpointId);
}

function messageOfAlarm(alarm: Alarm): NewMessage {
  const { event, changes, threshold } = alarm;
  const payload = unstablePayloadOf(event, changes, threshold);
  return { ...messageOf(event), id: alarmIdOf(alarm), type: UNSTABLE, payload };
}

function deliveryOfAlarm(alarm: Alarm): NewDelivery {
  const { tenantId, endpointId, electionId, event } = alarm;
  return { tenantId, endpointId, messageId: alarmIdOf(alarm), electionId, place: placeOf(event, true) };
}

function refsOf(deliveries: readonly NewDelivery[]): EndpointRef[] {
  const refs = deliveries.map(({ tenantId, endpointId }) => ({ tenantId, endpointId }));
  return [...new Map(refs.map((ref) => [`${ref.tenantId} ${ref.endpointId}`, ref])).values()];
}

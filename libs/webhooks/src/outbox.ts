import { newId } from '#core';
import type { EntityManager } from '#postgres';
import type { DeliveryRow, MessageRow } from './delivery.entity.js';

/** An endpoint, as whoever wakes its deliveries needs to know it. */
export interface EndpointRef {
  tenantId: string;
  endpointId: string;
}

/**
 * Tells the workers that something is owed. A hint: whoever misses it finds the rows at the next sweep. Called
 * after the commit, never inside a transaction; must not throw.
 */
export interface EndpointWaker {
  wake(endpoints: readonly EndpointRef[]): void;
}

export type NewMessage = Omit<MessageRow, 'createdAt'>;
export type NewDelivery = Pick<
  DeliveryRow,
  'tenantId' | 'endpointId' | 'messageId' | 'electionId' | 'place'
> & { redelivery?: number };

/**
 * Where an event stands in the lane of its election: in the order of the election itself, whoever writes it down
 * and when. What is derived from an event comes right after it. Below 2^53 while the epoch is below 2^20.
 */
export function placeOf(event: { epoch: number; sequence: number }, derived = false): number {
  return event.epoch * 2 ** 33 + event.sequence * 2 + (derived ? 1 : 0);
}

/** Writes messages down; those that are there already stay as they are. */
export async function insertMessages(rows: EntityManager, messages: readonly NewMessage[]): Promise<void> {
  if (messages.length === 0) return;
  const given = messages.map((message) => ({
    tenant_id: message.tenantId,
    id: message.id,
    election_id: message.electionId,
    election: message.election,
    epoch: message.epoch,
    sequence: message.sequence,
    type: message.type,
    payload: message.payload,
    occurred_at: message.occurredAt,
  }));
  await rows.query(
    `INSERT INTO webhook_messages
       (tenant_id, id, election_id, election, epoch, sequence, type, payload, occurred_at)
     SELECT * FROM jsonb_to_recordset($1::jsonb) AS given(
       tenant_id text, id text, election_id text, election text, epoch integer, sequence bigint, type text,
       payload jsonb, occurred_at timestamptz)
     ON CONFLICT (tenant_id, id) DO NOTHING`,
    [JSON.stringify(given)],
  );
}

/** Rows of one statement: a fraction of a second, where all that a batch owes may take several. */
const ROWS_AT_ONCE = 5_000;

/** Makes deliveries, due at once, and answers the ids of those that were not there yet. */
export async function insertDeliveries(
  rows: EntityManager,
  deliveries: readonly NewDelivery[],
): Promise<string[]> {
  const made: string[] = [];
  for (let from = 0; from < deliveries.length; from += ROWS_AT_ONCE)
    made.push(...(await insertSome(rows, deliveries.slice(from, from + ROWS_AT_ONCE))));
  return made;
}

async function insertSome(rows: EntityManager, deliveries: readonly NewDelivery[]): Promise<string[]> {
  const given = deliveries.map((delivery) => ({
    tenant_id: delivery.tenantId,
    id: newId('dlv'),
    endpoint_id: delivery.endpointId,
    message_id: delivery.messageId,
    redelivery: delivery.redelivery ?? 0,
    election_id: delivery.electionId,
    place: delivery.place,
  }));
  const made = await rows.query<{ id: string }[]>(
    `INSERT INTO webhook_deliveries
       (tenant_id, id, endpoint_id, message_id, redelivery, election_id, place, due_at)
     SELECT given.*, now() FROM jsonb_to_recordset($1::jsonb) AS given(
       tenant_id text, id text, endpoint_id text, message_id text, redelivery integer, election_id text,
       place bigint)
     ON CONFLICT (tenant_id, endpoint_id, message_id, redelivery) DO NOTHING
     RETURNING id`,
    [JSON.stringify(given)],
  );
  return made.map(({ id }) => id);
}

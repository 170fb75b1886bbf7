import { type Caused, type Clock, IncumbentError } from '#core';
import type { ActLog, Database, EntityManager } from '#postgres';
import { findDelivery } from './deliveries.js';
import { endpointDisabled, findEndpoint, record, type Viewer } from './endpoint-rows.js';
import { hasten } from './hastening.js';
import { type EndpointWaker, insertDeliveries, type NewDelivery } from './outbox.js';
import { ofElectionSql } from './subscription.js';

/** How far back deliveries can be asked for again; milliseconds. What is older is not kept for certain. */
export const RECOVER_WITHIN_MS = 14 * 24 * 3_600_000;
/** Of one call, so that its statement stays short; the caller repeats it while there is more. */
const MOST_AT_ONCE = 2_000;

export interface Recovery {
  /** How many deliveries were made or brought forward. */
  recovered: number;
  /** Whether there is more: repeat the call. */
  more: boolean;
}

export interface RedeliveryParts {
  database: Database;
  acts: ActLog;
  waker: EndpointWaker;
  clock: Clock;
}

/**
 * Delivers again what was delivered, or could not be. A redelivery is a delivery of its own: the same message, the
 * same `webhook-id`, the whole schedule of attempts. It stands where its message stands in the order of the
 * election, hence before everything newer that is still owed.
 */
export class Redelivery {
  constructor(private readonly parts: RedeliveryParts) {}

  /**
   * Answers the id of the new delivery; or of the one that waits for a later attempt, which is made now.
   * @throws IncumbentError webhook_delivery.not_found, webhook_delivery.pending, webhook_endpoint.disabled
   */
  async redeliver(viewer: Viewer, deliveryId: string, caused: Caused): Promise<string> {
    const { tenantId } = viewer;
    const { made, endpointId } = await this.parts.database.forTenant(tenantId, async (rows) => {
      const found = await findDelivery(rows, viewer, deliveryId);
      const endpoint = await findEndpoint(rows, viewer, found.endpointId, { lock: true });
      if (endpoint.status === 'disabled') throw endpointDisabled();
      const { messageId } = found;
      const [hastened] = await hasten(rows, { tenantId, endpointId: endpoint.id }, { messageId });
      const [next] = hastened ? [] : await repetitionsOf(rows, tenantId, endpoint.id, { messageId });
      const [id] = next ? await insertDeliveries(rows, [next]) : [hastened];
      if (id === undefined) throw stillPending();
      await record(this.parts, rows, endpoint, {
        caused,
        action: 'webhook_delivery.redelivered',
        metadata: { deliveryId, newDeliveryId: id },
      });
      return { made: id, endpointId: endpoint.id };
    });
    this.parts.waker.wake([{ tenantId, endpointId }]);
    return made;
  }

  /**
   * Delivers again every message since then whose last delivery to this endpoint failed, oldest first, and makes now
   * what waits for a later attempt. Repeating it is harmless: what is in flight is left alone.
   * @throws IncumbentError webhook_endpoint.not_found, webhook_endpoint.disabled, request.invalid_body
   */
  async recover(viewer: Viewer, endpointId: string, since: Date, caused: Caused): Promise<Recovery> {
    const { tenantId } = viewer;
    this.requireRecent(since);
    const recovery = await this.parts.database.forTenant(tenantId, async (rows) => {
      const endpoint = await findEndpoint(rows, viewer, endpointId, { lock: true });
      if (endpoint.status === 'disabled') throw endpointDisabled();
      const which = { since, within: viewer.electionPrefix };
      const hastened = await hasten(rows, { tenantId, endpointId }, which);
      const lost = await repetitionsOf(rows, tenantId, endpointId, which);
      const made = await insertDeliveries(rows, lost.slice(0, MOST_AT_ONCE));
      const recovered = made.length + hastened.length;
      const metadata = { since: since.toISOString(), recovered };
      await record(this.parts, rows, endpoint, { caused, action: 'webhook_endpoint.recovered', metadata });
      return { recovered, more: lost.length > MOST_AT_ONCE };
    });
    if (recovery.recovered > 0) this.parts.waker.wake([{ tenantId, endpointId }]);
    return recovery;
  }

  private requireRecent(since: Date): void {
    const ageMs = this.parts.clock.wallTimeMs() - since.getTime();
    if (ageMs <= RECOVER_WITHIN_MS) return;
    const message = 'Must be at most 14 days ago.';
    throw new IncumbentError('request.invalid_body', `/since: ${message}`, {
      errors: [{ pointer: '/since', code: 'too_small', message }],
      executed: false,
    });
  }
}

/** $4: the prefix of a key, which an endpoint that lies within it now may have heard beyond of before. */
const WITHIN = `($4::text IS NULL OR EXISTS (
  SELECT FROM webhook_messages message
   WHERE message.tenant_id = last.tenant_id AND message.id = last.message_id
     AND ${ofElectionSql('$4')}))`;

/**
 * The next delivery of each message that can have one: of this message unless it is under way, or of those since
 * then whose last delivery did not succeed. The endpoint's row is locked, so that no two are made of one.
 */
async function repetitionsOf(
  rows: EntityManager,
  tenantId: string,
  endpointId: string,
  which: { messageId: string } | { since: Date; within: string | undefined },
): Promise<NewDelivery[]> {
  const [condition, ...values] =
    'messageId' in which
      ? ["last.message_id = $3 AND last.state <> 'pending'", which.messageId]
      : [`last.created_at >= $3 AND last.state = 'failed' AND ${WITHIN}`, which.since, which.within];
  const found = await rows.query<(Omit<NewDelivery, 'place' | 'redelivery'> & Numbers)[]>(
    `SELECT tenant_id AS "tenantId", endpoint_id AS "endpointId", message_id AS "messageId",
            election_id AS "electionId", place, redelivery
       FROM webhook_deliveries last
      WHERE tenant_id = $1 AND endpoint_id = $2 AND ${condition}
        AND redelivery = (
          SELECT latest.redelivery FROM webhook_deliveries latest
           WHERE latest.tenant_id = $1 AND latest.endpoint_id = $2 AND latest.message_id = last.message_id
           ORDER BY latest.redelivery DESC LIMIT 1)
      ORDER BY created_at, place LIMIT ${MOST_AT_ONCE + 1}`,
    [tenantId, endpointId, ...values],
  );
  return found.map((row) => ({ ...row, place: Number(row.place), redelivery: row.redelivery + 1 }));
}

/** Postgres answers bigint as text. */
interface Numbers {
  place: string;
  redelivery: number;
}

function stillPending(): IncumbentError {
  return new IncumbentError(
    'webhook_delivery.pending',
    'The message is on its way to this endpoint already, or waits for an older one of its election. Read that ' +
      'delivery to see how it goes.',
    { executed: false },
  );
}

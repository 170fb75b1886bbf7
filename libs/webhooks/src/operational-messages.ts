import { type Clock, derivedId } from '#core';
import type { EntityManager } from '#postgres';
import { type EndpointRef, insertDeliveries, insertMessages } from './outbox.js';
import { operationalPayload, TEST_TYPE, type WebhookEventType } from './payload.js';

/** What concerns a tenant and no election of it. */
export interface OperationalMessage {
  tenantId: string;
  type: Extract<WebhookEventType, 'endpoint.disabled' | 'quota.exceeded'>;
  /** What it is about and when, such as `whe_... 2026-11-21T09:30:00.000Z`: told once, however often it is tried. */
  key: string;
  /** Goes into `data` beside `tenant` and `occurredAt`. */
  details: Record<string, unknown>;
}

/**
 * Messages that the service itself has to tell. Each goes to the endpoints of the tenant that subscribe to its type,
 * in the transaction of what it tells; wake the endpoints that are answered once it is committed.
 */
export class OperationalMessages {
  constructor(private readonly clock: Clock) {}

  async tell(rows: EntityManager, message: OperationalMessage): Promise<EndpointRef[]> {
    const { tenantId, type } = message;
    const found = await rows.query<{ endpointId: string }[]>(
      `SELECT id AS "endpointId" FROM webhook_endpoints
        WHERE tenant_id = $1 AND status IN ('active', 'paused') AND $2 = ANY(events)`,
      [tenantId, type],
    );
    const to = found.map(({ endpointId }) => endpointId);
    if (to.length === 0) return [];
    const id = derivedId('evt', tenantId, type, message.key);
    const made = await this.send(rows, { tenantId, id, type, details: message.details, to });
    return made.length === 0 ? [] : to.map((endpointId) => ({ tenantId, endpointId }));
  }

  /** A message to this endpoint alone, whatever it subscribes to. Answers the id of its delivery. */
  async test(rows: EntityManager, endpoint: EndpointRef & { messageId: string }): Promise<string> {
    const { tenantId, endpointId, messageId } = endpoint;
    const details = { endpoint: endpointId, message: 'This is a test. Nothing has changed.' };
    const message = { tenantId, id: messageId, type: TEST_TYPE, details, to: [endpointId] };
    const [deliveryId] = await this.send(rows, message);
    if (deliveryId === undefined) throw new Error(`The test message ${messageId} was sent before`);
    return deliveryId;
  }

  private async send(
    rows: EntityManager,
    message: {
      tenantId: string;
      id: string;
      type: string;
      details: Record<string, unknown>;
      to: readonly string[];
    },
  ): Promise<string[]> {
    const { tenantId, id, type, details, to } = message;
    const nowMs = this.clock.wallTimeMs();
    const none = { electionId: '', election: '', epoch: 0, sequence: 0 };
    const payload = operationalPayload(type, tenantId, details, nowMs);
    await insertMessages(rows, [{ tenantId, id, type, ...none, payload, occurredAt: new Date(nowMs) }]);
    return insertDeliveries(
      rows,
      // There is no order to keep among these. The newest goes first: a test of a receiver that was mended does not
      // wait for the retries of the one that failed.
      to.map((endpointId) => ({ tenantId, endpointId, messageId: id, electionId: '', place: -nowMs })),
    );
  }
}

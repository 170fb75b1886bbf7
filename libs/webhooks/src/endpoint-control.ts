import { type Caused, newId } from '#core';
import { type EntityManager, IsNull } from '#postgres';
import { type SecretKind, WebhookEndpoints, WebhookSecrets } from './endpoint.entity.js';
import {
  type Endpoint,
  endpointDisabled,
  findEndpoint,
  present,
  publicKeyOf,
  record,
  type Viewer,
} from './endpoint-rows.js';
import type { EndpointParts } from './endpoints.js';
import { OperationalMessages } from './operational-messages.js';
import type { EndpointWaker } from './outbox.js';
import { newSecret } from './secrets.js';

/** Of one kind: more would make the header of signatures long; the oldest ends first. */
const MOST_SECRETS = 10;

export interface Rotation {
  kind: SecretKind;
  /** How long the old secret signs along; milliseconds. */
  overlapMs: number;
}

export interface Rotated {
  /** Of v1: shown here and nowhere else, ever. */
  secret?: string;
  /** Of v1a. */
  publicKey?: string;
  /** Until then deliveries are signed with the old secret too. */
  previousExpiresAt: Date;
}

/** What is done to an endpoint beside changing its fields: new secrets, tests, and back to work after a failure. */
export class EndpointControl {
  private readonly messages: OperationalMessages;

  constructor(
    private readonly parts: Omit<EndpointParts, 'urls'>,
    private readonly waker: EndpointWaker,
  ) {
    this.messages = new OperationalMessages(parts.clock);
  }

  /** A new secret signs from now on, the old ones along with it until their overlap is over. */
  async rotate(viewer: Viewer, id: string, { kind, overlapMs }: Rotation, caused: Caused): Promise<Rotated> {
    const { database, clock, seal } = this.parts;
    const now = new Date(clock.wallTimeMs());
    const previousExpiresAt = new Date(now.getTime() + overlapMs);
    const made = newSecret(kind);
    await database.forTenant(viewer.tenantId, async (rows) => {
      const row = await findEndpoint(rows, viewer, id, { lock: true });
      const own = { tenantId: row.tenantId, endpointId: id, kind };
      await rows.update(WebhookSecrets, { ...own, expiresAt: IsNull() }, { expiresAt: previousExpiresAt });
      await forget(rows, own, now);
      await rows.insert(WebhookSecrets, seal.secretRow(row, made, now));
      await record(this.parts, rows, row, {
        caused,
        action: 'webhook_endpoint.secret_rotated',
        metadata: { kind, overlapMs },
      });
    });
    return made.publicKey === null
      ? { secret: made.secret, previousExpiresAt }
      : { publicKey: made.publicKey, previousExpiresAt };
  }

  /**
   * Lets a disabled endpoint collect and be tried again; one that is not disabled stays as it is.
   * @throws IncumbentError webhook_endpoint.not_found
   */
  async enable(viewer: Viewer, id: string, caused: Caused): Promise<Endpoint> {
    const { database, clock } = this.parts;
    const { shown, enabled } = await database.forTenant(viewer.tenantId, async (rows) => {
      const row = await findEndpoint(rows, viewer, id, { lock: true });
      const publicKey = await publicKeyOf(rows, row);
      if (row.status !== 'disabled') return { shown: present(row, publicKey), enabled: false };
      const changed = {
        status: 'active' as const,
        disabledReason: null,
        // disabledAt stays: who fails again at once is told from who fails for the first time by it.
        firstFailureAt: null,
        throttledUntil: null,
        version: row.version + 1,
        updatedAt: new Date(clock.wallTimeMs()),
      };
      await rows.update(WebhookEndpoints, { tenantId: row.tenantId, id }, changed);
      await record(this.parts, rows, row, { caused, action: 'webhook_endpoint.enabled' });
      return { shown: present({ ...row, ...changed }, publicKey), enabled: true };
    });
    if (enabled) this.waker.wake([{ tenantId: viewer.tenantId, endpointId: id }]);
    return shown;
  }

  /**
   * Sends a test message, whatever the endpoint subscribes to; a paused endpoint gets it when it goes on.
   * @throws IncumbentError webhook_endpoint.not_found, webhook_endpoint.disabled
   */
  async test(viewer: Viewer, id: string, caused: Caused): Promise<{ deliveryId: string; messageId: string }> {
    const { tenantId } = viewer;
    const messageId = newId('evt');
    const deliveryId = await this.parts.database.forTenant(tenantId, async (rows) => {
      const row = await findEndpoint(rows, viewer, id);
      if (row.status === 'disabled') throw endpointDisabled();
      const made = await this.messages.test(rows, { tenantId, endpointId: id, messageId });
      await record(this.parts, rows, row, {
        caused,
        action: 'webhook_endpoint.tested',
        metadata: { deliveryId: made },
      });
      return made;
    });
    this.waker.wake([{ tenantId, endpointId: id }]);
    return { deliveryId, messageId };
  }
}

/** Removes secrets that are over, and the oldest of those that are too many beside a new one. */
async function forget(
  rows: EntityManager,
  own: { tenantId: string; endpointId: string; kind: SecretKind },
  now: Date,
): Promise<void> {
  await rows.query(
    `DELETE FROM webhook_secrets
      WHERE tenant_id = $1 AND endpoint_id = $2 AND kind = $3
        AND (expires_at <= $4 OR id NOT IN (
          SELECT id FROM webhook_secrets
           WHERE tenant_id = $1 AND endpoint_id = $2 AND kind = $3
           ORDER BY created_at DESC, expires_at DESC LIMIT ${MOST_SECRETS - 1}))`,
    [own.tenantId, own.endpointId, own.kind, now],
  );
}

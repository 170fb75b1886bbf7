/**
 * Webhooks: endpoints, their secrets, and what is owed to them. Postgres is the truth; whoever delivers is only
 * woken.
 */
import { WebhookAttempts, WebhookDeliveries, WebhookMessages } from './delivery.entity.js';
import { WebhookEndpoints, WebhookSecrets } from './endpoint.entity.js';

/** The rows of this library, for the data source. */
export const WEBHOOK_ENTITIES = [
  WebhookEndpoints,
  WebhookSecrets,
  WebhookMessages,
  WebhookDeliveries,
  WebhookAttempts,
];

export { EVENT_TYPES, type MessagePayload, TEST_TYPE, type WebhookEventType } from './payload.js';
export { EndpointSeal, newSecret } from './secrets.js';
export {
  GuardedAgent,
  type Answer,
  type GuardedAgentOptions,
  type Outgoing,
} from './delivery/guarded-agent.js';

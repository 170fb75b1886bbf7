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

export { EVENT_TYPES, type MessagePayload, type WebhookEventType } from './payload.js';
export { EndpointSeal } from './secrets.js';
export {
  type Attempt,
  type Delivery,
  type DeliveryDetail,
  type DeliveryFilter,
  DeliveryLog,
} from './deliveries.js';
export type { DeliveryState } from './delivery.entity.js';
export { EndpointControl, type Rotated, type Rotation } from './endpoint-control.js';
export type { EndpointMode, EndpointStatus, SecretKind } from './endpoint.entity.js';
export type { Endpoint, EndpointFields, Viewer } from './endpoint-rows.js';
export { type EndpointParts, EndpointService, type NewEndpoint, type ReserveEndpoint } from './endpoints.js';
export { nameResolver } from './delivery/name-resolver.js';
export { UrlCheck, type UrlRules } from './endpoint-url.js';
export { Fanout } from './fanout.js';
export { MOST_CHANGES } from './instability.js';
export { type OperationalMessage, OperationalMessages } from './operational-messages.js';
export type { EndpointRef, EndpointWaker } from './outbox.js';
export { Redelivery, type Recovery } from './redelivery.js';
export { isElectionPattern } from './subscription.js';
export { Claims, type Room } from './delivery/claims.js';
export type { ClaimedDelivery } from './delivery/claimed-delivery.js';
export { DEFAULT_LIMITS, Dispatcher, type DispatcherLimits } from './delivery/dispatcher.js';
export { type AcquiredTerm, Envelopes, type SignTerm } from './delivery/envelope.js';
export {
  type Answer,
  GuardedAgent,
  type GuardedAgentOptions,
  type Outgoing,
} from './delivery/guarded-agent.js';
export { Outcomes, type Recorded } from './delivery/outcomes.js';
export { Sender } from './delivery/sender.js';

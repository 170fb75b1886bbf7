import { RequestMethod } from '@nestjs/common';
import type { OperationSpec } from '../http/operation.js';
import { deliveryDetailExample, deliveryExample, pendingDeliveryExample } from './examples.js';
import { delivery, deliveryDetail, deliveryPage, deliveryParams, deliveryQuery } from './webhooks.schema.js';

const tag = 'Webhooks';
const access = 'webhooks:manage';

export const listDeliveries = {
  id: 'listWebhookDeliveries',
  method: RequestMethod.GET,
  path: '/v1/webhook-deliveries',
  tag,
  access,
  summary: 'What was and is delivered',
  description: 'Newest first. Without those of deleted endpoints.',
  query: deliveryQuery,
  answers: {
    200: {
      description: 'A page of deliveries.',
      schema: deliveryPage,
      examples: { page: { data: [deliveryExample], nextCursor: null } },
    },
  },
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

export const getDelivery = {
  id: 'getWebhookDelivery',
  method: RequestMethod.GET,
  path: '/v1/webhook-deliveries/{id}',
  tag,
  access,
  summary: 'Read a delivery and every attempt at it',
  description: 'With the status, the timing and the beginning of each answer.',
  params: deliveryParams,
  answers: {
    200: {
      description: 'The delivery.',
      schema: deliveryDetail,
      examples: { delivery: deliveryDetailExample },
    },
  },
  errors: ['webhook_delivery.not_found', 'database.unavailable'],
} as const satisfies OperationSpec;

export const redeliver = {
  id: 'redeliverWebhook',
  method: RequestMethod.POST,
  path: '/v1/webhook-deliveries/{id}/redeliver',
  tag,
  access,
  summary: 'Deliver a message again',
  description:
    'Makes a new delivery of the same message, with the same `webhook-id`, to the endpoint as it is now. One that ' +
    'waits for a later attempt is tried now instead.',
  params: deliveryParams,
  idempotent: { secrets: [] },
  answers: {
    202: {
      description: 'The new delivery, or the one that was brought forward.',
      schema: delivery,
      examples: { again: { ...pendingDeliveryExample, redelivery: 1 } },
    },
  },
  errors: [
    'webhook_delivery.not_found',
    'webhook_delivery.pending',
    'webhook_endpoint.disabled',
    'database.unavailable',
  ],
} as const satisfies OperationSpec;

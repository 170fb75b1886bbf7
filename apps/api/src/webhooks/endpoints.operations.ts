import { RequestMethod } from '@nestjs/common';
import { ifMatch } from '../http/etag.js';
import { page } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { createdEndpointExample, endpointExample, pendingDeliveryExample } from './examples.js';
import {
  changeEndpointBody,
  createdEndpoint,
  createEndpointBody,
  delivery,
  endpoint,
  endpointPage,
  endpointParams,
  recoverBody,
  recovery,
  rotateBody,
  rotated,
} from './webhooks.schema.js';

const tag = 'Webhooks';
const access = 'webhooks:manage';
const etag = { ETag: 'Version of the endpoint, for If-Match.' };
const absent = ['webhook_endpoint.not_found', 'database.unavailable'] as const;

export const createEndpoint = {
  id: 'createWebhookEndpoint',
  method: RequestMethod.POST,
  path: '/v1/webhook-endpoints',
  tag,
  access,
  summary: 'Have events delivered to a URL',
  description:
    'The secret is shown in this answer only. A key with an `electionPrefix` has to name elections within it. ' +
    'Deliveries follow Standard Webhooks.',
  body: createEndpointBody,
  idempotent: { secrets: ['secret'] },
  answers: {
    201: {
      description: 'The endpoint exists and hears of every event from now on.',
      schema: createdEndpoint,
      headers: { ...etag, Location: 'Path of the endpoint.' },
      examples: { created: createdEndpointExample },
    },
  },
  errors: ['limit.quota_exceeded', 'database.unavailable'],
} as const satisfies OperationSpec;

export const listEndpoints = {
  id: 'listWebhookEndpoints',
  method: RequestMethod.GET,
  path: '/v1/webhook-endpoints',
  tag,
  access,
  summary: 'List the webhook endpoints that the key may see',
  description: 'In the order of creation. A key with an `electionPrefix` sees those that keep within it.',
  query: page,
  answers: {
    200: {
      description: 'A page of endpoints.',
      schema: endpointPage,
      examples: { page: { data: [endpointExample], nextCursor: null } },
    },
  },
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

export const getEndpoint = {
  id: 'getWebhookEndpoint',
  method: RequestMethod.GET,
  path: '/v1/webhook-endpoints/{id}',
  tag,
  access,
  summary: 'Read a webhook endpoint',
  description: 'Without its secret and the values of its headers, which are never shown again.',
  params: endpointParams,
  answers: {
    200: {
      description: 'The endpoint.',
      schema: endpoint,
      headers: etag,
      examples: { endpoint: endpointExample },
    },
  },
  errors: absent,
} as const satisfies OperationSpec;

export const changeEndpoint = {
  id: 'changeWebhookEndpoint',
  method: RequestMethod.PATCH,
  path: '/v1/webhook-endpoints/{id}',
  tag,
  access,
  summary: 'Change or pause a webhook endpoint',
  description:
    'Changes what is given and leaves the rest; `headers` are replaced as a whole, and named anew with a `url` of another host. Where and how to send applies to ' +
    'what is owed already; what to hear of, to the events from now on.',
  params: endpointParams,
  headers: ifMatch,
  body: changeEndpointBody,
  answers: {
    200: {
      description: 'The endpoint as it is now.',
      schema: endpoint,
      headers: etag,
      examples: { paused: { ...endpointExample, status: 'paused' } },
    },
  },
  errors: [...absent, 'webhook_endpoint.disabled', 'request.precondition_failed'],
} as const satisfies OperationSpec;

export const deleteEndpoint = {
  id: 'deleteWebhookEndpoint',
  method: RequestMethod.DELETE,
  path: '/v1/webhook-endpoints/{id}',
  tag,
  access,
  summary: 'Delete a webhook endpoint',
  description: 'For good, with what is owed to it. An attempt under way may still arrive.',
  params: endpointParams,
  headers: ifMatch,
  answers: { 204: { description: 'Deleted.' } },
  errors: [...absent, 'request.precondition_failed'],
} as const satisfies OperationSpec;

export const rotateSecret = {
  id: 'rotateWebhookSecret',
  method: RequestMethod.POST,
  path: '/v1/webhook-endpoints/{id}/rotate-secret',
  tag,
  access,
  summary: 'Sign with a new secret',
  description:
    'The old secret signs along until its overlap is over, so that receivers can change at their leisure. With ' +
    '`overlapMs: 0` it ends at once. At most ten sign at the same time; the oldest ends first.',
  params: endpointParams,
  body: rotateBody,
  bodyOptional: true,
  idempotent: { secrets: ['secret'] },
  answers: {
    200: {
      description: 'The new secret, shown here once and never again; of `v1a` the public key.',
      schema: rotated,
      examples: {
        v1: { secret: 'whsec_<base64 of 32 bytes>', previousExpiresAt: '2026-11-22T09:30:00.000Z' },
        v1a: { publicKey: 'whpk_<base64 of 32 bytes>', previousExpiresAt: '2026-11-22T09:30:00.000Z' },
      },
    },
  },
  errors: absent,
} as const satisfies OperationSpec;

export const testEndpoint = {
  id: 'testWebhookEndpoint',
  method: RequestMethod.POST,
  path: '/v1/webhook-endpoints/{id}/test',
  tag,
  access,
  summary: 'Send a test message',
  description:
    'Delivers `endpoint.test`, whatever the endpoint subscribes to. A paused endpoint gets it when it goes on.',
  params: endpointParams,
  idempotent: { secrets: [] },
  answers: {
    202: {
      description: 'The delivery that carries it; see `getWebhookDelivery` for what became of it.',
      schema: delivery,
      examples: { test: { ...pendingDeliveryExample, type: 'endpoint.test', election: undefined } },
    },
  },
  errors: [...absent, 'webhook_endpoint.disabled'],
} as const satisfies OperationSpec;

export const enableEndpoint = {
  id: 'enableWebhookEndpoint',
  method: RequestMethod.POST,
  path: '/v1/webhook-endpoints/{id}/enable',
  tag,
  access,
  summary: 'Enable a disabled webhook endpoint',
  description:
    'It hears of events again from now on; what it missed meanwhile was not collected. One that is not disabled ' +
    'stays as it is.',
  params: endpointParams,
  answers: {
    200: {
      description: 'The endpoint as it is now.',
      schema: endpoint,
      headers: etag,
      examples: { enabled: endpointExample },
    },
  },
  errors: absent,
} as const satisfies OperationSpec;

export const recoverEndpoint = {
  id: 'recoverWebhookEndpoint',
  method: RequestMethod.POST,
  path: '/v1/webhook-endpoints/{id}/recover',
  tag,
  access,
  summary: 'Deliver again what could not be delivered',
  description:
    'Every message since then whose last delivery failed, oldest first; what waits for a later ' +
    'attempt is tried now. Repeating it is harmless: what is in flight is left alone.',
  params: endpointParams,
  body: recoverBody,
  answers: {
    202: {
      description: 'The deliveries were made and are under way.',
      schema: recovery,
      examples: { recovered: { recovered: 12, more: false } },
    },
  },
  errors: [...absent, 'webhook_endpoint.disabled'],
} as const satisfies OperationSpec;

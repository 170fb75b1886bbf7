import { RequestMethod } from '@nestjs/common';
import { page } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { apiKeyExample, createdApiKeyExample } from './examples.js';
import {
  apiKey,
  apiKeyPage,
  createApiKeyBody,
  createdApiKey,
  keyParams,
  tenantKeyParams,
  tenantParams,
} from './tenants.schema.js';

/** The same calls twice: by the operator for any tenant, by a tenant for itself. */

const mirrored = ['database.unavailable', 'store.unavailable', 'store.overloaded'] as const;

const created = {
  201: {
    description: 'The key exists and is accepted. Its text is shown here once and never again.',
    schema: createdApiKey,
    examples: { created: createdApiKeyExample },
  },
};
const listed = {
  200: {
    description: 'A page of keys.',
    schema: apiKeyPage,
    examples: { page: { data: [apiKeyExample], nextCursor: null } },
  },
};
const found = {
  200: {
    description: 'The key.',
    schema: apiKey,
    headers: { ETag: 'Version of the key.' },
    examples: { key: apiKeyExample },
  },
};
const revoked = { 204: { description: 'Revoked. Every replica refuses the key within a second.' } };

export const createTenantApiKey = {
  id: 'createTenantApiKey',
  method: RequestMethod.POST,
  path: '/admin/v1/tenants/{id}/api-keys',
  tag: 'Tenants',
  access: 'admin',
  summary: 'Make an API key for a tenant',
  description: 'The key is shown in this answer only.',
  idempotent: { secrets: ['key'] },
  params: tenantParams,
  body: createApiKeyBody,
  answers: created,
  errors: ['tenant.not_found', 'tenant.deleting', 'limit.quota_exceeded', ...mirrored],
} as const satisfies OperationSpec;

export const listTenantApiKeys = {
  id: 'listTenantApiKeys',
  method: RequestMethod.GET,
  path: '/admin/v1/tenants/{id}/api-keys',
  tag: 'Tenants',
  access: 'admin',
  summary: "List a tenant's API keys",
  description: 'In the order of creation, without those that are revoked.',
  params: tenantParams,
  query: page,
  answers: listed,
  errors: ['tenant.not_found', 'database.unavailable'],
} as const satisfies OperationSpec;

export const getTenantApiKey = {
  id: 'getTenantApiKey',
  method: RequestMethod.GET,
  path: '/admin/v1/tenants/{id}/api-keys/{keyId}',
  tag: 'Tenants',
  access: 'admin',
  summary: "Read a tenant's API key",
  description: 'Without its secret, which nobody has any more.',
  params: tenantKeyParams,
  answers: found,
  errors: ['api_key.not_found', 'database.unavailable'],
} as const satisfies OperationSpec;

export const revokeTenantApiKey = {
  id: 'revokeTenantApiKey',
  method: RequestMethod.DELETE,
  path: '/admin/v1/tenants/{id}/api-keys/{keyId}',
  tag: 'Tenants',
  access: 'admin',
  summary: "Revoke a tenant's API key",
  description: 'For good. Repeating it is harmless.',
  params: tenantKeyParams,
  answers: revoked,
  errors: ['api_key.not_found', ...mirrored],
} as const satisfies OperationSpec;

export const createApiKey = {
  id: 'createApiKey',
  method: RequestMethod.POST,
  path: '/v1/api-keys',
  tag: 'API keys',
  access: 'keys:manage',
  summary: 'Make an API key',
  description:
    'It can have no scope that the key that makes it lacks, no wider `electionPrefix`, no later `expiresAt` and no higher `requestsPerSecond`.',
  idempotent: { secrets: ['key'] },
  body: createApiKeyBody,
  answers: created,
  errors: ['limit.quota_exceeded', ...mirrored],
} as const satisfies OperationSpec;

export const listApiKeys = {
  id: 'listApiKeys',
  method: RequestMethod.GET,
  path: '/v1/api-keys',
  tag: 'API keys',
  access: 'keys:manage',
  summary: "List the tenant's API keys",
  description:
    'In the order of creation, without those that are revoked. A key with an `electionPrefix` sees those within it.',
  query: page,
  answers: listed,
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

export const getApiKey = {
  id: 'getApiKey',
  method: RequestMethod.GET,
  path: '/v1/api-keys/{id}',
  tag: 'API keys',
  access: 'keys:manage',
  summary: 'Read an API key',
  description: 'Without its secret, which nobody has any more.',
  params: keyParams,
  answers: found,
  errors: ['api_key.not_found', 'database.unavailable'],
} as const satisfies OperationSpec;

export const revokeApiKey = {
  id: 'revokeApiKey',
  method: RequestMethod.DELETE,
  path: '/v1/api-keys/{id}',
  tag: 'API keys',
  access: 'keys:manage',
  summary: 'Revoke an API key',
  description: 'For good, the calling key included. Repeating it is harmless.',
  params: keyParams,
  answers: revoked,
  errors: ['api_key.not_found', ...mirrored],
} as const satisfies OperationSpec;

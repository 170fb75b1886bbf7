import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { ifMatch } from '../http/etag.js';
import type { OperationSpec } from '../http/operation.js';
import { plan, quotaChange } from '../limits/quota.schema.js';
import { deletingTenantExample, tenantExample } from './examples.js';
import {
  displayName,
  tenant,
  tenantPage,
  tenantParams,
  tenantSearch,
  tenantStatus,
} from './tenants.schema.js';

const tag = 'Tenants';
const etag = { ETag: 'Version of the tenant, for If-Match.' };
const access = 'admin';
const mirrored = ['database.unavailable', 'store.unavailable', 'store.overloaded'] as const;

export const createTenant = {
  id: 'createTenant',
  method: RequestMethod.POST,
  path: '/admin/v1/tenants',
  tag,
  access,
  summary: 'Create a tenant',
  description: 'Names are for people and need not be unique.',
  idempotent: { secrets: [] },
  body: z
    .strictObject({ name: displayName, plan: plan.optional(), quota: quotaChange.optional() })
    .meta({ id: 'CreateTenantRequest', examples: [{ name: 'Acme', plan: 'team' }] }),
  answers: {
    201: {
      description: 'The tenant exists.',
      schema: tenant,
      headers: { ...etag, Location: 'Path of the tenant.' },
      examples: { created: tenantExample },
    },
  },
  errors: mirrored,
} as const satisfies OperationSpec;

export const listTenants = {
  id: 'listTenants',
  method: RequestMethod.GET,
  path: '/admin/v1/tenants',
  tag,
  access,
  summary: 'List tenants',
  description: 'In the order of creation, those included that are being deleted.',
  query: tenantSearch,
  answers: {
    200: {
      description: 'A page of tenants.',
      schema: tenantPage,
      examples: { page: { data: [tenantExample], nextCursor: null } },
    },
  },
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

export const getTenant = {
  id: 'getTenant',
  method: RequestMethod.GET,
  path: '/admin/v1/tenants/{id}',
  tag,
  access,
  summary: 'Read a tenant',
  description: 'With its status and quota.',
  params: tenantParams,
  answers: {
    200: {
      description: 'The tenant.',
      schema: tenant,
      headers: etag,
      examples: { tenant: tenantExample },
    },
  },
  errors: ['tenant.not_found', 'database.unavailable'],
} as const satisfies OperationSpec;

export const changeTenant = {
  id: 'changeTenant',
  method: RequestMethod.PATCH,
  path: '/admin/v1/tenants/{id}',
  tag,
  access,
  summary: 'Rename, suspend, activate, change plan or quota',
  description:
    'Changes what is given and leaves the rest. A suspended tenant is refused every call but renew and resign; its ' +
    'leaders are told to yield and its terms end once their grants are over.',
  params: tenantParams,
  headers: ifMatch,
  body: z
    .strictObject({
      name: displayName.optional(),
      status: tenantStatus.optional(),
      plan: plan.optional(),
      quota: quotaChange.optional(),
    })
    .refine((change) => Object.keys(change).length > 0, 'Name at least one field to change.')
    .meta({ id: 'ChangeTenantRequest', examples: [{ status: 'suspended' }] }),
  answers: {
    200: {
      description: 'The tenant as it is now.',
      schema: tenant,
      headers: etag,
      examples: { suspended: { ...tenantExample, status: 'suspended' } },
    },
  },
  errors: ['tenant.not_found', 'tenant.deleting', 'request.precondition_failed', ...mirrored],
} as const satisfies OperationSpec;

export const deleteTenant = {
  id: 'deleteTenant',
  method: RequestMethod.DELETE,
  path: '/admin/v1/tenants/{id}',
  tag,
  access,
  summary: 'Delete a tenant',
  description:
    'Its keys are refused and its terms end at once. Its data is kept until `purgeAfter`, and until then the tenant ' +
    'can be restored; after that its rows are removed for good. While somebody leads in one of its elections the ' +
    'call is refused, unless `force` is true. Repeating it is harmless and does not move `purgeAfter`.',
  params: tenantParams,
  query: z.strictObject({
    force: z.enum(['true', 'false']).optional().meta({
      description: 'Whether to end running terms: their leaders are told to yield.',
    }),
  }),
  answers: {
    202: {
      description: 'Deleted; it can be restored until `purgeAfter`.',
      schema: tenant,
      examples: { deleting: deletingTenantExample },
    },
  },
  errors: ['tenant.not_found', 'tenant.has_leaders', ...mirrored],
} as const satisfies OperationSpec;

export const restoreTenant = {
  id: 'restoreTenant',
  method: RequestMethod.POST,
  path: '/admin/v1/tenants/{id}/restore',
  tag,
  access,
  summary: 'Restore a deleted tenant',
  description:
    'Makes it what it was before, with its keys and elections; fences go on rising. Possible until `purgeAfter`. ' +
    'Repeating it is harmless.',
  params: tenantParams,
  answers: {
    200: { description: 'The tenant as it is now.', schema: tenant, examples: { restored: tenantExample } },
  },
  errors: ['tenant.not_found', ...mirrored],
} as const satisfies OperationSpec;

export const exportTenant = {
  id: 'exportTenant',
  method: RequestMethod.GET,
  path: '/admin/v1/tenants/{id}/export',
  tag,
  access,
  summary: 'Export everything of a tenant',
  description:
    'Lines of JSON, `{type, data}`: the tenant, then its audit log, elections, keys and endpoints without secrets, ' +
    'history and deliveries, and last `{"type":"end","data":{"rows":n}}`: an export without it was cut off. What ' +
    'changes meanwhile is shown as it was when it was read. It works as long as the tenant is not purged.',
  params: tenantParams,
  answers: {
    200: {
      description: 'The lines, as they are read.',
      mediaType: 'application/x-ndjson',
      schema: z
        .object({ type: z.string(), data: z.record(z.string(), z.unknown()) })
        .meta({ id: 'ExportedRow', description: 'One line of an export.' }),
      examples: { line: { type: 'tenant', data: tenantExample } },
    },
  },
  errors: ['tenant.not_found', 'limit.quota_exceeded', 'database.unavailable'],
} as const satisfies OperationSpec;

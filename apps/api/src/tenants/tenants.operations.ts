import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { page } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { tenantExample } from './examples.js';
import {
  displayName,
  quotaChange,
  tenant,
  tenantPage,
  tenantParams,
  tenantStatus,
} from './tenants.schema.js';

const tag = 'Tenants';
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
  body: z
    .strictObject({ name: displayName, quota: quotaChange.optional() })
    .meta({ id: 'CreateTenantRequest', examples: [{ name: 'Acme' }] }),
  answers: {
    201: {
      description: 'The tenant exists.',
      schema: tenant,
      headers: { Location: 'Path of the tenant.' },
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
  description: 'In the order of creation.',
  query: page,
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
  answers: { 200: { description: 'The tenant.', schema: tenant, examples: { tenant: tenantExample } } },
  errors: ['tenant.not_found', 'database.unavailable'],
} as const satisfies OperationSpec;

export const changeTenant = {
  id: 'changeTenant',
  method: RequestMethod.PATCH,
  path: '/admin/v1/tenants/{id}',
  tag,
  access,
  summary: 'Rename, suspend, activate, change the quota',
  description:
    'Changes what is given and leaves the rest. A suspended tenant is refused every call but renew and resign; its ' +
    'leaders are told to yield and its terms end once their grants are over.',
  params: tenantParams,
  body: z
    .strictObject({
      name: displayName.optional(),
      status: tenantStatus.optional(),
      quota: quotaChange.optional(),
    })
    .refine((change) => Object.keys(change).length > 0, 'Name at least one field to change.')
    .meta({ id: 'ChangeTenantRequest', examples: [{ status: 'suspended' }] }),
  answers: {
    200: {
      description: 'The tenant as it is now.',
      schema: tenant,
      examples: { suspended: { ...tenantExample, status: 'suspended' } },
    },
  },
  errors: ['tenant.not_found', ...mirrored],
} as const satisfies OperationSpec;

export const deleteTenant = {
  id: 'deleteTenant',
  method: RequestMethod.DELETE,
  path: '/admin/v1/tenants/{id}',
  tag,
  access,
  summary: 'Delete a tenant',
  description: 'Its keys are refused at once and its elections are deleted. Repeating it is harmless.',
  params: tenantParams,
  answers: { 204: { description: 'Deleted.' } },
  errors: ['tenant.not_found', ...mirrored],
} as const satisfies OperationSpec;

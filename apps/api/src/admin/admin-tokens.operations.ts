import { RequestMethod } from '@nestjs/common';
import { ADMIN_ROLES } from '#tenancy';
import { z } from 'zod';
import { nextCursor, page, timestamp } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { displayName } from '../tenants/tenants.schema.js';

const tag = 'Administration';
const access = 'admin';
const mirrored = ['database.unavailable', 'store.unavailable', 'store.overloaded'] as const;

const tokenId = z
  .string()
  .regex(/^adm_[a-z0-9]{10,40}$/, 'Must be the id of an admin token: adm_...')
  .meta({ id: 'AdminTokenId', examples: ['adm_4j5k6m7n8p9q0r1s2t3v4w5x'] });

const tokenParams = z.strictObject({ id: tokenId });

const role = z.enum(ADMIN_ROLES).meta({
  id: 'AdminRole',
  description: '`read_only`: every GET of the admin API. `full`: all of it.',
});

const tokenFields = {
  id: tokenId,
  name: displayName,
  role,
  createdBy: z.string().meta({ description: 'The admin token that made it, or `environment`.' }),
  createdAt: timestamp,
  expiresAt: timestamp.optional(),
};

const adminToken = z
  .object(tokenFields)
  .meta({ id: 'AdminToken', description: 'A token of the admin API, without its secret.' });

const createdAdminToken = z
  .object({
    ...tokenFields,
    token: z.string().optional().meta({
      description: 'The token itself, shown once: a repeat with the same `Idempotency-Key` comes without it.',
    }),
  })
  .meta({ id: 'CreatedAdminToken', description: 'A new admin token, with its secret.' });

const adminTokenPage = z.object({ data: z.array(adminToken), nextCursor }).meta({ id: 'AdminTokenPage' });

const example = {
  id: 'adm_4j5k6m7n8p9q0r1s2t3v4w5x',
  name: 'dashboard',
  role: 'read_only',
  createdBy: 'environment',
  createdAt: '2026-11-20T07:55:00.000Z',
  expiresAt: '2027-02-20T00:00:00.000Z',
};

export const createAdminToken = {
  id: 'createAdminToken',
  method: RequestMethod.POST,
  path: '/admin/v1/tokens',
  tag,
  access,
  summary: 'Make an admin token',
  description:
    'The token is shown in this answer only. What is done with it is on record under its id. The `ADMIN_TOKEN` of ' +
    'the environment makes the first one.',
  idempotent: { secrets: ['token'] },
  body: z
    .strictObject({
      name: displayName,
      role,
      expiresAt: z.iso
        .datetime({ offset: true })
        .optional()
        .meta({ description: 'The token is refused from then on; in the future. RFC 3339.' }),
    })
    .meta({
      id: 'CreateAdminTokenRequest',
      examples: [{ name: 'dashboard', role: 'read_only', expiresAt: '2027-02-20T00:00:00Z' }],
    }),
  answers: {
    201: {
      description: 'The token exists and is accepted.',
      schema: createdAdminToken,
      headers: { Location: 'Path of the token.' },
      // Not a token: what stands for its secret says so.
      examples: { created: { ...example, token: 'inc_adm_4j5k6m7n8p9q0r1s2t3v4w5x_<secret>' } },
    },
  },
  errors: mirrored,
} as const satisfies OperationSpec;

export const listAdminTokens = {
  id: 'listAdminTokens',
  method: RequestMethod.GET,
  path: '/admin/v1/tokens',
  tag,
  access,
  summary: 'List admin tokens',
  description: 'In the order of creation, without those that are revoked.',
  query: page,
  answers: {
    200: {
      description: 'A page of tokens.',
      schema: adminTokenPage,
      examples: { page: { data: [example], nextCursor: null } },
    },
  },
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

export const getAdminToken = {
  id: 'getAdminToken',
  method: RequestMethod.GET,
  path: '/admin/v1/tokens/{id}',
  tag,
  access,
  summary: 'Read an admin token',
  description: 'Without its secret, which nobody has any more.',
  params: tokenParams,
  answers: { 200: { description: 'The token.', schema: adminToken, examples: { token: example } } },
  errors: ['admin_token.not_found', 'database.unavailable'],
} as const satisfies OperationSpec;

export const revokeAdminToken = {
  id: 'revokeAdminToken',
  method: RequestMethod.DELETE,
  path: '/admin/v1/tokens/{id}',
  tag,
  access,
  summary: 'Revoke an admin token',
  description: 'For good, the calling token included. Repeating it is harmless.',
  params: tokenParams,
  answers: { 204: { description: 'Revoked. Every replica refuses the token within a second.' } },
  errors: ['admin_token.not_found', ...mirrored],
} as const satisfies OperationSpec;

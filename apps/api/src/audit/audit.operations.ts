import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import type { OperationSpec } from '../http/operation.js';
import {
  adminAuditQuery,
  adminCheckpointQuery,
  auditCheckpoint,
  auditPage,
  auditQuery,
} from './audit.schema.js';
import { auditEventExample, checkpointExample } from './examples.js';

const tag = 'Audit';

const LISTING =
  'Newest first, in pages. With `Accept: application/x-ndjson` everything that fits the filters and was recorded ' +
  'until then is streamed instead, oldest first, one event per line; that it was exported is recorded first. An ' +
  'export that could not be finished is cut off, without the end that HTTP marks.';

const pageAnswer = {
  200: {
    description: 'A page of events, or all of them.',
    schema: auditPage,
    examples: { page: { data: [auditEventExample], nextCursor: null } },
    lines: {
      schema: z.string().meta({ description: 'One `AuditEvent` per line.' }),
      examples: { export: `${JSON.stringify(auditEventExample)}\n` },
    },
  },
} as const satisfies OperationSpec['answers'];

const checkpointAnswer = {
  200: {
    description: 'Where the chain ends now.',
    schema: auditCheckpoint,
    examples: { checkpoint: checkpointExample },
  },
} as const satisfies OperationSpec['answers'];

export const listAuditEvents = {
  id: 'listAuditEvents',
  method: RequestMethod.GET,
  path: '/v1/audit-events',
  tag,
  access: 'audit:read',
  summary: 'What was done, by whom',
  description: `${LISTING} The record is of the whole tenant: a key with an \`electionPrefix\` is refused.`,
  query: auditQuery,
  answers: pageAnswer,
  errors: ['limit.quota_exceeded', 'database.unavailable'],
} as const satisfies OperationSpec;

export const getAuditCheckpoint = {
  id: 'getAuditCheckpoint',
  method: RequestMethod.GET,
  path: '/v1/audit-events/checkpoint',
  tag,
  access: 'audit:read',
  summary: 'The end of the record, signed',
  description:
    'Fetch it now and then and keep it where the operator of this service cannot reach it: a record that was ' +
    'rewritten afterwards does not fit it.',
  answers: checkpointAnswer,
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

export const listAnyAuditEvents = {
  id: 'listAnyAuditEvents',
  method: RequestMethod.GET,
  path: '/admin/v1/audit-events',
  tag,
  access: 'admin',
  summary: 'The record of the platform or of any tenant',
  description: LISTING,
  query: adminAuditQuery,
  answers: pageAnswer,
  errors: ['limit.quota_exceeded', 'database.unavailable'],
} as const satisfies OperationSpec;

export const getAnyAuditCheckpoint = {
  id: 'getAnyAuditCheckpoint',
  method: RequestMethod.GET,
  path: '/admin/v1/audit-events/checkpoint',
  tag,
  access: 'admin',
  summary: 'The end of any record, signed',
  description: 'As for tenants, of the platform or of any tenant.',
  query: adminCheckpointQuery,
  answers: checkpointAnswer,
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

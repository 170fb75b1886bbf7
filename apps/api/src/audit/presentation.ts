import type { AuditEvent, AuditFilter, AuditPageRequest, Checkpoint } from '#audit';
import { IncumbentError, toTimestamp } from '#core';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { toDate } from '../tenants/presentation.js';
import { NDJSON } from './audit-export.js';
import type { auditQuery } from './audit.schema.js';

/** Spells the record as the contract does. */

type Query = z.output<typeof auditQuery>;

/** What speaks of pages has no meaning for an export. */
const OF_PAGES = ['limit', 'cursor', 'order'] as const;

/** @throws IncumbentError request.invalid_query */
export function wantsExport(request: FastifyRequest, query: Query): boolean {
  const accepted = (request.headers.accept ?? '').split(',').map((one) => one.split(';', 1)[0]?.trim());
  if (!accepted.some((one) => one?.toLowerCase() === NDJSON)) return false;
  const stray = OF_PAGES.find((name) => query[name] !== undefined);
  if (stray === undefined) return true;
  const message = 'An export is whole and oldest first; leave this out, or ask for application/json.';
  throw new IncumbentError('request.invalid_query', `${stray}: ${message}`, {
    errors: [{ pointer: stray, code: 'invalid', message }],
  });
}

export function filterOf({ action, actor, target, from, to }: Query): AuditFilter {
  return { action, actor, target, from: toDate(from), to: toDate(to) };
}

export function pageRequestOf({ limit, cursor, order }: Query): AuditPageRequest {
  return { limit: limit ?? 20, cursor, order: order ?? 'newest' };
}

export function showAuditPage({ data, nextCursor }: { data: AuditEvent[]; nextCursor?: string }) {
  return { data, nextCursor: nextCursor ?? null };
}

export function showCheckpoint({ tenant, sequence, hash, iat, token }: Checkpoint & { token: string }) {
  return { tenant, sequence, hash, signedAt: toTimestamp(iat * 1_000), token };
}

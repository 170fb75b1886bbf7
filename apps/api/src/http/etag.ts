import { hash } from 'node:crypto';
import { IncumbentError } from '#core';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';

/** For operations that change what has an ETag. */
export const ifMatch = z.strictObject({
  'if-match': z
    .string()
    .regex(/^("[\x21\x23-\x7e]{1,128}"|\*)$/, 'Must be the ETag of an earlier answer, with its quotes.')
    .optional()
    .meta({ description: 'Change only what still has this ETag.' }),
});

/** A strong ETag of what is shown: another one as soon as anything of it changes. */
export function etagOf(shown: unknown): string {
  return `"${hash('sha256', JSON.stringify(shown), 'base64url').slice(0, 22)}"`;
}

/** @throws IncumbentError request.precondition_failed when a condition was sent and does not hold */
export function requireMatch(condition: string | undefined, etag: string): void {
  if (condition === undefined || condition === '*' || condition === etag) return;
  throw new IncumbentError(
    'request.precondition_failed',
    'Read it again, apply your change to what you find, and send the new ETag.',
  );
}

/** What is answered, with its ETag. */
export function tagged<T>(reply: FastifyReply, shown: T): T {
  void reply.header('etag', etagOf(shown));
  return shown;
}

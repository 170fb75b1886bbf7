import { IncumbentError, systemClock } from '#core';

/**
 * When a key or token is to end, as its body says. One that is over already would be dead from the start, and count
 * against the quota all the same.
 * @throws IncumbentError request.invalid_body
 */
export function expiryOf({ expiresAt }: { expiresAt?: string | undefined }): Date | undefined {
  if (expiresAt === undefined) return undefined;
  const date = new Date(expiresAt);
  if (date.getTime() > systemClock.wallTimeMs()) return date;
  throw new IncumbentError('request.invalid_body', 'expiresAt must be in the future.', {
    errors: [{ pointer: '/expiresAt', code: 'too_small', message: 'Must be in the future.' }],
  });
}

import { ERRORS, type ErrorCode } from '#core';
import { z } from 'zod';

/** The error body as the OpenAPI document shows it; `problem.ts` writes it. */

export const fieldError = z
  .object({
    pointer: z
      .string()
      .meta({ description: 'RFC 6901 pointer into the body, or the name of the parameter or header.' }),
    code: z.string(),
    message: z.string(),
  })
  .meta({
    id: 'FieldError',
    examples: [{ pointer: '/ttlMs', code: 'too_small', message: 'Must be at least 1000.' }],
  });

export const problem = z
  .object({
    type: z.string().meta({ description: 'URN of the code.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What to do next.' }),
    code: z
      .enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]])
      .meta({ description: 'The stable part: program against it.' }),
    requestId: z.string(),
    errors: z.array(fieldError).optional().meta({ description: 'Every field that does not fit.' }),
    executed: z
      .union([z.literal(false), z.literal('unknown')])
      .optional()
      .meta({
        description:
          '`false`: it did not and will not take effect. `unknown`: repeat it or read before relying on either.',
      }),
    limit: z
      .object({ name: z.string(), value: z.int() })
      .optional()
      .meta({ description: 'The quota that was hit.' }),
    retryAfterMs: z.int().optional().meta({ description: 'As Retry-After, in milliseconds.' }),
  })
  .meta({
    id: 'Problem',
    description: 'Every refusal and failure (RFC 9457).',
    examples: [
      {
        type: 'urn:incumbent:error:election.not_found',
        title: 'No such election',
        status: 404,
        detail: 'Check the name, or create the election first with POST /v1/elections.',
        code: 'election.not_found',
        requestId: 'req_4k2m9x7w1q3r0000a1',
      },
    ],
  });

import { z } from 'zod';
import { LONGEST_TTL_MS } from '../http/fields.js';

/** What participants tell of their renewals, and what they are told. */
export const timingFields = {
  previousRttMs: z
    .number('Must be a number of milliseconds, not a string.')
    .min(0)
    .max(LONGEST_TTL_MS)
    .optional()
    .meta({
      description:
        'How long the renewal before this one took, from its send to its answer on the own monotonic clock. The advice ' +
        'on `ttlMs` is made of it.',
      examples: [12.4],
    }),
  timing: z.boolean().optional().meta({ description: 'Answer with `timing` as well.' }),
};

const durations = z
  .object({ p50: z.number(), p95: z.number(), p99: z.number() })
  .meta({ id: 'Percentiles', description: 'Milliseconds, at most 6 % or 1 ms above what was seen.' });

export const timing = z
  .object({
    roundTripMs: durations.optional().meta({
      description: 'Of the renewals, as the participant reported them in `previousRttMs`.',
    }),
    latenessMs: durations.optional().meta({
      description:
        'From the moment at which renewals were due (`renewAfterMs` after the answer) to their arrival: one round trip and ' +
        'what the participant was late.',
    }),
    samples: z.int().min(0).max(64).meta({ description: 'How many reported round trips it rests on.' }),
    recommendedTtlMs: z.int().meta({
      description:
        'The smallest `ttlMs` in which three tries of the slowest renewal fit. A larger one is as safe.',
    }),
    tooShort: z.boolean().meta({
      description:
        'The `ttlMs` of the session does not even fit three tries of what 95 of 100 renewals take.',
    }),
  })
  .meta({
    id: 'Timing',
    description:
      'What this replica has seen of the latest renewals of the session; other replicas see their share.',
  });

/** Sent with every answer to a renewal of a session whose ttlMs is too short. */
export const ADVICE_HEADER = 'Incumbent-Advice';

export const adviceHeaders = {
  [ADVICE_HEADER]:
    '`ttl-too-short; recommended=...`: a session with this `ttlMs` would bear what this replica sees. Absent otherwise.',
};

export const timingExample = {
  roundTripMs: { p50: 9, p95: 21, p99: 48 },
  latenessMs: { p50: 12, p95: 27, p99: 61 },
  samples: 64,
  recommendedTtlMs: 1_000,
  tooShort: false,
};

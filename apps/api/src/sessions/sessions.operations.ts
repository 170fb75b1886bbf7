import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { sessionToken } from '../elections/answers.schema.js';
import { ttlMs } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { adviceHeaders, timingFields } from '../timing/timing.schema.js';
import { endedExample, renewedExample, sessionExample } from './examples.js';
import { endedSession, openSession, renewedSession } from './sessions.schema.js';

const tag = 'Sessions';

const body = z
  .strictObject({ session: sessionToken })
  .meta({ id: 'SessionRequest', examples: [{ session: sessionExample.session }] });

export const open = {
  id: 'openSession',
  method: RequestMethod.POST,
  path: '/v1/sessions',
  tag,
  summary: 'Make a session that can stand in many elections',
  description:
    'One session is enough for a process: campaign with it in as many elections as needed and renew it once for all ' +
    'of them. It lives while it is renewed, with or without candidacies. Repeated with the same `Idempotency-Key` the ' +
    'call finds and renews the session that the key had made, while that lives; a key stands for one process.',
  access: 'elections:campaign',
  headers: z.strictObject({
    'idempotency-key': z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, 'Must be 1 to 255 visible ASCII characters.')
      .optional()
      .meta({ description: 'Names this session; choose a new one for each process, a UUID for example.' }),
  }),
  bodyOptional: true,
  body: z
    .strictObject({
      ttlMs: ttlMs.optional().meta({
        description:
          'Time to live, 1 s to 15 min; 10 s if absent. An election admits it if it is at most its `maxTtlMs`.',
      }),
    })
    .meta({ id: 'OpenSessionRequest', examples: [{ ttlMs: 10_000 }] }),
  answers: {
    201: { description: 'The session.', schema: openSession, examples: { session: sessionExample } },
  },
  errors: ['session.ttl_fixed', 'limit.quota_exceeded', 'store.unavailable', 'store.overloaded'],
} as const satisfies OperationSpec;

export const renewAll = {
  id: 'renewSession',
  method: RequestMethod.POST,
  path: '/v1/sessions/renew',
  tag,
  summary: 'Renew a session and learn every term that it leads',
  description:
    'Extends the session by its `ttlMs`, and with it every candidacy that it carries. Each term of the answer was read ' +
    'after the session was renewed. A term that nobody in the process wants any more should be resigned. Why a term ' +
    'that is not told any more has ended says the renew of its election. Works for sessions of campaigns, too.',
  access: 'elections:campaign',
  evenSuspended: true,
  renews: true,
  body: body
    .extend(timingFields)
    .meta({ id: 'RenewSessionRequest', examples: [{ session: sessionExample.session }] }),
  answers: {
    200: {
      description: 'What the session leads.',
      headers: adviceHeaders,
      schema: renewedSession,
      examples: { renewed: renewedExample },
    },
  },
  errors: ['session.unknown', 'session.expired', 'store.unavailable', 'store.overloaded'],
} as const satisfies OperationSpec;

export const end = {
  id: 'endSession',
  method: RequestMethod.POST,
  path: '/v1/sessions/end',
  tag,
  summary: 'End a session and every candidacy of it',
  description:
    'Resigns everything that the session stands in, so that successors lead at once, and ends it. Stop acting as leader ' +
    'before you send it. Repeating it is harmless, and so is ending a session that is already gone.',
  access: 'elections:campaign',
  evenSuspended: true,
  renews: true,
  body,
  answers: {
    200: { description: 'The session is gone.', schema: endedSession, examples: { ended: endedExample } },
  },
  errors: ['session.unknown', 'store.unavailable', 'store.overloaded'],
} as const satisfies OperationSpec;

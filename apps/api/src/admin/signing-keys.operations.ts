import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { timestamp } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';

const tag = 'Administration';
const access = 'admin';

const kid = z
  .string()
  .regex(/^[\w-]{43}$/, 'Must be the kid of a signing key, as the list shows it.')
  .meta({ id: 'SigningKeyId', examples: ['u1W8dVfHj0m3s9o2Qk7bTz5xYc4Ra6Lp8NgEwIvBhXM'] });

const state = z.enum(['next', 'active', 'retired']).meta({
  id: 'SigningKeyState',
  description:
    '`next`: published, not used yet. `active`: signs. `retired`: signs no more, published until `expiresAt`, when ' +
    'its last token is long expired.',
});

const signingKey = z
  .object({
    kid,
    algorithm: z.enum(['ES256', 'Ed25519']),
    state,
    createdAt: timestamp.meta({ description: 'Published since.' }),
    usableFrom: timestamp.optional().meta({ description: 'Of a next key: when it may begin to sign.' }),
    activatedAt: timestamp.optional(),
    retiredAt: timestamp.optional(),
    expiresAt: timestamp.optional().meta({ description: 'Of a retired key: when it leaves the JWKS.' }),
  })
  .meta({ id: 'SigningKey', description: 'A key that signs fencing tokens; nothing of it is private here.' });

const signingKeyList = z.object({ data: z.array(signingKey) }).meta({ id: 'SigningKeyList' });

const rotation = z
  .object({
    outcome: z.enum(['prepared', 'waiting', 'promoted']).meta({
      description:
        '`prepared`: a next key is published now. `waiting`: it is, and not for 30 minutes yet; nothing was changed. ' +
        '`promoted`: it signs from now on.',
    }),
    notice: z.string().optional().meta({ description: 'What an emergency rotation means for verifiers.' }),
    data: z.array(signingKey),
  })
  .meta({ id: 'SigningKeyRotation' });

const active = {
  kid: 'u1W8dVfHj0m3s9o2Qk7bTz5xYc4Ra6Lp8NgEwIvBhXM',
  algorithm: 'ES256',
  state: 'active',
  createdAt: '2026-08-20T07:00:00.000Z',
  activatedAt: '2026-08-20T07:30:00.000Z',
};
const next = {
  kid: 'p0Zk3nQe7yB1vLr5tXo9aUi2sDf4gHj6kMcWbVxNqTE',
  algorithm: 'ES256',
  state: 'next',
  createdAt: '2026-11-20T07:00:00.000Z',
  usableFrom: '2026-11-20T07:30:00.000Z',
};

export const listSigningKeys = {
  id: 'listSigningKeys',
  method: RequestMethod.GET,
  path: '/admin/v1/signing-keys',
  tag,
  access,
  summary: 'List the signing keys',
  description: 'Every key under which an unexpired fencing token may exist or soon will, the newest first.',
  answers: {
    200: { description: 'The keys.', schema: signingKeyList, examples: { keys: { data: [next, active] } } },
  },
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

export const rotateSigningKeys = {
  id: 'rotateSigningKeys',
  method: RequestMethod.POST,
  path: '/admin/v1/signing-keys/rotate',
  tag,
  access,
  summary: 'Rotate the signing key',
  description:
    'Takes the next step. The first publishes a next key; once it has been published for 30 minutes, which is longer ' +
    'than verifiers cache the JWKS, the worker lets it sign, and so does a repetition of this call. Tokens of the ' +
    'key before stay verifiable for their life. With `emergency` both happen at once. Then remove the retired key, ' +
    'if it is compromised.',
  body: z
    .strictObject({
      emergency: z.boolean().optional().meta({
        description:
          'Do not wait: verifiers may refuse tokens of the new key until they fetch the JWKS again.',
      }),
    })
    .meta({ id: 'RotateSigningKeysRequest', examples: [{}, { emergency: true }] }),
  bodyOptional: true,
  answers: {
    200: {
      description: 'Which step was taken, and the keys as they are now.',
      schema: rotation,
      examples: { prepared: { outcome: 'prepared', data: [next, active] } },
    },
  },
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

export const removeSigningKey = {
  id: 'removeSigningKey',
  method: RequestMethod.DELETE,
  path: '/admin/v1/signing-keys/{kid}',
  tag,
  access,
  summary: 'Remove a signing key in an emergency',
  description:
    'Voids every token of a retired or next key: this replica refuses them at once, the others within 15 seconds, and ' +
    'a verifier of its own when it fetches the JWKS again, commonly within 10 minutes. The active key is refused: ' +
    'rotate first.',
  params: z.strictObject({ kid }),
  answers: { 204: { description: 'Removed.' } },
  errors: ['signing_key.not_found', 'signing_key.in_use', 'database.unavailable'],
} as const satisfies OperationSpec;

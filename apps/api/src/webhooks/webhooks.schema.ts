import { EVENT_TYPES, isElectionPattern, MOST_CHANGES } from '#webhooks';
import { z } from 'zod';
import { electionName, nextCursor, page, timestamp, unlessMissing } from '../http/fields.js';

const MOST_PATTERNS = 100;
const MOST_HEADERS = 10;
const MOST_HEADER_BYTES = 4_096;
const WEEK_MS = 7 * 86_400_000;

const endpointId = z
  .string()
  .regex(/^whe_[a-z0-9]{10,40}$/, 'Must be the id of a webhook endpoint: whe_...')
  .meta({ id: 'WebhookEndpointId', examples: ['whe_4t5v6w7x8y9z0a1b2c3d4e5f'] });

const deliveryId = z
  .string()
  .regex(/^dlv_[a-z0-9]{10,40}$/, 'Must be the id of a webhook delivery: dlv_...')
  .meta({ id: 'WebhookDeliveryId', examples: ['dlv_7w8x9y0z1a2b3c4d5e6f7g8h'] });

export const endpointParams = z.strictObject({ id: endpointId });
export const deliveryParams = z.strictObject({ id: deliveryId });

const different = (values: readonly string[]): boolean => new Set(values).size === values.length;
const moment = z.iso.datetime({
  offset: true,
  error: unlessMissing('Must be a time as RFC 3339 spells it.'),
});

const url = z
  .string()
  .min(1)
  .max(2_048)
  .meta({
    description:
      'Where deliveries are POSTed. Absolute, `https:`, without user, password and fragment; its port 443, 8443 or ' +
      'from 1024; its host with public addresses only.',
  });
const description = z.string().max(500).meta({ description: 'For people.' });
const eventType = z.enum(EVENT_TYPES).meta({ id: 'WebhookEventType' });
const events = z
  .array(eventType)
  .min(1)
  .refine(different, 'Must name each event once.')
  .meta({ description: 'What the endpoint wants to hear.' });
const electionPattern = z
  .string()
  .max(129)
  .refine(isElectionPattern, 'Must be the name of an election, or the beginning of names followed by "*".');
const elections = z
  .array(electionPattern)
  .max(MOST_PATTERNS)
  .refine(different, 'Must name each election once.')
  .meta({ description: 'Of which elections: names, or prefixes that end in `*`. Empty: all.' });
const mode = z.enum(['all', 'latest']).meta({
  description:
    '`all`: every event is delivered. `latest`: an event that is not delivered yet gives way to a newer one of the ' +
    'same election.',
});
const includeFencingToken = z
  .boolean()
  .meta({ description: 'Put a signed fencing token into `leadership.acquired`.' });
const signatureV1a = z
  .boolean()
  .meta({ description: 'Sign with Ed25519 too; receivers then need only a public key.' });
const timeoutMs = z
  .int()
  .min(5_000)
  .max(30_000)
  .meta({ description: 'How long an attempt may take until its answer is complete.' });
const unstableThreshold = z
  .int()
  .min(1)
  .max(MOST_CHANGES)
  .meta({ description: '`election.unstable` is told when more changes of leader happen within an hour.' });

/** Of the service itself, or of the connection: not for the maker of an endpoint to set. */
const RESERVED_HEADER =
  /^(webhook-.*|host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|content-(length|type|encoding)|user-agent)$/i;

const headers = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'Must be the name of a header.')
      .refine((name) => !RESERVED_HEADER.test(name), 'This header is set by the service itself.'),
    z.string().regex(/^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$/, 'Must be visible ASCII characters.'),
  )
  .refine((given) => Object.keys(given).length <= MOST_HEADERS, `Must be at most ${MOST_HEADERS} headers.`)
  .refine(
    (given) => different(Object.keys(given).map((name) => name.toLowerCase())),
    'Must name each header once, in whatever case.',
  )
  .refine(
    (given) => Buffer.byteLength(JSON.stringify(given)) <= MOST_HEADER_BYTES,
    `Must be at most ${MOST_HEADER_BYTES} bytes as JSON.`,
  )
  .meta({ description: 'Sent with every delivery. Values are kept sealed and never shown again.' });

const settings = {
  description,
  elections,
  mode,
  includeFencingToken,
  signatureV1a,
  timeoutMs,
  unstableThreshold,
};
const workingStatus = z.enum(['active', 'paused']).meta({
  description: '`paused`: deliveries are collected and wait.',
});

const endpointFields = {
  id: endpointId,
  url,
  ...settings,
  description: description.optional(),
  events,
  headerNames: z.array(z.string()).meta({ description: 'Of the headers sent with every delivery.' }),
  publicKey: z
    .string()
    .optional()
    .meta({ description: '`whpk_...`, while `signatureV1a` is on: checks signatures `v1a`.' }),
  status: z.enum(['active', 'paused', 'disabled']).meta({
    description:
      '`disabled`: deliveries failed for too long; nothing is collected until it is enabled again.',
  }),
  disabledReason: z.string().optional(),
  disabledAt: timestamp.optional(),
  failingSince: timestamp.optional().meta({ description: 'First failure since the last success.' }),
  lastSuccessAt: timestamp.optional(),
  createdAt: timestamp,
  updatedAt: timestamp,
};

export const endpoint = z
  .object(endpointFields)
  .meta({ id: 'WebhookEndpoint', description: 'Where events are delivered, without its secret.' });

const secret = z.string().meta({
  description: '`whsec_...`: checks signatures `v1`. It is shown here once and never again.',
});

export const createdEndpoint = z
  .object({ ...endpointFields, secret })
  .meta({ id: 'CreatedWebhookEndpoint', description: 'A new endpoint, with its secret.' });

export const endpointPage = z
  .object({ data: z.array(endpoint), nextCursor })
  .meta({ id: 'WebhookEndpointPage' });

export const createEndpointBody = z
  .strictObject({
    url,
    events,
    ...z.object({ ...settings, headers, status: workingStatus }).partial().shape,
  })
  .meta({
    id: 'CreateWebhookEndpointRequest',
    examples: [
      {
        url: 'https://hooks.example.com/leaders',
        events: ['leadership.acquired', 'leadership.lost'],
        elections: ['billing*'],
      },
    ],
  });

export const changeEndpointBody = z
  .strictObject({ url, events, ...settings, headers, status: workingStatus })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'Name at least one field to change.')
  .meta({ id: 'ChangeWebhookEndpointRequest', examples: [{ status: 'paused' }] });

export const rotateBody = z
  .strictObject({
    kind: z.enum(['v1', 'v1a']).optional().meta({ description: '`v1` if absent.' }),
    overlapMs: z
      .int()
      .min(0)
      .max(WEEK_MS)
      .optional()
      .meta({ description: 'How long the old secret signs along, at most 7 days; 24 hours if absent.' }),
  })
  .meta({ id: 'RotateWebhookSecretRequest', examples: [{}, { overlapMs: 3_600_000 }] });

export const rotated = z
  .object({
    secret: secret.optional(),
    publicKey: z.string().optional().meta({ description: '`whpk_...`, of `v1a`.' }),
    previousExpiresAt: timestamp.meta({ description: 'Until then the old secret signs along.' }),
  })
  .meta({ id: 'RotatedWebhookSecret', description: 'What deliveries are signed with from now on.' });

export const recoverBody = z
  .strictObject({ since: moment.meta({ description: 'At most 14 days ago. RFC 3339.' }) })
  .meta({ id: 'RecoverWebhookEndpointRequest', examples: [{ since: '2026-11-20T00:00:00.000Z' }] });

export const recovery = z
  .object({
    recovered: z.int().meta({ description: 'How many deliveries were made or brought forward.' }),
    more: z.boolean().meta({ description: 'There is more: repeat the call.' }),
  })
  .meta({ id: 'WebhookRecovery' });

const deliveryState = z.enum(['pending', 'succeeded', 'failed', 'superseded']).meta({
  id: 'WebhookDeliveryState',
  description:
    '`pending`: owed, or on its way. `failed`: the schedule of attempts is over. `superseded`: a newer event took ' +
    'its place.',
});

const deliveryFields = {
  id: deliveryId,
  endpointId,
  messageId: z.string().meta({ description: '`evt_...`: the `webhook-id` of every attempt.' }),
  type: z.string().meta({ description: 'The event, or `endpoint.test`.' }),
  election: electionName.optional(),
  redelivery: z.int().meta({ description: 'How often somebody had asked for it again.' }),
  state: deliveryState,
  attemptCount: z.int(),
  lastStatus: z.int().optional().meta({ description: 'HTTP status of the last attempt that was answered.' }),
  nextAttemptAt: timestamp.optional().meta({ description: 'While pending; not before.' }),
  createdAt: timestamp,
  finishedAt: timestamp.optional(),
};

export const delivery = z
  .object(deliveryFields)
  .meta({ id: 'WebhookDelivery', description: 'One event to one endpoint.' });

export const deliveryPage = z
  .object({ data: z.array(delivery), nextCursor })
  .meta({ id: 'WebhookDeliveryPage' });

const attempt = z
  .object({
    number: z.int(),
    startedAt: timestamp,
    connectMs: z.int().optional().meta({ description: 'Until the connection stood.' }),
    durationMs: z.int(),
    status: z.int().optional().meta({ description: 'Of the answer, if one came.' }),
    error: z.string().optional().meta({ description: 'Why the attempt failed.' }),
    responseHeaders: z.record(z.string(), z.string()).optional(),
    responseBody: z.string().optional().meta({ description: 'The first 4 kB.' }),
  })
  .meta({ id: 'WebhookAttempt', description: 'One try of a delivery.' });

export const deliveryDetail = z
  .object({
    ...deliveryFields,
    payload: z
      .record(z.string(), z.unknown())
      .meta({ description: 'What is sent, without the fencing token.' }),
    attempts: z.array(attempt),
  })
  .meta({ id: 'WebhookDeliveryDetail', description: 'A delivery with every attempt at it.' });

export const deliveryQuery = page.extend({
  endpoint: endpointId.optional(),
  state: deliveryState.optional(),
  election: electionName.optional(),
  from: moment.optional().meta({ description: 'Made at or after. RFC 3339.' }),
  to: moment.optional().meta({ description: 'Made before. RFC 3339.' }),
});

import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { digits, electionName } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';

const exampleStream = `retry: 1000

event: snapshot
id: 0.13
data: {"election":"billing","state":"open","leader":{"candidate":"billing-7f9c-1"},"term":7,"fence":7,"sequence":13}

event: leadership.lost
id: 0.14
data: {"type":"leadership.lost","election":"billing","seat":0,"term":7,"fence":7,"sequence":14,"reason":"resigned"}

: heartbeat
`;

const resuming = z.strictObject({
  'last-event-id': z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, 'Must be the id of an event of this stream.')
    .optional()
    .meta({ description: 'The id of the last event that was seen.' }),
});

export const streamEvents = {
  id: 'streamEvents',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}/events',
  tag: 'Observing',
  summary: 'Every change of leadership, as server-sent events',
  description:
    'First one `snapshot` (of seat 0), then every event of every seat after it, in order: `leadership.acquired`, ' +
    '`leadership.lost`, `election.vacant`, `election.unstable`. Each has an `id`; a reader that comes back with it as `Last-Event-ID` goes on after it. ' +
    'If that place is more than 1 000 events back, or cannot be reached, a `gap` tells so, and the snapshot that ' +
    'follows is the whole truth. `closed` says that the election was deleted. A comment is sent every 15 s. A reader ' +
    'that falls 256 kB behind is cut off and may come back.',
  access: 'elections:read',
  params: z.strictObject({ name: electionName }),
  query: z.strictObject({
    afterSequence: digits({
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      description:
        'Go on after this `sequence`, for a reader that has no `Last-Event-ID`, which wins over it.',
    }).optional(),
  }),
  headers: resuming,
  answers: {
    200: {
      description: 'The stream.',
      mediaType: 'text/event-stream',
      schema: z.string().meta({ description: 'Server-sent events, see the WHATWG HTML standard.' }),
      examples: { stream: exampleStream },
    },
  },
  errors: ['election.not_found', 'limit.quota_exceeded', 'store.unavailable', 'store.overloaded'],
} as const satisfies OperationSpec;

const exampleOfAll = `retry: 1000

event: snapshot
data: {"elections":[{"election":"billing","state":"open","leader":{"candidate":"billing-7f9c-1"},"term":7,"fence":7,"sequence":13}],"complete":true}

event: leadership.lost
id: MC45MTQ2LmVsY18zZjJhLjE0
data: {"type":"leadership.lost","election":"billing","seat":0,"term":7,"fence":7,"sequence":14,"reason":"resigned"}

`;

export const streamTenantEvents = {
  id: 'streamTenantEvents',
  method: RequestMethod.GET,
  path: '/v1/events',
  tag: 'Observing',
  summary: 'Every change of leadership in every election, as server-sent events',
  description:
    "Elections outside the key's `electionPrefix` are left out. First `snapshot` events, at most 100 elections each, " +
    'the last of them `complete`; then every event of every election, those of one election in its order. The `id` of ' +
    'an event is opaque; a reader that comes back with it as `Last-Event-ID` goes on after it. If it has missed more ' +
    'than 1 000 events, or they cannot be read for the moment, a `gap` tells so, and the snapshot that follows is the ' +
    'whole truth. A comment is sent every 15 s. After `closed`, or when the connection ends, come back.',
  access: 'elections:read',
  headers: resuming,
  answers: {
    200: {
      description: 'The stream.',
      mediaType: 'text/event-stream',
      schema: z.string().meta({ description: 'Server-sent events, see the WHATWG HTML standard.' }),
      examples: { stream: exampleOfAll },
    },
  },
  errors: ['limit.quota_exceeded', 'store.unavailable', 'store.overloaded'],
} as const satisfies OperationSpec;

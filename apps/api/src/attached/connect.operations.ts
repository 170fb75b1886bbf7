import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import type { OperationSpec } from '../http/operation.js';
import { CONNECT_PATH } from '../http/upgrade.js';

/** The version of the protocol that is spoken on the socket. */
export const SUBPROTOCOL = 'incumbent.v1';

export const connect = {
  id: 'connect',
  method: RequestMethod.GET,
  path: CONNECT_PATH,
  tag: 'Standing',
  summary: 'Attach sessions to a socket',
  description:
    'Changes to a WebSocket that speaks `incumbent.v1`: the calls of participants and their answers as JSON frames, ' +
    'and news as they happen. Sessions that are opened on it may have a `ttlMs` from 200 ms on. The frames are ' +
    'described in `docs/attached-sessions.md` and `docs/attached-sessions.schema.json`. An open socket is no ' +
    'renewal: only the frames of the participant are.',
  access: 'elections:campaign',
  evenSuspended: true,
  renews: true,
  headers: z.strictObject({
    upgrade: z.string().optional().meta({ description: '`websocket`.' }),
    'sec-websocket-protocol': z
      .string()
      .optional()
      .meta({ description: `Has to offer \`${SUBPROTOCOL}\`.` }),
    'sec-websocket-version': z
      .literal('13', { error: 'Must be 13.' })
      .optional()
      .meta({ description: '`13`.' }),
    'sec-websocket-key': z
      .string()
      .regex(/^[+/0-9A-Za-z]{22}==$/, 'Must be 16 bytes in base64.')
      .optional()
      .meta({ description: '16 random bytes in base64; the library of the caller makes them.' }),
  }),
  answers: {
    101: {
      description: 'The connection speaks `incumbent.v1` from here on.',
      headers: { 'Sec-WebSocket-Protocol': `\`${SUBPROTOCOL}\`` },
    },
  },
  errors: ['request.upgrade_required', 'limit.quota_exceeded', 'store.unavailable'],
} as const satisfies OperationSpec;

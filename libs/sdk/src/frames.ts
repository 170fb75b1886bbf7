import type { Call } from './transport.js';

/** A call as a frame of `incumbent.v1`. */
export interface Frame {
  readonly op: 'open' | 'attach' | 'renew' | 'campaign' | 'resign' | 'step-down' | 'end';
  readonly fields: Readonly<Record<string, unknown>>;
}

const SESSION_CALLS: Readonly<Record<string, Frame['op']>> = {
  '/v1/sessions': 'open',
  '/v1/sessions/renew': 'renew',
  '/v1/sessions/end': 'end',
};

const ELECTION_CALL = /^\/v1\/elections\/([^/?]+)\/(campaign|renew|resign|step-down)$/;

/** The frame that stands for a call of a participant; undefined for every other call. */
export function frameOf({ method, path, body = {}, headers = {} }: Call): Frame | undefined {
  if (method !== 'POST') return undefined;
  const idempotencyKey = headers['idempotency-key'];
  const fields = { ...body, ...(idempotencyKey !== undefined && { idempotencyKey }) };
  const op = SESSION_CALLS[path];
  if (op !== undefined) return { op, fields };
  const [, election, verb] = ELECTION_CALL.exec(path) ?? [];
  // A step-down without a session is the wish of an operator, who has no socket.
  if (election === undefined || (verb === 'step-down' && !('session' in body))) return undefined;
  return { op: verb as Frame['op'], fields: { ...fields, election: decodeURIComponent(election) } };
}

import type { Answer, Caller } from '../caller.js';

/** A public address: nothing is resolved, and nothing is sent, for no worker runs. */
export const URL_OF_SINK = 'https://93.184.216.34/hooks';
export const ENDPOINTS = '/v1/webhook-endpoints';

export const wanted = (own: Record<string, unknown> = {}) => ({
  url: URL_OF_SINK,
  events: ['leadership.acquired', 'leadership.lost'],
  ...own,
});

export async function make(
  caller: Caller,
  own: Record<string, unknown> = {},
): Promise<Answer & { id: string }> {
  const made = await caller.post(ENDPOINTS, wanted(own));
  if (made.status !== 201) throw new Error(made.text);
  return { ...made, id: String(made.body['id']) };
}

export const outcome = ({ status, body }: Answer) => [status, body['code']];

export const JSON_TYPE = { 'content-type': 'application/json' };

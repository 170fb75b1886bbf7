import type { Caller } from '../caller.js';
import type { Route } from './routes.js';

/** Stands in everything that belongs to the owner; must never reach the intruder. */
export const CANARY = 'canary-7f3a91';

/** One thing of a kind: the owner's, and a name of the same shape that nobody has. */
export interface Subject {
  owned: string;
  absent: string;
}

/** Collections whose things have a path of their own. A route below none of them has no place in the test yet. */
export const COLLECTIONS = [
  '/v1/elections',
  '/v1/api-keys',
  '/v1/webhook-endpoints',
  '/v1/webhook-deliveries',
] as const;
export type Collection = (typeof COLLECTIONS)[number];

export function collectionOf({ path }: Route): Collection | undefined {
  return COLLECTIONS.find((collection) => path.startsWith(`${collection}/{`));
}

/** The same shape, another value. */
function otherId(id: string): string {
  const last = id.at(-1) === 'a' ? 'b' : 'a';
  return id.slice(0, -1) + last;
}

/** Makes one thing of every kind; each carries the canary wherever it can. */
export async function makeSubjects(owner: Caller): Promise<Record<Collection, Subject>> {
  const make = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const made = await owner.post(path, body);
    if (made.status > 202) throw new Error(`${path} answered ${made.status}: ${made.text}`);
    return made.body;
  };
  const election = await owner.election({ name: `${CANARY}-e`, description: CANARY, ttlMs: 60_000 });
  const key = String((await make('/v1/api-keys', { name: CANARY }))['id']);
  // Never sent to: no worker runs beside this service. An address, so that no resolver is asked.
  const url = 'https://93.184.215.14/canary-7f3a91';
  const hook = { url, events: ['leadership.acquired'], description: CANARY };
  const endpoint = String((await make('/v1/webhook-endpoints', hook))['id']);
  await make(`/v1/webhook-endpoints/${endpoint}/test`, {});
  const deliveries = (await owner.get('/v1/webhook-deliveries')).body['data'] as { id: string }[];
  const delivery = deliveries[0]?.id ?? '';
  if (delivery === '') throw new Error('There is no delivery of the test message');
  return {
    '/v1/elections': { owned: election, absent: `${CANARY}-x` },
    '/v1/api-keys': { owned: key, absent: otherId(key) },
    '/v1/webhook-endpoints': { owned: endpoint, absent: otherId(endpoint) },
    '/v1/webhook-deliveries': { owned: delivery, absent: otherId(delivery) },
  };
}

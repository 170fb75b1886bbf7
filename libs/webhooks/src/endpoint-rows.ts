import { type Act, type ActTarget, type Caused, type Clock, IncumbentError, newAct } from '#core';
import { type ActLog, type EntityManager, IsNull } from '#postgres';
import { type EndpointMode, type EndpointRow, WebhookEndpoints, WebhookSecrets } from './endpoint.entity.js';
import { isWithin } from './subscription.js';

/** Who looks: a tenant, or the part of it that an API key is bound to. Everything else looks absent (T1). */
export interface Viewer {
  tenantId: string;
  electionPrefix?: string | undefined;
}

/** What a person may say of an endpoint. */
export interface EndpointFields {
  url: string;
  description: string | null;
  events: string[];
  elections: string[];
  mode: EndpointMode;
  includeFencingToken: boolean;
  headers: Record<string, string>;
  signatureV1a: boolean;
  timeoutMs: number;
  unstableThreshold: number;
  status: 'active' | 'paused';
}

/** An endpoint as people may see it: without its secrets and the values of its headers. */
export type Endpoint = Omit<EndpointRow, 'headers' | 'tenantId' | 'throttledUntil'> & {
  headerNames: string[];
  /** `whpk_...` while signatures v1a are on. */
  publicKey?: string;
};

export function endpointDisabled(): IncumbentError {
  return new IncumbentError(
    'webhook_endpoint.disabled',
    'The endpoint was disabled because its deliveries failed. Mend it, then enable it: POST .../enable.',
    { executed: false },
  );
}

/**
 * The endpoint, if the viewer may know of it; locked until the transaction ends if asked.
 * @throws IncumbentError webhook_endpoint.not_found
 */
export async function findEndpoint(
  rows: EntityManager,
  { tenantId, electionPrefix }: Viewer,
  id: string,
  { lock = false } = {},
): Promise<EndpointRow> {
  const row = await rows.findOne(WebhookEndpoints, {
    where: { tenantId, id },
    ...(lock && { lock: { mode: 'pessimistic_write' } }),
  });
  if (row && row.status !== 'deleted' && isWithin(row, electionPrefix)) return row;
  throw new IncumbentError('webhook_endpoint.not_found', 'Check the id: there is no such webhook endpoint.');
}

/** @throws IncumbentError identity.scope_missing when the endpoint would hear of what its maker may not know */
export function requireInside(viewer: Viewer, wanted: Pick<EndpointFields, 'events' | 'elections'>): void {
  if (isWithin(wanted, viewer.electionPrefix)) return;
  throw new IncumbentError(
    'identity.scope_missing',
    `This API key is bound to elections whose name begins with ${viewer.electionPrefix}: name some of them in ` +
      '`elections`, and leave out events of the whole tenant.',
    { executed: false },
  );
}

/**
 * Values of headers are never shown again; without this, sending them to a receiver of one's own would show them.
 * @throws IncumbentError request.invalid_body when headers would go to another host than they were given for
 */
export function requireHeadersStay(row: EndpointRow, { url, headers }: Partial<EndpointFields>): void {
  if (url === undefined || headers !== undefined || Object.keys(row.headers).length === 0) return;
  if (new URL(url).origin === new URL(row.url).origin) return;
  const message = 'Name the headers anew, or none: those that are kept were given for the host before.';
  throw new IncumbentError('request.invalid_body', `/headers: ${message}`, {
    errors: [{ pointer: '/headers', code: 'missing', message }],
    executed: false,
  });
}

/** @throws IncumbentError request.precondition_failed */
export function requireVersion(row: EndpointRow, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch === String(row.version)) return;
  throw new IncumbentError(
    'request.precondition_failed',
    'The endpoint was changed meanwhile. Read it again and decide anew.',
    { executed: false },
  );
}

/** The current public key of each endpoint of the tenant that has one, by endpoint. */
export async function publicKeysOf(rows: EntityManager, tenantId: string): Promise<Map<string, string>> {
  const found = await rows.findBy(WebhookSecrets, { tenantId, kind: 'v1a', expiresAt: IsNull() });
  return new Map(found.flatMap((row) => (row.publicKey === null ? [] : [[row.endpointId, row.publicKey]])));
}

export async function publicKeyOf(rows: EntityManager, row: EndpointRow): Promise<string | undefined> {
  const { tenantId, id: endpointId } = row;
  const key = await rows.findOneBy(WebhookSecrets, {
    tenantId,
    endpointId,
    kind: 'v1a',
    expiresAt: IsNull(),
  });
  return key?.publicKey ?? undefined;
}

export function present(row: EndpointRow, publicKey: string | undefined): Endpoint {
  const { tenantId: _, headers, throttledUntil: _until, ...open } = row;
  return {
    ...open,
    headerNames: Object.keys(headers).sort(),
    ...(row.signatureV1a && publicKey !== undefined && { publicKey }),
  };
}

/** Named by its host alone: paths and queries of webhook URLs hold secrets often enough. */
export function targetOf(row: Pick<EndpointRow, 'id' | 'url'>): ActTarget {
  return { type: 'webhook_endpoint', id: row.id, name: new URL(row.url).host };
}

/** Puts on record what was done to the endpoint, in the transaction that does it. */
export async function record(
  { acts, clock }: { acts: ActLog; clock: Clock },
  rows: EntityManager,
  endpoint: Pick<EndpointRow, 'tenantId' | 'id' | 'url'>,
  done: Pick<Act, 'action' | 'metadata'> & { caused: Caused },
): Promise<void> {
  const { caused, ...rest } = done;
  const act = { tenantId: endpoint.tenantId, targets: [targetOf(endpoint)], ...rest };
  await acts.record(rows, [newAct(caused, act, clock)]);
}

/** What of these fields may go on record. */
export function recordable({ url, headers, ...plain }: Partial<EndpointFields>): Act['metadata'] {
  return {
    ...plain,
    ...(url !== undefined && { origin: new URL(url).origin }),
    ...(headers !== undefined && { headerNames: Object.keys(headers).sort() }),
  };
}

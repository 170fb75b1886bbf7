import { toTimestamp } from '#core';
import type { EventRecord, PublicCandidate } from '#election';

/** What an endpoint may subscribe to. */
export const EVENT_TYPES = [
  'leadership.acquired',
  'leadership.lost',
  'election.vacant',
  'election.unstable',
  'endpoint.disabled',
  'quota.exceeded',
] as const;
export type WebhookEventType = (typeof EVENT_TYPES)[number];

/** Of the tenant as a whole, not of one election. */
export const OPERATIONAL_TYPES: readonly string[] = ['endpoint.disabled', 'quota.exceeded'];

/** What `test` sends, whatever the endpoint subscribes to. */
export const TEST_TYPE = 'endpoint.test';

/** Body of a delivery, as Standard Webhooks has it. */
export interface MessagePayload {
  type: string;
  /** When it happened, RFC 3339. */
  timestamp: string;
  data: Record<string, unknown>;
}

/** Bytes of a body as JSON; a fencing token of a kilobyte comes on top. */
const MOST_BYTES = 4_096 - 1_024;

/** What is told of one change of leadership: enough to act without asking back, and its place in the order. */
export function payloadOf(event: EventRecord): MessagePayload {
  const told = { type: event.type, timestamp: event.occurredAt };
  const whole = { ...told, data: dataOf(event, true) };
  return sane(bytesOf(whole) <= MOST_BYTES ? whole : { ...told, data: dataOf(event, false) });
}

/** More changes of leader within an hour than the endpoint wants to bear; told beside the last of them. */
export function unstablePayloadOf(event: EventRecord, changes: number, threshold: number): MessagePayload {
  const { data } = payloadOf(event);
  return {
    type: 'election.unstable',
    timestamp: event.occurredAt,
    data: { ...data, changes, threshold, windowMs: 3_600_000 },
  };
}

/** What concerns the tenant and no election. */
export function operationalPayload(
  type: string,
  tenantId: string,
  details: Record<string, unknown>,
  wallTimeMs: number,
): MessagePayload {
  const occurredAt = toTimestamp(wallTimeMs);
  return sane({ type, timestamp: occurredAt, data: { tenant: tenantId, ...details, occurredAt } });
}

function dataOf(event: EventRecord, withMetadata: boolean): Record<string, unknown> {
  const { leader, previousLeader } = event;
  return {
    tenant: event.tenantId,
    election: event.election,
    seat: event.seat,
    epoch: event.epoch,
    sequence: event.sequence,
    term: event.term,
    fence: event.fence,
    leader: leader && showCandidate(leader, withMetadata),
    previousLeader: previousLeader && showCandidate(previousLeader, false),
    ...(event.reason !== undefined && { reason: event.reason }),
    ...(event.handOverId !== undefined && { handOverId: event.handOverId }),
    occurredAt: event.occurredAt,
  };
}

function showCandidate(candidate: PublicCandidate, withMetadata: boolean): Record<string, unknown> {
  const { name, candidateId, address, metadata } = candidate;
  return {
    candidate: name,
    candidateId,
    ...(address !== undefined && { address }),
    ...(withMetadata && metadata !== undefined && { metadata }),
  };
}

function bytesOf(payload: MessagePayload): number {
  return Buffer.byteLength(JSON.stringify(payload));
}

/**
 * The same without what jsonb refuses: NUL and lone surrogates, which a participant's metadata may hold. One such
 * character must not stop the record of every change after it.
 */
function sane<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, saneValue)) as T;
}

function saneValue(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return saneText(value);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [saneText(key), held]));
}

function saneText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

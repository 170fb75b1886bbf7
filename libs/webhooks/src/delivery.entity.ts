import { EntitySchema } from 'typeorm';
import type { MessagePayload } from './payload.js';

/** A row of `webhook_messages`: something to tell, once, whoever it is delivered to. */
export interface MessageRow {
  tenantId: string;
  /** `evt_...`; the `webhook-id` of every attempt and redelivery. */
  id: string;
  /** Empty for what concerns the tenant and no election. */
  electionId: string;
  election: string;
  epoch: number;
  sequence: number;
  type: string;
  /** The whole body but `data.fencingToken`, which belongs to the endpoint that asked for it. */
  payload: MessagePayload;
  occurredAt: Date;
  createdAt: Date;
}

/** Postgres answers bigint as text; sequences and places are below 2^53 by construction. */
const safeInteger = { to: (value: number): number => value, from: Number };
const messageKey = { primary: true, primaryKeyConstraintName: 'webhook_messages_pkey' };

export const WebhookMessages = new EntitySchema<MessageRow>({
  name: 'WebhookMessage',
  tableName: 'webhook_messages',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', ...messageKey },
    id: { type: 'text', collation: 'C', ...messageKey },
    electionId: { type: 'text', collation: 'C', name: 'election_id' },
    election: { type: 'text', collation: 'C' },
    epoch: { type: 'integer' },
    sequence: { type: 'bigint', transformer: safeInteger },
    type: { type: 'text' },
    payload: { type: 'jsonb' },
    occurredAt: { type: 'timestamptz', precision: 3, name: 'occurred_at' },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
  },
  indices: [
    {
      name: 'webhook_messages_type_idx',
      columns: ['tenantId', 'electionId', 'type', 'epoch', 'sequence'],
    },
    { name: 'webhook_messages_age_idx', columns: ['createdAt'] },
  ],
});

/**
 * superseded: a newer event took its place (mode latest). The check and an index of the table know `cancelled` too,
 * which nothing sets: what is owed to a disabled endpoint stays owed, what was owed to a deleted one is purged.
 */
export type DeliveryState = 'pending' | 'succeeded' | 'failed' | 'superseded';

/** A row of `webhook_deliveries`: one message to one endpoint. */
export interface DeliveryRow {
  tenantId: string;
  id: string;
  endpointId: string;
  messageId: string;
  /** 0 as the event happened; counts up each time somebody asks for it again. */
  redelivery: number;
  electionId: string;
  /** Order within the lane, see `placeOf`. A redelivery keeps the place of its message. Ties: by id. */
  place: number;
  state: DeliveryState;
  attempts: number;
  dueAt: Date;
  claimedBy: string | null;
  claimedUntil: Date | null;
  lastStatus: number | null;
  finishedAt: Date | null;
  createdAt: Date;
}

const deliveryKey = { primary: true, primaryKeyConstraintName: 'webhook_deliveries_pkey' };
const pending = "(state = 'pending'::text)";

export const WebhookDeliveries = new EntitySchema<DeliveryRow>({
  name: 'WebhookDelivery',
  tableName: 'webhook_deliveries',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', ...deliveryKey },
    id: { type: 'text', collation: 'C', ...deliveryKey },
    endpointId: { type: 'text', collation: 'C', name: 'endpoint_id' },
    messageId: { type: 'text', collation: 'C', name: 'message_id' },
    redelivery: { type: 'integer', default: 0 },
    electionId: { type: 'text', collation: 'C', name: 'election_id' },
    place: { type: 'bigint', transformer: safeInteger },
    state: { type: 'text', default: 'pending' },
    attempts: { type: 'integer', default: 0 },
    dueAt: { type: 'timestamptz', precision: 3, name: 'due_at' },
    claimedBy: { type: 'text', name: 'claimed_by', nullable: true },
    claimedUntil: { type: 'timestamptz', precision: 3, name: 'claimed_until', nullable: true },
    lastStatus: { type: 'integer', name: 'last_status', nullable: true },
    finishedAt: { type: 'timestamptz', precision: 3, name: 'finished_at', nullable: true },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
  },
  uniques: [
    {
      name: 'webhook_deliveries_once_key',
      columns: ['tenantId', 'endpointId', 'messageId', 'redelivery'],
    },
  ],
  indices: [
    {
      name: 'webhook_deliveries_lane_idx',
      columns: ['tenantId', 'endpointId', 'electionId', 'place', 'id'],
      where: pending,
    },
    { name: 'webhook_deliveries_endpoint_idx', columns: ['tenantId', 'endpointId', 'createdAt', 'id'] },
    {
      name: 'webhook_deliveries_lost_idx',
      columns: ['tenantId', 'endpointId', 'createdAt'],
      where: "(state = ANY (ARRAY['failed'::text, 'cancelled'::text]))",
    },
    { name: 'webhook_deliveries_created_idx', columns: ['tenantId', 'createdAt', 'id'] },
    { name: 'webhook_deliveries_message_idx', columns: ['tenantId', 'messageId'] },
  ],
  checks: [
    {
      name: 'webhook_deliveries_state_check',
      expression: "state IN ('pending', 'succeeded', 'failed', 'superseded', 'cancelled')",
    },
  ],
  foreignKeys: [
    {
      name: 'webhook_deliveries_endpoint_fkey',
      target: 'WebhookEndpoint',
      columnNames: ['tenantId', 'endpointId'],
      referencedColumnNames: ['tenantId', 'id'],
      onDelete: 'CASCADE',
    },
    {
      name: 'webhook_deliveries_message_fkey',
      target: 'WebhookMessage',
      columnNames: ['tenantId', 'messageId'],
      referencedColumnNames: ['tenantId', 'id'],
      onDelete: 'CASCADE',
    },
  ],
});

/** A row of `webhook_attempts`: one try of a delivery. */
export interface AttemptRow {
  tenantId: string;
  deliveryId: string;
  /** From 1. */
  number: number;
  startedAt: Date;
  /** Milliseconds until the connection stood; null if it never did. */
  connectMs: number | null;
  durationMs: number;
  /** Null if no answer came. */
  status: number | null;
  /** Why it failed, in words that may be shown to the tenant. */
  error: string | null;
  responseHeaders: Record<string, string> | null;
  /** The first 4 KB. */
  responseBody: string | null;
}

const attemptKey = { primary: true, primaryKeyConstraintName: 'webhook_attempts_pkey' };

export const WebhookAttempts = new EntitySchema<AttemptRow>({
  name: 'WebhookAttempt',
  tableName: 'webhook_attempts',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', ...attemptKey },
    deliveryId: { type: 'text', collation: 'C', name: 'delivery_id', ...attemptKey },
    number: { type: 'integer', ...attemptKey },
    startedAt: { type: 'timestamptz', precision: 3, name: 'started_at' },
    connectMs: { type: 'integer', name: 'connect_ms', nullable: true },
    durationMs: { type: 'integer', name: 'duration_ms' },
    status: { type: 'integer', nullable: true },
    error: { type: 'text', nullable: true },
    responseHeaders: { type: 'jsonb', name: 'response_headers', nullable: true },
    responseBody: { type: 'text', name: 'response_body', nullable: true },
  },
  foreignKeys: [
    {
      name: 'webhook_attempts_delivery_fkey',
      target: 'WebhookDelivery',
      columnNames: ['tenantId', 'deliveryId'],
      referencedColumnNames: ['tenantId', 'id'],
      onDelete: 'CASCADE',
    },
  ],
});

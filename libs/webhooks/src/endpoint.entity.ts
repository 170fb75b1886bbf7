import { EntitySchema } from 'typeorm';

/**
 * active: deliveries are made. paused: they are collected and wait. disabled: nothing is collected until it is
 * enabled again. deleted: looks absent; the row stays until what was owed to it has been purged.
 */
export type EndpointStatus = 'active' | 'paused' | 'disabled' | 'deleted';

/** all: every event is delivered. latest: an undelivered event gives way to a newer one of the same election. */
export type EndpointMode = 'all' | 'latest';

/** A row of `webhook_endpoints`. */
export interface EndpointRow {
  tenantId: string;
  id: string;
  url: string;
  description: string | null;
  events: string[];
  /** Names of elections, or prefixes that end in `*`; empty: all of them. */
  elections: string[];
  mode: EndpointMode;
  includeFencingToken: boolean;
  /** Name to sealed value, see EndpointSeal. */
  headers: Record<string, string>;
  signatureV1a: boolean;
  timeoutMs: number;
  /** `election.unstable` is told when more changes of leader than this happen within an hour. */
  unstableThreshold: number;
  status: EndpointStatus;
  disabledReason: string | null;
  disabledAt: Date | null;
  /** Of the failures since the last success. */
  firstFailureAt: Date | null;
  lastSuccessAt: Date | null;
  /** The endpoint asked to be left alone until then. */
  throttledUntil: Date | null;
  createdAt: Date;
  updatedAt: Date;
  /** Raised by every change that a person makes; the ETag. */
  version: number;
}

const primaryKeyConstraintName = 'webhook_endpoints_pkey';

export const WebhookEndpoints = new EntitySchema<EndpointRow>({
  name: 'WebhookEndpoint',
  tableName: 'webhook_endpoints',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', primary: true, primaryKeyConstraintName },
    id: { type: 'text', collation: 'C', primary: true, primaryKeyConstraintName },
    url: { type: 'text' },
    description: { type: 'text', nullable: true },
    events: { type: 'text', array: true },
    elections: { type: 'text', array: true },
    mode: { type: 'text', default: 'all' },
    includeFencingToken: { type: 'boolean', name: 'include_fencing_token', default: false },
    headers: { type: 'jsonb', default: {} },
    signatureV1a: { type: 'boolean', name: 'signature_v1a', default: false },
    timeoutMs: { type: 'integer', name: 'timeout_ms', default: 10_000 },
    unstableThreshold: { type: 'integer', name: 'unstable_threshold', default: 2 },
    status: { type: 'text', default: 'active' },
    disabledReason: { type: 'text', name: 'disabled_reason', nullable: true },
    disabledAt: { type: 'timestamptz', precision: 3, name: 'disabled_at', nullable: true },
    firstFailureAt: { type: 'timestamptz', precision: 3, name: 'first_failure_at', nullable: true },
    lastSuccessAt: { type: 'timestamptz', precision: 3, name: 'last_success_at', nullable: true },
    throttledUntil: { type: 'timestamptz', precision: 3, name: 'throttled_until', nullable: true },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
    updatedAt: { type: 'timestamptz', precision: 3, name: 'updated_at', default: () => 'now()' },
    version: { type: 'integer', default: 1 },
  },
  indices: [
    {
      name: 'webhook_endpoints_live_idx',
      columns: ['tenantId', 'createdAt', 'id'],
      where: "(status <> 'deleted'::text)",
    },
  ],
  checks: [
    { name: 'webhook_endpoints_mode_check', expression: "mode IN ('all', 'latest')" },
    {
      name: 'webhook_endpoints_status_check',
      expression: "status IN ('active', 'paused', 'disabled', 'deleted')",
    },
    { name: 'webhook_endpoints_timeout_check', expression: 'timeout_ms BETWEEN 5000 AND 30000' },
  ],
  foreignKeys: [
    {
      name: 'webhook_endpoints_tenant_fkey',
      target: 'Tenant',
      columnNames: ['tenantId'],
      referencedColumnNames: ['id'],
    },
  ],
});

/** v1: HMAC-SHA256 with a shared secret. v1a: Ed25519, verified with a public key. */
export type SecretKind = 'v1' | 'v1a';

/** A row of `webhook_secrets`: what an endpoint's deliveries are signed with. */
export interface SecretRow {
  tenantId: string;
  endpointId: string;
  id: string;
  /** See EndpointSeal; opened it is `whsec_...` for v1 and `whsk_...` for v1a. */
  sealedSecret: string;
  kind: SecretKind;
  /** `whpk_...`; of v1a alone. */
  publicKey: string | null;
  createdAt: Date;
  /** Null for the current one. After a rotation the older ones sign along until then. */
  expiresAt: Date | null;
}

const secretKey = { primary: true, primaryKeyConstraintName: 'webhook_secrets_pkey' };

export const WebhookSecrets = new EntitySchema<SecretRow>({
  name: 'WebhookSecret',
  tableName: 'webhook_secrets',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', ...secretKey },
    endpointId: { type: 'text', collation: 'C', name: 'endpoint_id', ...secretKey },
    id: { type: 'text', collation: 'C', ...secretKey },
    sealedSecret: { type: 'text', name: 'sealed_secret' },
    kind: { type: 'text' },
    publicKey: { type: 'text', name: 'public_key', nullable: true },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
    expiresAt: { type: 'timestamptz', precision: 3, name: 'expires_at', nullable: true },
  },
  indices: [
    {
      name: 'webhook_secrets_current_idx',
      columns: ['tenantId', 'endpointId', 'kind'],
      unique: true,
      where: '(expires_at IS NULL)',
    },
  ],
  checks: [{ name: 'webhook_secrets_kind_check', expression: "kind IN ('v1', 'v1a')" }],
  foreignKeys: [
    {
      name: 'webhook_secrets_endpoint_fkey',
      target: 'WebhookEndpoint',
      columnNames: ['tenantId', 'endpointId'],
      referencedColumnNames: ['tenantId', 'id'],
      onDelete: 'CASCADE',
    },
  ],
});

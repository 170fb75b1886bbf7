/**
 * Every table with rows of tenants, whichever library owns it: what an export shows of it, and whether it goes when
 * the tenant is purged. A test compares this list with the database, so that no table is forgotten.
 */
export interface TenantTable {
  table: string;
  /** The rest of the primary key after tenant_id, by which rows are paged. */
  key: readonly string[];
  /** Under which name its rows are exported; absent: they hold nothing for the tenant. */
  exportedAs?: string;
  /** Columns that are exported: never a hash, a secret or a header, which may hold one. */
  columns?: readonly string[];
  /** Rows leave by the rule of the audit log alone. */
  staysForAudit?: true;
}

/** In an order in which rows may go: no row is referred to by one of a later table. */
export const TENANT_TABLES: readonly TenantTable[] = [
  {
    table: 'webhook_attempts',
    key: ['delivery_id', 'number'],
    exportedAs: 'webhook_attempt',
    columns: [
      ...['delivery_id', 'number', 'started_at', 'connect_ms', 'duration_ms', 'status', 'error'],
      'response_body',
    ],
  },
  {
    table: 'webhook_deliveries',
    key: ['id'],
    exportedAs: 'webhook_delivery',
    columns: [
      ...['id', 'endpoint_id', 'message_id', 'redelivery', 'election_id', 'state', 'attempts', 'last_status'],
      ...['created_at', 'finished_at'],
    ],
  },
  {
    table: 'webhook_messages',
    key: ['id'],
    exportedAs: 'webhook_message',
    columns: ['id', 'election_id', 'election', 'epoch', 'sequence', 'type', 'payload', 'occurred_at'],
  },
  {
    table: 'webhook_secrets',
    key: ['endpoint_id', 'id'],
    exportedAs: 'webhook_secret',
    columns: ['endpoint_id', 'id', 'kind', 'public_key', 'created_at', 'expires_at'],
  },
  {
    table: 'webhook_endpoints',
    key: ['id'],
    exportedAs: 'webhook_endpoint',
    columns: [
      ...[
        'id',
        'url',
        'description',
        'events',
        'elections',
        'mode',
        'include_fencing_token',
        'signature_v1a',
      ],
      ...['timeout_ms', 'unstable_threshold', 'status', 'disabled_reason', 'disabled_at', 'created_at'],
      'updated_at',
    ],
  },
  {
    table: 'leadership_terms',
    key: ['election_id', 'seat', 'epoch', 'term'],
    exportedAs: 'term',
    columns: [
      ...[
        'election_id',
        'name',
        'seat',
        'epoch',
        'term',
        'fence',
        'leader',
        'started_at',
        'ended_at',
        'reason',
      ],
      ...['caused_by', 'vacancy_ms', 'reconstructed', 'missing_before'],
    ],
  },
  {
    table: 'leadership_events',
    key: ['election_id', 'epoch', 'sequence'],
    exportedAs: 'event',
    columns: [
      ...['election_id', 'election', 'epoch', 'sequence', 'id', 'type', 'seat', 'term', 'fence', 'leader'],
      ...['previous_leader', 'reason', 'caused_by', 'occurred_at', 'missing_before'],
    ],
  },
  { table: 'history_progress', key: ['election_id'] },
  {
    table: 'fencing_tokens',
    key: ['jti'],
    exportedAs: 'fencing_token',
    columns: [
      ...['jti', 'election', 'seat', 'epoch', 'term', 'fence', 'candidate', 'kid', 'issued_at', 'expires_at'],
    ],
  },
  { table: 'idempotent_requests', key: ['operation', 'key'] },
  {
    table: 'api_keys',
    key: ['id'],
    exportedAs: 'api_key',
    columns: [
      ...['id', 'name', 'scopes', 'election_prefix', 'requests_per_second', 'expires_at', 'created_at'],
      'revoked_at',
    ],
  },
  {
    table: 'elections',
    key: ['id'],
    exportedAs: 'election',
    columns: ['id', 'name', 'settings', 'created_at', 'updated_at'],
  },
  {
    table: 'audit_events',
    key: ['sequence'],
    exportedAs: 'audit_event',
    columns: ['sequence', 'id', 'canonical', 'previous_hash', 'hash', 'recorded_at'],
    staysForAudit: true,
  },
  {
    table: 'audit_cuts',
    key: ['sequence'],
    exportedAs: 'audit_cut',
    columns: ['sequence', 'hash', 'cut_at'],
    staysForAudit: true,
  },
  {
    table: 'audit_checkpoints',
    key: ['sequence'],
    exportedAs: 'audit_checkpoint',
    columns: ['sequence', 'token', 'created_at'],
    staysForAudit: true,
  },
  { table: 'audit_chains', key: [], staysForAudit: true },
];

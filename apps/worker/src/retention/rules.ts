import type { RemovalRule } from '#postgres';

/** Rows that leave by age. In `where` $1 is the age in days, $2 the tenant. */
export interface AgeRule extends RemovalRule {
  job: string;
  days: number;
  /** The table's indexes begin with the tenant: the rule goes tenant by tenant. */
  perTenant: boolean;
}

/** The settings that say how long what is kept. */
export interface RetentionDays {
  HISTORY_RETENTION_DAYS: number;
  WEBHOOK_RETENTION_DAYS: number;
  TOKEN_LEDGER_RETENTION_DAYS: number;
}

const OLD = "now() - $1 * interval '1 day'";

/** In the order in which they run: what refers goes before what is referred to. */
export function ageRules(days: RetentionDays): AgeRule[] {
  return [...historyRules(days.HISTORY_RETENTION_DAYS), ...webhookRules(days.WEBHOOK_RETENTION_DAYS)].concat({
    job: 'token-ledger',
    table: 'fencing_tokens',
    where: `expires_at < ${OLD}`,
    days: days.TOKEN_LEDGER_RETENTION_DAYS,
    perTenant: false,
  });
}

/** The last term of each seat stays however old it is: the next one counts on from it, and people ask for it. */
function historyRules(days: number): AgeRule[] {
  return [
    {
      job: 'history',
      table: 'leadership_terms',
      where: `tenant_id = $2 AND ended_at < ${OLD} AND EXISTS (
        SELECT FROM leadership_terms AS later
         WHERE later.tenant_id = leadership_terms.tenant_id AND later.election_id = leadership_terms.election_id
           AND later.seat = leadership_terms.seat
           AND (later.epoch, later.term) > (leadership_terms.epoch, leadership_terms.term))`,
      days,
      perTenant: true,
    },
    {
      job: 'history',
      table: 'leadership_events',
      where: `tenant_id = $2 AND occurred_at < ${OLD}`,
      days,
      perTenant: true,
    },
  ];
}

/** What is still owed stays however old it is, unless its endpoint was deleted. Attempts go with their delivery. */
function webhookRules(days: number): AgeRule[] {
  return [
    {
      job: 'webhook-deliveries',
      table: 'webhook_deliveries',
      where: `tenant_id = $2 AND created_at < ${OLD} AND (
        state <> 'pending' AND coalesce(finished_at, created_at) < ${OLD}
        OR EXISTS (SELECT FROM webhook_endpoints AS endpoint
          WHERE endpoint.tenant_id = $2 AND endpoint.id = endpoint_id AND endpoint.status = 'deleted'))`,
      days,
      perTenant: true,
    },
    {
      job: 'webhook-messages',
      table: 'webhook_messages',
      where: `created_at < ${OLD} AND NOT EXISTS (
        SELECT FROM webhook_deliveries AS owed
         WHERE owed.tenant_id = webhook_messages.tenant_id AND owed.message_id = webhook_messages.id)`,
      days,
      perTenant: false,
    },
    {
      job: 'webhook-endpoints',
      table: 'webhook_endpoints',
      where: `status = 'deleted' AND updated_at < ${OLD} AND NOT EXISTS (
        SELECT FROM webhook_deliveries AS owed
         WHERE owed.tenant_id = webhook_endpoints.tenant_id AND owed.endpoint_id = webhook_endpoints.id)`,
      days,
      perTenant: false,
    },
    // Rotated out a day ago at least: nothing is signed with it any more.
    {
      job: 'webhook-secrets',
      table: 'webhook_secrets',
      where: `expires_at < ${OLD}`,
      days: 1,
      perTenant: false,
    },
  ];
}

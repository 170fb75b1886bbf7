import type { EntityManager } from '#postgres';
import type { MessageRow } from '../delivery.entity.js';
import type { EndpointRow, SecretRow } from '../endpoint.entity.js';

/** A delivery that this process may send, with everything that takes. */
export interface ClaimedDelivery {
  tenantId: string;
  id: string;
  /** Attempts made before. */
  attempts: number;
  endpoint: Pick<
    EndpointRow,
    'tenantId' | 'id' | 'url' | 'mode' | 'headers' | 'timeoutMs' | 'includeFencingToken' | 'signatureV1a'
  >;
  /** Whether its endpoint counts as failing. */
  failing: boolean;
  message: Pick<MessageRow, 'id' | 'electionId' | 'type' | 'payload'>;
  /** Every secret that has not expired, newest first. */
  secrets: Pick<SecretRow, 'tenantId' | 'endpointId' | 'id' | 'kind' | 'sealedSecret'>[];
  /** On this process's monotonic clock: not later than when Postgres made the claim. */
  claimedMs: number;
}

const LOAD = `
  SELECT d.tenant_id AS "tenantId", d.id, d.attempts,
         json_build_object(
           'tenantId', e.tenant_id, 'id', e.id, 'url', e.url, 'mode', e.mode, 'headers', e.headers, 'timeoutMs', e.timeout_ms,
           'includeFencingToken', e.include_fencing_token, 'signatureV1a', e.signature_v1a) AS endpoint,
         json_build_object(
           'id', m.id, 'electionId', m.election_id, 'type', m.type, 'payload', m.payload) AS message,
         COALESCE((
           SELECT json_agg(json_build_object(
                    'tenantId', s.tenant_id, 'endpointId', s.endpoint_id, 'id', s.id, 'kind', s.kind,
                    'sealedSecret', s.sealed_secret) ORDER BY s.created_at DESC)
             FROM webhook_secrets s
            WHERE s.tenant_id = e.tenant_id AND s.endpoint_id = e.id
              AND (s.expires_at IS NULL OR s.expires_at > now())), '[]') AS secrets
    FROM jsonb_to_recordset($1::jsonb) AS claimed(tenant_id text, id text)
    JOIN webhook_deliveries d USING (tenant_id, id)
    JOIN webhook_endpoints e ON e.tenant_id = d.tenant_id AND e.id = d.endpoint_id AND e.status = 'active'
    JOIN webhook_messages m ON m.tenant_id = d.tenant_id AND m.id = d.message_id`;

/**
 * What was claimed, ready to be sent. Not what belongs to an endpoint that was deleted, paused or disabled since: a
 * deleted one has no secret left to sign with. Such claims lapse.
 */
export async function loadClaimed(
  rows: EntityManager,
  claimed: readonly { tenantId: string; id: string; failing: boolean }[],
  claimedMs: number,
): Promise<ClaimedDelivery[]> {
  if (claimed.length === 0) return [];
  const failing = new Map(claimed.map((one) => [one.id, one.failing]));
  const ids = claimed.map(({ tenantId, id }) => ({ tenant_id: tenantId, id }));
  const loaded = await rows.query<Omit<ClaimedDelivery, 'failing' | 'claimedMs'>[]>(LOAD, [
    JSON.stringify(ids),
  ]);
  return loaded.map((one) => ({ ...one, failing: failing.get(one.id) ?? false, claimedMs }));
}

import type { EntityManager } from '#postgres';
import { ofElectionSql } from './subscription.js';

/**
 * Makes deliveries due now that wait for a later attempt, and answers their ids: whoever has mended a receiver need not
 * wait out a schedule made for a broken one. What is in flight, or due already, is left alone. Their attempts go on
 * being counted. Only heads of lanes ever wait so, hence a handful of rows for each election.
 * @param which of this message; or of those since then, of elections with this prefix
 */
export async function hasten(
  rows: EntityManager,
  endpoint: { tenantId: string; endpointId: string },
  which: { messageId: string } | { since: Date; within: string | undefined },
): Promise<string[]> {
  const { messageId, since, within } = { messageId: null, since: null, within: null, ...which };
  const hastened = await rows.query<{ id: string }[]>(
    `WITH hastened AS (
       UPDATE webhook_deliveries waiting SET due_at = now()
        WHERE tenant_id = $1 AND endpoint_id = $2 AND state = 'pending' AND attempts > 0 AND due_at > now()
          AND (claimed_until IS NULL OR claimed_until <= now())
          AND ($3::text IS NULL OR message_id = $3)
          AND ($4::timestamptz IS NULL OR created_at >= $4)
          AND ($5::text IS NULL OR EXISTS (
            SELECT FROM webhook_messages message
             WHERE message.tenant_id = waiting.tenant_id AND message.id = waiting.message_id
               AND ${ofElectionSql('$5')}))
       RETURNING id)
     SELECT id FROM hastened`,
    [endpoint.tenantId, endpoint.endpointId, messageId, since, within],
  );
  return hastened.map(({ id }) => id);
}

/**
 * The statements by which workers share out what is due. They go by the index over pending deliveries, from one lane
 * to the next: their cost follows the number of lanes that are owed something, not how much is owed to each. A dead
 * endpoint with a million deliveries behind one head costs as much as one with a single delivery.
 */

/** Endpoints that are owed something, of every tenant. */
const OWED_BY_ALL = `
  owed AS (
    (SELECT tenant_id, endpoint_id FROM webhook_deliveries
      WHERE state = 'pending' ORDER BY tenant_id, endpoint_id LIMIT 1)
    UNION ALL
    SELECT next.* FROM owed CROSS JOIN LATERAL (
      SELECT d.tenant_id, d.endpoint_id FROM webhook_deliveries d
       WHERE d.state = 'pending' AND (d.tenant_id, d.endpoint_id) > (owed.tenant_id, owed.endpoint_id)
       ORDER BY d.tenant_id, d.endpoint_id LIMIT 1) next)`;

/** The endpoints that are given. */
const OWED_BY_SOME = `
  owed AS (
    SELECT DISTINCT tenant_id, endpoint_id
      FROM jsonb_to_recordset($1::jsonb) AS given(tenant_id text, endpoint_id text))`;

/** A claim that nobody holds, or that lapsed: its worker died, froze, or lost Postgres. */
const FREE = '(d.claimed_until IS NULL OR d.claimed_until <= now())';

/**
 * Endpoints that may be called now. One that fails, or has just been enabled again, belongs to the failing: it
 * shares a part of the slots with its like, so that receivers that time out cannot take those of receivers that
 * answer. After a minute without a success it gets one delivery at a time: a probe.
 */
const READY = `
  ready AS (
    SELECT owed.*, e.timeout_ms, e.first_failure_at IS NOT NULL OR e.disabled_at IS NOT NULL AS failing,
           CASE WHEN e.disabled_at IS NOT NULL OR e.first_failure_at < now() - interval '1 minute' THEN 1
                ELSE $3::int END AS cap
      FROM owed JOIN webhook_endpoints e ON e.tenant_id = owed.tenant_id AND e.id = owed.endpoint_id
     WHERE e.status = 'active' AND (e.throttled_until IS NULL OR e.throttled_until <= now()))`;

/** The first pending delivery of each lane of the endpoints in `of`. */
const headsOf = (of: 'ready' | 'wanting'): string => `
  heads AS (
    SELECT ${of}.*, lane.* FROM ${of} CROSS JOIN LATERAL (
      WITH RECURSIVE lane AS (
        (SELECT d.election_id, d.id, d.due_at, d.claimed_until, d.redelivery FROM webhook_deliveries d
          WHERE d.tenant_id = ${of}.tenant_id AND d.endpoint_id = ${of}.endpoint_id AND d.state = 'pending'
          ORDER BY d.election_id, d.place, d.id LIMIT 1)
        UNION ALL
        SELECT next.* FROM lane CROSS JOIN LATERAL (
          SELECT d.election_id, d.id, d.due_at, d.claimed_until, d.redelivery FROM webhook_deliveries d
           WHERE d.tenant_id = ${of}.tenant_id AND d.endpoint_id = ${of}.endpoint_id AND d.state = 'pending'
             AND d.election_id > lane.election_id
           ORDER BY d.election_id, d.place, d.id LIMIT 1) next)
      SELECT * FROM lane) lane)`;

/**
 * Those that may be sent, ranked: first within the endpoint, then within the tenant, where endpoints take turns.
 * What is in flight already counts as if it stood in front. A redelivery may have slipped in before a delivery that
 * is in flight; it waits for that one.
 */
const RANKED = `
  busy AS (
    SELECT tenant_id, endpoint_id, count(*) AS claimed FROM heads
     WHERE claimed_until > now() GROUP BY tenant_id, endpoint_id),
  by_endpoint AS (
    SELECT d.*, COALESCE(busy.claimed, 0)
             + row_number() OVER (PARTITION BY d.tenant_id, d.endpoint_id ORDER BY d.due_at, d.id) AS endpoint_rank
      FROM heads d LEFT JOIN busy USING (tenant_id, endpoint_id)
     WHERE d.due_at <= now() AND ${FREE}
       AND (d.redelivery = 0 OR NOT EXISTS (
         SELECT FROM webhook_deliveries other
          WHERE other.tenant_id = d.tenant_id AND other.endpoint_id = d.endpoint_id
            AND other.election_id = d.election_id AND other.state = 'pending' AND other.claimed_until > now()))),
  by_tenant AS (
    SELECT d.*, COALESCE(mine.flights, 0)
             + row_number() OVER (PARTITION BY d.tenant_id ORDER BY d.endpoint_rank, d.due_at, d.id) AS tenant_rank
      FROM by_endpoint d
      LEFT JOIN jsonb_to_recordset($2::jsonb) AS mine(tenant_id text, flights int) USING (tenant_id)
     WHERE d.endpoint_rank <= d.cap),
  by_health AS (
    SELECT by_tenant.*,
           row_number() OVER (PARTITION BY failing ORDER BY tenant_rank, due_at, id) AS health_rank
      FROM by_tenant WHERE tenant_rank <= $4::int)`;

/**
 * Locks and claims. What another worker is claiming at this moment is skipped; what it has claimed since this
 * statement began is seen, because a locked row is judged again as it is now.
 */
const CLAIM = `
  locked AS (
    SELECT d.tenant_id, d.id, by_health.timeout_ms, by_health.failing
      FROM by_health JOIN webhook_deliveries d ON d.tenant_id = by_health.tenant_id AND d.id = by_health.id
     WHERE (NOT by_health.failing OR by_health.health_rank <= $5::int)
       AND d.state = 'pending' AND d.due_at <= now() AND ${FREE}
     ORDER BY by_health.tenant_rank, by_health.due_at LIMIT $6::int
       FOR UPDATE OF d SKIP LOCKED)
  UPDATE webhook_deliveries d
     SET claimed_by = $7, claimed_until = now() + (locked.timeout_ms + $8::int) * interval '1 millisecond'
    FROM locked WHERE d.tenant_id = locked.tenant_id AND d.id = locked.id
  RETURNING d.tenant_id AS "tenantId", d.id, locked.failing`;

/**
 * $1 endpoints, as JSON, or null for all · $2 flights per tenant, as JSON · $3 most per endpoint · $4 most per tenant ·
 * $5 slots for failing endpoints · $6 slots · $7 claimed by · $8 how much longer than its timeout a claim lasts, in ms
 */
export const claimStatement = (all: boolean): string => {
  const owed = all ? `${OWED_BY_ALL}, unused AS (SELECT $1::jsonb)` : OWED_BY_SOME;
  return `WITH RECURSIVE ${[owed, READY, headsOf('ready'), RANKED, CLAIM].join(',')}`;
};

/** The endpoints that want the latest only. */
const WANTING = `
  wanting AS (
    SELECT owed.* FROM owed JOIN webhook_endpoints e ON e.tenant_id = owed.tenant_id AND e.id = owed.endpoint_id
     WHERE e.mode = 'latest' AND e.status = 'active')`;

/** Deliveries of the lane of `heads` that tell who leads; $2 their types. What somebody asked for again is none. */
const tellingOf = (order: 'ASC' | 'DESC', limit: number): string => `
  SELECT d.id, d.place, d.claimed_until, m.payload #> '{data,seat}' AS seat
    FROM (SELECT * FROM webhook_deliveries pending
           WHERE pending.tenant_id = heads.tenant_id AND pending.endpoint_id = heads.endpoint_id
             AND pending.election_id = heads.election_id AND pending.state = 'pending' AND pending.redelivery = 0
           ORDER BY pending.place ${order}, pending.id ${order} LIMIT ${limit}) d
    JOIN webhook_messages m ON m.tenant_id = d.tenant_id AND m.id = d.message_id AND m.type = ANY($2)`;

/** Of a lane: how many of its newest deliveries are asked for what they tell, and how many of its oldest leave. */
const NEWEST_IN_LANE = 100;
const OLDEST_IN_LANE = 500;
/** Of all lanes together. */
const MOST_AT_ONCE = 2_000;

/** Of the `oldest` of each lane those that a newer one has overtaken. Materialized: once for each lane, not each row. */
const staleOf = (oldest: number): string => `
  SELECT heads.tenant_id, stale.id FROM heads CROSS JOIN LATERAL (
    WITH old AS MATERIALIZED (${tellingOf('ASC', oldest)}),
         new AS MATERIALIZED (${tellingOf('DESC', NEWEST_IN_LANE)}),
         newest AS MATERIALIZED (SELECT seat, max(place) AS place FROM new GROUP BY seat)
    SELECT old.id, old.claimed_until FROM old
      JOIN newest ON newest.seat = old.seat AND newest.place > old.place) stale`;

/**
 * Takes out what a newer event has overtaken, where the endpoint wants the latest only. Only events that tell who
 * leads overtake each other, seat by seat; what is in flight, and what somebody asked for again, stays. Deliveries
 * that the caller has claimed and not begun count as waiting, and are sure to be judged.
 *
 * An endpoint that was paused for long has a mountain to leave behind. It goes step by step: everybody's deliveries
 * wait for this statement.
 * $1 endpoints, as JSON, or null for all · $2 types of events that tell who leads · $3 deliveries not begun yet
 */
export const supersedeStatement = (all: boolean): string => {
  const owed = all ? `${OWED_BY_ALL}, unused AS (SELECT $1::jsonb)` : OWED_BY_SOME;
  return `WITH RECURSIVE ${owed}, ${WANTING}, ${headsOf('wanting')},
  stale AS (
    (${staleOf(1)} WHERE heads.id = ANY($3))
    UNION
    (${staleOf(OLDEST_IN_LANE)} WHERE stale.claimed_until IS NULL OR stale.claimed_until <= now() LIMIT ${MOST_AT_ONCE})),
  overtaken AS (
    SELECT d.tenant_id, d.id FROM stale
      JOIN webhook_deliveries d ON d.tenant_id = stale.tenant_id AND d.id = stale.id
     WHERE d.state = 'pending' AND (${FREE} OR d.id = ANY($3))
       FOR UPDATE OF d SKIP LOCKED)
  UPDATE webhook_deliveries d
     SET state = 'superseded', finished_at = now(), claimed_by = NULL, claimed_until = NULL
    FROM overtaken WHERE d.tenant_id = overtaken.tenant_id AND d.id = overtaken.id
  RETURNING d.id`;
};

/** What is owed to active endpoints. What paused and disabled ones have gathered is stepped over unread. */
export const BACKLOG = `
  WITH RECURSIVE ${OWED_BY_ALL}
  SELECT COALESCE(sum(waiting.pending), 0)::int AS pending,
         COALESCE(extract(epoch FROM now() - min(waiting.oldest_at)) * 1000, 0)::float8 AS "oldestMs"
    FROM owed JOIN webhook_endpoints e ON e.tenant_id = owed.tenant_id AND e.id = owed.endpoint_id
   CROSS JOIN LATERAL (
     SELECT count(*) AS pending, min(own.created_at) AS oldest_at
       FROM (SELECT d.created_at FROM webhook_deliveries d
              WHERE d.tenant_id = owed.tenant_id AND d.endpoint_id = owed.endpoint_id AND d.state = 'pending'
              LIMIT 100000) own) waiting
   WHERE e.status = 'active'`;

import { type Act, type Clock, newAct } from '#core';
import type { ActLog, Database, EntityManager } from '#postgres';
import { targetOf } from '../endpoint-rows.js';
import { OperationalMessages } from '../operational-messages.js';
import type { EndpointRef } from '../outbox.js';
import type { ClaimedDelivery } from './claimed-delivery.js';
import type { Answer } from './guarded-agent.js';
import { afterFailure, isDead, isSuccess, type Verdict } from './schedule.js';

/** Why an endpoint was disabled, as its owner reads it. */
const GONE = 'The endpoint answered 410 Gone.';
const DEAD = 'No delivery succeeded for 5 days.';

/** After it was enabled again and failed again: until the next probe. */
const COOL_DOWN_MS = 5 * 60_000;
/** How stale the time of the last success may be: an endpoint that works is not rewritten with every delivery. */
const SUCCESS_RESOLUTION = "interval '1 minute'";

/** `lost`: the claim had lapsed, somebody else has the delivery now, and nothing was written down. */
export type Ended = 'succeeded' | 'retrying' | 'failed' | 'lost';

export interface Recorded {
  ended: Ended;
  /** Whether the endpoint was disabled by this attempt. */
  disabled: boolean;
  /** Endpoints that are owed something new. */
  wake: EndpointRef[];
}

export interface Attempt {
  startedAt: Date;
  answer: Answer;
}

interface OutcomeParts {
  database: Database;
  acts: ActLog;
  clock: Clock;
  random: () => number;
}

/**
 * Writes down what came of attempts: the attempt, the delivery, the health of the endpoint, all in one transaction,
 * and only while this worker's claim stands. An attempt whose outcome could not be written is made again.
 */
export class Outcomes {
  private readonly messages: OperationalMessages;

  constructor(
    private readonly parts: OutcomeParts,
    private readonly workerId: string,
  ) {
    this.messages = new OperationalMessages(parts.clock);
  }

  /** @throws IncumbentError database.unavailable */
  async record(delivery: ClaimedDelivery, attempt: Attempt): Promise<Recorded> {
    return isSuccess(attempt.answer.status)
      ? this.recordSuccess(delivery, attempt)
      : this.recordFailure(delivery, attempt);
  }

  /** One statement: there is one for every delivery. */
  private async recordSuccess(delivery: ClaimedDelivery, attempt: Attempt): Promise<Recorded> {
    const [moved] = await this.parts.database.run((rows) =>
      rows.query<{ count: number }[]>(
        `WITH moved AS (${MOVE}), noted AS (${NOTE}),
         healthy AS (
           UPDATE webhook_endpoints
              SET last_success_at = now(), first_failure_at = NULL, throttled_until = NULL,
                  disabled_at = CASE WHEN status = 'active' THEN NULL ELSE disabled_at END
            WHERE tenant_id = $1 AND id = $14 AND EXISTS (SELECT FROM moved)
              AND (first_failure_at IS NOT NULL OR last_success_at IS NULL OR throttled_until IS NOT NULL
                   OR (disabled_at IS NOT NULL AND status = 'active')
                   OR last_success_at < now() - ${SUCCESS_RESOLUTION}))
         SELECT count(*)::int AS count FROM moved`,
        [...this.valuesOf(delivery, attempt, { gone: false }, 'succeeded'), delivery.endpoint.id],
      ),
    );
    return { ended: moved?.count === 1 ? 'succeeded' : 'lost', disabled: false, wake: [] };
  }

  private async recordFailure(delivery: ClaimedDelivery, attempt: Attempt): Promise<Recorded> {
    const { answer } = attempt;
    const verdict = afterFailure(
      {
        status: answer.status,
        retryAfter: answer.status === null ? undefined : answer.headers['retry-after'],
      },
      delivery.attempts + 1,
      this.parts.random(),
      this.parts.clock.wallTimeMs(),
    );
    const ended = verdict.retryInMs === undefined ? 'failed' : 'retrying';
    return this.parts.database.transaction(async (rows) => {
      const values = this.valuesOf(delivery, attempt, verdict, ended);
      const [moved] = await rows.query<{ count: number }[]>(
        `WITH moved AS (${MOVE}), noted AS (${NOTE}) SELECT count(*)::int AS count FROM moved`,
        values,
      );
      if (moved?.count !== 1) return { ended: 'lost', disabled: false, wake: [] };
      const reason = await markFailed(rows, delivery, verdict);
      const wake = reason === undefined ? undefined : await this.disable(rows, delivery, reason);
      return { ended, disabled: wake !== undefined, wake: wake ?? [] };
    });
  }

  /**
   * Stops the endpoint and tells everybody who has to know: the tenant's other endpoints that subscribe to it, and
   * the record of acts. Undefined if it was not active any more.
   */
  private async disable(
    rows: EntityManager,
    { tenantId, endpoint }: ClaimedDelivery,
    reason: string,
  ): Promise<EndpointRef[] | undefined> {
    const [changed] = await rows.query<[{ disabledAt: Date }[], number]>(
      `UPDATE webhook_endpoints SET status = 'disabled', disabled_reason = $3, disabled_at = now(), updated_at = now()
        WHERE tenant_id = $1 AND id = $2 AND status = 'active' RETURNING disabled_at AS "disabledAt"`,
      [tenantId, endpoint.id, reason],
    );
    const [row] = changed;
    if (!row) return undefined;
    const target = targetOf(endpoint);
    const disabledAt = row.disabledAt.toISOString();
    const wake = await this.messages.tell(rows, {
      tenantId,
      type: 'endpoint.disabled',
      key: `${endpoint.id} ${disabledAt}`,
      details: { endpoint: endpoint.id, host: target.name, reason, disabledAt },
    });
    const caused = { actor: { type: 'system', id: 'webhooks' } as const, context: {} };
    const act: Pick<Act, 'tenantId' | 'action' | 'targets' | 'metadata'> = {
      tenantId,
      action: 'webhook_endpoint.disabled',
      targets: [target],
      metadata: { reason },
    };
    await this.parts.acts.record(rows, [newAct(caused, act, this.parts.clock)]);
    return wake;
  }

  private valuesOf(delivery: ClaimedDelivery, attempt: Attempt, verdict: Verdict, ended: Ended): unknown[] {
    const { answer, startedAt } = attempt;
    return [
      ...[delivery.tenantId, delivery.id, this.workerId, delivery.attempts],
      ...[ended === 'retrying' ? 'pending' : ended, verdict.retryInMs ?? null, answer.status],
      ...[startedAt, answer.connectMs, answer.durationMs, answer.error ?? failureWords(answer.status)],
      answer.status === null ? null : JSON.stringify(answer.headers),
      answer.status === null ? null : answer.body,
    ];
  }
}

/** Of an answer that is not 2xx, where it needs a word. */
function failureWords(status: number | null): string | null {
  return status !== null && status >= 300 && status < 400 ? 'Redirects are not followed.' : null;
}

/** $1 tenant · $2 delivery · $3 worker · $4 attempts before · $5 new state · $6 ms until the next attempt · $7 status */
const MOVE = `
  UPDATE webhook_deliveries
     SET state = $5, attempts = $4::int + 1, last_status = $7::int, claimed_by = NULL, claimed_until = NULL,
         due_at = CASE WHEN $5 = 'pending' THEN now() + $6::float8 * interval '1 millisecond' ELSE due_at END,
         finished_at = CASE WHEN $5 = 'pending' THEN NULL ELSE now() END
   WHERE tenant_id = $1 AND id = $2 AND claimed_by = $3 AND state = 'pending' AND attempts = $4::int
  RETURNING id`;

/** $8 begin · $9, $10 ms · $11 why it failed · $12, $13 the answer */
const NOTE = `
  INSERT INTO webhook_attempts
    (tenant_id, delivery_id, number, started_at, connect_ms, duration_ms, status, error, response_headers, response_body)
  SELECT $1, $2, $4::int + 1, $8::timestamptz, $9::int, $10::int, $7::int, $11, $12::jsonb, $13 FROM moved`;

/** Keeps the health of the endpoint. Answers why it is to be disabled, if it is. */
async function markFailed(
  rows: EntityManager,
  { tenantId, endpoint }: ClaimedDelivery,
  verdict: Verdict,
): Promise<string | undefined> {
  const [changed] = await rows.query<
    [{ nowMs: number; firstFailureMs: number; lastSuccessMs: number | null }[], number]
  >(
    `UPDATE webhook_endpoints
        SET first_failure_at = COALESCE(first_failure_at, now()),
            throttled_until = GREATEST(
              throttled_until,
              now() + $3::float8 * interval '1 millisecond',
              CASE WHEN disabled_at IS NOT NULL THEN now() + $4::float8 * interval '1 millisecond' END)
      WHERE tenant_id = $1 AND id = $2
      RETURNING extract(epoch FROM now())::float8 * 1000 AS "nowMs",
                extract(epoch FROM first_failure_at)::float8 * 1000 AS "firstFailureMs",
                extract(epoch FROM last_success_at)::float8 * 1000 AS "lastSuccessMs"`,
    [tenantId, endpoint.id, verdict.throttleMs ?? null, COOL_DOWN_MS],
  );
  const [health] = changed;
  if (verdict.gone) return GONE;
  return health && isDead(health) ? DEAD : undefined;
}

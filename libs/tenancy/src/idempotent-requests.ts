import { hash } from 'node:crypto';
import { IncumbentError, newId } from '#core';
import type { Database, EntityManager } from '#postgres';
import { IdempotentRequestRows } from './idempotent-request.entity.js';

/** How long a key is remembered; hours. */
const REMEMBER_HOURS = 24;
/** Several times what a call may take: whoever is silent for longer has died. */
const LAPSES_AFTER_SECONDS = 30;
/** Until a caller that came too early may ask again. */
const RETRY_AFTER_MS = 1_000;
/** A row that vanishes between two statements was released; the next try takes it. */
const MOST_TRIES = 5;
const FORGOTTEN = `held.created_at < now() - make_interval(hours => ${REMEMBER_HOURS})`;
/** In place of a tenant id, which it cannot be mistaken for. */
const OPERATOR = 'operator';

/** Who asks for what: the scope of an Idempotency-Key. */
export interface IdempotentCall {
  /** Absent for operators. */
  tenantId?: string | undefined;
  /** Method and path. */
  operation: string;
  key: string;
  /** Everything that makes two requests the same one. */
  fingerprint: string;
}

export interface StoredAnswer {
  status: number;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

/** The right to carry a call out, until it lapses. */
export interface Claim {
  call: IdempotentCall;
  /** Of the call, not of this attempt: ids of what it makes follow from it, so that a second attempt makes no second thing. */
  requestId: string;
  attempt: number;
}

export type Claimed = { kind: 'run'; claim: Claim } | { kind: 'replay'; answer: StoredAnswer };

/** Hash of the parts of a request; a change of any changes it, but for the order in which fields are written. */
export function fingerprintOf(parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts, inOrder), 'hex');
}

function inOrder(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Remembers, for a day, calls that carried an Idempotency-Key. Of any number of equal calls at once one is carried
 * out; a repeat gets its answer. A process that dies while it carries one out leaves a claim that lapses, and the
 * repeat carries it out again under the same `requestId`. By the clock of the database, which all replicas share.
 */
export class IdempotentRequests {
  constructor(private readonly database: Database) {}

  /** @throws IncumbentError request.in_progress, request.idempotency_mismatch, database.unavailable */
  async claim(call: IdempotentCall): Promise<Claimed> {
    for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
      const found = await this.rowsOf(call, async (rows) => (await take(rows, call)) ?? find(rows, call));
      if (found) return found;
    }
    throw inProgress();
  }

  /**
   * Stores the answer.
   * @throws IncumbentError request.in_progress when the claim lapsed and another has it: that one's answer counts
   */
  async complete({ call, requestId, attempt }: Claim, answer: StoredAnswer): Promise<void> {
    const { tenantId, operation, key } = idOf(call);
    const [, done] = await this.rowsOf(call, (rows) =>
      rows.query<[unknown, number]>(
        `UPDATE idempotent_requests SET status = $6, headers = $7::jsonb, body = $8::jsonb
          WHERE tenant_id = $1 AND operation = $2 AND key = $3 AND request_id = $4 AND attempt = $5`,
        [
          ...[tenantId, operation, key, requestId, attempt, answer.status],
          ...[JSON.stringify(answer.headers), JSON.stringify(answer.body)],
        ],
      ),
    );
    if (done !== 1) throw inProgress();
  }

  /** The call was refused and changed nothing: the key is free again. */
  async release({ call, requestId, attempt }: Claim): Promise<void> {
    await this.rowsOf(call, (rows) =>
      rows.delete(IdempotentRequestRows, { ...idOf(call), requestId, attempt }),
    );
  }

  /** Nobody knows whether the call took effect: a repeat may carry it out at once, under the same `requestId`. */
  async abandon({ call, requestId, attempt }: Claim): Promise<void> {
    await this.rowsOf(call, (rows) =>
      rows.update(IdempotentRequestRows, { ...idOf(call), requestId, attempt }, { lapsesAt: () => 'now()' }),
    );
  }

  /** Forgets what is older than a day, at most `most` rows. @returns how many */
  async forget(most: number): Promise<number> {
    return this.database.run(async (rows) => {
      const [, count] = await rows.query<[unknown, number]>(
        `DELETE FROM idempotent_requests WHERE ctid = ANY(ARRAY(
           SELECT ctid FROM idempotent_requests
            WHERE created_at < now() - make_interval(hours => ${REMEMBER_HOURS}) LIMIT $1))`,
        [most],
      );
      return count;
    });
  }

  private rowsOf<T>(call: IdempotentCall, work: (rows: EntityManager) => Promise<T>): Promise<T> {
    return call.tenantId === undefined
      ? this.database.run(work)
      : this.database.forTenant(call.tenantId, work);
  }
}

function idOf({ tenantId = OPERATOR, operation, key }: IdempotentCall) {
  return { tenantId, operation, key };
}

/** A key that is new, forgotten, or whose attempt lapsed. */
async function take(rows: EntityManager, call: IdempotentCall): Promise<Claimed | undefined> {
  const { tenantId, operation, key } = idOf(call);
  const taken = await rows.query<{ request_id: string; attempt: number }[]>(
    `INSERT INTO idempotent_requests AS held
       (tenant_id, operation, key, fingerprint, request_id, lapses_at, created_at)
     VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => ${LAPSES_AFTER_SECONDS}), now())
     ON CONFLICT (tenant_id, operation, key) DO UPDATE SET
       fingerprint = excluded.fingerprint, status = NULL, headers = NULL, body = NULL,
       request_id = CASE WHEN ${FORGOTTEN} THEN excluded.request_id ELSE held.request_id END,
       created_at = CASE WHEN ${FORGOTTEN} THEN excluded.created_at ELSE held.created_at END,
       attempt = held.attempt + 1, lapses_at = excluded.lapses_at
     WHERE ${FORGOTTEN} OR (held.status IS NULL AND held.lapses_at <= now() AND held.fingerprint = excluded.fingerprint)
     RETURNING request_id, attempt`,
    [tenantId, operation, key, call.fingerprint, newId('req')],
  );
  const [row] = taken;
  return row && { kind: 'run', claim: { call, requestId: row.request_id, attempt: row.attempt } };
}

async function find(rows: EntityManager, call: IdempotentCall): Promise<Claimed | undefined> {
  const held = await rows.findOneBy(IdempotentRequestRows, idOf(call));
  if (!held) return undefined;
  if (held.fingerprint !== call.fingerprint) {
    throw new IncumbentError(
      'request.idempotency_mismatch',
      'This Idempotency-Key was sent with another request before. Choose a new key for every new request.',
    );
  }
  if (held.status === null) throw inProgress();
  return {
    kind: 'replay',
    answer: { status: held.status, headers: held.headers ?? {}, body: held.body ?? {} },
  };
}

function inProgress(): IncumbentError {
  return new IncumbentError(
    'request.in_progress',
    'The first request with this Idempotency-Key is still being carried out. Repeat this one for its answer.',
    { executed: 'unknown', retryAfterMs: RETRY_AFTER_MS },
  );
}

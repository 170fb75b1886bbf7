import { IncumbentError } from '#core';
import { electionRef } from '#election';
import {
  type Database,
  decodeCursor,
  type EntityManager,
  type Page,
  pageOf,
  type PageRequest,
} from '#postgres';
import { type AttemptRow, type DeliveryState, WebhookAttempts } from './delivery.entity.js';
import type { Viewer } from './endpoint-rows.js';
import { type MessagePayload, TEST_TYPE } from './payload.js';
import { ofElectionSql, withinSql } from './subscription.js';

/** A delivery as people may see it. */
export interface Delivery {
  id: string;
  endpointId: string;
  messageId: string;
  type: string;
  /** Empty for what concerns the tenant and no election. */
  election: string;
  redelivery: number;
  state: DeliveryState;
  attempts: number;
  dueAt: Date;
  lastStatus: number | null;
  finishedAt: Date | null;
  createdAt: Date;
}

export type Attempt = Omit<AttemptRow, 'tenantId' | 'deliveryId'>;
export type DeliveryDetail = Delivery & { payload: MessagePayload; attemptList: Attempt[] };

/** Which deliveries are wanted. */
export interface DeliveryFilter {
  endpointId?: string | undefined;
  state?: DeliveryState | undefined;
  election?: string | undefined;
  /** Made at or after. */
  from?: Date | undefined;
  /** Made before. */
  to?: Date | undefined;
}

const COLUMNS = `delivery.id, delivery.endpoint_id AS "endpointId", delivery.message_id AS "messageId",
  message.type, message.election, delivery.redelivery, delivery.state, delivery.attempts,
  delivery.due_at AS "dueAt", delivery.last_status AS "lastStatus", delivery.finished_at AS "finishedAt",
  delivery.created_at AS "createdAt"`;

const TABLES = `webhook_deliveries delivery
  JOIN webhook_messages message
    ON message.tenant_id = delivery.tenant_id AND message.id = delivery.message_id
  JOIN webhook_endpoints endpoint
    ON endpoint.tenant_id = delivery.tenant_id AND endpoint.id = delivery.endpoint_id
   AND endpoint.status <> 'deleted'`;

export function deliveryNotFound(): IncumbentError {
  return new IncumbentError('webhook_delivery.not_found', 'Check the id: there is no such webhook delivery.');
}

/** What was and is delivered: to endpoints that the viewer may know of, of elections that it may know of. */
export class DeliveryLog {
  constructor(private readonly database: Database) {}

  /** Newest first. @throws IncumbentError request.invalid_query */
  async list(viewer: Viewer, filter: DeliveryFilter, page: PageRequest): Promise<Page<Delivery>> {
    const after = page.cursor === undefined ? undefined : decodeCursor(page.cursor);
    const where = new Conditions(viewer);
    where.add((id) => `delivery.endpoint_id = ${id}`, filter.endpointId);
    where.add((state) => `delivery.state = ${state}`, filter.state);
    where.add((from) => `delivery.created_at >= ${from}`, filter.from);
    where.add((to) => `delivery.created_at < ${to}`, filter.to);
    const { election } = filter;
    const electionId = election && electionRef(viewer.tenantId, election).electionId;
    where.add((id) => `delivery.election_id = ${id}`, electionId);
    const place = '(delivery.created_at, delivery.id)';
    where.add((at, id) => `${place} < (${at}, ${id})`, after?.createdAt, after?.id);
    const found = await this.database.forTenant(viewer.tenantId, (rows) =>
      rows.query<Delivery[]>(
        `SELECT ${COLUMNS} FROM ${TABLES} WHERE ${where.text}
          ORDER BY delivery.created_at DESC, delivery.id DESC LIMIT ${page.limit + 1}`,
        where.values,
      ),
    );
    return pageOf(found, page.limit, (row) => row);
  }

  /** With every attempt. @throws IncumbentError webhook_delivery.not_found */
  async get(viewer: Viewer, id: string): Promise<DeliveryDetail> {
    return this.database.forTenant(viewer.tenantId, async (rows) => {
      const found = await findDelivery(rows, viewer, id);
      const attempts = await rows.find(WebhookAttempts, {
        where: { tenantId: viewer.tenantId, deliveryId: id },
        order: { number: 'ASC' },
      });
      return { ...found, attemptList: attempts };
    });
  }
}

/** @throws IncumbentError webhook_delivery.not_found */
export async function findDelivery(
  rows: EntityManager,
  viewer: Viewer,
  id: string,
): Promise<Delivery & { payload: MessagePayload }> {
  const where = new Conditions(viewer);
  where.add((value) => `delivery.id = ${value}`, id);
  const [found] = await rows.query<(Delivery & { payload: MessagePayload })[]>(
    `SELECT ${COLUMNS}, message.payload FROM ${TABLES} WHERE ${where.text}`,
    where.values,
  );
  if (!found) throw deliveryNotFound();
  return found;
}

/** What rows have to fulfil, and the values that the text refers to. */
class Conditions {
  readonly values: unknown[] = [];
  readonly #conditions: string[] = [];

  /** Begins with what the viewer may see. */
  constructor({ tenantId, electionPrefix }: Viewer) {
    this.add((id) => `delivery.tenant_id = ${id}`, tenantId);
    this.add(withinSql, electionPrefix);
    // An endpoint that lies within the prefix now may have heard of other elections before.
    this.add((prefix) => `(message.type = '${TEST_TYPE}' OR ${ofElectionSql(prefix)})`, electionPrefix);
  }

  get text(): string {
    return this.#conditions.join(' AND ');
  }

  /** Adds a condition on these values, unless one of them is missing. */
  add(condition: (...parameters: string[]) => string, ...values: unknown[]): void {
    if (values.includes(undefined)) return;
    const before = this.values.length;
    this.values.push(...values);
    this.#conditions.push(condition(...values.map((_, at) => `$${before + at + 1}`)));
  }
}

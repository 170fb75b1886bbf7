import { AuditLog } from '#audit';
import { newId, systemClock } from '#core';
import type { EventRecord } from '#election';
import type { Database } from '#postgres';
import type { Logger } from '#telemetry';
import { WebhookSink } from '#testing';
import {
  Claims,
  DEFAULT_LIMITS,
  Dispatcher,
  type DispatcherLimits,
  Envelopes,
  GuardedAgent,
  type NewEndpoint,
  Outcomes,
  type Recorded,
  Sender,
  type SignTerm,
} from '#webhooks';
import { silent } from '../postgres/fresh-database.js';
import { anEvent, newScene, type Scene } from './management-scene.js';

export interface DeliveryRowSeen {
  id: string;
  state: string;
  attempts: number;
  lastStatus: number | null;
  dueInMs: number;
  claimedBy: string | null;
  type: string;
  sequence: number;
}

export interface EndpointSeen {
  status: string;
  disabledReason: string | null;
  failing: boolean;
  throttledForMs: number;
  probing: boolean;
}

interface WorkerOptions {
  limits?: Partial<DispatcherLimits>;
  signTerm?: SignTerm;
  /** For the jitter of the schedule; 0 makes every delay the shortest. */
  random?: () => number;
  logger?: Logger;
  /** Another way to the same rows. */
  database?: Database;
}

/** A sender as the worker has it, in this process. */
export interface TestWorker {
  id: string;
  claims: Claims;
  outcomes: Outcomes;
  sender: Sender;
  dispatcher: Dispatcher;
  recorded: Recorded[];
  /** How often a look for what is due has failed although Postgres was there. */
  looksFailed(): number;
  close(withinMs?: number): Promise<void>;
}

/** The management side, with sinks and workers. */
export interface DeliveryScene extends Scene {
  sink(): Promise<WebhookSink>;
  /** An endpoint that leads to a path of a sink. */
  endpointAt(
    sink: WebhookSink,
    tenantId: string,
    wanted?: Partial<NewEndpoint> & { path?: string },
  ): Promise<string>;
  worker(options?: WorkerOptions): TestWorker;
  /** Change number `sequence` of an election, told as the relay does. */
  tell(tenantId: string, election: string, sequence: number, own?: Partial<EventRecord>): Promise<string>;
  deliveriesOf(endpointId: string): Promise<DeliveryRowSeen[]>;
  endpointNow(endpointId: string): Promise<EndpointSeen>;
  secretsOf(endpointId: string): Promise<string[]>;
  /** Ends workers and sinks, and owes nobody anything: for the next test. */
  reset(): Promise<void>;
}

const DELIVERIES = `
  SELECT d.id, d.state, d.attempts, d.last_status AS "lastStatus", d.claimed_by AS "claimedBy", m.type,
         (extract(epoch FROM d.due_at - now()) * 1000)::float8 AS "dueInMs", m.sequence::int AS sequence
    FROM webhook_deliveries d JOIN webhook_messages m ON m.tenant_id = d.tenant_id AND m.id = d.message_id
   WHERE d.endpoint_id = $1 ORDER BY d.election_id, d.place, d.id`;

const ENDPOINT = `
  SELECT status, disabled_reason AS "disabledReason", first_failure_at IS NOT NULL AS failing,
         disabled_at IS NOT NULL AND status = 'active' AS probing,
         COALESCE((extract(epoch FROM throttled_until - now()) * 1000)::float8, 0) AS "throttledForMs"
    FROM webhook_endpoints WHERE id = $1`;

export async function newDeliveryScene(): Promise<DeliveryScene> {
  const scene = await newScene();
  const closers: (() => Promise<void>)[] = [];
  const startSink = async (): Promise<WebhookSink> => {
    const sink = await WebhookSink.start();
    closers.push(() => sink.close());
    return sink;
  };
  return {
    ...scene,
    sink: startSink,
    endpointAt: async (sink, tenantId, { path = '/', ...wanted } = {}) => {
      const id = await scene.endpoint(tenantId, wanted);
      await scene.fresh.ask('UPDATE webhook_endpoints SET url = $2 WHERE id = $1', [id, sink.url(path)]);
      return id;
    },
    worker: (options = {}) => {
      const worker = newWorker(scene, options);
      closers.unshift(() => worker.close(200));
      return worker;
    },
    tell: async (tenantId, election, sequence, own = {}) => {
      const event = anEvent(tenantId, election, { sequence, ...own });
      await scene.append(event);
      return event.id;
    },
    deliveriesOf: (endpointId) => scene.fresh.ask<DeliveryRowSeen>(DELIVERIES, [endpointId]),
    endpointNow: async (endpointId) => {
      const [row] = await scene.fresh.ask<EndpointSeen>(ENDPOINT, [endpointId]);
      if (!row) throw new Error(`There is no endpoint ${endpointId}`);
      return row;
    },
    secretsOf: async (endpointId) => {
      const rows = await scene.fresh.ask<{
        tenantId: string;
        endpointId: string;
        id: string;
        sealedSecret: string;
      }>(
        `SELECT tenant_id AS "tenantId", endpoint_id AS "endpointId", id, sealed_secret AS "sealedSecret"
           FROM webhook_secrets WHERE endpoint_id = $1 ORDER BY created_at`,
        [endpointId],
      );
      return rows.map((row) => scene.seal.openSecret(row));
    },
    reset: async () => {
      for (const close of closers.splice(0)) await close();
      await scene.fresh.ask('TRUNCATE webhook_endpoints, webhook_messages CASCADE');
    },
  };
}

function newWorker(
  scene: Scene,
  { limits, signTerm, random, logger = silent, database = scene.database }: WorkerOptions,
): TestWorker {
  const id = newId('prc');
  const recorded: Recorded[] = [];
  const clock = systemClock;
  const agent = new GuardedAgent({ allowHttp: true, allowedCidrs: ['127.0.0.0/8'] }, clock);
  const outcomes = new Outcomes({ database, acts: new AuditLog(), clock, random: random ?? (() => 0) }, id);
  const envelopes = new Envelopes(scene.seal, signTerm ?? (async () => undefined), clock);
  const onAttempt = (ended: Recorded): void => void recorded.push(ended);
  const sender = new Sender({ envelopes, agent, outcomes, onAttempt }, logger, clock);
  let looksFailed = 0;
  const onLookFailed = (): void => void (looksFailed += 1);
  const claims = new Claims(database, id, clock);
  const all = { ...DEFAULT_LIMITS, sweepEveryMs: 50, ...limits };
  const dispatcher = new Dispatcher({ claims, sender, onLookFailed }, all, logger, clock);
  let closed: Promise<void> | undefined;
  const close = async (withinMs: number): Promise<void> => {
    await dispatcher.close(withinMs);
    await agent.close();
  };
  return {
    id,
    claims,
    outcomes,
    sender,
    dispatcher,
    recorded,
    looksFailed: () => looksFailed,
    close: (withinMs = 5_000) => (closed ??= close(withinMs)),
  };
}

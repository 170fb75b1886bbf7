import { AUDIT_ENTITIES, AuditLog } from '#audit';
import { type Caused, type Clock, derivedId, systemClock } from '#core';
import { electionRef, type EventRecord } from '#election';
import type { Database } from '#postgres';
import { TENANCY_ENTITIES } from '#tenancy';
import {
  DeliveryLog,
  EndpointControl,
  type EndpointRef,
  EndpointSeal,
  EndpointService,
  Fanout,
  type NewEndpoint,
  OperationalMessages,
  Redelivery,
  UrlCheck,
  WEBHOOK_ENTITIES,
} from '#webhooks';
import { connectedDatabase, type FreshDatabase, freshDatabase } from '../postgres/fresh-database.js';

/** The management side on a real Postgres. */
export interface Scene {
  fresh: FreshDatabase;
  database: Database;
  seal: EndpointSeal;
  endpoints: EndpointService;
  control: EndpointControl;
  deliveries: DeliveryLog;
  redelivery: Redelivery;
  operational: OperationalMessages;
  /** Endpoints that were woken, in order. */
  woken: EndpointRef[];
  /** Makes a tenant. */
  tenant(): Promise<string>;
  /** Makes an endpoint that hears of everything about elections, or of what is said; answers its id. */
  endpoint(tenantId: string, wanted?: Partial<NewEndpoint>): Promise<string>;
  /** Appends events as the relay does, in a transaction of their own. */
  append(...events: EventRecord[]): Promise<EndpointRef[]>;
  end(): Promise<void>;
}

export const BY: Caused = {
  actor: { type: 'api_key', id: 'key_test' },
  context: { requestId: 'req_test' },
};

export const ABOUT_ELECTIONS = [
  'leadership.acquired',
  'leadership.lost',
  'election.vacant',
  'election.unstable',
];

export async function newScene(clock: Clock = systemClock): Promise<Scene> {
  const fresh = await freshDatabase();
  const entities = [...TENANCY_ENTITIES, ...AUDIT_ENTITIES, ...WEBHOOK_ENTITIES];
  const database = await connectedDatabase(fresh.url, entities);
  const acts = new AuditLog();
  const seal = new EndpointSeal('7a'.repeat(32));
  const urls = new UrlCheck({ allowHttp: false, allowedCidrs: [] }, async () => ['93.184.216.34'], clock);
  const parts = { database, acts, seal, urls, clock };
  const woken: EndpointRef[] = [];
  const waker = { wake: (refs: readonly EndpointRef[]) => void woken.push(...refs) };
  const endpoints = new EndpointService(parts, async () => undefined);
  const fanout = new Fanout();
  let tenants = 0;
  return {
    fresh,
    database,
    seal,
    woken,
    endpoints,
    control: new EndpointControl(parts, waker),
    deliveries: new DeliveryLog(database),
    redelivery: new Redelivery({ database, acts, waker, clock }),
    operational: new OperationalMessages(clock),
    tenant: async () => {
      tenants += 1;
      const id = `ten_scene${tenants}`;
      await fresh.ask(
        `INSERT INTO tenants (id, name, max_elections, max_candidates_per_election, max_api_keys)
         VALUES ($1, 'same name', 1, 1, 1)`,
        [id],
      );
      return id;
    },
    endpoint: async (tenantId, wanted = {}) => {
      const fields = { url: 'https://hooks.example.com/in', events: ABOUT_ELECTIONS, ...wanted };
      return (await endpoints.create({ tenantId }, fields, BY)).endpoint.id;
    },
    append: (...events) => database.transaction((rows) => fanout.append(rows, events)),
    end: async () => {
      await database.close();
      await fresh.drop();
    },
  };
}

/** A change of leadership as the engine tells it. */
export function anEvent(tenantId: string, election: string, own: Partial<EventRecord> = {}): EventRecord {
  const { electionId } = electionRef(tenantId, election);
  const sequence = own.sequence ?? 1;
  const epoch = own.epoch ?? 0;
  return {
    id: derivedId('evt', electionId, String(epoch), String(sequence)),
    type: 'leadership.acquired',
    tenantId,
    electionId,
    election,
    seat: 0,
    epoch,
    sequence,
    term: sequence,
    fence: epoch * 2 ** 32 + sequence,
    leader: { name: 'a', candidateId: 'cnd_a', address: '10.0.0.1:80', metadata: { zone: 'eu' } },
    previousLeader: null,
    occurredAt: new Date(Date.UTC(2026, 10, 21, 9) + sequence * 1_000).toISOString(),
    ...own,
  };
}

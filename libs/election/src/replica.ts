/** One process's part in all elections: it follows the store, answers the verbs and keeps elections in line. */
import { type Clock, toTimestamp } from '#core';
import { Elections } from './election.js';
import { HandOvers } from './hand-overs.js';
import { ElectionManagement } from './management.js';
import { Membership } from './membership.js';
import type { PastEvents } from './missed-events.js';
import { Observers } from './observers.js';
import type { AdminTokenRecord, ApiKeyRecord, TenantRecord } from './records.js';
import { Sequencer } from './sequencer.js';
import { SessionQuota } from './session-quota.js';
import { SessionTokens } from './session-token.js';
import { Sessions } from './sessions.js';
import { Settler } from './settler.js';
import { Situations } from './situations.js';
import type { ElectionStore } from './store.js';
import { Supervision } from './supervision.js';
import { type TenantPast, TenantStreams } from './tenant-streams.js';
import { SessionTimings } from './timing/session-timings.js';
import { tellTooShort } from './timing/tell-too-short.js';
import { View, type ViewListener } from './view.js';

export interface ReplicaOptions {
  store: ElectionStore;
  clock: Clock;
  processId: string;
  /** 32 bytes, the same on every replica: the key of session tokens. */
  secret: Uint8Array;
  /** Told of what the view sees, for metrics. */
  meter?: ViewListener;
  /** False for a process that only follows and settles: housekeeping is left to the others. */
  keepsHouse?: boolean;
  /** Where events are that have left the outbox; without it streams resume from what the outbox still holds. */
  past?: PastEvents & TenantPast;
}

/** The mirrors of API keys, admin tokens and tenants, held by watch: authentication asks no server (A1). */
export interface Directory {
  apiKey(keyId: string): ApiKeyRecord | undefined;
  tenant(tenantId: string): TenantRecord | undefined;
  adminToken(tokenId: string): AdminTokenRecord | undefined;
  all(): {
    keys: ReadonlyMap<string, ApiKeyRecord>;
    tenants: ReadonlyMap<string, TenantRecord>;
    adminTokens: ReadonlyMap<string, AdminTokenRecord>;
  };
}

export interface Gauges {
  elections: number;
  leaders: number;
  candidates: number;
  sessions: number;
  /** Those that renew here and whose ttlMs is too short for what is seen of them. */
  tooShortSessions: number;
  streams: number;
}

export class Replica {
  readonly elections: Elections;
  readonly sessions: Sessions;
  /** For those who have to know which session a token names. */
  readonly tokens: SessionTokens;
  readonly timings: SessionTimings;
  /** Tells the tenant that a leader's renewals hardly come in time. Never rejects. */
  readonly tellTooShort: (sessionId: string) => Promise<void>;
  readonly management: ElectionManagement;
  readonly handOvers: HandOvers;
  readonly directory: Directory;
  readonly tenantStreams: TenantStreams;
  readonly view: View;
  readonly #membership: Membership;
  readonly #supervision: Supervision;
  readonly #settler: Settler;
  readonly #observers: Observers;
  readonly #store: ElectionStore;

  private constructor(options: ReplicaOptions) {
    const { store, clock, processId, secret, keepsHouse = true, past = NO_PAST } = options;
    const view = new View(clock);
    const record = { processId, startedAt: toTimestamp(clock.wallTimeMs()), keepsHouse };
    const membership = new Membership(store, view, clock, record);
    const situations = new Situations(store, view, clock);
    const observers = new Observers(view, clock);
    const sequencer = new Sequencer(store, situations, clock, observers);
    const tokens = new SessionTokens(secret);
    this.#store = store;
    this.view = view;
    this.#membership = membership;
    this.#observers = observers;
    this.#supervision = new Supervision(store, view, membership, clock);
    this.#settler = new Settler({ store, view, situations, sequencer, membership, clock });
    const quota = new SessionQuota(view, situations);
    this.elections = new Elections({
      ...{ store, view, situations, sequencer, observers, tokens, clock, past, quota },
    });
    this.tokens = tokens;
    this.timings = new SessionTimings(view, clock);
    this.tellTooShort = (sessionId) => tellTooShort({ view, sequencer, clock }, sessionId);
    this.sessions = new Sessions({ store, view, situations, sequencer, tokens, quota });
    this.management = new ElectionManagement({ store, view, situations, sequencer });
    this.handOvers = new HandOvers(situations, sequencer);
    this.tenantStreams = new TenantStreams({ view, store, past });
    this.directory = directoryOf(view);
    if (options.meter) view.listen(options.meter);
  }

  /** Resolves once the store has been listed; from then on the replica serves. */
  static async start(options: ReplicaOptions): Promise<Replica> {
    const replica = new Replica(options);
    await options.store.follow(replica.view);
    replica.#membership.start();
    replica.#supervision.start();
    replica.#settler.start();
    return replica;
  }

  /** The watch is proven current: the store commits and its changes come back. */
  ready(): boolean {
    return this.#membership.isReached();
  }

  /** Whether this replica is the one to compact the store now. */
  isHousekeeper(): boolean {
    return this.ready() && this.#membership.isHousekeeper();
  }

  /** How many replicas serve at this moment, this one included. */
  replicaCount(): number {
    return this.#membership.replicaCount();
  }

  /** How long ago each process, this one included, was seen last; milliseconds. */
  sightings(): ReadonlyMap<string, number> {
    return this.#membership.sightings();
  }

  gauges(): Gauges {
    let leaders = 0;
    let candidates = 0;
    let elections = 0;
    for (const election of this.view.elections.values()) {
      if (election.config && election.config.record.state !== 'closed') elections += 1;
      for (const { leader } of election.seats.values()) if (leader) leaders += 1;
      candidates += election.candidates.size;
    }
    const { size: sessions } = this.view.sessions;
    const { tooShort: tooShortSessions } = this.timings.counts;
    const { streamCount: streams } = this.#observers;
    return { elections, leaders, candidates, sessions, tooShortSessions, streams };
  }

  /** Ends held answers and streams. The caller stops taking requests before. */
  release(): void {
    this.#observers.close();
    this.tenantStreams.close();
  }

  /** Stops supervising and following. Other replicas take this one's share over. */
  async close(): Promise<void> {
    this.release();
    this.#settler.stop();
    this.#supervision.stop();
    this.#membership.stop();
    await this.#store.close();
  }
}

const NO_PAST: PastEvents & TenantPast = {
  after: () => Promise.resolve([]),
  ofTenant: () => Promise.reject(new Error('nobody keeps a record')),
};

function directoryOf(view: View): Directory {
  return {
    apiKey: (keyId) => view.apiKeys.get(keyId),
    tenant: (tenantId) => view.tenants.get(tenantId)?.record,
    adminToken: (tokenId) => view.adminTokens.get(tokenId),
    all: () => ({
      adminTokens: view.adminTokens,
      keys: view.apiKeys,
      tenants: new Map([...view.tenants].map(([tenantId, { record }]) => [tenantId, record])),
    }),
  };
}

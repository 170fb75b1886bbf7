import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { relayMetrics } from './relay-metrics.js';

/** Seconds. From half a millisecond (a commit on loopback) to the deadline of a store call. */
const LATENCY_BUCKETS = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1, 2, 5];
/** Seconds. A resign hands over in milliseconds, a crash in a TTL (up to 15 minutes). */
const VACANCY_BUCKETS = [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900];
/** Seconds. Receivers take between a millisecond (on loopback) and their timeout (30 s). */
const DELIVERY_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Transitions in one group; 64 is the largest that etcd takes. */
const GROUP_BUCKETS = [1, 2, 4, 8, 16, 32, 64];

/** What the hot path observes has no labels, hence nothing to hash: well below a microsecond per call. */
export type Metrics = ReturnType<typeof createMetrics>;

export interface MetricsOptions {
  /** Also the process's own: memory, garbage collection, event-loop lag. Off in unit tests. */
  processMetrics?: boolean;
}

/** One registry with every metric of the service. Gauges of state are set by whoever knows, before a scrape. */
export function createMetrics(options: MetricsOptions = {}) {
  const registry = new Registry();
  const beforeScrape: (() => void)[] = [];
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
  return {
    registry,
    /** Runs `refresh` before every scrape; for gauges that are cheaper to count than to keep. */
    onScrape(refresh: () => void): void {
      beforeScrape.push(refresh);
    },
    /** The text of /metrics and its content type. */
    async expose(): Promise<{ contentType: string; body: string }> {
      for (const refresh of beforeScrape) refresh();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
    ...electionMetrics(registry),
    ...storeMetrics(registry),
    ...backgroundMetrics(registry),
    ...relayMetrics(registry),
    ...deliveryMetrics(registry),
    ...limitMetrics(registry),
  };
}

function electionMetrics(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const latency = (name: string, help: string): Histogram =>
    new Histogram({ name, help, buckets: LATENCY_BUCKETS, registers });
  return {
    leaders: gauge('incumbent_leaders', 'Seats with a leader, as this replica sees them'),
    candidates: gauge('incumbent_candidates', 'Candidacies, leading and waiting'),
    sessions: gauge('incumbent_sessions', 'Live sessions'),
    sessionsTtlTooShort: gauge(
      'incumbent_sessions_ttl_too_short',
      'Sessions that renew on this replica and whose ttlMs is too short for what it sees of them',
    ),
    roundTripSeconds: latency(
      'incumbent_renewal_round_trip_seconds',
      'From the send of a renewal to its answer, as participants report it',
    ),
    eventStreams: gauge('incumbent_event_streams', 'Event streams that are open on this replica'),
    attachedSockets: gauge('incumbent_attached_sockets', 'Sockets with attached sessions on this replica'),
    attachedFrames: new Counter({
      name: 'incumbent_attached_frames_total',
      help: 'Frames of participants that were answered',
      registers,
    }),
    attachedClosed: new Counter({
      name: 'incumbent_attached_closed_total',
      help: 'Attached sockets that are gone, by their close code',
      labelNames: ['code'] as const,
      registers,
    }),
    campaignSeconds: latency('incumbent_campaign_seconds', 'From the arrival of a campaign to its answer'),
    renewSeconds: latency('incumbent_renew_seconds', 'From the arrival of a renewal to its answer'),
    resignSeconds: latency('incumbent_resign_seconds', 'From the arrival of a resignation to its answer'),
    electionsHeld: new Counter({
      name: 'incumbent_elections_held_total',
      help: 'Terms that began; every replica counts all of them',
      registers,
    }),
    /** Its sum is the number of seconds in which nobody led. */
    vacancySeconds: new Histogram({
      name: 'incumbent_vacancy_seconds',
      help: 'Time without a leader before each term that followed another',
      buckets: VACANCY_BUCKETS,
      registers,
    }),
  };
}

function storeMetrics(registry: Registry) {
  const registers = [registry];
  return {
    watchLagRevisions: new Gauge({
      name: 'incumbent_watch_lag_revisions',
      help: "How far this replica's view is behind the newest revision it knows of",
      registers,
    }),
    etcdCallSeconds: new Histogram({
      name: 'incumbent_etcd_call_seconds',
      help: 'Duration of calls to etcd',
      labelNames: ['method'] as const,
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    etcdCallFailures: new Counter({
      name: 'incumbent_etcd_call_failures_total',
      help: 'Calls to etcd that failed or were not answered in time',
      labelNames: ['method'] as const,
      registers,
    }),
    groupSize: new Histogram({
      name: 'incumbent_etcd_group_transitions',
      help: 'Transitions that travelled in one etcd transaction',
      buckets: GROUP_BUCKETS,
      registers,
    }),
  };
}

function limitMetrics(registry: Registry) {
  const registers = [registry];
  return {
    rateLimited: new Counter({
      name: 'incumbent_rate_limited_total',
      help: 'Calls refused for their rate, by the limit that was hit',
      labelNames: ['limit'] as const,
      registers,
    }),
    rateLimitsDegraded: new Gauge({
      name: 'incumbent_rate_limits_degraded',
      help: 'Whether this replica limits rates by itself, to its share, because Redis is away (1)',
      registers,
    }),
  };
}

function backgroundMetrics(registry: Registry) {
  const registers = [registry];
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  return {
    tokensSigned: counter('incumbent_fencing_tokens_signed_total', 'Fencing tokens signed'),
    ledgerDropped: counter('incumbent_ledger_dropped_total', 'Ledger entries dropped while Redis was away'),
    ledgerWritten: counter('incumbent_ledger_written_total', 'Ledger entries written to Postgres'),
    retentionDone: new Counter({
      name: 'incumbent_retention_done_total',
      help: 'What retention jobs have done, in rows or steps',
      labelNames: ['job'] as const,
      registers,
    }),
    mirrorRepairs: counter(
      'incumbent_mirror_repairs_total',
      'Mirrored keys and tenants that had to be repaired',
    ),
    dependencyUp: new Gauge({
      name: 'incumbent_dependency_up',
      help: 'Whether a dependency answers (1) or not (0)',
      labelNames: ['dependency'] as const,
      registers,
    }),
  };
}

function deliveryMetrics(registry: Registry) {
  const registers = [registry];
  return {
    deliveryAttempts: new Counter({
      name: 'incumbent_delivery_attempts_total',
      help: 'Attempts at webhook deliveries, by what came of the delivery',
      labelNames: ['outcome'] as const,
      registers,
    }),
    deliverySeconds: new Histogram({
      name: 'incumbent_delivery_attempt_seconds',
      help: 'From the begin of an attempt to its answer or its deadline',
      buckets: DELIVERY_BUCKETS,
      registers,
    }),
    deliveryLooksFailed: new Counter({
      name: 'incumbent_delivery_looks_failed_total',
      help: 'Looks for webhook deliveries that are due which failed although Postgres was there',
      registers,
    }),
    deliveriesPending: new Gauge({
      name: 'incumbent_deliveries_pending',
      help: 'Webhook deliveries that active endpoints are owed, counted up to 100000',
      registers,
    }),
    oldestDeliverySeconds: new Gauge({
      name: 'incumbent_oldest_delivery_seconds',
      help: 'Age of the oldest webhook delivery that an active endpoint is owed',
      registers,
    }),
  };
}

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Seconds. From a wake-up and one transaction (10 ms) to an hour without Postgres. */
const LAG_BUCKETS = [0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1, 2, 5, 15, 60, 300, 900, 3600];

/** Only the worker that relays knows the outbox: sum or take the largest over the workers. */
export function relayMetrics(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  return {
    relayLeads: gauge('incumbent_relay_leads', 'Whether this worker relays (1) or stands by (0)'),
    outboxEvents: gauge('incumbent_outbox_events', 'Events and acts in etcd that are not in Postgres yet'),
    outboxOldestSeconds: gauge(
      'incumbent_outbox_oldest_seconds',
      'Age of what has waited longest in the outbox, at most',
    ),
    outboxHeldElections: gauge(
      'incumbent_outbox_held_elections',
      'Elections and tenants whose events or acts Postgres refused in the last pass; the others went on',
    ),
    relayLagSeconds: new Histogram({
      name: 'incumbent_relay_lag_seconds',
      help: 'From a change to its rows in Postgres',
      buckets: LAG_BUCKETS,
      registers,
    }),
    relayed: new Counter({
      name: 'incumbent_relay_events_total',
      help: 'Events that this worker brought to Postgres',
      registers,
    }),
  };
}

import { type Clock, toTimestamp } from '#core';
import { decode, keys, type ReplicaRecord } from '#election';
import type { ClusterInspector, Engine } from '#etcd';
import type { Database } from '#postgres';
import { type QueueDepth, queueDepths, type RedisLink } from '#queue';
import type { ProcessSight, ServerState, WatchSight } from './cluster-facts.js';
import { warningsOf } from './cluster-warnings.js';

/** For reads of the store and for the view to show what the store has just said. */
const ANSWER_MS = 1_500;
/** A process that beats ten times a second and was not seen for this long does not live. */
const LIVES_MS = 1_000;

export interface ClusterParts {
  inspector: ClusterInspector;
  engine: Engine;
  database: Database;
  redis: RedisLink;
  clock: Clock;
}

/**
 * How everything is that this replica stands on, at this moment. Every part has a deadline and none fails the
 * report: what does not answer is told as such.
 */
export class ClusterReporter {
  constructor(private readonly parts: ClusterParts) {}

  async report() {
    const { inspector, clock } = this.parts;
    const [etcd, processes, watch, postgres, redis, queues] = await Promise.all([
      inspector.look(),
      this.processes(),
      this.watch(),
      this.postgres(),
      this.redis(),
      this.queues(),
    ]);
    const nowMs = clock.wallTimeMs();
    const { outbox, ...cluster } = etcd;
    const oldestAgeMs = outbox.oldestAt === null ? null : Math.max(0, nowMs - Date.parse(outbox.oldestAt));
    const facts = {
      etcd: cluster,
      outbox: { waiting: outbox.waiting, oldestAgeMs },
      processes,
      watch,
      queues,
      postgres,
      redis,
    };
    return { ...facts, warnings: warningsOf(facts), observedAt: toTimestamp(nowMs) };
  }

  private async processes(): Promise<ProcessSight[] | null> {
    const replica = this.parts.engine.known;
    if (!replica) return null;
    try {
      const { reads } = await this.parts.engine.store.read(
        [{ kind: 'prefix', prefix: keys.replica('') }],
        this.options(),
      );
      const sightings = replica.sightings();
      return (reads[0] ?? []).map(({ value }) => {
        const { processId, startedAt, keepsHouse } = decode<ReplicaRecord>(value);
        const lastSeenMsAgo = sightings.get(processId) ?? null;
        const lives = lastSeenMsAgo !== null && lastSeenMsAgo <= LIVES_MS;
        return { processId, kind: keepsHouse === false ? 'worker' : 'api', startedAt, lives, lastSeenMsAgo };
      });
    } catch {
      return null;
    }
  }

  private async watch(): Promise<WatchSight> {
    const { engine, clock } = this.parts;
    const replica = engine.known;
    if (!replica) return { lagMs: null };
    try {
      const { revision } = await engine.store.read([{ kind: 'key', key: keys.epoch }], this.options());
      const startMs = clock.monotonicMs();
      const reached = await replica.view.reaches(revision, ANSWER_MS);
      return { lagMs: reached ? Math.round(clock.monotonicMs() - startMs) : null };
    } catch {
      return { lagMs: null };
    }
  }

  private async postgres(): Promise<ServerState> {
    try {
      return await this.timed(async () => {
        const found = await this.parts.database.run((rows) =>
          rows.query<{ version: string; bytes: string }[]>(
            "SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes",
          ),
        );
        const [{ version, bytes } = { version: '', bytes: '0' }] = found;
        return { version, databaseBytes: Number(bytes) };
      });
    } catch {
      return { state: 'down' };
    }
  }

  private async redis(): Promise<ServerState> {
    const { redis } = this.parts;
    let answers = false;
    const state = await this.timed(async () => {
      answers = await redis.ping();
      return {};
    });
    return answers ? state : { state: 'down' };
  }

  private queues(): Promise<QueueDepth[] | null> {
    return queueDepths(this.parts.redis);
  }

  private async timed<T extends object>(work: () => Promise<T>): Promise<T & ServerState> {
    const startMs = this.parts.clock.monotonicMs();
    const found = await work();
    return { state: 'up', latencyMs: Math.round(this.parts.clock.monotonicMs() - startMs), ...found };
  }

  private options() {
    const deadlineMs = this.parts.clock.monotonicMs() + ANSWER_MS;
    return { lane: 'observe' as const, tenantId: 'incumbent', deadlineMs };
  }
}

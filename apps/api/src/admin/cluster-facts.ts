import type { ClusterStatus } from '#etcd';
import type { QueueDepth } from '#queue';

export interface ProcessSight {
  processId: string;
  kind: 'api' | 'worker';
  startedAt: string;
  lives: boolean;
  lastSeenMsAgo: number | null;
}

export interface WatchSight {
  /** Milliseconds until this replica's view showed the newest revision; null: not within the deadline. */
  lagMs: number | null;
}

export interface ServerState {
  state: 'up' | 'down';
  latencyMs?: number;
  version?: string;
  databaseBytes?: number;
}

/** What was found; null where nobody answered. */
export interface ClusterFacts {
  etcd: Omit<ClusterStatus, 'outbox'>;
  outbox: { waiting: number | null; oldestAgeMs: number | null };
  processes: ProcessSight[] | null;
  watch: WatchSight;
  queues: QueueDepth[] | null;
  postgres: ServerState;
  redis: ServerState;
}

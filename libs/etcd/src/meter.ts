import type { Lane } from '#election';

/** What the store reports about itself while it works; the process turns it into metrics. All hooks are cheap. */
export interface StoreMeter {
  /** One call to etcd ended; `method` is the RPC, `result` how (ok, unsent, refused, overloaded, unknown). */
  callEnded?(method: string, latencyMs: number, result: string): void;
  /** One group left with this many transitions. */
  groupSent?(size: number): void;
  /** Outcomes were unknown and a write fence was committed to settle them. */
  fenced?(): void;
  /** A transition was refused because the database is close to its limit. */
  shed?(lane: Lane): void;
  /** How many revisions the watch is behind the newest commit of this process. */
  watchLag?(revisions: number): void;
  /** The follower was given the whole store again. */
  watchReset?(): void;
  /** Size of etcd's database in use, bytes. */
  databaseSize?(bytes: number): void;
}

/** Where the store's log lines go. */
export type StoreLog = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Record<string, unknown>,
) => void;

/**
 * The port to the coordination store: a linearizable key-value store with guarded transactions and a watch.
 * Two adapters exist, etcd (`libs/etcd`) and memory (`libs/testing`); one contract suite runs on both.
 *
 * What an adapter promises:
 * - `commit` applies all writes of a transition at one new revision if every guard holds, else nothing.
 * - An outcome is definite. Where the store did not say, the adapter first makes sure that the transition can
 *   never commit any more and then answers `fenced`: the caller reads and decides again. Where not even that
 *   succeeds in time it throws `store.unavailable` with `executed: 'unknown'`.
 * - `read` is linearizable: it sees every commit that was answered before the read was asked for.
 * - `follow` delivers every change exactly once, in revision order, whole revisions at a time; after a gap it
 *   delivers the whole truth again (`reset`). What it delivers may lag. It is a hint, never a decision.
 *
 * Keys are those of `keys.ts`; the adapter adds the deployment's prefix. Revisions are store-wide and dense
 * enough to compare: a larger one is later.
 */

/** A key with its value and the revisions of its creation and its last change. */
export interface Entry {
  key: string;
  value: string;
  createRevision: number;
  modRevision: number;
}

export type Guard =
  /** The key does not exist. */
  | { kind: 'absent'; key: string }
  /** The key exists and was last changed at exactly this revision. */
  | { kind: 'revision'; key: string; revision: number }
  /** The key exists and has exactly this value. */
  | { kind: 'value'; key: string; value: string }
  /** No key that starts with `prefix` was changed after `revision`. Deleted keys do not count. */
  | { kind: 'noneNewer'; prefix: string; revision: number };

export type Write = { kind: 'put'; key: string; value: string } | { kind: 'delete'; key: string };

/** One key, or the keys that start with a prefix: in key order, only those after the key `after`, at most `limit`. */
export type Read =
  { kind: 'key'; key: string } | { kind: 'prefix'; prefix: string; after?: string; limit?: number };

export interface Transition {
  guards: readonly Guard[];
  writes: readonly Write[];
  /** Answered from the state right after the transition, whether it committed or was refused. */
  reads: readonly Read[];
}

/**
 * What a transition is for; under pressure the later lanes are shed first, and within one moment the earlier
 * lanes travel first.
 */
export const LANES = ['renew', 'resign', 'observe', 'campaign', 'admin'] as const;
export type Lane = (typeof LANES)[number];

export interface CommitOptions {
  lane: Lane;
  /** Fairness is kept among tenants; the service's own work uses its own name. */
  tenantId: string;
  /** On the monotonic clock. Work that cannot be sent before it is dropped unsent. */
  deadlineMs: number;
  /**
   * What `epoch()` said when the transition was decided; without it, what it says at the call. A transition that
   * writes and was decided under another epoch than the current one never commits and is answered `fenced`.
   */
  epoch?: Epoch;
}

export type Outcome =
  /** All writes are in effect, at `revision`. */
  | { kind: 'committed'; revision: number; reads: Entry[][] }
  /** A guard did not hold; nothing was written. `reads` show the store at `revision`. */
  | { kind: 'refused'; revision: number; reads: Entry[][] }
  /** The store never answered. The transition may have committed before now and cannot commit from now on. */
  | { kind: 'fenced' };

/** What `follow` calls, synchronously and in order. It must not throw. */
export interface Follower {
  /** The whole store at `revision`, the outbox left out; whatever was known before is void. */
  reset(entries: readonly Entry[], revision: number): void;
  /** All changes of the revisions after the last call, up to and including `revision`. */
  apply(changes: readonly Change[], revision: number): void;
}

export type Change = { kind: 'put'; entry: Entry } | { kind: 'delete'; key: string; modRevision: number };

/** The fence epoch under which every commit of this process stands (rule 13). */
export interface Epoch {
  epoch: number;
  /** False until the largest ttlMs has passed since the epoch was raised: no term may start before. */
  settled: boolean;
}

export interface ElectionStore {
  /**
   * Commits one transition, together with whatever else waits at this moment.
   * @throws IncumbentError store.unavailable (`executed: false` when it was never sent), store.overloaded
   */
  commit(transition: Transition, options: CommitOptions): Promise<Outcome>;
  /** Reads through the log; never stale. @throws IncumbentError store.unavailable, store.overloaded */
  read(reads: readonly Read[], options: CommitOptions): Promise<{ revision: number; reads: Entry[][] }>;
  /** Delivers `reset` once the store can be listed and changes from then on, until `close`. One follower. */
  follow(follower: Follower): Promise<void>;
  /** The epoch that guards every commit of this process at this moment. */
  epoch(): Epoch;
  /** Stops following, lets what is in flight end, and refuses everything after. */
  close(): Promise<void>;
}

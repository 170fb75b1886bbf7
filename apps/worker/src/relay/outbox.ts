import { type Clock, hasCode } from '#core';
import { type ElectionRef, type Entry, keys, type Place, SYSTEM_TENANT } from '#election';
import type { EtcdElectionStore } from '#etcd';

/** What the relay needs of the coordination store. */
export type OutboxStore = Pick<EtcdElectionStore, 'ping' | 'list' | 'commit' | 'read'>;

/** Removals per transition: each is a guard and a write, and etcd counts operations. */
const REMOVED_AT_ONCE = 48;
const CALL_MS = 2_000;

export interface OutboxPage {
  entries: Entry[];
  more: boolean;
  /** How many keys wait at the revision, from this page on. */
  count: number;
}

/** The outbox in the coordination store: listed at one revision, emptied key by key. */
export class Outbox {
  constructor(
    private readonly store: () => OutboxStore,
    private readonly clock: Clock,
  ) {}

  /** The revision of now, to be listed at. @throws IncumbentError store.unavailable */
  async pin(): Promise<number> {
    return (await this.store().ping()).revision;
  }

  /** A page as of `revision`, in key order, from after the key `after` on. @throws Error when it cannot be read */
  async page(revision: number, after: string | undefined, limit: number): Promise<OutboxPage> {
    return this.store().list({ prefix: keys.outbox, after, revision, limit });
  }

  /** Whether this event still waits, by a read through the log. @throws IncumbentError store.unavailable */
  async holds(ref: ElectionRef, { epoch, sequence }: Place): Promise<boolean> {
    const read = { kind: 'key' as const, key: keys.event(ref, epoch, sequence) };
    const { reads } = await this.store().read([read], this.options());
    return (reads[0]?.length ?? 0) > 0;
  }

  /**
   * Removes these very revisions. To be called after a definite commit of their rows alone. What another relay has
   * removed is left at that; what may not have been removed is listed again.
   * @throws IncumbentError store.unavailable
   */
  async remove(entries: readonly Entry[]): Promise<void> {
    const removals: Promise<unknown>[] = [];
    for (let from = 0; from < entries.length; from += REMOVED_AT_ONCE) {
      const some = entries.slice(from, from + REMOVED_AT_ONCE);
      const guards = some.map(({ key, modRevision: revision }) => ({
        kind: 'revision' as const,
        key,
        revision,
      }));
      const writes = some.map(({ key }) => ({ kind: 'delete' as const, key }));
      removals.push(this.store().commit({ guards, writes, reads: [] }, this.options()));
    }
    await Promise.all(removals);
  }

  private options() {
    const deadlineMs = this.clock.monotonicMs() + CALL_MS;
    return { lane: 'observe' as const, tenantId: SYSTEM_TENANT, deadlineMs };
  }
}

/** Whether it was the coordination store that failed. */
export function isStoreFailure(error: unknown): boolean {
  return hasCode(error, 'store.unavailable') || hasCode(error, 'store.overloaded');
}

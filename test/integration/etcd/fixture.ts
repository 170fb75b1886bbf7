import type { Change, CommitOptions, ElectionStore, Entry, Follower, Lane, Transition } from '#election';
import { EtcdElectionStore, type EtcdStoreOptions } from '#etcd';

export const PREFIX = 'test/';

let processes = 0;

/** A store as a replica has it; `log` and `meter` may be watched. */
export async function openStore(
  endpoints: readonly string[],
  more: Partial<EtcdStoreOptions> = {},
): Promise<EtcdElectionStore> {
  processes += 1;
  return EtcdElectionStore.open({
    endpoints,
    prefix: PREFIX,
    processId: `prc_${processes}`,
    databaseLimitBytes: 1_000_000_000,
    ...more,
  });
}

export function within(ms: number, lane: Lane = 'campaign', tenantId = 'ten_test'): CommitOptions {
  return { lane, tenantId, deadlineMs: performance.now() + ms };
}

export function putting(key: string, value: string): Transition {
  return { guards: [], writes: [{ kind: 'put', key, value }], reads: [] };
}

/** The value of a key, by a read that is never stale. */
export async function valueOf(store: ElectionStore, key: string): Promise<string | undefined> {
  const { reads } = await store.read([{ kind: 'key', key }], within(5_000));
  return reads[0]?.[0]?.value;
}

/** Calls etcd's JSON gateway: the way past the store, for what a test does behind its back. */
export async function gateway(url: string, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`etcd answered ${response.status} to ${path}: ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A follower that keeps the store's content and every change, in order. */
export class Recorder implements Follower {
  readonly entries = new Map<string, Entry>();
  /** "key=value" or "key deleted", in the order of delivery. */
  readonly told: string[] = [];
  resets = 0;
  revision = 0;

  reset(entries: readonly Entry[], revision: number): void {
    this.resets += 1;
    this.revision = revision;
    this.entries.clear();
    for (const entry of entries) this.entries.set(entry.key, entry);
  }

  apply(changes: readonly Change[], revision: number): void {
    for (const change of changes) {
      if (change.kind === 'put') this.entries.set(change.entry.key, change.entry);
      else this.entries.delete(change.key);
      this.told.push(
        change.kind === 'put' ? `${change.entry.key}=${change.entry.value}` : `${change.key} deleted`,
      );
    }
    this.revision = revision;
  }
}

/** How long something took, in milliseconds, and what came of it. */
export async function timed<T>(work: Promise<T>): Promise<{ ms: number; value?: T; error?: unknown }> {
  const startMs = performance.now();
  try {
    const value = await work;
    return { ms: performance.now() - startMs, value };
  } catch (error) {
    return { ms: performance.now() - startMs, error };
  }
}

/** What the cases of the contract suite work with. */
import type { CommitOptions, ElectionStore, Guard, Outcome, Read, Transition, Write } from '#election';

/** What a test has at hand: two stores on the same data and a folder of keys of its own. */
export interface Hands {
  first: ElectionStore;
  second: ElectionStore;
  another(): Promise<ElectionStore>;
}

let folders = 0;

/** A folder of keys that no other test uses. */
export function freshFolder(): string {
  folders += 1;
  return `x/${folders.toString(36)}-${Math.random().toString(36).slice(2, 10)}/`;
}

export function within(ms: number): CommitOptions {
  return { lane: 'campaign', tenantId: 'ten_contract', deadlineMs: performance.now() + ms };
}

export const put = (key: string, value: string): Write => ({ kind: 'put', key, value });
export const remove = (key: string): Write => ({ kind: 'delete', key });
export const readKey = (key: string): Read => ({ kind: 'key', key });
export const readPrefix = (prefix: string, limit?: number): Read => ({
  kind: 'prefix',
  prefix,
  ...(limit === undefined ? {} : { limit }),
});

export function transition(guards: Guard[], writes: Write[] = [], reads: Read[] = []): Transition {
  return { guards, writes, reads };
}

export type Decided = Exclude<Outcome, { kind: 'fenced' }>;

/** Commits, and takes an unknown outcome for a failure of the test: nothing disturbs the store here. */
export async function commit(store: ElectionStore, change: Transition): Promise<Decided> {
  const outcome = await store.commit(change, within(10_000));
  if (outcome.kind === 'fenced')
    throw new Error('The outcome is unknown although nothing disturbs the store.');
  return outcome;
}

/** Puts one key and answers the revision. */
export async function write(store: ElectionStore, key: string, value: string): Promise<number> {
  return (await commit(store, transition([], [put(key, value)]))).revision;
}

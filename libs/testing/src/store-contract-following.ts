import { expect, it } from '@jest/globals';
import type { Change, ElectionStore, Entry, Follower } from '#election';
import { commit, freshFolder, type Hands, put, remove, transition, write } from './store-contract-hands.js';
import { waitUntil } from './wait-until.js';

/** Keeps what a store delivers, and complains about anything that a mirror could not live with. */
export class Mirror implements Follower {
  readonly entries = new Map<string, Entry>();
  readonly changes: Change[] = [];
  readonly complaints: string[] = [];
  resets = 0;
  revision = 0;

  reset(entries: readonly Entry[], revision: number): void {
    this.resets += 1;
    this.revision = revision;
    this.entries.clear();
    for (const entry of entries) {
      this.entries.set(entry.key, entry);
      if (entry.modRevision > revision) this.complaints.push(`${entry.key} is newer than its listing`);
    }
  }

  apply(changes: readonly Change[], revision: number): void {
    if (this.resets === 0) this.complaints.push('a change came before the first listing');
    let at = this.revision;
    for (const change of changes) {
      const modRevision = change.kind === 'put' ? change.entry.modRevision : change.modRevision;
      if (modRevision <= this.revision)
        this.complaints.push(`revision ${modRevision} was split or came again`);
      if (modRevision < at) this.complaints.push(`revision ${modRevision} came late`);
      at = modRevision;
      if (change.kind === 'put') this.entries.set(change.entry.key, change.entry);
      else this.entries.delete(change.key);
    }
    if (at > revision) this.complaints.push(`changes reach beyond revision ${revision}`);
    this.changes.push(...changes);
    this.revision = revision;
  }

  /** The changes below a folder, as "key=value" and "key deleted". */
  told(folder: string): string[] {
    const told = this.changes.map((change) =>
      change.kind === 'put' ? `${change.entry.key}=${change.entry.value}` : `${change.key} deleted`,
    );
    return told.filter((line) => line.startsWith(folder)).map((line) => line.slice(folder.length));
  }

  async reach(revision: number): Promise<void> {
    await waitUntil(() => this.revision >= revision, {
      what: `revision ${revision} to be delivered`,
      withinMs: 10_000,
    });
  }
}

export async function follow(store: ElectionStore): Promise<Mirror> {
  const mirror = new Mirror();
  await store.follow(mirror);
  return mirror;
}

export function describeFollowing(use: () => Hands): void {
  it('follow delivers what is there, then every change once, in order, in whole revisions', async () => {
    const folder = freshFolder();
    const before = await write(use().first, `${folder}before`, 'x');
    const mirror = await follow(await use().another());
    expect(mirror.resets).toBe(1);
    expect(mirror.revision).toBeGreaterThanOrEqual(before);
    expect(mirror.entries.get(`${folder}before`)?.value).toBe('x');
    await commit(
      use().first,
      transition([], [put(`${folder}a`, '1'), put(`${folder}b`, '1'), remove(`${folder}before`)]),
    );
    await write(use().second, `${folder}a`, '2');
    await commit(use().first, transition([], [remove(`${folder}b`), remove(`${folder}never`)]));
    const last = await write(use().first, `${folder}end`, '3');
    await mirror.reach(last);
    expect(mirror.told(folder).slice(0, 3).sort()).toEqual(['a=1', 'b=1', 'before deleted']);
    expect(mirror.told(folder).slice(3)).toEqual(['a=2', 'b deleted', 'end=3']);
    expect(mirror.complaints).toEqual([]);
    expect(mirror.resets).toBe(1);
  });

  it('a follower ends up with exactly what a read shows, while many stores write', async () => {
    const folder = freshFolder();
    const mirror = await follow(await use().another());
    const stores = [use().first, use().second];
    const writes = Array.from({ length: 600 }, (_, i) => {
      const key = `${folder}${i % 37}`;
      return commit(
        stores[i % 2] ?? use().first,
        transition([], [i % 5 === 0 ? remove(key) : put(key, `${i}`)]),
      );
    });
    await Promise.all(writes);
    const truth = await use().first.read([{ kind: 'prefix', prefix: folder }], {
      lane: 'observe',
      tenantId: 'ten_contract',
      deadlineMs: performance.now() + 5_000,
    });
    const end = await write(use().first, `${folder}end`, 'x');
    await mirror.reach(end);
    const mirrored = [...mirror.entries.values()].filter(
      ({ key }) => key.startsWith(folder) && key !== `${folder}end`,
    );
    expect(mirrored.sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual(truth.reads[0]);
    expect(mirror.complaints).toEqual([]);
  });

  describeFollowingBounds(use);
}

function describeFollowingBounds(use: () => Hands): void {
  it('delivers 10,000 keys and more at once', async () => {
    const folder = freshFolder();
    const batches = Array.from({ length: 640 }, (_, batch) =>
      commit(
        use().first,
        transition(
          [],
          Array.from({ length: 16 }, (__, i) => put(`${folder}${batch}.${i}`, 'x')),
        ),
      ),
    );
    await Promise.all(batches);
    const mirror = await follow(await use().another());
    expect([...mirror.entries.keys()].filter((key) => key.startsWith(folder))).toHaveLength(10_240);
  });

  it('delivers nothing after close', async () => {
    const store = await use().another();
    const mirror = await follow(store);
    await store.close();
    const seen = mirror.changes.length;
    const witness = await follow(await use().another());
    await witness.reach(await write(use().first, `${freshFolder()}key`, 'x'));
    expect(mirror.changes).toHaveLength(seen);
  });
}

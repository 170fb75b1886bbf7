import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { keys, LANES, SYSTEM_TENANT } from '#election';
import type { EtcdElectionStore } from '#etcd';
import { type EtcdHandle, startPrivateEtcd, waitUntil } from '#testing';
import { gateway, openStore, putting, Recorder, within } from './fixture.js';

const HURRY = { compact: 60_000, measure: 50 };

describe('the outbox in etcd', () => {
  let etcd: EtcdHandle;
  let store: EtcdElectionStore;
  beforeAll(async () => {
    etcd = await startPrivateEtcd();
    store = await openStore(etcd.urls);
  }, 60_000);
  afterAll(async () => {
    await store.close();
    await etcd.stop();
  });

  const keyOf = (sequence: number): string =>
    keys.event({ tenantId: 'ten_a', electionId: 'elc_a' }, 0, sequence);
  const put = (key: string): Promise<unknown> => store.commit(putting(key, 'x'), within(5_000));

  it('is listed page by page as it was at one revision, whatever is written and removed meanwhile', async () => {
    for (const sequence of [1, 2, 3, 4, 5]) await put(keyOf(sequence));
    const { revision } = await store.ping();
    const first = await store.list({ prefix: keys.outbox, revision, limit: 2 });
    expect(first).toMatchObject({ more: true, count: 5 });
    const removal = { guards: [], writes: [{ kind: 'delete' as const, key: keyOf(4) }], reads: [] };
    await store.commit(removal, within(5_000));
    await put(keyOf(6));
    const after = first.entries.at(-1)?.key;
    const second = await store.list({ prefix: keys.outbox, after, revision, limit: 10 });
    expect(second).toMatchObject({ more: false, count: 3 });
    const listed = [...first.entries, ...second.entries].map(({ key }) => key);
    expect(listed).toEqual([1, 2, 3, 4, 5].map(keyOf));
  });

  it('cannot be listed at a revision that was compacted away', async () => {
    const { revision } = await store.ping();
    await put(keyOf(7));
    const { revision: newest } = await store.ping();
    await gateway(etcd.urls[0] ?? '', 'kv/compaction', { revision: newest });
    await expect(store.list({ prefix: keys.outbox, revision, limit: 2 })).rejects.toThrow(
      /could not be read/,
    );
  });

  it('is not part of what a replica starts from, and is followed like all the rest', async () => {
    await put('e/before');
    await put('r/behind');
    const recorder = new Recorder();
    const replica = await openStore(etcd.urls);
    await replica.follow(recorder);
    expect([...recorder.entries.keys()].filter((key) => key.startsWith(keys.outbox))).toEqual([]);
    expect([...recorder.entries.keys()]).toEqual(expect.arrayContaining(['e/before', 'r/behind']));
    await put(keyOf(8));
    await waitUntil(() => recorder.told.includes(`${keyOf(8)}=x`), { what: 'the event' });
    await replica.close();
  });

  it('can be emptied although the store is so full that every other work is shed', async () => {
    const full = await openStore(etcd.urls, { databaseLimitBytes: 1, upkeepMs: HURRY });
    const isShed = async (lane: (typeof LANES)[number]): Promise<boolean> =>
      full.commit(putting('key', 'x'), within(2_000, lane)).then(
        () => false,
        (error: { code: string }) => error.code === 'store.overloaded',
      );
    await waitUntil(() => isShed('renew'), { what: 'load to be shed' });
    for (const lane of LANES) expect(await isShed(lane)).toBe(true);
    const removal = { guards: [], writes: [{ kind: 'delete' as const, key: keyOf(1) }], reads: [] };
    const outcome = await full.commit(removal, within(5_000, 'observe', SYSTEM_TENANT));
    expect(outcome.kind).toBe('committed');
    await full.close();
  });
});

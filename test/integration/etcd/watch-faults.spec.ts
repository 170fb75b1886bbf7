import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EtcdHandle, FaultProxy, startPrivateEtcd, waitUntil } from '#testing';
import type { EtcdElectionStore } from '#etcd';
import { gateway, openStore, putting, Recorder, valueOf, within } from './fixture.js';

describe('the watch', () => {
  let etcd: EtcdHandle;
  let writer: EtcdElectionStore;
  beforeAll(async () => {
    etcd = await startPrivateEtcd();
    writer = await openStore(etcd.urls);
  }, 60_000);
  afterAll(async () => {
    await writer.close();
    await etcd.stop();
  });

  const expected = (folder: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `${folder}/${i % 7}=${i}`);
  const writeAll = async (folder: string, from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i += 1)
      await writer.commit(putting(`${folder}/${i % 7}`, `${i}`), within(5_000));
  };
  const told = (recorder: Recorder, folder: string): string[] =>
    recorder.told.filter((line) => line.startsWith(`${folder}/`));

  it('loses nothing and repeats nothing when it is cut at any moment between "created" and the data', async () => {
    const proxy = await FaultProxy.start(etcd.urls[0] ?? '');
    const store = await openStore([proxy.url]);
    const recorder = new Recorder();
    await store.follow(recorder);
    // etcd answers "created" at once and looks for older events every 100 ms: cuts over that span hit between.
    for (let round = 0; round < 12; round += 1) {
      proxy.cut();
      await writeAll('cut', round * 10, round * 10 + 10);
      const accepted = proxy.accepted;
      proxy.pass();
      await waitUntil(() => proxy.accepted > accepted, { what: 'the watch to connect again', everyMs: 2 });
      await new Promise((resolve) => setTimeout(resolve, 8 * round));
    }
    proxy.cut();
    proxy.pass();
    await waitUntil(() => told(recorder, 'cut').length >= 120, { what: 'all changes', withinMs: 10_000 });
    expect(told(recorder, 'cut')).toEqual(expected('cut', 120));
    expect(recorder.resets).toBe(1);
    await store.close();
    await proxy.close();
  }, 60_000);

  it('lists everything again when history was compacted while it was disconnected', async () => {
    const proxy = await FaultProxy.start(etcd.urls[0] ?? '');
    const store = await openStore([proxy.url]);
    const recorder = new Recorder();
    await store.follow(recorder);
    await writer.commit(putting('compacted/gone', 'x'), within(5_000));
    await waitUntil(() => recorder.entries.has('compacted/gone'), { what: 'the first key' });
    proxy.cut();
    await writeAll('compacted', 0, 30);
    const removal = { guards: [], writes: [{ kind: 'delete' as const, key: 'compacted/gone' }], reads: [] };
    const { revision } = (await writer.commit(removal, within(5_000))) as { revision: number };
    await gateway(etcd.urls[0] ?? '', 'kv/compaction', { revision });
    proxy.pass();
    await waitUntil(() => recorder.resets === 2, { what: 'the second listing', withinMs: 10_000 });
    await writer.commit(putting('compacted/after', 'x'), within(5_000));
    await waitUntil(() => recorder.entries.has('compacted/after'), { what: 'the change after it' });
    expect(recorder.entries.has('compacted/gone')).toBe(false);
    expect(recorder.entries.get('compacted/1')?.value).toBe('29');
    await store.close();
    await proxy.close();
  }, 60_000);

  it('leaves a member that is silent for one that speaks', async () => {
    const proxy = await FaultProxy.start(etcd.urls[0] ?? '');
    const store = await openStore([proxy.url, ...etcd.urls]);
    const recorder = new Recorder();
    await store.follow(recorder);
    proxy.blackhole();
    await writeAll('silent', 0, 20);
    await waitUntil(() => told(recorder, 'silent').length >= 20, { what: 'all changes', withinMs: 6_000 });
    expect(told(recorder, 'silent')).toEqual(expected('silent', 20));
    expect(recorder.resets).toBe(1);
    await store.close();
    await proxy.close();
  }, 30_000);

  it('goes on when the follower throws', async () => {
    const store = await openStore(etcd.urls);
    const recorder = new Recorder();
    let thrown = 0;
    await store.follow({
      reset: (entries, revision) => recorder.reset(entries, revision),
      apply: (changes, revision) => {
        recorder.apply(changes, revision);
        thrown += 1;
        throw new Error('a mistake of the follower');
      },
    });
    await writeAll('throws', 0, 3);
    await waitUntil(() => told(recorder, 'throws').length === 3, { what: 'all changes' });
    expect(told(recorder, 'throws')).toEqual(expected('throws', 3));
    expect(thrown).toBeGreaterThanOrEqual(1);
    await store.close();
  });

  it('pages through a listing while the store is written to, and shows one single revision', async () => {
    const folder = 'many';
    const batches = Array.from({ length: 700 }, (_, batch) =>
      writer.commit(
        {
          guards: [],
          writes: Array.from({ length: 36 }, (__, i) => ({
            kind: 'put',
            key: `${folder}/${batch}.${i}`,
            value: '0',
          })),
          reads: [],
        },
        within(20_000),
      ),
    );
    await Promise.all(batches);
    let stop = false;
    const busy = (async () => {
      for (let i = 1; !stop; i += 1) {
        // Both keys always change together, and lie on different pages.
        const writes = [`${folder}/0.0`, `${folder}/699.35`].map((key) => ({
          kind: 'put' as const,
          key,
          value: `${i}`,
        }));
        await writer.commit({ guards: [], writes, reads: [] }, within(5_000));
      }
    })();
    const store = await openStore(etcd.urls);
    const recorder = new Recorder();
    let listed: (string | undefined)[] = [];
    await store.follow({
      reset: (entries, revision) => {
        recorder.reset(entries, revision);
        listed = [`${folder}/0.0`, `${folder}/699.35`].map((key) => recorder.entries.get(key)?.value);
      },
      apply: (changes, revision) => recorder.apply(changes, revision),
    });
    stop = true;
    await busy;
    expect([...recorder.entries.keys()].filter((key) => key.startsWith(`${folder}/`))).toHaveLength(25_200);
    expect(listed[0]).toBe(listed[1]);
    const last = await valueOf(writer, `${folder}/0.0`);
    await waitUntil(() => recorder.entries.get(`${folder}/0.0`)?.value === last, { what: 'the last change' });
    await store.close();
  }, 60_000);
});

describe('the watch on a cluster', () => {
  it('moves on from a member that is cut off from the others', async () => {
    const etcd = await startPrivateEtcd({ members: 3 });
    const leader = await etcd.leader();
    const [first, second] = etcd.members.filter((member) => member !== leader);
    if (!first || !second) throw new Error('The cluster has too few members.');
    const store = await openStore([first.clientUrl, second.clientUrl]);
    const recorder = new Recorder();
    await store.follow(recorder);
    first.pause();
    const outcome = await store.commit(putting('cut-off', 'x'), within(4_000));
    if (outcome.kind === 'fenced') await store.commit(putting('cut-off', 'x'), within(4_000));
    await waitUntil(() => recorder.entries.has('cut-off'), {
      what: 'the change through another member',
      withinMs: 6_000,
    });
    expect(recorder.resets).toBe(1);
    first.resume();
    await store.close();
    await etcd.stop();
  }, 60_000);
});

import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { encode, keys } from '#election';
import { type EtcdHandle, onFreePorts, startPrivateEtcd, temporaryFolder, waitUntil } from '#testing';
import { startEtcd } from '../../../libs/testing/src/local-stack/index.js';
import { base64, gateway, openStore, PREFIX, putting, Recorder, timed, valueOf, within } from './fixture.js';

describe('the epoch', () => {
  let etcd: EtcdHandle;
  beforeAll(async () => {
    etcd = await startPrivateEtcd();
  }, 60_000);
  afterAll(async () => etcd.stop());

  /** What the restore command will do, behind the stores' backs. */
  const setEpoch = async (prefix: string, epoch: number, settled = true): Promise<void> => {
    const put = { key: base64(prefix + keys.epoch), value: base64(encode({ epoch, settled })) };
    await gateway(etcd.urls[0] ?? '', 'kv/put', put);
  };

  it('is created once, settled and 0, however many stores open a new deployment at once', async () => {
    const stores = await Promise.all(
      Array.from({ length: 5 }, () => openStore(etcd.urls, { prefix: 'new/' })),
    );
    for (const store of stores) expect(store.epoch()).toEqual({ epoch: 0, settled: true });
    await setEpoch('new/', 3);
    const late = await openStore(etcd.urls, { prefix: 'new/' });
    expect(late.epoch()).toEqual({ epoch: 3, settled: true });
    await Promise.all([...stores, late].map((store) => store.close()));
  });

  it('guards every commit: what was decided before it was raised never commits after it', async () => {
    const store = await openStore(etcd.urls, { prefix: 'raised/' });
    await setEpoch('raised/', 1, false);
    const before = Array.from({ length: 100 }, (_, i) =>
      store.commit(putting(`before/${i}`, 'x'), within(5_000)),
    );
    const kinds = new Set((await Promise.all(before)).map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['fenced']));
    expect(store.epoch()).toEqual({ epoch: 1, settled: false });
    expect(await valueOf(store, 'before/0')).toBeUndefined();
    expect((await store.commit(putting('after', 'x'), within(5_000))).kind).toBe('committed');
    await store.close();
  });

  it('binds a transition to the epoch that it says it was decided under', async () => {
    const store = await openStore(etcd.urls, { prefix: 'bound/' });
    const old = store.epoch();
    await setEpoch('bound/', 1);
    await waitUntil(
      () => store.commit(putting('probe', 'x'), within(1_000)).then(() => store.epoch().epoch === 1),
      {
        what: 'the new epoch',
      },
    );
    const late = await store.commit(putting('late', 'x'), { ...within(5_000), epoch: old });
    expect(late).toEqual({ kind: 'fenced' });
    expect(await valueOf(store, 'late')).toBeUndefined();
    const current = await store.commit(putting('late', 'y'), { ...within(5_000), epoch: store.epoch() });
    expect(current.kind).toBe('committed');
    await store.close();
  });

  it('is followed by the watch, before the follower hears of it', async () => {
    const store = await openStore(etcd.urls, { prefix: 'watched/' });
    const seen: number[] = [];
    const recorder = new Recorder();
    await store.follow({
      reset: (entries, revision) => recorder.reset(entries, revision),
      apply: (changes, revision) => {
        recorder.apply(changes, revision);
        seen.push(store.epoch().epoch);
      },
    });
    await setEpoch('watched/', 1);
    await waitUntil(() => seen.includes(1), { what: 'the new epoch' });
    expect(recorder.told[seen.indexOf(1)]).toContain('g/epoch=');
    expect((await store.commit(putting('key', 'x'), within(5_000))).kind).toBe('committed');
    await store.close();
  });

  it.each([
    [
      'was lost',
      async (prefix: string) =>
        void (await gateway(etcd.urls[0] ?? '', 'kv/deleterange', { key: base64(prefix + keys.epoch) })),
    ],
    ['went back', async (prefix: string) => setEpoch(prefix, 4)],
  ])('that %s stops every commit until it is whole again', async (what, harm) => {
    const prefix = `${what.replace(' ', '-')}/`;
    const first = await openStore(etcd.urls, { prefix });
    await first.close();
    await setEpoch(prefix, 5);
    const store = await openStore(etcd.urls, { prefix });
    await harm(prefix);
    const refused = await timed(store.commit(putting('key', 'x'), within(1_000)));
    expect(refused.error).toMatchObject({ code: 'store.unavailable', extras: { executed: false } });
    await setEpoch(prefix, 6);
    await waitUntil(() => store.epoch().epoch === 6, { what: 'the store to be trusted again' });
    expect((await store.commit(putting('key', 'x'), within(5_000))).kind).toBe('committed');
    await store.close();
  });

  it('and the write fence survive a writer key that somebody removed', async () => {
    const store = await openStore(etcd.urls, { processId: 'prc_swept' });
    await gateway(etcd.urls[0] ?? '', 'kv/deleterange', { key: base64(PREFIX + keys.writer('prc_swept')) });
    expect((await store.commit(putting('swept', 'x'), within(5_000))).kind).toBe('committed');
    await store.close();
  });
});

describe('a store that was put back to an older state', () => {
  const running: EtcdHandle[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((etcd) => etcd.stop()));
  });

  /** Stops one etcd and starts another one on its ports, with the epoch that an old backup would hold. */
  async function replace(etcd: EtcdHandle, ports: { client: number; peer: number }): Promise<EtcdHandle> {
    await etcd.stop();
    const fresh = await startEtcdOn(ports);
    const put = { key: base64(PREFIX + keys.epoch), value: base64(encode({ epoch: 0, settled: true })) };
    await gateway(fresh.urls[0] ?? '', 'kv/put', put);
    return fresh;
  }

  const startEtcdOn = async (port: { client: number; peer: number }): Promise<EtcdHandle> => {
    const folder = temporaryFolder();
    const etcd = await startEtcd({ ports: [port], dataFolder: join(folder, 'data'), logFolder: folder });
    running.push(etcd);
    return etcd;
  };

  it('commits nothing until its epoch is raised, and is then listed again', async () => {
    const { original, ports } = await onFreePorts(2, async ([client = 0, peer = 0]) => {
      const free = { client, peer };
      return { original: await startEtcdOn(free), ports: free };
    });
    const lines: string[] = [];
    const store = await openStore(original.urls, { log: (_, message) => lines.push(message) });
    const recorder = new Recorder();
    await store.follow(recorder);
    // Far more than the fences that will be tried in vain: the newer history must not grow past the old one.
    for (let i = 0; i < 300; i += 1) await store.commit(putting('key', `${i}`), within(5_000));
    const restored = await replace(original, ports);

    const during = await timed(store.commit(putting('key', 'granted again'), within(3_000)));
    expect(during.error).toMatchObject({ code: 'store.unavailable' });
    expect(lines.some((line) => line.includes('went back in time'))).toBe(true);
    expect(recorder.resets).toBe(1);

    const put = { key: base64(PREFIX + keys.epoch), value: base64(encode({ epoch: 1, settled: false })) };
    await gateway(restored.urls[0] ?? '', 'kv/put', put);
    await waitUntil(() => store.epoch().epoch === 1, { what: 'the store to be trusted again' });
    await waitUntil(() => recorder.resets === 2, { what: 'the second listing', withinMs: 8_000 });
    expect((await store.commit(putting('key', 'in the new epoch'), within(5_000))).kind).toBe('committed');
    await waitUntil(() => recorder.entries.get('key')?.value === 'in the new epoch', {
      what: 'the change',
    });
    await store.close();
  }, 60_000);
});

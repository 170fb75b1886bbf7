import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Transition } from '#election';
import type { EtcdElectionStore } from '#etcd';
import { type EtcdHandle, startPrivateEtcd } from '#testing';
import { openStore, putting, valueOf, within } from './fixture.js';

/** etcd refuses a transaction that puts one key twice, and everything that travels with it. */
const DOUBLE_PUT: Transition = {
  guards: [],
  writes: [
    { kind: 'put', key: 'poison', value: '1' },
    { kind: 'put', key: 'poison', value: '2' },
  ],
  reads: [],
};
const OVERSIZE = putting('poison', 'x'.repeat(2_000_000));
const TOO_WIDE: Transition = {
  guards: Array.from({ length: 200 }, (_, i) => ({ kind: 'absent', key: `poison/${i}` })),
  writes: [{ kind: 'put', key: 'poison', value: 'x' }],
  reads: [],
};

describe('a transition that etcd refuses', () => {
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

  it.each([
    ['puts a key twice', DOUBLE_PUT],
    ['is larger than etcd takes', OVERSIZE],
    ['has more operations than etcd takes', TOO_WIDE],
  ])(
    'because it %s fails alone, with a definite answer, and harms nobody who travels with it',
    async (_, poison) => {
      const good = Array.from({ length: 60 }, (__, i) =>
        store.commit(putting(`good/${i}`, 'x'), within(5_000)),
      );
      const bad = store.commit(poison, within(5_000));
      const more = Array.from({ length: 60 }, (__, i) =>
        store.commit(putting(`more/${i}`, 'x'), within(5_000)),
      );
      const failure = expect(bad).rejects.toMatchObject({
        code: 'internal.unexpected',
        extras: { executed: false },
      });
      const outcomes = await Promise.all([...good, ...more]);
      expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['committed']));
      await failure;
      expect(await valueOf(store, 'poison')).toBeUndefined();
    },
  );

  it('does not keep others from being told apart when there are several of it', async () => {
    const works = Array.from({ length: 64 }, (_, i) =>
      store.commit(i % 9 === 0 ? DOUBLE_PUT : putting(`mixed/${i}`, `${i}`), within(5_000)).then(
        ({ kind }) => kind,
        (error: { code: string }) => error.code,
      ),
    );
    const expected = Array.from({ length: 64 }, (_, i) =>
      i % 9 === 0 ? 'internal.unexpected' : 'committed',
    );
    expect(await Promise.all(works)).toEqual(expected);
  });
});

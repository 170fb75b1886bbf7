import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EtcdElectionStore } from '#etcd';
import { type EtcdHandle, startPrivateEtcd } from '#testing';
import { openStore, putting, within } from './fixture.js';

const ENTRIES = 12;
const BYTES = 900_000;

describe('an answer of etcd', () => {
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

  it('is taken whole although it is larger than the 4 MB that gRPC takes by default', async () => {
    const values = Array.from({ length: ENTRIES }, (_, i) => String.fromCharCode(97 + i).repeat(BYTES));
    for (const [i, value] of values.entries())
      await store.commit(putting(`large/${String(i).padStart(2, '0')}`, value), within(5_000));
    const { revision } = await store.ping();
    const page = await store.list({ prefix: 'large/', revision, limit: ENTRIES });
    expect(page.entries.map(({ value }) => value)).toEqual(values);
    const { reads } = await store.read([{ kind: 'prefix', prefix: 'large/' }], within(5_000));
    expect(reads[0]?.map(({ value }) => value)).toEqual(values);
  }, 30_000);
});

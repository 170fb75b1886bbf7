import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EtcdElectionStore } from '#etcd';
import { type EtcdHandle, type EtcdMember, FaultProxy, startPrivateEtcd, waitUntil } from '#testing';
import { openStore, putting, timed, within } from './fixture.js';

/** Calls as the HTTP edge makes them: an answer is due after 2 s, whatever happens. */
const DUE_MS = 2_000;
/** For the processor to come round to an answer that is due; a call that hangs takes far longer. */
const ROUND_MS = 1_000;

describe('while etcd is away', () => {
  let etcd: EtcdHandle;
  let member: EtcdMember;
  let proxy: FaultProxy;
  let store: EtcdElectionStore;
  beforeAll(async () => {
    etcd = await startPrivateEtcd();
    const [only] = etcd.members;
    if (!only) throw new Error('The cluster has no member.');
    member = only;
    proxy = await FaultProxy.start(member.clientUrl);
    store = await openStore([proxy.url]);
  }, 60_000);
  beforeEach(async () => {
    // What a test that failed has left behind is not the next one's.
    proxy.pass();
    await waitUntil(() => store.ping(), { what: 'etcd to answer', withinMs: 10_000 });
  });
  afterAll(async () => {
    await store.close();
    await proxy.close();
    await etcd.stop();
  });

  /** Every call fails in time, and those after the first promise that nothing was executed. */
  async function expectRefusals(): Promise<void> {
    const first = Array.from({ length: 20 }, (_, i) =>
      timed(store.commit(putting(`first/${i}`, 'x'), within(DUE_MS))),
    );
    for (const { ms, error } of await Promise.all(first)) {
      expect(error).toMatchObject({ code: 'store.unavailable', extras: { retryAfterMs: 1_000 } });
      expect(ms).toBeLessThan(DUE_MS + ROUND_MS);
    }
    const next = await timed(store.commit(putting('next', 'x'), within(DUE_MS)));
    expect(next.error).toMatchObject({ code: 'store.unavailable', extras: { executed: false } });
    expect(next.ms).toBeLessThan(DUE_MS + ROUND_MS);
    const read = await timed(store.read([{ kind: 'key', key: 'next' }], within(DUE_MS, 'observe')));
    expect(read.error).toMatchObject({ code: 'store.unavailable', extras: { executed: false } });
  }

  /** Asks as impatient callers do, from the moment etcd is back. */
  async function expectServiceWithinASecond(): Promise<void> {
    const { ms } = await timed(
      waitUntil(() => store.commit(putting('back', 'x'), within(200)), {
        what: 'service',
        withinMs: 5_000,
        everyMs: 5,
      }),
    );
    expect(ms).toBeLessThan(1_000 + ROUND_MS);
  }

  it('refuses connections: calls fail in 2 s, and service is back within a second of its return', async () => {
    proxy.cut();
    await expectRefusals();
    proxy.pass();
    await expectServiceWithinASecond();
  }, 30_000);

  it('swallows everything: calls fail in 2 s, and service is back within a second of its return', async () => {
    proxy.blackhole();
    await expectRefusals();
    proxy.pass();
    await expectServiceWithinASecond();
  }, 30_000);

  it('is frozen: calls fail in 2 s, and service is back within a second of its return', async () => {
    member.pause();
    await expectRefusals();
    member.resume();
    await expectServiceWithinASecond();
  }, 30_000);

  it('is killed: calls fail in 2 s, and service is back within a second of its return', async () => {
    await member.kill();
    await expectRefusals();
    await member.restart();
    await expectServiceWithinASecond();
  }, 30_000);

  it('open gives up in time and says why', async () => {
    const late = await timed(openStore(['http://127.0.0.1:1'], { openTimeoutMs: 500 }));
    expect(late.error).toMatchObject({ code: 'store.unavailable', extras: { executed: false } });
    expect(late.ms).toBeLessThan(500 + ROUND_MS);
  });
});

describe('a cluster that loses a member', () => {
  let etcd: EtcdHandle;
  beforeAll(async () => {
    etcd = await startPrivateEtcd({ members: 3 });
  }, 60_000);
  afterAll(async () => etcd.stop());

  it('serves every call through the members that are left', async () => {
    for (const fault of ['kill', 'pause'] as const) {
      const victim = await etcd.leader();
      const store = await openStore([
        victim.clientUrl,
        ...etcd.urls.filter((url) => url !== victim.clientUrl),
      ]);
      await store.commit(putting('before', 'x'), within(5_000));
      await victim[fault]();
      const outcomes = Array.from({ length: 50 }, (_, i) =>
        store.commit(putting(`during/${i}`, 'x'), within(4_000)),
      );
      for (const { kind } of await Promise.all(outcomes)) expect(['committed', 'fenced']).toContain(kind);
      await store.close();
      if (fault === 'kill') await victim.restart();
      else victim.resume();
      await waitUntil(() => victim.untilHealthy().then(() => true), {
        what: 'the member to be back',
        withinMs: 20_000,
      });
    }
  }, 60_000);
});

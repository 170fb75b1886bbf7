import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EtcdHandle, type EtcdMember, FaultProxy, startPrivateEtcd, waitUntil } from '#testing';
import { base64, gateway, openStore, PREFIX, putting, timed, valueOf, within } from './fixture.js';

describe('a group frozen in one etcd member', () => {
  let etcd: EtcdHandle;
  beforeAll(async () => {
    etcd = await startPrivateEtcd({ members: 3 });
  }, 60_000);
  afterAll(async () => etcd.stop());

  async function aFollower(): Promise<EtcdMember> {
    const leader = await etcd.leader();
    const member = etcd.members.find((candidate) => candidate !== leader);
    if (!member) throw new Error('The cluster has one member only.');
    return member;
  }

  it('never commits after its caller was told that it cannot, although the same request without a fence does', async () => {
    const frozen = await aFollower();
    const others = etcd.members.filter((member) => member !== frozen).map((member) => member.clientUrl);
    let fences = 0;
    const store = await openStore([frozen.clientUrl, ...others], { meter: { fenced: () => (fences += 1) } });
    await store.commit(putting('before', 'x'), within(5_000));

    frozen.pause();
    const put = { key: base64(`${PREFIX}unfenced`), value: base64('x') };
    const unfenced = gateway(frozen.clientUrl, 'kv/txn', { success: [{ requestPut: put }] });
    const { value: outcome, ms } = await timed(store.commit(putting('late', 'x'), within(4_000)));
    expect(outcome).toEqual({ kind: 'fenced' });
    expect(ms).toBeLessThan(2_000);
    expect(fences).toBe(1);
    expect(await valueOf(store, 'late')).toBeUndefined();

    frozen.resume();
    await unfenced;
    expect(await valueOf(store, 'unfenced')).toBe('x');
    // The group came in before; give it every chance that the other request had.
    const direct = await openStore([frozen.clientUrl]);
    for (let i = 0; i < 20; i += 1) await direct.commit(putting('after', `${i}`), within(5_000));
    expect(await valueOf(direct, 'late')).toBeUndefined();
    expect((await store.commit(putting('late', 'decided again'), within(5_000))).kind).toBe('committed');
    await Promise.all([store.close(), direct.close()]);
  }, 30_000);

  it('holds up nobody for longer than one call and one fence', async () => {
    const frozen = await aFollower();
    const others = etcd.members.filter((member) => member !== frozen).map((member) => member.clientUrl);
    const store = await openStore([frozen.clientUrl, ...others]);
    await store.commit(putting('before', 'x'), within(5_000));
    frozen.pause();
    try {
      const early = store.commit(putting('early', 'x'), within(3_000));
      const later = Array.from({ length: 100 }, (_, i) =>
        store.commit(putting(`later/${i}`, 'x'), within(3_000)),
      );
      const { ms } = await timed(Promise.all([early, ...later]));
      expect(ms).toBeLessThan(2_000);
    } finally {
      frozen.resume();
      await store.close();
    }
  }, 30_000);
});

describe('a lost reply', () => {
  let etcd: EtcdHandle;
  let proxy: FaultProxy;
  beforeAll(async () => {
    etcd = await startPrivateEtcd();
    proxy = await FaultProxy.start(etcd.urls[0] ?? '');
  }, 60_000);
  afterAll(async () => {
    await proxy.close();
    await etcd.stop();
  });

  it('is answered fenced, and the read after it shows that the transition had committed', async () => {
    const store = await openStore([proxy.url]);
    const witness = await openStore(etcd.urls);
    proxy.holdReplies();
    const pending = store.commit(putting('won', 'x'), within(5_000));
    await waitUntil(() => valueOf(witness, 'won'), { what: 'the transition to commit' });
    proxy.disconnect();
    proxy.pass();
    expect(await pending).toEqual({ kind: 'fenced' });
    expect(await valueOf(store, 'won')).toBe('x');
    await Promise.all([store.close(), witness.close()]);
  }, 30_000);

  it('repeats reads without asking anyone', async () => {
    const store = await openStore([proxy.url]);
    await store.commit(putting('read', 'x'), within(5_000));
    proxy.holdReplies();
    const pending = valueOf(store, 'read');
    await waitUntil(() => proxy.heldReplyBytes > 0, { what: 'the reply to be on its way' });
    proxy.disconnect();
    proxy.pass();
    expect(await pending).toBe('x');
    await store.close();
  }, 30_000);

  it('is answered "unknown" where not even the fence can be committed in time, and the fence comes first after it', async () => {
    const store = await openStore([proxy.url]);
    const witness = await openStore(etcd.urls);
    await store.commit(putting('known', 'x'), within(5_000));
    proxy.holdReplies();
    const { ms, error } = await timed(store.commit(putting('unknown', 'x'), within(1_500)));
    expect(error).toMatchObject({
      code: 'store.unavailable',
      extras: { executed: 'unknown', retryAfterMs: 1_000 },
    });
    expect(ms).toBeLessThan(1_700);
    const unsent = await timed(store.commit(putting('unsent', 'x'), within(500)));
    expect(unsent.error).toMatchObject({ code: 'store.unavailable', extras: { executed: false } });
    proxy.disconnect();
    proxy.pass();
    const again = await timed(store.commit(putting('again', 'x'), within(3_000)));
    expect(again.value?.kind).toBe('committed');
    expect(again.ms).toBeLessThan(1_000);
    expect(await valueOf(witness, 'unsent')).toBeUndefined();
    await Promise.all([store.close(), witness.close()]);
  }, 30_000);
});

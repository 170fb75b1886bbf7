import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IncumbentError } from '#core';
import { waitUntil } from '#testing';
import { type CommitOptions, type Outcome, type Transition, encode, keys } from '#election';
import { BY, type Scene, codeOf, newScene } from './scene.js';

let scene: Scene;
beforeEach(async () => {
  scene = await newScene();
});
afterEach(() => scene.end());

const put = (key: string, record: object): void => {
  scene.data.commit({ guards: [], writes: [{ kind: 'put', key, value: encode(record) }], reads: [] });
};
const remove = (key: string): void => {
  scene.data.commit({ guards: [], writes: [{ kind: 'delete', key }], reads: [] });
};

describe('mirror', () => {
  it('is mended to equal Postgres: what is missing, different and too many', async () => {
    const { tenants, apiKeys, reconciler, mirrored } = scene;
    const [one, other] = [
      await tenants.create({ name: 'one' }, BY),
      await tenants.create({ name: 'other' }, BY),
    ];
    const made = await apiKeys.create(one.id, { name: 'a' }, BY);
    const changed = await apiKeys.create(one.id, { name: 'b' }, BY);
    const truth = mirrored();
    expect(await reconciler.run()).toBe(0);
    remove(keys.apiKey(made.id));
    remove(keys.tenant(one.id));
    put(keys.apiKey(changed.id), { tenantId: one.id, hash: 'x', scopes: ['keys:manage'] });
    put(keys.tenant(other.id), { status: 'suspended', maxCandidatesPerElection: 1 });
    put(keys.apiKey('key_stray'), { tenantId: one.id, hash: 'x', scopes: [] });
    put(keys.tenant('ten_stray'), { status: 'active', maxCandidatesPerElection: 1 });
    expect(await reconciler.run()).toBe(6);
    expect(mirrored()).toEqual(truth);
    expect(await reconciler.run()).toBe(0);
  });

  it('completes a revocation whose mirror write failed: by the next try, or else by itself', async () => {
    const { tenants, apiKeys, store, authenticator, reconciler } = scene;
    const { id } = await tenants.create({ name: 'one' }, BY);
    const [first, second] = [
      await apiKeys.create(id, { name: 'a' }, BY),
      await apiKeys.create(id, { name: 'b' }, BY),
    ];
    store.partitioned = true;
    expect(await codeOf(apiKeys.revoke({ tenantId: id }, first.id, BY))).toBe('store.unavailable');
    expect(await codeOf(apiKeys.revoke({ tenantId: id }, second.id, BY))).toBe('store.unavailable');
    store.partitioned = false;
    await apiKeys.revoke({ tenantId: id }, first.id, BY);
    await reconciler.run();
    for (const { key } of [first, second])
      expect(() => authenticator.authenticate(`Bearer ${key}`)).toThrow();
  });

  it('writes the newest row even when copies overtake each other', async () => {
    const { tenants, mirror, store, fresh, mirrored } = scene;
    const { id } = await tenants.create({ name: 'one' }, BY);
    const commit = store.commit.bind(store);
    const [entered, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    store.commit = async (transition: Transition, options: CommitOptions): Promise<Outcome> => {
      store.commit = commit;
      entered.resolve();
      await held.promise;
      return commit(transition, options);
    };
    const slow = mirror.copyTenant(id);
    await entered.promise;
    const suspended = tenants.change(id, { status: 'suspended' }, BY);
    const queued = waitUntil(
      async () => (await fresh.ask('SELECT 1 FROM pg_locks WHERE NOT granted')).length > 0,
      {
        what: 'the change to queue behind the copy',
      },
    );
    await Promise.race([suspended, queued]);
    held.resolve();
    await Promise.all([slow, suspended]);
    expect(mirrored().tenants.get(id)?.status).toBe('suspended');
  });

  it('repeats a write whose outcome the store did not say, and gives up honestly', async () => {
    const { tenants, mirror, store, mirrored } = scene;
    const { id } = await tenants.create({ name: 'one' }, BY);
    remove(keys.tenant(id));
    const commit = store.commit.bind(store);
    let fenced = 2;
    store.commit = async (transition, options) =>
      fenced-- > 0 ? { kind: 'fenced' } : commit(transition, options);
    await mirror.copyTenant(id);
    expect(mirrored().tenants.has(id)).toBe(true);
    fenced = Number.POSITIVE_INFINITY;
    const failure = await mirror.copyTenant(id).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(IncumbentError);
    expect(failure).toMatchObject({ code: 'store.unavailable', extras: { executed: 'unknown' } });
  });

  it('removes nothing when the database turns out to be an empty one', async () => {
    const { tenants, fresh, reconciler, mirrored } = scene;
    await tenants.create({ name: 'one' }, BY);
    await fresh.ask('TRUNCATE tenants CASCADE');
    expect(await reconciler.run()).toBe(0);
    expect(mirrored().tenants.size).toBe(1);
  });
});

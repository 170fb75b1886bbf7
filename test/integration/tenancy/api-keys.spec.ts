import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_SCOPES } from '#tenancy';
import { BY, type Scene, codeOf, newScene } from './scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await newScene();
});
afterAll(() => scene.end());

describe('API keys', () => {
  it('let their holder in with what they were given, and only their hash is stored', async () => {
    const { tenants, apiKeys, authenticator, fresh, data } = scene;
    const { id } = await tenants.create({ name: 'a' }, BY);
    const expiresAt = new Date('2100-01-01T00:00:00.000Z');
    const made = await apiKeys.create(
      id,
      {
        name: 'ci',
        scopes: ['elections:read'],
        electionPrefix: 'ci-',
        expiresAt,
      },
      BY,
    );
    expect(authenticator.authenticate(`Bearer ${made.key}`)).toEqual({
      keyId: made.id,
      tenantId: id,
      scopes: ['elections:read'],
      electionPrefix: 'ci-',
      expiresAt: expiresAt.toISOString(),
      suspended: false,
    });
    const secret = made.key.slice(-38, -6);
    const stored = JSON.stringify([await fresh.ask('SELECT * FROM api_keys'), [...data.entries.values()]]);
    expect(stored).toContain(made.id);
    expect(stored).not.toContain(secret);
    expect(await apiKeys.get({ tenantId: id }, made.id)).toEqual({ ...made, key: undefined });
  });

  it('may do everything about elections and nothing about keys when nobody says', async () => {
    const { tenants, apiKeys, authenticator } = scene;
    const { id } = await tenants.create({ name: 'b' }, BY);
    const made = await apiKeys.create(id, { name: 'plain' }, BY);
    expect(authenticator.authenticate(`Bearer ${made.key}`).scopes).toEqual(DEFAULT_SCOPES);
    expect(DEFAULT_SCOPES).not.toContain('keys:manage');
  });

  it('are refused once revoked; revoking again is harmless', async () => {
    const { tenants, apiKeys, authenticator } = scene;
    const { id } = await tenants.create({ name: 'c' }, BY);
    const made = await apiKeys.create(id, { name: 'short-lived' }, BY);
    await apiKeys.revoke({ tenantId: id }, made.id, BY);
    expect(() => authenticator.authenticate(`Bearer ${made.key}`)).toThrow();
    await apiKeys.revoke({ tenantId: id }, made.id, BY);
    expect(await codeOf(apiKeys.get({ tenantId: id }, made.id))).toBe('api_key.not_found');
    expect((await apiKeys.list({ tenantId: id }, { limit: 10 })).data).toEqual([]);
  });

  it('are invisible and untouchable from another tenant', async () => {
    const { tenants, apiKeys, authenticator } = scene;
    const [own, other] = [await tenants.create({ name: 'd' }, BY), await tenants.create({ name: 'e' }, BY)];
    const made = await apiKeys.create(own.id, { name: 'mine' }, BY);
    expect(await codeOf(apiKeys.get({ tenantId: other.id }, made.id))).toBe('api_key.not_found');
    expect(await codeOf(apiKeys.revoke({ tenantId: other.id }, made.id, BY))).toBe('api_key.not_found');
    expect((await apiKeys.list({ tenantId: other.id }, { limit: 10 })).data).toEqual([]);
    expect(authenticator.authenticate(`Bearer ${made.key}`).keyId).toBe(made.id);
  });

  it('stay within the quota under any concurrency; a revoked one makes room', async () => {
    const { tenants, apiKeys } = scene;
    const { id } = await tenants.create({ name: 'f', quota: { maxApiKeys: 3 } }, BY);
    const codes = await Promise.all(
      Array.from({ length: 8 }, (_, at) => codeOf(apiKeys.create(id, { name: `${at}` }, BY))),
    );
    expect(codes.filter((code) => code === 'none')).toHaveLength(3);
    expect(codes.filter((code) => code === 'limit.quota_exceeded')).toHaveLength(5);
    const [first] = (await apiKeys.list({ tenantId: id }, { limit: 1 })).data;
    await apiKeys.revoke({ tenantId: id }, first?.id ?? '', BY);
    expect(await codeOf(apiKeys.create(id, { name: 'again' }, BY))).toBe('none');
  });

  it('leave nothing behind when the mirror cannot be written: the caller never saw the key', async () => {
    const { tenants, apiKeys, store, reconciler, mirrored } = scene;
    const { id } = await tenants.create({ name: 'g', quota: { maxApiKeys: 1 } }, BY);
    store.partitioned = true;
    expect(await codeOf(apiKeys.create(id, { name: 'lost' }, BY))).toBe('store.unavailable');
    store.partitioned = false;
    expect(await codeOf(apiKeys.create(id, { name: 'second try' }, BY))).toBe('none');
    await reconciler.run();
    expect([...mirrored().apiKeys.values()].filter((key) => key.tenantId === id)).toHaveLength(1);
  });
});

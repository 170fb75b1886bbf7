import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_QUOTA, type TenantSearch } from '#tenancy';
import { BY, GRACE_MS, type Scene, codeOf, newScene } from './scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await newScene();
});
afterAll(() => scene.end());

describe('tenants', () => {
  it('are created with the default quota where none is given, and mirrored', async () => {
    const { tenants, mirrored } = scene;
    const tenant = await tenants.create({ name: 'Acme', quota: { maxCandidatesPerElection: 7 } }, BY);
    expect(tenant).toMatchObject({
      id: expect.stringMatching(/^ten_/),
      name: 'Acme',
      status: 'active',
      quota: { ...DEFAULT_QUOTA, maxCandidatesPerElection: 7 },
    });
    expect(await tenants.get(tenant.id)).toEqual(tenant);
    expect(mirrored().tenants.get(tenant.id)).toEqual({
      status: 'active',
      maxCandidatesPerElection: 7,
      maxSessions: 10_000,
      maxCandidaciesPerSession: 1_000,
      maxStreams: 1_000,
      minTtlMs: 200,
      requestsPerSecond: 500,
    });
  });

  it('change what is named and nothing else', async () => {
    const { tenants, mirrored } = scene;
    const { id, quota } = await tenants.create({ name: 'Before' }, BY);
    expect(await tenants.change(id, { quota: { maxElections: 3 } }, BY)).toMatchObject({
      name: 'Before',
      status: 'active',
      quota: { ...quota, maxElections: 3 },
    });
    expect(await tenants.change(id, { name: 'After', status: 'suspended' }, BY)).toMatchObject({
      name: 'After',
      status: 'suspended',
      quota: { ...quota, maxElections: 3 },
    });
    expect(mirrored().tenants.get(id)?.status).toBe('suspended');
  });

  it('are found by any part of name or id, and by status', async () => {
    const { tenants, deletion } = scene;
    const one = await tenants.create({ name: 'Needle & Thread_100%' }, BY);
    const other = await tenants.create({ name: 'needles' }, BY);
    await tenants.change(other.id, { status: 'suspended' }, BY);
    const found = async (search: TenantSearch): Promise<string[]> =>
      (await tenants.list({ limit: 100 }, search)).data.map((tenant) => tenant.id);
    expect(await found({ text: 'NEEDLE' })).toEqual([one.id, other.id]);
    expect(await found({ text: '_100%' })).toEqual([one.id]);
    expect(await found({ text: other.id.slice(4, 20).toUpperCase() })).toEqual([other.id]);
    expect(await found({ text: 'needle', status: 'suspended' })).toEqual([other.id]);
    expect(await found({ text: 'needle', status: 'deleting' })).toEqual([]);
    await deletion.begin(one.id, BY);
    expect(await found({ text: 'needle', status: 'deleting' })).toEqual([one.id]);
  });

  it('follow their plan, but for values of their own, until these are given back', async () => {
    const { tenants } = scene;
    const made = await tenants.create({ name: 'Plans', plan: 'free', quota: { maxSessions: 7 } }, BY);
    expect(made).toMatchObject({ plan: 'free', quota: { maxElections: 20, maxSessions: 7 } });
    expect(made.quotaOverrides).toEqual({ maxSessions: 7 });
    const larger = await tenants.change(made.id, { plan: 'enterprise' }, BY);
    expect(larger.quota).toMatchObject({ maxElections: 10_000, maxSessions: 7 });
    const plain = await tenants.change(made.id, { quota: { maxSessions: null } }, BY);
    expect([plain.quota.maxSessions, plain.quotaOverrides]).toEqual([100_000, {}]);
    expect(await tenants.get(made.id)).toEqual(plain);
  });

  it('are listed in pages that neither repeat nor miss one, while others are created', async () => {
    const { tenants } = scene;
    const expected: string[] = [];
    for (let at = 0; at < 7; at++) expected.push((await tenants.create({ name: `page ${at}` }, BY)).id);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await tenants.list({ limit: 3, cursor });
      expect(page.data.length).toBeLessThanOrEqual(3);
      seen.push(...page.data.map((tenant) => tenant.id));
      cursor = page.nextCursor;
      if (seen.length < 6) await tenants.create({ name: 'meanwhile' }, BY);
    } while (cursor !== undefined && seen.length < 100);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(expected));
  });

  it.each(['', 'nonsense', Buffer.from('1 ten_a; DROP').toString('base64url'), 'MSAxIDE', '%%%'])(
    'refuse the cursor %j',
    async (cursor) => {
      expect(await codeOf(scene.tenants.list({ limit: 3, cursor }))).toBe('request.invalid_query');
    },
  );
});

describe('deleting a tenant', () => {
  it('refuses its keys everywhere and keeps everything until the grace period is over', async () => {
    const { tenants, deletion, apiKeys, authenticator, mirrored } = scene;
    const { id } = await tenants.create({ name: 'Gone' }, BY);
    const made = await apiKeys.create(id, { name: 'one' }, BY);
    expect(authenticator.authenticate(`Bearer ${made.key}`).tenantId).toBe(id);
    const gone = await deletion.begin(id, BY);
    expect(gone).toMatchObject({ status: 'deleting', name: 'Gone' });
    expect(Math.abs((gone.purgeAfter?.getTime() ?? 0) - Date.now() - GRACE_MS)).toBeLessThan(60_000);
    expect(() => authenticator.authenticate(`Bearer ${made.key}`)).toThrow(/Send "Authorization/);
    expect(mirrored().tenants.get(id)).toMatchObject({ status: 'deleted' });
    expect(mirrored().tenants.get(id)).not.toHaveProperty('purged');
    expect(await tenants.get(id)).toEqual(gone);
    expect(await codeOf(tenants.change(id, { name: 'x' }, BY))).toBe('tenant.deleting');
    expect(await codeOf(apiKeys.create(id, { name: 'two' }, BY))).toBe('tenant.deleting');
    expect(await deletion.begin(id, BY)).toEqual(gone);
    expect(await codeOf(deletion.begin('ten_never', BY))).toBe('tenant.not_found');
  });

  it('is undone by restoring it, as it was, with the keys it had', async () => {
    const { tenants, deletion, apiKeys, authenticator } = scene;
    const { id } = await tenants.create({ name: 'Back' }, BY);
    const kept = await apiKeys.create(id, { name: 'kept' }, BY);
    const revoked = await apiKeys.create(id, { name: 'revoked' }, BY);
    await apiKeys.revoke({ tenantId: id }, revoked.id, BY);
    await tenants.change(id, { status: 'suspended' }, BY);
    await deletion.begin(id, BY);
    const back = await deletion.restore(id, BY);
    expect(back.status).toBe('suspended');
    expect(back).not.toHaveProperty('purgeAfter');
    expect(authenticator.authenticate(`Bearer ${kept.key}`)).toMatchObject({ tenantId: id, suspended: true });
    expect(() => authenticator.authenticate(`Bearer ${revoked.key}`)).toThrow();
    expect(await deletion.restore(id, BY)).toEqual(back);
  });

  it('is on the record of the tenant, once however often it was repeated', async () => {
    const { tenants, deletion, fresh } = scene;
    const { id } = await tenants.create({ name: 'Recorded' }, BY);
    await deletion.begin(id, BY);
    await deletion.begin(id, BY);
    await deletion.restore(id, BY);
    const acts = await fresh.ask('SELECT action FROM audit_events WHERE tenant_id = $1 ORDER BY sequence', [
      id,
    ]);
    expect(acts.slice(1)).toEqual([{ action: 'tenant.deleted' }, { action: 'tenant.restored' }]);
  });
});

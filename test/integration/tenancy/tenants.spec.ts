import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_QUOTA } from '#tenancy';
import { type Scene, codeOf, newScene } from './scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await newScene();
});
afterAll(() => scene.end());

describe('tenants', () => {
  it('are created with the default quota where none is given, and mirrored', async () => {
    const { tenants, mirrored } = scene;
    const tenant = await tenants.create({ name: 'Acme', quota: { maxCandidatesPerElection: 7 } });
    expect(tenant).toMatchObject({
      id: expect.stringMatching(/^ten_/),
      name: 'Acme',
      status: 'active',
      quota: { ...DEFAULT_QUOTA, maxCandidatesPerElection: 7 },
    });
    expect(await tenants.get(tenant.id)).toEqual(tenant);
    expect(mirrored().tenants.get(tenant.id)).toEqual({ status: 'active', maxCandidatesPerElection: 7 });
  });

  it('change what is named and nothing else', async () => {
    const { tenants, mirrored } = scene;
    const { id, quota } = await tenants.create({ name: 'Before' });
    expect(await tenants.change(id, { quota: { maxElections: 3 } })).toMatchObject({
      name: 'Before',
      status: 'active',
      quota: { ...quota, maxElections: 3 },
    });
    expect(await tenants.change(id, { name: 'After', status: 'suspended' })).toMatchObject({
      name: 'After',
      status: 'suspended',
      quota: { ...quota, maxElections: 3 },
    });
    expect(mirrored().tenants.get(id)?.status).toBe('suspended');
  });

  it('look absent once deleted, with their keys refused everywhere', async () => {
    const { tenants, apiKeys, authenticator, mirrored } = scene;
    const { id } = await tenants.create({ name: 'Gone' });
    const made = await apiKeys.create(id, { name: 'one' });
    expect(authenticator.authenticate(`Bearer ${made.key}`).tenantId).toBe(id);
    await tenants.delete(id);
    expect(() => authenticator.authenticate(`Bearer ${made.key}`)).toThrow(/Send "Authorization/);
    expect(mirrored().apiKeys.has(made.id)).toBe(false);
    expect(await codeOf(tenants.get(id))).toBe('tenant.not_found');
    expect(await codeOf(tenants.change(id, { name: 'x' }))).toBe('tenant.not_found');
    expect(await codeOf(apiKeys.create(id, { name: 'two' }))).toBe('tenant.not_found');
    await tenants.delete(id);
    expect(await codeOf(tenants.delete('ten_never'))).toBe('tenant.not_found');
  });

  it('are listed in pages that neither repeat nor miss one, while others are created', async () => {
    const { tenants } = scene;
    const expected: string[] = [];
    for (let at = 0; at < 7; at++) expected.push((await tenants.create({ name: `page ${at}` })).id);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await tenants.list({ limit: 3, cursor });
      expect(page.data.length).toBeLessThanOrEqual(3);
      seen.push(...page.data.map((tenant) => tenant.id));
      cursor = page.nextCursor;
      if (seen.length < 6) await tenants.create({ name: 'meanwhile' });
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

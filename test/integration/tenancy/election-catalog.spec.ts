import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IncumbentError } from '#core';
import { BY, type Scene, codeOf, newScene } from './scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await newScene();
});
afterAll(() => scene.end());

const settings = { policy: 'fifo', ttlMs: 10_000, maxTtlMs: 60_000 };
const nothing = async (): Promise<void> => undefined;
const names = async (tenantId: string): Promise<string[]> =>
  (
    await scene.fresh.ask<{ name: string }>('SELECT name FROM elections WHERE tenant_id = $1 ORDER BY name', [
      tenantId,
    ])
  ).map((row) => row.name);

describe('election catalog', () => {
  it('keeps the number of elections within the quota under any concurrency', async () => {
    const { tenants, catalog } = scene;
    const { id: tenantId } = await tenants.create({ name: 'a', quota: { maxElections: 4 } }, BY);
    let commits = 0;
    const codes = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        codeOf(catalog.reserve({ tenantId, name: `e${at}`, settings }, async () => void (commits += 1))),
      ),
    );
    expect(codes.filter((code) => code === 'none')).toHaveLength(4);
    expect(codes.filter((code) => code === 'limit.quota_exceeded')).toHaveLength(8);
    expect(commits).toBe(4);
    expect(await names(tenantId)).toHaveLength(4);
  });

  it('counts nothing for an election that the engine refused', async () => {
    const { tenants, catalog } = scene;
    const { id: tenantId } = await tenants.create({ name: 'b', quota: { maxElections: 1 } }, BY);
    const taken = new IncumbentError('election.name_taken', 'taken');
    const refused = catalog.reserve({ tenantId, name: 'x', settings }, () => Promise.reject(taken));
    await expect(refused).rejects.toBe(taken);
    expect(await names(tenantId)).toEqual([]);
    expect(
      await catalog.reserve({ tenantId, name: 'y', settings }, async (quota) => quota.maxElections),
    ).toBe(1);
  });

  it('lets a name be created again although its old row was left behind', async () => {
    const { tenants, catalog } = scene;
    const { id: tenantId } = await tenants.create({ name: 'c', quota: { maxElections: 1 } }, BY);
    await catalog.reserve({ tenantId, name: 'x', settings }, nothing);
    expect(
      await codeOf(catalog.reserve({ tenantId, name: 'x', settings: { ...settings, ttlMs: 1 } }, nothing)),
    ).toBe('none');
    expect(await names(tenantId)).toEqual(['x']);
    await catalog.remove(tenantId, 'x');
    await catalog.remove(tenantId, 'x');
    expect(await codeOf(catalog.reserve({ tenantId, name: 'z', settings }, nothing))).toBe('none');
  });

  it('knows no election of a tenant that is not there', async () => {
    expect(await codeOf(scene.catalog.reserve({ tenantId: 'ten_none', name: 'x', settings }, nothing))).toBe(
      'tenant.not_found',
    );
  });

  it('follows the engine: adds, changes and removes rows, but no young ones', async () => {
    const { tenants, catalog, fresh } = scene;
    const { id: tenantId } = await tenants.create({ name: 'd' }, BY);
    for (const name of ['kept', 'changed', 'gone', 'young'])
      await catalog.reserve({ tenantId, name, settings }, nothing);
    await fresh.ask("UPDATE elections SET created_at = now() - interval '1 hour' WHERE name <> 'young'");
    const at = new Date('2026-01-01T00:00:00.000Z');
    const entry = (name: string, ttlMs = 10_000) => ({
      tenantId,
      name,
      settings: { ...settings, ttlMs },
      createdAt: at,
      updatedAt: at,
    });
    const elsewhere = { ...entry('x'), tenantId: 'ten_none' };
    await catalog.reconcile([entry('kept'), entry('changed', 5), entry('missing'), elsewhere]);
    expect(await names(tenantId)).toEqual(['changed', 'kept', 'missing', 'young']);
    const [changed] = await fresh.ask<{ settings: unknown }>(
      "SELECT settings FROM elections WHERE name = 'changed'",
    );
    expect(changed?.settings).toEqual({ ...settings, ttlMs: 5 });
    await catalog.update({ tenantId, name: 'kept', settings: { ...settings, ttlMs: 7 } });
    const [kept] = await fresh.ask<{ settings: unknown }>(
      "SELECT settings FROM elections WHERE name = 'kept'",
    );
    expect(kept?.settings).toEqual({ ...settings, ttlMs: 7 });
  });
});

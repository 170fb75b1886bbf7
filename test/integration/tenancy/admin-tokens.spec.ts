import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BY, type Scene, codeOf, newScene } from './scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await newScene();
});
afterAll(() => scene.end());

const admitted = (token: string): boolean => {
  try {
    scene.operators.authenticate(`Bearer ${token}`);
    return true;
  } catch {
    return false;
  }
};

describe('admin tokens', () => {
  it('are shown once, stored as a keyed hash, and mirrored for every replica', async () => {
    const { adminTokens, mirrored, fresh } = scene;
    const made = await adminTokens.create({ name: 'on call', role: 'read_only' }, BY);
    expect(made).toMatchObject({ id: expect.stringMatching(/^adm_/), createdBy: 'environment' });
    expect(scene.operators.authenticate(`Bearer ${made.token}`)).toEqual({
      actor: { type: 'admin_token', id: made.id, name: 'on call' },
      role: 'read_only',
    });
    expect(mirrored().adminTokens.get(made.id)).toMatchObject({ name: 'on call', role: 'read_only' });
    const stored = JSON.stringify(await fresh.ask('SELECT * FROM admin_tokens'));
    expect(stored).not.toContain(made.token.split('_')[3]);
    expect(await adminTokens.get(made.id)).not.toHaveProperty('token');
  });

  it('end for good when revoked; repeating that is harmless', async () => {
    const { adminTokens, mirrored } = scene;
    const made = await adminTokens.create({ name: 'short', role: 'full' }, BY);
    await adminTokens.revoke(made.id, BY);
    await adminTokens.revoke(made.id, BY);
    expect(admitted(made.token)).toBe(false);
    expect(mirrored().adminTokens.has(made.id)).toBe(false);
    expect(await codeOf(adminTokens.get(made.id))).toBe('admin_token.not_found');
    expect(await codeOf(adminTokens.revoke('adm_never', BY))).toBe('admin_token.not_found');
    const listed = (await adminTokens.list({ limit: 100 })).data.map((token) => token.id);
    expect(listed).not.toContain(made.id);
  });

  it('are not left alive by a creation that could not be mirrored', async () => {
    const { adminTokens, store, fresh } = scene;
    store.partitioned = true;
    expect(await codeOf(adminTokens.create({ name: 'lost', role: 'full' }, BY))).toBe('store.unavailable');
    store.partitioned = false;
    expect(await fresh.ask("SELECT 1 FROM admin_tokens WHERE name = 'lost' AND revoked_at IS NULL")).toEqual(
      [],
    );
  });

  it('are put right in the mirror when a process stopped between the two writes', async () => {
    const { adminTokens, mirrored, fresh, store, reconciler, tenants } = scene;
    await tenants.create({ name: 'somebody' }, BY);
    const made = await adminTokens.create({ name: 'mended', role: 'full' }, BY);
    store.partitioned = true;
    expect(await codeOf(adminTokens.revoke(made.id, BY))).toBe('store.unavailable');
    store.partitioned = false;
    expect(admitted(made.token)).toBe(true);
    await reconciler.run();
    expect(admitted(made.token)).toBe(false);
    await fresh.ask('UPDATE admin_tokens SET revoked_at = NULL WHERE id = $1', [made.id]);
    await reconciler.run();
    expect(mirrored().adminTokens.has(made.id)).toBe(true);
  });

  it('are on the platform’s record, in the transaction of the change', async () => {
    const { adminTokens, fresh } = scene;
    const made = await adminTokens.create({ name: 'recorded', role: 'full' }, BY);
    await adminTokens.revoke(made.id, BY);
    const acts = await fresh.ask<{ action: string; tenant_id: string }>(
      'SELECT action, tenant_id FROM audit_events WHERE target_ids @> ARRAY[$1::text] ORDER BY sequence',
      [made.id],
    );
    expect(acts.map((act) => act.action)).toEqual(['admin_token.created', 'admin_token.revoked']);
    expect(acts[0]?.tenant_id).not.toMatch(/^ten_/);
  });

  it('asked for again under one id are one token, whose earlier secret opens nothing', async () => {
    const { adminTokens, fresh } = scene;
    const wanted = { name: 'once', role: 'full' as const, id: 'adm_0123456789abcdefghjkmnpq' };
    const lost = await adminTokens.create(wanted, BY);
    const made = await adminTokens.create(wanted, BY);
    expect(made.id).toBe(lost.id);
    expect([admitted(lost.token), admitted(made.token)]).toEqual([false, true]);
    await adminTokens.revoke(made.id, BY);
    await adminTokens.create(wanted, BY);
    const acts = await fresh.ask<{ action: string }>(
      'SELECT action FROM audit_events WHERE target_ids @> ARRAY[$1::text] ORDER BY sequence',
      [made.id],
    );
    const actions = acts.map((act) => act.action.split('.')[1]);
    expect(actions).toEqual(['created', 'revoked', 'created']);
  });
});

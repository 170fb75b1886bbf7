import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';

let first: Service;
let second: Service;
let operator: Caller;

beforeAll(async () => {
  first = await Service.start();
  second = await Service.start({ beside: first });
  operator = first.operator;
}, 60_000);

afterAll(async () => {
  await first?.stop();
  await second?.stop();
});

async function token(role: string, more: object = {}): Promise<{ id: string; caller: Caller }> {
  const made = await operator.post('/admin/v1/tokens', { name: `a ${role} token`, role, ...more });
  expect(made.status).toBe(201);
  expect(made.headers.get('location')).toBe(`/admin/v1/tokens/${made.body['id'] as string}`);
  return { id: String(made.body['id']), caller: operator.with({ key: String(made.body['token']) }) };
}

describe('an admin token', () => {
  it('is made, shown once, listed, and works on every replica', async () => {
    const { id, caller } = await token('full');
    expect(caller.key).toMatch(/^inc_adm_[0-9a-z]{24}_[0-9A-Za-z]{38}$/);
    expect((await caller.get('/admin/v1/tenants')).status).toBe(200);
    await waitUntil(
      async () => (await caller.with({ url: second.url }).get('/admin/v1/tenants')).status === 200,
      {
        what: 'the second replica to know the token',
        withinMs: 1_000,
      },
    );
    const { body } = await operator.get(`/admin/v1/tokens/${id}`);
    expect(body).toMatchObject({ id, name: 'a full token', role: 'full', createdBy: 'environment' });
    const list = await operator.get('/admin/v1/tokens?limit=100');
    expect(list.body['data']).toContainEqual(body);
    expect(list.text + JSON.stringify(body)).not.toContain(caller.key?.slice(-20));
    const tenant = await caller.post('/admin/v1/tenants', { name: 'made by a token' });
    expect(tenant.status).toBe(201);
  });

  it('that is revoked is refused on the second replica within a second', async () => {
    const { id, caller } = await token('full');
    const elsewhere = caller.with({ url: second.url });
    await waitUntil(async () => (await elsewhere.get('/admin/v1/tenants')).status === 200, {
      what: 'the second replica to know the token',
    });
    expect((await operator.delete(`/admin/v1/tokens/${id}`)).status).toBe(204);
    expect((await caller.get('/admin/v1/tenants')).status).toBe(401);
    const refused = async () => (await elsewhere.get('/admin/v1/tenants')).status === 401;
    await waitUntil(refused, { what: 'the second replica to refuse it', withinMs: 1_000 });
    expect((await operator.delete(`/admin/v1/tokens/${id}`)).status).toBe(204);
    expect((await operator.get(`/admin/v1/tokens/${id}`)).body['code']).toBe('admin_token.not_found');
  });

  it('of the role read_only reads everything and changes nothing', async () => {
    const { id, caller } = await token('read_only');
    const tenant = await first.tenant();
    const path = `/admin/v1/tenants/${tenant.id}`;
    for (const readable of [path, '/admin/v1/tenants', `${path}/api-keys`, '/admin/v1/tokens'])
      expect([readable, (await caller.get(readable)).status]).toEqual([readable, 200]);
    const before = (await operator.get(path)).body;
    const refused = [
      await caller.post('/admin/v1/tenants', { name: 'no' }),
      await caller.patch(path, { status: 'suspended' }),
      await caller.delete(`${path}?force=true`),
      await caller.post(`${path}/restore`, {}),
      await caller.post(`${path}/api-keys`, { name: 'no' }),
      await caller.delete(`${path}/api-keys/${tenant.keyId}`),
      await caller.post('/admin/v1/tokens', { name: 'more', role: 'full' }),
      await caller.delete(`/admin/v1/tokens/${id}`),
    ];
    for (const { status, body } of refused)
      expect([status, body['code']]).toEqual([403, 'identity.role_missing']);
    expect((await operator.get(path)).body).toEqual(before);
    expect((await tenant.caller.get('/v1/elections')).status).toBe(200);
  });

  it('ends by itself at its expiry, which cannot be in the past', async () => {
    const past = { name: 'late', role: 'full', expiresAt: '2020-01-01T00:00:00Z' };
    const { status, body } = await operator.post('/admin/v1/tokens', past);
    expect([status, body['code'], body['errors']]).toEqual([
      400,
      'request.invalid_body',
      [expect.objectContaining({ pointer: '/expiresAt' })],
    ]);
    const { caller } = await token('full', { expiresAt: new Date(Date.now() + 800).toISOString() });
    await waitUntil(async () => (await caller.get('/admin/v1/tenants')).status === 401, {
      what: 'the token to expire',
    });
  });

  it.each([
    [{ role: 'full' }, '/name'],
    [{ name: 'x' }, '/role'],
    [{ name: 'x', role: 'root' }, '/role'],
    [{ name: 'x', role: 'full', scopes: [] }, '/scopes'],
  ])('is not made of %j', async (wanted, pointer) => {
    const { status, body } = await operator.post('/admin/v1/tokens', wanted);
    expect([status, body['code']]).toEqual([400, 'request.invalid_body']);
    expect(body['errors']).toContainEqual(expect.objectContaining({ pointer }));
  });

  it('opens no call of a tenant, and a key of a tenant opens no call of the admin API', async () => {
    const { caller } = await token('full');
    expect((await caller.get('/v1/elections')).status).toBe(401);
    const tenant = await first.tenant();
    expect((await tenant.caller.get('/admin/v1/tokens')).status).toBe(401);
  });
});

describe('the token of the environment', () => {
  it('can be made to open nothing while a full token lives, and opens again when the last is revoked', async () => {
    const strict = await Service.start({ settings: { ADMIN_TOKEN_BOOTSTRAP_ONLY: 'true' } });
    try {
      const environment = strict.operator;
      const make = (role: string) => environment.post('/admin/v1/tokens', { name: role, role });
      expect((await make('read_only')).status).toBe(201);
      const full = await make('full');
      expect(full.status).toBe(201);
      const refused = await environment.get('/admin/v1/tenants');
      expect([refused.status, refused.body['code']]).toEqual([401, 'identity.unauthenticated']);
      const caller = environment.with({ key: String(full.body['token']) });
      expect((await caller.delete(`/admin/v1/tokens/${full.body['id'] as string}`)).status).toBe(204);
      expect((await environment.get('/admin/v1/tenants')).status).toBe(200);
    } finally {
      await strict.stop();
    }
  });
});

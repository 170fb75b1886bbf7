import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';

let service: Service;
let operator: Caller;

beforeAll(async () => {
  service = await Service.start();
  operator = service.operator;
}, 60_000);

afterAll(() => service?.stop());

const path = (id: string) => `/admin/v1/tenants/${id}`;

describe('tenants', () => {
  it('are made, read, listed and changed by the operator', async () => {
    const made = await operator.post('/admin/v1/tenants', { name: 'Acme', quota: { maxElections: 7 } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      id: expect.stringMatching(/^ten_/),
      name: 'Acme',
      status: 'active',
      quota: { maxElections: 7, maxCandidatesPerElection: 1_000, maxApiKeys: 50 },
    });
    const id = String(made.body['id']);
    expect((await operator.get(path(id))).body).toEqual(made.body);
    const changed = await operator.patch(path(id), { name: 'Acme Ltd', quota: { maxApiKeys: 2 } });
    expect(changed.body).toMatchObject({ name: 'Acme Ltd', quota: { maxElections: 7, maxApiKeys: 2 } });
    const seen: unknown[] = [];
    for (let query = '?limit=1'; ;) {
      const { body } = await operator.get(`/admin/v1/tenants${query}`);
      seen.push(...(body['data'] as { id: string }[]).map((tenant) => tenant.id));
      if (body['nextCursor'] === null) break;
      query = `?limit=1&cursor=${body['nextCursor'] as string}`;
    }
    expect(seen).toContain(id);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('that do not exist are a 404, whatever is asked of them', async () => {
    const absent = 'ten_000000000000000000000000';
    const answers = [
      await operator.get(path(absent)),
      await operator.patch(path(absent), { name: 'x' }),
      await operator.delete(path(absent)),
      await operator.get(`${path(absent)}/api-keys`),
      await operator.post(`${path(absent)}/api-keys`, { name: 'x' }),
    ];
    for (const { status, body } of answers) expect([status, body['code']]).toEqual([404, 'tenant.not_found']);
  });

  it('are managed by the admin token alone', async () => {
    const { caller } = await service.tenant();
    const strangers = [
      caller,
      service.stranger,
      caller.with({ key: 'wrong' }),
      caller.with({ key: `${operator.key}x` }),
    ];
    for (const who of strangers) {
      const { status, body, headers } = await who.get('/admin/v1/tenants');
      expect([status, body['code']]).toEqual([401, 'identity.unauthenticated']);
      expect(headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
    const { status } = await operator.get('/v1/elections');
    expect(status).toBe(401);
  });
});

describe('a suspended tenant', () => {
  it('gets 403 on everything but renew and resign; its leader yields, then is out', async () => {
    const tenant = await service.tenant();
    const { caller } = tenant;
    const election = await caller.election({ ttlMs: 1_500 });
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    const { body: waiting } = await caller.campaign(election, { candidate: 'two', ttlMs: 20_000 });
    expect((await operator.patch(path(tenant.id), { status: 'suspended' })).body['status']).toBe('suspended');
    const refused = [
      await caller.get(`/v1/elections/${election}/leader`),
      await caller.get('/v1/elections'),
      await caller.campaign(election, { candidate: 'three' }),
      await caller.get(`/v1/elections/${election}/events`),
      await caller.get('/v1/api-keys'),
    ];
    for (const { status, body } of refused) expect([status, body['code']]).toEqual([403, 'tenant.suspended']);
    const told = await waitUntil(
      async () => {
        const { status, body } = await caller.renew(election, leader['session']);
        return (status !== 200 || body['state'] !== 'leader') && { status, body };
      },
      { what: 'the leader to be told' },
    );
    expect(told.status).toBe(200);
    expect(['yielding', 'out']).toContain(told.body['state']);
    expect((await caller.resign(election, waiting)).status).toBe(200);
    await operator.patch(path(tenant.id), { status: 'active' });
    expect((await caller.get('/v1/elections')).status).toBe(200);
  });
});

describe('deleting a tenant', () => {
  it('with live leaders is refused and changes nothing, unless it is forced', async () => {
    const tenant = await service.tenant();
    const { caller } = tenant;
    const election = await caller.election({ ttlMs: 1_500 });
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    const refused = await operator.delete(path(tenant.id));
    expect([refused.status, refused.body['code'], refused.body['executed']]).toEqual([
      409,
      'tenant.has_leaders',
      false,
    ]);
    expect((await caller.renew(election, leader['session'])).body['state']).toBe('leader');
    expect((await operator.get(path(tenant.id))).body['status']).toBe('active');
    const forced = await operator.delete(`${path(tenant.id)}?force=true`);
    expect([forced.status, forced.body['status']]).toEqual([202, 'deleting']);
    expect((await caller.renew(election, leader['session'])).status).toBe(401);
    const wrong = await operator.delete(`${path(tenant.id)}?force=yes`);
    expect([wrong.status, wrong.body['code']]).toEqual([400, 'request.invalid_query']);
  });

  it('ends its keys and its elections and touches no other tenant', async () => {
    const tenant = await service.tenant();
    const other = await service.tenant();
    const election = await tenant.caller.election();
    await other.caller.election({ name: election });
    const deleted = await operator.delete(path(tenant.id));
    expect(deleted.status).toBe(202);
    expect(Date.parse(String(deleted.body['purgeAfter']))).toBeGreaterThan(Date.now() + 6 * 86_400_000);
    expect((await tenant.caller.get('/v1/elections')).status).toBe(401);
    expect((await operator.get(path(tenant.id))).body).toEqual(deleted.body);
    expect((await operator.delete(path(tenant.id))).body).toEqual(deleted.body);
    const changed = await operator.patch(path(tenant.id), { name: 'x' });
    expect([changed.status, changed.body['code']]).toEqual([409, 'tenant.deleting']);
    expect((await other.caller.campaign(election, { candidate: 'one' })).status).toBe(200);
  });

  it('is undone by restoring it: keys, elections and rising fences are back', async () => {
    const tenant = await service.tenant();
    const { caller } = tenant;
    const election = await caller.election({ ttlMs: 1_500, description: 'kept' });
    const { body: before } = await caller.campaign(election, { candidate: 'one' });
    await operator.delete(`${path(tenant.id)}?force=true`);
    expect((await caller.get('/v1/elections')).status).toBe(401);
    const restored = await operator.post(`${path(tenant.id)}/restore`, undefined);
    expect([restored.status, restored.body['status']]).toEqual([200, 'active']);
    expect(restored.body).not.toHaveProperty('purgeAfter');
    expect((await caller.get(`/v1/elections/${election}`)).body).toMatchObject({ description: 'kept' });
    const after = await waitUntil(
      async () => {
        const { body } = await caller.campaign(election, { candidate: 'two' }, { 'idempotency-key': 'two' });
        return body['state'] === 'leader' && body;
      },
      { what: 'a new leader', withinMs: 10_000 },
    );
    expect(Number(after['fence'])).toBeGreaterThan(Number(before['fence']));
    expect((await operator.post(`${path(tenant.id)}/restore`, undefined)).body).toEqual(restored.body);
  });

  it('keeps it in the list, where it is found by name, id and status', async () => {
    const name = `Findable ${crypto.randomUUID()}`;
    const { body: made } = await operator.post('/admin/v1/tenants', { name });
    await operator.delete(path(String(made['id'])));
    const found = async (query: string) =>
      ((await operator.get(`/admin/v1/tenants?${query}`)).body['data'] as { id: string }[]).map(
        ({ id }) => id,
      );
    expect(await found(`search=${encodeURIComponent(name.toUpperCase())}`)).toEqual([made['id']]);
    expect(await found(`search=${String(made['id']).slice(4, 24)}&status=deleting`)).toEqual([made['id']]);
    expect(await found(`search=${encodeURIComponent(name)}&status=active`)).toEqual([]);
    for (const bad of ['search=', 'status=deleted', 'serach=x']) {
      const { status, body } = await operator.get(`/admin/v1/tenants?${bad}`);
      expect([bad, status, body['code']]).toEqual([bad, 400, 'request.invalid_query']);
    }
  });
});

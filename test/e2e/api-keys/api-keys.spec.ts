import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { EVERY_SCOPE, Service, type Tenant } from '../service.js';

let service: Service;
let tenant: Tenant;

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
}, 60_000);

afterAll(() => service?.stop());

describe('API keys', () => {
  it('are shown once, listed without their secret, and accepted at once', async () => {
    const made = await tenant.caller.post('/v1/api-keys', { name: 'ci', scopes: ['elections:read'] });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      id: expect.stringMatching(/^key_/),
      name: 'ci',
      scopes: ['elections:read'],
    });
    const key = String(made.body['key']);
    expect(key).toMatch(/^inc_live_[0-9a-z]+_[0-9A-Za-z]+$/);
    expect((await tenant.caller.with({ key }).get('/v1/elections')).status).toBe(200);
    const listed = await tenant.caller.get('/v1/api-keys');
    const one = await tenant.caller.get(`/v1/api-keys/${String(made.body['id'])}`);
    expect(one.body).toMatchObject({ name: 'ci' });
    for (const { text } of [listed, one]) expect(text).not.toContain(key.slice(-38, -6));
  });

  it('are refused from the answer of their revocation on, and a repeat is harmless', async () => {
    const { keyId, caller } = await service.key(tenant.id);
    expect((await caller.get('/v1/elections')).status).toBe(200);
    expect((await tenant.caller.delete(`/v1/api-keys/${keyId}`)).status).toBe(204);
    const refused = await caller.get('/v1/elections');
    expect([refused.status, refused.body['code']]).toEqual([401, 'identity.unauthenticated']);
    expect((await tenant.caller.delete(`/v1/api-keys/${keyId}`)).status).toBe(204);
  });

  it('are granted nothing and told nothing by answers that are held while they are revoked', async () => {
    const { keyId, caller } = await service.key(tenant.id);
    const election = await tenant.caller.election();
    const leader = await tenant.caller.campaign(election, { candidate: 'one', ttlMs: 60_000 });
    const second = await caller.campaign(election, { candidate: 'two', ttlMs: 60_000 });
    const held = [
      caller.renew(election, second.body['session'], { waitMs: 20_000 }),
      caller.campaign(election, { candidate: 'three', ttlMs: 60_000, waitMs: 20_000 }),
      caller.get(`/v1/elections/${election}/leader?waitMs=20000`),
    ];
    await waitUntil(
      async () => {
        const { body } = await tenant.caller.get(`/v1/elections/${election}/candidates`);
        return (body['data'] as unknown[]).length === 3;
      },
      { what: 'the campaign that is held' },
    );
    await tenant.caller.delete(`/v1/api-keys/${keyId}`);
    // Both of those who wait lead by this, one after the other.
    await tenant.caller.resign(election, leader.body);
    await tenant.caller.resign(election, second.body);
    const answers = await Promise.all(held);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(answers.map(({ body }) => body['code'])).toEqual(Array(3).fill('identity.unauthenticated'));
  });

  it('are refused on every replica within a second of their revocation', async () => {
    const beside = await Service.start({ beside: service });
    try {
      const { keyId, caller } = await service.key(tenant.id);
      const there = caller.with({ url: beside.url });
      expect((await there.get('/v1/elections')).status).toBe(200);
      await tenant.caller.delete(`/v1/api-keys/${keyId}`);
      const startMs = performance.now();
      let status = 200;
      while (status === 200 && performance.now() - startMs < 3_000)
        ({ status } = await there.get('/v1/elections'));
      expect(status).toBe(401);
      expect(performance.now() - startMs).toBeLessThan(1_000);
    } finally {
      await beside.stop();
    }
  }, 40_000);

  it('are refused once they have expired, and are not made to be expired', async () => {
    const soon = new Date(performance.timeOrigin + performance.now() + 1_000).toISOString();
    const { caller } = await service.key(tenant.id, { expiresAt: soon });
    const expired = async (): Promise<boolean> => (await caller.get('/v1/elections')).status === 401;
    await waitUntil(expired, { what: 'the key to expire' });
    const past = { name: 'late', expiresAt: '2020-01-01T00:00:00Z' };
    for (const made of [
      await tenant.caller.post('/v1/api-keys', past),
      await service.operator.post(`/admin/v1/tenants/${tenant.id}/api-keys`, past),
    ]) {
      expect([made.status, made.body['code']]).toEqual([400, 'request.invalid_body']);
      expect(made.body['errors']).toEqual([expect.objectContaining({ pointer: '/expiresAt' })]);
    }
  });

  it.each([
    ['elections:read', 'POST', '/v1/elections', { name: 'x' }],
    ['elections:read', 'POST', '/v1/elections/x/campaign', { candidate: 'a' }],
    ['elections:campaign', 'GET', '/v1/elections/x/leader', undefined],
    ['elections:manage', 'POST', '/v1/elections/x/renew', { session: 's' }],
    ['elections:manage', 'GET', '/v1/api-keys', undefined],
    ['keys:manage', 'DELETE', '/v1/elections/x', undefined],
  ])('with only %s are refused %s %s with 403', async (scope, method, path, body) => {
    const { caller } = await service.key(tenant.id, { scopes: [scope] });
    const answer = body === undefined ? await caller.send(method, path) : await caller.post(path, body);
    expect([answer.status, answer.body['code']]).toEqual([403, 'identity.scope_missing']);
  });

  it('make no key that may do more than themselves', async () => {
    const scopes = ['keys:manage', 'elections:read'];
    const { caller } = await service.key(tenant.id, { scopes, electionPrefix: 'team-' });
    const wider = [
      { name: 'n', scopes: EVERY_SCOPE, electionPrefix: 'team-a' },
      { name: 'n', electionPrefix: 'team-a' },
      { name: 'n', scopes: ['elections:read'] },
      { name: 'n', scopes: ['elections:read'], electionPrefix: 'tea' },
    ];
    for (const body of wider) {
      const refused = await caller.post('/v1/api-keys', body);
      expect([refused.status, refused.body['code']]).toEqual([403, 'identity.scope_missing']);
    }
    const narrower = { name: 'n', scopes: ['elections:read'], electionPrefix: 'team-a' };
    expect((await caller.post('/v1/api-keys', narrower)).status).toBe(201);
  });

  it('make no key that outlives them', async () => {
    const expiresAt = new Date(performance.timeOrigin + 3_600_000).toISOString();
    const { caller } = await service.key(tenant.id, { expiresAt, requestsPerSecond: 50 });
    const wanted = { name: 'n', scopes: ['keys:manage'], expiresAt, requestsPerSecond: 50 };
    const { expiresAt: _at, ...forEver } = wanted;
    const { requestsPerSecond: _rate, ...unlimited } = wanted;
    for (const body of [forEver, unlimited]) {
      const refused = await caller.post('/v1/api-keys', body);
      expect([refused.status, refused.body['code']]).toEqual([403, 'identity.scope_missing']);
    }
    expect((await caller.post('/v1/api-keys', wanted)).status).toBe(201);
  });

  it('bound to a prefix neither see nor revoke keys that reach beyond it', async () => {
    const { caller } = await service.key(tenant.id, { electionPrefix: 'team-a' });
    const inside = await service.key(tenant.id, { electionPrefix: 'team-a-blue' });
    const beyond = await service.key(tenant.id, { electionPrefix: 'other' });
    const list = await caller.get('/v1/api-keys?limit=100');
    expect(list.text).toContain(inside.keyId);
    const absent = await caller.get('/v1/api-keys/key_00000000000000000000000a');
    for (const { keyId } of [tenant, beyond]) {
      expect(list.text).not.toContain(keyId);
      for (const method of ['GET', 'DELETE']) {
        const hidden = await caller.send(method, `/v1/api-keys/${keyId}`);
        expect({ ...hidden.body, requestId: '' }).toEqual({ ...absent.body, requestId: '' });
      }
    }
    expect((await beyond.caller.get('/v1/elections')).status).toBe(200);
    expect((await caller.delete(`/v1/api-keys/${inside.keyId}`)).status).toBe(204);
    expect((await inside.caller.get('/v1/elections')).status).toBe(401);
  });

  it('bound to a prefix see nothing else: everything outside is absent, for reading and for acting', async () => {
    const inside = await tenant.caller.election({ name: `team-a-${crypto.randomUUID()}` });
    const outside = await tenant.caller.election({ name: `other-${crypto.randomUUID()}` });
    const { caller } = await service.key(tenant.id, { electionPrefix: 'team-a' });
    expect((await caller.get(`/v1/elections/${inside}`)).status).toBe(200);
    expect((await caller.campaign(inside, { candidate: 'one' })).status).toBe(200);
    const absent = await caller.get('/v1/elections/team-a-absent');
    const hidden = await caller.get(`/v1/elections/${outside}`);
    expect(hidden.status).toBe(404);
    expect({ ...hidden.body, requestId: '' }).toEqual({ ...absent.body, requestId: '' });
    expect((await caller.campaign(outside, { candidate: 'one' })).status).toBe(404);
    expect((await caller.get('/v1/elections')).text).not.toContain(outside);
    const made = await caller.post('/v1/elections', { name: 'elsewhere' });
    expect([made.status, made.body['code']]).toEqual([403, 'identity.scope_missing']);
  });

  it('of another tenant are absent', async () => {
    const other = await service.tenant();
    const { status, body } = await tenant.caller.get(`/v1/api-keys/${other.keyId}`);
    expect([status, body['code']]).toEqual([404, 'api_key.not_found']);
    expect((await tenant.caller.delete(`/v1/api-keys/${other.keyId}`)).status).toBe(404);
    expect((await other.caller.get('/v1/elections')).status).toBe(200);
  });

  it('are limited by the quota', async () => {
    const small = await service.tenant({}, { maxApiKeys: 1 });
    const refused = await small.caller.post('/v1/api-keys', { name: 'second' });
    expect([refused.status, refused.body['code']]).toEqual([429, 'limit.quota_exceeded']);
  });
});

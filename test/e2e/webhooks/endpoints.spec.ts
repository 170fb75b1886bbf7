import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../caller.js';
import { Service, type Tenant } from '../service.js';
import { ENDPOINTS, JSON_TYPE, make, outcome, URL_OF_SINK, wanted } from './endpoint-calls.js';

let service: Service;
let tenant: Tenant;

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
}, 60_000);

afterAll(() => service?.stop());

/** All that an onlooker can compare. */
const told = ({ status, body: { requestId: _, ...body } }: Answer) => ({ status, body });

describe('a webhook endpoint', () => {
  it('is made with a secret that is shown once, and with what nobody said set sensibly', async () => {
    const made = await make(tenant.caller, { description: 'pager' });
    expect(made.body).toMatchObject({
      id: expect.stringMatching(/^whe_/),
      ...wanted(),
      description: 'pager',
      elections: [],
      mode: 'all',
      includeFencingToken: false,
      headerNames: [],
      signatureV1a: false,
      timeoutMs: 10_000,
      unstableThreshold: 2,
      status: 'active',
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    });
    expect(made.headers.get('location')).toBe(`${ENDPOINTS}/${made.id}`);
    const read = await tenant.caller.get(`${ENDPOINTS}/${made.id}`);
    const { secret, ...shown } = made.body;
    expect(read.body).toEqual(shown);
    expect(read.headers.get('etag')).toBe(made.headers.get('etag'));
    const listed = await tenant.caller.get(`${ENDPOINTS}?limit=100`);
    expect(listed.text).toContain(made.id);
    expect(listed.text).not.toContain(String(secret).slice(6, 30));
  });

  it('never shows the values of its headers, and shows its public key always', async () => {
    const headers = { Authorization: 'Bearer canary-5d1f', 'X-Team': 'canary-5d1f' };
    const made = await make(tenant.caller, { headers, signatureV1a: true });
    const read = await tenant.caller.get(`${ENDPOINTS}/${made.id}`);
    for (const { text, body } of [made, read]) {
      expect(body['headerNames']).toEqual(['Authorization', 'X-Team']);
      expect(body['publicKey']).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/);
      expect(text).not.toContain('canary');
    }
    expect(made.text).not.toContain('whsk_');
  });

  it('is changed field by field, guarded by its ETag', async () => {
    const { id, headers } = await make(tenant.caller, { elections: ['billing'] });
    const path = `${ENDPOINTS}/${id}`;
    const etag = String(headers.get('etag'));
    const changed = await tenant.caller.patch(
      path,
      { status: 'paused', mode: 'latest' },
      { 'if-match': etag },
    );
    expect(changed.body).toMatchObject({ status: 'paused', mode: 'latest', elections: ['billing'] });
    const stale = await tenant.caller.patch(path, { status: 'active' }, { 'if-match': etag });
    expect(outcome(stale)).toEqual([412, 'request.precondition_failed']);
    expect(outcome(await tenant.caller.delete(path, { 'if-match': etag }))).toEqual([
      412,
      'request.precondition_failed',
    ]);
    const read = await tenant.caller.get(path);
    expect(read.body['status']).toBe('paused');
    expect(read.headers.get('etag')).toBe(changed.headers.get('etag'));
    const active = await tenant.caller.patch(path, { status: 'active' }, { 'if-match': '*' });
    expect(active.body['status']).toBe('active');
  });

  it('is gone once it was deleted', async () => {
    const { id, headers } = await make(tenant.caller);
    const condition = { 'if-match': String(headers.get('etag')) };
    expect((await tenant.caller.delete(`${ENDPOINTS}/${id}`, condition)).status).toBe(204);
    for (const gone of [
      await tenant.caller.get(`${ENDPOINTS}/${id}`),
      await tenant.caller.patch(`${ENDPOINTS}/${id}`, { status: 'paused' }),
      await tenant.caller.delete(`${ENDPOINTS}/${id}`),
      await tenant.caller.send('POST', `${ENDPOINTS}/${id}/test`),
    ])
      expect(outcome(gone)).toEqual([404, 'webhook_endpoint.not_found']);
    expect((await tenant.caller.get(`${ENDPOINTS}?limit=100`)).text).not.toContain(id);
  });

  it('gets a new secret, of either kind, with an overlap of the chosen length', async () => {
    const { id, body } = await make(tenant.caller, { signatureV1a: true });
    const rotate = (given: object) => tenant.caller.post(`${ENDPOINTS}/${id}/rotate-secret`, given);
    const day = await rotate({});
    expect(day.body['secret']).toMatch(/^whsec_/);
    expect(day.body['secret']).not.toBe(body['secret']);
    const inMs = (answer: Answer) => Date.parse(String(answer.body['previousExpiresAt'])) - Date.now();
    expect(inMs(day)).toBeGreaterThan(86_000_000);
    const bare = await tenant.caller.send('POST', `${ENDPOINTS}/${id}/rotate-secret`);
    expect([bare.status, inMs(bare) > 86_000_000]).toEqual([200, true]);
    expect(inMs(await rotate({ overlapMs: 0 }))).toBeLessThanOrEqual(0);
    const key = await rotate({ kind: 'v1a' });
    expect(key.body).not.toHaveProperty('secret');
    expect(key.body['publicKey']).not.toBe(body['publicKey']);
    expect((await tenant.caller.get(`${ENDPOINTS}/${id}`)).body['publicKey']).toBe(key.body['publicKey']);
    const tooLong = await rotate({ overlapMs: 8 * 86_400_000 });
    expect(outcome(tooLong)).toEqual([400, 'request.invalid_body']);
  });

  it('is sent a test message, which is listed, shown and sent again only once the first is over', async () => {
    const { id } = await make(tenant.caller);
    const test = await tenant.caller.send('POST', `${ENDPOINTS}/${id}/test`);
    expect(test.status).toBe(202);
    expect(test.body).toMatchObject({
      id: expect.stringMatching(/^dlv_/),
      endpointId: id,
      messageId: expect.stringMatching(/^evt_/),
      type: 'endpoint.test',
      state: 'pending',
      attemptCount: 0,
      redelivery: 0,
    });
    const deliveryId = String(test.body['id']);
    const listed = await tenant.caller.get(`/v1/webhook-deliveries?endpoint=${id}&state=pending`);
    expect(listed.body['data']).toEqual([test.body]);
    const detail = await tenant.caller.get(`/v1/webhook-deliveries/${deliveryId}`);
    expect(detail.body).toMatchObject({
      payload: { type: 'endpoint.test', data: { tenant: tenant.id, endpoint: id } },
      attempts: [],
    });
    const again = await tenant.caller.send('POST', `/v1/webhook-deliveries/${deliveryId}/redeliver`);
    expect(outcome(again)).toEqual([409, 'webhook_delivery.pending']);
    const recovered = await tenant.caller.post(`${ENDPOINTS}/${id}/recover`, {
      since: new Date(Date.now() - 60_000).toISOString(),
    });
    expect([recovered.status, recovered.body]).toEqual([202, { recovered: 0, more: false }]);
  });

  it('that is not disabled stays as it is when it is enabled', async () => {
    const { id } = await make(tenant.caller, { status: 'paused' });
    const enabled = await tenant.caller.send('POST', `${ENDPOINTS}/${id}/enable`);
    expect([enabled.status, enabled.body['status']]).toEqual([200, 'paused']);
  });

  it('is made once for an Idempotency-Key, and its secret is not told again', async () => {
    const key = { 'idempotency-key': crypto.randomUUID() };
    const first = await tenant.caller.post(ENDPOINTS, wanted(), key);
    const second = await tenant.caller.post(ENDPOINTS, wanted(), key);
    expect([first.status, second.status, second.body['id']]).toEqual([201, 201, first.body['id']]);
    expect(first.body).toHaveProperty('secret');
    expect(second.body).not.toHaveProperty('secret');
  });

  it('is tested and rotated once for an Idempotency-Key', async () => {
    const { id } = await make(tenant.caller);
    const key = { 'idempotency-key': crypto.randomUUID() };
    const test = () => tenant.caller.send('POST', `${ENDPOINTS}/${id}/test`, { headers: key });
    const [first, second] = [await test(), await test()];
    expect([first.status, second.status, second.body]).toEqual([202, 202, first.body]);
    const rotate = () => tenant.caller.post(`${ENDPOINTS}/${id}/rotate-secret`, {}, key);
    const { secret, ...untold } = (await rotate()).body;
    expect(secret).toMatch(/^whsec_/);
    expect((await rotate()).body).toEqual(untold);
  });

  it('needs a key with the scope webhooks:manage', async () => {
    const { caller } = await service.key(tenant.id, { scopes: ['elections:manage', 'elections:read'] });
    for (const refused of [
      await caller.post(ENDPOINTS, wanted()),
      await caller.get(ENDPOINTS),
      await caller.get('/v1/webhook-deliveries'),
    ])
      expect(outcome(refused)).toEqual([403, 'identity.scope_missing']);
  });

  it('is limited by the quota, exactly, although fifty are wanted at the same moment', async () => {
    const small = await service.tenant({}, { maxWebhookEndpoints: 7 });
    const beside = await Service.start({ beside: service });
    try {
      const there = small.caller.with({ url: beside.url });
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, one) =>
          (one % 2 === 0 ? small.caller : there).post(ENDPOINTS, wanted()),
        ),
      );
      const refusals = answers.filter((answer) => answer.status === 429);
      expect(answers.filter((answer) => answer.status === 201)).toHaveLength(7);
      expect(refusals).toHaveLength(43);
      expect(refusals[0]?.body).toMatchObject({
        code: 'limit.quota_exceeded',
        limit: { name: 'maxWebhookEndpoints', value: 7 },
      });
      const listed = await small.caller.get(`${ENDPOINTS}?limit=100`);
      expect(listed.body['data']).toHaveLength(7);
    } finally {
      await beside.stop();
    }
  }, 40_000);

  it('is on record with who made, changed, rotated, tested and deleted it, and without its secrets', async () => {
    const own = await service.tenant();
    const { id, body } = await make(own.caller, {
      url: `${URL_OF_SINK}/canary-path`,
      headers: { 'X-Key': 'canary-header' },
    });
    await own.caller.patch(`${ENDPOINTS}/${id}`, { mode: 'latest' });
    await own.caller.post(`${ENDPOINTS}/${id}/rotate-secret`, {});
    await own.caller.send('POST', `${ENDPOINTS}/${id}/test`);
    await own.caller.delete(`${ENDPOINTS}/${id}`);
    const { text, body: page } = await own.caller.get('/v1/audit-events?limit=100');
    const events = page['data'] as { action: string; actor: { id: string }; targets: { id: string }[] }[];
    const about = events.filter((event) => event.targets.some((target) => target.id === id));
    expect(about.map((event) => event.action)).toEqual([
      'webhook_endpoint.deleted',
      'webhook_endpoint.tested',
      'webhook_endpoint.secret_rotated',
      'webhook_endpoint.changed',
      'webhook_endpoint.created',
    ]);
    for (const event of about) expect(event.actor.id).toBe(own.keyId);
    expect(text).not.toContain('canary');
    expect(text).not.toContain(String(body['secret']).slice(6));
  });
});

describe("another tenant's endpoints and deliveries", () => {
  it('look absent to every call, although everything has the same name', async () => {
    const [owner, intruder] = [await service.tenant(), await service.tenant()];
    const { id } = await make(owner.caller, { description: 'same' });
    await make(intruder.caller, { description: 'same' });
    const test = await owner.caller.send('POST', `${ENDPOINTS}/${id}/test`);
    const deliveryId = String(test.body['id']);
    const absentId = `whe_${'0'.repeat(24)}`;
    const calls: [string, string, unknown][] = [
      ['GET', '', undefined],
      ['PATCH', '', { status: 'paused' }],
      ['PATCH', '', { url: 'https://10.0.0.1/' }],
      ['DELETE', '', undefined],
      ['POST', '/rotate-secret', {}],
      ['POST', '/test', undefined],
      ['POST', '/enable', undefined],
      ['POST', '/recover', { since: new Date().toISOString() }],
    ];
    for (const [method, suffix, body] of calls) {
      const init = body === undefined ? {} : { headers: JSON_TYPE, body: JSON.stringify(body) };
      const hidden = await intruder.caller.send(method, `${ENDPOINTS}/${id}${suffix}`, init);
      const absent = await intruder.caller.send(method, `${ENDPOINTS}/${absentId}${suffix}`, init);
      expect(hidden.status).toBe(404);
      expect(told(hidden)).toEqual(told(absent));
    }
    for (const suffix of ['', '/redeliver']) {
      const method = suffix === '' ? 'GET' : 'POST';
      const hidden = await intruder.caller.send(method, `/v1/webhook-deliveries/${deliveryId}${suffix}`);
      expect(outcome(hidden)).toEqual([404, 'webhook_delivery.not_found']);
    }
    expect((await intruder.caller.get(`/v1/webhook-deliveries?endpoint=${id}`)).body['data']).toEqual([]);
    expect((await intruder.caller.get('/v1/webhook-deliveries')).body['data']).toEqual([]);
    expect((await owner.caller.get(`${ENDPOINTS}/${id}`)).body['status']).toBe('active');
  });
});

describe('a key that is bound to a prefix', () => {
  it('makes and sees only endpoints that keep within it', async () => {
    const own = await service.tenant();
    const { caller } = await service.key(own.id, { electionPrefix: 'team-a' });
    const outside = [
      await make(own.caller),
      await make(own.caller, { elections: ['team-a1', 'team-b'] }),
      await make(own.caller, { elections: ['team-*'] }),
      await make(own.caller, { elections: ['team-a'], events: ['quota.exceeded'] }),
    ];
    const inside = await make(caller, { elections: ['team-a', 'team-a-*'] });
    const listed = await caller.get(ENDPOINTS);
    expect((listed.body['data'] as { id: string }[]).map(({ id }) => id)).toEqual([inside.id]);
    for (const { id } of outside) {
      expect(outcome(await caller.get(`${ENDPOINTS}/${id}`))).toEqual([404, 'webhook_endpoint.not_found']);
      const test = await own.caller.send('POST', `${ENDPOINTS}/${id}/test`);
      const hidden = await caller.get(`/v1/webhook-deliveries/${String(test.body['id'])}`);
      expect(outcome(hidden)).toEqual([404, 'webhook_delivery.not_found']);
    }
    expect((await caller.get('/v1/webhook-deliveries')).body['data']).toEqual([]);
    for (const wider of [{}, { elections: ['team-b'] }, { elections: ['*'] }]) {
      expect(outcome(await caller.post(ENDPOINTS, wanted(wider)))).toEqual([403, 'identity.scope_missing']);
    }
    const widened = await caller.patch(`${ENDPOINTS}/${inside.id}`, { elections: [] });
    expect(outcome(widened)).toEqual([403, 'identity.scope_missing']);
    expect((await caller.get(`${ENDPOINTS}/${inside.id}`)).body['elections']).toEqual(['team-a', 'team-a-*']);
  });
});

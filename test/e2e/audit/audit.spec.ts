import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Answer, Caller } from '../caller.js';
import { Service, type Tenant } from '../service.js';

interface Event {
  id: string;
  tenant: string;
  sequence: number;
  action: string;
  actor: { type: string; id: string };
  targets: { type: string; id: string; name?: string }[];
  context: Record<string, string>;
  metadata?: Record<string, unknown>;
  occurredAt: string;
  previousHash: string;
  hash: string;
}

const NDJSON = { accept: 'application/x-ndjson' };
const EVENTS = '/v1/audit-events';

let service: Service;
let tenant: Tenant;
let other: Tenant;

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
  other = await service.tenant();
}, 60_000);

afterAll(() => service?.stop());

const dataOf = (answer: Answer): Event[] => answer.body['data'] as Event[];
const eventsOf = async (caller: Caller, query = ''): Promise<Event[]> =>
  dataOf(await caller.get(`${EVENTS}${query}`));
const linesOf = (answer: Answer): Event[] =>
  answer.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);

describe('the audit log', () => {
  it('is of the whole tenant: a key that is bound to some elections reads nothing of it', async () => {
    const { caller } = await service.key(tenant.id, { electionPrefix: 'team-' });
    const asked = [
      caller.get(EVENTS),
      caller.get(`${EVENTS}?target=secret-project`),
      caller.get(EVENTS, NDJSON),
      caller.get(`${EVENTS}/checkpoint`),
    ];
    for (const { status, body } of await Promise.all(asked))
      expect([status, body['code']]).toEqual([403, 'identity.scope_missing']);
  });

  it('of a tenant that never was stays empty, whoever exports it', async () => {
    const made = await service.operator.post('/admin/v1/tokens', { name: 'reader', role: 'read_only' });
    const reader = service.operator.with({ key: String(made.body['token']) });
    const query = 'tenantId=ten_00000000000000000000000a';
    const exported = await reader.get(`/admin/v1/audit-events?${query}`, NDJSON);
    expect([exported.status, exported.text]).toEqual([200, '']);
    const checkpoint = await reader.get(`/admin/v1/audit-events/checkpoint?${query}`);
    expect(checkpoint.body['sequence']).toBe(0);
  });

  it('holds every management call: who, to what, from where, what changed, and never a secret', async () => {
    const { caller, id, keyId } = await service.tenant();
    const made = await caller.post(
      '/v1/api-keys',
      { name: 'ci', scopes: ['elections:read'] },
      { 'user-agent': 'ours/1' },
    );
    await caller.delete(`/v1/api-keys/${String(made.body['id'])}`);
    await service.operator.patch(`/admin/v1/tenants/${id}`, { name: 'Renamed' });
    const events = await eventsOf(caller, '?order=oldest');
    expect(events.map(({ action }) => action)).toEqual([
      'tenant.created',
      'api_key.created',
      'api_key.created',
      'api_key.revoked',
      'tenant.changed',
    ]);
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
    const [, , own, , renamed] = events;
    expect(own).toMatchObject({
      tenant: id,
      actor: { type: 'api_key', id: keyId },
      targets: [{ type: 'api_key', id: made.body['id'], name: 'ci' }],
      context: { requestId: made.headers.get('x-request-id'), userAgent: 'ours/1' },
      metadata: { scopes: ['elections:read'] },
    });
    expect(own?.context['ip']).toMatch(/127\.0\.0\.1/);
    expect(renamed).toMatchObject({
      actor: { type: 'admin_token', id: 'environment' },
      metadata: { changes: { name: { to: 'Renamed' } } },
    });
    expect(renamed?.context['ip']).toBeUndefined();
    const key = String(made.body['key']);
    for (const event of events) expect(JSON.stringify(event)).not.toContain(key.slice(-38, -6));
  });

  it('is filtered by action, actor, target and time, and read page by page in either order', async () => {
    const { caller, keyId } = tenant;
    const names = ['one', 'two', 'three'];
    const ids: string[] = [];
    for (const name of names) {
      const made = await caller.post('/v1/api-keys', { name, scopes: ['audit:read'] });
      ids.push(String(made.body['id']));
    }
    const named = async (query: string): Promise<(string | undefined)[]> =>
      (await eventsOf(caller, query)).map(({ targets }) => targets[0]?.name);
    expect(await named(`?actor=${keyId}`)).toEqual(['three', 'two', 'one']);
    expect(await named(`?actor=${keyId}&order=oldest`)).toEqual(names);
    expect(await named(`?target=${ids[1]}`)).toEqual(['two']);
    expect(await named('?target=three')).toEqual(['three']);
    expect(await named('?action=api_key.revoked')).toEqual([]);
    const [, middle] = await eventsOf(caller, `?actor=${keyId}`);
    const at = encodeURIComponent(middle?.occurredAt ?? '');
    expect(await named(`?actor=${keyId}&from=${at}`)).toEqual(expect.arrayContaining(['three', 'two']));
    expect(await named(`?actor=${keyId}&to=${at}`)).not.toContain('three');
    for (const order of ['newest', 'oldest']) {
      const whole = (await eventsOf(caller, `?limit=100&order=${order}`)).map(({ id }) => id);
      const paged: string[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: Answer = await caller.get(
          `${EVENTS}?limit=2&order=${order}${cursor === '' ? '' : `&cursor=${cursor}`}`,
        );
        paged.push(...dataOf(page).map(({ id }) => id));
        cursor = page.body['nextCursor'] as string | null;
      }
      expect(paged).toEqual(whole);
    }
  });

  it('is exported whole, oldest first, as lines whose hashes anybody can compute, and says so', async () => {
    const { caller, id, keyId } = await service.tenant();
    for (let at = 0; at < 5; at++) await caller.post('/v1/api-keys', { name: `é\u2028 ${at}` });
    const exported = await caller.get(EVENTS, NDJSON);
    expect([exported.status, exported.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    const lines = linesOf(exported);
    expect(lines.map(({ sequence }) => sequence)).toEqual(lines.map((_, at) => at + 1));
    expect(lines.at(-1)).toMatchObject({
      action: 'audit_log.exported',
      actor: { id: keyId },
      targets: [{ type: 'audit_log', id }],
    });
    let before = '0'.repeat(64);
    for (const { hash, previousHash, ...event } of lines) {
      expect(previousHash).toBe(before);
      const bytes = Buffer.concat([Buffer.from(before, 'hex'), Buffer.from(canonicalize(event) ?? '')]);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(hash);
      before = hash;
    }
    const narrow = linesOf(await caller.get(`${EVENTS}?action=api_key.created&actor=${keyId}`, NDJSON));
    expect(narrow.map(({ action }) => action)).toEqual(Array.from({ length: 5 }, () => 'api_key.created'));
  });

  it('ends with a checkpoint that jose alone verifies by the published keys', async () => {
    const { body } = await tenant.caller.get(`${EVENTS}/checkpoint`);
    const [newest] = await eventsOf(tenant.caller, '?limit=1');
    expect(body).toMatchObject({ tenant: tenant.id, sequence: newest?.sequence, hash: newest?.hash });
    const jwks = createRemoteJWKSet(new URL('/.well-known/jwks.json', service.url));
    const token = String(body['token']);
    const { payload } = await jwtVerify(token, jwks, { typ: 'incumbent-audit-checkpoint+jwt' });
    expect(payload).toMatchObject({ tenant: tenant.id, sequence: newest?.sequence, hash: newest?.hash });
    expect(new Date((payload.iat ?? 0) * 1_000).toISOString()).toBe(body['signedAt']);
    const judged = await tenant.caller.post('/v1/fencing-tokens/validate', { token });
    expect(judged.body).toMatchObject({ valid: false });
  });

  it('shows a tenant nothing of another and nothing of the platform', async () => {
    const { text } = await other.caller.get(`${EVENTS}?limit=100`);
    for (const foreign of [tenant.id, tenant.keyId, 'platform']) expect(text).not.toContain(foreign);
    expect(await eventsOf(other.caller, `?actor=${tenant.keyId}`)).toEqual([]);
    expect(await eventsOf(other.caller, `?target=${tenant.keyId}`)).toEqual([]);
    const export_ = await other.caller.get(EVENTS, NDJSON);
    expect(export_.text).not.toContain(tenant.id);
    const { body } = await other.caller.get(`${EVENTS}/checkpoint`);
    expect(body['tenant']).toBe(other.id);
    for (const path of [EVENTS, `${EVENTS}/checkpoint`]) {
      const refused = await other.caller.get(`${path}?tenantId=${tenant.id}`);
      expect([refused.status, refused.body['code']]).toEqual([400, 'request.invalid_query']);
      expect((await other.caller.get(`/admin${path}?tenantId=${tenant.id}`)).status).toBe(401);
    }
  });

  it('shows the operator the platform and any tenant, and tells the tenant of an export', async () => {
    const { operator } = service;
    const listed = dataOf(await operator.get(`/admin${EVENTS}?tenantId=${tenant.id}&limit=1`));
    expect(listed).toEqual(await eventsOf(tenant.caller, '?limit=1'));
    expect(
      linesOf(await operator.get(`/admin${EVENTS}?tenantId=${tenant.id}`, NDJSON)).length,
    ).toBeGreaterThan(1);
    const [told] = await eventsOf(tenant.caller, '?limit=1');
    expect(told).toMatchObject({ action: 'audit_log.exported', actor: { type: 'admin_token' } });
    const platform = linesOf(await operator.get(`/admin${EVENTS}`, NDJSON));
    expect(new Set(platform.map((event) => event.tenant))).toEqual(new Set(['platform']));
    const checkpoint = await operator.get(`/admin${EVENTS}/checkpoint`);
    expect(checkpoint.body).toMatchObject({ tenant: 'platform' });
  });

  it.each([
    ['cursor=bm9uc2Vuc2U', 'cursor'],
    ['cursor=%20', 'cursor'],
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['order=sideways', 'order'],
    ['from=yesterday', 'from'],
    ['to=2026-13-01T00:00:00Z', 'to'],
    ['action=nonsense', 'action'],
    ['actor=', 'actor'],
    ['unknown=1', 'unknown'],
  ])('refuses the query %s and says what is wrong with it', async (query, pointer) => {
    const { status, body } = await tenant.caller.get(`${EVENTS}?${query}`);
    expect([status, body['code']]).toEqual([400, 'request.invalid_query']);
    expect(body['errors']).toMatchObject([{ pointer }]);
  });

  it('takes no words about pages for an export', async () => {
    for (const query of ['limit=5', 'order=newest', 'cursor=YXVkaXQgMQ']) {
      const { status, body } = await tenant.caller.get(`${EVENTS}?${query}`, NDJSON);
      expect([status, body['code']]).toEqual([400, 'request.invalid_query']);
    }
  });

  it('is read with the scope audit:read alone', async () => {
    const { caller } = await service.key(tenant.id, { scopes: ['keys:manage', 'elections:manage'] });
    for (const path of [EVENTS, `${EVENTS}/checkpoint`]) {
      const refused = await caller.get(path);
      expect([refused.status, refused.body['code']]).toEqual([403, 'identity.scope_missing']);
    }
  });
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import type { Answer, Caller } from '../caller.js';
import { Service, type Tenant } from '../service.js';

let service: Service;
let tenant: Tenant;

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
}, 60_000);

afterAll(() => service?.stop());

const keyed = (key: string = randomUUID()) => ({ 'idempotency-key': key });

/** Asks again until the answer is there. */
async function settled(ask: () => Promise<Answer>): Promise<Answer> {
  let answer = await ask();
  await waitUntil(
    async () => {
      if (answer.status === 409 && answer.body['code'] === 'request.in_progress') answer = await ask();
      return answer.body['code'] !== 'request.in_progress';
    },
    { what: 'the answer to a request under way' },
  );
  return answer;
}

const keysOf = async (caller: Caller): Promise<unknown[]> =>
  (await caller.get('/v1/api-keys?limit=100')).body['data'] as unknown[];

describe('a call with an Idempotency-Key', () => {
  it('is carried out once, however many come at the same moment', async () => {
    const { caller } = await service.tenant();
    const before = (await keysOf(caller)).length;
    const headers = keyed();
    const ask = () => caller.post('/v1/api-keys', { name: 'one' }, headers);
    const answers = await Promise.all(Array.from({ length: 20 }, () => settled(ask)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body['id'])).size).toBe(1);
    expect((await keysOf(caller)).length).toBe(before + 1);
    // Whoever was first was told the secret; nobody else was, and the others can tell that they are repeats.
    expect(answers.filter(({ body }) => 'key' in body)).toHaveLength(1);
    expect(answers.filter(({ headers: got }) => got.get('idempotent-replayed') === 'true')).toHaveLength(19);
  });

  it('tells one who comes too early to come again', async () => {
    const { caller } = await service.tenant();
    const headers = keyed();
    const ask = () => caller.post('/v1/api-keys', { name: 'one' }, headers);
    const early = (await Promise.all(Array.from({ length: 30 }, ask))).filter(({ status }) => status === 409);
    expect(early.length).toBeGreaterThan(0);
    for (const answer of early) {
      expect(answer.body).toMatchObject({ code: 'request.in_progress', executed: 'unknown' });
      expect(answer.headers.get('retry-after')).toBe('1');
    }
  });

  it('is answered as the first time, headers included', async () => {
    const headers = keyed();
    const body = { name: `e-${randomUUID()}`, ttlMs: 20_000 };
    const first = await tenant.caller.post('/v1/elections', body, headers);
    await tenant.caller.delete(`/v1/elections/${body.name}`);
    // The fields in another order are the same request.
    const again = await tenant.caller.post('/v1/elections', { ttlMs: 20_000, name: body.name }, headers);
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    for (const name of ['etag', 'location']) expect(again.headers.get(name)).toBe(first.headers.get(name));
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    // It was a repeat, not a second creation.
    expect((await tenant.caller.get(`/v1/elections/${body.name}`)).status).toBe(404);
  });

  it('is refused with another body', async () => {
    const headers = keyed();
    await tenant.caller.post('/v1/api-keys', { name: 'one' }, headers);
    const other = await tenant.caller.post('/v1/api-keys', { name: 'two' }, headers);
    expect([other.status, other.body['code']]).toEqual([422, 'request.idempotency_mismatch']);
  });

  it('leaves the key free when it was refused', async () => {
    const { caller } = await service.tenant({}, { maxApiKeys: 1 });
    const headers = keyed();
    const refused = await caller.post('/v1/api-keys', { name: 'one' }, headers);
    expect(refused.body['code']).toBe('limit.quota_exceeded');
    const malformed = await caller.post('/v1/api-keys', { nome: 'one' }, headers);
    expect(malformed.body['code']).toBe('request.invalid_body');
    expect((await caller.post('/v1/api-keys', { name: 'two' }, headers)).status).toBe(429);
  });

  it('belongs to its tenant and its path alone', async () => {
    const other = await service.tenant();
    const headers = keyed();
    const name = `e-${randomUUID()}`;
    const mine = await tenant.caller.post('/v1/api-keys', { name }, headers);
    const theirs = await other.caller.post('/v1/api-keys', { name }, headers);
    const election = await tenant.caller.post('/v1/elections', { name }, headers);
    expect([mine.status, theirs.status, election.status]).toEqual([201, 201, 201]);
    expect(theirs.body['id']).not.toBe(mine.body['id']);
  });

  it('does not show a narrower key what a wider one was told', async () => {
    const narrow = await service.key(tenant.id, { electionPrefix: 'only-' });
    const headers = keyed();
    const body = { name: `secret-${randomUUID()}` };
    await tenant.caller.post('/v1/elections', body, headers);
    const peek = await narrow.caller.post('/v1/elections', body, headers);
    expect(peek.status).toBe(422);
  });

  it.each(['', ' ', 'ä', 'x'.repeat(256)])('is refused when the key is %j', async (key) => {
    const answer = await tenant.caller.post('/v1/api-keys', { name: 'one' }, { 'idempotency-key': key });
    expect(answer.body).toMatchObject({
      code: 'request.invalid_header',
      errors: [{ pointer: 'idempotency-key' }],
    });
  });

  it('works for operators too, without showing a secret again', async () => {
    const headers = keyed();
    const first = await service.operator.post('/admin/v1/tenants', { name: 'Once' }, headers);
    const again = await service.operator.post('/admin/v1/tenants', { name: 'Once' }, headers);
    expect(again.body).toEqual(first.body);
    const path = `/admin/v1/tenants/${String(first.body['id'])}/api-keys`;
    const made = await service.operator.post(path, { name: 'k' }, headers);
    const repeated = await service.operator.post(path, { name: 'k' }, headers);
    const { key, ...shown } = made.body;
    expect(typeof key).toBe('string');
    expect(repeated.body).toEqual(shown);
  });

  it('is remembered by a replica that has just started', async () => {
    const headers = keyed();
    const first = await tenant.caller.post('/v1/api-keys', { name: 'kept' }, headers);
    const late = await Service.start({ beside: service });
    try {
      const again = await tenant.caller
        .with({ url: late.url })
        .post('/v1/api-keys', { name: 'kept' }, headers);
      const { key: _secret, ...shown } = first.body;
      expect(again.body).toEqual(shown);
    } finally {
      await late.stop();
    }
  }, 60_000);
});

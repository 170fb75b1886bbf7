import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Caller } from '../caller.js';
import { Service } from '../service.js';

let service: Service;
let caller: Caller;
let election: string;
let standing: Record<string, unknown>;

beforeAll(async () => {
  service = await Service.start();
  ({ caller } = await service.tenant());
  election = await caller.election();
  standing = (await caller.campaign(election, { candidate: 'leader', ttlMs: 60_000 })).body;
}, 60_000);

afterAll(() => service?.stop());

const JSON_TYPE = { 'content-type': 'application/json' };
const campaignWith = (body: string, headers: Record<string, string> = JSON_TYPE) =>
  caller.send('POST', `/v1/elections/${election}/campaign`, { headers, body });

function expectProblem(answer: Answer, status: number, code: string): void {
  expect([answer.status, answer.body['code']]).toEqual([status, code]);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({
    type: `urn:incumbent:error:${code}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
    requestId: answer.headers.get('x-request-id'),
  });
  expect(answer.text).not.toMatch(/node_modules|at .*\.js|etcd3|typeorm|stack/i);
}

/** Body, the pointer that is named, and the code of the field where it is part of the contract. */
const FIELDS: [string, unknown, string, string][] = [
  ['an unknown field', { candidate: 'a', ttl: 5 }, '/ttl', 'unknown_field'],
  ['a field of the service', { candidate: 'a', tenantId: 'ten_x' }, '/tenantId', 'unknown_field'],
  ['a missing field', {}, '/candidate', 'invalid_type'],
  ['a number sent as string', { candidate: 'a', ttlMs: '5000' }, '/ttlMs', 'invalid_type'],
  ['a boolean for a number', { candidate: 'a', ttlMs: true }, '/ttlMs', 'invalid_type'],
  ['null for a number', { candidate: 'a', ttlMs: null }, '/ttlMs', 'invalid_type'],
  ['a list for a number', { candidate: 'a', ttlMs: [5_000] }, '/ttlMs', 'invalid_type'],
  ['a fraction', { candidate: 'a', ttlMs: 1_000.5 }, '/ttlMs', ''],
  ['a ttlMs below 1 s', { candidate: 'a', ttlMs: 999 }, '/ttlMs', 'too_small'],
  ['a ttlMs above 15 min', { candidate: 'a', ttlMs: 900_001 }, '/ttlMs', 'too_big'],
  ['a negative waitMs', { candidate: 'a', waitMs: -1 }, '/waitMs', 'too_small'],
  ['a number for a name', { candidate: 7 }, '/candidate', 'invalid_type'],
  ['an empty name', { candidate: '' }, '/candidate', ''],
  ['a name with a slash', { candidate: 'a/b' }, '/candidate', ''],
  ['a name with a control character', { candidate: 'a\u0000b' }, '/candidate', ''],
  ['a look-alike letter', { candidate: '\u0430dmin' }, '/candidate', ''],
  ['a name that is too long', { candidate: 'a'.repeat(254) }, '/candidate', ''],
  ['metadata that is no object', { candidate: 'a', metadata: [1] }, '/metadata', 'invalid_type'],
  ['metadata above 2 kB', { candidate: 'a', metadata: { pad: 'x'.repeat(2_048) } }, '/metadata', 'custom'],
  ['an address with a NUL', { candidate: 'a', address: 'x\0' }, '/address', 'invalid_text'],
  [
    'half of a character in metadata',
    { candidate: 'a', metadata: { x: ['\ud800'] } },
    '/metadata/x/0',
    'invalid_text',
  ],
  ['a NUL in a key of metadata', { candidate: 'a', metadata: { 'x\0': 1 } }, '/metadata/x\0', 'invalid_text'],
  ['an address that is too long', { candidate: 'a', address: 'x'.repeat(513) }, '/address', 'too_big'],
  ['a list for the body', [], '', ''],
  ['a string for the body', 'candidate', '', ''],
  ['null for the body', null, '', ''],
];

describe('a body that does not fit', () => {
  it.each(FIELDS)('with %s is a 400 that names the field', async (_what, body, pointer, code) => {
    const answer = await campaignWith(JSON.stringify(body));
    expectProblem(answer, 400, 'request.invalid_body');
    const errors = answer.body['errors'] as { pointer: string; code: string; message: string }[];
    expect(errors.map((error) => error.pointer)).toContain(pointer);
    if (code !== '') expect(errors[0]?.code).toBe(code);
    for (const { message } of errors) expect(message.length).toBeGreaterThan(5);
  });

  it('with text that cannot be stored is a 400 wherever it stands, also in a query', async () => {
    for (const text of ['a\0b', 'a\ud800b']) {
      const webhook = { url: 'https://1.1.1.1/', events: ['leadership.acquired'] };
      const made = [
        caller.post('/v1/elections', { name: 'x', description: text }),
        caller.post('/v1/api-keys', { name: text }),
        caller.post('/v1/webhook-endpoints', { ...webhook, description: text }),
        caller.post('/v1/webhook-endpoints', { ...webhook, url: `https://1.1.1.1/${text}` }),
        service.operator.post('/admin/v1/tenants', { name: text }),
        service.operator.post('/admin/v1/tokens', { name: text, role: 'read_only' }),
      ];
      for (const answer of await Promise.all(made)) expectProblem(answer, 400, 'request.invalid_body');
    }
    const asked = [
      caller.get('/v1/audit-events?actor=%00'),
      caller.get('/v1/audit-events?target=a%00'),
      service.operator.get('/admin/v1/tenants?search=%00'),
    ];
    for (const answer of await Promise.all(asked)) expectProblem(answer, 400, 'request.invalid_query');
  });

  it('tells every field that is wrong, not only the first', async () => {
    const { body } = await campaignWith(JSON.stringify({ candidate: '', ttlMs: 'x', foo: 1, bar: 2 }));
    const pointers = (body['errors'] as { pointer: string }[]).map((error) => error.pointer);
    expect(pointers.sort()).toEqual(['/bar', '/candidate', '/foo', '/ttlMs']);
  });

  it.each([
    ['/v1/elections', { name: 'x', ttlMs: '1' }],
    ['/v1/elections', { name: '-x' }],
    ['/v1/elections', { name: 'x', policy: 'random' }],
    ['/v1/fencing-tokens/validate', { token: 5 }],
    ['/v1/api-keys', { name: '', scopes: ['elections:read'] }],
    ['/v1/api-keys', { name: 'x', scopes: ['admin'] }],
    ['/v1/api-keys', { name: 'x', expiresAt: 'tomorrow' }],
  ])('of %s is refused as well (%#)', async (path, body) => {
    expectProblem(await caller.post(path, body), 400, 'request.invalid_body');
  });

  it.each([
    ['malformed', '{"candidate":'],
    ['with a key twice', '{"candidate":"a","candidate":"b"}'],
    ['with __proto__', '{"candidate":"a","__proto__":{"x":1}}'],
    ['with trailing garbage', '{"candidate":"a"} garbage'],
    ['with a number beyond all numbers', '{"candidate":"a","ttlMs":NaN}'],
    ['too deep', `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
  ])('of JSON that is %s is a 400 request.malformed_json', async (_what, body) => {
    expectProblem(await campaignWith(body), 400, 'request.malformed_json');
  });

  it('that is missing is a 400', async () => {
    expectProblem(
      await caller.send('POST', `/v1/elections/${election}/campaign`),
      400,
      'request.invalid_body',
    );
    expectProblem(await campaignWith(''), 400, 'request.invalid_body');
  });

  it('above 16 kB is a 413', async () => {
    const body = JSON.stringify({ candidate: 'a', address: 'x'.repeat(17_000) });
    expectProblem(await campaignWith(body), 413, 'request.body_too_large');
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/xml',
    'multipart/form-data; boundary=x',
    'nonsense',
  ])('of type %s is a 415', async (type) => {
    const answer = await campaignWith('{"candidate":"a"}', { 'content-type': type });
    expectProblem(answer, 415, 'request.unsupported_media_type');
  });
});

describe('paths, queries and headers that do not fit', () => {
  it.each([
    ['-starts-with-a-dash'],
    ['a%2Fb'],
    ['a%00b'],
    ['..%2f..%2fadmin'],
    ['%D0%B0dmin'],
    ['a'.repeat(129)],
    ['a'.repeat(600)],
    ['%zz'],
  ])('the election name %s is a 400 request.invalid_path', async (name) => {
    expectProblem(await caller.get(`/v1/elections/${name}/leader`), 400, 'request.invalid_path');
  });

  it.each([
    ['waitMs=abc', 'waitMs'],
    ['waitMs=-1', 'waitMs'],
    ['waitMs=1e3', 'waitMs'],
    ['waitMs=0x10', 'waitMs'],
    ['waitMs=', 'waitMs'],
    ['waitMs=55001', 'waitMs'],
    ['waitMs=1&waitMs=2', 'waitMs'],
    ['afterSequence=1.5', 'afterSequence'],
    ['wait=1', 'wait'],
  ])('the query %s is a 400 that names the parameter', async (query, pointer) => {
    const answer = await caller.get(`/v1/elections/${election}/leader?${query}`);
    expectProblem(answer, 400, 'request.invalid_query');
    expect(answer.body['errors']).toMatchObject([{ pointer }]);
  });

  it.each([
    '/v1/elections?limit=0',
    '/v1/elections?limit=101',
    '/v1/elections?cursor=%20',
    '/v1/api-keys?cursor=Zm9v',
  ])('%s is a 400', async (path) => expectProblem(await caller.get(path), 400, 'request.invalid_query'));

  it('a parameter where none is known is a 400, not ignored', async () => {
    expectProblem(await caller.get(`/v1/elections/${election}?expand=all`), 400, 'request.invalid_query');
  });

  it.each(['with space', 'x'.repeat(256), 'caf\u00e9'])('the Idempotency-Key "%s" is a 400', async (key) => {
    const answer = await caller.campaign(election, { candidate: 'a' }, { 'idempotency-key': key });
    expectProblem(answer, 400, 'request.invalid_header');
  });

  it('an If-Match that is no ETag is a 400', async () => {
    const answer = await caller.patch(`/v1/elections/${election}`, { ttlMs: 5_000 }, { 'if-match': 'abc' });
    expectProblem(answer, 400, 'request.invalid_header');
  });

  it('an unknown path is a 404, a wrong method a 405 that says which are right', async () => {
    expectProblem(await caller.get('/v1/lections'), 404, 'request.unknown_route');
    expectProblem(await caller.get(`/v1/elections/${election}/`), 404, 'request.unknown_route');
    const wrong = await caller.send('PUT', `/v1/elections/${election}`);
    expectProblem(wrong, 405, 'request.method_not_allowed');
    expect(wrong.headers.get('allow')).toBe('DELETE, GET, PATCH');
    expectProblem(await caller.get(`/v1/elections/${election}/campaign`), 405, 'request.method_not_allowed');
    expectProblem(await caller.send('OPTIONS', '/v1/elections'), 405, 'request.method_not_allowed');
  });
});

describe('credentials that do not fit', () => {
  it.each([
    ['none', undefined],
    ['an empty one', 'Bearer '],
    ['another scheme', 'Basic abc'],
    ['no key at all', 'Bearer abc'],
    ['an unknown key', 'Bearer inc_live_000000000000000000000000_00000000000000000000000000000000000000'],
    ['8 kB of something', `Bearer ${'x'.repeat(8_000)}`],
  ])('%s are a 401 with one and the same text', async (_what, authorization) => {
    const who = caller.with({ key: undefined });
    const answer = await who.get('/v1/elections', authorization === undefined ? {} : { authorization });
    expectProblem(answer, 401, 'identity.unauthenticated');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(answer.body['detail']).toMatch(/^Send "Authorization: Bearer <API key>"/);
  });

  it('a key with one changed letter, of another case, or in the query is a 401', async () => {
    const key = String(caller.key);
    const changed = [
      key.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')),
      key.toLowerCase(),
      key.replace('inc_live', 'inc_test'),
    ];
    for (const wrong of changed)
      expect((await caller.with({ key: wrong }).get('/v1/elections')).status).toBe(401);
    expect((await caller.with({ key: undefined }).get(`/v1/elections?key=${key}`)).status).toBe(401);
  });
});

describe('after all of it', () => {
  it('nothing has changed: one leader, one candidate, one election', async () => {
    const { body } = await caller.get(`/v1/elections/${election}/status`);
    expect(body).toMatchObject({ candidateCount: 1, term: 1, sequence: 1, leader: { candidate: 'leader' } });
    expect((await caller.renew(election, standing['session'])).body['state']).toBe('leader');
    expect((await caller.get('/v1/elections')).body['data']).toHaveLength(1);
  });

  it('nothing secret stands in the log', () => {
    const log = service.log();
    expect(log).toContain('"status":400');
    for (const secret of [
      caller.key,
      standing['session'],
      standing['fencingToken'],
      service.settings['ADMIN_TOKEN'],
    ]) {
      expect(log).not.toContain(String(secret).slice(-30));
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { Service, type Tenant } from '../service.js';

let service: Service;
let tenant: Tenant;

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
}, 60_000);

afterAll(() => service?.stop());

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('every call', () => {
  it('keeps the request id and the trace that the caller chose, in the answer and in the log', async () => {
    const sent = { 'x-request-id': 'order-4711', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
    const { headers } = await tenant.caller.post('/v1/elections', { name: 'traced' }, sent);
    expect(headers.get('x-request-id')).toBe('order-4711');
    expect(headers.get('traceparent')).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(headers.get('traceparent')).not.toBe(sent.traceparent);
    await waitUntil(() => service.log().includes(`"traceId":"${TRACE}"`), { what: 'the line of the call' });
    const line =
      service
        .log()
        .split('\n')
        .find((text) => text.includes(TRACE)) ?? '';
    expect(JSON.parse(line)).toMatchObject({ requestId: 'order-4711', operation: 'createElection' });
  });

  it('goes on without a trace where the header is spoilt', async () => {
    const { status, headers } = await tenant.caller.get('/v1/elections', { traceparent: '00-nonsense' });
    expect([status, headers.get('traceparent')]).toEqual([200, null]);
  });
});

const LISTS = ['/v1/elections', '/v1/api-keys', '/v1/elections/paged/candidates'];

describe('a cursor', () => {
  beforeAll(async () => {
    await tenant.caller.election({ name: 'paged' });
  });

  it.each(
    LISTS.flatMap((path) => ['abc', 'AAAA', 'e30', 'ZXlKaFltTWlPakY5'].map((cursor) => ({ path, cursor }))),
  )('of no page is refused precisely: $path $cursor', async ({ path, cursor }) => {
    const { status, body } = await tenant.caller.get(`${path}?cursor=${cursor}`);
    expect([status, body['code']]).toEqual([400, 'request.invalid_query']);
    expect(body['errors']).toMatchObject([{ pointer: 'cursor' }]);
  });

  it('that lost a character on its way is refused, and whole it goes on where the page ended', async () => {
    const { caller } = await service.tenant();
    for (const name of ['a', 'b', 'c']) await caller.election({ name });
    const first = await caller.get('/v1/elections?limit=2');
    const cursor = String(first.body['nextCursor']);
    expect((await caller.get(`/v1/elections?cursor=${cursor.slice(0, -1)}`)).status).toBe(400);
    const { body } = await caller.get(`/v1/elections?cursor=${cursor}`);
    expect(body).toMatchObject({ data: [{ name: 'c' }], nextCursor: null });
  });
});

describe('the ETag of a tenant', () => {
  it('lets a change through that was made on what is there, and no other', async () => {
    const { operator } = service;
    const path = `/admin/v1/tenants/${tenant.id}`;
    const seen = await operator.get(path);
    const etag = seen.headers.get('etag') ?? '';
    const changed = await operator.patch(path, { name: 'Second' }, { 'if-match': etag });
    expect([changed.status, changed.body['name']]).toEqual([200, 'Second']);
    expect(changed.headers.get('etag')).not.toBe(etag);
    expect((await operator.get(path)).headers.get('etag')).toBe(changed.headers.get('etag'));
    const late = await operator.patch(path, { name: 'Third' }, { 'if-match': etag });
    expect([late.status, late.body['code']]).toEqual([412, 'request.precondition_failed']);
    expect((await operator.get(path)).body['name']).toBe('Second');
    expect((await operator.patch(path, { name: 'Fourth' }, { 'if-match': '*' })).status).toBe(200);
  });

  it.each(['abc', '"open', 'W/"x"'])('is refused in the wrong spelling: %j', async (condition) => {
    const path = `/admin/v1/tenants/${tenant.id}`;
    const answer = await service.operator.patch(path, { name: 'X' }, { 'if-match': condition });
    expect([answer.status, answer.body['code']]).toEqual([400, 'request.invalid_header']);
  });

  it('has its like on API keys', async () => {
    const [mine, admin] = [
      await tenant.caller.get(`/v1/api-keys/${tenant.keyId}`),
      await service.operator.get(`/admin/v1/tenants/${tenant.id}/api-keys/${tenant.keyId}`),
    ];
    expect(mine.headers.get('etag')).toMatch(/^"[\w-]{22}"$/);
    expect(admin.headers.get('etag')).toBe(mine.headers.get('etag'));
  });
});

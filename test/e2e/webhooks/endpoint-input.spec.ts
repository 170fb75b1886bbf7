import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Service, type Tenant } from '../service.js';
import { ENDPOINTS, JSON_TYPE, make, outcome, wanted } from './endpoint-calls.js';

let service: Service;
let tenant: Tenant;

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
}, 60_000);

afterAll(() => service?.stop());

describe('bad input', () => {
  it.each([
    ['no URL', { url: undefined }, '/url', undefined],
    ['a relative URL', { url: '/hooks' }, '/url', 'invalid_url'],
    ['plain http', { url: 'http://93.184.216.34/' }, '/url', 'invalid_url'],
    ['another scheme', { url: 'ftp://93.184.216.34/' }, '/url', 'invalid_url'],
    ['a password in the URL', { url: 'https://a:b@93.184.216.34/' }, '/url', 'has_credentials'],
    ['a fragment', { url: 'https://93.184.216.34/#x' }, '/url', 'has_fragment'],
    ['a low port', { url: 'https://93.184.216.34:25/' }, '/url', 'invalid_port'],
    ['a private address', { url: 'https://10.1.2.3/' }, '/url', 'private_address'],
    ['the address of cloud metadata', { url: 'https://169.254.169.254/' }, '/url', 'private_address'],
    ['a mapped address', { url: 'https://[::ffff:127.0.0.1]/' }, '/url', 'private_address'],
    ['a name of this machine', { url: 'https://localhost:8443/' }, '/url', 'private_address'],
    ['a name that does not exist', { url: 'https://nothing.invalid/' }, '/url', 'unresolvable'],
    ['a URL that is too long', { url: `https://93.184.216.34/${'x'.repeat(2_048)}` }, '/url', 'too_big'],
    ['no event', { events: [] }, '/events', 'too_small'],
    ['an unknown event', { events: ['leadership.acquired', 'leadership.won'] }, '/events/1', 'invalid_value'],
    ['an event twice', { events: ['leadership.lost', 'leadership.lost'] }, '/events', 'custom'],
    ['a pattern in the middle', { elections: ['a*b'] }, '/elections/0', 'custom'],
    ['an unknown mode', { mode: 'some' }, '/mode', 'invalid_value'],
    ['a short timeout', { timeoutMs: 4_999 }, '/timeoutMs', 'too_small'],
    ['a long timeout', { timeoutMs: 30_001 }, '/timeoutMs', 'too_big'],
    ['a threshold of zero', { unstableThreshold: 0 }, '/unstableThreshold', 'too_small'],
    ['a status that is not for people', { status: 'disabled' }, '/status', 'invalid_value'],
    ['a header of the service', { headers: { 'Webhook-Id': 'x' } }, '/headers/Webhook-Id', undefined],
    ['the length of the body', { headers: { 'Content-Length': '1' } }, '/headers/Content-Length', undefined],
    ['a line break in a header', { headers: { a: 'b\r\nc: d' } }, '/headers/a', undefined],
    ['a header twice', { headers: { a: '1', A: '2' } }, '/headers', 'custom'],
    ['headers above 4 kB', { headers: { a: 'x'.repeat(4_096) } }, '/headers', 'custom'],
    ['an unknown field', { retries: 5 }, '/retries', 'unknown_field'],
    ['an id', { id: 'whe_0123456789' }, '/id', 'unknown_field'],
  ])('%s is refused with the field that is wrong, and makes nothing', async (_, own, pointer, code) => {
    const { caller } = tenant;
    const before = (await caller.get(`${ENDPOINTS}?limit=100`)).text;
    const refused = await caller.post(ENDPOINTS, wanted(own));
    expect(outcome(refused)).toEqual([400, 'request.invalid_body']);
    const [field] = refused.body['errors'] as { pointer: string; code: string; message: string }[];
    expect(field?.pointer).toBe(pointer);
    if (code !== undefined) expect(field?.code).toBe(code);
    expect((await caller.get(`${ENDPOINTS}?limit=100`)).text).toBe(before);
  });

  it('a field that is missing is called so', async () => {
    const { body } = await tenant.caller.post(ENDPOINTS, wanted({ url: undefined }));
    expect(body['detail']).toBe('/url: Is required.');
  });

  it('a header of the service is answered with the reason', async () => {
    const { body } = await tenant.caller.post(ENDPOINTS, wanted({ headers: { Host: 'x' } }));
    expect(body['detail']).toBe('/headers/Host: This header is set by the service itself.');
  });

  it('an unknown event is answered with the ones that are known', async () => {
    const { text } = await tenant.caller.post(ENDPOINTS, wanted({ events: ['leader.changed'] }));
    for (const known of ['leadership.acquired', 'leadership.lost', 'election.vacant', 'election.unstable'])
      expect(text).toContain(known);
    for (const known of ['endpoint.disabled', 'quota.exceeded']) expect(text).toContain(known);
  });

  it('changes nothing of an endpoint that exists', async () => {
    const { id } = await make(tenant.caller);
    const before = await tenant.caller.get(`${ENDPOINTS}/${id}`);
    for (const change of [
      {},
      { url: 'https://10.0.0.1/' },
      { events: [] },
      { status: 'deleted' },
      { secret: 'x' },
    ]) {
      const refused = await tenant.caller.patch(`${ENDPOINTS}/${id}`, change);
      expect(outcome(refused)).toEqual([400, 'request.invalid_body']);
    }
    const badTag = await tenant.caller.patch(
      `${ENDPOINTS}/${id}`,
      { mode: 'all' },
      { 'if-match': 'unquoted' },
    );
    expect(outcome(badTag)).toEqual([400, 'request.invalid_header']);
    const after = await tenant.caller.get(`${ENDPOINTS}/${id}`);
    expect([after.body, after.headers.get('etag')]).toEqual([before.body, before.headers.get('etag')]);
  });

  it.each([
    ['GET', `${ENDPOINTS}/nothing`, undefined, 'request.invalid_path'],
    ['GET', `${ENDPOINTS}?cursor=bm8`, undefined, 'request.invalid_query'],
    ['GET', `${ENDPOINTS}?limit=0`, undefined, 'request.invalid_query'],
    ['GET', '/v1/webhook-deliveries?cursor=!!', undefined, 'request.invalid_query'],
    ['GET', '/v1/webhook-deliveries?state=lost', undefined, 'request.invalid_query'],
    ['GET', '/v1/webhook-deliveries?state=cancelled', undefined, 'request.invalid_query'],
    ['GET', '/v1/webhook-deliveries?from=yesterday', undefined, 'request.invalid_query'],
    ['GET', '/v1/webhook-deliveries?endpoint=ten_0123456789', undefined, 'request.invalid_query'],
    ['GET', '/v1/webhook-deliveries?page=2', undefined, 'request.invalid_query'],
    [
      'POST',
      `${ENDPOINTS}/whe_0123456789/recover`,
      { since: '2020-01-01T00:00:00Z' },
      'request.invalid_body',
    ],
    ['POST', `${ENDPOINTS}/whe_0123456789/recover`, {}, 'request.invalid_body'],
  ])('%s %s is refused', async (method, path, body, code) => {
    const init = body === undefined ? {} : { headers: JSON_TYPE, body: JSON.stringify(body) };
    expect(outcome(await tenant.caller.send(method, path, init))).toEqual([400, code]);
  });
});

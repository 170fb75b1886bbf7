import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Service, type Tenant } from '../service.js';
import { exchange, readAll } from './raw-socket.js';

let service: Service;
let tenant: Tenant;

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
}, 60_000);

afterAll(() => service?.stop());

const statusOf = (answer: string) => Number(answer.slice(9, 12));
const codeOf = (answer: string) => /"code":"([^"]+)"/.exec(answer)?.[1];
const get = (...headers: string[]) => ['GET /v1/elections HTTP/1.1', ...headers, '', ''].join('\r\n');
const authorized = () => `Authorization: Bearer ${tenant.caller.key}`;
const post = (headers: string[], body: string) =>
  [
    'POST /v1/elections HTTP/1.1',
    'Host: x',
    authorized(),
    'Content-Type: application/json',
    ...headers,
    '',
    body,
  ].join('\r\n');

describe('requests whose framing two servers could read differently', () => {
  it.each([
    ['two Host headers', () => get('Host: a', 'Host: b', authorized()), 400, 'request.invalid_header'],
    ['no Host header', () => get(authorized()), 400, 'request.invalid_header'],
    [
      'a target that names another host',
      () => get('Host: a', authorized()).replace('/v1', 'http://evil/v1'),
      400,
      'request.invalid_path',
    ],
    [
      'two Authorization headers',
      () => get('Host: a', authorized(), authorized()),
      401,
      'identity.unauthenticated',
    ],
    [
      '65 headers',
      () => get('Host: a', authorized(), ...Array.from({ length: 63 }, (_, at) => `X-${at}: 1`)),
      431,
      'request.headers_too_large',
    ],
    [
      '17 kB of headers',
      () => get('Host: a', `X-Pad: ${'x'.repeat(17_000)}`),
      431,
      'request.headers_too_large',
    ],
    ['Content-Length twice', () => post(['Content-Length: 2', 'Content-Length: 3'], '{}'), 400, undefined],
    [
      'Content-Length and Transfer-Encoding',
      () => post(['Content-Length: 2', 'Transfer-Encoding: chunked'], '{}'),
      400,
      undefined,
    ],
    ['an unknown Transfer-Encoding', () => post(['Transfer-Encoding: xchunked'], '{}'), 400, undefined],
    ['a space before the colon', () => get('Host: a', 'Content-Length : 0'), 400, undefined],
    ['a line that is folded', () => get('Host: a', ' folded: 1'), 400, undefined],
    ['a header with NUL', () => get('Host: a', 'X-A: \u0000'), 400, undefined],
    ['no HTTP at all', () => '\u0016\u0003\u0001\u0002\r\n\r\n', 400, undefined],
  ])('with %s are refused as a problem', async (_what, request, status, code) => {
    const answer = await exchange(service.port, request());
    expect(statusOf(answer)).toBe(status);
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    if (code !== undefined) expect(codeOf(answer)).toBe(code);
  });

  it('with 64 headers are still served', async () => {
    const headers = Array.from({ length: 62 }, (_, at) => `X-${at}: 1`);
    expect(statusOf(await exchange(service.port, get('Host: a', authorized(), ...headers)))).toBe(200);
  });

  it.each(['TRACE', 'PROPFIND', 'LOCK', 'FOO'])('by %s reach no handler', async (method) => {
    const answer = await exchange(service.port, get('Host: a', authorized()).replace('GET', method));
    expect([400, 404, 405]).toContain(statusOf(answer));
    expect(answer).not.toMatch(/Bearer inc_/);
  });

  it('by CONNECT get no tunnel', async () => {
    const answer = await exchange(service.port, 'CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n', 1_000);
    expect(answer).not.toMatch(/^HTTP\/1.1 2/);
  });

  it('that override the method stay what they are', async () => {
    const answer = await exchange(
      service.port,
      get('Host: a', authorized(), 'X-HTTP-Method-Override: DELETE'),
    );
    expect(statusOf(answer)).toBe(200);
  });
});

describe('the request id', () => {
  it('is taken over when it is sane, and replaced when it is not', async () => {
    const sane = await service.stranger.get('/health/live', { 'x-request-id': 'trace-1/abc' });
    expect(sane.headers.get('x-request-id')).toBe('trace-1/abc');
    for (const odd of ['a b', '<script>', 'x'.repeat(200)]) {
      const { headers } = await service.stranger.get('/health/live', { 'x-request-id': odd });
      expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-z]+$/);
    }
  });
});

describe('slow requests', () => {
  it.each([
    ['headers', 'GET /v1/elections HTTP/1.1\r\nHost: a\r\n'],
    [
      'body',
      'POST /v1/elections HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"name"',
    ],
  ])(
    'are cut off when their %s do not come, and nobody else waits for them',
    async (part, begin) => {
      const startMs = performance.now();
      const slow = Array.from({ length: 100 }, () => {
        const socket = connect(service.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write(part === 'body' ? begin.replace('Host: a', `Host: a\r\n${authorized()}`) : begin);
        return readAll(socket, 9_000);
      });
      expect((await tenant.caller.get('/v1/elections')).status).toBe(200);
      const answers = await Promise.all(slow);
      expect(performance.now() - startMs).toBeLessThan(8_000);
      for (const answer of answers)
        expect([statusOf(answer), codeOf(answer)]).toEqual([408, 'request.timeout']);
    },
    15_000,
  );
});

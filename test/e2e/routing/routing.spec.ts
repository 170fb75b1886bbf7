import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { exchange } from '../bad-input/raw-socket.js';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';

let service: Service;
let caller: Caller;
let leader: Server;
let leaderUrl: string;

beforeAll(async () => {
  service = await Service.start();
  ({ caller } = await service.tenant());
  leader = createServer((request, response) => {
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, authorization: headers.authorization }));
  });
  await new Promise<void>((resolve) => leader.listen(0, '127.0.0.1', resolve));
  leaderUrl = `http://127.0.0.1:${(leader.address() as AddressInfo).port}`;
}, 60_000);

afterAll(async () => {
  leader?.close();
  await service?.stop();
});

const redirectAt = (election: string, rest = ''): string =>
  `/v1/elections/${election}/leader/redirect${rest}`;

async function ask(path: string, method = 'GET'): Promise<Response> {
  const signal = AbortSignal.timeout(10_000);
  return await fetch(service.url + path, { method, headers: caller.headers, redirect: 'manual', signal });
}

async function ledBy(candidate: string, address?: string): Promise<string> {
  const election = await caller.election({ ttlMs: 60_000 });
  const { body } = await caller.campaign(election, { candidate, ...(address !== undefined && { address }) });
  expect(body['state']).toBe('leader');
  return election;
}

/** Sends the request target as it is: fetch would tidy it up first. */
async function raw(target: string): Promise<string> {
  const lines = [`GET ${target} HTTP/1.1`, `Host: 127.0.0.1:${service.port}`, 'Connection: close'];
  const authorization = `Authorization: ${caller.headers['authorization']}`;
  return await exchange(service.port, [...lines, authorization, '', ''].join('\r\n'));
}

describe('the redirect to the leader', () => {
  it('takes a caller to the leader, with path and query as they were sent', async () => {
    const election = await ledBy('one', `${leaderUrl}/api/`);
    const answer = await caller.get(redirectAt(election, '/jobs/7%20a?x=1&x=2&y=%2F'));
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({ method: 'GET', url: '/api/jobs/7%20a?x=1&x=2&y=%2F' });
  });

  it('answers 307, not to be cached, also to HEAD and where nothing follows', async () => {
    const election = await ledBy('one', 'https://one.example/base');
    for (const method of ['GET', 'HEAD']) {
      for (const [rest, location] of [
        ['', 'https://one.example/base'],
        ['/', 'https://one.example/base/'],
        ['/a', 'https://one.example/base/a'],
        [`/${'a'.repeat(2_000)}`, `https://one.example/base/${'a'.repeat(2_000)}`],
      ]) {
        const answer = await ask(redirectAt(election, rest), method);
        expect([answer.status, answer.headers.get('location'), await answer.text()]).toEqual([
          307,
          location,
          '',
        ]);
        expect(answer.headers.get('cache-control')).toBe('no-store');
      }
    }
  });

  it('follows the leadership to the next leader with the very commit that installs it', async () => {
    const election = await caller.election();
    const { body } = await caller.campaign(election, { candidate: 'one', address: 'http://one.example' });
    await caller.campaign(election, { candidate: 'two', address: 'http://two.example' });
    expect((await ask(redirectAt(election))).headers.get('location')).toBe('http://one.example/');
    await caller.resign(election, body);
    expect((await ask(redirectAt(election))).headers.get('location')).toBe('http://two.example/');
  });

  it('answers a vacancy with 503 and when to ask again', async () => {
    const answer = await caller.get(redirectAt(await caller.election(), '/a'));
    expect([answer.status, answer.body['code']]).toEqual([503, 'leader.vacant']);
    expect([answer.headers.get('retry-after'), answer.headers.get('cache-control')]).toEqual([
      '1',
      'no-store',
    ]);
  });

  it.each([
    undefined,
    '10.0.4.17:8080',
    'ftp://one.example',
    'http://me:secret@one.example',
    'http://a.b\\@c.d',
  ])('leads nowhere when the address of the leader is %j', async (address) => {
    const answer = await caller.get(redirectAt(await ledBy('one', address), '/a'));
    expect([answer.status, answer.body['code']]).toEqual([409, 'leader.no_address']);
    expect(answer.headers.get('location')).toBeNull();
  });

  it.each([
    '/../admin',
    '/%2e%2e/admin',
    '//evil.example/',
    '/%2f/evil',
    '/\\evil',
    '/a%0d%0aX-Evil:1',
    '/%zz',
  ])('refuses the path %s', async (rest) => {
    const answer = await raw(redirectAt(await ledBy('one', 'https://one.example/base'), rest));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('request.invalid_path');
    expect(answer).not.toMatch(/^(location|x-evil):/im);
  });

  it('refuses bad names, seats and methods, and what the key may not read', async () => {
    const election = await ledBy('one', 'https://one.example');
    expect((await caller.get(redirectAt('-bad', '/a'))).body['code']).toBe('request.invalid_path');
    const seat = await caller.get(redirectAt(election), { 'incumbent-seat': 'first' });
    expect([seat.status, seat.body['code']]).toEqual([400, 'request.invalid_header']);
    const posted = await caller.post(redirectAt(election, '/a/b'), {});
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const { id } = await service.tenant();
    const narrow = await service.key(id, { scopes: ['elections:campaign'] });
    expect((await narrow.caller.get(redirectAt(election))).body['code']).toBe('identity.scope_missing');
    const foreign = await service.key(id);
    expect((await foreign.caller.get(redirectAt(election))).body['code']).toBe('election.not_found');
    expect((await service.stranger.get(redirectAt(election))).status).toBe(401);
  });

  it('goes to the leader of the seat that is named', async () => {
    const election = await ledBy('one', 'https://one.example');
    const named = async (seat: string): Promise<string | null> => {
      const headers = { ...caller.headers, 'incumbent-seat': seat };
      const answer = await fetch(service.url + redirectAt(election), { headers, redirect: 'manual' });
      return answer.headers.get('location') ?? String(answer.status);
    };
    expect([await named('0'), await named('1')]).toEqual(['https://one.example/', '400']);
  });
});

describe('an election with two seats', () => {
  const addresses = ['https://one.example/', 'https://two.example/'];
  let election: string;
  let stood: Record<string, unknown>[];

  beforeAll(async () => {
    election = await caller.election({ ttlMs: 60_000, seats: 2 });
    stood = [];
    for (const [at, address] of [...addresses, 'https://three.example/'].entries())
      stood.push((await caller.campaign(election, { candidate: `c${at}`, address })).body);
  });

  it('passes the check for each of its leaders, in its own seat alone, and not for who waits', async () => {
    const status = async (candidate: string, seat = ''): Promise<number> =>
      (await ask(`/v1/elections/${election}/leader/check?candidate=${candidate}${seat}`)).status;
    expect([await status('c0'), await status('c1'), await status('c2')]).toEqual([200, 200, 503]);
    expect([await status('c0', '&seat=0'), await status('c0', '&seat=1')]).toEqual([200, 503]);
    expect([await status('c1', '&seat=0'), await status('c1', '&seat=1')]).toEqual([503, 200]);
  });

  it('redirects to the leader of the seat that is named, and else to one of the two', async () => {
    const locationOf = async (headers: Record<string, string> = {}): Promise<string | null> => {
      const init = { headers: { ...caller.headers, ...headers }, redirect: 'manual' as const };
      return (await fetch(service.url + redirectAt(election), init)).headers.get('location');
    };
    expect([
      await locationOf({ 'incumbent-seat': '0' }),
      await locationOf({ 'incumbent-seat': '1' }),
    ]).toEqual(addresses);
    const seen = new Set<string | null>();
    for (let asked = 0; asked < 50; asked += 1) seen.add(await locationOf());
    // Fifty times the same one of two comes once in 10^14.
    expect([...seen].sort()).toEqual(addresses);
  });

  it('still has its other leader when one resigns, and the next one in the vacant seat', async () => {
    await caller.resign(election, stood[1] ?? {});
    const check = (candidate: string): Promise<Response> =>
      ask(`/v1/elections/${election}/leader/check?candidate=${candidate}`);
    expect([(await check('c0')).status, (await check('c1')).status]).toEqual([200, 503]);
    const { status, body } = await caller.get(`/v1/elections/${election}/leader/check?candidate=c2&seat=1`);
    expect([status, body['seat']]).toEqual([200, 1]);
  });
});

describe('the check of the leader', () => {
  const checkAt = (election: string, query: string): string =>
    `/v1/elections/${election}/leader/check${query}`;

  it('is 200 for the candidate that leads and 503 for every other, and follows a resignation at once', async () => {
    const election = await caller.election();
    const statuses = async (): Promise<number[]> => {
      const asked = ['one', 'two', 'nobody'].map((name) => ask(checkAt(election, `?candidate=${name}`)));
      return (await Promise.all(asked)).map(({ status }) => status);
    };
    expect(await statuses()).toEqual([503, 503, 503]);
    const { body } = await caller.campaign(election, { candidate: 'one' });
    await caller.campaign(election, { candidate: 'two' });
    expect(await statuses()).toEqual([200, 503, 503]);
    await caller.resign(election, body);
    expect(await statuses()).toEqual([503, 200, 503]);
  });

  it('says in a small body who leads which seat, and why not', async () => {
    const election = await ledBy('one');
    const leads = await caller.get(checkAt(election, '?candidate=one'));
    expect(leads.body).toEqual({
      election,
      candidate: 'one',
      seat: 0,
      term: 1,
      fence: 1,
      serverTime: expect.any(String),
    });
    expect(leads.headers.get('cache-control')).toBe('no-store');
    const codes = [];
    for (const query of ['?candidate=two', '?candidate=one&seat=1'])
      codes.push((await caller.get(checkAt(election, query))).body['code']);
    expect(codes).toEqual(['leader.other', 'request.invalid_query']);
    expect((await caller.get(checkAt(election, '?candidate=one&seat=0'))).status).toBe(200);
  });

  it('answers HEAD with the same status and no body', async () => {
    const election = await ledBy('one');
    for (const [name, status] of [
      ['one', 200],
      ['two', 503],
    ]) {
      const answer = await ask(checkAt(election, `?candidate=${name}`), 'HEAD');
      expect([answer.status, await answer.text()]).toEqual([status, '']);
    }
  });

  it.each([
    '',
    '?candidate=',
    '?candidate=a%20b',
    '?candidate=one&seat=x',
    '?candidate=one&seat=32',
    '?candidates=one',
  ])('refuses the query "%s" with 400', async (query) => {
    const answer = await caller.get(checkAt(await ledBy('one'), query));
    expect([answer.status, answer.body['code']]).toEqual([400, 'request.invalid_query']);
  });

  it('writes no warning into the log for candidates that do not lead', async () => {
    const election = await ledBy('one');
    const { headers } = await caller.get(checkAt(election, '?candidate=two'));
    const later = (await caller.get('/v1/no-such-call')).headers.get('x-request-id') ?? '';
    await waitUntil(() => service.log().includes(later), { what: 'the line of the later call' });
    expect(service.log()).not.toContain(headers.get('x-request-id') ?? '');
  });
});

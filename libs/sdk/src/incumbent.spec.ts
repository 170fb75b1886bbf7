import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Incumbent } from './incumbent.js';
import { IncumbentProblem, Unreachable } from './problem.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const servers: Server[] = [];

async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

describe('Incumbent over real HTTP', () => {
  it('sends its key, encodes names and reads the leader', async () => {
    const seen: unknown[] = [];
    const baseUrl = await serve((request, response) => {
      seen.push([request.method, request.url, request.headers.authorization]);
      answer(response, 200, { election: 'a', leader: null, term: 3, fence: 3, sequence: 9 });
    });
    const leader = await new Incumbent({ baseUrl: `${baseUrl}/`, apiKey: 'inc_test' }).leader('a/b', {
      waitMs: 50,
      afterSequence: 8,
    });
    expect(leader).toMatchObject({ leader: null, term: 3 });
    expect(seen).toEqual([
      ['GET', '/v1/elections/a%2Fb/leader?waitMs=50&afterSequence=8', 'Bearer inc_test'],
    ]);
  });

  it('turns a problem into an error with its code, and says how long to wait', async () => {
    const problem = {
      status: 503,
      code: 'store.unavailable',
      detail: 'Try again.',
      requestId: 'req_1',
      executed: false,
    };
    const baseUrl = await serve((_, response) => answer(response, 503, problem, { 'retry-after': '2' }));
    const failed = new Incumbent({ baseUrl, apiKey: 'k' }).request({ method: 'GET', path: '/' });
    await expect(failed).rejects.toBeInstanceOf(IncumbentProblem);
    await expect(failed).rejects.toMatchObject({
      status: 503,
      code: 'store.unavailable',
      requestId: 'req_1',
      executed: false,
      retryAfterMs: 2_000,
    });
  });

  it('names a failure that is not ours by its status', async () => {
    const baseUrl = await serve((_, response) => response.writeHead(502).end('<html>'));
    await expect(
      new Incumbent({ baseUrl, apiKey: 'k' }).request({ method: 'GET', path: '/' }),
    ).rejects.toMatchObject({ code: 'http.502' });
  });

  it('never follows a redirect with a body that carries a secret', async () => {
    let followed = false;
    const elsewhere = await serve((_, response) => {
      followed = true;
      answer(response, 200, {});
    });
    const baseUrl = await serve((_, response) => response.writeHead(307, { location: elsewhere }).end());
    const call = { method: 'POST', path: '/v1/elections/a/renew', body: { session: 'secret' } } as const;
    await expect(new Incumbent({ baseUrl, apiKey: 'k' }).request(call)).rejects.toBeInstanceOf(Unreachable);
    expect(followed).toBe(false);
  });

  it('reads from another replica when the first refuses the connection', async () => {
    const alive = await serve((_, response) => answer(response, 200, { valid: true }));
    const gone = await serve(() => undefined);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await new Incumbent({ baseUrls: [gone, alive], apiKey: 'k' }).validate('token')).toEqual({
      valid: true,
    });
  });

  it('stops reading when the caller aborts', async () => {
    const baseUrl = await serve(() => undefined);
    const abort = new AbortController();
    const reading = new Incumbent({ baseUrl, apiKey: 'k' }).leader('a', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  it('is not leader in the first statement after the event loop was stuck past the grant', async () => {
    const validForMs = 300;
    const grant = {
      state: 'leader',
      candidateId: 'cnd_1',
      session: 's',
      term: 1,
      fence: 1,
      ttlMs: 60_000,
      validForMs,
    };
    const baseUrl = await serve((request, response) => {
      if (request.url?.endsWith('/resign')) return answer(response, 200, { state: 'out' });
      answer(response, 200, grant);
    });
    const client = new Incumbent({ baseUrl, apiKey: 'k' });
    const candidacy = client.election('a', { session: 'own' }).campaign({ candidate: 'me' });
    const elected = await candidacy.whenElected();
    expect(candidacy.isLeader()).toBe(true);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, validForMs);
    expect(candidacy.isLeader()).toBe(false);
    // The signal waits for a timer, which has not had its turn.
    expect(elected.signal.aborted).toBe(false);
    await candidacy.close();
  });

  it('refuses to be made without an address or a key', () => {
    expect(() => new Incumbent({ apiKey: 'k' })).toThrow(TypeError);
    expect(() => new Incumbent({ baseUrl: 'http://a', apiKey: '' })).toThrow(TypeError);
  });
});

/** How a request to a receiver that a tenant named is made, whatever the receiver does. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
import { SINK_CERTIFICATE, WebhookSink } from '#testing';
import { type Answer, GuardedAgent, type GuardedAgentOptions } from '#webhooks';

const LOOPBACK = ['127.0.0.0/8'];

let sink: WebhookSink;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  sink = await newSink();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function newSink(options: { tls?: boolean } = {}): Promise<WebhookSink> {
  const made = await WebhookSink.start(options);
  closers.push(() => made.close());
  return made;
}

function newAgent(options: Partial<GuardedAgentOptions> = {}): GuardedAgent {
  const agent = new GuardedAgent({ allowHttp: true, allowedCidrs: LOOPBACK, ...options }, systemClock);
  closers.push(() => agent.close());
  return agent;
}

interface Sending {
  agent?: GuardedAgent;
  timeoutMs?: number;
  signal?: AbortSignal;
}

async function post(url: string, { agent = newAgent(), timeoutMs = 5_000, signal }: Sending = {}) {
  const beginMs = performance.now();
  const body = Buffer.from('{"type":"test"}');
  const headers = { 'content-type': 'application/json', 'webhook-id': 'evt_1' };
  const answer: Answer = await agent.post({ url, headers, body, timeoutMs, ...(signal && { signal }) });
  return { answer, tookMs: performance.now() - beginMs };
}

describe('sending', () => {
  it('posts the very bytes, and keeps status, headers, body and timing of the answer', async () => {
    sink.answer({ status: 200, headers: { 'x-mark': 'a' }, body: 'thank you\0' });
    const { answer } = await post(sink.url('/hook?a=1'));
    expect(sink.received).toMatchObject([{ path: '/hook?a=1', id: 'evt_1', body: '{"type":"test"}' }]);
    expect(answer).toMatchObject({ status: 200, body: 'thank you\uFFFD', error: null });
    expect(answer.status !== null && answer.headers['x-mark']).toBe('a');
    expect(answer.connectMs).toBeGreaterThanOrEqual(0);
    expect(answer.durationMs).toBeGreaterThanOrEqual(answer.connectMs ?? Number.NaN);
  });

  it('follows no redirect: the target of one hears nothing', async () => {
    const target = await newSink();
    for (const status of [301, 302, 307, 308]) {
      sink.answer({ status, headers: { location: target.url('/latest/meta-data') } });
      expect((await post(sink.url())).answer).toMatchObject({ status });
    }
    expect(target.received).toEqual([]);
  });

  it('keeps 4 KB of a body of 10 MB and stops reading soon after', async () => {
    sink.answer({ status: 200, bodyBytes: 10_000_000 });
    const { answer } = await post(sink.url());
    expect(answer).toMatchObject({ status: 200, body: 'x'.repeat(4 * 1024) });
    // What the kernel's buffers on the way had taken already.
    expect(sink.bytesSent).toBeLessThan(9_000_000);
  });

  it('takes the status for the answer when the body drips, and waits for no more of it than 2 seconds', async () => {
    sink.answer({ status: 200, drip: 'body' });
    const { answer, tookMs } = await post(sink.url());
    expect(answer).toMatchObject({ status: 200, error: null });
    expect(tookMs).toBeLessThan(3_500);
  });

  it('ends at the deadline when nothing is answered, or a head that drips', async () => {
    for (const script of ['never', { status: 200, drip: 'headers' }] as const) {
      sink.answer(script);
      const { answer, tookMs } = await post(sink.url(), { timeoutMs: 700 });
      expect(answer).toMatchObject({ status: null, error: expect.stringMatching(/^No answer came within/) });
      expect(tookMs).toBeGreaterThan(650);
      expect(tookMs).toBeLessThan(2_000);
    }
  });

  it('goes on with the next request after one whose answer was cut off', async () => {
    const agent = newAgent();
    sink.answer((_, index) => (index % 2 === 0 ? { status: 200, bodyBytes: 1_000_000 } : { status: 204 }));
    for (const status of [200, 204, 200, 204])
      expect((await post(sink.url(), { agent })).answer.status).toBe(status);
  });

  it('says why no answer came, in words that name nothing of ours', async () => {
    sink.answer('reset');
    expect((await post(sink.url())).answer).toMatchObject({
      status: null,
      error: 'The connection was closed before an answer came.',
    });
    const gone = await newSink();
    const url = gone.url();
    await gone.close();
    expect((await post(url)).answer).toMatchObject({
      status: null,
      error: 'The connection was refused.',
      connectMs: null,
    });
    sink.answer({ status: 200, headers: { 'x-long': 'x'.repeat(20_000) } });
    expect((await post(sink.url())).answer).toMatchObject({
      error: 'The answer has more than 16 KB of headers.',
    });
    const unresolved = newAgent({ resolve: () => Promise.reject(new Error('queryA ENOTFOUND ns.internal')) });
    expect((await post('http://nowhere.example/', { agent: unresolved })).answer).toMatchObject({
      error: 'The name of the host could not be resolved.',
    });
  });

  it('gives an attempt up when it is told to', async () => {
    sink.answer('never');
    const given = new AbortController();
    const posting = post(sink.url(), { signal: given.signal });
    given.abort();
    expect((await posting).answer).toMatchObject({ status: null, error: 'The attempt was cut off.' });
  });
});

describe('where requests may go', () => {
  const refused = 'The host is not on the public network, where webhooks may be sent.';

  it('refuses addresses that are not public, in every spelling, before any byte leaves', async () => {
    const agent = newAgent({ allowedCidrs: [] });
    for (const host of [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f.1',
      '0.0.0.0',
      '[::1]',
      '[::ffff:127.0.0.1]',
    ])
      expect((await post(`http://${host}:${sink.port}/`, { agent })).answer).toMatchObject({
        error: refused,
      });
    expect(sink.received).toEqual([]);
  });

  it('refuses a name as soon as one of its addresses is not public', async () => {
    const agent = newAgent({ allowedCidrs: [], resolve: async () => ['93.184.216.34', '127.0.0.1'] });
    expect((await post(sink.url('/', 'mixed.example'), { agent })).answer).toMatchObject({ error: refused });
    expect(sink.received).toEqual([]);
  });

  it('never connects to a private address that a name turns to after it was checked', async () => {
    let asked = 0;
    const resolve = async (): Promise<string[]> => {
      asked += 1;
      // TEST-NET is taken for public here, so that the first answer passes and leads nowhere.
      return asked === 1 ? ['203.0.113.1'] : ['127.0.0.1'];
    };
    const agent = newAgent({ allowedCidrs: ['203.0.113.0/24'], resolve });
    const url = sink.url('/', 'rebinding.example');
    const first = await post(url, { agent, timeoutMs: 800 });
    expect(first.answer.status).toBeNull();
    expect(asked).toBe(1);
    expect((await post(url, { agent })).answer).toMatchObject({ error: refused });
    expect(asked).toBe(2);
    expect(sink.received).toEqual([]);
  });

  it('connects to the address that was checked, and proves the name to TLS', async () => {
    const secure = await newSink({ tls: true });
    const resolve = async (): Promise<string[]> => ['127.0.0.1'];
    const agent = newAgent({ allowHttp: false, resolve, ca: SINK_CERTIFICATE });
    expect((await post(secure.url('/', 'sink.example'), { agent })).answer.status).toBe(204);
    expect(secure.received[0]?.headers['host']).toBe(`sink.example:${secure.port}`);
    expect((await post(secure.url('/', 'other.example'), { agent })).answer).toMatchObject({
      error: 'The certificate is for another host.',
    });
    const distrusting = newAgent({ resolve });
    expect((await post(secure.url('/', 'sink.example'), { agent: distrusting })).answer).toMatchObject({
      error: 'The certificate is not signed by a known authority.',
    });
  });

  it('sends nothing in the clear unless the operator allows it', async () => {
    expect((await post(sink.url(), { agent: newAgent({ allowHttp: false }) })).answer).toMatchObject({
      status: null,
    });
    expect(sink.received).toEqual([]);
  });
});

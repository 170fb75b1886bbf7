import { describe, expect, it } from '@jest/globals';
import { FakeClock, flush } from '../test/fake-clock.js';
import { problem, ScriptedService } from '../test/scripted-service.js';
import { type FrameScript, ScriptedSockets } from '../test/scripted-socket.js';
import { Attached } from './attached.js';
import { Http } from './http.js';
import { Incumbent } from './incumbent.js';
import type { Call } from './transport.js';

const never = new AbortController().signal;
const renewal: Call = { method: 'POST', path: '/v1/sessions/renew', body: { session: 'ses_1' } };
const ok: FrameScript = () => ({ body: { session: 'ses_1', terms: [] } });

function scene(hosts: readonly string[], script: FrameScript = ok) {
  const clock = new FakeClock();
  const sockets = new ScriptedSockets(script);
  const service = new ScriptedService(() => problem(426, 'request.upgrade_required'));
  const baseUrls = hosts.map((host) => `http://${host}`);
  const http = new Http(baseUrls, 'key', service.fetch, clock);
  const transport = new Attached({ baseUrls, apiKey: 'key', http, open: sockets.connect, random: () => 0.5 });
  const news: (string | undefined)[] = [];
  transport.onNews((election) => news.push(election));
  const hostsAsked = () => sockets.seen.map(({ host }) => host);
  return { clock, sockets, service, transport, news, hostsAsked };
}

describe('an attached transport', () => {
  it('sends calls of participants as frames of one socket, and every other call over HTTP', async () => {
    const { sockets, service, transport } = scene(['a']);
    service.script = () => ({ status: 200, body: {} });
    await transport.send(
      { method: 'POST', path: '/v1/sessions', body: { ttlMs: 300 }, headers: { 'idempotency-key': 'k' } },
      never,
    );
    await transport.send(
      { method: 'POST', path: '/v1/elections/a%2Fb/campaign', body: { candidate: 'me' } },
      never,
    );
    await transport.send({ method: 'GET', path: '/v1/elections/a/leader' }, never);
    await transport.send(
      { method: 'POST', path: '/v1/elections/a/step-down', body: { mode: 'graceful' } },
      never,
    );
    expect(sockets.seen).toEqual([
      { host: 'a', op: 'open', fields: { ttlMs: 300, idempotencyKey: 'k' } },
      { host: 'a', op: 'campaign', fields: { candidate: 'me', election: 'a/b' } },
    ]);
    expect(service.seen.map(({ verb }) => verb)).toEqual(['leader', 'step-down']);
    expect(sockets.open).toHaveLength(1);
  });

  it('counts a call from the sending of its frame, after the socket was opened', async () => {
    const { clock, transport } = scene(['a']);
    const sending = transport.send(renewal, never);
    // The handshake takes its time, which is nobody's grant.
    clock.freeze(70);
    const openedMs = clock.monotonicMs();
    const { sent } = await sending;
    expect(sent.monotonicMs).toBe(openedMs);
  });

  it('attaches a session with its first renewal on each socket', async () => {
    const { clock, sockets, transport } = scene(['a', 'b']);
    for (let turn = 0; turn < 3; turn += 1) await transport.send(renewal, never);
    sockets.kill('a');
    await clock.pass(100);
    for (let turn = 0; turn < 2; turn += 1) await transport.send(renewal, never);
    expect(sockets.seen.map(({ host, op }) => `${host} ${op}`)).toEqual([
      'a attach',
      'a renew',
      'a renew',
      'b attach',
      'b renew',
    ]);
  });

  it('opens no socket any more once it is closed', async () => {
    const { clock, sockets, transport } = scene(['a', 'b']);
    await transport.send(renewal, never);
    await transport.close();
    await expect(transport.send(renewal, never)).rejects.toMatchObject({ name: 'Unreachable' });
    await clock.pass(1_000);
    expect([sockets.open, sockets.seen.length]).toEqual([[], 1]);
  });

  it('tells everybody to ask when a socket was lost, and rejects what it had not answered', async () => {
    const { clock, sockets, transport, news } = scene(['a', 'b']);
    await transport.send(renewal, never);
    sockets.script = () => 'silent';
    const lost = expect(transport.send(renewal, never)).rejects.toMatchObject({ name: 'Unreachable' });
    await flush();
    sockets.kill('a');
    await lost;
    await clock.pass(100);
    expect(news).toEqual([undefined]);
    sockets.script = ok;
    await transport.send(renewal, never);
    expect(sockets.seen.at(-1)?.host).toBe('b');
  });

  it('passes news on with their election, and lets no piece of news answer a call', async () => {
    const { sockets, transport, news } = scene(['a']);
    await transport.send(renewal, never);
    sockets.script = () => 'silent';
    let answered = false;
    void transport.send(renewal, never).then(() => (answered = true));
    await flush();
    sockets.push('a', { event: 'elected', election: 'x', id: 2, ok: true, state: 'leader', validForMs: 300 });
    sockets.push('a', { event: 'advice', reason: 'ttl_too_short' });
    await flush();
    expect(news).toEqual(['x']);
    expect(answered).toBe(false);
  });

  it('opens the new socket before it leaves a replica that is shutting down', async () => {
    const { clock, sockets, transport, news, hostsAsked } = scene(['a', 'b']);
    await transport.send(renewal, never);
    sockets.push('a', { event: 'moving', reconnectAfterMs: 400, closesAfterMs: 3_000 });
    await clock.pass(399);
    await transport.send(renewal, never);
    expect(hostsAsked()).toEqual(['a', 'a']);
    await clock.pass(1);
    expect(news).toEqual([undefined]);
    await transport.send(renewal, never);
    expect(sockets.seen.at(-1)).toMatchObject({ host: 'b', op: 'attach' });
    expect(sockets.open.map(({ host }) => host)).toEqual(['b']);
  });

  it('behind one address moves to a new socket there, and keeps the old one while there is none', async () => {
    const { clock, sockets, transport } = scene(['a']);
    await transport.send(renewal, never);
    sockets.down.add('a');
    sockets.push('a', { event: 'moving', reconnectAfterMs: 0, closesAfterMs: 3_000 });
    await clock.pass(10);
    await transport.send(renewal, never);
    expect(sockets.open).toHaveLength(1);
    sockets.down.clear();
    sockets.push('a', { event: 'moving', reconnectAfterMs: 0, closesAfterMs: 3_000 });
    await clock.pass(10);
    await transport.send(renewal, never);
    expect(sockets.open).toHaveLength(1);
    expect(sockets.seen.map(({ op }) => op)).toEqual(['attach', 'renew', 'attach']);
  });

  it('leaves a socket that owes an answer and says nothing, also if there is no other way', async () => {
    const { clock, sockets, transport } = scene(['a']);
    await transport.send(renewal, never);
    sockets.script = () => 'silent';
    const silent = transport.send(renewal, never).catch(() => 'lost');
    await clock.pass(900);
    transport.avoid();
    expect(sockets.open).toHaveLength(1);
    await clock.pass(200);
    transport.avoid();
    expect(await silent).toBe('lost');
    sockets.script = ok;
    await transport.send(renewal, never);
    expect(sockets.asked('attach')).toHaveLength(2);
  });

  it('says why it is refused, once every way was tried', async () => {
    const { sockets, service, transport } = scene(['a', 'b']);
    service.script = () => problem(401, 'identity.unauthenticated');
    sockets.down.add('a').add('b');
    await expect(transport.send(renewal, never)).rejects.toMatchObject({ name: 'Unreachable' });
    await expect(transport.send(renewal, never)).rejects.toMatchObject({ code: 'identity.unauthenticated' });
  });

  it('closes what nobody prefers any more, and everything when it is closed', async () => {
    const { clock, sockets, transport } = scene(['a', 'b']);
    await transport.send(renewal, never);
    transport.avoid();
    await transport.send(renewal, never);
    expect(sockets.open.map(({ host }) => host)).toEqual(['a', 'b']);
    await clock.pass(10_100);
    expect(sockets.open.map(({ host }) => host)).toEqual(['b']);
    await transport.close();
    await flush();
    expect(sockets.open).toEqual([]);
  });

  it('gives refusals their problem', async () => {
    const refusal = { status: 410, code: 'session.expired', detail: 'over', retryAfterMs: 20 };
    const { transport } = scene(['a'], () => ({ problem: refusal }));
    await expect(transport.send(renewal, never)).rejects.toMatchObject({
      status: 410,
      code: 'session.expired',
      retryAfterMs: 20,
    });
  });
});

describe('closing an attached client', () => {
  it('waits until the service has heard of the end of a session whose last candidacy has just left', async () => {
    const leads = { candidateId: 'cnd_1', state: 'leader', term: 1, fence: 1, validForMs: 900 };
    const opened = { session: 'ses_1', ttlMs: 1_000, terms: [] };
    const { clock, sockets } = scene(['a'], ({ op }) => {
      if (op !== 'end') return { body: { ...opened, ...(op === 'campaign' ? leads : { state: 'out' }) } };
      const id = sockets.seen.length;
      setImmediate(() => sockets.push('a', { id, ok: true, state: 'ended' }));
      return 'silent';
    });
    const given = { baseUrl: 'http://a', apiKey: 'key', ttlMs: 1_000, attached: true };
    const client = new Incumbent({ ...given, clock, webSocket: sockets.connect });
    const candidacy = client.election('a').campaign({ candidate: 'me' });
    await candidacy.whenElected();
    await candidacy.close();
    await client.close();
    await clock.pass(10_000);
    expect([sockets.asked('resign').length, sockets.asked('end').length]).toEqual([1, 1]);
    expect(sockets.open).toEqual([]);
  });
});

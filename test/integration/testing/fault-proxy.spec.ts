import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FaultProxy, waitUntil } from '#testing';

describe('the fault proxy', () => {
  let server: Server;
  let proxy: FaultProxy;
  let served: string[];

  beforeEach(async () => {
    served = [];
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        served.push(data.toString());
        socket.write(`echo ${data.toString()}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy = await FaultProxy.start(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  });

  afterEach(async () => {
    await proxy.close();
    await new Promise((resolve) => server.close(resolve));
  });

  async function open(): Promise<{ socket: Socket; received: () => string }> {
    const socket = connect(proxy.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString())).on('error', () => undefined);
    await once(socket, 'connect');
    return { socket, received: () => text };
  }

  it('loses the reply of a request that was served', async () => {
    const { socket, received } = await open();
    proxy.holdReplies();
    socket.write('a');
    await waitUntil(() => proxy.heldReplyBytes > 0, { what: 'the reply to be held' });
    proxy.disconnect();
    await waitUntil(() => socket.destroyed, { what: 'the connection to end' });
    expect(served).toEqual(['a']);
    expect(received()).toBe('');
  });

  it('delivers in order what a black hole held back', async () => {
    const { socket, received } = await open();
    proxy.blackhole();
    socket.write('one ');
    await waitUntil(() => proxy.heldRequestBytes === 4, { what: 'the request to be held' });
    expect(served).toEqual([]);
    proxy.release();
    await waitUntil(() => received() === 'echo one ', { what: 'the echo' });
    socket.destroy();
  });

  it('refuses every connection while it is cut, and serves again when it passes', async () => {
    const { socket } = await open();
    proxy.cut();
    await waitUntil(() => socket.destroyed, { what: 'the open connection to end' });
    const second = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
    await waitUntil(() => second.destroyed, { what: 'the new connection to be refused' });
    proxy.pass();
    const third = await open();
    third.socket.write('x');
    await waitUntil(() => third.received() === 'echo x', { what: 'the echo' });
    third.socket.destroy();
  });

  it('delays each way', async () => {
    const { socket, received } = await open();
    proxy.delay(60);
    const startMs = performance.now();
    socket.write('x');
    await waitUntil(() => received() === 'echo x', { what: 'the echo', everyMs: 2 });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(118);
    socket.destroy();
  });

  it('passes on that the caller ended its half', async () => {
    const { socket, received } = await open();
    const ended = once(socket, 'close');
    socket.end('last');
    await ended;
    expect(received()).toBe('echo last');
    expect(proxy.connections).toBe(0);
  });
});

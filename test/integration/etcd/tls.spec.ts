import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, getCACertificates, type Server, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EtcdHandle, SINK_CERTIFICATE, SINK_KEY, startPrivateEtcd, waitUntil } from '#testing';
import { openStore, putting, Recorder, valueOf, within } from './fixture.js';

const KNOWN = getCACertificates('default');

describe('etcd behind TLS', () => {
  let etcd: EtcdHandle;
  let front: Server;
  let url: string;
  const sockets: Socket[] = [];
  /** Bytes that came through the handshake. */
  let heard = 0;

  beforeAll(async () => {
    etcd = await startPrivateEtcd();
    const target = new URL(etcd.urls[0] ?? '');
    const identity = { cert: SINK_CERTIFICATE, key: SINK_KEY, ALPNProtocols: ['h2'] };
    front = createServer(identity, (secured) => {
      const plain = connect(Number(target.port), target.hostname);
      for (const socket of [secured, plain]) sockets.push(socket.on('error', () => undefined));
      secured.on('data', (data: Buffer) => (heard += data.length));
      secured.pipe(plain).pipe(secured);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(front.address() as AddressInfo).port}`;
  }, 60_000);

  afterAll(async () => {
    setDefaultCACertificates(KNOWN);
    for (const socket of sockets) socket.destroy();
    front.close();
    await etcd.stop();
  });

  it('is told nothing while nobody vouches for its certificate', async () => {
    await expect(openStore([url])).rejects.toMatchObject({ code: 'store.unavailable' });
    expect(heard).toBe(0);
  }, 30_000);

  it('serves commits, strong reads and the watch as soon as somebody does', async () => {
    setDefaultCACertificates([...KNOWN, SINK_CERTIFICATE]);
    const store = await openStore([url]);
    const recorder = new Recorder();
    await store.follow(recorder);
    expect(await store.commit(putting('a', '1'), within(5_000))).toMatchObject({ kind: 'committed' });
    expect(await valueOf(store, 'a')).toBe('1');
    await waitUntil(() => recorder.entries.get('a')?.value === '1', { what: 'the watch to tell' });
    await store.close();
  }, 30_000);
});

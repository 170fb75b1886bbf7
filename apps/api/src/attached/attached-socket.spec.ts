import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
import { waitUntil } from '#testing';
import type { Principal } from '#tenancy';
import { WebSocket, WebSocketServer } from 'ws';
import { AttachedSocket, type Desk } from './attached-socket.js';

const NOBODY = {} as Principal;
/** Carries out everything, at length. */
const LONG_ANSWERS: Desk = {
  carry: () => Promise.resolve({ text: 'x'.repeat(60_000) }),
  problemOf: () => ({}),
};

describe('an attached socket', () => {
  let server: Server;
  let client: WebSocket;
  let ws: WebSocket;
  let attached: AttachedSocket;

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    const handshakes = new WebSocketServer({ noServer: true, ...{ maxPendingAutoPongs: 0 } });
    const accepted = new Promise<void>((resolve) => {
      server.on('upgrade', (request, socket, head) => {
        handshakes.handleUpgrade(request, socket, head, (opened) => {
          ws = opened;
          attached = new AttachedSocket({ ws, socket: socket as Socket }, NOBODY, LONG_ANSWERS, systemClock);
          resolve();
        });
      });
    });
    await once(server, 'listening');
    client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await Promise.all([accepted, once(client, 'open')]);
  });

  afterEach(() => {
    client.terminate();
    ws.terminate();
    server.close();
  });

  it.each(['ping', 'pong'] as const)('counts every %s as a frame', async (kind) => {
    const sending = setInterval(() => {
      for (let count = 0; count < 30; count += 1) client[kind]();
    }, 5);
    try {
      const [code] = (await once(client, 'close')) as [number];
      expect(code).toBe(1_008);
    } finally {
      clearInterval(sending);
    }
  });

  it('is let go when answers stay unread, also if they are not many', async () => {
    client.pause();
    let id = 0;
    await waitUntil(
      () => {
        if (ws.bufferedAmount > 50_000) return true;
        client.send(JSON.stringify({ id: (id += 1) }));
        return false;
      },
      { what: 'answers to pile up', everyMs: 2 },
    );
    attached.look();
    expect(attached.closeCode).toBeUndefined();
    for (let look = 0; look < 4; look += 1) attached.look();
    expect(attached.closeCode).toBe(1_013);
  });

  it('is kept when everything has been read in between', async () => {
    client.pause();
    let id = 0;
    for (let look = 0; look < 5; look += 1) {
      client.pause();
      await waitUntil(
        () => {
          if (ws.bufferedAmount > 50_000) return true;
          client.send(JSON.stringify({ id: (id += 1) }));
          return false;
        },
        { what: 'answers to pile up', everyMs: 2 },
      );
      attached.look();
      client.resume();
      await waitUntil(() => ws.bufferedAmount === 0, { what: 'answers to be read', everyMs: 2 });
      attached.look();
    }
    expect(attached.closeCode).toBeUndefined();
  });
});

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
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
});

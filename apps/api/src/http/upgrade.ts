import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

export const CONNECT_PATH = '/v1/sessions/connect';

/** The connection of a request that asks to become a socket. */
export interface Upgrade {
  socket: Socket;
  /** What came behind the request already. */
  head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/**
 * Whether Node shall hand the bare connection over. Every other request that names a protocol to change to (curl does,
 * for HTTP/2) is answered as if it had not, as HTTP allows.
 */
export function mayUpgrade({ method, url, headers }: IncomingMessage): boolean {
  return method === 'GET' && pathOf(url) === CONNECT_PATH && headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Lets such a request take the way of every other: the same hooks admit it, count it, and refuse it with a problem.
 * Its handler takes the connection with `takeUpgrade`; a request that was refused ends with its answer.
 */
export function routeUpgrades(server: FastifyInstance): void {
  server.server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    const socket = duplex as Socket;
    // Node listens to the connection no more. An error without a listener would end the process.
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    upgrades.set(request, { socket, head });
    server.routing(request, response);
  });
}

/** The connection of a request, once; undefined when it does not ask for more than an answer. */
export function takeUpgrade(request: IncomingMessage, response: ServerResponse): Upgrade | undefined {
  const upgrade = upgrades.get(request);
  if (!upgrade) return undefined;
  upgrades.delete(request);
  response.detachSocket(upgrade.socket);
  return upgrade;
}

function pathOf(url: string | undefined): string | undefined {
  return url?.split('?', 1)[0];
}

import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/**
 * Below the range from which Linux (32768) and macOS (49152) take ports for outgoing connections, so that nobody
 * takes the port of a server that is being restarted.
 */
const LOWEST = 15_000;
const HIGHEST = 30_000;
const MOST_TRIES = 200;

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}

/** True if nothing listens on this loopback port at this moment. */
export async function isPortFree(port: number): Promise<boolean> {
  try {
    const server = await listen(port);
    await new Promise((resolve) => server.close(resolve));
    return true;
  } catch {
    return false;
  }
}

/**
 * Finds `count` different loopback ports on which nothing listens.
 *
 * Another process may take one before its server does, which is why whoever starts a server on such a port starts
 * it through `onFreePorts`.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  const ports: number[] = [];
  try {
    for (let tries = 0; ports.length < count && tries < MOST_TRIES; tries += 1) {
      const port = randomInt(LOWEST, HIGHEST);
      const server = await listen(port).catch(() => undefined);
      if (server === undefined) continue;
      held.push(server);
      ports.push(port);
    }
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
  if (ports.length < count) throw new Error(`No ${count} free ports between ${LOWEST} and ${HIGHEST}`);
  return ports;
}

/** Starts something on free ports; if it fails because a port was taken meanwhile, tries again with others. */
export async function onFreePorts<T>(count: number, start: (ports: number[]) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const ports = await freePorts(count);
    try {
      return await start(ports);
    } catch (error) {
      const taken = (await Promise.all(ports.map(isPortFree))).includes(false);
      if (!taken || tries === 5) throw error;
    }
  }
}

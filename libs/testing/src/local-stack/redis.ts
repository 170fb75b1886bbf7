import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findBinaries } from './binaries.js';
import { OwnedProcess } from './owned-process.js';

export interface RedisOptions {
  readonly port: number;
  readonly dataFolder: string;
  readonly logFolder: string;
}

export interface ServerHandle {
  readonly process: OwnedProcess;
  readonly url: string;
  readonly pids: number[];
  stop(): Promise<void>;
}

/** Sends PING by hand: the stack needs no driver to know that Redis has loaded its data. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('error', () => undefined).on('close', () => resolve(false));
    socket.once('data', (reply) => {
      resolve(reply.toString().startsWith('+PONG'));
      socket.destroy();
    });
  });
}

/** Starts Redis on loopback; jobs survive a restart (append-only file) and are never evicted. */
export async function startRedis({ port, dataFolder, logFolder }: RedisOptions): Promise<ServerHandle> {
  const { redisServer } = findBinaries();
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const process = await OwnedProcess.launch({
    name: 'redis',
    command: redisServer,
    args: [
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dataFolder, '--daemonize', 'no'],
      ...['--appendonly', 'yes', '--maxmemory-policy', 'noeviction', '--save', '', '--loglevel', 'notice'],
    ],
    env: { PATH: '/usr/bin:/bin' },
    logFile: join(logFolder, 'redis.log'),
  });
  await process.untilReady(() => answersPing(port));
  return {
    process,
    url: `redis://127.0.0.1:${port}`,
    pids: [process.pid],
    stop: async () => void (await process.stop()),
  };
}

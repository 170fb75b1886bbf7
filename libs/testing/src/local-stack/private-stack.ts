import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EtcdHandle, startEtcd } from './etcd.js';
import { onFreePorts } from './ports.js';
import { startPostgres } from './postgres.js';
import { reaper } from './reaper.js';
import { type ServerHandle, startRedis } from './redis.js';

/** A folder of this run alone; removed at the latest when this process ends, however it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'incumbent-'));
  // Postgres runs as another account and passes through.
  chmodSync(folder, 0o711);
  reaper.removeAtEnd(folder);
  return folder;
}

/** An etcd cluster of one test, on free ports, gone with its data when it is stopped. */
export async function startPrivateEtcd({
  members = 1,
  flags = [],
}: { members?: number; flags?: readonly string[] } = {}): Promise<EtcdHandle> {
  const folder = temporaryFolder();
  const etcd = await onFreePorts(members * 2, async (free) => {
    rmSync(join(folder, 'data'), { recursive: true, force: true });
    const ports = Array.from({ length: members }, (_, index) => ({
      client: free[index * 2] ?? 0,
      peer: free[index * 2 + 1] ?? 0,
    }));
    return startEtcd({ ports, dataFolder: join(folder, 'data'), logFolder: folder, flags });
  });
  const stop = async () => {
    await Promise.all(etcd.members.map((member) => member.kill()));
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    ...etcd,
    get pids() {
      return etcd.pids;
    },
    stop,
  };
}

export interface PrivateStack {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly etcdEndpoints: string[];
  readonly servers: { postgres: ServerHandle; redis: ServerHandle; etcd: EtcdHandle };
  /** Stops the servers and removes their data. */
  stop(): Promise<void>;
}

/** Postgres on a free port, on data that nobody will miss. */
export async function startPrivatePostgres(): Promise<ServerHandle> {
  const folder = temporaryFolder();
  const password = randomBytes(16).toString('hex');
  const postgres = await onFreePorts(1, async ([port = 0]) =>
    startPostgres({
      port,
      dataFolder: join(folder, 'postgres'),
      logFolder: folder,
      password,
      throwaway: true,
    }),
  );
  return removing(folder, postgres);
}

/** Redis on a free port, on data that nobody will miss. */
export async function startPrivateRedis(): Promise<ServerHandle> {
  const folder = temporaryFolder();
  const redis = await onFreePorts(1, async ([port = 0]) =>
    startRedis({ port, dataFolder: folder, logFolder: folder }),
  );
  return removing(folder, redis);
}

/** One of each server for a test run, on free ports and throw-away data. */
export async function startPrivateStack(): Promise<PrivateStack> {
  const starting = [startPrivatePostgres(), startPrivateRedis(), startPrivateEtcd()] as const;
  const stop = async () => {
    const started = await Promise.allSettled(starting);
    const stops = started.map(async (server) =>
      server.status === 'fulfilled' ? server.value.stop() : undefined,
    );
    await Promise.all(stops);
  };
  try {
    const [postgres, redis, etcd] = await Promise.all(starting);
    return {
      databaseUrl: postgres.url,
      redisUrl: redis.url,
      etcdEndpoints: etcd.urls,
      servers: { postgres, redis, etcd },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function removing(folder: string, server: ServerHandle): ServerHandle {
  const stop = async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...server, stop };
}

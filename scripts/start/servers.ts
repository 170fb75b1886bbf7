import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type EtcdHandle,
  isPortFree,
  type OwnedProcess,
  type ServerHandle,
  startEtcd,
  startPostgres,
  startRedis,
} from '#local-stack';
import { type StackOptions, StartError } from './options.js';
import type { Secrets } from './secrets.js';

/** Where the stack keeps what belongs to it. */
export interface Folders {
  /** Secrets and the run record. */
  readonly top: string;
  /** Data of this shape of stack: a cluster of three cannot take over the data of one member. */
  readonly data: string;
  readonly logs: string;
}

export interface RunningServers {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly etcdEndpoints: string;
  readonly processes: readonly OwnedProcess[];
  /** Stops those that were started here, in order: what others write to goes last. */
  stop(): Promise<void>;
}

export function foldersOf({ dataFolder: top, etcdMembers }: StackOptions): Folders {
  const data = etcdMembers === 1 ? top : join(top, `etcd-${etcdMembers}`);
  const folders = { top, data, logs: join(data, 'logs') };
  mkdirSync(folders.logs, { recursive: true });
  return folders;
}

/** @throws StartError naming the first port that is taken, and what moves it */
export async function requireFreePorts({ ports, given, dev }: StackOptions): Promise<void> {
  const all = `INCUMBENT_PORT_BASE=8400 ${dev ? 'npm run dev' : 'npm start'}   (moves all ports)`;
  const wanted: [string, number, string][] = [
    ...ports.api.map((port): [string, number, string] => [
      'the API',
      port,
      `${all}, or PORT=8080 for the API alone`,
    ]),
    ['the worker', ports.worker, all],
    ...(given.databaseUrl ? [] : [['Postgres', ports.postgres, all] satisfies [string, number, string]]),
    ...(given.redisUrl ? [] : [['Redis', ports.redis, all] satisfies [string, number, string]]),
    ...(given.etcdEndpoints
      ? []
      : ports.etcd.flatMap(({ client, peer }): [string, number, string][] => [
          ['etcd', client, all],
          ['etcd', peer, all],
        ])),
  ];
  for (const [who, port, advice] of wanted) {
    if (await isPortFree(port)) continue;
    throw new StartError(
      `Port ${port} on 127.0.0.1, wanted for ${who}, is taken by another program.\n` +
        `Stop that program, or choose other ports:\n\n  ${advice}`,
    );
  }
}

/** Starts the servers that are not given, all at once. What did start is stopped again when one fails. */
export async function startServers(
  options: StackOptions,
  folders: Folders,
  secrets: Secrets,
): Promise<RunningServers> {
  const { given } = options;
  if (!given.etcdEndpoints) requireSamePeers(options, folders);
  const started = await Promise.allSettled([
    given.redisUrl ? undefined : ownRedis(options, folders),
    given.etcdEndpoints ? undefined : ownEtcd(options, folders),
    given.databaseUrl ? undefined : ownPostgres(options, folders, secrets),
  ]);
  const [redis, etcd, postgres] = [valueOf(started[0]), valueOf(started[1]), valueOf(started[2])];
  const failed = started.find((result) => result.status === 'rejected');
  if (failed) {
    await Promise.all([redis?.stop(), etcd?.stop(), postgres?.stop()]);
    throw new StartError(failed.reason instanceof Error ? failed.reason.message : String(failed.reason));
  }
  const processes = [
    redis?.process,
    ...(etcd?.members ?? []).map((member) => member.process),
    postgres?.process,
  ];
  return {
    ...addressesOf({ redis, etcd, postgres }, given),
    processes: processes.filter((process) => process !== undefined),
    async stop() {
      await redis?.stop();
      await etcd?.stop();
      await postgres?.stop();
    },
  };
}

interface Own {
  readonly redis: ServerHandle | undefined;
  readonly etcd: EtcdHandle | undefined;
  readonly postgres: ServerHandle | undefined;
}

function addressesOf({ redis, etcd, postgres }: Own, given: StackOptions['given']) {
  return {
    redisUrl: redis?.url ?? given.redisUrl ?? '',
    etcdEndpoints: etcd?.urls.join(',') ?? given.etcdEndpoints ?? '',
    databaseUrl: postgres?.url ?? given.databaseUrl ?? '',
  };
}

function ownRedis({ ports }: StackOptions, { data, logs }: Folders): Promise<ServerHandle> {
  return startRedis({ port: ports.redis, dataFolder: join(data, 'redis'), logFolder: logs });
}

function ownEtcd({ ports }: StackOptions, { data, logs }: Folders): Promise<EtcdHandle> {
  return startEtcd({ ports: ports.etcd, dataFolder: join(data, 'etcd'), logFolder: logs });
}

function ownPostgres(
  { ports }: StackOptions,
  { data, logs }: Folders,
  secrets: Secrets,
): Promise<ServerHandle> {
  const password = secrets.databasePassword;
  return startPostgres({
    port: ports.postgres,
    dataFolder: join(data, 'postgres'),
    logFolder: logs,
    password,
  });
}

function valueOf<T>(result: PromiseSettledResult<T>): T | undefined {
  return result.status === 'fulfilled' ? result.value : undefined;
}

/** The members of a cluster know each other by address, in their data: other ports would find no quorum. */
function requireSamePeers({ ports, etcdMembers }: StackOptions, folders: Folders): void {
  if (etcdMembers === 1) return;
  const file = join(folders.data, 'etcd-ports.json');
  const wanted = JSON.stringify(ports.etcd);
  if (existsSync(join(folders.data, 'etcd')) && existsSync(file) && readFileSync(file, 'utf8') !== wanted) {
    throw new StartError(
      `The etcd cluster in ${folders.data} was made for the ports ${readFileSync(file, 'utf8')}.\n` +
        'Start with the INCUMBENT_PORT_BASE it was made with, or remove that folder to begin anew.',
    );
  }
  writeFileSync(file, wanted);
}

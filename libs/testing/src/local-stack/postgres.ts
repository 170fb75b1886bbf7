import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { canEnter, giveFolder, unprivilegedAccount } from './account.js';
import { findBinaries } from './binaries.js';
import { type Account, OwnedProcess } from './owned-process.js';
import type { ServerHandle } from './redis.js';

export interface PostgresOptions {
  readonly port: number;
  readonly dataFolder: string;
  readonly logFolder: string;
  /** Of the one account, `incumbent`, which owns the one database, `incumbent`. Given when the folder is made. */
  readonly password: string;
  /** For data that nobody will miss: no fsync. */
  readonly throwaway?: boolean;
}

const NAME = 'incumbent';

/**
 * Where the data really lies. Postgres does not run as root, and the account it runs as may not be able to enter
 * the folder (a checkout in /root): then the data goes to /var/lib and the folder becomes a link to it.
 */
function settleFolder(dataFolder: string, account: Account | undefined): string {
  if (existsSync(dataFolder)) return realpathSync(dataFolder);
  mkdirSync(dirname(dataFolder), { recursive: true });
  if (!account || canEnter(dirname(dataFolder), account)) {
    mkdirSync(dataFolder);
    giveFolder(dataFolder, account);
    return dataFolder;
  }
  const elsewhere = `/var/lib/incumbent-${createHash('sha256').update(dataFolder).digest('hex').slice(0, 12)}`;
  // The link is gone, so whoever removed it meant the data too.
  rmSync(elsewhere, { recursive: true, force: true });
  mkdirSync(elsewhere);
  giveFolder(elsewhere, account);
  if (lstatSync(dataFolder, { throwIfNoEntry: false })) rmSync(dataFolder);
  symlinkSync(elsewhere, dataFolder);
  return elsewhere;
}

function initialise(folder: string, account: Account | undefined, password: string): void {
  const { initdb } = findBinaries();
  const passwordFolder = mkdtempSync(join(tmpdir(), 'incumbent-'));
  const passwordFile = join(passwordFolder, 'password');
  try {
    writeFileSync(passwordFile, password);
    giveFolder(passwordFolder, account);
    const { status, stderr, stdout } = spawnSync(
      initdb,
      [
        ...['-D', folder, '-U', NAME, '--auth=scram-sha-256', `--pwfile=${passwordFile}`],
        ...['--encoding=UTF8', '--no-locale', '--no-sync', '--no-instructions'],
      ],
      { ...account, cwd: '/', env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`initdb failed:\n${stdout}\n${stderr}`);
  } finally {
    rmSync(passwordFolder, { recursive: true, force: true });
  }
}

async function ask(url: string, statement: string): Promise<number> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(statement)).rowCount ?? 0;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Starts Postgres on loopback, on a new data folder or on the one that it left behind, with its one database. */
export async function startPostgres(options: PostgresOptions): Promise<ServerHandle> {
  const { port, dataFolder, logFolder, password } = options;
  const account = unprivilegedAccount();
  const folder = settleFolder(dataFolder, account);
  if (!existsSync(join(folder, 'PG_VERSION'))) initialise(folder, account, password);
  const { uid, gid } = statSync(folder);
  const owner = account ? { uid, gid } : undefined;
  const settings = {
    port: `${port}`,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...(options.throwaway ? { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' } : {}),
  };
  const process = await OwnedProcess.launch({
    name: 'postgres',
    command: findBinaries().postgres,
    args: ['-D', folder, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    env: { PATH: '/usr/bin:/bin' },
    ...(owner ? { account: owner } : {}),
    logFile: join(logFolder, 'postgres.log'),
    // "Fast": SIGTERM would wait for every connection to end by itself.
    stopSignal: 'SIGINT',
  });
  const serverUrl = `postgres://${NAME}:${password}@127.0.0.1:${port}`;
  const adminUrl = `${serverUrl}/postgres`;
  await process.untilReady(async () => (await ask(adminUrl, 'select 1')) === 1);
  if ((await ask(adminUrl, `select 1 from pg_database where datname = '${NAME}'`)) === 0) {
    await ask(adminUrl, `create database ${NAME}`);
  }
  return {
    process,
    url: `${serverUrl}/${NAME}`,
    pids: [process.pid],
    stop: async () => void (await process.stop()),
  };
}

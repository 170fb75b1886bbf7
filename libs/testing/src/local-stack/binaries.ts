import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Binaries {
  readonly etcd: string;
  readonly redisServer: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** Servers of the local stack that are not on this machine. */
export class MissingBinaries extends Error {
  readonly missing: readonly string[];

  constructor(missing: readonly string[]) {
    super(`Not found on this machine: ${missing.join(', ')}`);
    this.name = 'MissingBinaries';
    this.missing = missing;
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder).sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
  } catch {
    return [];
  }
}

/** Where Debian, Red Hat and Homebrew put Postgres, newest version first; none of them is in PATH. */
function postgresFolders(): string[] {
  return [
    ...subfolders('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`),
    '/usr/pgsql/bin',
    ...['/opt/homebrew/opt', '/usr/local/opt'].flatMap((root) =>
      subfolders(root)
        .filter((name) => name.startsWith('postgresql'))
        .map((name) => join(root, name, 'bin')),
    ),
  ];
}

/**
 * Finds the servers of the local stack in PATH and in the places where packages hide them.
 * @throws MissingBinaries naming all that are missing
 */
export function findBinaries(path = process.env['PATH'] ?? ''): Binaries {
  const folders = [
    ...path.split(delimiter).filter(Boolean),
    '/usr/local/bin',
    '/usr/bin',
    '/usr/sbin',
    '/opt/homebrew/bin',
  ];
  const find = (name: string, places: string[]) =>
    places.map((folder) => join(folder, name)).find(isExecutable);
  const etcd = find('etcd', folders);
  const redisServer = find('redis-server', folders);
  // Both of one version: a data folder made by one major version is refused by another.
  const postgresFolder = [...postgresFolders(), ...folders].find(
    (folder) => isExecutable(join(folder, 'initdb')) && isExecutable(join(folder, 'postgres')),
  );
  if (!etcd || !redisServer || !postgresFolder) {
    throw new MissingBinaries([
      ...(etcd ? [] : ['etcd']),
      ...(postgresFolder ? [] : ['postgres']),
      ...(redisServer ? [] : ['redis-server']),
    ]);
  }
  return {
    etcd,
    redisServer,
    initdb: join(postgresFolder, 'initdb'),
    postgres: join(postgresFolder, 'postgres'),
  };
}

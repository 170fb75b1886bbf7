import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { OwnedProcess } from '#local-stack';
import { type StackOptions, StartError } from './options.js';
import type { Secrets } from './secrets.js';
import type { Folders, RunningServers } from './servers.js';

const MAIN = {
  api: 'dist/apps/api/src/main.js',
  worker: 'dist/apps/worker/src/main.js',
  migrate: 'dist/libs/postgres/src/migrate.js',
};
/** Requests in flight may end; the API itself gives up earlier. */
const STOP_WITHIN_MS = 30_000;
const READY_WITHIN_MS = 30_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** The settings that the API, the worker and the migration share: ours first, the caller's otherwise. */
export function serviceEnvironment(
  env: Environment,
  options: StackOptions,
  servers: RunningServers,
  secrets: Secrets,
): Record<string, string> {
  const passed = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(npm_|INCUMBENT_(PORT_BASE|DATA_FOLDER|BEGAN_MS)$)/i.test(entry[0]),
  );
  return {
    // Whoever tries webhooks out has the receiver on this machine.
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8,::1/128',
    NODE_ENV: options.dev ? 'development' : 'production',
    ADMIN_TOKEN: secrets.adminToken,
    MASTER_KEY: secrets.masterKey,
    ...Object.fromEntries(passed),
    DATABASE_URL: servers.databaseUrl,
    // Of another server, if this stack runs its own.
    ...(options.given.databaseUrl === undefined && { MIGRATIONS_DATABASE_URL: '' }),
    REDIS_URL: servers.redisUrl,
    ETCD_ENDPOINTS: servers.etcdEndpoints,
    WORKER_PORT: `${options.ports.worker}`,
  };
}

/** The API replicas and the worker, as one thing to start, restart and stop. */
export class Service {
  readonly #options: StackOptions;
  readonly #folders: Folders;
  readonly #env: Record<string, string>;
  readonly #note: (started: OwnedProcess, lasting: boolean) => void;
  #processes: OwnedProcess[] = [];

  constructor(
    options: StackOptions,
    folders: Folders,
    env: Record<string, string>,
    /** Told of every process that starts, and whether it is meant to last. */
    note: (started: OwnedProcess, lasting: boolean) => void,
  ) {
    this.#options = options;
    this.#folders = folders;
    this.#env = env;
    this.#note = note;
  }

  /** @throws StartError with the output of the migration when it fails */
  async migrate(): Promise<void> {
    const migration = await this.#launch('migrate', MAIN.migrate, {});
    this.#note(migration, false);
    const { code } = await migration.exited;
    if (code !== 0) throw new StartError(`The database could not be migrated:\n${migration.lastLines()}`);
  }

  /** Starts all of them and waits until each is ready. @throws StartError with the last words of one that is not */
  async start(): Promise<void> {
    const wanted = [
      ...this.#options.ports.api.map((port, index) => ({ name: `api-${index + 1}`, main: MAIN.api, port })),
      { name: 'worker', main: MAIN.worker, port: this.#options.ports.worker },
    ];
    for (const { name, main, port } of wanted) {
      const started = await this.#launch(name, main, main === MAIN.api ? { PORT: `${port}` } : {});
      this.#processes.push(started);
      this.#note(started, true);
    }
    try {
      await Promise.all(
        this.#processes.map((process, index) => {
          const port = wanted[index]?.port ?? 0;
          return process.untilReady(() => isReady(port), READY_WITHIN_MS);
        }),
      );
    } catch (error) {
      throw new StartError(error instanceof Error ? error.message : String(error));
    }
  }

  async stop(): Promise<void> {
    const stopping = this.#processes;
    this.#processes = [];
    await Promise.all(stopping.map((process) => process.stop(STOP_WITHIN_MS)));
  }

  async #launch(name: string, main: string, env: Record<string, string>): Promise<OwnedProcess> {
    if (!existsSync(main)) throw new StartError(`${main} is not there: the build is not complete.`);
    return OwnedProcess.launch({
      name,
      command: process.execPath,
      args: ['--enable-source-maps', main],
      env: { ...this.#env, ...env },
      cwd: process.cwd(),
      logFile: join(this.#folders.logs, `${name}.log`),
    });
  }
}

async function isReady(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/health/ready`, {
    signal: AbortSignal.timeout(2_000),
  });
  return response.ok;
}

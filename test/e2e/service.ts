import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { OwnedProcess, temporaryFolder } from '#testing';
import { Caller } from './caller.js';

const READY_WITHIN_MS = 30_000;

export interface ServiceOptions {
  /** Settings beside those of the run: other addresses, a log level. */
  settings?: Record<string, string>;
  /** Share the database, the etcd prefix and the secrets of this one: a second replica. */
  beside?: Service;
  /** Wait until it is ready; else only until it listens. */
  ready?: boolean;
}

/** The API as a process of its own, from the build, with a database and an etcd prefix of its own. */
export class Service {
  readonly url: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly process: OwnedProcess;

  static async start(options: ServiceOptions = {}): Promise<Service> {
    const settings = { ...(options.beside?.settings ?? (await freshSettings())), ...options.settings };
    const logFile = `${temporaryFolder()}/api.log`;
    const started = await launch('api', 'apps/api/src/main.js', settings, logFile);
    await started.untilReady(async () => portIn(logFile) !== undefined, READY_WITHIN_MS);
    const service = new Service(started, settings, `http://127.0.0.1:${portIn(logFile)}`);
    if (options.ready ?? true) await started.untilReady(() => service.isReady(), READY_WITHIN_MS);
    return service;
  }

  private constructor(started: OwnedProcess, settings: Record<string, string>, url: string) {
    this.process = started;
    this.settings = settings;
    this.url = url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Whoever sends no credentials. */
  get stranger(): Caller {
    return new Caller(this.url, undefined);
  }

  get operator(): Caller {
    return new Caller(this.url, this.settings['ADMIN_TOKEN']);
  }

  async isReady(): Promise<boolean> {
    return (await this.stranger.get('/health/ready')).status === 200;
  }

  /** A new tenant with one key that may do everything, or what `key` says. */
  async tenant(key: Record<string, unknown> = {}, quota?: Record<string, number>): Promise<Tenant> {
    const name = `tenant ${randomUUID()}`;
    const made = await this.operator.post('/admin/v1/tenants', quota ? { name, quota } : { name });
    if (made.status !== 201) throw new Error(`No tenant was made: ${JSON.stringify(made.body)}`);
    const id = String(made.body['id']);
    return { id, ...(await this.key(id, key)) };
  }

  async key(
    tenantId: string,
    wanted: Record<string, unknown> = {},
  ): Promise<{ keyId: string; caller: Caller }> {
    const body = { name: 'test', scopes: EVERY_SCOPE, ...wanted };
    const made = await this.operator.post(`/admin/v1/tenants/${tenantId}/api-keys`, body);
    if (made.status !== 201) throw new Error(`No key was made: ${JSON.stringify(made.body)}`);
    return { keyId: String(made.body['id']), caller: new Caller(this.url, String(made.body['key'])) };
  }

  log(): string {
    return readFileSync(this.process.logFile, 'utf8');
  }

  /** Stops it in order; fails when it did not end by itself. */
  async stop(): Promise<void> {
    if (!(await this.process.stop(30_000))) throw new Error('The API had to be killed');
  }
}

export interface Tenant {
  id: string;
  keyId: string;
  caller: Caller;
}

export const EVERY_SCOPE = [
  'elections:read',
  'elections:campaign',
  'elections:manage',
  'keys:manage',
  'webhooks:manage',
  'audit:read',
];

/** The port of the line `listening`. */
function portIn(logFile: string): number | undefined {
  const line = readFileSync(logFile, 'utf8')
    .split('\n')
    .find((text) => text.includes('"msg":"listening"'));
  return line === undefined ? undefined : (JSON.parse(line) as { port: number }).port;
}

async function freshSettings(): Promise<Record<string, string>> {
  const settings = {
    PATH: process.env['PATH'] ?? '',
    PORT: '0',
    LOG_LEVEL: 'info',
    ADMIN_TOKEN: randomBytes(24).toString('hex'),
    MASTER_KEY: randomBytes(32).toString('hex'),
    DATABASE_URL: await freshDatabase(process.env['TEST_DATABASE_URL'] ?? ''),
    REDIS_URL: process.env['TEST_REDIS_URL'] ?? '',
    ETCD_ENDPOINTS: process.env['TEST_ETCD_ENDPOINTS'] ?? '',
    ETCD_PREFIX: `e2e-${randomUUID()}/`,
  };
  const migration = await launch(
    'migrate',
    'libs/postgres/src/migrate.js',
    settings,
    `${temporaryFolder()}/migrate.log`,
  );
  const { code } = await migration.exited;
  if (code !== 0) throw new Error(migration.lastLines());
  return settings;
}

async function freshDatabase(server: string): Promise<string> {
  const name = `e2e_${randomBytes(6).toString('hex')}`;
  const connection = new pg.Client({ connectionString: server });
  await connection.connect();
  try {
    await connection.query(`CREATE DATABASE ${name}`);
  } finally {
    await connection.end();
  }
  return Object.assign(new URL(server), { pathname: `/${name}` }).href;
}

function launch(
  name: string,
  main: string,
  env: Record<string, string>,
  logFile: string,
): Promise<OwnedProcess> {
  const args = ['--enable-source-maps', `dist/${main}`];
  return OwnedProcess.launch({ name, command: process.execPath, args, env, cwd: process.cwd(), logFile });
}

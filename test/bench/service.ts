import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { onFreePorts, OwnedProcess, type PrivateStack, temporaryFolder } from '#local-stack';
import { HttpConnection } from './http-connection.js';
import { Incumbent } from './incumbent.js';

const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 10_000;
/** The programs as they are shipped: compiled, on the settings of production. */
const API = 'dist/apps/api/src/main.js';
const WORKER = 'dist/apps/worker/src/main.js';
const MIGRATE = 'dist/libs/postgres/src/migrate.js';

/** One API replica as a process of its own, with a tenant to measure. */
export class Service {
  readonly url: string;
  readonly apiKey: string;
  readonly #replica: Replica;

  /** Migrates the stack's database and starts a replica on it. @param nodeOptions of the replica */
  static async start(stack: PrivateStack, nodeOptions: string[] = []): Promise<Service> {
    const settings = new Settings(stack);
    const migration = await settings.launch('migrate', MIGRATE, {});
    const { code } = await migration.exited;
    if (code !== 0) throw new Error(`The database could not be migrated:\n${migration.lastLines()}`);
    const replica = await Replica.start(settings, nodeOptions);
    try {
      return new Service(settings, replica, await makeTenant(replica.url, settings.adminToken, {}));
    } catch (error) {
      await replica.process.stop(STOP_WITHIN_MS);
      throw error;
    }
  }

  readonly #settings: Settings;

  private constructor(settings: Settings, replica: Replica, apiKey: string) {
    this.#settings = settings;
    this.#replica = replica;
    this.url = replica.url;
    this.apiKey = apiKey;
  }

  /** Of the replica. */
  get pid(): number {
    return this.#replica.process.pid;
  }

  /** What the replica has written; with --inspect its first lines say where the inspector listens. */
  get log(): string {
    return this.#replica.process.lastLines(1_000);
  }

  /** A participant's connection to the replica. */
  connect(): Incumbent {
    return new Incumbent(this.url, this.apiKey);
  }

  /** Starts a second replica beside the first, on the same stores. */
  async another(nodeOptions: string[], env: Record<string, string> = {}): Promise<Replica> {
    return Replica.start(this.#settings, nodeOptions, env);
  }

  /** An API key of another tenant, with a quota of its own. */
  async tenant(quota: Record<string, number>): Promise<string> {
    return makeTenant(this.url, this.#settings.adminToken, quota);
  }

  /** Starts a worker on the same stores: it relays changes and delivers webhooks. */
  async worker(): Promise<Worker> {
    return Worker.start(this.#settings);
  }

  async stop(): Promise<void> {
    await this.#replica.stop();
  }
}

export class Worker {
  static async start(settings: Settings): Promise<Worker> {
    return onFreePorts(1, async ([port = 0]) => {
      const process = await settings.launch('worker', WORKER, { WORKER_PORT: String(port) });
      await process.untilReady(() => isReady(`http://127.0.0.1:${port}`), READY_WITHIN_MS);
      return new Worker(process, `http://127.0.0.1:${port}/metrics`);
    });
  }

  readonly process: OwnedProcess;
  readonly #metricsUrl: string;

  private constructor(process: OwnedProcess, metricsUrl: string) {
    this.process = process;
    this.#metricsUrl = metricsUrl;
  }

  /** How often a histogram without labels has seen values up to each of its bounds, and no larger ones. */
  async histogram(name: string): Promise<Map<number, number>> {
    const lines = (await this.#metrics()).matchAll(
      new RegExp(`^${name}_bucket\\{le="([^"]+)"\\} (\\S+)$`, 'gm'),
    );
    return new Map(
      [...lines].map(([, bound, count]) => [Number(bound?.replace('+Inf', 'Infinity')), Number(count)]),
    );
  }

  /** The present value of a metric without labels. @throws Error when there is none of this name */
  async metric(name: string): Promise<number> {
    const text = await this.#metrics();
    const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`The worker has no metric ${name}`);
    return Number(value);
  }

  async #metrics(): Promise<string> {
    return (await fetch(this.#metricsUrl, { signal: AbortSignal.timeout(5_000) })).text();
  }

  async stop(): Promise<void> {
    await this.process.stop(STOP_WITHIN_MS);
  }
}

export class Replica {
  readonly url: string;
  readonly process: OwnedProcess;

  static async start(
    settings: Settings,
    nodeOptions: string[],
    env: Record<string, string> = {},
  ): Promise<Replica> {
    return onFreePorts(1, async ([port = 0]) => {
      const url = `http://127.0.0.1:${port}`;
      const process = await settings.launch('api', API, { ...env, PORT: String(port) }, nodeOptions);
      await process.untilReady(() => isReady(url), READY_WITHIN_MS);
      return new Replica(url, process);
    });
  }

  private constructor(url: string, process: OwnedProcess) {
    this.url = url;
    this.process = process;
  }

  async stop(): Promise<void> {
    await this.process.stop(STOP_WITHIN_MS);
  }
}

/** The usual ones, and that of webhooks. */
const SCOPES = ['elections:read', 'elections:campaign', 'elections:manage', 'webhooks:manage'];

/** What all replicas share. */
class Settings {
  readonly adminToken = randomBytes(24).toString('hex');
  readonly #folder = temporaryFolder();
  readonly #env: Record<string, string>;

  constructor(stack: PrivateStack) {
    this.#env = {
      PATH: process.env['PATH'] ?? '',
      NODE_ENV: 'production',
      LOG_LEVEL: 'warn',
      ADMIN_TOKEN: this.adminToken,
      MASTER_KEY: randomBytes(32).toString('hex'),
      DATABASE_URL: stack.databaseUrl,
      REDIS_URL: stack.redisUrl,
      ETCD_ENDPOINTS: stack.etcdEndpoints.join(','),
      // The benchmark fills the history faster than any quota of a laptop allows for.
      ETCD_DB_LIMIT_BYTES: '4000000000',
      // What is measured is what a replica can do, not what a tenant may; two rows turn the limits on.
      RATE_LIMITS: 'off',
      // The receiver of webhooks is on this machine.
      WEBHOOK_ALLOW_HTTP: 'true',
      WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8',
    };
  }

  /** `BENCH_API_OPTIONS` are options of Node for the replicas, such as --cpu-prof. */
  launch(
    name: string,
    main: string,
    env: Record<string, string>,
    nodeOptions: string[] = [],
  ): Promise<OwnedProcess> {
    const wished = name === 'api' ? (process.env['BENCH_API_OPTIONS'] ?? '').split(' ').filter(Boolean) : [];
    return OwnedProcess.launch({
      name,
      command: process.execPath,
      args: ['--enable-source-maps', ...wished, ...nodeOptions, main],
      env: { ...this.#env, ...env },
      cwd: process.cwd(),
      logFile: join(this.#folder, `${name}.log`),
    });
  }
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  return response.ok;
}

/** @returns an API key of a new tenant that no quota but its own stands in the way of */
async function makeTenant(url: string, adminToken: string, own: Record<string, number>): Promise<string> {
  const admin = new HttpConnection(url, { authorization: `Bearer ${adminToken}` });
  const make = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const answer = await admin.post(path, body);
    if (answer.status !== 201) throw new Error(`${path} answered ${answer.status}: ${answer.body}`);
    return JSON.parse(answer.body) as Record<string, unknown>;
  };
  const quota = { maxSessions: 1_000_000, maxStreams: 1_000_000, requestsPerSecond: 1_000_000, ...own };
  const { id } = await make('/admin/v1/tenants', { name: 'bench', plan: 'enterprise', quota });
  const { key } = await make(`/admin/v1/tenants/${String(id)}/api-keys`, { name: 'bench', scopes: SCOPES });
  admin.close();
  return String(key);
}

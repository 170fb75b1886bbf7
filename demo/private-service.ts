import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Incumbent } from '#sdk';
import {
  onFreePorts,
  OwnedProcess,
  type PrivateStack,
  startPrivateStack,
  temporaryFolder,
} from '#local-stack';

const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 5_000;

/** An Incumbent to play with. */
export interface Service {
  readonly baseUrls: readonly string[];
  readonly apiKey: string;
}

/** An Incumbent of the demo's own: throw-away servers, one API process, one tenant. */
export async function startPrivateService(): Promise<Service & { stop(): Promise<void> }> {
  const stack = await startPrivateStack();
  let api: OwnedProcess | undefined;
  const stop = async (): Promise<void> => {
    await api?.stop(STOP_WITHIN_MS);
    await stack.stop();
  };
  try {
    const adminToken = randomBytes(24).toString('hex');
    const env = environment(stack, adminToken);
    const logs = temporaryFolder();
    await migrate(env, logs);
    const baseUrl = await onFreePorts(1, async ([port = 0]) => {
      api = await launch('api', 'apps/api/src/main.js', { ...env, PORT: String(port) }, logs);
      const url = `http://127.0.0.1:${port}`;
      await api.untilReady(() => isReady(url), READY_WITHIN_MS);
      return url;
    });
    return { baseUrls: [baseUrl], apiKey: await makeKey(baseUrl, adminToken), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function environment(stack: PrivateStack, adminToken: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    ADMIN_TOKEN: adminToken,
    MASTER_KEY: randomBytes(32).toString('hex'),
    DATABASE_URL: stack.databaseUrl,
    REDIS_URL: stack.redisUrl,
    ETCD_ENDPOINTS: stack.etcdEndpoints.join(','),
  };
}

function launch(
  name: string,
  main: string,
  env: Record<string, string>,
  logs: string,
): Promise<OwnedProcess> {
  const args = ['--enable-source-maps', join('dist', main)];
  return OwnedProcess.launch({
    name,
    command: process.execPath,
    args,
    env,
    cwd: process.cwd(),
    logFile: join(logs, `${name}.log`),
  });
}

async function migrate(env: Record<string, string>, logs: string): Promise<void> {
  const migration = await launch('migrate', 'libs/postgres/src/migrate.js', env, logs);
  const { code } = await migration.exited;
  if (code !== 0) throw new Error(`The database could not be migrated:\n${migration.lastLines()}`);
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  return response.ok;
}

async function makeKey(baseUrl: string, adminToken: string): Promise<string> {
  const admin = new Incumbent({ baseUrl, apiKey: adminToken });
  const tenant = await admin.request({ method: 'POST', path: '/admin/v1/tenants', body: { name: 'demo' } });
  const { id } = tenant.body as { id: string };
  const made = await admin.request({
    method: 'POST',
    path: `/admin/v1/tenants/${id}/api-keys`,
    body: { name: 'demo' },
  });
  return (made.body as { key: string }).key;
}

import { readFile } from 'node:fs/promises';
import { type Service, startPrivateService } from './private-service.js';
import { tell } from './stage.js';

/** What `npm start` leaves for others to find: the key of its demo tenant. */
const KEY_FILE = '.data/demo.json';
/** Replicas of `npm start -- --replicas 9` lie on neighbouring ports. */
const MOST_REPLICAS = 9;
const DEFAULT_PORT = 7400;

/**
 * The service that `npm start` runs, if it does and takes the key that it left; else one of our own, on ports and
 * data that nobody will miss, which `onStarted` is told how to stop.
 */
export async function findService(onStarted: (stop: () => Promise<void>) => void): Promise<Service> {
  const running = await findRunning();
  if (running !== undefined) {
    tell(`Incumbent runs already, at ${running.baseUrls.join(' and ')}`);
    return running;
  }
  const own = await startPrivateService();
  onStarted(() => own.stop());
  tell(
    `Incumbent of our own is up, at ${own.baseUrls.join(' and ')}, with etcd, Postgres and Redis behind it`,
  );
  return own;
}

async function findRunning(): Promise<Service | undefined> {
  const apiKey = await readKey();
  if (apiKey === undefined) return undefined;
  const first = Number(process.env['PORT'] ?? process.env['INCUMBENT_PORT_BASE'] ?? DEFAULT_PORT);
  const urls = Array.from({ length: MOST_REPLICAS }, (_, index) => `http://127.0.0.1:${first + index}`);
  const answering = await Promise.all(urls.map((url) => takesKey(url, apiKey)));
  const baseUrls = urls.filter((_, index) => answering[index]);
  return baseUrls.length > 0 ? { baseUrls, apiKey } : undefined;
}

async function readKey(): Promise<string | undefined> {
  try {
    const left = JSON.parse(await readFile(KEY_FILE, 'utf8')) as { key?: unknown };
    return typeof left.key === 'string' ? left.key : undefined;
  } catch {
    return undefined;
  }
}

async function takesKey(url: string, apiKey: string): Promise<boolean> {
  try {
    const headers = { authorization: `Bearer ${apiKey}` };
    const response = await fetch(`${url}/v1/elections?limit=1`, {
      headers,
      signal: AbortSignal.timeout(1_000),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

import { readFile } from 'node:fs/promises';
import { type Service, startPrivateService } from './private-service.js';

/** What `npm start` leaves for others to find: the key of its demo tenant. */
const KEY_FILE = '.data/demo.json';
/** Replicas of `npm start -- --replicas 9` lie on neighbouring ports. */
const MOST_REPLICAS = 9;
const DEFAULT_PORT = 7400;

export interface FoundService extends Service {
  /** Which service this is, for people. */
  readonly note: string;
  /** Stops it if it is the demo's own. */
  stop(): Promise<void>;
}

/**
 * The service that `npm start` runs, if it does and takes the key that it left; else one of our own, on ports and
 * data that nobody will miss.
 */
export async function findService(): Promise<FoundService> {
  const running = await findRunning();
  if (running !== undefined) {
    const note = `Incumbent runs already, at ${running.baseUrls.join(' and ')}`;
    return { ...running, note, stop: () => Promise.resolve() };
  }
  const own = await startPrivateService();
  const note = `Incumbent is up for this demo, at ${own.baseUrls.join(' and ')}, with etcd, Postgres and Redis`;
  return { ...own, note };
}

async function findRunning(): Promise<Service | undefined> {
  const apiKey = await readKey();
  if (apiKey === undefined) return undefined;
  const first = Number(process.env['PORT'] || process.env['INCUMBENT_PORT_BASE'] || DEFAULT_PORT);
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

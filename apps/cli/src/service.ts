import { readSettings } from '#config';
import { EXIT, Failure } from './exit.js';

const ANSWER_WITHIN_MS = 15_000;
/** More than anybody has; ends a list that does not. */
const MOST_PAGES = 10_000;

/** The admin API of a running service. */
export class Service {
  private readonly url: string;
  private readonly token: string;

  /** @throws InvalidConfiguration without ADMIN_TOKEN */
  constructor(url: string | undefined) {
    const { ADMIN_TOKEN, PUBLIC_URL, HOST, PORT } = readSettings('ADMIN_TOKEN', 'PUBLIC_URL', 'HOST', 'PORT');
    this.url = (url ?? PUBLIC_URL ?? `http://${HOST}:${PORT}`).replace(/\/$/, '');
    this.token = ADMIN_TOKEN;
  }

  /** @throws Failure when it refuses or does not answer */
  async get(path: string, query: Record<string, string | undefined> = {}): Promise<Record<string, unknown>> {
    const wanted = Object.entries(query).filter((one): one is [string, string] => one[1] !== undefined);
    const search = new URLSearchParams(wanted).toString();
    const body = await this.ask(`${this.url}${path}${search === '' ? '' : `?${search}`}`);
    if (typeof body !== 'object' || body === null)
      throw new Failure(`${this.url} is no Incumbent`, EXIT.server);
    return body as Record<string, unknown>;
  }

  /** All pages of a list. @throws Failure */
  async list(
    path: string,
    query: Record<string, string | undefined> = {},
  ): Promise<Record<string, unknown>[]> {
    const found: Record<string, unknown>[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const { data, nextCursor } = await this.get(path, { ...query, limit: '100', cursor });
      if (Array.isArray(data)) found.push(...(data as Record<string, unknown>[]));
      if (typeof nextCursor !== 'string') return found;
      cursor = nextCursor;
    }
    throw new Failure(`${path} does not end`, EXIT.server);
  }

  private async ask(url: string): Promise<unknown> {
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(url, {
        headers: { authorization: `Bearer ${this.token}`, accept: 'application/json' },
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
        redirect: 'error',
      });
      text = await answer.text();
    } catch (error) {
      throw new Failure(`${this.url} does not answer. Is it running? See --url.`, EXIT.server, error);
    }
    const body = parsed(text);
    if (answer.ok) return body;
    const problem = body as { code?: unknown; detail?: unknown } | undefined;
    const said =
      typeof problem?.code === 'string' ? `${problem.code}: ${String(problem.detail)}` : 'no reason given';
    throw new Failure(`${this.url} answered ${answer.status}, ${said}`, EXIT.server);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

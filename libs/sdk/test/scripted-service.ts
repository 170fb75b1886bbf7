import type { FetchLike } from '../src/http.js';

export interface SeenRequest {
  readonly host: string;
  readonly path: string;
  readonly verb: string;
  readonly body: Record<string, unknown>;
  readonly key: string | undefined;
}

export interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

/** What the service does with a request: answer, answer later, lose it, or stay silent for ever. */
export type Script = (request: SeenRequest) => Reply | Promise<Reply> | 'lost' | 'silent';

/** A `fetch` that answers from a script and remembers what it was asked. */
export class ScriptedService {
  readonly seen: SeenRequest[] = [];
  script: Script;

  constructor(script: Script) {
    this.script = script;
  }

  readonly fetch: FetchLike = async (url, init) => {
    const { host, pathname } = new URL(url);
    const request = {
      host,
      path: pathname,
      verb: pathname.split('/').at(-1) ?? '',
      body: typeof init.body === 'string' ? (JSON.parse(init.body) as Record<string, unknown>) : {},
      key: new Headers(init.headers).get('idempotency-key') ?? undefined,
    };
    this.seen.push(request);
    const said = this.script(request);
    if (said === 'lost') throw new TypeError('fetch failed', { cause: new Error('socket hang up') });
    const reply = await Promise.race([
      said === 'silent' ? new Promise<never>(() => undefined) : said,
      aborted(init.signal),
    ]);
    return Response.json(reply.body, {
      status: reply.status,
      ...(reply.headers ? { headers: reply.headers } : {}),
    });
  };

  asked(verb: string): SeenRequest[] {
    return this.seen.filter((request) => request.verb === verb);
  }
}

export const TTL_MS = 6_000;

export function leading(over: Record<string, unknown> = {}): Reply {
  const body = {
    state: 'leader',
    candidateId: 'cnd_1',
    session: 'ses_1',
    position: 0,
    term: 1,
    fence: 1,
    fencingToken: 'jwt-1',
    ttlMs: TTL_MS,
    validForMs: TTL_MS,
    renewAfterMs: TTL_MS / 3,
  };
  return { status: 200, body: { ...body, ...over } };
}

export function waiting(over: Record<string, unknown> = {}): Reply {
  const body = {
    state: 'waiting',
    candidateId: 'cnd_1',
    session: 'ses_1',
    position: 1,
    ttlMs: TTL_MS,
    renewAfterMs: TTL_MS / 3,
  };
  return { status: 202, body: { ...body, ...over } };
}

export function out(reason: string): Reply {
  return { status: 200, body: { state: 'out', reason } };
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Reply {
  return { status, body: { status, code, detail: `refused with ${code}` }, headers };
}

function aborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
  });
}

import { type Clock, readMoment } from './clock.js';
import { IncumbentProblem, Unreachable } from './problem.js';
import type { Answer, Call, Transport } from './transport.js';
import { isRecord } from './wire.js';

export type FetchLike = (url: string, init: RequestInit) => Promise<Response>;

/** Sends single requests to one of several base URLs; retries nothing. */
export class Http implements Transport {
  readonly clock: Clock;
  readonly pushes = false;
  readonly #baseUrls: readonly string[];
  readonly #apiKey: string;
  readonly #fetch: FetchLike;
  #preferred = 0;

  constructor(baseUrls: readonly string[], apiKey: string, fetch: FetchLike, clock: Clock) {
    this.#baseUrls = baseUrls.map((url) => url.replace(/\/+$/, ''));
    this.#apiKey = apiKey;
    this.#fetch = fetch;
    this.clock = clock;
  }

  get replicas(): number {
    return this.#baseUrls.length;
  }

  /**
   * One request to the preferred base URL. A failure moves the preference on, so that the next try meets another
   * replica.
   * @throws IncumbentProblem for every answer but 2xx, Unreachable when none came.
   */
  async send(call: Call, signal: AbortSignal): Promise<Answer> {
    const chosen = this.#preferred;
    const sent = readMoment(this.clock);
    try {
      const response = await this.#fetch(`${this.#baseUrls[chosen]}${call.path}`, this.#init(call, signal));
      const body = await readBody(response);
      if (response.ok) return { status: response.status, body, sent };
      const problem = new IncumbentProblem(
        response.status,
        isRecord(body) ? body : {},
        retryAfterMs(response),
      );
      if (problem.status >= 500) this.avoid(chosen);
      throw problem;
    } catch (error) {
      if (error instanceof IncumbentProblem) throw error;
      if (!signal.aborted) this.avoid(chosen);
      throw new Unreachable(`No answer from ${this.#baseUrls[chosen]}: ${describe(error)}`, error);
    }
  }

  /** Prefers the next base URL, unless another failure has already moved on from `index`. */
  avoid(index = this.#preferred): void {
    if (index === this.#preferred) this.#preferred = (index + 1) % this.#baseUrls.length;
  }

  #init(call: Call, signal: AbortSignal): RequestInit {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#apiKey}`,
      accept: 'application/json',
      ...call.headers,
    };
    if (call.body === undefined) return { method: call.method, headers, signal, redirect: 'error' };
    headers['content-type'] = 'application/json';
    // Bodies carry the session, a secret: never follow them to another host.
    return { method: call.method, headers, signal, redirect: 'error', body: JSON.stringify(call.body) };
  }
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (response.ok) throw error;
    return undefined;
  }
}

function retryAfterMs(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

/** fetch says "fetch failed" and hides the reason in its cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

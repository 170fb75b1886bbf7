import { Candidacy, type CampaignOptions } from './candidacy.js';
import { type Clock, systemClock } from './clock.js';
import { type Answer, type Call, type FetchLike, Http } from './http.js';
import { Unreachable } from './problem.js';
import { pursue } from './pursuit.js';
import { isRecord, type LeaderAnswer, type ValidateAnswer } from './wire.js';

export interface IncumbentOptions {
  /** Where the service is; with several, a try that fails goes on to the next. */
  readonly baseUrl?: string;
  readonly baseUrls?: readonly string[];
  readonly apiKey: string;
  /** Sends the requests; default the global fetch. */
  readonly fetch?: FetchLike;
  /** Time; for tests. */
  readonly clock?: Clock;
  /** Source of jitter, 0 to 1; for tests. */
  readonly random?: () => number;
}

export interface LeaderQuery {
  /** Wait up to so long for a change after `afterSequence`; at most 55 s. */
  readonly waitMs?: number;
  readonly afterSequence?: number;
  readonly signal?: AbortSignal;
}

/** How long a read is repeated, its own wait not counted. */
const READ_WITHIN_MS = 10_000;
const READ_TRY_MS = 2_000;
const READ_PAUSE_MS = 1_000;

/** Client of one Incumbent service under one API key. Holds no connection and no timer of its own. */
export class Incumbent {
  readonly #http: Http;
  readonly #random: () => number;

  constructor(options: IncumbentOptions) {
    const baseUrls = options.baseUrls ?? (options.baseUrl === undefined ? [] : [options.baseUrl]);
    if (baseUrls.length === 0)
      throw new TypeError('Incumbent needs a baseUrl, or baseUrls with at least one entry.');
    if (options.apiKey === '') throw new TypeError('Incumbent needs an apiKey.');
    const send: FetchLike = options.fetch ?? ((url, init) => fetch(url, init));
    this.#http = new Http(baseUrls, options.apiKey, send, options.clock ?? systemClock);
    this.#random = options.random ?? Math.random;
  }

  election(name: string): Election {
    return new Election(name, this, this.#http, this.#random);
  }

  /** Who leads `election`, read from the store; a hint by the time it arrives. */
  async leader(election: string, query: LeaderQuery = {}): Promise<LeaderAnswer> {
    const parameters = new URLSearchParams();
    if (query.waitMs !== undefined) parameters.set('waitMs', String(query.waitMs));
    if (query.afterSequence !== undefined) parameters.set('afterSequence', String(query.afterSequence));
    const search = parameters.size > 0 ? `?${parameters.toString()}` : '';
    const path = `/v1/elections/${encodeURIComponent(election)}/leader${search}`;
    const answer = await this.#read({ method: 'GET', path }, query.waitMs ?? 0, query.signal);
    return answer as unknown as LeaderAnswer;
  }

  /** Whether a fencing token's term is the current one of its election, asked of the service. */
  async validate(token: string, signal?: AbortSignal): Promise<ValidateAnswer> {
    const answer = await this.#read(
      { method: 'POST', path: '/v1/fencing-tokens/validate', body: { token } },
      0,
      signal,
    );
    return answer as unknown as ValidateAnswer;
  }

  /**
   * One request of the HTTP contract, sent once.
   * @throws IncumbentProblem for every answer but 2xx, Unreachable when none came.
   */
  request(call: Call, signal: AbortSignal = AbortSignal.timeout(READ_WITHIN_MS)): Promise<Answer> {
    return this.#http.send(call, signal);
  }

  async #read(call: Call, waitMs: number, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const { body } = await pursue(this.#http, {
      plan: () => ({ call, timeoutMs: waitMs + READ_TRY_MS }),
      retryCapMs: READ_PAUSE_MS,
      giveUpAfterMs: waitMs + READ_WITHIN_MS,
      signal: signal ?? new AbortController().signal,
      random: this.#random,
      check: (answer) => {
        if (!isRecord(answer.body)) throw new Unreachable('The answer is not an object.');
      },
    });
    return body as Record<string, unknown>;
  }
}

/** One election of the tenant, by name. */
export class Election {
  readonly name: string;
  readonly #client: Incumbent;
  readonly #http: Http;
  readonly #random: () => number;

  constructor(name: string, client: Incumbent, http: Http, random: () => number) {
    this.name = name;
    this.#client = client;
    this.#http = http;
    this.#random = random;
  }

  /** Stands for leadership and keeps standing; the handle tells what becomes of it. Add listeners at once. */
  campaign(options: CampaignOptions): Candidacy {
    return new Candidacy(this.#http, this.name, options, this.#random);
  }

  leader(query: LeaderQuery = {}): Promise<LeaderAnswer> {
    return this.#client.leader(this.name, query);
  }
}

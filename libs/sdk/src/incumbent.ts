import { Attached } from './attached.js';
import { Candidacy, type CampaignOptions } from './candidacy.js';
import { type Clock, systemClock } from './clock.js';
import { type FetchLike, Http } from './http.js';
import { OwnStand } from './own-stand.js';
import { Unreachable } from './problem.js';
import { pursue } from './pursuit.js';
import { SharedSession } from './shared-session.js';
import { SharedStand } from './shared-stand.js';
import type { OpenSocket, SocketLike } from './socket-link.js';
import type { StandOptions } from './stand.js';
import type { Answer, Call, Transport } from './transport.js';
import { isRecord, type LeaderAnswer, type ValidateAnswer } from './wire.js';

export interface IncumbentOptions {
  /** Where the service is; with several, a try that fails goes on to the next. */
  readonly baseUrl?: string;
  readonly baseUrls?: readonly string[];
  readonly apiKey: string;
  /** Of the session that the client's candidacies share; default 10 s. */
  readonly ttlMs?: number;
  /**
   * Calls of candidacies travel over a WebSocket, which tells of promotions at once; `ttlMs` may then be as short as
   * 200. Default false. It keeps the process alive until `close()`.
   */
  readonly attached?: boolean;
  /** Opens sockets; default the global WebSocket of Node 22 or later, which takes headers. */
  readonly webSocket?: OpenSocket;
  /** Sends the requests; default the global fetch. */
  readonly fetch?: FetchLike;
  /** Time; for tests. */
  readonly clock?: Clock;
  /** Source of jitter, 0 to 1; for tests. */
  readonly random?: () => number;
}

export interface ElectionOptions {
  /** `own`: each candidacy has a session of its own, renewed by itself. Default: one session for all of the client. */
  readonly session?: 'shared' | 'own';
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

/**
 * Client of one Incumbent service under one API key. Its candidacies share one session, which is renewed once for all of
 * them and exists only while one of them stands.
 */
export class Incumbent {
  readonly #transport: Transport;
  readonly #random: () => number;
  readonly #shared: SharedSession;
  readonly #candidacies = new Set<Candidacy>();
  #closed = false;

  constructor(options: IncumbentOptions) {
    const baseUrls = options.baseUrls ?? (options.baseUrl === undefined ? [] : [options.baseUrl]);
    if (baseUrls.length === 0)
      throw new TypeError('Incumbent needs a baseUrl, or baseUrls with at least one entry.');
    if (options.apiKey === '') throw new TypeError('Incumbent needs an apiKey.');
    const send: FetchLike = options.fetch ?? ((url, init) => fetch(url, init));
    const { apiKey, random = Math.random } = options;
    const http = new Http(baseUrls, apiKey, send, options.clock ?? systemClock);
    const open = options.webSocket ?? openSocket;
    this.#transport = options.attached ? new Attached({ baseUrls, apiKey, http, open, random }) : http;
    this.#random = random;
    this.#shared = new SharedSession(this.#transport, options.ttlMs, this.#random);
  }

  election(name: string, options: ElectionOptions = {}): Election {
    const campaign = (request: CampaignOptions): Candidacy => this.#campaign(name, options, request);
    return new Election(name, this, campaign);
  }

  /**
   * Ends every candidacy and then the session that they share, so that successors lead at once. The own belief ends
   * before anything is sent. Gives the service up to two seconds to hear it; never rejects.
   */
  async close(): Promise<void> {
    this.#closed = true;
    const ended = this.#shared.close();
    await Promise.all([...this.#candidacies].map((candidacy) => candidacy.close()));
    await ended;
    await this.#transport.close?.();
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
    return this.#transport.send(call, signal);
  }

  #campaign(election: string, options: ElectionOptions, request: CampaignOptions): Candidacy {
    if (this.#closed) throw new TypeError('This client is closed. Make a new one to campaign.');
    const transport = this.#transport;
    const fits = request.ttlMs === undefined || request.ttlMs === this.#shared.ttlMs;
    // A session stands in an election once: a second candidacy of this process gets a session of its own.
    const leave = options.session === 'own' || !fits ? undefined : this.#shared.reserve(election);
    const stand = (given: Omit<StandOptions, 'election'>) =>
      leave
        ? new SharedStand(transport, this.#shared, { ...given, election })
        : new OwnStand(transport, { ...given, election });
    const onEnd = (): void => {
      this.#candidacies.delete(candidacy);
      leave?.();
    };
    const parts = { clock: transport.clock, random: this.#random, stand, onEnd };
    const candidacy: Candidacy = new Candidacy(request, parts);
    this.#candidacies.add(candidacy);
    return candidacy;
  }

  async #read(call: Call, waitMs: number, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const { body } = await pursue(this.#transport, {
      plan: () => ({ call, timeoutMs: waitMs + READ_TRY_MS }),
      retryCapMs: () => READ_PAUSE_MS,
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
  readonly #campaign: (options: CampaignOptions) => Candidacy;

  constructor(name: string, client: Incumbent, campaign: (options: CampaignOptions) => Candidacy) {
    this.name = name;
    this.#client = client;
    this.#campaign = campaign;
  }

  /** Stands for leadership and keeps standing; the handle tells what becomes of it. Add listeners at once. */
  campaign(options: CampaignOptions): Candidacy {
    return this.#campaign(options);
  }

  leader(query: LeaderQuery = {}): Promise<LeaderAnswer> {
    return this.#client.leader(this.name, query);
  }
}

const openSocket: OpenSocket = (url, { protocol, headers }) => {
  const { WebSocket: Socket } = globalThis as { WebSocket?: unknown };
  if (typeof Socket !== 'function')
    throw new TypeError('This Node has no WebSocket: use Node 22 or later, or give `webSocket`.');
  // Headers are an addition of Node; without them a browser could not authenticate.
  return new (Socket as new (url: string, options: object) => SocketLike)(url, {
    protocols: [protocol],
    headers,
  });
};

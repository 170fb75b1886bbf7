import { type Clock, pause } from './clock.js';
import { type Frame, frameOf } from './frames.js';
import type { Http } from './http.js';
import { asError, IncumbentProblem, Unreachable } from './problem.js';
import { type News, type OpenSocket, SocketLink } from './socket-link.js';
import type { Answer, Call, Transport } from './transport.js';
import { isRecord } from './wire.js';

export interface AttachedOptions {
  readonly baseUrls: readonly string[];
  readonly apiKey: string;
  /** For calls that no frame stands for. */
  readonly http: Http;
  readonly open: OpenSocket;
  readonly random: () => number;
}

const CONNECT = { method: 'GET', path: '/v1/sessions/connect' } as const;
const SUBPROTOCOL = 'incumbent.v1';
/** What the plain request for a socket is answered with if only the socket is missing. */
const UPGRADE_REQUIRED = 'request.upgrade_required';
/** A socket that owes an answer for so long and says nothing is not waited for, also if there is no other way. */
const SILENT_MS = 1_000;
/** A socket that nobody prefers any more is closed after this. */
const UNUSED_MS = 10_000;
/** After a socket was lost, everybody looks for another way; each at a moment of its own. */
const SPREAD_MS = 50;

/**
 * Carries the calls of participants over a WebSocket, one to each base URL that is used, and every other call over HTTP.
 * It brings news and believes nothing: what an answer grants counts from the sending of its frame.
 *
 * A session is attached to the socket by its first renewal there. Where a socket is lost or its replica is shutting
 * down, everybody is told to ask, and the next call takes the next way.
 */
export class Attached implements Transport {
  readonly clock: Clock;
  readonly pushes = true;
  readonly #options: AttachedOptions;
  readonly #links = new Map<number, SocketLink>();
  readonly #listeners = new Set<(election?: string) => void>();
  readonly #over = new AbortController();
  #preferred = 0;
  /** Handshakes that failed since one succeeded. */
  #failures = 0;

  constructor(options: AttachedOptions) {
    this.#options = options;
    this.clock = options.http.clock;
  }

  get replicas(): number {
    return this.#options.baseUrls.length;
  }

  async send(call: Call, signal: AbortSignal): Promise<Answer> {
    const frame = frameOf(call);
    if (frame === undefined) return this.#options.http.send(call, signal);
    const chosen = this.#preferred;
    try {
      const link = await this.#opened(chosen, signal);
      return await ask(link, frame, signal);
    } catch (error) {
      const failed = !(error instanceof IncumbentProblem) || error.status >= 500;
      if (failed && !signal.aborted) this.avoid(chosen);
      throw asError(error);
    }
  }

  /** Prefers the next base URL, unless another failure has already moved on from `index`. */
  avoid(index = this.#preferred): void {
    const link = this.#links.get(index);
    if (link && link.silentMs() > SILENT_MS) link.close();
    if (index !== this.#preferred || this.replicas === 1) return;
    this.#preferred = (index + 1) % this.replicas;
    if (link) void this.#closeIfUnused(index, link);
  }

  onNews(listener: (election?: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#over.abort();
    for (const link of [...this.#links.values()]) link.close();
    return Promise.resolve();
  }

  /** @throws IncumbentProblem when the service lets nobody in with this key, Unreachable when there is no socket */
  async #opened(index: number, signal: AbortSignal): Promise<SocketLink> {
    if (this.#over.signal.aborted) throw new Unreachable('The client is closed.');
    const link = this.#links.get(index) ?? this.#connect(index);
    try {
      await Promise.race([link.opened, cut(signal)]);
      this.#failures = 0;
      return link;
    } catch (error) {
      if (signal.aborted) throw error;
      this.#failures += 1;
      // A socket does not tell why it was refused; once every way was tried, a plain request does.
      if (this.#failures >= this.replicas) await this.#askWhyNot(signal);
      throw error;
    }
  }

  async #askWhyNot(signal: AbortSignal): Promise<void> {
    this.#failures = 0;
    await this.#options.http.send(CONNECT, signal).catch((error: unknown) => {
      if (!(error instanceof IncumbentProblem) || error.code !== UPGRADE_REQUIRED) throw error;
    });
  }

  #connect(index: number): SocketLink {
    const { baseUrls, apiKey, open } = this.#options;
    const url = `${(baseUrls[index] ?? '').replace(/\/+$/, '').replace(/^http/, 'ws')}${CONNECT.path}`;
    const headers = { authorization: `Bearer ${apiKey}` };
    const link: SocketLink = new SocketLink(open(url, { protocol: SUBPROTOCOL, headers }), this.clock, {
      onNews: (news) => this.#hear(news, index),
      onClosed: () => void this.#lost(index),
    });
    link.opened.catch(() => this.#forget(index, link));
    this.#links.set(index, link);
    return link;
  }

  #hear(news: News, index: number): void {
    if (news.event === 'moving') return void this.#move(news, index);
    const { election } = news;
    if (typeof election === 'string') this.#tell(election);
  }

  /** The new socket is opened before the old one is left; while it is not, the old one goes on. */
  async #move({ reconnectAfterMs }: News, index: number): Promise<void> {
    const old = this.#links.get(index);
    const delayMs = typeof reconnectAfterMs === 'number' ? reconnectAfterMs : 0;
    await pause(this.clock, delayMs, this.#over.signal);
    if (this.#over.signal.aborted || this.#links.get(index) !== old) return;
    const next = (index + 1) % this.replicas;
    if (next === index) this.#links.delete(index);
    const link = this.#links.get(next) ?? this.#connect(next);
    try {
      await link.opened;
      if (this.#preferred === index) this.#preferred = next;
      if (this.#links.get(index) === old) this.#links.delete(index);
      old?.retire();
      this.#tell();
    } catch {
      // Nothing else is there yet: the old one serves as long as it is open.
      if (old && !old.isClosed && !this.#links.has(index)) this.#links.set(index, old);
    }
  }

  async #lost(index: number): Promise<void> {
    const link = this.#links.get(index);
    if (link?.isClosed) this.#links.delete(index);
    this.avoid(index);
    await pause(this.clock, this.#options.random() * SPREAD_MS, this.#over.signal);
    if (!this.#over.signal.aborted) this.#tell();
  }

  async #closeIfUnused(index: number, link: SocketLink): Promise<void> {
    await pause(this.clock, UNUSED_MS, this.#over.signal);
    if (this.#preferred === index || this.#links.get(index) !== link || !link.isIdle) return;
    this.#links.delete(index);
    link.retire();
  }

  #forget(index: number, link: SocketLink): void {
    if (this.#links.get(index) === link) this.#links.delete(index);
  }

  #tell(election?: string): void {
    for (const listener of [...this.#listeners]) listener(election);
  }
}

/** The first renewal of a session on a socket attaches it there. */
async function ask(link: SocketLink, frame: Frame, signal: AbortSignal): Promise<Answer> {
  const { op, fields } = frame;
  const { session, election } = fields;
  const attaches = op === 'renew' && election === undefined && !link.sessions.has(String(session));
  const answer = await link.ask(attaches ? { op: 'attach', fields } : frame, signal);
  const told = isRecord(answer.body) ? answer.body['session'] : undefined;
  if (op === 'end') link.sessions.delete(String(session));
  else if (attaches || op === 'open' || op === 'campaign') link.sessions.add(String(told));
  return answer;
}

function cut(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new Unreachable('Cut.'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

import { HttpConnection } from './http-connection.js';

/** What a candidate was told. */
export interface Standing {
  state: 'leader' | 'waiting' | 'yielding' | 'out';
  session: string;
  candidateId: string;
  renewAfterMs: number;
  /** Of the caller, while it leads. */
  term?: number;
}

/** One participant's calls to Incumbent, over one connection. */
export class Incumbent {
  readonly #connection: HttpConnection;

  constructor(url: string, apiKey: string) {
    this.#connection = new HttpConnection(url, { authorization: `Bearer ${apiKey}` });
  }

  async createElection(name: string, settings: { ttlMs?: number; maxTtlMs?: number } = {}): Promise<void> {
    await this.#call('/v1/elections', { name, ...settings }, 201);
  }

  async campaign(
    election: string,
    body: { candidate: string; ttlMs?: number; waitMs?: number },
  ): Promise<Standing> {
    return (await this.#call(`/v1/elections/${election}/campaign`, body)) as Standing;
  }

  async renew(election: string, session: string, waitMs?: number): Promise<Standing> {
    const body = { session, ...(waitMs !== undefined && { waitMs }) };
    return (await this.#call(`/v1/elections/${election}/renew`, body)) as Standing;
  }

  async resign(election: string, { session, candidateId }: Standing): Promise<void> {
    await this.#call(`/v1/elections/${election}/resign`, { session, candidateId });
  }

  /** Renews with long waits until it leads. */
  async untilLeader(election: string, standing: Standing, waitMs: number): Promise<Standing> {
    let now = standing;
    while (now.state !== 'leader') {
      if (now.state !== 'waiting') throw new Error(`A candidate that waits was told "${now.state}"`);
      now = await this.renew(election, now.session, waitMs);
    }
    return now;
  }

  async createWebhookEndpoint(url: string, events: string[], elections: string[]): Promise<void> {
    await this.#call('/v1/webhook-endpoints', { url, events, elections }, 201);
  }

  close(): void {
    this.#connection.close();
  }

  async #call(path: string, body: object, wanted?: number): Promise<unknown> {
    const { status, body: text } = await this.#connection.post(path, body);
    if (wanted === undefined ? status > 202 : status !== wanted)
      throw new Error(`Incumbent answered ${status} to ${path}: ${text}`);
    return JSON.parse(text);
  }
}
